"""Lays out the files that a user-data document carries, without cloud-init and without kubespore.

Usage: extract.py USER_DATA DIRECTORY
In:  a cloud-config document. Out: its write_files below DIRECTORY with their modes; exit status 1 and a reason when it cannot.
Only the encodings that kubespore may use are known: none, `b64`/`base64` and `gz+b64`/`gzip+base64`.
"""

import base64
import gzip
import os
import sys

import yaml

DECODERS = {
    "text/plain": lambda text: text.encode(),
    "base64": base64.b64decode,
    "b64": base64.b64decode,
    "gz+b64": lambda text: gzip.decompress(base64.b64decode(text)),
    "gzip+base64": lambda text: gzip.decompress(base64.b64decode(text)),
}


def files(user_data):
    """Yields (path, mode, bytes) of every entry of write_files."""
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
