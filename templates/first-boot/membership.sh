# Changing who is a member: the one removal a machine may ask for, its own, and worthless data put out of the way.

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

# no_data: a member that has started is dead only where its data are not, and a disk may come late.
no_data() {
	evidence
	[ $data = no ] || [ "$MINE_IS" != started ] || stop etcd-data "there is etcd data at $ETCD_DATA" "ls -l $ETCD_DATA"
}

# clear_own_member: returns 0 when no member of ours is listed any more, so that a join can begin; else it has said why
# not, and the caller decides anew.
clear_own_member() {
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
	no_data
	before=$MEMBERS
	if ! others_live; then
		hold etcd-no-majority "too few other members live to remove our dead one ($MINE)" "$ETCD_HELP"
		return 1
	fi
	case $MINE_IS in
	started) own_is_dead || return ;;
	*) sleep 10 ;;
	esac
	if ! etcd_list "$SOURCE" || [ "$MEMBERS" != "$before" ]; then
		hold etcd-changes "the members changed while we looked; looking again" "$ETCD_HELP"
		return 1
	fi
	if twin_answers; then
		hold twin "another machine answers for $ADVERTISE" "$TWIN_HELP"
		return 1
	fi
	no_data
	say "removing our own dead etcd member $MINE"
	etcd_ask "$SOURCE" /cluster/member/remove "{\"ID\":\"$MINE\"}" || say "the answer was $RC $CODE; looking again"
	if etcd_survey; then
		own_entry
		[ -n "$MINE$MISMATCH" ] || return 0
	fi
	hold etcd-removing "our dead member is still listed" "$ETCD_HELP"
	return 1
}

# set_aside: worthless data keeps its bytes under another name.
set_aside() {
	n=1
	while [ -e "$DATA.stale-$n" ]; do n=$((n + 1)); done
	say "moving $ETCD_DATA to $ETCD_DATA.stale-$n"
	mv "$DATA" "$DATA.stale-$n" || stop set-aside "cannot rename $ETCD_DATA" "mv $ETCD_DATA $ETCD_DATA.stale-$n"
	sync
}
