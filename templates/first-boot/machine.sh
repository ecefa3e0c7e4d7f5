# The machine itself: nothing is asked of the cluster before these hold.

# check_machine: waits until the machine is fit, saying what it lacks.
check_machine() {
	enter machine
	if [ ! -s "$STATE/identity" ]; then
		fresh_machine_id
		mark identity "node=$CLUSTER_ID/$NODE/g$GENERATION
uuid=$(machine_uuid)
macs=$(machine_macs)"
	fi
	until clock_is_set; do :; done
	swap_off
	cgroups_fit
	until tools_are_there; do :; done
	until network_is_up; do :; done
	until settings_are_in_force; do :; done
	until runtime_is_up; do :; done
	until images_are_there; do :; done
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
	rm -f "$R/etc/machine-id"
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
	: "${ntp_until:=$((at + 120))}"
	[ "$at" -lt "$ntp_until" ] || return 0
	hold clock-unsynchronised "waiting up to two minutes for a time server" "timedatectl timesync-status"
	return 1
}

# The kubelet refuses to start beside swap; a mask keeps fstab, GPT and zram swap away at later boots too, for which
# systemd need not read all its units anew now.
swap_off() {
	[ "$SWAP_OFF" = yes ] || return 0
	systemctl --no-reload mask swap.target >/dev/null 2>&1
	[ "$(grep -c . "$R/proc/swaps")" -gt 1 ] || return 0
	swapoff -a || stop swap-on "swap cannot be switched off" "swapoff -a"
}

cgroups_fit() {
	[ "$CGROUP_V2" = no ] || [ -e "$R/sys/fs/cgroup/cgroup.controllers" ] ||
		stop cgroup-v1 "the kubelet of $KUBERNETES_VERSION does not start on cgroup v1" \
			"boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line"
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
	found=$(kubeadm version -o short 2>/dev/null)
	if [ "$found" != "$KUBERNETES_VERSION" ]; then
		hold kubeadm-version "kubeadm is ${found:-unreadable}, the profile says $KUBERNETES_VERSION" "kubeadm version -o short"
		return 1
	fi
}

# network_is_up: our own addresses are on an interface, no twin holds them, and the endpoint's name resolves.
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
	case $ENDPOINT_HOST in
	*:* | [0-9]*.[0-9]*.[0-9]*.[0-9]*) return 0 ;;
	esac
	getent hosts "$ENDPOINT_HOST" >/dev/null && return 0
	hold endpoint-unresolved "the name $ENDPOINT_HOST has no address here" "getent hosts $ENDPOINT_HOST"
	return 1
}

# twin_answers: whether another machine answers for our address. Only where arping is installed; IPv6 has its own
# detection in the kernel.
twin_answers() {
	command -v arping >/dev/null || return 1
	for mine in $ADDRESSES; do
		case $mine in *:*) continue ;; esac
		line=$(ip -o addr show to "$mine" 2>/dev/null)
		interface=${line#*: }
		interface=${interface%% *}
		arping -q -D -c 2 -w 3 -I "$interface" "$mine" >/dev/null 2>&1 || return 0
	done
	return 1
}

# settings_are_in_force: kernel modules, kernel parameters and the runtime's configuration come with the seed, when the
# services that read them may have started already. Once a boot. Parameters of bridges need their module first, which is
# the order systemd keeps in one call. The runtime is left alone where static pods may run.
settings_are_in_force() {
	[ ! -e "$RUN/settings" ] || return 0
	systemctl restart systemd-modules-load.service systemd-sysctl.service >/dev/null 2>&1 ||
		say "not all kernel modules and parameters could be set -- systemctl status systemd-modules-load systemd-sysctl"
	if ! pods_may_run && ! systemctl restart "$RUNTIME_SERVICE" >/dev/null 2>&1; then
		hold runtime-down "$RUNTIME_SERVICE does not start" "systemctl status $RUNTIME_SERVICE"
		return 1
	fi
	: >"$RUN/settings"
}

pods_may_run() {
	for manifest in "$K8S"/manifests/*.yaml; do
		[ ! -s "$manifest" ] || return 0
	done
	return 1
}

runtime_is_up() {
	[ -e "$R$RUNTIME_SOCKET" ] && return 0
	systemctl start "$RUNTIME_SERVICE" >/dev/null 2>&1
	[ -e "$R$RUNTIME_SOCKET" ] && return 0
	hold runtime-down "$RUNTIME_SERVICE does not listen at $RUNTIME_SOCKET" "systemctl status $RUNTIME_SERVICE"
	return 1
}

images_are_there() {
	[ -n "$IMAGES" ] || return 0
	here=$(ctr -n k8s.io images ls -q 2>/dev/null)
	missing=''
	for image in $IMAGES; do
		case "
$here
" in
		*"
$image
"*) ;;
		*) missing="$missing $image" ;;
		esac
	done
	[ -n "$missing" ] || return 0
	hold images-missing "the profile wants these images present, and they are not:$missing" \
		"ctr -n k8s.io images import FILE.tar"
	return 1
}
