"""Hands the counts of each test of the matrix to the summary at the end of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from matrix.tally import TALLY


@pytest.fixture(autouse=True)
def tally(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Count the cells of one test."""
    TALLY.figures.clear()
    yield
    if TALLY.figures:
        record_property("the matrix", dict(TALLY.figures))
