"""The summary of the matrix: what was counted, and that nothing which must not happen is hidden."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from matrix.tally import Problem, Tally, summary


def test_one_line_has_every_promise() -> None:
    """One line has the number of cases, and how often each promise was broken."""
    tally = Tally()
    tally.cells("faults", 1_200, wire_requests=2_000)
    tally.cells("redirects", 30)
    tally.cases("waits", 2_000, wire_requests=10)
    tally.cases("events", 2_000)
    tally.cases("quota hiccups", 72)
    tally.cases("store hiccups", 24)
    tally.cases("kills", 20)
    tally.apart("twice after a kill", 3)
    hiccups = "72 quota hiccups, 24 store hiccups, 20 kills"
    promises = "lost 0, twice 0, foreign ends 0, over-admission 0, secrets seen 0"
    assert summary(tally.figures) == [
        f"cells run 1,230, 2,000 waits, 2,000 events, {hiccups}: {promises}",
        "cells: 1,200 faults, 30 redirects",
        "wire requests 2,010, leaked tasks 0, leaked sockets 0, beyond the rule 0",
        "counted apart: twice after a kill 3",
    ]


@pytest.mark.parametrize("problem", get_args(Problem))
def test_a_problem_fails_its_test_and_is_printed(problem: Problem) -> None:
    """What must not happen fails the test that met it, and shows up in the sums."""
    tally = Tally()
    tally.count(problem, 0)
    with pytest.raises(AssertionError, match=problem):
        tally.count(problem, 3)
    assert f"{problem} 3" in "\n".join(summary(tally.figures))
    assert f"{problem} 0" in "\n".join(summary(Counter()))
