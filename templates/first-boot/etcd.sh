# etcd by its JSON gateway: who is a member, and who lives.
#
# Asked are machines, never the load balancer, and ourselves only about our own member. Member ids are 64-bit numbers in JSON strings and
# stay text. A list or a status is answered without quorum too and proves nothing by itself; a linearizable read does.

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

# etcd_survey: sets MEMBERS and SOURCE from the first of the others with a quorum behind it.
etcd_survey() {
	MEMBERS='' SOURCE=''
	while read -r _ name address; do
		[ -n "$name" ] && ! own "$address" || continue
		if etcd_list "https://$(host_of "$address"):2379"; then
			SOURCE=https://$(host_of "$address"):2379
			return 0
		fi
	done <<-END
		$ETCD_SERVERS
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
