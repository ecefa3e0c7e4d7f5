"""Has a real kubeadm read every document, take up our PKI, and rehearse init and join.

Usage: kubeadm.py KUBEADM RENDERED SCRATCH BUSYBOX
In:  a kubeadm of the release the rendering is for; a static busybox. Out: verdicts.
Every act runs in a root made of the machine's own files, with no network but loopback. `init --dry-run` yields what the API
server would hold; `join --dry-run` of every other node then finds that behind the endpoint's address (see endpoint.py). Where
`join` cannot be rehearsed, its first phase runs; the images it wants are there, says a crictl of our own.
kubeadm's own output may hold secrets: it stays in SCRATCH, and only lines about warnings and errors are quoted.
"""

import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys

import yaml

import rendered
from checks import Checks

HERE = os.path.dirname(os.path.abspath(__file__))
CELL = os.path.join(HERE, "..", "kubeadm", "cell")
ENDPOINT = os.path.join(HERE, "..", "kubeadm", "endpoint.py")
OWN = "/etc/kubespore"
# klog warnings of a rehearsal that are not about our documents: where it writes, and what this root lacks.
ABOUT_THE_HOST = re.compile(
    r"dry-run directory|systemd-resolved|no supported init system|container runtime|sandbox image|no default routes|"
    "cannot obtain the version of the kubelet"
)
# What `join` before 1.37 says in every IPv4 cluster: it judges kube-proxy's address by an advertised one, which a joining machine does not
# have (`kubeProxyDefaultBindAddress("")` in cmd/kubeadm/app/componentconfigs/kubeproxy.go).
OF_EVERY_JOIN = 'recommended value for "bindAddress" in "KubeProxyConfiguration" is: ::; the provided value is: 0.0.0.0'
BIND_ADDRESS_JUDGED_BEFORE = 37
# What `join` says where `pki.distribution` is `reduced`: these keys are meant to be nowhere on the machine.
KEYLESS = re.compile(r"assuming external key for (front-proxy|etcd) CA:")
# The first minor whose `join` can be rehearsed, and the first whose rehearsed `init` finds the token it says it made.
JOIN_REHEARSED, UPLOAD_REHEARSED = 23, 24


class Machine:
    """A node's root directory and the runs of kubeadm in it."""

    def __init__(self, kubeadm, directory, node, scratch):
        self.node = node
        self.root = os.path.join(scratch, node)
        self.log = os.path.join(scratch, f"{node}.log")
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(os.path.join(directory, "machines", node), self.root)
        for parent in ("usr/bin", "etc/kubernetes/pki", "root"):
            os.makedirs(os.path.join(self.root, parent), exist_ok=True)
        try:
            os.link(kubeadm, self.path("/usr/bin/kubeadm"))
        except OSError:
            shutil.copy(kubeadm, self.path("/usr/bin/kubeadm"))
        kept = self.path(f"{OWN}/pki")
        if os.path.isdir(kept):
            shutil.copytree(kept, self.path("/etc/kubernetes/pki"), dirs_exist_ok=True)

    def path(self, inside):
        """Where a path of the machine is here."""
        return os.path.join(self.root, inside.lstrip("/"))

    def has_images(self, busybox):
        """Puts a crictl there that finds every image."""
        shutil.copy(busybox, self.path("/usr/bin/busybox"))
        with open(self.path("/usr/bin/crictl"), "w", encoding="ascii") as handle:
            handle.write("#!/usr/bin/busybox sh\nexit 0\n")
        os.chmod(self.path("/usr/bin/crictl"), 0o755)

    def documents(self, path):
        """The YAML documents of a machine's file."""
        with open(self.path(path), "rb") as handle:
            return [d for d in yaml.safe_load_all(handle) if d]

    def run(self, *arguments, addresses="", server="", seconds=120):
        """Runs kubeadm with these arguments: (exit status, all it said)."""
        try:
            done = subprocess.run(
                [CELL, self.root, addresses, server, "/usr/bin/kubeadm", *arguments],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, check=False,
            )
            status, said = done.returncode, done.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as late:
            status, said = 124, (late.stdout or b"").decode(errors="replace") + f"\nerror: not done after {seconds} s"
        with open(self.log, "a", encoding="utf-8") as handle:
            handle.write(f"$ kubeadm {' '.join(arguments)}\n{said}\n")
        return status, said


def complaints(said):
    """Warnings about our documents. Of the preflight checks, only the one about names: it reads our /etc/hosts."""
    lines = [line for line in said.splitlines() if re.match(r"W\d{4}|\s*\[WARNING Hostname", line)]
    return [line.split("] ", 1)[-1].strip()[:300] for line in lines if not ABOUT_THE_HOST.search(line)]


def trouble(said):
    """The lines that say what went wrong."""
    lines = [line for line in said.splitlines() if re.match(r"error|E\d{4}|\s*\[ERROR|W\d{4}|cell:|To see|fatal|panic", line)]
    return " | ".join(lines[-6:])[:900]


def accepted(checks, subject, status, said, expected=lambda _: False):
    """kubeadm succeeded and had nothing to say against the documents but what is `expected`."""
    good = checks.true(subject, status == 0, f"exit status {status}: {trouble(said)}")
    if good:
        checks.same(f"{subject}, warnings", [line for line in complaints(said) if not expected(line)], [])
    return good


def check_documents(checks, subject, machine, minor):
    """Every kubeadm document of a machine through kubeadm's strict reader (1.28 and later; migration before)."""
    for name in ("init", "join"):
        path = f"{OWN}/kubeadm/{name}.yaml"
        if not os.path.exists(machine.path(path)):
            continue
        checks.same(f"{subject} {path} mode", f"{os.stat(machine.path(path)).st_mode & 0o7777:04o}", "0600")
        act = ("validate", "--config") if minor >= 28 else ("migrate", "--new-config", "/dev/null", "--old-config")
        status, said = machine.run("config", *act, path)
        accepted(checks, f"{subject} config {act[0]} {name}.yaml", status, said)


def check_certificates(checks, subject, machine, endpoint_host):
    """`init phase certs all` takes up our authorities and issues an API server certificate that clients will accept."""
    before = contents(machine.path("/etc/kubernetes/pki"))
    status, said = machine.run("init", "phase", "certs", "all", "--config", f"{OWN}/kubeadm/init.yaml")
    if not accepted(checks, f"{subject} certs all", status, said):
        return
    # An etcd of other machines is none of kubeadm's business: it takes up no authority for it and makes no member's certificate.
    stacked = not external_etcd(machine)
    for authority in ("ca", "front-proxy-ca", *(["etcd/ca"] if stacked else [])):
        keyless = "" if os.path.exists(machine.path(f"/etc/kubernetes/pki/{authority}.key")) else "keyless "
        checks.true(f"{subject} uses our {authority}", f"Using existing {authority} {keyless}certificate authority" in said, "made its own")
    checks.true(f"{subject} uses our sa key", 'Using the existing "sa" key' in said, "made its own")
    after = contents(machine.path("/etc/kubernetes/pki"))
    checks.same(f"{subject} our PKI untouched", [p for p in sorted(before) if after.get(p) != before[p]], [])
    pki = machine.path("/etc/kubernetes/pki")
    flag = "-verify_ip" if is_address(endpoint_host) else "-verify_hostname"
    verify = ["openssl", "verify", "-CAfile", f"{pki}/ca.crt", "-purpose", "sslserver", flag, endpoint_host, f"{pki}/apiserver.crt"]
    done = subprocess.run(verify, capture_output=True, check=False)
    checks.true(f"{subject} API server's certificate is good for {endpoint_host}", done.returncode == 0, done.stderr.decode()[-200:])
    leaves = [("front-proxy-client", "front-proxy-ca"), ("apiserver-etcd-client", "etcd/ca")]
    for leaf, authority in leaves + ([("etcd/server", "etcd/ca")] if stacked else []):
        verify = ["openssl", "verify", "-CAfile", f"{pki}/{authority}.crt", f"{pki}/{leaf}.crt"]
        done = subprocess.run(verify, capture_output=True, check=False)
        checks.true(f"{subject} {leaf} verifies", done.returncode == 0, done.stderr.decode()[-200:])


def contents(directory):
    """relative path → bytes of everything below."""
    found = {}
    for top, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(top, name)
            with open(path, "rb") as handle:
                found[os.path.relpath(path, directory)] = handle.read()
    return found


def is_address(text):
    """Whether a host is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def attached_objects(said):
    """The objects that a dry run printed, in order."""
    objects, lines = [], None
    for line in said.splitlines():
        if line.startswith("[dryrun] Attached object:"):
            lines = []
        elif lines is not None and (line.startswith("[") or not line.strip()):
            objects.append("\n".join(lines))
            lines = None
        elif lines is not None:
            lines.append(line.removeprefix("\t"))
    parsed = [yaml.safe_load(text) for text in objects]
    return [thing for thing in parsed if isinstance(thing, dict) and "kind" in thing]


def wanted_arguments(documents):
    """component → its extraArgs in the generated ClusterConfiguration as `--name=value`, in either API shape."""
    configuration = next(d for d in documents if d["kind"] == "ClusterConfiguration")
    sections = {
        "kube-apiserver": configuration.get("apiServer"),
        "kube-controller-manager": configuration.get("controllerManager"),
        "kube-scheduler": configuration.get("scheduler"),
    }
    etcd = configuration.get("etcd", {})
    if "external" not in etcd:
        sections["etcd"] = etcd.get("local")
    found = {}
    for component, section in sections.items():
        arguments = (section or {}).get("extraArgs") or []
        pairs = arguments.items() if isinstance(arguments, dict) else [(a["name"], a["value"]) for a in arguments]
        found[component] = [f"--{name}={value}" for name, value in pairs]
    if "external" in etcd:
        files = {"etcd-cafile": "caFile", "etcd-certfile": "certFile", "etcd-keyfile": "keyFile"}
        found["kube-apiserver"] += [f"--{name}={etcd['external'][key]}" for name, key in files.items()]
        found["kube-apiserver"].append("--etcd-servers=" + ",".join(etcd["external"]["endpoints"]))
    return found


def external_etcd(machine):
    """Whether the founder's document says that etcd runs elsewhere."""
    return any("external" in document.get("etcd", {}) for document in machine.documents(f"{OWN}/kubeadm/init.yaml"))


def check_init(checks, subject, machine, join_tokens, minor):
    """`init --dry-run` goes through; arguments reach the manifests; every machine's token would be created. The objects, or None."""
    shared = minor >= UPLOAD_REHEARSED and any("certificateKey" in d for d in machine.documents(f"{OWN}/kubeadm/init.yaml"))
    upload = ["--upload-certs"] if shared else []
    status, said = machine.run(
        "init", "--dry-run", *upload, "--skip-token-print", "--ignore-preflight-errors=all", "--config", f"{OWN}/kubeadm/init.yaml",
        addresses=own_addresses(machine),
    )
    if not accepted(checks, f"{subject} init --dry-run", status, said):
        return None
    rehearsal = [d for d in os.listdir(machine.path("/etc/kubernetes/tmp")) if d.startswith("kubeadm-init-dryrun")]
    if not checks.same(f"{subject} rehearsal directories", len(rehearsal), 1):
        return None
    made = machine.path(f"/etc/kubernetes/tmp/{rehearsal[0]}")
    for component, arguments in wanted_arguments(machine.documents(f"{OWN}/kubeadm/init.yaml")).items():
        with open(f"{made}/{component}.yaml", "rb") as handle:
            command = yaml.safe_load(handle)["spec"]["containers"][0]["command"]
        checks.same(f"{subject} {component} arguments missing", [a for a in arguments if a not in command], [])
    checks.same(f"{subject} makes an etcd of its own", os.path.exists(f"{made}/etcd.yaml"), not external_etcd(machine))
    created = {thing["metadata"]["name"] for thing in attached_objects(said) if thing["kind"] == "Secret"}
    # A machine whose credential is a certificate has no token.
    for node, token in sorted((node, token) for node, token in join_tokens.items() if token):
        identity = token.split(".")[0]
        checks.true(f"{subject} creates {node}'s token", f"bootstrap-token-{identity}" in created, f"token id {identity} is not created")
    return attached_objects(said)


def token_of(documents):
    """The bootstrap token of a JoinConfiguration."""
    discovery = next(d for d in documents if d["kind"] == "JoinConfiguration")["discovery"]
    return discovery.get("tlsBootstrapToken") or discovery.get("bootstrapToken", {}).get("token")


def own_addresses(machine, *more):
    """Addresses that a machine's loopback must have: its advertised ones and `more`."""
    found = list(more)
    for name in ("init", "join"):
        path = f"{OWN}/kubeadm/{name}.yaml"
        if os.path.exists(machine.path(path)):
            for document in machine.documents(path):
                plane = document.get("controlPlane") or document
                found.append((plane.get("localAPIEndpoint") or {}).get("advertiseAddress"))
    return ",".join(dict.fromkeys(f"{a}/{ipaddress.ip_address(a).max_prefixlen}" for a in found if a))


def address_of(machine, host):
    """Where the machine's own /etc/hosts sends the endpoint's name; loopback's own address when it leaves that to DNS."""
    if is_address(host):
        return host
    hosts = machine.path("/etc/hosts")
    if os.path.exists(hosts):
        with open(hosts, encoding="utf-8") as handle:
            for line in handle:
                words = line.split("#")[0].split()
                if host in words[1:]:
                    return words[0]
    with open(hosts, "a", encoding="utf-8") as handle:
        handle.write(f"127.0.0.1 {host}\n")
    return None


def check_join(checks, subject, machine, act, endpoint, objects, pki, scratch, expected):
    """An act of joining finds the cluster behind the endpoint, trusts it, is let in with its own credential, and warns of what is `expected`."""
    host, port = endpoint.rsplit(":", 1)
    host = host.strip("[]")
    seen, held = os.path.join(scratch, f"{machine.node}.seen"), os.path.join(scratch, "objects.json")
    with open(held, "w", encoding="utf-8") as handle:
        json.dump(objects, handle)
    server = f"{sys.executable} {ENDPOINT} {port} {pki} {held} {seen}"
    status, said = machine.run(
        "join", *act, "--ignore-preflight-errors=all", "--config", f"{OWN}/kubeadm/join.yaml",
        addresses=own_addresses(machine, address_of(machine, host)), server=server,
    )
    accepted(checks, f"{subject} join {' '.join(act)}", status, said, expected)
    asked = []
    if os.path.exists(seen):
        with open(seen, encoding="ascii") as handle:
            asked = handle.read().splitlines()
    checks.true(
        f"{subject} reads the cluster's configuration with its credential",
        "200 GET /api/v1/namespaces/kube-system/configmaps/kubeadm-config" in asked,
        f"the endpoint saw {asked[:6]}",
    )


def main(kubeadm, directory, scratch, busybox):
    """Tries one rendering."""
    os.umask(0o077)
    checks = Checks()
    cluster = os.path.basename(directory)
    profile = rendered.profile(directory)
    minor = int(profile["kubernetesVersion"].lstrip("v").split(".")[1])
    release = subprocess.run([kubeadm, "version", "-o", "short"], check=True, capture_output=True, text=True).stdout.strip()
    machines = {
        node: Machine(kubeadm, directory, node, scratch)
        for node, role in rendered.roles(directory).items()
        if role in ("control-plane", "worker")
    }
    founders = [m for m in machines.values() if os.path.exists(m.path(f"{OWN}/kubeadm/init.yaml"))]
    checks.same(f"{cluster} founders", len(founders), 1)
    tokens = {}
    for node, machine in machines.items():
        check_documents(checks, f"{release} {cluster}/{node}", machine, minor)
        tokens[node] = token_of(machine.documents(f"{OWN}/kubeadm/join.yaml"))
    founder = founders[0]
    subject = f"{release} {cluster}/{founder.node}"
    pki = founder.path("/etc/kubernetes/pki")
    alone = minor < 33
    # Before 1.36 the rehearsal copies the cluster's CA alone into its own directory and then misses the other two (`runCAPhase` in
    # cmd/kubeadm/app/cmd/phases/init/certs.go): it makes all keys itself instead; `init phase certs all` below shows what it makes of ours.
    forgetful = minor < 36
    if forgetful:
        os.rename(pki, pki + ".kept")
        os.mkdir(pki)
    rehearsed = check_init(checks, subject, founder, tokens, minor)
    if forgetful:
        shutil.rmtree(pki)
        os.rename(pki + ".kept", pki)
    check_certificates(checks, subject, founder, profile["controlPlaneEndpoint"].rsplit(":", 1)[0].strip("[]"))
    reduced = profile.get("pki", {}).get("distribution") == "reduced"

    def expected(line):
        return (minor < BIND_ADDRESS_JUDGED_BEFORE and OF_EVERY_JOIN in line) or (reduced and KEYLESS.match(line))

    if rehearsed:
        for node, machine in machines.items():
            if machine is not founder:
                # Their rehearsal of a control plane asks a real etcd in these phases.
                plane = os.path.isdir(machine.path(f"{OWN}/pki/etcd"))
                act = ("--dry-run", *(["--skip-phases=check-etcd,control-plane-join"] if alone and plane else []))
                if minor < JOIN_REHEARSED:
                    # This phase discovers the cluster and reads its configuration, and changes nothing.
                    act = ("phase", "preflight")
                    machine.has_images(busybox)
                check_join(checks, f"{release} {cluster}/{node}", machine, act, profile["controlPlaneEndpoint"], rehearsed, pki, scratch, expected)
    checks.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
