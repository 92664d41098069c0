"""Prints what the matrix came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matrix.tally import TALLY

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cells ran, and that nothing was lost, doubled, seen or leaked."""
    if TALLY.cells:
        terminalreporter.section("the matrix")
        for line in TALLY.lines():
            terminalreporter.write_line(line)
