# etcd on the control planes: opened with what the image holds, a member each, removed when dead.

ETCD_SERVERS=$CONTROL_PLANES

# etcd_identity: sets ETCD_CA, ETCD_CERT and ETCD_KEY to something the siblings' etcd accepts.
etcd_identity() {
	ETCD_CA=$ETC/pki/etcd/ca.crt ETCD_CERT='' ETCD_KEY=''
	if [ -s "$ETC/pki/etcd/healthcheck-client.key" ]; then
		ETCD_CERT=$ETC/pki/etcd/healthcheck-client.crt ETCD_KEY=$ETC/pki/etcd/healthcheck-client.key
		return 0
	fi
	key=$ETC/pki/etcd/ca.key
	if [ ! -s "$key" ] && [ "$DISTRIBUTION" = certificate-key ]; then
		[ -s "$PKI/etcd/ca.key" ] || kubeadm_join phase control-plane-prepare download-certs
		key=$PKI/etcd/ca.key
		ETCD_CA=$PKI/etcd/ca.crt
	fi
	mint etcd "$ETCD_CA" "$key" /O=kubespore/CN=kubespore-etcd || return 1
	ETCD_CERT=$RUN/keys/etcd.crt ETCD_KEY=$RUN/keys/etcd.key
}

# own_is_dead: whether the Node of our name was absent or not Ready for a minute while we watched.
own_is_dead() {
	for _ in 1 2 3 4 5 6 7; do
		NODE_SEEN=unknown
		node_by_join
		case $NODE_SEEN in
		absent | notready) ;;
		*)
			hold twin "the Node $NODE is $NODE_SEEN: another machine may live under this name" "kubectl get node $NODE -o wide"
			return 1
			;;
		esac
		sleep 10
	done
}

# voter_here: our own etcd is a started voter of a cluster with a quorum, by its own word.
voter_here() {
	ETCD_CA=$PKI/etcd/ca.crt
	ETCD_CERT=$PKI/etcd/healthcheck-client.crt ETCD_KEY=$PKI/etcd/healthcheck-client.key
	if etcd_list "https://$(host_of "$ADVERTISE"):2379"; then
		own_entry
		[ "$MINE_IS" != started ] || return 0
	fi
	hold etcd-voter "our etcd is no voting member yet" "$ETCD_HELP"
	return 1
}

etcd_spares_lower() { etcd_identity && etcd_survey && own_entry && others_live; }

# resume_join: a join was cut. What the siblings' etcd says of us decides.
resume_join() {
	enter join-resume
	restore_etcd_ca
	# What opens the siblings' etcd is fetched first, where it is not here.
	if [ "$DISTRIBUTION" = certificate-key ] && [ ! -s "$ETC/pki/etcd/ca.key" ] && [ ! -s "$PKI/etcd/ca.key" ]; then
		await_endpoint && await_door && await_certificates || return
	fi
	if ! etcd_identity; then
		hold no-etcd-credential "nothing here opens the siblings' etcd" "ls -l $ETC/pki/etcd"
		return
	fi
	if ! etcd_survey; then
		[ -s "$K8S/manifests/etcd.yaml" ] || take_seat
		if [ -s "$K8S/manifests/etcd.yaml" ]; then
			systemctl start kubelet.service
			hold etcd-no-quorum "no quorum; we may be the member it is missing, our kubelet runs" "$ETCD_HELP"
		else
			hold etcd-no-quorum "no quorum among the siblings" "$ETCD_HELP"
		fi
		return
	fi
	own_entry
	if [ -n "$MISMATCH" ]; then
		hold member-mismatch "etcd lists our name or our address for another: $MISMATCH" "$ETCD_HELP"
		return
	fi
	case ${MINE_IS:-none}-$data in
	started-yes)
		drop_empty_files
		lay_out
		finish_join && finish
		return
		;;
	started-no | unstarted-* | learner-*)
		systemctl stop kubelet.service
		clear_own_member || return
		;;
	esac
	# In this order: no reset can find the data, and no pod of etcd comes up where it was.
	if [ $data = yes ]; then
		systemctl stop kubelet.service
		rm -f "$K8S"/manifests/*.yaml
		set_aside
	fi
	clean
	await_endpoint && await_door && await_certificates && await_lower && await_name || return
	attempt_join
}

# take_seat: nothing, where a member begins as a learner.
take_seat() { :; }

restore_etcd_ca() { [ -s "$PKI/etcd/ca.crt" ] || lay_out; }

# What an operator pastes. Not etcdctl: a pod's has no shell around it, and before 3.4 it speaks another protocol unless told.
ETCD_HELP="curl --cacert $PKI/etcd/ca.crt --cert $PKI/etcd/healthcheck-client.crt --key $PKI/etcd/healthcheck-client.key -d {} https://localhost:2379$ETCD_GATEWAY/cluster/member/list # on a control plane that lives"
