# Ends automatic approval: once every machine of the profile is a Node and every control plane serves, no bootstrap
# credential gets a node's certificate without an operator's word. Until then it does nothing and is started again.
has_mark 'done' || exit 0
known=$(kubectl --kubeconfig "$K8S/admin.conf" get nodes -o name 2>>"$LOG") || exit 1
for node in $APPROVAL_UNTIL; do
	case "
$known
" in
	*"
node/$node
"*) ;;
	*) exit 0 ;;
	esac
done
# A control plane is a Node before its etcd has joined; a join that fails there begins with a new request.
while read -r _ name address; do
	[ -n "$name" ] || continue
	api_node "$address"
	serves || exit 0
done <<-END
	$CONTROL_PLANES
END
kubectl --kubeconfig "$K8S/admin.conf" delete clusterrolebinding kubeadm:node-autoapprove-bootstrap \
	--ignore-not-found >>"$LOG" 2>&1 || exit 1
tell "every machine has joined: from now on a certificate request of a bootstrap credential waits for an operator" \
	"-- kubectl get csr"
systemctl disable --now kubespore-approval.timer
