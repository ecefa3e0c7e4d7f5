# A control plane that never founds.

resume_late() { finish; }
resume_init() { stop init-intent "this machine does not found clusters" "rm $STATE/init-intent"; }
found_again() { resume_init; }

first_boot() {
	open_notice
	join_cluster
}

run_control_plane
