# A member of an etcd that has machines of its own. The same rules as for etcd on control planes: one machine founds, alone,
# and only where no other etcd of this cluster can live; every other adds itself as a learner and is promoted.
#
# etcd reads etcd.env beside the other files, and over it what stands in the state directory: the cluster it begins in,
# which matters until it has data. Its certificates stay where the image put them. Absent on purpose: kubeadm, the kubelet.

SERVICE=kubespore-etcd.service
PEER_URL=https://$(host_of "$ADVERTISE"):2380
CLIENT_URL=https://$(host_of "$ADVERTISE"):2379
ETCD_CA=$ETC/pki/etcd/ca.crt ETCD_CERT=$ETC/pki/etcd/healthcheck-client.crt ETCD_KEY=$ETC/pki/etcd/healthcheck-client.key
# What an operator pastes. Not etcdctl: a pod's has no shell around it, and before 3.4 it speaks another protocol unless told.
ETCD_HELP="curl --cacert $ETC/pki/etcd/ca.crt --cert $ETC/pki/etcd/healthcheck-client.crt --key $ETC/pki/etcd/healthcheck-client.key -d {} https://localhost:2379$ETCD_GATEWAY/cluster/member/list # on an etcd machine"

etcd_identity() {
	[ -s "$ETCD_CA" ] && [ -s "$ETCD_CERT" ] && [ -s "$ETCD_KEY" ]
}

# check_duty: a packaged etcd would hold our ports, as a member of nothing.
check_duty() { systemctl --no-reload mask --now etcd.service >/dev/null 2>&1; }

programs_fit() {
	found=$(etcd --version 2>/dev/null | sed -n 's/^etcd Version: *//p')
	printf '%s\n' "$found" | awk -F '[.-]' -v least="$ETCD_LEAST" '{
		split(least, want, ".")
		for (i = 1; i <= 3; i++) if ($i + 0 != want[i] + 0) exit $i + 0 < want[i] + 0
	}' && return 0
	hold etcd-version "etcd is ${found:-unreadable}, $ETCD_LEAST or newer is needed" "etcd --version"
	return 1
}

# configure STATE MEMBERS [CLIENT-LISTENER]: how etcd begins where it has no data, and who can reach it as a client.
configure() {
	{ IFS= read -r nonce <"$STATE/init-intent"; } 2>/dev/null || nonce=joins
	{
		printf 'ETCD_INITIAL_CLUSTER_STATE=%s\n' "$1"
		printf 'ETCD_INITIAL_CLUSTER=%s\n' "$2"
		printf 'ETCD_INITIAL_CLUSTER_TOKEN=%s-g%s-%s\n' "$CLUSTER" "$GENERATION" "$nonce"
		[ -z "${3:-}" ] || printf 'ETCD_LISTEN_CLIENT_URLS=%s\n' "$3"
	} >"$STATE/.etcd.env" && mv -f "$STATE/.etcd.env" "$STATE/etcd.env"
	# etcd refuses a directory that others can look into; a package's belongs to another user.
	mkdir -p "$DATA" && chmod 0700 "$DATA"
	[ "$(id -u)" != 0 ] || chown 0:0 "$DATA"
	sync
}

# voter_at URL: whether our own etcd says, with a quorum behind it, that it is a started voter.
voter_at() {
	if etcd_list "$1"; then
		own_entry
		[ "$MINE_IS" != started ] || return 0
	fi
	hold etcd-voter "our etcd is no voting member yet" "$ETCD_HELP"
	return 1
}

# etcd_stands: nothing has to be there before etcd is.
etcd_stands() { :; }

# own_is_dead: nobody answers for our address, nor by our address for the member, for a minute. Its only URL is ours.
own_is_dead() {
	for _ in 1 2 3 4 5 6 7; do
		etcd_node "$ADVERTISE"
		if [ $SEEN = LIVE ] || twin_answers; then
			hold twin "another machine may live at $ADVERTISE" "openssl s_client -connect $(host_of "$ADVERTISE"):2379 -showcerts </dev/null"
			return 1
		fi
		sleep 10
	done
}

# await_etcd: an etcd of ours with a quorum, or why there is none.
await_etcd() {
	etcd_survey && return 0
	survey_siblings
	if [ -n "$CLOCKS" ]; then
		hold clock "certificates are out of their dates by our clock at:$CLOCKS" "date -u"
	elif [ -n "$FOREIGN" ]; then
		hold foreign "not our etcd:$FOREIGN; theirs $(fingerprint_at "$foreign_host" "$foreign_port"), our CA $(fingerprint_of "$CA")" \
			"openssl s_client -connect $(host_of "$foreign_host"):$foreign_port -showcerts </dev/null"
	elif [ -n "$LIVE" ]; then
		hold etcd-no-quorum "etcd lives without a quorum at:$LIVE" "$ETCD_HELP"
	else
		hold etcd-wait "waiting for an etcd to join: none answers" "$ETCD_HELP"
	fi
	return 1
}

# join_cluster: state J with an etcd alive.
join_cluster() {
	enter join-wait
	while :; do
		await_etcd || continue
		MINE_IS=''
		clear_own_member || continue
		if twin_answers; then
			hold twin "another machine answers for $ADVERTISE" "$TWIN_HELP"
			continue
		fi
		break
	done
	sleep $((ORDINAL % 6))
	close_notice
	mark join-intent "voters=$VOTERS"
	attempt_join
}

# attempt_join: adds us as a learner, which votes for nothing and so costs nobody the quorum, and starts as one. etcd takes
# one learner at a time: the others wait their turn here.
attempt_join() {
	enter join
	if ! etcd_ask "$SOURCE" /cluster/member/add "{\"peerURLs\":[\"$PEER_URL\"],\"isLearner\":true}"; then
		hold etcd-add "etcd does not take us yet: $(json_at .message <"$RUN/answer") ($RC $CODE)" "$ETCD_HELP"
		return
	fi
	if ! etcd_list "$SOURCE" || ! own_entry || [ "$MINE_IS" != learner ]; then
		hold etcd-add "etcd has taken us, and does not list us yet" "$ETCD_HELP"
		return
	fi
	configure existing "$(initial_cluster)"
	systemctl restart "$SERVICE"
	promote && finish
}

# initial_cluster: MEMBERS as etcd compares them with what it is told: by their URLs. A member that has not started has no
# name yet; etcd wants one, and does not look at it.
initial_cluster() {
	list=''
	while read -r id name peers _; do
		[ "$id" != "$MINE" ] || name=$NODE
		[ "$name" != - ] || name=unstarted-$id
		IFS=,
		for peer in $peers; do list=$list${list:+,}$name=$peer; done
		unset IFS
	done <<-END
		$MEMBERS
	END
	printf '%s' "$list"
}

# promote: until we vote; etcd refuses while we are behind. Ends without success when our entry has gone.
promote() {
	enter promote
	while :; do
		if ! etcd_survey; then
			hold etcd-no-quorum "no other etcd answers a linearizable read" "$ETCD_HELP"
			continue
		fi
		own_entry
		case $MINE_IS in
		started) return 0 ;;
		'') return 1 ;;
		esac
		etcd_ask "$SOURCE" /cluster/member/promote "{\"ID\":\"$MINE\"}" ||
			hold etcd-learner "our etcd is not in step with the others yet: $(json_at .message <"$RUN/answer")" "$ETCD_HELP"
	done
}

# resume_join: adding ourselves was cut. What the others list decides.
resume_join() {
	enter join-resume
	if ! etcd_survey; then
		if [ $data = yes ]; then
			systemctl start "$SERVICE"
			hold etcd-no-quorum "no quorum; we may be the member it is missing, our etcd runs" "$ETCD_HELP"
		else
			hold etcd-no-quorum "no quorum among the other etcds" "$ETCD_HELP"
		fi
		return
	fi
	own_entry
	if [ -n "$MISMATCH" ]; then
		hold member-mismatch "etcd lists our name or our address for another: $MISMATCH" "$ETCD_HELP"
		return
	fi
	case ${MINE_IS:-none}-$data in
	started-yes)
		systemctl start "$SERVICE"
		finish
		;;
	started-no | unstarted-* | learner-*)
		systemctl stop "$SERVICE"
		clear_own_member || return
		;;
	*) systemctl stop "$SERVICE" ;;
	esac
	[ $data = no ] || set_aside
	attempt_join
}

# finish: our own etcd answers at the address its clients know. From now on it starts by itself, after the gate.
finish() {
	enter verify
	until voter_at "$CLIENT_URL"; do :; done
	systemctl --no-reload enable "$SERVICE" >/dev/null 2>&1
	if ! has_mark member && ! has_mark founded; then
		sync
		mark member
	fi
	conclude
}

# forget: what is left here is the member's own, and it goes on needing it.
forget() { :; }

run_member() {
	await_data_path
	evidence
	stop_rows
	check_machine
	etcd_identity || stop no-etcd-credential "there are no certificates for etcd in $ETC/pki/etcd" "ls -l $ETC/pki/etcd"
	while :; do
		evidence
		stop_rows
		case $ROW in
		D) resume_late ;;
		F) resume_init ;;
		G) found_again ;;
		H) resume_join ;;
		J) first_boot ;;
		esac
	done
}
