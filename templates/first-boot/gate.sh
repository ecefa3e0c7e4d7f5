# The gate: the kubelet, or the etcd of an etcd machine, starts after it or not at all. Until the machine is done, a stale etcd must not wake beside a
# living cluster.

until data_path_is_there; do
	tell "phase=gate result=waiting reason=etcd-disk-absent: $ETCD_DISK is not mounted at ${ETCD_DATA%/*}"
	sleep 5
done
evidence
case $ROW in
B | C | E | I) exit 1 ;;
F) ;;
G | J)
	# Without data we are no member, so an etcd pod found here is a leftover: the kubelet would begin a cluster with it.
	rm -f "$K8S/manifests/etcd.yaml" && sync
	exit
	;;
*) exit 0 ;;
esac
# Init was cut. Nobody can have joined us, so a cluster that lives was founded by a later life of this disk.
round=0
while [ $round -lt 12 ]; do
	survey_siblings
	if [ -n "$LIVE" ]; then
		mark fenced "$LIVE"
		tell "phase=gate result=stopped reason=fenced: our cluster lives without this disk at:$LIVE"
		exit 1
	fi
	[ "$SIBLING_COUNT" != 1 ] || exit 0
	round=$((round + 1))
	sleep 5
done
exit 0
