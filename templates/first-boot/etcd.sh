# Stacked etcd by its JSON gateway: who is a member, who lives, and the one removal a machine may ask for: its own.
#
# Asked are siblings, never the load balancer and never ourselves. Member ids are 64-bit numbers in JSON strings and
# stay text. A list or a status is answered without quorum too and proves nothing by itself; a linearizable read does.

# etcd_identity: sets ETCD_CA, ETCD_CERT and ETCD_KEY to something the siblings' etcd accepts.
etcd_identity() {
	ETCD_CA=$ETC/pki/etcd/ca.crt ETCD_CERT='' ETCD_KEY=''
	if [ -s "$ETC/pki/etcd/healthcheck-client.key" ]; then
		ETCD_CERT=$ETC/pki/etcd/healthcheck-client.crt ETCD_KEY=$ETC/pki/etcd/healthcheck-client.key
		return 0
	fi
	key=$ETC/pki/etcd/ca.key
	if [ ! -s "$key" ] && [ "$DISTRIBUTION" = certificate-key ]; then
		[ -s "$PKI/etcd/ca.key" ] || kubeadm_join phase control-plane-prepare download-certs
		key=$PKI/etcd/ca.key
		ETCD_CA=$PKI/etcd/ca.crt
	fi
	mint etcd "$ETCD_CA" "$key" /O=kubespore/CN=kubespore-etcd || return 1
	ETCD_CERT=$RUN/keys/etcd.crt ETCD_KEY=$RUN/keys/etcd.key
}

# etcd_ask URL PATH BODY: one call of the gateway.
etcd_ask() {
	ask "$1$ETCD_GATEWAY$2" --cacert "$ETCD_CA" --cert "$ETCD_CERT" --key "$ETCD_KEY" --request POST --data "$3"
	[ "$RC" = 0 ] && [ "$CODE" = 200 ]
}

# members: the list in the last answer, a line each: id, name, peer URLs, client URLs, learner; "-" is empty.
members() {
	json_lines <"$RUN/answer" | awk -F '\t' '
	{ split($1, part, ".") }
	part[2] != "members" { next }
	{ i = part[3]; if (!(i in seen)) { seen[i] = 1; order[n++] = i } }
	part[4] == "ID" { id[i] = $2 }
	part[4] == "name" && $2 != "" { name[i] = $2 }
	part[4] == "peerURLs" { peers[i] = peers[i] (peers[i] == "" ? "" : ",") $2 }
	part[4] == "clientURLs" { clients[i] = clients[i] (clients[i] == "" ? "" : ",") $2 }
	part[4] == "isLearner" { learner[i] = $2 }
	function or_dash(text) { return text == "" ? "-" : text }
	END {
		for (k = 0; k < n; k++) {
			i = order[k]
			print id[i], or_dash(name[i]), or_dash(peers[i]), or_dash(clients[i]), learner[i] == "true" ? "learner" : "voter"
		}
	}'
}

# etcd_list URL: sets MEMBERS, from an etcd that has just answered a linearizable read.
etcd_list() {
	etcd_ask "$1" /kv/range '{"key":"aGVhbHRo"}' || return 1
	etcd_ask "$1" /cluster/member/list '{}' || return 1
	MEMBERS=$(members)
	[ -n "$MEMBERS" ]
}

# etcd_survey: sets MEMBERS and SOURCE from the first sibling with a quorum behind it.
etcd_survey() {
	MEMBERS='' SOURCE=''
	while read -r _ name address; do
		[ -n "$name" ] && ! own "$address" || continue
		if etcd_list "https://$(host_of "$address"):2379"; then
			SOURCE=https://$(host_of "$address"):2379
			return 0
		fi
	done <<-END
		$CONTROL_PLANES
	END
	return 1
}

# own_entry: finds ourselves in MEMBERS. Sets MINE (the id, or nothing), MINE_IS (started, unstarted or learner), and
# MISMATCH to a line that has our name or our URL, but not both.
own_entry() {
	MINE='' MINE_IS='' MISMATCH='' VOTERS=0
	url=https://$(host_of "$ADVERTISE"):2380
	while read -r id name peers clients kind; do
		[ "$kind" != voter ] || VOTERS=$((VOTERS + 1))
		case ,$peers, in
		",$url,")
			if [ -n "$MINE" ] || { [ "$name" != "$NODE" ] && [ "$name" != - ]; }; then
				MISMATCH="$id $name $peers"
				continue
			fi
			MINE=$id MINE_IS=started
			[ "$name" != - ] && [ "$clients" != - ] || MINE_IS=unstarted
			[ "$kind" = voter ] || MINE_IS=learner
			;;
		*,"$url",*) MISMATCH="$id $name $peers" ;;
		*) [ "$name" != "$NODE" ] || MISMATCH="$id $name $peers" ;;
		esac
	done <<-END
		$MEMBERS
	END
}

# others_live: whether every other member has started as a voter, and a majority of all listed voters, ours counted as
# dead, answers under the id it is listed with.
others_live() {
	alive=0
	while read -r id name _ clients kind; do
		[ "$id" != "$MINE" ] || continue
		if [ "$name" = - ] || [ "$clients" = - ] || [ "$kind" != voter ]; then
			return 1
		fi
		if etcd_ask "${clients%%,*}" /maintenance/status '{}' && [ "$(json_at .header.member_id <"$RUN/answer")" = "$id" ]; then
			alive=$((alive + 1))
		fi
	done <<-END
		$MEMBERS
	END
	[ "$alive" -ge "$((VOTERS / 2 + 1))" ]
}

# own_is_dead: whether the Node of our name was absent or not Ready for a minute while we watched.
own_is_dead() {
	for _ in 1 2 3 4 5 6 7; do
		node_by_join || return 1
		case $NODE_SEEN in
		absent | notready) ;;
		*) return 1 ;;
		esac
		sleep 10
	done
}

# clear_own_member: returns 0 when no member of ours is listed any more, so that a join can begin; else it has said why
# not, and the caller decides anew.
clear_own_member() {
	evidence
	[ $data = no ] || [ "$MINE_IS" != started ] || stop etcd-data "there is etcd data at $ETCD_DATA" "ls -l $ETCD_DATA"
	etcd_identity || {
		hold no-etcd-credential "nothing here opens the siblings' etcd" "ls -l $ETC/pki/etcd"
		return 1
	}
	etcd_survey || {
		hold etcd-no-quorum "no sibling's etcd answers a linearizable read" "$ETCD_HELP"
		return 1
	}
	own_entry
	if [ -n "$MISMATCH" ]; then
		hold member-mismatch "etcd lists our name or our address for another: $MISMATCH" "$ETCD_HELP"
		return 1
	fi
	[ -n "$MINE" ] || return 0
	before=$MEMBERS
	if ! others_live; then
		hold etcd-no-majority "too few other members live to remove our dead one ($MINE)" "$ETCD_HELP"
		return 1
	fi
	case $MINE_IS in
	started)
		own_is_dead || {
			hold twin "the Node $NODE is $NODE_SEEN: another machine may live under this name" "kubectl get node $NODE -o wide"
			return 1
		}
		;;
	*) sleep 10 ;;
	esac
	if ! etcd_list "$SOURCE" || [ "$MEMBERS" != "$before" ]; then
		hold etcd-changes "the members changed while we looked; looking again" "$ETCD_HELP"
		return 1
	fi
	if twin_answers; then
		hold twin "another machine answers for $ADVERTISE" "arping -D $ADVERTISE"
		return 1
	fi
	say "removing our own dead etcd member $MINE"
	etcd_ask "$SOURCE" /cluster/member/remove "{\"ID\":\"$MINE\"}" || say "the answer was $RC $CODE; looking again"
	if etcd_survey; then
		own_entry
		[ -n "$MINE$MISMATCH" ] || return 0
	fi
	hold etcd-removing "our dead member is still listed" "$ETCD_HELP"
	return 1
}

# The command an operator pastes on a living control plane.
ETCD_HELP="crictl exec \$(crictl ps -q --name etcd) etcdctl --cacert $PKI/etcd/ca.crt --cert $PKI/etcd/healthcheck-client.crt --key $PKI/etcd/healthcheck-client.key member list"
