# What every machine with a part in founding does alike: its notice, and what its own disk leaves to the operator.

# Where nobody may found there is no notice: it would move another installation's founder.
open_notice() { [ "$FOUND" = never ] || systemctl start kubespore-notice.socket; }
close_notice() { [ "$FOUND" = never ] || systemctl stop kubespore-notice.socket; }

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
