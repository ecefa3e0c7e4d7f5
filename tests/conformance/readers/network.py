"""Renders a node's network-config with every renderer of a real cloud-init and looks for what the profile asked for.

Usage: network.py RENDERED NODE SCRATCH      (with the cloud-init to try on PYTHONPATH)
In:  network-config, and the node's `address`, `mac`, `gateway`, `nameservers` in the profile. Out: verdicts; the rendered files stay in
SCRATCH/<kind>, those for netplan in the place where netplan's own generator looks.
"""

import contextlib
import io
import ipaddress
import logging
import os
import re
import sys

import yaml
from cloudinit.cmd.devel import net_convert
from cloudinit.config import schema

import rendered
from checks import Checks

# renderer → (a distribution that uses it, how it says address, gateway, hardware address, and the interface's name).
# The eni renderer has no word for a hardware address: cloud-init names the interface first.
RENDERERS = {
    "netplan": ("ubuntu", r"- {address}$", r"(via|gateway[46]): {gateway}$", r"macaddress: {mac}$", None),
    "networkd": ("debian", r"^Address={address}$", r"^Gateway={gateway}$", r"^MACAddress={mac}$", r"^Name=(.*)$"),
    "eni": ("debian", r"^\s+address {address}$", r"\bgateway {gateway}$|default (?:gw|via) {gateway}\b", None, r"^iface (?!lo )(\S+)"),
    "sysconfig": (
        "rhel", r"^IPADDR6?=(?:{ip}|{address})$", r"^(?:GATEWAY|IPV6_DEFAULTGW)={gateway}$", r"^HWADDR={mac}$", r"^DEVICE=(.*)$"
    ),
    "network-manager": (
        "fedora", r"^address1={address}", r"^(?:route1=\S+,|gateway=){gateway}$", r"^mac-address={mac}$", r"^interface-name=(.*)$"
    ),
}


class Complaints(logging.Handler):
    """Keeps what cloud-init logs at WARNING and above."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.seen = []

    def emit(self, record):
        self.seen.append(record.getMessage())


def text_of(directory):
    """All rendered files as one text, without quotes."""
    parts = []
    for top, _, names in os.walk(directory):
        for name in names:
            with open(os.path.join(top, name), encoding="utf-8") as handle:
                parts.append(handle.read())
    return re.sub(r"""["']""", "", "\n".join(parts))


def check_schema(checks, subject, path):
    """cloud-init's own schema for network-config, in the releases that have one."""
    parser = schema.get_parser()
    if not any("--schema-type" in action.option_strings for action in parser._actions):
        return
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            schema.handle_schema_args("schema", parser.parse_args(["--schema-type", "network-config", "--config-file", path]))
            status = 0
        except SystemExit as stop:
            status = stop.code
    checks.true(f"{subject} schema", status == 0, out.getvalue().strip()[:400])


def real_name(path):
    """The name that the interface bears once cloud-init has run: what it is set to, or its key when nothing else finds it."""
    with open(path, "rb") as handle:
        ethernets = (yaml.safe_load(handle) or {}).get("ethernets", {})
    key, ethernet = next(iter(ethernets.items()), (None, {}))
    return ethernet.get("set-name") or (None if "match" in ethernet else key)


def check_renderer(checks, subject, kind, path, node, scratch):
    """One renderer: no exception, no complaint, and the profile's values arrive."""
    distro, address, gateway, mac, name = RENDERERS[kind]
    target = os.path.join(scratch, kind)
    arguments = ["-p", path, "-k", "yaml", "-d", target, "-D", distro, "-O", kind]
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            net_convert.handle_args("net-convert", net_convert.get_parser().parse_args(arguments))
    except Exception as trouble:  # whatever a renderer raises is the finding
        checks.true(f"{subject} {kind}", False, f"{type(trouble).__name__}: {trouble}")
        return
    finally:
        logging.getLogger().removeHandler(complaints)
    checks.same(f"{subject} {kind} complaints", complaints.seen, [])
    text = text_of(target)
    interface = ipaddress.ip_interface(node["address"])
    values = {
        "address": re.escape(str(interface)),
        "ip": re.escape(str(interface.ip)),
        "gateway": re.escape(node.get("gateway", "")),
        "mac": re.escape(node.get("mac", "")),
    }
    wanted = {"address": address, "gateway": gateway if "gateway" in node else None, "mac": mac if "mac" in node else None}
    for what, pattern in wanted.items():
        if pattern:
            found = re.search(pattern.format(**values), text, re.MULTILINE | re.IGNORECASE)
            checks.true(f"{subject} {kind} {what}", found, f"{node[what]} is not in what {kind} gets")
    # A name that no interface bears would keep the configuration from ever applying.
    if name:
        called = set(re.findall(name, text, re.MULTILINE))
        checks.same(f"{subject} {kind} interface names nobody bears", sorted(called - {real_name(path)}), [])


def main(directory, name, scratch):
    """Tries every renderer on one node."""
    checks = Checks()
    path = f"{directory}/out/nodes/{name}/network-config"
    subject = f"{os.path.basename(directory)}/{name} network-config"
    profile = rendered.profile(directory)
    node = profile.get("network", {}) | next(n for n in profile["nodes"] if n["name"] == name)
    check_schema(checks, subject, path)
    for kind in RENDERERS:
        check_renderer(checks, subject, kind, path, node, scratch)
    checks.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
