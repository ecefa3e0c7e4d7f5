"""Compares what a real cloud-init did with what kubespore meant.

Usage: cloud_config.py RENDERED NODE REPORT.json INSPECTED.json
In:  boot.py's report; manifest.json, which was made from the machine before any encoding; what `kubespore inspect` reads
     back from the user-data; the node's files in RENDERED/machines/NODE; the profile. Out: verdicts.
"""

import hashlib
import json
import os
import re
import sys

import rendered
from checks import Checks

# Keys that every cloud-init from 22.2 to 26 knows by the same meaning.
PORTABLE_KEYS = {
    "bootcmd", "ca_certs", "disk_setup", "final_message", "fqdn", "fs_setup", "hostname", "manage_etc_hosts", "mounts",
    "ntp", "packages", "phone_home", "power_state", "preserve_hostname", "runcmd", "ssh_authorized_keys", "swap",
    "timezone", "users", "write_files",
}
# Units that a package on the machine brings.
PACKAGED_UNITS = {"containerd.service", "haproxy.service", "kubelet.service"}
OWN = "/etc/kubespore"


def extracted(directory):
    """path → digest of every file that the independent extractor laid out."""
    found = {}
    for top, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(top, name)
            with open(path, "rb") as handle:
                found["/" + os.path.relpath(path, directory)] = hashlib.sha256(handle.read()).hexdigest()
    return found


def check_document(checks, subject, report):
    """The document itself: one cloud-config part, known keys, no complaint."""
    said = report["schema"]["said"].strip()
    checks.true(
        f"{subject} schema",
        report["schema"]["status"] == 0 and said.startswith("Valid") and "\n" not in said,
        f"status {report['schema']['status']}, said {said[:400]!r}",
    )
    checks.same(f"{subject} parts", report["parts"], ["text/cloud-config"])
    checks.same(f"{subject} keys unknown to some release", sorted(set(report["keys"]) - PORTABLE_KEYS), [])
    checks.same(f"{subject} warnings", report["warnings"], [])
    checks.same(f"{subject} failed modules", report["module_failures"], [])
    checks.same(f"{subject} commands other than directory making and systemctl", report["unexpected_commands"], [])
    checks.true(f"{subject} after a power cut", report["written_again"], "files left empty are not written again, or more than once")


def check_files(checks, subject, report, meant, independent):
    """Every file with its bytes, mode and owner; no other file; private directories first."""
    files = {p: e for p, e in report.get("left", {}).items() if not e.get("directory")}
    # cloud-init itself writes the host name's file.
    if "/etc/hostname" not in meant:
        files.pop("/etc/hostname", None)
    checks.same(f"{subject} files written", sorted(files), sorted(meant))
    for path in sorted(set(files) & set(meant)):
        got = {k: files[path].get(k) for k in ("mode", "uid", "gid", "sha256")}
        want = {"mode": meant[path]["mode"], "uid": 0, "gid": 0, "sha256": meant[path]["sha256"]}
        checks.same(f"{subject} {path}", got, want)
        if path in independent:
            checks.same(f"{subject} {path} by PyYAML", independent[path], files[path].get("sha256"))
    checks.same(f"{subject} files by PyYAML", sorted(independent), sorted(files))
    early = report.get("before_files", {})
    for parent in sorted({os.path.dirname(p) for p in files if p.startswith(OWN + "/")}):
        checks.true(
            f"{subject} {parent} private before any file",
            early.get(parent, {}).get("mode") == "0700",
            f"before write_files it is {early.get(parent)}",
        )


def check_commands(checks, subject, report):
    """runcmd as it really ran: one reload before anything starts, then only units that exist, waiting for none."""
    calls = [([word for word in call if not word.startswith("-")], [word for word in call if word.startswith("-")])
             for call in report["systemctl"]]
    verbs = [words[0] for words, _ in calls]
    checks.same(f"{subject} runcmd reloads", [at for at, verb in enumerate(verbs) if verb == "daemon-reload"], [verbs.count("enable")])
    started = []
    for words, options in calls:
        verb, units = words[0], words[1:]
        starts = verb in ("start", "restart") or "--now" in options
        checks.true(f"{subject} runcmd {verb}", verb in ("daemon-reload", "enable", "start", "restart"), "runcmd only enables and starts")
        checks.true(f"{subject} runcmd {verb} does not wait", not starts or "--no-block" in options, f"call was {words} {options}")
        checks.true(f"{subject} runcmd {verb} does not reload", verb != "enable" or "--no-reload" in options, f"call was {words} {options}")
        for unit in units:
            there = f"/etc/systemd/system/{unit}" in report.get("left", {}) or unit in PACKAGED_UNITS
            checks.true(f"{subject} runcmd unit {unit}", there, "no such unit on the machine")
        started += units if starts else []
    checks.true(f"{subject} runcmd starts a unit", started, f"calls were {calls}")


def main(directory, node, report_file, inspected_file):
    """Reads all four, prints the verdicts."""
    checks = Checks()
    with open(report_file, encoding="utf-8") as handle:
        report = json.load(handle)
    with open(inspected_file, encoding="utf-8") as handle:
        shown = json.load(handle)["documents"][0]["machine"]
    meant = rendered.manifest(directory)["nodes"][node]["machine"]
    profile = rendered.profile(directory)
    subject = f"{os.path.basename(directory)}/{node}"
    check_document(checks, subject, report)
    check_files(checks, subject, report, meant, extracted(f"{directory}/machines/{node}"))
    check_commands(checks, subject, report)
    listed = {f["path"]: (f["mode"], f["sha256"]) for f in shown["files"]}
    checks.same(f"{subject} inspect", listed, {p: (f["mode"], f["sha256"]) for p, f in meant.items()})
    checks.same(f"{subject} hostname", report["hostname"], node)
    checks.true(
        f"{subject} instance-id",
        re.fullmatch(rf"{re.escape(profile['cluster'])}-{re.escape(node)}-g[0-9]+", report["instance_id"]),
        f"got {report['instance_id']!r}",
    )
    checks.same(f"{subject} vendor-data", report["vendor_config"], {})
    checks.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
