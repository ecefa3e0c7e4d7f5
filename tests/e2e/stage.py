"""What a scenario stands on: rendered clusters, random numbers, and the lines of its report.

In:  the lab, the project's binary, the profiles of this directory.
Out: booted clusters for scenarios.py; one dictionary per scenario for report.json (README.md has the schema).
Absent: what is expected of a cluster.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import time

import by_hand
from cluster import Cluster, Failed, seed_of

HERE = os.path.dirname(os.path.abspath(__file__))


class Stage:
    """One scenario's view of the run."""

    def __init__(self, run, name, seed):
        self.run, self.name = run, name
        self.random = random.Random(f"{seed} {name}")
        self.began = time.monotonic()
        self.lines = {"scenario": name, "kubernetes": None, "verdict": None, "reason": None, "seconds": None, "measures": {},
                      "clusterId": {"before": None, "after": None}, "kubeSystemUid": {"before": None, "after": None},
                      "voters": [], "machines": {}, "events": []}

    # --- report

    def record(self, machine, event):
        """Notes an event, now, of one machine or of the cluster (None)."""
        at = round(time.monotonic() - self.began, 1)
        name = machine.name if machine else None
        self.lines["events"].append({"at": at, "machine": name, "event": event})
        print(f"  {at:7.1f} s  {name or 'cluster'}: {event}", file=sys.stderr, flush=True)
        if machine:
            facts = self.lines["machines"].setdefault(machine.name, {"role": machine.role, "poweredOn": [], "ready": []})
            if event == "power on":
                facts["poweredOn"].append(at)
            elif event == "Ready":
                facts["ready"].append(at)

    def measure(self, name, value):
        """Notes a figure."""
        self.lines["measures"][name] = round(value, 3)

    def note_identity(self, cluster_id, system_uid):
        """Notes who the cluster is: the first call says `before`, each later one `after`."""
        for key, value in (("clusterId", cluster_id), ("kubeSystemUid", system_uid)):
            when = "before" if self.lines[key]["before"] is None else "after"
            self.lines[key][when] = value

    def turns(self, count):
        """Counts `count` turns of a repeated scenario, or as many as the run was asked for."""
        count = self.run.turns or count
        for turn in range(1, count + 1):
            self.record(None, f"turn {turn} of {count}")
            yield turn
        self.lines["measures"]["turns"] = count

    # --- clusters

    def boot(self, profile, lines=()):
        """A freshly rendered cluster of `profile`, every machine off and without a disk. `lines` take the place of the
        profile's own lines with the same top-level keys."""
        path, version = self.run.profiles[profile]
        folder = self.run.fresh(f"{self.name}-{profile}")
        copy = os.path.join(folder, os.path.basename(path))
        shutil.copyfile(path, copy)
        bundle = os.path.splitext(copy)[0] + ".secrets.yaml"
        rendered = os.path.join(folder, "out")
        self._render(copy, lines, rendered)
        return self._cluster(version, rendered, bundle, copy)

    def render_again(self, cluster, name, lines):
        """Renders the profile of `cluster` with other `lines` and the same secrets into a folder `name`.

        Returns None and why, when the profile is refused; else a seed by machine name, and None."""
        rendered = os.path.join(os.path.dirname(cluster.folder), name)
        try:
            self._render(cluster.profile, lines, rendered)
        except Failed as refusal:
            return None, str(refusal)
        return {machine: seed_of(rendered, machine) for machine in cluster.machines}, None

    def rotate_ca(self, cluster, *more):
        """The commands that `secrets rotate ca` prints for the round that the cluster is in."""
        done = subprocess.run([self.run.binary, "secrets", "rotate", "ca", cluster.profile, "-o", cluster.folder, *more], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            raise Failed(f"secrets rotate ca: {done.stderr.strip()}")
        return done.stdout.splitlines()

    def _render(self, profile, lines, rendered):
        with open(profile) as source:
            text = source.read()
        for line in lines:
            text, count = re.subn(rf"^{line.split(':')[0]}:.*$", line, text, flags=re.M)
            if count != 1:
                raise Failed(f"{profile} has {count} lines like {line}")
        with open(profile, "w") as target:
            target.write(text)
        done = subprocess.run([self.run.binary, "render", profile, "-o", rendered, "--color", "never"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise Failed(f"render {profile}: {done.stdout.strip()}")

    def boot_by_hand(self, profile):
        """The reference cluster in the Kubernetes version of `profile`, every machine off and without a disk."""
        version = self.run.profiles[profile][1]
        folder = os.path.join(self.run.fresh(f"{self.name}-by-hand"), "out")
        by_hand.write(folder, version, self.run.releases[version]["pauseImage"])
        return self._cluster(version, folder, None, None)

    def _cluster(self, version, folder, bundle, profile):
        if self.run.current:
            self.run.current.off()
        self.run.clear_disks()
        self.lines["kubernetes"] = version
        # another cluster is another one: what is compared is who it was before and after something happened to it
        self.lines["clusterId"], self.lines["kubeSystemUid"] = {"before": None, "after": None}, {"before": None, "after": None}
        self.run.current, self.run.standing = Cluster(self.run.lab, self.run.releases[version], folder, bundle, profile, self.record), None
        return self.run.current

    def standing(self, profile, form):
        """A whole cluster of `profile`: the one an earlier scenario left standing, or a new one made by `form(stage, cluster)`."""
        cluster = self.run.current
        if self.run.standing == profile and cluster:
            cluster.record = self.record
        else:
            cluster = self.boot(profile)
            form(self, cluster)
        self.run.standing = None  # stands again when the scenario passes
        self.stands = profile
        return cluster

    stands = None
    """The profile whose cluster this scenario leaves whole, if it passes."""

    def close(self, failure):
        """Completes the report: `failure` is None or says what did not hold."""
        cluster = self.run.current
        if cluster:
            self.lines["voters"] = cluster.voters()
            self.lines["firstBoot"] = {machine.name: machine.said() for machine in cluster.machines.values()}
        self.lines["verdict"] = "failed" if failure else "passed"
        self.lines["reason"] = failure
        self.lines["seconds"] = round(time.monotonic() - self.began, 1)
        if not failure:
            self.run.standing = self.stands
        return self.lines
