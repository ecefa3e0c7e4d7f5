# fence: init was cut. Nobody can have joined us, so a cluster that lives was founded by a later life of this disk.
fence() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
		survey_siblings
		if [ -n "$LIVE" ]; then
			mark fenced "$LIVE"
			tell "phase=gate result=stopped reason=fenced: our cluster lives without this disk at:$LIVE"
			exit 1
		fi
		[ "$SIBLING_COUNT" != 1 ] || return 0
		sleep 5
	done
}
