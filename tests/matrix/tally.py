"""What each test of the matrix counts, and the summary of all of them at the end of a run."""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, TypeAlias, get_args

Problem: TypeAlias = Literal[
    "lost",
    "applied twice",
    "over-admission",
    "foreign ends",
    "secrets seen",
    "leaked tasks",
    "leaked sockets",
    "beyond the rule",
]
PROBLEMS: tuple[Problem, ...] = get_args(Problem)


_CELLS: Final = "cells: "
_WIRE_REQUESTS: Final = "wire requests"
_HICCUPS: Final = "quota hiccups"
_APART: Final = "apart: "


class Tally:
    """Sums over the cells of one test; there must be no problems."""

    def __init__(self) -> None:
        self.figures: Counter[str] = Counter()

    def cells(self, kind: str, number: int = 1, *, wire_requests: int = 0) -> None:
        """Count cells that ran, and the requests that arrived at their servers."""
        self.figures[_CELLS + kind] += number
        self.figures[_WIRE_REQUESTS] += wire_requests

    def hiccups(self, number: int) -> None:
        """Count failures of a store that several processes count their requests in."""
        self.figures[_HICCUPS] += number

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
    cells = {
        name.removeprefix(_CELLS): number
        for name, number in figures.items()
        if name.startswith(_CELLS)
    }
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(cells.items()))
    problems = (f"{problem} {figures[problem]}" for problem in PROBLEMS[:-1])
    beyond = figures["beyond the rule"]
    apart = [
        f"{name.removeprefix(_APART)} {number:,}"
        for name, number in sorted(figures.items())
        if name.startswith(_APART)
    ]
    return [
        f"cells run {sum(cells.values()):,} ({kinds})",
        f"quota hiccups {figures[_HICCUPS]}, " + ", ".join(problems),
        f"wire requests {figures[_WIRE_REQUESTS]:,}, beyond the rule {beyond}",
        *([f"counted apart: {', '.join(apart)}"] if apart else []),
    ]
