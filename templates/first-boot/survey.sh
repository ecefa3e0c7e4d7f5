# Probes of the siblings. Absent on purpose: any credential, and any conclusion.

# etcd_node ADDRESS: one etcd, by its server certificate alone; it refuses us afterwards, and that is an answer too.
etcd_node() {
	SEEN=UNKNOWN
	[ -s "$ETC/pki/etcd/ca.crt" ] || return 0
	ask "https://$(host_of "$1"):2379/health" --cacert "$ETC/pki/etcd/ca.crt"
	case $RC in
	# Only after a verified handshake is anything sent; the refusal may come before the request is out (55) or after (52, 56).
	0 | 52 | 55 | 56) SEEN=LIVE ;;
	51 | 60) judge_certificate ;;
	58 | 77) stop own-files "curl cannot read $ETC/pki/etcd/ca.crt (code $RC)" "openssl x509 -noout -in $ETC/pki/etcd/ca.crt" ;;
	35)
		# TLS 1.2 refuses within the handshake; only the transcript shows whether the chain was ours.
		transcript=$(timeout 6 openssl s_client -connect "$(host_of "$1"):2379" -CAfile "$ETC/pki/etcd/ca.crt" \
			-verify_return_error </dev/null 2>&1)
		case $transcript in
		*'Verification: OK'* | *'Verify return code: 0 (ok)'*) SEEN=LIVE ;;
		*'has expired'* | *'not yet valid'*) SEEN=CLOCK ;;
		*'verify error'*) SEEN=FOREIGN ;;
		esac
		;;
	esac
}

# notice_of NAME ADDRESS: whether that machine says that it is empty.
notice_of() {
	ask "http://$(host_of "$2"):$NOTICE_PORT/" --proto '=http' --max-filesize 512
	[ "$RC" = 0 ] && [ "$CODE" = 200 ] || return 1
	notice=''
	IFS= read -r notice <"$RUN/answer" || :
	[ "$notice" = "kubespore empty $CLUSTER_ID $1 g$GENERATION" ]
}

# survey_siblings: looks at every machine that does what we do, and at what they do it for. Sets LIVE, FOREIGN, CLOCKS and
# UNKNOWN to lists of who was seen so, and EMPTIES to a number. A notice can never outvote an API server or an etcd that
# lives.
survey_siblings() {
	LIVE='' FOREIGN='' CLOCKS='' UNKNOWN='' EMPTIES=0
	look_around
	while read -r _ name address; do
		[ -n "$name" ] && ! own "$address" || continue
		look_at "$address"
		if [ $SEEN = UNKNOWN ]; then
			if notice_of "$name" "$address"; then
				EMPTIES=$((EMPTIES + 1))
			else
				UNKNOWN="$UNKNOWN $name" unseen=$address
			fi
		else
			note_seen "$name" "$address" "$port"
		fi
	done <<-END
		$SIBLINGS
	END
}

note_seen() {
	case $SEEN in
	READY | LIVE) LIVE="$LIVE $1" ;;
	FOREIGN) FOREIGN="$FOREIGN $1" foreign_host=$2 foreign_port=$3 ;;
	CLOCK) CLOCKS="$CLOCKS $1" ;;
	esac
}
