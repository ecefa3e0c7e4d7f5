"""A cluster seen from outside: what its API, its etcd and its machines say.

In:  a folder in the shape of `kubespore render`'s output (manifest.json, admin.kubeconfig,
     nodes/NAME/network-config and one seed image) and a lab to put its machines into.
Out: the verbs that scenarios are made of.
Absent: what a scenario expects of them.
"""

import base64
import concurrent.futures
import http.client
import json
import os
import re
import shlex
import socket
import ssl
import subprocess
import tempfile
import time

from lab import Machine


class Failed(Exception):
    """A scenario's expectation did not hold; the text says which."""


class Api:
    """The Kubernetes API, asked with the pre-computed kubeconfig but at any address."""

    def __init__(self, kubeconfig):
        with open(kubeconfig) as source:
            text = source.read()

        def field(name):
            found = re.search(rf'"?{name}"?:\s*"?([^"\s,}}]+)', text)
            if not found:
                raise Failed(f"{kubeconfig} has no {name}")
            return found.group(1)

        self.host, _, self.port = field("server").removeprefix("https://").rpartition(":")
        self.context = ssl.create_default_context(cadata=base64.b64decode(field("certificate-authority-data")).decode())
        with tempfile.NamedTemporaryFile("wb") as pair:  # the standard library reads a client's key from a file only
            for name in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(field(name)) + b"\n")
            pair.flush()
            self.context.load_cert_chain(pair.name)

    def get(self, path, address, seconds=8, text=False):
        """The object (or plain text) at `path` as the API server behind `address` shows it, or None when there is no answer of 200."""
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=seconds)
        try:
            plain = socket.create_connection((address, int(self.port)), timeout=seconds)
            connection.sock = self.context.wrap_socket(plain, server_hostname=self.host)
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                return None
            return body.decode() if text else json.loads(body)
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()


def addresses_of(network_config):
    """(first address, MAC or None) in a network-config document."""
    with open(network_config) as source:
        text = source.read()
    address = re.search(r"\b((?:\d+\.){3}\d+)/\d+", text)
    mac = re.search(r"\b((?:[0-9a-f]{2}:){5}[0-9a-f]{2})\b", text, re.I)
    if not address or not mac:
        raise Failed(f"{network_config} names no address or no MAC")
    return address.group(1), mac.group(1).lower()


ROLES = ("load-balancer", "control-plane", "worker", "etcd")
"""The order in which machines are dealt out to processors."""

SEEDS = ("seed.iso", "seed.img", "config-drive.iso")
"""The images that a disk drive can take: NoCloud on ISO 9660 and on FAT, and a config drive."""


def seed_of(folder, name):
    """The one image among the rendered `folder`'s files of node `name` that a machine boots with."""
    node = os.path.join(folder, "nodes", name)
    seeds = [os.path.join(node, each) for each in SEEDS if os.path.exists(os.path.join(node, each))]
    if len(seeds) != 1:
        raise Failed(f"{name} has {len(seeds)} seed images to boot from")
    return seeds[0]


class Cluster:
    """The machines of one rendered folder, and questions to them."""

    def __init__(self, lab, release, folder, bundle, profile, record):
        """`release` is the plan's entry of a Kubernetes version; `bundle` the secrets bundle and `profile` what was
        rendered, None when there is none; `record(machine or None, event)` is called for everything worth a line in the report."""
        self.folder, self.bundle, self.profile, self.record, self.kubectl_binary = folder, bundle, profile, record, release["kubectl"]
        with open(os.path.join(folder, "manifest.json")) as source:
            nodes = json.load(source)["nodes"]
        dealt = sorted(nodes, key=lambda name: ROLES.index(nodes[name]["role"]))
        self.machines = {}
        for name, facts in nodes.items():
            address, mac = addresses_of(os.path.join(folder, "nodes", name, "network-config"))
            self.machines[name] = Machine(lab, release["version"], name, facts["role"], address, mac, seed_of(folder, name), dealt.index(name))
        self.kubeconfig = os.path.join(folder, "admin.kubeconfig")
        self.api = Api(self.kubeconfig)
        self.control_planes = [each for each in self.machines.values() if each.role == "control-plane"]
        self.workers = [each for each in self.machines.values() if each.role == "worker"]
        self.balancers = [each for each in self.machines.values() if each.role == "load-balancer"]
        self.members = self.control_planes + self.workers
        self.etcd_machines = [each for each in self.machines.values() if each.role == "etcd"]
        self.voting = self.etcd_machines or self.control_planes
        """The machines that run etcd."""
        founders = [name for name, facts in nodes.items() if "/etc/kubespore/kubeadm/init.yaml" in facts.get("machine", {})]
        self.founder = self.machines[founders[0]] if founders else self.control_planes[0]
        self.entry = (self.balancers or self.control_planes)[0].address
        """Where the control-plane endpoint leads."""
        with open("/etc/hosts", "a") as hosts:
            hosts.write(f"{self.entry} {self.api.host}\n")

    # --- power

    def power_on(self, *machines):
        """Powers `machines` on in the same instant."""
        for machine in machines:
            machine.power_on()
            self.record(machine, "power on")

    def power_cut(self, *machines):
        for machine in machines:
            machine.power_cut()
            self.record(machine, "power cut")

    def wipe(self, *machines):
        for machine in machines:
            machine.wipe()
            self.record(machine, "wiped")

    def off(self):
        """Cuts every machine's power, for the end of a scenario."""
        for machine in self.machines.values():
            machine.power_cut()

    # --- questions

    def nodes(self):
        """{name: Node object} from the endpoint, or from any control plane when it does not answer; {} when none does."""
        for address in [self.entry] + [each.address for each in self.control_planes if each.is_on]:
            found = self.api.get("/api/v1/nodes", address)
            if found:
                return {each["metadata"]["name"]: each for each in found["items"]}
        return {}

    def etcd(self, path, machine, body="{}"):
        """What the etcd on `machine` answers to a JSON gateway call, or None."""
        pki = "/etc/kubespore/pki/etcd" if machine.role == "etcd" else "/etc/kubernetes/pki/etcd"
        text = machine.ssh(
            f"curl -s --max-time 5 --cacert {pki}/ca.crt --cert {pki}/healthcheck-client.crt --key {pki}/healthcheck-client.key"
            f" -d '{body}' https://127.0.0.1:2379/v3/{path}", seconds=15)
        try:
            return json.loads(text) if text else None
        except ValueError:
            return None

    def membership(self):
        """(cluster id, [(name, is a started voter)]) by a linearizable read on some machine that runs etcd, or (None, [])."""
        for machine in self.voting:
            if not machine.is_on or not self.etcd("kv/range", machine, '{"key": "AA=="}'):
                continue
            answer = self.etcd("cluster/member/list", machine)
            if answer and "members" in answer:
                return answer["header"]["cluster_id"], [
                    (each.get("name", ""), bool(each.get("name")) and not each.get("isLearner", False)) for each in answer["members"]]
        return None, []

    def voters(self):
        """Names of the started voting members."""
        return sorted(name for name, votes in self.membership()[1] if votes)

    def cluster_id(self):
        """etcd's cluster id, or None."""
        return self.membership()[0]

    def system_uid(self):
        """The uid of kube-system, the identity that Kubernetes tools go by; None when no API server answers."""
        for address in [self.entry] + [each.address for each in self.control_planes if each.is_on]:
            found = self.api.get("/api/v1/namespaces/kube-system", address)
            if found:
                return found["metadata"]["uid"]
        return None

    def identities(self):
        """Every kube-system uid that the endpoint and the control planes show: more than one means two clusters."""
        seen = set()
        for address in [self.entry] * 4 + [each.address for each in self.control_planes if each.is_on]:
            found = self.api.get("/api/v1/namespaces/kube-system", address)
            if found:
                seen.add(found["metadata"]["uid"])
        return sorted(seen)

    def status(self, machine):
        """The machine's own status.json, {} while there is none or it is out of reach."""
        text = machine.ssh("cat /var/lib/kubespore/status.json", seconds=15)
        try:
            return json.loads(text) if text else {}
        except ValueError:
            return {}

    def statuses(self, machines):
        """[(machine, its status.json)], asked all at once."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(zip(machines, pool.map(self.status, machines)))

    def kubectl(self, *words):
        """What kubectl prints through the endpoint with the pre-computed kubeconfig; fails the scenario when it fails."""
        done = subprocess.run([self.kubectl_binary, "--kubeconfig", self.kubeconfig, "--request-timeout=20s", *words],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            raise Failed(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def authority(self):
        """The key identifier of who certified the API servers; fails the scenario when they differ."""
        found = set()
        for machine in self.control_planes:
            certificate = ssl.get_server_certificate((machine.address, int(self.api.port)), timeout=10)
            said = subprocess.run(["openssl", "x509", "-noout", "-ext", "authorityKeyIdentifier"], input=certificate, text=True,
                                  stdout=subprocess.PIPE, check=True).stdout
            found.add(said.split("\n")[1].strip())
        if len(found) != 1:
            raise Failed(f"API servers are certified by {sorted(found)}")
        return found.pop()

    def lets_in(self, kubeconfig):
        """Whether an API server answers a client of `kubeconfig`, a text, that verifies it by today's authority."""
        pattern = r'("?certificate-authority-data"?:\s*)"?[^"\s]+"?'
        with open(self.kubeconfig) as source:
            today = re.search(pattern, source.read()).group(0)
        with tempfile.NamedTemporaryFile("w") as mixed:
            mixed.write(re.sub(pattern, lambda _: today, kubeconfig))
            mixed.flush()
            client = Api(mixed.name)
        return any(client.get("/api/v1/nodes", machine.address) for machine in self.control_planes)

    def paste(self, commands, binary):
        """Runs `commands` as an operator's shell would beside the profile, who has `binary` as kubespore, kubectl, and a key for root's ssh."""
        options = " ".join(shlex.quote(word) for word in self.founder.ssh_options())
        shell = [f"kubespore() {{ {shlex.quote(binary)} \"$@\"; }}", f"kubectl() {{ {shlex.quote(self.kubectl_binary)} \"$@\"; }}",
                 f"ssh() {{ command ssh {options} \"$@\"; }}"]
        for command in commands:
            shell += [f"echo {shlex.quote('+ ' + command)}", command]
        done = subprocess.run(["bash", "-ec", "\n".join(shell)], cwd=os.path.dirname(self.profile), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise Failed(f"pasted commands end with {done.returncode}: {done.stdout[-2000:]}")
        self.api = Api(self.kubeconfig)

    # --- waiting

    @staticmethod
    def is_ready(node):
        return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", []))

    def wait(self, what, holds, seconds, pause=2.0):
        """Waits until `holds()` is true; fails the scenario after `seconds`, saying `what` and the last answer that was not true."""
        deadline = time.monotonic() + seconds
        while True:
            answer = holds()
            if answer is True:
                return
            if time.monotonic() > deadline:
                raise Failed(f"after {seconds} s still not {what}: {answer}")
            time.sleep(pause)

    def formed(self):
        """True when every declared node is Ready and labelled, and every machine of etcd's is a voter; else what is missing."""
        nodes = self.nodes()
        missing = []
        for machine in self.members:
            node = nodes.get(machine.name)
            if node is None:
                missing.append(f"{machine.name} absent")
            elif not self.is_ready(node):
                missing.append(f"{machine.name} not Ready")
            elif machine.role == "control-plane" and "node-role.kubernetes.io/control-plane" not in node["metadata"]["labels"]:
                missing.append(f"{machine.name} without its label")
            elif machine.name not in self.ready_at:
                self.ready_at[machine.name] = time.monotonic()
                self.record(machine, "Ready")
        if not missing:
            voters = self.voters()
            wanted = sorted(each.name for each in self.voting)
            if voters != wanted:
                missing.append(f"voters are {voters}")
        return True if not missing else ", ".join(missing)

    def wait_formed(self, seconds):
        """Waits until the cluster is whole; returns how long that took."""
        began = time.monotonic()
        self.ready_at = {}
        self.wait("formed", self.formed, seconds)
        took = time.monotonic() - began
        self.record(None, f"formed after {took:.0f} s")
        return took

    def settled(self, machines=None):
        """True when every one of `machines` (all but balancers unless given) says in its status.json that it is done; else who does not."""
        waiting = [" ".join([machine.name] + [status[key] for key in ("phase", "result", "reason", "text") if status.get(key)] or ["silent"])
                   for machine, status in self.statuses(machines or self.members + self.etcd_machines) if status.get("result") != "done"]
        return True if not waiting else ", ".join(waiting)

    def wait_settled(self, seconds):
        """Waits until every first boot has ended by its own word."""
        self.wait("settled", self.settled, seconds, pause=5.0)
        self.record(None, "settled")
