"""What every reader needs to know of a rendering.

In: RENDERED, a directory with `profile.yaml` (a copy of the input), `bundle.secrets.yaml`, `out/` (kubespore's output) and
`machines/<node>/` (the files of each user-data, laid out by extract.py). Out: their contents as plain Python values.
The profile is read with every plain scalar as text, the way a person wrote it: YAML 1.1 would turn some into numbers.
"""

import json
import os

import yaml


def profile(directory):
    """The profile, every scalar a string as written."""
    with open(f"{directory}/profile.yaml", "rb") as handle:
        return yaml.load(handle, Loader=yaml.BaseLoader)


def manifest(directory):
    """manifest.json."""
    with open(f"{directory}/out/manifest.json", encoding="utf-8") as handle:
        return json.load(handle)


def roles(directory):
    """node name → role, from the profile."""
    return {node["name"]: node["role"] for node in profile(directory)["nodes"]}


def machine_file(directory, node, path):
    """A machine's file as bytes, or None."""
    target = os.path.join(directory, "machines", node, path.lstrip("/"))
    if not os.path.exists(target):
        return None
    with open(target, "rb") as handle:
        return handle.read()


def machine_files(directory, node):
    """Yields (absolute path on the machine, path here) of every file of a machine."""
    base = os.path.join(directory, "machines", node)
    for top, _, names in os.walk(base):
        for name in sorted(names):
            here = os.path.join(top, name)
            yield "/" + os.path.relpath(here, base), here
