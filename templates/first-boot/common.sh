#!/bin/sh
# kubespore first boot: part of the supervisor and of the gate.
#
# Constant text. Everything that belongs to this machine comes from node.env, where values are data;
# nothing secret stands there. KUBESPORE_ROOT puts another directory in front of every path (rehearsals).
set -u
umask 077
export LC_ALL=C

R=${KUBESPORE_ROOT:-}
ETC=$R/etc/kubespore
STATE=$R/var/lib/kubespore
RUN=$R/run/kubespore
K8S=$R/etc/kubernetes
PKI=$K8S/pki
LOG=$STATE/kubeadm.log
CA=$ETC/ca.crt
. "$ETC/node.env"
DATA=$R$ETCD_DATA
mkdir -p "$STATE" "$RUN"

# What only an operator can answer; systemd does not restart the service after it.
STOPPED=78

phase=start
held=''
held_since=0
announced=''
updated_up=0

now() { date +%s; }

# uptime: sets UP to the seconds since power-on, which nobody steps as a clock is stepped.
uptime() { IFS=. read -r UP _ <"$R/proc/uptime"; }

say() { printf '%s\n' "$*"; }

# tell TEXT: on the serial console too, the only window into a machine nobody can log in to; it may be absent.
tell() {
	say "$*"
	{ printf 'kubespore %s %s\n' "$NODE" "$*" >>"$R/dev/console"; } 2>/dev/null || :
}

# Prints a text as the inside of a JSON string.
json_text() {
	case $1 in
	*[\\\"[:cntrl:]]*) printf '%s' "$1" | tr '\000-\037' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g' ;;
	*) printf '%s' "$1" ;;
	esac
}

# status RESULT REASON TEXT COMMAND: one line when phase, result or reason changed; status.json then too, and otherwise
# twice a minute.
status() {
	uptime
	if [ "$phase $1 $2" != "$announced" ]; then
		announced="$phase $1 $2"
		announced_at=$(now)
		line="phase=$phase result=$1${2:+ reason=$2}${3:+: $3}${4:+ -- $4}"
		tell "$line"
	elif [ $((UP - updated_up)) -lt 30 ]; then
		return 0
	fi
	updated_up=$UP
	{
		printf '{"node":"%s","cluster":"%s","generation":%s,"role":"%s",' "$NODE" "$CLUSTER" "$GENERATION" "$ROLE"
		printf '"phase":"%s","result":"%s","reason":"%s",' "$phase" "$1" "$2"
		printf '"text":"%s","command":"%s",' "$(json_text "$3")" "$(json_text "$4")"
		printf '"since":%s,"updated":%s}\n' "$announced_at" "$(now)"
	} >"$STATE/status.json.new" && mv -f "$STATE/status.json.new" "$STATE/status.json"
}

# enter PHASE: the next phase begins; the same phase again, after a round that decided nothing, is no news. What held the
# machine up stays known: phases that take turns, each ending as before, are one long wait.
enter() {
	[ "$phase" != "$1" ] || return 0
	phase=$1
	status running '' '' ''
}

# hold REASON TEXT [COMMAND]: says why nothing happens, and sleeps: two seconds in the first ten minutes of one
# reason, then ever longer up to a minute, spread by the machine's place in the profile. The caller decides anew.
hold() {
	if [ "$1" != "$held" ]; then
		held=$1
		uptime
		held_since=$UP
		pause=2
	fi
	status waiting "$1" "$2" "${3:-}"
	if [ $((UP - held_since)) -gt 600 ] && [ "$pause" -lt 60 ]; then
		pause=$((pause * 2))
		[ "$pause" -le 60 ] || pause=60
	fi
	sleep "$((pause + $ORDINAL % (pause / 4 + 1)))"
}

# stop REASON TEXT COMMAND: nothing a machine may decide.
stop() {
	status stopped "$1" "$2" "$3"
	exit "$STOPPED"
}

has_mark() { [ -e "$STATE/$1" ]; }

# mark NAME [TEXT]: on the disk before this returns; a mark never goes away again.
mark() {
	printf '%s\n' "${2:-$(now)}" >"$STATE/.$1" &&
		sync "$STATE/.$1" &&
		mv -f "$STATE/.$1" "$STATE/$1" &&
		sync "$STATE" ||
		{
			say "cannot write $STATE/$1"
			exit 1
		}
}

# The machine as its firmware and its network cards know it.
machine_uuid() {
	uuid=''
	if [ -r "$R/sys/class/dmi/id/product_uuid" ]; then
		IFS= read -r uuid <"$R/sys/class/dmi/id/product_uuid" || :
	fi
	printf '%s' "$uuid"
}

machine_macs() {
	for file in "$R"/sys/class/net/*/address; do
		[ -e "${file%/address}/device" ] || continue
		IFS= read -r mac <"$file" && printf '%s ' "$mac"
	done
}

# identity_fits: whether the identity mark was written by this machine, for this installation.
identity_fits() {
	known_node='' known_uuid='' known_macs=''
	while IFS='=' read -r key value; do
		case $key in
		node) known_node=$value ;;
		uuid) known_uuid=$value ;;
		macs) known_macs=$value ;;
		esac
	done <"$STATE/identity"
	[ "$known_node" = "$CLUSTER_ID/$NODE/g$GENERATION" ] || return 1
	uuid=$(machine_uuid)
	if [ -n "$known_uuid" ] && [ -n "$uuid" ]; then
		[ "$known_uuid" = "$uuid" ]
		return
	fi
	[ -n "$known_macs" ] || return 0
	macs=" $(machine_macs)"
	for mac in $known_macs; do
		case $macs in *" $mac "*) return 0 ;; esac
	done
	return 1
}

# evidence: sets ROW to the letter of the first row of local evidence that fits.
evidence() {
	data=no
	[ "$ETCD_HERE" = no ] || [ ! -e "$DATA/member" ] || data=yes
	if has_mark 'done'; then
		ROW=A
	elif has_mark fenced; then
		ROW=B
	elif [ -s "$STATE/identity" ] && ! identity_fits; then
		ROW=C
	elif has_mark founded || has_mark member; then
		ROW=D
		[ "$ETCD_HERE" = no ] || [ $data = yes ] || ROW=E
	elif has_mark join-intent; then
		# Before init's: a founder that was cut and then found a cluster carries both, and never founds again.
		ROW=H
	elif has_mark init-intent; then
		# Where etcd is on other machines, whatever init came to is there.
		ROW=F
		[ "$ETCD_HERE" = no ] || [ $data = yes ] || ROW=G
	elif [ $data = yes ]; then
		ROW=I
	else
		ROW=J
	fi
}

# data_path_is_there: where the profile declares a disk for etcd, it must be the one mounted above the data.
data_path_is_there() {
	[ -n "$ETCD_DISK" ] || return 0
	source=$(findmnt -n -o SOURCE --target "${DATA%/*}" 2>/dev/null) || return 1
	[ "$(readlink -f "$R$ETCD_DISK")" = "$(readlink -f "$R$source")" ]
}

await_data_path() {
	until data_path_is_there; do
		hold etcd-disk-absent "$ETCD_DISK is not mounted at ${ETCD_DATA%/*}" "findmnt --target ${ETCD_DATA%/*}"
	done
}
