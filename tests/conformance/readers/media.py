"""Compares what a kernel and cloud-init's datasource read from one image with what was rendered and what the profile asked for.

Usage: media.py SUBJECT NODE-DIRECTORY KIND REPORT     (KIND: nocloud, config-drive or ovf; REPORT: of media/read.py)
In:  the node's directory in a rendered tree, profile.yaml beside that tree. Out: verdicts.
"""

import base64
import hashlib
import json
import os
import sys

import yaml

import rendered
from checks import Checks

NOCLOUD = ("user-data", "meta-data", "vendor-data", "network-config")


def content(directory, name):
    """A rendered document's bytes."""
    with open(os.path.join(directory, name), "rb") as handle:
        return handle.read()


def entry(data):
    """A file as the report tells it."""
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def views(checks, subject, kind, directory, report):
    """The kernel sees the same files, byte for byte, in whatever view it takes."""
    found = list(report["views"].values())
    checks.same(f"{subject}, views", len(found), 2 if any("iso9660" in view for view in report["views"]) else 1)
    checks.true(f"{subject}, one content in every view", all(view == found[0] for view in found), "the views differ")
    wanted = {
        "nocloud": {name: name for name in NOCLOUD},
        "config-drive": {"openstack/latest/user_data": "user-data"},
        "ovf": {},
    }[kind]
    names = {
        "nocloud": sorted(NOCLOUD),
        "config-drive": [f"openstack/latest/{name}" for name in ("meta_data.json", "network_data.json", "user_data", "vendor_data.json")],
        "ovf": ["ovf-env.xml"],
    }[kind]
    for view, files in report["views"].items():
        checks.same(f"{subject}, {view}: files", sorted(files), names)
        for path, document in wanted.items():
            checks.same(f"{subject}, {view}: {path}", files.get(path), entry(content(directory, document)))


def documents(checks, subject, kind, directory, report):
    """What cloud-init will process is what was rendered."""
    checks.true(f"{subject}, user-data", base64.b64decode(report["userdata"]) == content(directory, "user-data"), "it is not the rendered one")
    meta = yaml.safe_load(content(directory, "meta-data"))
    for key, value in meta.items():
        checks.same(f"{subject}, {key}", report["metadata"].get(key), value)
    if kind == "nocloud":
        checks.same(f"{subject}, vendor-data", report["vendordata"], content(directory, "vendor-data").decode())


def network(checks, subject, directory, name, report):
    """One interface, with what the profile says of it."""
    profile = rendered.profile(os.path.dirname(os.path.dirname(os.path.dirname(directory))))
    node = profile.get("network", {}) | next(n for n in profile["nodes"] if n["name"] == name)
    found = {key: value for key, value in (report["network"] or {}).items() if key != "lo"}
    if not checks.same(f"{subject}, interfaces", len(found), 1):
        return
    interface = next(iter(found.values()))
    checks.true(f"{subject}, address", node["address"] in interface["addresses"], f"{node['address']} is not among {interface['addresses']}")
    if "gateway" in node:
        checks.same(f"{subject}, gateway", interface["gateways"], [node["gateway"]])
    if "nameservers" in node:
        checks.same(f"{subject}, resolvers", interface["resolvers"], sorted(node["nameservers"]))
    checks.same(f"{subject}, search domains", interface["search"], sorted(node.get("search", [])))
    if "mac" in node:
        checks.same(f"{subject}, hardware address", interface["mac"], node["mac"].lower())


def main(subject, directory, kind, report):
    """Everything about one image."""
    checks = Checks()
    with open(report, encoding="utf-8") as handle:
        text = handle.read()
    if not checks.true(f"{subject}, is read", text, "nothing came back"):
        checks.finish()
    report = json.loads(text)
    views(checks, subject, kind, directory, report)
    documents(checks, subject, kind, directory, report)
    network(checks, subject, directory, os.path.basename(directory), report)
    checks.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
