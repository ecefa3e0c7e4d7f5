"""Boots cloud-init's own code from the seed directory and reports what it did.

In: a root made by `cell`, this program running inside it as root with cloud-init importable.
Out: one JSON document on standard output: cloud-init's version, its schema verdict, the parts its user-data processor saw,
its warnings, the directories there before any file, every file, directory and link it left (mode, owner, size, sha256),
the host name and instance id it used, and every systemctl call its runcmd script made, argument by argument.
Nothing here knows what the user-data is meant to say: the reader of the report does.
"""

import contextlib
import hashlib
import io
import json
import logging
import os
import stat
import subprocess

import yaml
from cloudinit import sources, stages, version
from cloudinit.config import schema
from cloudinit.config.modules import Modules

SEED = "/var/lib/cloud/seed/nocloud"
# cloud-init's own state, and what the cell mounted or brought: not the user-data's doing.
NOT_OURS = ("/usr", "/proc", "/dev", "/opt/cloud-init", "/opt/reader", "/run", "/tmp", "/var/lib/cloud", "/var/log", "/etc/cloud")
# What a directory-making bootcmd may call. The cell keeps mounts and processes apart, but not the kernel.
HARMLESS = {"install", "mkdir", "chmod", "chown"}
# What takes cloud-init's own notes away, where the disk may not have what they are of.
NOTES = "/var/lib/cloud/instance/sem"
FORGET = ["sh", "-c", f"[ -e {NOTES}/kubespore ] || rm -f {NOTES}/config_*"]
CALLS = "/run/systemctl.calls"


def schema_verdict(path):
    """Runs `cloud-init schema --config-file PATH`: its exit status and what it printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            schema.handle_schema_args("schema", schema.get_parser().parse_args(["--config-file", path]))
            status = 0
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
    return {"status": status, "said": out.getvalue()}


def walk():
    """Every path below / that user-data could have made, with its mode, owner and content's digest."""
    found = {}
    for top, directories, files in os.walk("/"):
        directories[:] = [d for d in directories if os.path.join(top, d) not in NOT_OURS]
        for name in directories + files:
            path = os.path.join(top, name)
            status = os.lstat(path)
            entry = {"mode": f"{stat.S_IMODE(status.st_mode):04o}", "uid": status.st_uid, "gid": status.st_gid}
            if stat.S_ISLNK(status.st_mode):
                entry["link"] = os.readlink(path)
            elif stat.S_ISDIR(status.st_mode):
                entry["directory"] = True
            else:
                with open(path, "rb") as handle:
                    content = handle.read()
                entry["size"] = len(content)
                entry["sha256"] = hashlib.sha256(content).hexdigest()
            found[path] = entry
    return found


def changed(before, after):
    """What is new or different in `after`; a directory counts when it is new or its mode or owner changed."""
    return {path: entry for path, entry in after.items() if before.get(path) != entry}


class Warnings(logging.Handler):
    """Keeps every record of level WARNING and above (deprecations included)."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.seen = []

    def emit(self, record):
        self.seen.append(f"{record.levelname}: {record.getMessage()}")


def forbidden(commands, allowed):
    """The commands whose program is not in `allowed`; a string is a shell line, so never allowed."""
    return [c for c in commands or [] if not (isinstance(c, list) and c and c[0] in allowed)]


def record_systemctl():
    """Puts a systemctl in front of the real one that only notes its arguments."""
    os.makedirs("/run/fake", exist_ok=True)
    with open("/run/fake/systemctl", "w", encoding="ascii") as handle:
        handle.write(f"#!/bin/sh\n{{ printf '%s\\0' \"$@\"; printf '\\n'; }} >>{CALLS}\n")
    os.chmod("/run/fake/systemctl", 0o755)
    os.environ["PATH"] = "/run/fake:" + os.environ["PATH"]


def systemctl_calls():
    """The calls noted, each a list of arguments."""
    if not os.path.exists(CALLS):
        return []
    with open(CALLS, encoding="utf-8", newline="\n") as handle:
        lines = handle.read().split("\0\n")
    return [line.split("\0") for line in lines if line]


def main():
    """Boots, then prints the report."""
    report = {"version": version.version_string()}
    warnings = Warnings()
    logging.getLogger().addHandler(warnings)
    record_systemctl()
    before = walk()
    # cloud-init and the programs it starts talk on standard output; the report alone belongs there.
    kept_stdout = os.dup(1)
    os.dup2(2, 1)

    init = stages.Init(ds_deps=[sources.DEP_FILESYSTEM])
    init.read_cfg()
    init.initialize()
    init.fetch(existing="trust")
    report["instance_id"] = init.instancify()
    init.setup_datasource()
    init.update()
    init.consume_data()
    source = init.datasource
    report["datasource"] = {
        "metadata": {k: v for k, v in source.metadata.items() if isinstance(v, str)},
        "network": source.network_config,
    }
    report["vendor_config"] = yaml.safe_load(source.get_vendordata_raw() or b"{}")
    report["parts"] = [p.get_content_type() for p in source.get_userdata().walk() if not p.is_multipart()]

    modules = Modules(init)
    config = modules.cfg
    # Only now: without a booted datasource the checker complains of that, not of the document.
    report["schema"] = schema_verdict(f"{SEED}/user-data")
    report["keys"] = top_level_keys()
    report["unexpected_commands"] = forbidden(
        [words for words in config.get("bootcmd") or [] if words != FORGET], HARMLESS
    ) + forbidden(config.get("runcmd"), {"systemctl", "sync", "touch"})
    failures = []
    if not report["unexpected_commands"]:
        _, failed = modules.run_single("bootcmd", freq="always")
        failures += failed
        report["before_files"] = changed(before, walk())
        # cloud-init's own order of these stages; bootcmd precedes write_files in every cloud.cfg.
        for section in ("cloud_init_modules", "cloud_config_modules", "cloud_final_modules"):
            _, failed = modules.run_section(section)
            failures += failed
    report["module_failures"] = failures
    after = walk()
    report["left"] = changed(before, after)
    report["hostname"] = subprocess.run(["hostname"], check=True, capture_output=True, text=True).stdout.rstrip("\n")
    report["systemctl"] = systemctl_calls()
    report["warnings"] = warnings.seen
    report["written_again"] = not report["unexpected_commands"] and written_again(init, after, config)

    with os.fdopen(kept_stdout, "w", encoding="utf-8") as out:
        json.dump(report, out, indent=1, sort_keys=True)


def written_again(init, whole, config):
    """Whether a boot after a power cut that left the files empty brings every one of them back, and the next leaves them alone."""
    def boot():
        modules = Modules(init)
        modules.run_single("bootcmd", freq="always")
        for section in ("cloud_init_modules", "cloud_config_modules", "cloud_final_modules"):
            modules.run_section(section)

    files = [entry["path"] for entry in config.get("write_files") or [] if whole.get(entry["path"], {}).get("size")]
    for path in files:
        open(path, "wb").close()
    os.remove("/var/lib/cloud/instance/sem/kubespore")
    boot()
    first = walk()
    open(files[0], "wb").close()
    boot()
    return bool(files) and all(first[path] == whole[path] for path in files) and walk()[files[0]]["size"] == 0


def top_level_keys():
    """The top-level keys of the user-data, by the YAML reader that cloud-init uses."""
    with open(f"{SEED}/user-data", "rb") as handle:
        document = yaml.safe_load(handle)
    return sorted(document) if isinstance(document, dict) else []


if __name__ == "__main__":
    main()
