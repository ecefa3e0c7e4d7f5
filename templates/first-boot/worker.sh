# A worker: no etcd, no data, nothing to remove.

worker_stop_rows() {
	case $ROW in
	A) exit 0 ;;
	B | C) stop cloned-disk "this disk belongs to another machine or another installation" \
		"rm -r $STATE && reboot # only if the machine really changed" ;;
	esac
}

look_early() { :; }

# hurry, end_hurry: nothing, where the kubelet asks an API server that is up.
hurry() { :; }
end_hurry() { :; }

join_worker() {
	enter join-wait
	await await_endpoint await_door await_name
	sleep $((ORDINAL % 6))
	mark join-intent
	attempt_join
}

# resume_join: a join was cut. Whole if the Node becomes ours within two minutes of a running kubelet, else from anew.
resume_join() {
	enter join-resume
	drop_empty_files
	if [ -s "$K8S/kubelet.conf" ]; then
		systemctl start kubelet.service
		waited=0
		while [ $waited -lt 120 ]; do
			node_by_machine
			if [ -n "$NODE_BOOT" ] && [ "$NODE_BOOT" = "$BOOT" ]; then
				finish
			fi
			sleep 5
			waited=$((waited + 5))
		done
	fi
	await_endpoint && await_door || return
	clean
	await_name || return
	attempt_join
}

evidence
worker_stop_rows
check_machine
while :; do
	evidence
	worker_stop_rows
	case $ROW in
	D) finish ;;
	H) resume_join ;;
	*) join_worker ;;
	esac
done
