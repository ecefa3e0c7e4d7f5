# What control planes look at to learn whether their cluster lives: the endpoint, each other's API servers and etcds.

SIBLINGS=$CONTROL_PLANES
SIBLING_COUNT=$CONTROL_PLANE_COUNT
SIBLINGS_ARE='control planes'

look_around() {
	unpin
	[ "$ENDPOINT_OWN" = no ] || return 0
	api_endpoint
	note_seen endpoint "${BALANCER:-$ENDPOINT_HOST}" "$ENDPOINT_PORT"
}

# look_at ADDRESS: sets SEEN, and port to what was seen there.
look_at() {
	api_node "$1"
	port=$API_PORT
	[ $SEEN = UNKNOWN ] || return 0
	etcd_node "$1"
	port=2379
}
