"""Has real kubeadms migrate our oldest documents hop by hop, and compares every field a user gave with ours for that release.

Usage: migrate.py SCRATCH FIRST VERSION=KUBEADM...
In:  SCRATCH/<version>/ with profile.yaml and machines/{cp-1,w-1}, rendered from one profile for FIRST and each VERSION.
Out: verdicts. Three things have to agree on each field: what the user wrote, what kubeadm makes of it in its newer shape,
and what kubespore renders for that release. From the first hop on nothing of ours may be lost either.
"""

import os
import re
import sys

import yaml

import rendered
from checks import Checks
from kubeadm import OWN, Machine, trouble

KINDS = {"initConfiguration": "InitConfiguration", "clusterConfiguration": "ClusterConfiguration", "joinConfiguration": "JoinConfiguration"}
FILES = {"cp-1": "init", "w-1": "join"}
# What distinguishes the entries of a list of mappings.
NAMES = ("name", "token", "key")
V1BETA3, V1BETA4 = "v1beta3", "v1beta4"
# Field → the shape that moved it, and where to; None: dropped, because one choice remained.
MOVED = {
    "ClusterConfiguration/useHyperKubeImage": (V1BETA3, None),
    "ClusterConfiguration/dns/type": (V1BETA3, None),
    "ClusterConfiguration/apiServer/timeoutForControlPlane": (V1BETA4, "InitConfiguration/timeouts/controlPlaneComponentHealthCheck"),
    "JoinConfiguration/discovery/timeout": (V1BETA4, "JoinConfiguration/timeouts/discovery"),
}


def leaves(value, path=""):
    """path → text of every scalar; entries of lists are told apart by what they name, arguments are a mapping in every shape."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}/{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            if not isinstance(item, dict):
                yield f"{path}[{item}]", "listed"
            elif path.endswith("xtraArgs"):
                yield f"{path}/{item['name']}", text(item["value"])
            else:
                name = next(item[key] for key in NAMES if key in item)
                yield from leaves(item, f"{path}[{name}]")
    else:
        yield path, text(value)


def text(value):
    """A scalar as YAML writes it: the profile is read as text, kubeadm's files are not."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def fields(documents):
    """`<Kind>/<path>` → text, of kubeadm's own documents."""
    return {
        f"{document['kind']}/{path}": value
        for document in documents
        if document["kind"] in KINDS.values()
        for path, value in leaves({k: v for k, v in document.items() if k not in ("apiVersion", "kind")})
    }


def wanted(directory):
    """The fields that the profile's author gave."""
    profile = rendered.profile(directory)
    return fields([{**profile[key], "kind": kind} for key, kind in KINDS.items()])


def in_shape(path, api):
    """Where a field of v1beta1 is in a newer shape; None when nothing is left to say."""
    since, target = MOVED.get(path, (None, None))
    return target if since and api >= since else path


def as_meant(side, path, want, minor):
    """What a document says in a field, as far as it matters: a false one is left out by kubeadm, and a socket needs its
    scheme since 1.24 alone (kubernetes #107295)."""
    value = side.get(path, want if want == "false" else None)
    return (value or "").removeprefix("unix://") if path.endswith("/criSocket") and minor < 24 else value


def documents_of(path):
    """The YAML documents of a file."""
    with open(path, "rb") as handle:
        return [document for document in yaml.safe_load_all(handle) if document]


def migrate(checks, subject, machine, version, given):
    """kubeadm's own migration of `given`, a file in the machine's root, for `version`: the path of the result, or None."""
    old, new = f"{given}.for-{version}", f"{given}.{version}"
    with open(machine.path(given), encoding="utf-8") as source, open(machine.path(old), "w", encoding="utf-8") as target:
        target.write(re.sub(r'(?m)^kubernetesVersion: .*$', f"kubernetesVersion: v{version}", source.read()))
    status, said = machine.run("config", "migrate", "--old-config", old, "--new-config", new)
    done = checks.true(f"{subject} migrates {os.path.basename(given)}", status == 0, f"exit status {status}: {trouble(said)}")
    return new if done else None


def main(scratch, first, *hops):
    """Walks the hops."""
    os.umask(0o077)
    checks = Checks()
    given = wanted(f"{scratch}/{first}")
    current = {node: f"{OWN}/kubeadm/{name}.yaml" for node, name in FILES.items()}
    before = None
    for hop in hops:
        version, kubeadm = hop.split("=", 1)
        minor = int(version.split(".")[1])
        theirs, ours = {}, {}
        for node, name in FILES.items():
            # The files of earlier hops lie in the first rendering's root, where discovery finds its own.
            machine = Machine(kubeadm, f"{scratch}/{first}", node, f"{scratch}/roots-{version}")
            if before:
                with open(before[node], "rb") as source, open(machine.path(current[node]), "wb") as target:
                    target.write(source.read())
            made = migrate(checks, f"kubeadm {version}", machine, version, current[node])
            if made is None:
                checks.finish()
            if not before:
                lost(checks, f"kubeadm {version} {name}.yaml", documents_of(machine.path(current[node])), documents_of(machine.path(made)))
            documents = documents_of(machine.path(made))
            theirs.update(fields(documents))
            ours.update(fields(documents_of(f"{scratch}/{version}/machines/{node}{OWN}/kubeadm/{name}.yaml")))
            api = documents[0]["apiVersion"].rsplit("/", 1)[1]
            current[node] = made
            current[f"{node} file"] = machine.path(made)
        before = {node: current[f"{node} file"] for node in FILES}
        for path, value in given.items():
            here = in_shape(path, api)
            if here is None:
                # What is left out means what was written.
                checks.same(f"{version} {path}", (theirs.get(path), ours.get(path)), (None, None))
            else:
                want = f"unix://{value}" if path.endswith("/criSocket") and minor >= 24 else value
                got = tuple(as_meant(side, here, want, minor) for side in (theirs, ours))
                checks.same(f"{version} {path}", got, (want, want))
    checks.finish()


def lost(checks, subject, given, made):
    """Every field of our own file is in what kubeadm makes of it, or false; but for the version, which had to be another."""
    kept = fields(made)
    missing = [path for path, value in fields(given).items() if kept.get(path, "false") != value and not path.endswith("/kubernetesVersion")]
    checks.same(f"{subject} fields lost", missing, [])


if __name__ == "__main__":
    main(*sys.argv[1:])
