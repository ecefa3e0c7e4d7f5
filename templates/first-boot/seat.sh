# etcd on the control planes of a release whose members vote at once.

# take_seat: before learners, the second member is a voter from the moment it is listed, so that the first alone has no
# quorum. Cut between that and its pod, the machine finds the pod in its image: the only way on without an operator. The
# list of a sibling without a quorum proves nothing about others, but here it can only lead to an etcd that is refused.
take_seat() {
	[ $data = no ] || return 0
	while read -r _ name address; do
		[ -n "$name" ] && ! own "$address" || continue
		etcd_ask "https://$(host_of "$address"):2379" /cluster/member/list '{}' || continue
		MEMBERS=$(members)
		own_entry
		if [ "$MINE_IS" = unstarted ] && [ -z "$MISMATCH" ] && [ "$VOTERS" = 2 ]; then
			say "etcd waits for us as its second voter: starting the pod that kubeadm did not write"
			drop_empty_files
			mkdir -p "$K8S/manifests" && cp "$ETC/etcd-seat.yaml" "$K8S/manifests/etcd.yaml" && sync
			return
		fi
	done <<-END
		$CONTROL_PLANES
	END
}
