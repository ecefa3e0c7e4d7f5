# etcd on machines of its own, for the control plane that may found.

# etcd_stands: a majority of the declared members vote, and one of them has a quorum behind it; else REASON, TEXT and ANSWER
# say what is missing. A cluster founded on fewer would lie on a single disk. Says so when another cluster's data is there
# already: founding attaches to it.
etcd_stands() {
	REASON=etcd-wait ANSWER=$ETCD_HELP
	if ! etcd_identity; then
		REASON=no-etcd-credential TEXT="there is no client certificate for etcd in $ETC/pki" ANSWER="ls -l $ETC/pki"
		return 1
	fi
	TEXT='waiting for the etcd machines: none answers with a quorum behind it'
	etcd_survey || return 1
	own_entry
	started=$(printf '%s\n' "$MEMBERS" | grep -c '^[^ ]* [^-].* https[^ ]* voter$')
	if [ "$started" -lt "$(($ETCD_SERVER_COUNT / 2 + 1))" ]; then
		TEXT="waiting for the etcd machines: $started of $ETCD_SERVER_COUNT vote"
		return 1
	fi
	[ "$attached" = unknown ] || return 0
	# The keys from /registry/ up to /registry0, counted.
	etcd_ask "$SOURCE" /kv/range '{"key":"L3JlZ2lzdHJ5Lw==","range_end":"L3JlZ2lzdHJ5MA==","count_only":true}' || return 1
	attached=$(json_at .count <"$RUN/answer")
	if [ "${attached:-0}" != 0 ]; then
		tell "etcd holds $attached keys of a cluster already: founding attaches to that cluster, its objects are kept"
	fi
}
attached=unknown

alone_here() { :; }

# planes_joined: whether the cluster knows every control plane of the profile.
planes_joined() {
	while read -r _ name _; do
		[ -n "$name" ] || continue
		kubectl --kubeconfig "$K8S/admin.conf" get node "$name" >/dev/null 2>&1 || return 1
	done <<-END
		$CONTROL_PLANES
	END
}
