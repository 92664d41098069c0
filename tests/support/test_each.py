"""Tests of many small cases."""

from __future__ import annotations

import asyncio
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


@for_each("number, double", [(1, 2), (2, 5), (3, 7)])
async def check_double(number: int, double: int) -> None:
    """Fail for a number that is not the double of another."""
    await asyncio.sleep(0)
    assert 2 * number == double


@for_each("number", [1, 2, 3])
def check_refused(number: int) -> None:
    """Fail without an exception of its own for each number from 2."""
    with pytest.raises(ZeroDivisionError):
        assert number / (number // 2)


def test_every_case_that_fails_is_reported_by_its_value() -> None:
    """All cases are tried, and each failure names its case; nothing is raised without one."""
    with pytest.raises(ExceptionGroup, match="2 of 3 cases fail") as raised:
        check_odd(limit=3)
    assert [each.__notes__ for each in raised.value.exceptions] == [["number: 2"], ["number: 3"]]
    check_positive()


async def test_coroutines_have_cases_of_several_arguments() -> None:
    """Each case of a coroutine test is awaited, and a failure names all of its arguments."""
    with pytest.raises(ExceptionGroup, match="2 of 3 cases fail") as raised:
        await check_double()
    notes = [each.__notes__ for each in raised.value.exceptions]
    assert notes == [["number: 2, double: 5"], ["number: 3, double: 7"]]


def test_failures_of_pytest_end_the_test() -> None:
    """What `pytest.fail` raises names its case, and no further case runs: it can be a timeout."""
    with pytest.raises(BaseExceptionGroup, match="1 of 3 cases fail") as raised:
        check_refused()
    assert [each.__notes__ for each in raised.value.exceptions] == [["number: 2"]]


def test_other_arguments_are_fixtures() -> None:
    """Pytest sees the arguments of the test, except those of a case."""
    assert [*inspect.signature(check_odd).parameters] == ["limit"]
    assert [*inspect.signature(check_double).parameters] == []
