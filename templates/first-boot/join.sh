# Joining: what every machine does that does not found.

# kubeadm_run ARGUMENT...: kubeadm with its output in a file of root's alone, tokens and keys blanked out (the phase
# bootstrap-token prints "Using token"). kubeadm does not fsync, so a service writes to disk what it made a second ago.
kubeadm_run() {
	systemctl start --no-block kubespore-sync.service
	printf '\n%s: kubeadm %s\n' "$(date -u +%FT%TZ)" "$1" >>"$LOG"
	echo 1 >"$RUN/kubeadm-code"
	{
		kubeadm "$@" 2>&1
		echo $? >"$RUN/kubeadm-code"
	} | sed -u -e 's/\([a-z0-9]\{6\}\)\.[a-z0-9]\{16\}/\1.(hidden)/g' -e 's/[0-9a-f]\{64\}/(hidden)/g' >>"$LOG"
	IFS= read -r code <"$RUN/kubeadm-code"
	sync
	systemctl stop --no-block kubespore-sync.service
	return $code
}

# kubeadm_join [ARGUMENT...]: of a control plane of a release that takes the certificate key as a flag only, it is read
# here, from a file of root's alone; not where the image has the keys, since kubeadm would insist on an upload that ends,
# nor for the phases after etcd's, which do not know the flag.
kubeadm_join() {
	case "${1:-} ${2:-}" in
	'phase control-plane-join') ;;
	*)
		if [ "$CERTIFICATE_KEY_FLAG" = yes ] && [ -s "$ETC/kubeadm/certificate-key" ] && [ ! -s "$ETC/pki/ca.key" ]; then
			set -- "$@" --certificate-key "$(cat "$ETC/kubeadm/certificate-key")"
		fi
		;;
	esac
	kubeadm_run join "$@" --config "$ETC/kubeadm/join.yaml"
}

# tell_of_approval: a machine that comes late or again may have to wait for an operator, and kubeadm does not say so.
tell_of_approval() {
	[ "$APPROVAL_ENDS" = yes ] || return 0
	status running approval "where every machine had joined before, our certificate request waits for an operator" \
		"kubectl get csr # and kubectl certificate approve with ours"
}

# drop_empty_files: a power cut leaves what kubeadm wrote last with no bytes in it.
drop_empty_files() {
	find "$K8S" -type f -size 0 -exec rm -f {} + 2>/dev/null
	find "$R/var/lib/kubelet" -path "$R/var/lib/kubelet/pods" -prune -o -type f -size 0 -exec rm -f {} + 2>/dev/null
}

# lay_out: what each attempt needs in its place; kubeadm reset empties some of it.
lay_out() {
	if [ "$ROLE" != worker ] && [ -s "$ETC/pki/ca.key" ]; then
		mkdir -p "$PKI" && cp -R "$ETC/pki/." "$PKI/"
	fi
	if [ -s "$ETC/cni.conflist" ]; then
		mkdir -p "$R/etc/cni/net.d" && cp "$ETC/cni.conflist" "$R/etc/cni/net.d/10-kubespore.conflist"
	fi
	systemctl --no-reload enable kubelet.service >/dev/null 2>&1
	sync
}

# clean: takes away what a cut or failed attempt left. The manifests go first: without etcd's, reset leaves its data alone.
clean() {
	if has_mark founded || has_mark member; then
		stop clean-refused "a member is never reset" "kubectl get node $NODE"
	fi
	drop_empty_files
	if [ ! -s "$K8S/kubelet.conf" ] && [ ! -s "$K8S/bootstrap-kubelet.conf" ] && [ ! -s "$K8S/manifests/etcd.yaml" ]; then
		rm -f "$K8S"/manifests/*.yaml "$K8S"/*.conf "$PKI/ca.crt"
		return
	fi
	systemctl stop kubelet.service
	rm -f "$K8S"/manifests/*.yaml
	# Releases that have no such flag ask the cluster where etcd's data is, and delete it.
	[ -n "$RESET_FLAGS" ] || rm -f "$K8S/admin.conf"
	# shellcheck disable=SC2086 # a list of flags
	kubeadm_run reset -f $RESET_FLAGS || say "kubeadm reset failed, see $LOG"
	rm -f "$K8S"/*.conf
}

# await CONDITION...: until all hold in one pass. One that does not is asked alone until it does, then all are again:
# machines that wait must not slow down the one that is at work.
await() {
	while :; do
		for awaited in "$@"; do
			"$awaited" && continue
			until "$awaited"; do :; done
			continue 2
		done
		return
	done
}

await_endpoint() {
	unpin
	api_endpoint
	! serves || return 0
	case $SEEN in
	FOREIGN)
		hold foreign "what answers at $ENDPOINT_HOST:$ENDPOINT_PORT is not our cluster: theirs $(fingerprint_at \
			"${BALANCER:-$ENDPOINT_HOST}" "$ENDPOINT_PORT"), our CA $(fingerprint_of "$CA")" \
			"openssl s_client -connect $(host_of "${BALANCER:-$ENDPOINT_HOST}"):$ENDPOINT_PORT -showcerts </dev/null"
		return 1
		;;
	CLOCK)
		hold clock "the endpoint's certificate is out of its dates by our clock: $WHY" "date -u"
		return 1
		;;
	esac
	hold endpoint "waiting for $ENDPOINT_HOST:$ENDPOINT_PORT to be ready" "$ENDPOINT_HELP"
	return 1
}

# await_door: the cluster takes our credential.
await_door() {
	join_credential || stop no-credential "there is no join credential in $ETC" "ls -l $ETC/kubeadm/join.yaml"
	api_endpoint /api/v1/namespaces/kube-system/configmaps/kubeadm-config "$RUN/keys/join"
	[ "$RC" = 0 ] || {
		hold endpoint "the endpoint was ready and is not any more" "$ENDPOINT_HELP"
		return 1
	}
	[ "$CODE" = 401 ] || return 0
	if [ "$CREDENTIAL_UNTIL" != 0 ] && [ "$(now)" -gt "$CREDENTIAL_UNTIL" ]; then
		hold credential-expired "the join credential ended at $(date -u -d "@$CREDENTIAL_UNTIL" +%FT%TZ)" "$RENEW_COMMAND"
	else
		# Of a cluster that lives already nobody but an operator can bring it our credential.
		answer=''
		[ "$FOUND" != never ] || answer=$RENEW_COMMAND
		hold door-shut "the cluster does not take our join credential yet" "$answer"
	fi
	return 1
}

# await_name: no living machine has our Node.
await_name() {
	node_by_join || return 0
	if [ "$NODE_SEEN" != ready ]; then
		ready_since=''
		case $NODE_SEEN$CODE in
		absent* | notready*) return 0 ;;
		# The right to ask comes with the door.
		unknown403) hold door-shut "the cluster does not let our join credential ask for our Node yet" ;;
		*) hold endpoint "the endpoint does not say whether the Node $NODE is there" "$ENDPOINT_HELP" ;;
		esac
		return 1
	fi
	uptime
	ready_since=${ready_since:-$UP}
	if [ "$NODE_BOOT" != "$BOOT" ] && [ $((UP - ready_since)) -gt 300 ]; then
		hold twin "another machine has lived as $NODE for five minutes" "kubectl get node $NODE -o wide"
	else
		hold node-ready "the Node $NODE is Ready: another machine is alive under this name, or ours has just gone" \
			"kubectl get node $NODE -o wide"
	fi
	return 1
}

# Since when the Node of our name has been Ready while we wait; empty while it is not.
ready_since=''

# verified: this boot of this machine is the Node, and a control plane serves and votes.
verified() {
	if [ "$ROLE" != worker ]; then
		api_node "$ADVERTISE"
		serves || {
			hold api-server "our own API server is not ready ($SEEN $CODE)" "curl -k 'https://$(host_of "$ADVERTISE"):$API_PORT$HEALTH_PATH?verbose'"
			return 1
		}
		voter_here || return 1
	fi
	node_by_machine
	[ -n "$NODE_BOOT" ] && [ "$NODE_BOOT" = "$BOOT" ] && return 0
	hold node-registers "the Node $NODE is not registered by this machine yet" "journalctl -u kubelet.service -n 50"
	return 1
}

# finish: what has joined is seen to have joined.
finish() {
	enter verify
	systemctl start kubelet.service
	until verified; do :; done
	if ! has_mark member && ! has_mark founded; then
		sync
		mark member
	fi
	conclude
}

# failed_phase: sets failed to the phase in which kubeadm failed last, where it says so.
failed_phase() { failed=$(sed -n 's/.*error execution phase \([a-z/-]*\).*/\1/p' "$LOG" | sed -n '$p'); }

attempt_join() {
	enter join
	tell_of_approval
	lay_out
	hurry
	kubeadm_join
	joined=$?
	end_hurry
	if [ $joined = 0 ]; then
		finish
	fi
	failed_phase
	hold join-failed "kubeadm join failed${failed:+ in phase $failed}; trying again" "tail -n 40 $LOG"
}

# forget: kubeadm has its own copies of what it still needs, and takes away one of them only where no cut came between; the
# founder keeps its documents while it renews certificates.
forget() {
	rm -rf "$ETC/kubeadm/join.yaml" "$ETC/discovery.conf" "$ETC/pki" "$K8S/bootstrap-kubelet.conf"
	[ "$RENEW_UNTIL" != 0 ] || rm -rf "$ETC/kubeadm"
}

IFS= read -r BOOT <"$R/proc/sys/kernel/random/boot_id" || BOOT=unknown
ENDPOINT_HELP="curl --cacert /etc/kubespore/ca.crt $ENDPOINT_URL$HEALTH_PATH"
