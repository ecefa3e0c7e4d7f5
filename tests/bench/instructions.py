"""How many instructions kubespore takes, and whether that is more than it was.

In:  the program's path; instructions.json beside this file, what it took; BLESS=1 to write that anew.
Out: a line for each measure; exit 1 when one has grown by more than TOLERATED.
Absent: seconds. One thread, so that waiting for another one is not counted.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

from workload import profile, run

TOLERATED = 1.15
"""Of the same source, another compiler, processor or C library takes up to a tenth more or less."""

KNOWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.json")


def count(*command):
    """Runs a command under callgrind; returns the instructions it took."""
    words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "RAYON_NUM_THREADS": "1"})
    told = re.search(r"refs:\s+([\d,]+)", done.stderr)
    if done.returncode or not told:
        sys.exit(f"bench: {' '.join(words)}: {done.stderr}")
    return int(told.group(1).replace(",", ""))


def measures(kubespore):
    """Every measure by name."""
    with tempfile.TemporaryDirectory() as folder:
        few, many = (profile(folder, workers) for workers in (2, 22))
        for path in (few, many):
            run(kubespore, "secrets", "new", path)

        def render(path):
            return count(kubespore, "render", path, "-o", os.path.join(folder, "out"))

        one = render(few)
        return {
            "start": count(kubespore, "--version"),
            "validate": count(kubespore, "validate", few),
            "render six machines": one,
            "render one more worker": (render(many) - one) // 20,
        }


def main(kubespore):
    now = measures(kubespore)
    if os.environ.get("BLESS") == "1":
        with open(KNOWN, "w") as out:
            out.write(json.dumps(now, indent=2) + "\n")
    with open(KNOWN) as source:
        known = json.load(source)
    if now.keys() != known.keys():
        sys.exit(f"bench: {KNOWN} knows other measures; BLESS=1 writes it anew")
    grown = [name for name, value in now.items() if value > TOLERATED * known[name]]
    for name, value in now.items():
        print(f"{name:24} {value:>13,} instructions, {value / known[name]:.3f} of what was known{'  TOO MANY' if name in grown else ''}")
    sys.exit(1 if grown else 0)


main(*sys.argv[1:])
