"""
Figures that tests report, added up and printed at the end of a run.

A test reports its figures by `record_property`. Properties travel with the reports of tests, so
that the sums are right whichever process ran which test.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, cast

import pytest

Figures: TypeAlias = Counter[str]
Summary: TypeAlias = Callable[[Figures], list[str]]

MODULES: Final[Mapping[str, str]] = {
    "driven": "meta.inventory",
    "the matrix": "matrix.tally",
    "parity": "parity.seed",
    "the table of services": "services.tally",
}
"""The properties, and the modules with a function `summary` that turns figures into lines."""


class Summaries:
    """A pytest plugin; one process that sees the reports of all tests prints the sums."""

    def __init__(self) -> None:
        self._figures: dict[str, Figures] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the figures of a test, once: each of its three reports has them."""
        if report.when != "teardown":
            return
        for title, figures in report.user_properties:
            if title in MODULES:
                total = self._figures.setdefault(title, Counter())
                total.update(cast("Mapping[str, int]", figures))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a section for each title that has figures."""
        for title, figures in sorted(self._figures.items()):
            summary: Summary = importlib.import_module(MODULES[title]).summary
            terminalreporter.section(title)
            for line in summary(figures):
                terminalreporter.write_line(line)
