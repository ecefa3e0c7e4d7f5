"""Stands in for the API server while a real `kubeadm join --dry-run` looks for its cluster.

Usage: endpoint.py PORT PKI OBJECTS.json SEEN
In:  PKI, a control plane's /etc/kubernetes/pki after `kubeadm init phase certs all`; the objects that a real `kubeadm init --dry-run`
     said it would create.
Out: HTTPS on PORT. `cluster-info` is open to all and signed for every bootstrap token, as the bootstrap signer does; all else
asks for one of those tokens, or for a client certificate of the cluster's CA. Every answered request is noted in SEEN as `<status> <method> <path>`.
Absent on purpose: writing, watching, listing. A GET of what was never created is 404, as on a real server.
"""

import base64
import hashlib
import hmac
import http.server
import json
import re
import ssl
import sys

RESOURCES = {"ConfigMap": "configmaps", "Secret": "secrets", "Node": "nodes"}
CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"


def path_of(thing):
    """The address of a core object, or None for other groups."""
    if thing.get("apiVersion") != "v1" or thing.get("kind") not in RESOURCES:
        return None
    space = thing["metadata"].get("namespace")
    return f"/api/v1/{f'namespaces/{space}/' if space else ''}{RESOURCES[thing['kind']]}/{thing['metadata']['name']}"


def tokens(objects):
    """id → secret of every bootstrap token among the objects."""
    found = {}
    for thing in objects:
        if thing.get("kind") == "Secret" and thing.get("type") == "bootstrap.kubernetes.io/token":
            data = {k: base64.b64decode(v).decode() for k, v in thing["data"].items()}
            found[data["token-id"]] = data["token-secret"]
    return found


def unpadded(data):
    """base64url without padding, as JWS wants."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def signature(identity, secret, content):
    """A detached HS256 JWS over the kubeconfig of cluster-info."""
    header = unpadded(json.dumps({"alg": "HS256", "kid": identity}, separators=(",", ":")).encode())
    mac = hmac.new(secret.encode(), header + b"." + unpadded(content.encode()), hashlib.sha256).digest()
    return (header + b".." + unpadded(mac)).decode()


def main(port, pki, objects_file, seen_file):
    """Serves until it is killed."""
    with open(objects_file, encoding="utf-8") as handle:
        objects = json.load(handle)
    known = tokens(objects)
    served = {path_of(thing): thing for thing in objects if path_of(thing)}
    info = served[CLUSTER_INFO]
    # Old rehearsals make a CA of their own; machines know the one they will have.
    with open(f"{pki}/ca.crt", "rb") as handle:
        authority = f"certificate-authority-data: {base64.b64encode(handle.read()).decode()}"
    info["data"]["kubeconfig"] = re.sub(r"certificate-authority-data: \S+", authority, info["data"]["kubeconfig"])
    for identity, secret in known.items():
        info["data"][f"jws-kubeconfig-{identity}"] = signature(identity, secret, info["data"]["kubeconfig"])
    bearers = {f"Bearer {identity}.{secret}" for identity, secret in known.items()}

    class Handler(http.server.BaseHTTPRequestHandler):
        """One request; answers are JSON, as client-go asks when it is offered nothing else."""

        protocol_version = "HTTP/1.1"

        def do_GET(self):
            path = self.path.split("?", 1)[0]
            if path != CLUSTER_INFO and not self.connection.getpeercert() and self.headers.get("Authorization") not in bearers:
                status = 401
            else:
                status = 200 if path in served else 404
            body = served[path] if status == 200 else self.refusal(status)
            with open(seen_file, "a", encoding="ascii") as seen:
                seen.write(f"{status} GET {path}\n")
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def refusal(self, status):
            """A metav1.Status."""
            reason = {401: "Unauthorized", 404: "NotFound"}[status]
            return {"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason, "code": status, "message": reason}

        def log_message(self, *_):
            """Silent: SEEN has it."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{pki}/apiserver.crt", f"{pki}/apiserver.key")
    context.load_verify_locations(f"{pki}/ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    server = http.server.ThreadingHTTPServer(("", int(port)), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
