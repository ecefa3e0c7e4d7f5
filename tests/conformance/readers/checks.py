"""Verdicts, one a line, in the form the steps' caller counts.

In: comparisons. Out: `ok SUBJECT` or `not ok SUBJECT: DETAIL` on standard output, and the exit status.
Details never carry file contents: those may be secret.
"""

import sys


class Checks:
    """Collects verdicts; `finish` ends the program with status 1 when any was bad."""

    def __init__(self):
        self.failed = 0
        self.passed = 0

    def true(self, subject, condition, detail):
        """Records whether `condition` holds; `detail` says what is wrong when it does not."""
        if condition:
            self.passed += 1
            print(f"ok {subject}")
        else:
            self.failed += 1
            print(f"not ok {subject}: {detail}")
        return bool(condition)

    def same(self, subject, got, want):
        """Records whether two printable values are equal."""
        return self.true(subject, got == want, f"got {got!r}, want {want!r}")

    def finish(self):
        """Leaves the program. Having checked nothing is a failure."""
        if self.passed + self.failed == 0:
            print("not ok nothing: no check was made")
            sys.exit(1)
        sys.exit(1 if self.failed else 0)
