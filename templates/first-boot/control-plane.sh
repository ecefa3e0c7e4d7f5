# A control plane: joining in the order of the profile, and taking up a join that was cut.

# await_lower: every control plane before us serves; etcd membership changes one at a time. The ten minutes after which one
# is left out begin anew with each that comes to serve: those after it had to wait for it.
await_lower() {
	serving=''
	while read -r ordinal lower address; do
		[ -n "$lower" ] && [ "$ordinal" -lt "$ORDINAL" ] && ! own "$address" || continue
		api_node "$address"
		if serves; then
			serving="$serving $lower"
			continue
		fi
		uptime
		if [ "$serving" != "$served" ]; then
			served=$serving lower_since=$UP
		fi
		if [ $((UP - lower_since)) -gt 600 ] && etcd_spares_lower; then
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

# Which lower control planes served when we last looked.
served=none

# await_certificates: nothing, where the image has the keys.
await_certificates() { :; }

# hurry: while kubeadm joins us, the kubelet asks for its certificate again as soon as our own API server is up.
hurry() { systemctl start --no-block kubespore-hurry.service; }
end_hurry() { systemctl stop --no-block kubespore-hurry.service; }

# join_cluster: state J with a cluster alive.
join_cluster() {
	enter join-wait
	served=none
	while :; do
		await await_endpoint await_door await_certificates await_lower await_name
		MINE_IS=''
		! clear_own_member || break
	done
	close_notice
	mark join-intent "voters=$VOTERS"
	attempt_join
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

# sweep: an empty machine runs nothing; the kubelet of an earlier installation would keep our Node alive.
sweep() {
	if [ -s "$K8S/kubelet.conf" ] || [ -s "$K8S/manifests/etcd.yaml" ]; then
		say "taking away what an earlier installation left in $K8S"
		clean
	fi
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
