if [ "$(id -u)" = 0 ] && [ -r /etc/kubernetes/admin.conf ]; then
	export KUBECONFIG=/etc/kubernetes/admin.conf
fi
