# A control plane that never founds.

resume_late() { finish; }
resume_init() { stop init-intent "this machine does not found clusters" "rm $STATE/init-intent"; }
found_again() { resume_init; }

look_early() { open_notice; }
first_boot() { join_cluster; }

run_control_plane
