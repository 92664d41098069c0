"""The tests' own clock keeps the order of time, in no time."""

from __future__ import annotations

import asyncio

import pytest

from fivetran_async._clock import Clock
from support.fake_clock import FakeClock


async def sleep_on(clock: Clock, seconds: float) -> float:
    """Sleep on anything that is a clock, and give the time after."""
    await clock.sleep(seconds)
    return clock.monotonic()


async def test_sleeping_takes_time_on_this_clock_only(clock: FakeClock) -> None:
    """A sleeper finds the time gone by, and the wait is noted."""
    before, wall = clock.monotonic(), clock.time()
    assert await sleep_on(clock, 3_600) == before + 3_600
    assert clock.time() == wall + 3_600
    assert clock.sleeps == [3_600]


async def test_sleepers_wake_in_the_order_of_their_deadlines(clock: FakeClock) -> None:
    """Several tasks share the time: it passes once for all of them."""
    woken: list[float] = []

    async def sleeper(seconds: float) -> None:
        woken.append(await sleep_on(clock, seconds))

    start = clock.monotonic()
    await asyncio.gather(*(sleeper(seconds) for seconds in (5, 1, 3)))
    assert woken == [start + 1, start + 3, start + 5]


async def test_a_cancelled_sleeper_holds_nobody_up(clock: FakeClock) -> None:
    """Time goes on after a sleeper stops waiting."""
    start = clock.monotonic()
    cancelled = asyncio.create_task(sleep_on(clock, 1))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert await sleep_on(clock, 5) == start + 5
    with pytest.raises(asyncio.CancelledError):
        await cancelled


def test_the_wall_clock_steps_alone(clock: FakeClock) -> None:
    """Setting the wall clock leaves the monotonic one as it is."""
    before, wall = clock.monotonic(), clock.time()
    clock.step_wall(-7_200)
    clock.advance(60)
    assert (clock.monotonic(), clock.time()) == (before + 60, wall - 7_140)
