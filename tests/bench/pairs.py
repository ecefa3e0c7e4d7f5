"""kubespore beside programs that do a part of the same, in one run and in turn.

In:  the number of rounds, a Kubernetes version, and the paths of kubespore, kubeadm and butane.
Out: a table on stdout, and target/bench/report.json: medians of wall time, processor time and peak memory for both of each
     pair, and how many times as long the other takes.
Absent: what a pair means for a user. Each says what either side does; a side that does less is the other program's.
"""

import base64
import dataclasses
import glob
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

from workload import profile, run

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REPORT = os.path.join(REPOSITORY, "target", "bench", "report.json")


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two ways; each is a list of commands that run one after another."""
    name: str
    ours: list
    peer_name: str
    peer: list
    forget: tuple = ()
    """What is deleted before every round."""


def measured(commands):
    """Runs commands; returns wall seconds, processor seconds, and the peak memory of the largest in KiB."""
    began, processor, memory = time.perf_counter(), 0.0, 0
    for command in commands:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"bench: {' '.join(command)}: status {os.waitstatus_to_exitcode(status)}")
        processor += used.ru_utime + used.ru_stime
        memory = max(memory, used.ru_maxrss)
    return time.perf_counter() - began, processor, memory


def forget(path):
    """Deletes a file or a directory, if there is one."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def compare(pair, rounds):
    """Both sides of a pair in turn, the first round unmeasured; returns the row of the report."""
    sides = {"ours": pair.ours, "peer": pair.peer}
    figures = {side: [] for side in sides}
    for number in range(rounds + 1):
        for side, commands in sides.items():
            for path in pair.forget:
                forget(path)
            told = measured(commands)
            if number:
                figures[side].append(told)
    row = {"pair": pair.name, "rounds": rounds}
    for side, name in (("ours", "kubespore"), ("peer", pair.peer_name)):
        wall, processor, memory = (statistics.median(column) for column in zip(*figures[side]))
        row[side] = {"name": name, "commands": len(sides[side]), "seconds": round(wall, 5), "processorSeconds": round(processor, 5), "peakKiB": int(memory)}
    return row | {"ratio": round(row["peer"]["seconds"] / row["ours"]["seconds"], 1)}


def document(path, value):
    """Writes JSON, which every reader of YAML takes."""
    with open(path, "w") as out:
        json.dump(value, out)
    return path


def text_of(contents):
    """The text that an Ignition config gives a file."""
    head, _, body = contents.get("source", "data:,").removeprefix("data:").partition(",")
    content = base64.b64decode(body) if head.endswith(";base64") else urllib.parse.unquote_to_bytes(body)
    return (gzip.decompress(content) if contents.get("compression") == "gzip" else content).decode()


def butane_of(config, path):
    """Writes what a person would have given butane for the same machine."""
    with open(config) as source:
        ignition = json.load(source)
    files = [{"path": each["path"], "mode": each["mode"], "overwrite": True, "contents": {"inline": text_of(each["contents"])}}
             for each in ignition["storage"]["files"]]
    return document(path, {"variant": "flatcar", "version": "1.1.0", "storage": {"files": files}, "systemd": ignition.get("systemd", {})})


def pairs(folder, version, kubespore, kubeadm, butane):
    """The pairs, with everything they read already in `folder`."""
    def at(*parts):
        return os.path.join(folder, *parts)

    def render(path):
        return [kubespore, "render", path, "-o", at("out", os.path.basename(path))]

    few, hundred = profile(folder, 2), profile(folder, 96)
    flatcar = shutil.copy(os.path.join(REPOSITORY, "profiles", "ha-flatcar.yaml"), folder)
    for path in (few, hundred, flatcar):
        run(*render(path))
    api = "kubeadm.k8s.io/v1beta4"
    cluster = document(at("kubeadm.yaml"), {
        "apiVersion": api, "kind": "ClusterConfiguration", "kubernetesVersion": f"v{version}", "certificatesDir": at("pki"),
        "controlPlaneEndpoint": "10.0.0.10:6443", "encryptionAlgorithm": "ECDSA-P256"})
    fresh = at("fresh.secrets.yaml")

    def isos(path):
        return [["genisoimage", "-quiet", "-V", "cidata", "-J", "-r", "-o", at("peer.iso"),
                 *(os.path.join(node, name) for name in ("user-data", "meta-data", "network-config"))]
                for node in sorted(glob.glob(at("out", os.path.basename(path), "nodes", "*")))]

    configs = sorted(glob.glob(at("out", "ha-flatcar.yaml", "nodes", "*", "config.ign")))
    sources = [butane_of(config, at(f"butane-{place}.yaml")) for place, config in enumerate(configs)]
    return [
        Pair("the keys and certificates of a cluster of six machines", [[kubespore, "secrets", "new", few, "--secrets", fresh]],
             f"kubeadm {version} init phase certs all, P-256: its authorities and the first machine's certificates",
             [[kubeadm, "init", "phase", "certs", "all", "--config", cluster]], (fresh, at("pki"))),
        Pair("checking a profile of six machines", [[kubespore, "validate", few]],
             f"kubeadm {version} config validate: one document", [[kubeadm, "config", "validate", "--config", cluster]]),
        Pair("everything for six machines, from their profile and secrets", [render(few)],
             "genisoimage: the six images alone, of documents that are there", isos(few), (at("peer.iso"),)),
        Pair("everything for a hundred machines", [render(hundred)], "genisoimage: the hundred images alone", isos(hundred), (at("peer.iso"),)),
        Pair(f"everything for {len(configs)} Flatcar machines", [render(flatcar)],
             f"butane: {len(configs)} Ignition configs alone, of files that are there", [[butane, "--strict", "--output", at("peer.ign"), source] for source in sources]),
    ]


def main(rounds, version, kubespore, kubeadm, butane):
    # Memory where the machine has it: what is compared is programs, and not the luck of one disk.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        rows = []
        for pair in pairs(folder, version, kubespore, kubeadm, butane):
            row = compare(pair, int(rounds))
            rows.append(row)
            print(f"{row['pair']}\n  {1000 * row['ours']['seconds']:9.1f} ms  kubespore ({row['ours']['peakKiB'] // 1024} MiB)\n"
                  f"  {1000 * row['peer']['seconds']:9.1f} ms  {row['peer']['name']}\n  {row['ratio']:9.1f} times as long", flush=True)
    os.makedirs(os.path.dirname(REPORT), exist_ok=True)
    with open(REPORT, "w") as out:
        out.write(json.dumps({"schema": 1, "kubespore": run(kubespore, "--version").strip(), "processors": os.cpu_count(), "pairs": rows}, indent=2) + "\n")


main(*sys.argv[1:])
