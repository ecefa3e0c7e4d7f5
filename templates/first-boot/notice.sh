#!/bin/sh
# One answer on the empty-notice port, in HTTP so that any client can ask: this machine holds nothing of the cluster yet.
# The request is read to its end first; closing with unread bytes would reset the connection.
. "${KUBESPORE_ROOT:-}/etc/kubespore/node.env"
while IFS= read -r line; do
	[ "${#line}" -gt 1 ] || break
done
printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n'
printf 'kubespore empty %s %s g%s\n' "$CLUSTER_ID" "$NODE" "$GENERATION"
