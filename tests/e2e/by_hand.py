"""The same cluster as somebody makes it by hand: the reference that a report compares times with.

In:  a folder to write, a Kubernetes version.
Out: the folder in the shape of `kubespore render`'s output (nodes/NAME/seed.iso, network-config,
     manifest.json, admin.kubeconfig): HAProxy, three control planes, one worker; plain `kubeadm init`
     and `kubeadm join` from cloud-init's runcmd, repeated until they pass.
Absent on purpose: everything kubespore adds. Nothing here survives a power cut or a wiped disk.
"""

import base64
import hashlib
import json
import os
import secrets
import subprocess

BALANCER = "10.77.0.10"
NODES = [("lb-1", "load-balancer", BALANCER), ("cp-1", "control-plane", "10.77.0.11"), ("cp-2", "control-plane", "10.77.0.12"),
         ("cp-3", "control-plane", "10.77.0.13"), ("worker-1", "worker", "10.77.0.21")]

# kubeadm's minute for one call of the API is short where two processors carry five machines
PATIENCE = {"kubeadm.k8s.io/v1beta4": {"timeouts": {"kubernetesAPICall": "5m0s"}}}

# the same slow clockwork as in profiles/ha.yaml
ELECTIONS = {"heartbeat-interval": "1000", "election-timeout": "10000"}
LEASES = {"leader-elect-lease-duration": "60s", "leader-elect-renew-deadline": "40s", "leader-elect-retry-period": "8s"}

HAPROXY = """global
    log stdout format raw local0
defaults
    mode tcp
    timeout connect 5s
    timeout client 10m
    timeout server 10m
frontend api
    bind *:6443
    default_backend control-planes
backend control-planes
    option httpchk GET /readyz
    http-check expect status 200
    default-server inter 2s fall 3 rise 1 check check-ssl verify none
    server cp-1 10.77.0.11:6443
    server cp-2 10.77.0.12:6443
    server cp-3 10.77.0.13:6443
"""

CONTAINERD = """version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%s"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = true
"""

BOOTSTRAP = """#!/bin/bash
exec > >(tee -a /var/log/bootstrap.log >/dev/console) 2>&1
say() { echo "by-hand $(cut -d' ' -f1 /proc/uptime): $*"; }
modprobe overlay; modprobe br_netfilter; sysctl -q --system
systemctl restart containerd
if [ "$1" = join ]; then
  say "waiting for the API"
  until curl -fsk -o /dev/null --max-time 5 https://%(balancer)s:6443/readyz && curl -fsk -o /dev/null --max-time 5 https://%(before)s:6443/readyz; do sleep 2; done
fi
attempt=0
while :; do
  attempt=$((attempt + 1)); say "attempt $attempt: kubeadm $*"
  kubeadm "$@" && { say "done after $attempt attempts"; exit 0; }
  say "attempt $attempt failed"
  [ "$1" = init ] && exit 1
  kubeadm reset -f >/var/log/bootstrap-reset.log 2>&1; rm -rf /var/lib/etcd/member; sleep $((5 + RANDOM %% 10))
done
"""


def openssl(folder, *words):
    """Runs openssl in `folder`; returns its output as bytes."""
    return subprocess.run(["openssl", *words], cwd=folder, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def seed_iso(folder):
    """Makes `folder`/seed.iso of the NoCloud documents in `folder`."""
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-V", "cidata", "-J", "-r", "-o", "seed.iso", "user-data", "meta-data", "network-config"],
                   cwd=folder, check=True, stderr=subprocess.DEVNULL)


def arguments(version, values):
    """Extra arguments in the shape of the kubeadm API that `version` reads."""
    minor = int(version.split(".")[1])
    return [{"name": name, "value": value} for name, value in values.items()] if minor >= 31 else values


def kubeadm_api(version):
    """The kubeadm API version that kubeadm `version` writes."""
    minor = int(version.split(".")[1])
    return "kubeadm.k8s.io/" + ("v1beta4" if minor >= 31 else "v1beta3" if minor >= 22 else "v1beta2")


def documents(*parts):
    """Several JSON documents as one YAML stream."""
    return "---\n".join(json.dumps(part, indent=1) + "\n" for part in parts)


def discovery_hash(folder):
    """The discovery hash of `folder`/ca.crt: SHA-256 of its DER SubjectPublicKeyInfo."""
    der = openssl(folder, "rsa", "-in", "ca.key", "-pubout", "-outform", "DER")
    return "sha256:" + hashlib.sha256(der).hexdigest()


def administrator(folder):
    """Writes `folder`/admin.kubeconfig, a client that every release takes for an administrator."""
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "admin.key", "-out", "admin.csr", "-subj", "/O=system:masters/CN=by-hand")
    openssl(folder, "x509", "-req", "-in", "admin.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out", "admin.crt")

    def data(name):
        with open(os.path.join(folder, name), "rb") as source:
            return base64.b64encode(source.read()).decode()

    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "by-hand",
        "clusters": [{"name": "by-hand", "cluster": {"certificate-authority-data": data("ca.crt"), "server": f"https://{BALANCER}:6443"}}],
        "users": [{"name": "admin", "user": {"client-certificate-data": data("admin.crt"), "client-key-data": data("admin.key")}}],
        "contexts": [{"name": "by-hand", "context": {"cluster": "by-hand", "user": "admin"}}],
    }
    with open(os.path.join(folder, "admin.kubeconfig"), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        json.dump(config, out, indent=1)


def write(folder, version, pause_image):
    """Writes the reference cluster of Kubernetes `version` (1.37.2) under the new `folder`."""
    os.makedirs(folder, mode=0o700)
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-sha256", "-days", "30",
            "-subj", "/CN=kubernetes", "-addext", "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign")
    administrator(folder)
    token = f"{secrets.token_hex(3)}.{secrets.token_hex(8)}"
    certificate_key, ca_hash, api = secrets.token_hex(32), discovery_hash(folder), kubeadm_api(version)

    def read(name):
        with open(os.path.join(folder, name)) as source:
            return source.read()

    for index, (name, role, address) in enumerate(NODES):
        files, commands = [], []

        def put(path, content, mode="0644"):
            files.append({"path": path, "content": content, "permissions": mode})

        if role == "load-balancer":
            put("/etc/haproxy/haproxy.cfg", HAPROXY)
            commands = [["systemctl", "enable", "haproxy"], ["systemctl", "restart", "haproxy"]]
        else:
            put("/etc/modules-load.d/k8s.conf", "overlay\nbr_netfilter\n")
            put("/etc/sysctl.d/99-k8s.conf", "net.ipv4.ip_forward=1\nnet.bridge.bridge-nf-call-iptables=1\nnet.bridge.bridge-nf-call-ip6tables=1\n")
            put("/etc/containerd/config.toml", CONTAINERD % pause_image)
            put("/etc/cni/net.d/10-bridge.conflist", json.dumps({
                "cniVersion": "0.4.0", "name": "by-hand", "plugins": [{
                    "type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True,
                    "ipam": {"type": "host-local", "ranges": [[{"subnet": f"10.244.{index}.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}))
            registration = {"name": name, "criSocket": "unix:///run/containerd/containerd.sock", "kubeletExtraArgs": arguments(version, {"node-ip": address}),
                            "ignorePreflightErrors": ["NumCPU"]}
            # control planes are joined one after another
            before = NODES[index - 1][2] if role == "control-plane" else BALANCER
            local = {"advertiseAddress": address, "bindPort": 6443}
            founds = role == "control-plane" and index == 1
            if founds:
                put("/etc/kubernetes/pki/ca.crt", read("ca.crt"))
                put("/etc/kubernetes/pki/ca.key", read("ca.key"), "0600")
                put("/etc/kubernetes/kubeadm.yaml", documents(
                    {"apiVersion": api, "kind": "InitConfiguration", "certificateKey": certificate_key, "localAPIEndpoint": local, "nodeRegistration": registration,
                     **PATIENCE.get(api, {}),
                     "bootstrapTokens": [{"token": token, "ttl": "24h0m0s", "usages": ["signing", "authentication"], "groups": ["system:bootstrappers:kubeadm:default-node-token"]}]},
                    {"apiVersion": api, "kind": "ClusterConfiguration", "kubernetesVersion": f"v{version}", "controlPlaneEndpoint": f"{BALANCER}:6443", "networking": {"podSubnet": "10.244.0.0/16"},
                     "etcd": {"local": {"extraArgs": arguments(version, ELECTIONS)}},
                     "controllerManager": {"extraArgs": arguments(version, LEASES)}, "scheduler": {"extraArgs": arguments(version, LEASES)}},
                    {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "cgroupDriver": "systemd"}), "0600")
                commands = [["/usr/local/sbin/bootstrap", "init", "--config", "/etc/kubernetes/kubeadm.yaml", "--upload-certs"]]
            else:
                join = {"apiVersion": api, "kind": "JoinConfiguration", "nodeRegistration": registration,
                        "discovery": {"bootstrapToken": {"apiServerEndpoint": f"{BALANCER}:6443", "token": token, "caCertHashes": [ca_hash]}}}
                if role == "control-plane":
                    join["controlPlane"] = {"certificateKey": certificate_key, "localAPIEndpoint": local}
                put("/etc/kubernetes/kubeadm.yaml", documents(join), "0600")
                commands = [["/usr/local/sbin/bootstrap", "join", "--config", "/etc/kubernetes/kubeadm.yaml"]]
            put("/usr/local/sbin/bootstrap", BOOTSTRAP % {"balancer": BALANCER, "before": before}, "0755")

        node = os.path.join(folder, "nodes", name)
        os.makedirs(node)
        mac = f"52:54:00:77:00:{int(address.rsplit('.', 1)[1]):02x}"
        for document, text in (
                ("meta-data", json.dumps({"instance-id": f"by-hand-{name}-{token[:6]}", "local-hostname": name})),
                ("network-config", json.dumps({"version": 2, "ethernets": {"nic0": {
                    "match": {"macaddress": mac}, "set-name": "eth0", "addresses": [f"{address}/24"], "routes": [{"to": "0.0.0.0/0", "via": "10.77.0.1"}]}}})),
                ("user-data", "#cloud-config\n" + json.dumps({"write_files": files, "runcmd": commands}))):
            with open(os.path.join(node, document), "w") as out:
                out.write(text)
        seed_iso(node)
    with open(os.path.join(folder, "manifest.json"), "w") as out:
        json.dump({"nodes": {name: {"role": role} for name, role, _ in NODES}}, out)
