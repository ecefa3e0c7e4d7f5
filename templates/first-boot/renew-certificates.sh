# Keeps the uploaded certificates alive: kubeadm gives them two hours, a late control plane may need them longer. Ends
# when every control plane of the profile has joined or the time is over; then they and the key are removed.

if ! planes_joined && [ "$(now)" -lt "$RENEW_UNTIL" ]; then
	if [ "$CERTIFICATE_KEY_FLAG" = yes ]; then
		set -- --certificate-key "$(cat "$ETC/kubeadm/certificate-key")"
	fi
	# shellcheck disable=SC2086 # a list of flags
	kubeadm_run init phase upload-certs $UPLOAD_FLAGS --config "$ETC/kubeadm/init.yaml" "$@"
	exit
fi
kubectl --kubeconfig "$K8S/admin.conf" -n kube-system delete secret kubeadm-certs --ignore-not-found >>"$LOG" 2>&1 || exit 1
rm -rf "$ETC/kubeadm"
systemctl disable --now kubespore-certificates.timer
