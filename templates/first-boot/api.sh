# API servers: whether they live, by their certificate and their health path. Absent on purpose: any credential but the caller's.

# api_at URL [OPTION]...: sets SEEN to READY, LIVE, FOREIGN, CLOCK or UNKNOWN.
api_at() {
	ask "$@" --cacert "$CA"
	case $RC in
	0)
		SEEN=LIVE
		[ "$CODE" != 200 ] || SEEN=READY
		;;
	51 | 60) judge_certificate ;;
	58 | 77) stop own-files "curl cannot read $CA (code $RC)" "openssl x509 -noout -in $CA" ;;
	*) SEEN=UNKNOWN ;;
	esac
}

# api_endpoint [PATH CURL-CONFIG]: the control-plane endpoint; never by way of our own hosts pin.
api_endpoint() {
	target=$ENDPOINT_URL${1:-$HEALTH_PATH}
	if [ -n "$BALANCER" ] && [ "$BALANCER" != "$ENDPOINT_HOST" ]; then
		set -- "${2:-/dev/null}" --resolve "$ENDPOINT_HOST:$ENDPOINT_PORT:$(host_of "$BALANCER")"
	else
		set -- "${2:-/dev/null}"
	fi
	config=$1
	shift
	api_at "$target" --config "$config" "$@"
}

# api_node ADDRESS: one API server at its own address.
api_node() { api_at "https://$(host_of "$1"):$API_PORT$HEALTH_PATH"; }

# serves: whether what was just asked is an API server at work; one without anonymous access says no more than 401.
serves() { [ $SEEN = READY ] || [ "$SEEN$CODE$ANONYMOUS" = LIVE401no ]; }

# unpin: nothing, on a machine that never pins the endpoint to itself.
unpin() { :; }

ENDPOINT_URL=https://$(host_of "$ENDPOINT_HOST"):$ENDPOINT_PORT
