"""Lays out the files that a seed's document carries, without cloud-init, Ignition or kubespore.

Usage: extract.py DOCUMENT DIRECTORY
In:  a cloud-config document, or an Ignition config (named *.ign). Out: its files below DIRECTORY with their modes; exit
status 1 and a reason when it cannot. Only the encodings that kubespore may use are known: none, `b64`/`base64` and
`gz+b64`/`gzip+base64`; data URLs, gzipped or not.
"""

import base64
import gzip
import json
import os
import sys
import urllib.parse

import yaml

DECODERS = {
    "text/plain": lambda text: text.encode(),
    "base64": base64.b64decode,
    "b64": base64.b64decode,
    "gz+b64": lambda text: gzip.decompress(base64.b64decode(text)),
    "gzip+base64": lambda text: gzip.decompress(base64.b64decode(text)),
}


def ignition_files(config):
    """Yields (path, mode, bytes) of every file and unit of an Ignition config."""
    with open(config, "rb") as handle:
        document = json.load(handle)
    for entry in document["storage"]["files"]:
        head, data = entry["contents"]["source"].removeprefix("data:").split(",", 1)
        content = base64.b64decode(data) if head.endswith(";base64") else urllib.parse.unquote_to_bytes(data)
        yield entry["path"], entry["mode"], gzip.decompress(content) if entry["contents"].get("compression") else content
    for unit in document["systemd"]["units"]:
        place = "/etc/systemd/system/" + unit["name"]
        if "contents" in unit:
            yield place, 0o644, unit["contents"].encode()
        for dropin in unit.get("dropins", []):
            yield f"{place}.d/{dropin['name']}", 0o644, dropin["contents"].encode()


def files(user_data):
    """Yields (path, mode, bytes) of every file that the document carries."""
    if user_data.endswith(".ign"):
        yield from ignition_files(user_data)
        return
    with open(user_data, "rb") as handle:
        document = yaml.safe_load(handle)
    for entry in document.get("write_files", []):
        decode = DECODERS[entry.get("encoding", "text/plain")]
        yield entry["path"], int(entry.get("permissions", "0644"), 8), decode(entry.get("content", ""))


def main(user_data, directory):
    """Writes them all below `directory`."""
    os.makedirs(directory, exist_ok=True)
    for path, mode, content in files(user_data):
        target = os.path.join(directory, path.lstrip("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as handle:
            handle.write(content)
        os.chmod(target, mode)


if __name__ == "__main__":
    main(*sys.argv[1:])
