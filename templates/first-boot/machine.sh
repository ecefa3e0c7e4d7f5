# The machine itself: nothing is asked of the cluster before these hold.

# check_machine: waits until the machine is fit, saying what it lacks.
check_machine() {
	enter machine
	# Whoever wrote the seed's files did not wait for the disk, nor did one of us who was killed between a mark and its flush.
	sync
	if [ ! -s "$STATE/identity" ]; then
		fresh_machine_id
		mark identity "node=$CLUSTER_ID/$NODE/g$GENERATION
uuid=$(machine_uuid)
macs=$(machine_macs)"
	fi
	until clock_is_set; do :; done
	until tools_are_there && programs_fit; do :; done
	until network_is_up; do :; done
	[ "$ROW" != J ] || look_early
	check_duty
}

# A machine-id that is older than this boot of a new installation was baked into the image: its clones would share
# a DHCP identity and a node's machineID.
fresh_machine_id() {
	booted=$(sed -n 's/^btime //p' "$R/proc/stat")
	made=$(stat -c %Y "$R/etc/machine-id" 2>/dev/null) || made=0
	if [ -s "$R/etc/machine-id" ] && [ "$made" -ge "$((${booted:-0} - 60))" ]; then
		return
	fi
	command -v systemd-machine-id-setup >/dev/null || return 0
	say "making a new machine-id: the one found came with the image"
	# The copy would be taken for the machine's own again.
	rm -f "$R/etc/machine-id" "$R/var/lib/dbus/machine-id"
	systemd-machine-id-setup >/dev/null 2>&1 || say "systemd-machine-id-setup failed"
}

clock_is_set() {
	at=$(now)
	if [ "$at" -lt "$MINTED" ]; then
		hold clock-behind "this machine's clock is before the moment the cluster's keys were made" \
			"date -u -s @$MINTED"
		return 1
	fi
	[ "$NTP" = yes ] || return 0
	[ "$(timedatectl show -p NTPSynchronized --value 2>/dev/null)" = no ] || return 0
	uptime
	: "${ntp_until:=$((UP + 120))}"
	[ "$UP" -lt "$ntp_until" ] || return 0
	hold clock-unsynchronised "waiting up to two minutes for a time server" "timedatectl timesync-status"
	return 1
}

tools_are_there() {
	missing=''
	for tool in $TOOLS; do
		command -v "$tool" >/dev/null || missing="$missing $tool"
	done
	if [ -n "$missing" ]; then
		hold tools-missing "not found in $PATH:$missing" "command -v$missing"
		return 1
	fi
}

# network_is_up: our own addresses are on an interface, and no twin holds them.
network_is_up() {
	for mine in $ADDRESSES; do
		line=$(ip -o addr show to "$mine" 2>/dev/null)
		case $line in
		'')
			hold address-absent "no interface has $mine" "ip addr show"
			return 1
			;;
		*dadfailed*)
			hold twin "another machine uses $mine" "ip addr show to $mine"
			return 1
			;;
		esac
	done
}

# twin_answers: whether another machine answers for our address. Only where an arping is installed that can tell: iputils'
# and busybox's fail when somebody answers, another one of that name when nobody does. IPv6 has its own detection in the
# kernel.
twin_answers() {
	case ${arping:=$(arping -V 2>&1)} in
	*iputils* | *BusyBox*) ;;
	*)
		[ "$arping" = none ] || say "no arping that can tell a twin"
		arping=none
		return 1
		;;
	esac
	for mine in $ADDRESSES; do
		case $mine in *:*) continue ;; esac
		line=$(ip -o addr show to "$mine" 2>/dev/null)
		interface=${line#*: }
		TWIN_HELP="arping -D -c 2 -w 3 -I ${interface%% *} $mine"
		$TWIN_HELP >/dev/null 2>&1 || return 0
	done
	return 1
}
