# An etcd machine that never founds.

resume_init() { stop init-intent "this machine does not found clusters" "rm $STATE/init-intent"; }
found_again() { resume_init; }

resume_late() {
	systemctl start "$SERVICE"
	finish
}

look_early() { open_notice; }
first_boot() { join_cluster; }

run_member
