# The gate: the kubelet, or the etcd of an etcd machine, starts after it or not at all. Until the machine is done, a stale etcd must not wake beside a
# living cluster.

phase=gate
await_data_path
evidence
case $ROW in
B | C | E | I) exit 1 ;;
F) fence ;;
G | J)
	# Without data we are no member, so an etcd pod found here is a leftover: the kubelet would begin a cluster with it.
	rm -f "$K8S/manifests/etcd.yaml" && sync
	;;
esac
