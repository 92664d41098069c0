"""What each test of the matrix counts, and the summary of all of them at the end of a run."""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, TypeAlias, get_args

Problem: TypeAlias = Literal[
    "lost",
    "twice",
    "foreign ends",
    "over-admission",
    "secrets seen",
    "leaked tasks",
    "leaked sockets",
    "beyond the rule",
]
Case: TypeAlias = Literal["waits", "events", "quota hiccups", "store hiccups", "kills"]

_PROMISES: Final[tuple[Problem, ...]] = get_args(Problem)[:5]
_CASES: Final[tuple[Case, ...]] = get_args(Case)
_CELLS: Final = "cells: "
_WIRE_REQUESTS: Final = "wire requests"
_APART: Final = "apart: "


class Tally:
    """Sums over the cells of one test; there must be no problems."""

    def __init__(self) -> None:
        self.figures: Counter[str] = Counter()

    def cells(self, kind: str, number: int = 1, *, wire_requests: int = 0) -> None:
        """Count cells that ran, and the requests that arrived at their servers."""
        self.figures[_CELLS + kind] += number
        self.figures[_WIRE_REQUESTS] += wire_requests

    def cases(self, kind: Case, number: int, *, wire_requests: int = 0) -> None:
        """Count waits, events of webhooks, or what stores and processes suffered."""
        self.figures[kind] += number
        self.figures[_WIRE_REQUESTS] += wire_requests

    def apart(self, kind: str, number: int = 1) -> None:
        """Count cases that cannot be decided; they are reported, and are not problems."""
        self.figures[_APART + kind] += number

    def count(self, problem: Problem, number: int = 1) -> None:
        """Count what must not happen, and fail the cell if it did."""
        self.figures[problem] += number
        assert not number, problem


TALLY: Final = Tally()
"""The one of the test that runs."""


def summary(figures: Counter[str]) -> list[str]:
    """Format the sums over all tests."""
    cells = _named(figures, _CELLS)
    cases = ", ".join(f"{figures[case]:,} {case}" for case in _CASES)
    promises = ", ".join(f"{problem} {figures[problem]:,}" for problem in _PROMISES)
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in cells.items())
    others = ("leaked tasks", "leaked sockets", "beyond the rule")
    apart = [f"{name} {number:,}" for name, number in _named(figures, _APART).items()]
    return [
        f"cells run {sum(cells.values()):,}, {cases}: {promises}",
        *([f"cells: {kinds}"] if cells else []),
        f"wire requests {figures[_WIRE_REQUESTS]:,}, "
        + ", ".join(f"{problem} {figures[problem]:,}" for problem in others),
        *([f"counted apart: {', '.join(apart)}"] if apart else []),
    ]


def _named(figures: Counter[str], prefix: str) -> dict[str, int]:
    """Return the figures that begin with a word, by the rest of their names."""
    return {
        name.removeprefix(prefix): number
        for name, number in sorted(figures.items())
        if name.startswith(prefix)
    }
