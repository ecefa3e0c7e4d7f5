# Fetching: a control plane whose image has no keys gets them from the cluster, where they lie for two hours after each upload.

# await_certificates: they lie there. The founder has its own.
await_certificates() {
	[ ! -s "$ETC/pki/ca.key" ] || return 0
	api_endpoint /api/v1/namespaces/kube-system/secrets/kubeadm-certs "$RUN/keys/join"
	# Forbidden is a cluster to which none was ever uploaded: the right to read them comes with them.
	case $RC$CODE in 0403 | 0404) ;; *) return 0 ;; esac
	hold certificates-gone "the keys that we are to fetch do not lie in the cluster: they do for two hours after each upload" \
		"$UPLOAD_COMMAND"
	return 1
}
