# The machine as a node of the cluster: what kubeadm, the kubelet and the runtime need before a join.

check_duty() {
	swap_off
	cgroups_fit
	until endpoint_resolves; do :; done
	until settings_are_in_force; do :; done
	until runtime_is_up; do :; done
	until images_are_there; do :; done
}

programs_fit() {
	found=$(kubeadm version -o short 2>/dev/null)
	[ "$found" != "$KUBERNETES_VERSION" ] || return 0
	hold kubeadm-version "kubeadm is ${found:-unreadable}, the profile says $KUBERNETES_VERSION" "kubeadm version -o short"
	return 1
}

endpoint_resolves() {
	case $ENDPOINT_HOST in
	*:* | [0-9]*.[0-9]*.[0-9]*.[0-9]*) return 0 ;;
	esac
	getent hosts "$ENDPOINT_HOST" >/dev/null && return 0
	hold endpoint-unresolved "the name $ENDPOINT_HOST has no address here" "getent hosts $ENDPOINT_HOST"
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
			"sed -i 's/^GRUB_CMDLINE_LINUX=\"/&systemd.unified_cgroup_hierarchy=1 /' /etc/default/grub && update-grub && reboot"
}

# settings_are_in_force: kernel modules, kernel parameters and the runtime's configuration come with the seed, when the
# services that read them may have started already. Once a boot. Parameters of bridges need their module first, which is
# the order systemd keeps in one call. The runtime is left alone where static pods may run. A kubelet that the image started
# before our drop-in was there ends and begins every ten seconds: systemd asks no condition again of what it restarts by itself.
settings_are_in_force() {
	[ ! -e "$RUN/settings" ] || return 0
	[ -e "$R/var/lib/kubelet/config.yaml" ] || systemctl stop kubelet.service
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
		"for image in$missing; do ctr -n k8s.io images pull \$image; done"
	return 1
}
