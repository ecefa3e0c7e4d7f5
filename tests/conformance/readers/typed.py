"""Runs a program at a terminal of its own and types at it, as a person would.

Usage: typed.py PROMPT ANSWER [PROMPT ANSWER...] -- PROGRAM [ARGUMENT...]
In: texts that appear on the terminal, and what is typed when each has. Out: all that the terminal showed, on standard
output; the program's exit status, or 3 when a prompt never came.
"""

import os
import pty
import sys

PATIENCE = 1 << 20
NEVER_CAME = 3


def main(arguments):
    """Types, shows, and leaves with the program's status."""
    cut = arguments.index("--")
    answers = list(zip(arguments[:cut:2], arguments[1:cut:2]))
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(arguments[cut + 1], arguments[cut + 1 :])
    shown, seen = b"", 0
    while len(shown) < PATIENCE:
        if answers and answers[0][0].encode() in shown[seen:]:
            seen = len(shown)
            os.write(terminal, answers.pop(0)[1].encode() + b"\n")
        try:
            some = os.read(terminal, 4096)
        except OSError:  # the last program at the terminal has closed it
            break
        if not some:
            break
        shown += some
    sys.stdout.buffer.write(shown)
    sys.stdout.flush()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if answers:
        print(f"the prompt {answers[0][0]!r} never came", file=sys.stderr)
        sys.exit(NEVER_CAME)
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
