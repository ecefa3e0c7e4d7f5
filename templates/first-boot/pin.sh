# The line in the hosts file by which the endpoint means the founder itself. An earlier run may have been cut with it in place.

pinned=unknown

# pin: the endpoint's name means this machine, first in the file, where resolvers look first. What kubeadm and kubectl ask
# from init until the door is open and the manifests are in goes to the endpoint; nothing that probes may meet the pin.
pin() {
	unpin
	pinned=yes
	{
		printf '%s %s # kubespore pin\n' "$ADVERTISE" "$ENDPOINT_HOST"
		[ ! -e "$R/etc/hosts" ] || cat "$R/etc/hosts"
	} | new_hosts
}

# unpin: takes our own line out of the hosts file; anything we ask must come from somewhere else.
unpin() {
	[ "$pinned" != no ] || return 0
	if grep -q '# kubespore pin$' "$R/etc/hosts" 2>/dev/null; then
		sed '/# kubespore pin$/d' "$R/etc/hosts" | new_hosts || return
	fi
	pinned=no
}

# new_hosts: the hosts file becomes what it reads, whole at any instant.
new_hosts() {
	cat >"$R/etc/.hosts.kubespore" &&
		chmod 0644 "$R/etc/.hosts.kubespore" && sync "$R/etc/.hosts.kubespore" &&
		mv -f "$R/etc/.hosts.kubespore" "$R/etc/hosts"
}
