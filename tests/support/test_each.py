"""Tests of many small cases."""

from __future__ import annotations

import inspect

import pytest

from support.each import for_each


@for_each("number", [1, 2, 3])
def check_odd(number: int, limit: int) -> None:
    """Fail for even numbers and for those above a limit."""
    assert number % 2
    assert number < limit


@for_each("number", [1, 3])
def check_positive(number: int) -> None:
    """Fail for numbers below 1."""
    assert number > 0


def test_every_case_that_fails_is_reported_by_its_value() -> None:
    """All cases are tried, and each failure names its case; nothing is raised without one."""
    with pytest.raises(ExceptionGroup, match="2 of 3 cases fail") as raised:
        check_odd(limit=3)
    assert [each.__notes__ for each in raised.value.exceptions] == [["number: 2"], ["number: 3"]]
    check_positive()


def test_other_arguments_are_fixtures() -> None:
    """Pytest sees the arguments of the test, except the one with the values."""
    assert [*inspect.signature(check_odd).parameters] == ["limit"]
