"""schema.py SCHEMA REPOSITORY: what a JSON Schema says of profiles.

In:  the schema; the repository, for its profiles.
Out: a verdict a profile. Sound profiles pass. Each fault of shape in tests/bad is found; what two keys mean
     together is no matter of a schema, and those cases are left out by their code.
"""

import glob
import json
import os
import re
import sys

import jsonschema
import yaml

SHAPE = ("empty-value", "invalid-address", "invalid-endpoint", "invalid-host", "invalid-interface", "invalid-login", "invalid-mac",
         "invalid-mode", "invalid-name", "invalid-number", "invalid-path", "invalid-range", "invalid-registry", "invalid-url",
         "invalid-version", "missing-key")
"""Codes of tests/bad that are about the shape of one value."""

CASES = ("unknown-key.yaml", "wrong-type.yaml")
"""Cases of tests/bad likewise; others of their codes are inside kubeadm's own documents."""


class Text(yaml.SafeLoader):
    """Every scalar as it is written, as a profile is read, but truth values and numbers, which the schema names."""


Text.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Text.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^(0|[1-9][0-9]*)$"), list("0123456789"))


def faults(validator, path):
    with open(path) as source:
        return [error.message for error in validator.iter_errors(yaml.load(source, Text))]


def main(schema, repository):
    with open(schema) as source:
        schema = json.load(source)
    jsonschema.Draft202012Validator.check_schema(schema)
    print("ok the schema is one of draft 2020-12")
    validator = jsonschema.Draft202012Validator(schema)
    bad = 0
    sound = [path for folder in ("profiles", "tests/conformance/profiles", "tests/e2e/profiles")
             for path in sorted(glob.glob(os.path.join(repository, folder, "*.yaml"))) if not path.endswith(".secrets.yaml")]
    for path in sound:
        found = faults(validator, path)
        print(f"{'not ok' if found else 'ok'} {os.path.relpath(path, repository)} fits the schema" + "".join(f": {each[:200]}" for each in found[:1]))
        bad += bool(found)
    seen = 0
    for path in sorted(glob.glob(os.path.join(repository, "tests/bad", "*.yaml"))):
        code = os.path.basename(path)[:-len(".yaml")].rstrip("0123456789").rstrip("-")
        if code not in SHAPE and os.path.basename(path) not in CASES:
            continue
        try:
            found = faults(validator, path)
        except yaml.YAMLError:
            continue
        seen += 1
        print(f"{'ok' if found else 'not ok'} {os.path.relpath(path, repository)} does not fit the schema")
        bad += not found
    if len(sound) < 10 or seen < len(SHAPE) + len(CASES):
        print(f"not ok {len(sound)} sound and {seen} bad profiles are too few")
        bad += 1
    sys.exit(bad > 0)


main(*sys.argv[1:])
