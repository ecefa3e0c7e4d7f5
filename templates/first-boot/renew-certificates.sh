# Keeps the uploaded certificates alive: kubeadm gives them two hours, a late control plane may need them longer. Looks
# every minute and uploads every half hour, and ends when every control plane of the profile has joined or the time is
# over; then they and the key are removed.

RENEWAL=1800

if ! planes_joined && [ "$(now)" -lt "$RENEW_UNTIL" ]; then
	uptime
	# Nothing is known of the time before a power cut: then they are uploaded at once.
	uploaded=''
	[ ! -e "$RUN/uploaded" ] || read -r uploaded <"$RUN/uploaded"
	[ -z "$uploaded" ] || [ $((UP - uploaded)) -ge "$RENEWAL" ] || exit 0
	if [ "$CERTIFICATE_KEY_FLAG" = yes ]; then
		set -- --certificate-key "$(cat "$ETC/kubeadm/certificate-key")"
	fi
	# shellcheck disable=SC2086 # a list of flags
	kubeadm_run init phase upload-certs $UPLOAD_FLAGS --config "$ETC/kubeadm/init.yaml" "$@" || exit
	printf '%s\n' "$UP" >"$RUN/uploaded"
	exit 0
fi
kubectl --kubeconfig "$K8S/admin.conf" -n kube-system delete secret kubeadm-certs --ignore-not-found >>"$LOG" 2>&1 || exit 1
rm -rf "$ETC/kubeadm"
systemctl disable --now kubespore-certificates.timer
