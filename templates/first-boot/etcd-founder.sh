# The one etcd machine that may found.

case $ADVERTISE in
*:*) LOOPBACK='https://[::1]:2379' ;;
*) LOOPBACK='https://127.0.0.1:2379' ;;
esac

first_boot() {
	if may_found; then
		close_notice
		# Part of the new cluster's identity: whoever survives of an earlier one is refused on the wire.
		IFS= read -r nonce <"$R/proc/sys/kernel/random/uuid"
		mark init-intent "$nonce"
		begin
	else
		join_cluster
	fi
}

# begin: a cluster of one, whose door is shut: as a client it can be reached from this machine alone, so that nobody adds
# himself before it is on the disk that it was founded.
begin() {
	enter init
	configure new "$NODE=$PEER_URL" "$LOOPBACK"
	systemctl restart "$SERVICE"
	until voter_at "$LOOPBACK"; do :; done
	[ "$VOTERS" = 1 ] || stop voters "a new cluster has one member, this one lists $VOTERS" "$ETCD_HELP"
	sync
	mark founded
	resume_late
}

# resume_init: founding was cut with data written. The gate has seen no etcd of ours, or this machine would be fenced.
resume_init() {
	enter init-resume
	if ! systemctl start kubespore-gate.service; then
		has_mark fenced || hold gate "the gate did not let etcd start" "systemctl status kubespore-gate.service"
		return
	fi
	begin
}

# found_again: founding was cut before etcd wrote anything.
found_again() {
	if may_found; then
		begin
	else
		join_cluster
	fi
}

# resume_late: a member. The founder opens the door now, if it has not; after a join it is open.
resume_late() {
	enter open
	if has_mark founded; then
		configure new "$NODE=$PEER_URL"
		systemctl restart "$SERVICE"
	else
		systemctl start "$SERVICE"
	fi
	finish
}

run_member
