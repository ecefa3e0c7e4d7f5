# shellcheck shell=bash
# Shared by the builders in this directory; sourced, never run.
#
# In:  KUBESPORE_CACHE (default: kubespore under the user's cache directory).
# Out: CACHE, HERE, and the functions below.
# Every builder prints the paths it promises on stdout and talks on stderr.
set -euo pipefail
CACHE=${KUBESPORE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubespore}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

log() { printf '%s %s: %s\n' "$(date +%T)" "$(basename "$0")" "$*" >&2; }
die() { log "error: $*"; exit 1; }

# need COMMAND PACKAGE...: a missing command is installed, or the build fails.
need() {
  local command=$1; shift
  command -v "$command" >/dev/null && return
  log "installing $* for $command"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@"; } >&2 || die "cannot install $*"
  command -v "$command" >/dev/null || die "$command is still missing after installing $*"
}

# The mirror and key this machine's own apt uses for Debian: builders add no source of their own.
debian_mirror() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m1 '/debian/\?$' || die "apt knows no Debian mirror"
}

# publish FILE TARGET: makes FILE appear as TARGET whole or not at all.
publish() {
  mkdir -p "$(dirname "$2")"
  mv -f "$1" "$2.part.$$"
  mv -f "$2.part.$$" "$2"
}

# alone NAME: one build of NAME at a time on this machine; the second waits and then finds the cache warm.
alone() {
  mkdir -p "$CACHE/lock"
  exec 9>"$CACHE/lock/$1"
  flock 9
}

# closest MODULE VERSION: the version to build when a release wants VERSION: itself when the module proxy
# serves it, else the newest of its minor, else the newest of the next minor that is served.
closest() {
  local module=$1 wanted=${2#v} served minor
  if go mod download -json "$module@v$wanted" >/dev/null 2>&1; then printf '%s\n' "$wanted"; return; fi
  served=$(go list -m -versions "$module" | tr ' ' '\n' | sed -n 's/^v\([0-9]*\.[0-9]*\.[0-9]*\)$/\1/p' | sort -V)
  minor=$(printf '%s\n%s\n' "${wanted%.*}" "$(sed 's/\.[0-9]*$//' <<<"$served")" | sort -Vu | sed -n "/^${wanted%.*}\$/,\$p" |
    while read -r each; do grep -q "^$each\." <<<"$served" && { printf '%s\n' "$each"; break; }; done) || true
  [ -n "$minor" ] || die "the module proxy serves no $module of $wanted or later"
  grep "^$minor\." <<<"$served" | tail -1
}
