# etcd on the control planes, for the one that may found.

# alone_here: a cluster just founded has one member.
alone_here() {
	[ "$VOTERS" = 1 ] || stop voters "a new cluster has one member, this one lists $VOTERS" "$ETCD_HELP"
}

# etcd_stands: kubeadm init brings it.
etcd_stands() { :; }

# planes_joined: whether every control plane of the profile votes.
planes_joined() {
	ETCD_CA=$PKI/etcd/ca.crt
	ETCD_CERT=$PKI/etcd/healthcheck-client.crt ETCD_KEY=$PKI/etcd/healthcheck-client.key
	etcd_list "https://$(host_of "$ADVERTISE"):2379" && own_entry && [ "$VOTERS" -ge "$CONTROL_PLANE_COUNT" ]
}
