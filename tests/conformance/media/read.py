"""Reads the image in /dev/loop0: the kernel's view of its files, and what cloud-init's own datasource makes of it.

In:  the image's kind: nocloud, config-drive or ovf. cloud-init is importable, this process is root on a kernel that has the image in
     /dev/loop0, and for ovf in /dev/sr0 too.
Out: one JSON document on standard output: `views`, by mount options the size and sha256 of every file; `userdata`, base64 of what
     cloud-init would process; `vendordata`; `metadata`; `network`, as cloud-init's own parser of network configurations has it: by
     interface addresses, gateways, resolvers, search domains, hardware address.
Nothing here knows what the image is meant to say: the reader of the report does.
"""

import base64
import hashlib
import importlib
import json
import os
import subprocess
import sys

from cloudinit import distros, helpers
from cloudinit.net import network_state

DEVICE = "/dev/loop0"
SOURCES = {"nocloud": "NoCloud", "config-drive": "ConfigDrive", "ovf": "OVF"}


def files(options):
    """Every file as the kernel shows it when the image is mounted with `options`."""
    os.makedirs("/run/view", exist_ok=True)
    subprocess.run(["mount", "-o", options, DEVICE, "/run/view"], check=True)
    try:
        found = {}
        for top, _, names in os.walk("/run/view"):
            for name in names:
                with open(os.path.join(top, name), "rb") as handle:
                    content = handle.read()
                path = os.path.relpath(os.path.join(top, name), "/run/view")
                found[path] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        return found
    finally:
        subprocess.run(["umount", "/run/view"], check=True)


def views():
    """The views that a kernel may take: of ISO 9660 with Rock Ridge, with Joliet; of FAT the one with long names."""
    kind = subprocess.run(["blkid", "-p", "-s", "TYPE", "-o", "value", DEVICE], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    options = {"iso9660": ["ro,nojoliet", "ro,norock"], "vfat": ["ro"]}[kind]
    return {f"{kind} {option}": files(option) for option in options}


def loaded(kind):
    """The datasource, after it has found its image by itself."""
    paths = helpers.Paths({"cloud_dir": "/run/cloud", "run_dir": "/run/cloud-init"})
    module = importlib.import_module(f"cloudinit.sources.DataSource{SOURCES[kind]}")
    distro = distros.fetch("debian")("debian", {}, paths)
    source = getattr(module, f"DataSource{SOURCES[kind]}")({"datasource_list": [SOURCES[kind], "None"]}, distro, paths)
    if not source._get_data():
        raise SystemExit(f"{SOURCES[kind]} finds nothing")
    if kind == "config-drive":
        # This machine has no network card; the one that the image is for has the card that the image names.
        source.known_macs = {link["ethernet_mac_address"]: "eth0" for link in source.network_json["links"]}
    return source


def network(config):
    """What cloud-init's renderers would be given, told in one way for either version."""
    if not config:
        return None
    state = network_state.parse_net_config_data(config, skip_broken=False)
    found = {}
    for interface in state.iter_interfaces():
        subnets = interface.get("subnets", [])
        addresses = [f"{net['address']}/{net['prefix']}" for net in subnets if "address" in net]
        routes = [route for net in subnets for route in net.get("routes", [])] + list(state.iter_routes())
        gateways = [net["gateway"] for net in subnets if net.get("gateway")] + [route["gateway"] for route in routes]
        found[interface["name"]] = {
            "mac": interface.get("mac_address"),
            "mtu": interface.get("mtu"),
            "addresses": addresses,
            "gateways": sorted(set(gateways)),
            "search": sorted({*state.dns_searchdomains, *(domain for net in subnets for domain in net.get("dns_search", []))}),
            "resolvers": sorted({*state.dns_nameservers, *(dns for net in subnets for dns in net.get("dns_nameservers", []))}),
        }
    return found


def main():
    kind = sys.argv[1]
    report = {"views": views()}
    source = loaded(kind)
    raw = source.get_userdata_raw()
    report["userdata"] = base64.b64encode(raw.encode() if isinstance(raw, str) else raw).decode()
    vendor = source.get_vendordata_raw()
    report["vendordata"] = vendor.decode() if isinstance(vendor, bytes) else vendor
    report["metadata"] = {key: source.metadata.get(key) for key in ("instance-id", "local-hostname", "uuid", "hostname")}
    report["network"] = network(source.network_config)
    json.dump(report, sys.stdout, indent=1)


main()
