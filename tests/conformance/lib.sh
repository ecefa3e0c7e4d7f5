# What the steps share: where things are cached, how programs are installed, how a check is reported.
#
# In:  KUBESPORE_CACHE (default: kubespore in the user's cache directory).
# Out: functions; nothing runs when this file is sourced.
# Every function stops the caller with a message when it cannot do what it says: a missing program is a failure.

conformance=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$conformance/../.." && pwd)
kubespore=${CARGO_TARGET_DIR:-$repository/target}/release/kubespore
# Debian's own Python, with the modules that Debian packages: what a real machine's cloud-init runs on.
python=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1
cache=${KUBESPORE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubespore}

# die TEXT...: stops with a message on standard error.
die() {
  printf 'conformance: %s\n' "$*" >&2
  exit 1
}

# ok SUBJECT / not_ok SUBJECT DETAIL: one check's verdict. The caller's exit status follows from `verdict`.
failures=0
ok() { printf 'ok %s\n' "$1"; }
not_ok() {
  printf 'not ok %s: %s\n' "$1" "$2"
  failures=$((failures + 1))
}

# check SUBJECT LOG COMMAND...: ok when COMMAND succeeds; otherwise not ok with the end of its output, kept in LOG.
check() {
  local subject=$1 log=$2
  shift 2
  if "$@" >"$log" 2>&1; then
    ok "$subject"
  else
    not_ok "$subject" "exit status $?: $(excerpt "$log")"
  fi
}

# excerpt LOG: the last lines of a log as one line.
excerpt() { grep -v '^[[:space:]]*$' "$1" | tail -n 4 | tr '\n' '|' | cut -c1-600; }

# verdict: leaves the step; non-zero when any check of it failed.
verdict() { exit $((failures > 0)); }

# packages NAME...: Debian packages that must be installed on this machine.
packages() {
  local name missing=()
  for name; do
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  [[ $(id -u) == 0 ]] || die "root is needed to install: ${missing[*]}"
  apt-get -qq update >&2 || die "apt-get update failed"
  # No service may start on the machine that runs the tests; invoke-rc.d obeys RUNLEVEL=1.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${missing[@]}" >&2 ||
    die "apt-get install failed: ${missing[*]}"
}

# unpacked SUITE PACKAGE: prints the directory that holds PACKAGE of the Debian release SUITE, unpacked, not installed.
# Cached for good: delete the directory to take a newer revision.
unpacked() {
  local suite=$1 package=$2 directory=$cache/debian/$1/$2
  if [[ ! -d $directory ]]; then
    local scratch
    scratch=$(mktemp -d)
    (
      cd "$scratch" || exit 1
      suite_apt "$suite" download "$package" && dpkg-deb -x "$package"_*.deb root
    ) >&2 || die "Debian package $package of $suite cannot be had"
    mkdir -p "$(dirname "$directory")"
    mv -T "$scratch/root" "$directory" 2>/dev/null || [[ -d $directory ]] || die "cannot fill $directory"
    rm -rf "$scratch"
  fi
  printf '%s\n' "$directory"
}

# suite_apt SUITE ARGUMENT...: apt-get that knows one Debian release alone, with lists of its own: this machine's
# sources stay as they are. The archive is the one this machine already uses.
suite_apt() {
  local suite=$1 home=$cache/apt/$1 archive
  shift
  local options=(
    -o "Dir::Etc::SourceList=$home/sources.list" -o "Dir::Etc::SourceParts=$home/parts"
    -o "Dir::State::Lists=$home/lists" -o Dir::State::status=/dev/null -o "Dir::Cache=$home/archives" -o APT::Sandbox::User=root
    -o Acquire::Languages=none
  )
  if [[ ! -e $home/updated ]]; then
    archive=$(debian_archive)
    [[ -n $archive ]] || { apt-get -qq update >&2 && archive=$(debian_archive); }
    [[ -n $archive ]] || die "this machine's apt knows no Debian archive"
    mkdir -p "$home/parts" "$home/lists/partial" "$home/archives/archives/partial"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$archive" "$suite" >"$home/sources.list"
    apt-get -qq "${options[@]}" update || die "apt-get update failed for $suite"
    : >"$home/updated"
  fi
  apt-get -qq "${options[@]}" "$@"
}

# debian_archive: the address of the main archive this machine takes its packages from.
debian_archive() {
  apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "Debian" && $2 == "Debian" { print $3; exit }'
}

# nodes RENDERED: the names of a rendering's nodes that cloud-init boots, one a line; Ignition's have a step of their own.
nodes() { (cd "$1/out/nodes" && for node in */; do [[ ! -e $node/user-data ]] || printf '%s\n' "${node%/}"; done); }

# kubeadm_of VERSION: prints the path of a real kubeadm of that version, built and cached.
kubeadm_of() { "$repository/tests/build/kubernetes" "$1" kubeadm; }
