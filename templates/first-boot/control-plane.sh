# A control plane: joining in the order of the profile, and taking up a join that was cut.

# Where nobody may found there is no notice: it would move another installation's founder.
open_notice() { [ "$FOUND" = never ] || systemctl start kubespore-notice.socket; }
close_notice() { [ "$FOUND" = never ] || systemctl stop kubespore-notice.socket; }

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

# await_lower: every control plane before us serves; etcd membership changes one at a time.
await_lower() {
	lower_since=${lower_since:-$(now)}
	while read -r ordinal lower address; do
		[ -n "$lower" ] && [ "$ordinal" -lt "$ORDINAL" ] && ! own "$address" || continue
		api_node "$address"
		! serves || continue
		if [ "$(($(now) - lower_since))" -gt 600 ] && etcd_identity && etcd_survey && own_entry && others_live; then
			say "not waiting for $lower any longer: etcd has its quorum without it"
			continue
		fi
		hold "lower-$lower" "waiting for control plane $lower before us" \
			"curl --cacert /etc/kubespore/ca.crt https://$(host_of "$address"):$API_PORT$HEALTH_PATH"
		return 1
	done <<-END
		$CONTROL_PLANES
	END
}

# join_cluster: state J with a cluster alive.
join_cluster() {
	enter join-wait
	lower_since=''
	while :; do
		await await_endpoint await_door await_lower await_name
		MINE_IS=''
		! clear_own_member || break
	done
	close_notice
	mark join-intent "voters=$VOTERS"
	attempt_join
}

attempt_join() {
	enter join
	tell_of_approval
	lay_out
	if kubeadm_join; then
		finish
	fi
	failed=$(sed -n 's/.*error execution phase \([a-z/-]*\).*/\1/p' "$LOG" | sed -n '$p')
	hold join-failed "kubeadm join failed${failed:+ in phase $failed}; trying again" "tail -n 40 $LOG"
}

# resume_join: a join was cut. What the siblings' etcd says of us decides.
resume_join() {
	enter join-resume
	restore_etcd_ca
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
	clean
	[ $data = no ] || set_aside
	await_endpoint && await_door && await_lower && await_name || return
	attempt_join
}

# take_seat: before learners, the second member is a voter from the moment it is listed, so that the first alone has no
# quorum. Cut between that and its pod, the machine finds the pod in its image: the only way on without an operator. The
# list of a sibling without a quorum proves nothing about others, but here it can only lead to an etcd that is refused.
take_seat() {
	[ -s "$ETC/etcd-seat.yaml" ] && [ $data = no ] || return 0
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

# finish_join: the phases a cut may have kept from running; each may run twice.
finish_join() {
	systemctl start kubelet.service
	while read -r line; do
		[ -n "$line" ] || continue
		# shellcheck disable=SC2086 # a phase and its sub-phase
		kubeadm_join phase $line || {
			hold finish-join "kubeadm join phase $line failed; trying again" "tail -n 40 $LOG"
			return 1
		}
	done <<-END
		$FINISH_PHASES
	END
}

restore_etcd_ca() { [ -s "$PKI/etcd/ca.crt" ] || lay_out; }

# set_aside: worthless data keeps its bytes under another name.
set_aside() {
	n=1
	while [ -e "$DATA.stale-$n" ]; do n=$((n + 1)); done
	say "moving $ETCD_DATA to $ETCD_DATA.stale-$n"
	mv "$DATA" "$DATA.stale-$n" || stop set-aside "cannot rename $ETCD_DATA" "mv $ETCD_DATA $ETCD_DATA.stale-$n"
	sync
}

# sweep: an empty machine runs nothing; the kubelet of an earlier installation would keep our Node alive.
sweep() {
	if [ -s "$K8S/kubelet.conf" ] || [ -s "$K8S/manifests/etcd.yaml" ]; then
		say "taking away what an earlier installation left in $K8S"
		clean
	fi
}

# stop_rows: what local evidence leaves to the operator.
stop_rows() {
	case $ROW in
	A) exit 0 ;;
	B) stop fenced "this disk is a stale copy of a cluster that lives without it" \
		"rm -r $STATE $ETCD_DATA && reboot # then it joins again; the etcd data here is lost" ;;
	C) stop cloned-disk "this disk belongs to another machine or another installation" \
		"rm -r $STATE && reboot # only if the machine really changed" ;;
	E) stop etcd-data-lost "the etcd data of this member is gone: $ETCD_DATA/member" \
		"rm -r $STATE && reboot # then it removes its own dead member and joins again" ;;
	I) stop orphan-data "there is etcd data of an earlier installation at $ETCD_DATA" \
		"mv $ETCD_DATA $ETCD_DATA.kept && systemctl restart kubespore-first-boot.service" ;;
	esac
}

await_data_path() {
	until data_path_is_there; do
		hold etcd-disk-absent "$ETCD_DISK is not mounted at ${ETCD_DATA%/*}" "findmnt --target ${ETCD_DATA%/*}"
	done
}

run_control_plane() {
	await_data_path
	evidence
	stop_rows
	check_machine
	while :; do
		evidence
		stop_rows
		case $ROW in
		D) resume_late ;;
		F) resume_init ;;
		G) found_again ;;
		H) resume_join ;;
		J)
			sweep
			first_boot
			;;
		esac
	done
}
