"""Compares what Ignition wrote below a root directory with what the machine was meant to become.

Usage: ignition.py SUBJECT ROOT MACHINE.json
In:  ROOT after Ignition's files stage; MACHINE.json, made from the machine before any encoding. Out: verdicts.
Units are enabled as systemd does it at its first start: by presets.
"""

import hashlib
import json
import os
import stat
import subprocess
import sys

from checks import Checks

UNITS = "/etc/systemd/system"
NETWORK_FILES = {
    "networkd": "/etc/systemd/network/20-kubespore.network",
    "networkmanager": "/etc/NetworkManager/system-connections/kubespore.nmconnection",
}
# What the stage's surroundings and Ignition itself leave; everything else must be meant.
OTHERS = {
    "/etc/.ignition-result.json", "/etc/.pwd.lock", "/etc/passwd", "/etc/passwd-", "/etc/group", "/etc/group-", "/etc/shadow",
    "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/subuid", "/etc/subuid-", "/etc/subgid", "/etc/subgid-",
    "/etc/hosts", "/etc/kubespore/of-the-image", "/etc/selinux/config", "/etc/selinux/none/contexts/files/file_contexts",
    "/etc/systemd/system-preset/20-ignition.preset",
    "/usr/lib/systemd/system-preset/99-default-disable.preset",
}


def digest(path):
    with open(path, "rb") as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def read(path):
    """A file's text, empty when there is none."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as handle:
        return handle.read()


def found(root):
    """path → its status, of everything that is no directory."""
    files = {}
    for top, _, names in os.walk(root):
        for name in names:
            path = os.path.join(top, name)
            files["/" + os.path.relpath(path, root)] = os.lstat(path)
    return files


def check_files(checks, subject, root, machine, files):
    """Every file with its bytes, mode and owner; every directory with its mode."""
    for path, want in machine["files"].items():
        status = files.get(path)
        got = status and (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, digest(root + path))
        checks.same(f"{subject} {path}", got, (want["mode"], 0, 0, want["sha256"]))
    for path, mode in machine["directories"].items():
        status = os.lstat(root + path) if os.path.isdir(root + path) else None
        got = status and (stat.S_ISDIR(status.st_mode), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
        checks.same(f"{subject} {path}", got, (True, mode, 0, 0))
    checks.same(f"{subject} what the image had", os.path.exists(root + "/etc/kubespore/of-the-image"), True)


def check_derived(checks, subject, root, machine, files):
    """What Ignition has no word for: the host name, the network, sudo. Returns the paths."""
    paths = {"/etc/hostname"}
    checks.same(f"{subject} hostname", read(root + "/etc/hostname"), machine["hostname"] + "\n")
    if machine["network"]:
        path = NETWORK_FILES[machine["network"]["daemon"]]
        paths.add(path)
        mode = 0o600 if machine["network"]["daemon"] == "networkmanager" else 0o644
        checks.same(f"{subject} network", path in files and stat.S_IMODE(files[path].st_mode), mode)
        words = read(root + path).replace("=", " ").replace(";", " ").replace(",", " ").split() if path in files else []
        for kind in ("addresses", "gateways", "nameservers"):
            checks.same(f"{subject} network {kind}", [word for word in machine["network"][kind] if word not in words], [])
    sudoers = [user["name"] for user in machine["users"] if user["sudo"]]
    if sudoers:
        path = "/etc/sudoers.d/90-kubespore"
        paths.add(path)
        checks.same(f"{subject} sudo mode", path in files and stat.S_IMODE(files[path].st_mode), 0o440)
        checks.same(f"{subject} sudo", [line.split()[0] for line in read(root + path).splitlines()], sudoers)
    return paths


def check_users(checks, subject, root, machine, files):
    """Accounts without a password, in their groups, with their keys. Returns the paths."""
    passwd = {line.split(":")[0]: line.split(":") for line in read(root + "/etc/passwd").splitlines()}
    shadow = {line.split(":")[0]: line.split(":")[1] for line in read(root + "/etc/shadow").splitlines()}
    groups = {line.split(":")[0]: line.split(":")[3].split(",") for line in read(root + "/etc/group").splitlines()}
    paths = set()
    for user in machine["users"]:
        name = user["name"]
        if not checks.true(f"{subject} user {name}", name in passwd, "there is no such account"):
            continue
        checks.same(f"{subject} user {name} shell", passwd[name][6], "/bin/bash")
        checks.true(f"{subject} user {name} password", shadow[name] in ("*", "!"), "there is a password")
        checks.same(f"{subject} user {name} groups", [group for group in user["groups"] if name not in groups.get(group, [])], [])
        keys = f"{passwd[name][5]}/.ssh/authorized_keys.d/ignition"
        paths.add(keys)
        checks.same(f"{subject} user {name} keys", read(root + keys).splitlines() if keys in files else None, user["keys"])
        checks.same(f"{subject} user {name} owns them", keys in files and files[keys].st_uid, int(passwd[name][2]))
    return paths


def check_units(checks, subject, root, machine, files):
    """Unit files, drop-ins, and what presets make of them. Returns the paths."""
    units = {}
    for unit in machine["units"]:
        merged = units.setdefault(unit["name"], {"sha256": None, "drop_ins": {}, "enabled": False})
        merged["sha256"] = unit["sha256"] or merged["sha256"]
        merged["drop_ins"].update(unit["drop_ins"])
        merged["enabled"] |= unit["enabled"]
    paths = set()
    for name, unit in units.items():
        for drop_in, wanted in unit["drop_ins"].items():
            path = f"{UNITS}/{name}.d/{drop_in}"
            paths.add(path)
            checks.same(f"{subject} {name} {drop_in}", path in files and digest(root + path), wanted)
        path = f"{UNITS}/{name}"
        if unit["sha256"] is None:
            checks.true(f"{subject} {name} is the image's", path not in files, "the image's unit is hidden")
            stand_in = f"{root}/usr/lib/systemd/system/{name}"
            os.makedirs(os.path.dirname(stand_in), exist_ok=True)
            with open(stand_in, "w", encoding="utf-8") as handle:
                handle.write("[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
            continue
        paths.add(path)
        text = read(root + path) if path in files else ""
        # A unit that is to start gets an [Install] section where it has none; before that it is the machine's own.
        own, _, added = text.partition("\n[Install]\nWantedBy=multi-user.target\n")
        written = {hashlib.sha256(text.encode()).hexdigest()}
        if unit["enabled"] and not added:
            written.add(hashlib.sha256(own.encode()).hexdigest())
        checks.true(f"{subject} {name}", unit["sha256"] in written, "the unit's text is another")
    preset_all = ["systemctl", f"--root={root}", "preset-all", "--preset-mode=enable-only"]
    done = subprocess.run(preset_all, capture_output=True, text=True, check=False)
    checks.same(f"{subject} preset-all", done.returncode, 0)
    links = {
        entry
        for top, _, names in os.walk(f"{root}{UNITS}")
        if top.endswith((".wants", ".requires"))
        for entry in names
    }
    for name, unit in units.items():
        checks.same(f"{subject} {name} enabled", name in links, unit["enabled"])
    return paths


def main(subject, root, machine_file):
    """Reads both, prints the verdicts."""
    checks = Checks()
    machine = json.loads(read(machine_file))
    files = found(root)
    check_files(checks, subject, root, machine, files)
    meant = set(machine["files"]) | OTHERS
    meant |= check_derived(checks, subject, root, machine, files)
    meant |= check_users(checks, subject, root, machine, files)
    meant |= check_units(checks, subject, root, machine, files)
    checks.same(f"{subject} files that nobody meant", sorted(set(files) - meant), [])
    checks.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
