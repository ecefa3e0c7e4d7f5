"""Looks through machines' disks for secrets of the bundle that must not be there.

In:  a settled cluster and its secrets bundle.
Out: nothing when the disks are clean; `Failed` naming file, machine and kind of secret (never the secret).
Rules: after the first boot a private key of the bundle may lie only where the control plane or an etcd machine needs it,
     a join credential or the certificate key nowhere but in etcd's own data. Load balancers and workers hold none.
Absent: free blocks of the file system; container images and programs, which came with the golden image.
"""

import base64
import json
import re

from cluster import Failed

KEYS_ALLOWED = {"control-plane": ("/etc/kubernetes/pki/",), "etcd": ("/etc/kubespore/pki/etcd/",)}
CREDENTIALS_ALLOWED = {"control-plane": ("/var/lib/etcd/",), "etcd": ("/var/lib/etcd/",)}

# runs on the machine: reads {kind: [needle]} on stdin, prints [[kind, path]]; also reads the journal, which may be compressed
LOOK = r'''
import gzip, json, os, re, stat, subprocess, sys
needles = json.load(sys.stdin)
kinds = {needle.encode(): kind for kind, each in needles.items() for needle in each}
wanted = re.compile(b"|".join(re.escape(each) for each in kinds))
built = os.stat("/etc/lab-image").st_mtime
found, files = set(), 0
def look(data, name):
    for hit in set(wanted.findall(data)):
        found.add((kinds[hit], name))
for top in ("/", "/run"):
    device = os.stat(top).st_dev
    for folder, names, leaves in os.walk(top):
        names[:] = [each for each in names if not os.path.islink(os.path.join(folder, each)) and os.stat(os.path.join(folder, each)).st_dev == device]
        for leaf in leaves:
            path = os.path.join(folder, leaf)
            try:
                about = os.lstat(path)
                if not stat.S_ISREG(about.st_mode) or max(about.st_mtime, about.st_ctime) < built:
                    continue
                with open(path, "rb") as source:
                    data = source.read()
            except OSError:
                continue
            files += 1
            look(data, path)
            if data[:2] == b"\x1f\x8b":
                try: look(gzip.decompress(data), path)
                except (OSError, EOFError): pass
look(subprocess.run(["journalctl", "--no-pager", "--output=export", "--all"], stdout=subprocess.PIPE).stdout, "the journal")
print(json.dumps({"files": files, "found": sorted(found)}))
'''


def encodings(text):
    """`text` and what it looks like inside base64, at each of the three alignments."""
    yield text
    raw = text.encode()
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)
        # leave off the ends, whose characters depend on the neighbouring bytes too
        yield coded[(0, 2, 3)[shift]:-4].decode()


def needles(bundle):
    """{kind: [needle]} of every secret in the bundle file."""
    with open(bundle) as source:
        text = source.read()
    keys = set()
    for block in re.findall(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)-----END", text, re.S):
        lines = [line.strip() for line in block.replace("\\n", "\n").split("\n") if line.strip()]
        keys.add(lines[1] if len(lines) > 1 else lines[0])  # the first line is much the same in every key
    tokens = set(re.findall(r"\b([a-z0-9]{6}\.[a-z0-9]{16})\b", text))
    certificate_keys = set(re.findall(r"(?<![0-9a-f:])([0-9a-f]{64})(?![0-9a-f])", text))
    if not keys or not tokens:
        raise Failed(f"{bundle} shows {len(keys)} private keys and {len(tokens)} tokens: the search would find nothing")
    return {kind: [each for secret in sorted(secrets) for each in encodings(secret)]
            for kind, secrets in (("private key", keys), ("bootstrap token", tokens), ("certificate key", certificate_keys))}


def search(stage, cluster):
    """Searches every machine that is on; fails on the first machine with a find outside the rules."""
    wanted = json.dumps(needles(cluster.bundle))
    for machine in cluster.machines.values():
        # the program goes with the needles on standard input: neither is on a command line
        answer = machine.ssh("python3 -c 'import sys; n = int(sys.stdin.readline()); exec(sys.stdin.read(n))'",
                             data=f"{len(LOOK)}\n{LOOK}{wanted}", seconds=300)
        if answer is None:
            raise Failed(f"{machine.name} could not be searched")
        seen = json.loads(answer)
        stage.record(machine, f"searched {seen['files']} files and the journal")
        allowed = {"private key": KEYS_ALLOWED.get(machine.role, ())}
        wrong = [f"{kind} in {path}" for kind, path in seen["found"]
                 if not path.startswith(allowed.get(kind, CREDENTIALS_ALLOWED.get(machine.role, ())) or ("\0",))]
        if wrong:
            raise Failed(f"{machine.name} still holds: {'; '.join(wrong)}")
