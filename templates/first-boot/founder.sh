# The one machine that may found the cluster.

first_boot() {
	if may_found; then
		found
	else
		join_cluster
	fi
}

found() {
	close_notice
	IFS= read -r nonce <"$R/proc/sys/kernel/random/uuid"
	mark init-intent "$nonce"
	init
}

# init_document: kubeadm's document in memory, with what this founding is told by from any other on the same machines: a
# member that outlives its cluster is refused on the wire. However often init runs, it is the one in the mark.
init_document() {
	IFS= read -r nonce <"$STATE/init-intent"
	INIT=$RUN/keys/init.yaml
	sed "s/@founding@/$nonce/" "$ETC/kubeadm/init.yaml" >"$INIT"
}

# init [FLAG]...: kubeadm init with the door shut; the bootstrap-token phase opens it, after the founded mark.
init() {
	until etcd_stands; do hold "$REASON" "$TEXT" "$ANSWER"; done
	enter init
	lay_out
	init_document
	[ "$HAIRPIN_PIN" = no ] || pin
	if [ "$CERTIFICATE_KEY_FLAG" = yes ] && [ -s "$ETC/kubeadm/certificate-key" ]; then
		set -- "$@" --certificate-key "$(cat "$ETC/kubeadm/certificate-key")"
	fi
	# shellcheck disable=SC2086 # a list of flags
	kubeadm_run init --config "$INIT" $INIT_FLAGS "$@"
	code=$?
	if [ $code != 0 ]; then
		unpin
		count_failure
		failed_phase
		hold init-failed "kubeadm init failed${failed:+ in phase $failed}; trying again" "tail -n 40 $LOG"
		return
	fi
	if [ "$RENEW_UNTIL" != 0 ]; then
		uptime
		printf '%s\n' "$UP" >"$RUN/uploaded"
	fi
	until api_node "$ADVERTISE" && serves; do
		hold api-server "our own API server is not ready ($SEEN $CODE)" "curl -k https://$(host_of "$ADVERTISE"):$API_PORT$HEALTH_PATH"
	done
	until voter_here; do :; done
	alone_here
	sync
	mark founded
	resume_late
}

failures() {
	count=0
	[ ! -s "$STATE/init-failures" ] || IFS= read -r count <"$STATE/init-failures"
	printf '%s' "$count"
}

count_failure() {
	printf '%s\n' "$(($(failures) + 1))" >"$STATE/.init-failures" &&
		mv -f "$STATE/.init-failures" "$STATE/init-failures"
}

# resume_init: init was cut with etcd data written. The gate has seen no cluster of ours, or it would be fenced.
resume_init() {
	enter init-resume
	if ! systemctl start kubespore-gate.service; then
		has_mark fenced || hold gate "the gate did not let the kubelet start" "systemctl status kubespore-gate.service"
		return
	fi
	case $(failures) in
	3 | 6 | 9)
		# Nobody can have joined: the door opens after the founded mark. If founding would be right from the start,
		# it may begin with no data. What answers behind the endpoint alone may be our own API server: its data stay.
		survey_siblings
		if [ "$LIVE" != ' endpoint' ]; then
			if may_found; then
				count_failure
				systemctl stop kubelet.service
				rm -f "$K8S"/manifests/*.yaml
				[ $data = no ] || set_aside
				clean
			elif [ "$LIVE" != ' endpoint' ]; then
				mark fenced
			fi
			return
		fi
		;;
	esac
	drop_empty_files
	init "--ignore-preflight-errors=$IGNORE_PREFLIGHT"
}

# found_again: init was cut before etcd wrote anything.
found_again() {
	if may_found; then
		drop_empty_files
		init "--ignore-preflight-errors=$IGNORE_PREFLIGHT"
	else
		clean
		join_cluster
	fi
}

# resume_late: the cluster is founded. Open the door, apply what the profile brings, then verify.
resume_late() {
	if has_mark founded && ! has_mark settled; then
		enter open
		systemctl start kubelet.service
		[ "$HAIRPIN_PIN" = no ] || pin
		until kubeadm_run init phase bootstrap-token --config "$ETC/kubeadm/init.yaml" --skip-token-print; do
			hold open "kubeadm init phase bootstrap-token failed; trying again" "tail -n 40 $LOG"
		done
		enter add-ons
		for manifest in "$ETC"/manifests/*.yaml; do
			[ -e "$manifest" ] || continue
			until kubectl --kubeconfig "$K8S/admin.conf" apply -f "$manifest" >>"$LOG" 2>&1; do
				hold add-on "the cluster does not take ${manifest##*/} yet" \
					"kubectl --kubeconfig $K8S/admin.conf apply -f $manifest"
			done
		done
		if [ "$RENEW_UNTIL" != 0 ]; then
			systemctl enable --now kubespore-certificates.timer
		fi
		unpin
		mark settled
	fi
	unpin
	finish
}

run_control_plane
