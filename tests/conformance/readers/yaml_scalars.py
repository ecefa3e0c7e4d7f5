"""Reads every YAML document we hand out the way cloud-init's and kubeadm's readers do, and asks that text stays text.

Usage: yaml_scalars.py RENDERED
In:  user-data, meta-data, vendor-data, network-config of every node; every YAML file and kubeconfig a machine receives;
admin.kubeconfig; the profile. Out: verdicts.
Checked: `safe_load` succeeds; no key twice; every key text; every scalar quoted or a literal block, save those that the
reader's type demands otherwise and those the profile's author wrote so; every quoted string of the pasted kubeadm documents
arrives unchanged. Third-party documents (add-on manifests, policies) need only load.
"""

import os
import re
import sys

import yaml

import rendered
from checks import Checks

CLOUD_INIT = ("user-data", "meta-data", "vendor-data", "network-config")
# Where a document's type wants a number or a truth value: kind (or cloud-init document) → paths.
TYPED = {
    "user-data": r"preserve_hostname|manage_etc_hosts|swap/.*|write_files/\d+/defer",
    "network-config": r"version|ethernets/[^/]+/(dhcp4|dhcp6|accept-ra|optional|mtu|link-local)|ethernets/[^/]+/routes/\d+/on-link",
    "InitConfiguration": r"localAPIEndpoint/bindPort|nodeRegistration/imagePullSerial",
    "JoinConfiguration": r"controlPlane/localAPIEndpoint/bindPort|nodeRegistration/imagePullSerial"
    r"|discovery/bootstrapToken/unsafeSkipCAVerification",
    "ClusterConfiguration": r"(apiServer|controllerManager|scheduler)/extraVolumes/\d+/readOnly|dns/disabled|proxy/disabled",
    "KubeletConfiguration": r"failSwapOn|rotateCertificates|serverTLSBootstrap|serializeImagePulls",
    "KubeProxyConfiguration": r"$^",
    "Config": r"$^",
}
# Which pasted documents reach which generated kind.
PASTED = {
    "initConfiguration": "InitConfiguration",
    "clusterConfiguration": "ClusterConfiguration",
    "kubeletConfiguration": "KubeletConfiguration",
    "kubeProxyConfiguration": "KubeProxyConfiguration",
    "joinConfiguration": "JoinConfiguration",
}


class StrictLoader(yaml.SafeLoader):
    """safe_load that refuses a key said twice, which PyYAML would let pass."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(k) for k in keys if keys.count(k) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"key said twice: {', '.join(twice)}", node.start_mark)
        return super().construct_mapping(node, deep)


def scalars(node, path=()):
    """Yields (path, node, is_key) of every scalar below a composed node."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield path, key, True
            yield from scalars(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from scalars(item, (*path, str(index)))
    else:
        yield path, node, False


def documents(text):
    """The composed documents of a stream, empty ones left out; refuses keys said twice."""
    list(yaml.load_all(text, Loader=StrictLoader))
    return [node for node in yaml.compose_all(text, Loader=yaml.SafeLoader) if node is not None]


def top(node, key):
    """A top-level scalar's text, or None."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key and isinstance(value, yaml.ScalarNode):
                return value.value
    return None


OF_ONE_NODE = "/etc/kubernetes/kubelet.conf.d/50-node.conf"


def pasted_documents(directory):
    """generated kind → the composed document the profile's author pasted for it; and the same by node, for one node alone."""
    with open(f"{directory}/profile.yaml", "rb") as handle:
        profile = yaml.compose(handle, Loader=yaml.SafeLoader)
    of = lambda node: {PASTED[key.value]: value for key, value in node.value if key.value in PASTED}  # noqa: E731
    nodes = next(value for key, value in profile.value if key.value == "nodes")
    return of(profile), {top(node, "name"): of(node) for node in nodes.value}


def authored_plain(pasted):
    """Texts of the scalars that the author wrote without quotes: these may be numbers or truth values."""
    return {node.value for _, node, is_key in scalars(pasted) if not is_key and node.style is None}


def unquoted(node, typed, plain):
    """What in a document of ours is neither quoted, nor a block, nor meant to be a number or truth value."""
    found = []
    for path, scalar, is_key in scalars(node):
        where = "/".join(path)
        if is_key:
            if scalar.tag != "tag:yaml.org,2002:str":
                found.append(f"{where}: the key {scalar.value!r} is read as {scalar.tag.rsplit(':', 1)[1]}")
        elif scalar.style is None and not re.fullmatch(typed, where) and scalar.value not in plain:
            found.append(f"{where}: unquoted, read as {scalar.tag.rsplit(':', 1)[1]}")
    return found


def check_ours(checks, subject, name, text, pasted):
    """A document whose every scalar we wrote."""
    try:
        nodes = documents(text)
    except yaml.YAMLError as trouble:
        mark = getattr(trouble, "problem_mark", None)
        checks.true(f"{subject} loads", False, f"{getattr(trouble, 'problem', trouble)} at line {mark.line + 1 if mark else '?'}")
        return []
    checks.true(f"{subject} loads", True, "")
    for node in nodes:
        kind = name if name in CLOUD_INIT else top(node, "kind")
        if kind not in TYPED and name not in CLOUD_INIT:
            continue
        plain = authored_plain(pasted[kind]) if kind in pasted else set()
        checks.same(f"{subject} {kind} scalars", unquoted(node, TYPED.get(kind, r"$^"), plain), [])
    return nodes


def check_arrival(checks, subject, nodes, pasted):
    """Every quoted string of the pasted documents is a text value of the generated document of that kind."""
    for node in nodes:
        kind = top(node, "kind")
        if kind not in pasted:
            continue
        arrived = {s.value for _, s, is_key in scalars(node) if not is_key and s.tag == "tag:yaml.org,2002:str"}
        for path, scalar, is_key in scalars(pasted[kind]):
            if not is_key and scalar.style is not None:
                where = "/".join(path)
                checks.true(f"{subject} {kind} {where} arrives", scalar.value in arrived, f"{scalar.value!r} is not there")


def is_yaml(path):
    """Whether a machine's file is YAML by its name."""
    return path.endswith((".yaml", ".yml")) or (path.endswith(".conf") and path.startswith(("/etc/kubespore/", "/etc/kubernetes/")))


def main(directory):
    """Checks one rendering."""
    checks = Checks()
    cluster = os.path.basename(directory)
    pasted, pasted_for = pasted_documents(directory)
    for node in sorted(os.listdir(f"{directory}/out/nodes")):
        # Ignition's nodes have JSON there; their files are looked at all the same.
        for name in CLOUD_INIT if os.path.exists(f"{directory}/out/nodes/{node}/user-data") else ():
            with open(f"{directory}/out/nodes/{node}/{name}", "rb") as handle:
                check_ours(checks, f"{cluster}/{node} {name}", name, handle.read(), {})
        for path, here in rendered.machine_files(directory, node):
            if is_yaml(path):
                said = pasted_for[node] if path == OF_ONE_NODE else pasted
                with open(here, "rb") as handle:
                    nodes = check_ours(checks, f"{cluster}/{node} {path}", path, handle.read(), said)
                check_arrival(checks, f"{cluster}/{node} {path}", nodes, said)
    with open(f"{directory}/out/admin.kubeconfig", "rb") as handle:
        check_ours(checks, f"{cluster} admin.kubeconfig", "admin.kubeconfig", handle.read(), {})
    checks.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
