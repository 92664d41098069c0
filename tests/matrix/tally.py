"""What the matrix counts, over all of its tests, for the summary at the end of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

Problem: TypeAlias = Literal[
    "lost", "applied twice", "secrets seen", "leaked tasks", "leaked sockets", "beyond the rule"
]
PROBLEMS: tuple[Problem, ...] = get_args(Problem)


@dataclass
class Tally:
    """Sums over the cells of the matrix; there must be no problems."""

    cells: Counter[str] = field(default_factory=Counter[str])
    wire_requests: int = 0
    problems: Counter[Problem] = field(default_factory=Counter["Problem"])

    def count(self, problem: Problem, number: int = 1) -> None:
        """Note what must not happen, and fail the cell if it did."""
        self.problems[problem] += number
        assert not number, problem

    def lines(self) -> list[str]:
        """The summary."""
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(self.cells.items()))
        beyond = self.problems["beyond the rule"]
        figures = (f"{problem} {self.problems[problem]}" for problem in PROBLEMS[:-1])
        return [
            f"cells run {sum(self.cells.values()):,} ({kinds})",
            ", ".join(figures),
            f"wire requests {self.wire_requests:,}, beyond the rule {beyond}",
        ]


TALLY = Tally()
"""The one of this run."""
