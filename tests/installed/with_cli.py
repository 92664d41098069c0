"""Check the wheel with the extra `cli`: `nox -s install`."""

from __future__ import annotations

import sys

from environment import SCRIPT, check_packages, demo_account, output_of, shown_by

check_packages("cli")
with demo_account() as environment:
    shown, errors = shown_by(SCRIPT, "overview", **environment)
    piped = output_of(SCRIPT, "overview", **environment)
assert errors == "", errors
# A table with bold headings and a rule below them.
assert "\x1b[1m" in shown
assert "───" in shown
assert "───" not in piped
assert len(piped.splitlines()) > 12
sys.stdout.write("cli: rich formats the overview on a terminal, and a pipe receives plain text\n")
