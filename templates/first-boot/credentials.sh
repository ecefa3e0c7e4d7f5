# Credentials the supervisor reads with: the machine's own join credential, and the node as the cluster knows it.

trap 'rm -rf "$RUN/keys"' EXIT
trap 'exit 1' HUP INT TERM
rm -rf "$RUN/keys"
mkdir -p "$RUN/keys"

# join_credential: writes curl's options for the join credential to a file, so that it is in no argument list.
join_credential() {
	[ ! -s "$RUN/keys/join" ] || return 0
	if grep -q client-key-data "$ETC/discovery.conf" 2>/dev/null; then
		for part in certificate key; do
			sed -n 's/.*client-'$part'-data"\{0,1\}: *"\{0,1\}\([A-Za-z0-9+\/=]*\).*/\1/p' "$ETC/discovery.conf" |
				base64 -d >"$RUN/keys/join.$part"
		done
		printf 'cert = "%s"\nkey = "%s"\n' "$RUN/keys/join.certificate" "$RUN/keys/join.key" >"$RUN/keys/join"
	else
		sed -n '/oken/s/.*\([a-z0-9]\{6\}\.[a-z0-9]\{16\}\).*/header = "Authorization: Bearer \1"/p' \
			"$ETC/kubeadm/join.yaml" | sed -n 1p >"$RUN/keys/join"
	fi
	[ -s "$RUN/keys/join" ]
}

# read_node: what the cluster says of the Node of our name, in the API server's last answer. Sets NODE_SEEN to ready,
# notready, absent or unknown, and NODE_BOOT.
read_node() {
	NODE_SEEN=unknown NODE_BOOT=''
	case $RC$CODE in
	0404) NODE_SEEN=absent ;;
	0200)
		NODE_SEEN=notready
		condition='' trues=''
		json_lines <"$RUN/answer" >"$RUN/node"
		while IFS='	' read -r path value; do
			case $path=$value in
			.status.nodeInfo.bootID=*) NODE_BOOT=$value ;;
			.status.conditions.*.type=Ready) condition=${path%.type} ;;
			.status.conditions.*.status=True) trues="$trues ${path%.status} " ;;
			esac
		done <"$RUN/node"
		[ -z "$condition" ] || case $trues in *" $condition "*) NODE_SEEN=ready ;; esac
		;;
	esac
}

# node_by_join: reads it by way of the endpoint, with the join credential or, where that may not read nodes, with a
# certificate of the administrator's group minted for ten minutes.
node_by_join() {
	if [ "$JOIN_READS_NODES" = yes ]; then
		join_credential || stop no-credential "there is no join credential in $ETC" "ls -l $ETC/kubeadm/join.yaml"
		api_endpoint "/api/v1/nodes/$NODE" "$RUN/keys/join"
	else
		pki=$ETC/pki
		[ -s "$pki/ca.key" ] || pki=$PKI
		mint admin "$pki/ca.crt" "$pki/ca.key" /O=system:masters/CN=kubespore:first-boot || return 1
		printf 'cert = "%s"\nkey = "%s"\n' "$RUN/keys/admin.crt" "$RUN/keys/admin.key" >"$RUN/keys/admin"
		api_endpoint "/api/v1/nodes/$NODE" "$RUN/keys/admin"
	fi
	read_node
}

# node_by_machine: reads it with what kubeadm made on this machine.
node_by_machine() {
	if [ "$ROLE" = worker ]; then
		key=$R/var/lib/kubelet/pki/kubelet-client-current.pem
		printf 'cert = "%s"\nkey = "%s"\n' "$key" "$key" >"$RUN/keys/kubelet"
		api_endpoint "/api/v1/nodes/$NODE" "$RUN/keys/kubelet"
	else
		key=$PKI/apiserver-kubelet-client
		printf 'cert = "%s"\nkey = "%s"\n' "$key.crt" "$key.key" >"$RUN/keys/kubelet"
		api_at "https://$(host_of "$ADVERTISE"):$API_PORT/api/v1/nodes/$NODE" --config "$RUN/keys/kubelet"
	fi
	read_node
}

# mint NAME CA CA-KEY SUBJECT: a client certificate valid for ten minutes around now, in memory, gone when we end.
mint() {
	at=$(now)
	if [ -s "$RUN/keys/$1.crt" ]; then
		IFS= read -r minted_at <"$RUN/keys/$1.at"
		[ "$((at - minted_at))" -gt 120 ] || return 0
	fi
	[ -s "$3" ] || return 1
	work=$RUN/keys/ca
	mkdir -p "$work" && : >"$work/index" && date +%s >"$work/serial" || return 1
	cat >"$work/config" <<-END
		[ca]
		default_ca = only
		[only]
		database = $work/index
		serial = $work/serial
		new_certs_dir = $work
		default_md = sha256
		policy = anything
		x509_extensions = client
		[anything]
		organizationName = optional
		commonName = supplied
		[client]
		keyUsage = critical, digitalSignature, keyEncipherment
		extendedKeyUsage = clientAuth
		[req]
		distinguished_name = nothing
		[nothing]
	END
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$RUN/keys/$1.key" 2>"$RUN/why" &&
		openssl req -new -config "$work/config" -key "$RUN/keys/$1.key" -subj "$4" -out "$work/request" 2>"$RUN/why" &&
		openssl ca -batch -notext -config "$work/config" -cert "$2" -keyfile "$3" -in "$work/request" \
			-out "$RUN/keys/$1.crt" -startdate "$(utc $((at - 300)))" -enddate "$(utc $((at + 300)))" 2>"$RUN/why" || {
		say "cannot mint a client certificate: $(sed -n 1p "$RUN/why")"
		return 1
	}
	printf '%s\n' "$at" >"$RUN/keys/$1.at"
}

utc() { date -u -d "@$1" +%y%m%d%H%M%SZ; }
