# What etcd machines look at to learn whether their etcd lives: each other's.

CA=$ETC/pki/etcd/ca.crt
SIBLINGS=$ETCD_SERVERS
SIBLING_COUNT=$ETCD_SERVER_COUNT
SIBLINGS_ARE='etcd machines'

look_around() { :; }

# look_at ADDRESS: sets SEEN, and port to what was seen there.
look_at() {
	etcd_node "$1"
	port=2379
}
