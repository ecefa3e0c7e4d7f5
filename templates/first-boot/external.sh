# etcd on machines of its own: control planes are its clients, and change no membership. What init came to is there, so a
# machine of ours that begins again loses nothing, and can make no second cluster.

# Nothing about membership goes into the mark of a join.
VOTERS=0

# etcd_identity: the client certificate of our API server, from the image or as the cluster hands it out.
etcd_identity() {
	for pki in "$PKI" "$ETC/pki"; do
		ETCD_CA=$pki/etcd/ca.crt ETCD_CERT=$pki/apiserver-etcd-client.crt ETCD_KEY=$pki/apiserver-etcd-client.key
		[ ! -s "$ETCD_CA" ] || [ ! -s "$ETCD_KEY" ] || return 0
	done
	return 1
}

voter_here() { :; }
etcd_spares_lower() { :; }
clear_own_member() { :; }

# resume_join: a join was cut. Whole if its API server serves and the Node becomes ours within five minutes, else anew.
resume_join() {
	enter join-resume
	drop_empty_files
	if [ -s "$K8S/kubelet.conf" ] && [ -s "$K8S/manifests/kube-apiserver.yaml" ]; then
		lay_out
		systemctl start kubelet.service
		waited=0
		while [ $waited -lt 300 ]; do
			node_by_machine
			if [ -n "$NODE_BOOT" ] && [ "$NODE_BOOT" = "$BOOT" ]; then
				finish_join && finish
				return
			fi
			sleep 5
			waited=$((waited + 5))
		done
	fi
	await_endpoint && await_door && await_certificates && await_lower || return
	clean
	await_name || return
	attempt_join
}

# What an operator pastes. Not etcdctl: a pod's has no shell around it, and before 3.4 it speaks another protocol unless told.
ETCD_HELP="curl --cacert $ETC/pki/etcd/ca.crt --cert $ETC/pki/etcd/healthcheck-client.crt --key $ETC/pki/etcd/healthcheck-client.key -d {} https://localhost:2379$ETCD_GATEWAY/cluster/member/list # on an etcd machine"
