# Whether a machine may found: local evidence has allowed it, and these are the probes.

# When the round began in which nothing stood in the way; empty where something has since.
quiet_at=''

# look_early: while the machine still gets ready, it says that it is empty and looks around for the first time.
look_early() {
	open_notice
	uptime
	begun_at=$UP
	survey_siblings
	[ -n "$LIVE" ] || obstacle || quiet_at=$begun_at
}

# obstacle: whether something stands against founding, by the last survey and as hold says it: REASON, TEXT and ANSWER.
obstacle() {
	ANSWER=''
	at=$(now)
	uptime
	# Whoever answers is no silence, ours or not.
	[ -z "$CLOCKS$FOREIGN" ] || silent_since=$UP
	if [ -n "$CLOCKS" ]; then
		REASON=clock TEXT="certificates are out of their dates by our clock at:$CLOCKS" ANSWER='date -u'
	elif [ -n "$FOREIGN" ]; then
		REASON=foreign
		TEXT="not our cluster:$FOREIGN; theirs $(fingerprint_at "$foreign_host" "$foreign_port"), our CA $(fingerprint_of "$CA")"
		ANSWER="openssl s_client -connect $(host_of "$foreign_host"):$foreign_port -showcerts </dev/null"
	elif [ "$at" -lt "$MINTED" ]; then
		REASON=clock-behind TEXT="this machine's clock is before the moment the cluster's keys were made"
		ANSWER="date -u -s @$MINTED"
	elif [ "$at" -gt "$FOUND_UNTIL" ]; then
		REASON=founding-over ANSWER=$FOUND_COMMAND
		TEXT="a cluster could be founded until $(date -u -d "@$FOUND_UNTIL" +%FT%TZ); waiting for one that lives"
	elif [ "$((EMPTIES + 1))" -lt $majority ] && { [ "$FOUND" = majority ] || [ $((UP - silent_since)) -lt 120 ]; }; then
		REASON=majority ANSWER="curl http://$(host_of "$unseen"):$NOTICE_PORT/"
		TEXT="$((EMPTIES + 1)) of $SIBLING_COUNT $SIBLINGS_ARE seen empty, $majority needed; not seen:$UNKNOWN"
	elif twin_answers; then
		REASON=twin TEXT="another machine answers for $ADVERTISE" ANSWER=$TWIN_HELP
	else
		! etcd_stands
	fi
}

# may_found: returns 0 when founding is safe, in two rounds that begin five seconds apart, 1 when a cluster of ours lives;
# waits otherwise. Of a round longer ago than a minute nothing is concluded. Time is read in whole seconds: six are five.
may_found() {
	enter found-wait
	uptime
	silent_since=$UP
	while :; do
		uptime
		begun_at=$UP
		passed=$((begun_at - ${quiet_at:--60}))
		if [ "$passed" -lt 6 ]; then
			sleep $((6 - passed))
			passed=6
		fi
		survey_siblings
		if [ -n "$LIVE" ]; then
			say "our cluster lives at:$LIVE"
			return 1
		fi
		if obstacle; then
			quiet_at=''
			hold "$REASON" "$TEXT" "$ANSWER"
		elif [ "$SIBLING_COUNT" = 1 ] || [ "$passed" -lt 60 ]; then
			return 0
		else
			quiet_at=$begun_at
		fi
	done
}

majority=$((SIBLING_COUNT / 2 + 1))
uptime
silent_since=$UP
