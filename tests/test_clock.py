"""Waits for work that goes on when it, or its caller, is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import anyio
import pytest

from fivetran_async._clock import at_most, finished, shielded, to_the_end
from fivetran_async._http.walk import cancel_and_wait

Wait: TypeAlias = Callable[["asyncio.Task[Any]"], Awaitable[object]]


class Stubborn:
    """Work that goes on after each of its first cancellations."""

    def __init__(self, swallowed: int) -> None:
        self.left = swallowed
        self.began = asyncio.Event()
        self.ended = asyncio.Event()

    async def work(self) -> None:
        """Wait for good."""
        try:
            while True:
                try:
                    self.began.set()
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    if not self.left:
                        raise
                    self.left -= 1
        finally:
            self.ended.set()


@pytest.mark.parametrize("swallowed", [0, 1, 3])
async def test_time_limit_needs_no_help_of_the_work(swallowed: int) -> None:
    """The caller goes on in time, and the work is cancelled until it ends."""
    stubborn = Stubborn(swallowed)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError, match=r"timed out after 0\.01 s"):
        await at_most(0.01, stubborn.work())
    assert loop.time() - began < 0.1
    async with asyncio.timeout(5):
        await stubborn.ended.wait()


@pytest.mark.parametrize("swallowed", [0, 2])
async def test_cancellation_of_the_caller_needs_no_help_of_the_work(swallowed: int) -> None:
    """The caller's own cancellation comes through at once."""
    stubborn = Stubborn(swallowed)
    caller = asyncio.create_task(at_most(60, stubborn.work()))
    await stubborn.began.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    async with asyncio.timeout(5):
        await stubborn.ended.wait()


async def test_result_and_error_come_through() -> None:
    """Work that ends in time is as if it had been awaited; its own cancellation is a timeout."""

    async def give() -> int:
        return 7

    async def fail() -> None:
        raise OSError("away")

    async def give_up() -> None:
        raise asyncio.CancelledError

    assert await at_most(5, give()) == 7
    with pytest.raises(OSError, match="away"):
        await at_most(5, fail())
    with pytest.raises(TimeoutError, match="was cancelled"):
        await at_most(5, give_up())


class CountedTurns(selectors.DefaultSelector):
    """What an event loop asks once in each of its turns."""

    turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Count, and wait."""
        self.turns += 1
        return super().select(timeout)


async def lasting(ended: list[str]) -> None:
    """Work that lasts for a moment, however often it is cancelled."""
    loop = asyncio.get_running_loop()
    end = loop.time() + 0.1
    while (rest := end - loop.time()) > 0:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(rest)
    ended.append("work")


async def join(task: asyncio.Task[None]) -> None:
    """Wait by `to_the_end`, for which the task is a part of the work."""

    async def work() -> None:
        await task

    await to_the_end(work())


async def end(task: asyncio.Task[None]) -> None:
    """Wait by `cancel_and_wait`."""
    await cancel_and_wait([task])


each_wait = pytest.mark.parametrize("wait", [finished, join, end])


@each_wait
def test_waits_rest_in_a_cancelled_scope_of_anyio(wait: Wait) -> None:
    """The loop does not spin, although anyio cancels at each turn; the scope ends as cancelled."""
    selector = CountedTurns()
    ended: list[str] = []

    async def scope() -> None:
        task = asyncio.create_task(lasting(ended))
        await asyncio.sleep(0)
        with anyio.CancelScope() as scope:
            scope.cancel()
            try:
                await wait(task)
            finally:
                ended.append("wait")
        assert scope.cancelled_caught
        assert task.done()

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        runner.run(scope())
    assert ended == ["work", "wait"]
    assert selector.turns < 100


@each_wait
async def test_waits_outlast_cancellations(wait: Wait) -> None:
    """However often asyncio cancels the caller, it ends after the work, as cancelled."""
    ended: list[str] = []
    task = asyncio.create_task(lasting(ended))
    await asyncio.sleep(0)

    async def call() -> None:
        try:
            await wait(task)
        finally:
            ended.append("wait")

    caller = asyncio.create_task(call())
    for _ in range(3):
        await asyncio.sleep(0)
        caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended == ["work", "wait"]


async def test_work_of_a_cancelled_caller_has_its_result() -> None:
    """The result and the error of the work reach the caller; only a cancellation hides them."""

    async def fail() -> None:
        raise OSError("away")

    async def give() -> int:
        return 7

    assert await to_the_end(give()) == 7
    with pytest.raises(OSError, match="away"):
        await to_the_end(fail())
    caller = asyncio.create_task(to_the_end(fail()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_cancelled_task_can_await_in_a_shield() -> None:
    """In a cancelled scope of anyio, the block awaits; the next `await` after it is cancelled."""
    steps: list[str] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await asyncio.sleep(0)
        finally:
            with shielded():
                await asyncio.sleep(0.001)
                steps.append("shielded")
            await asyncio.sleep(0.001)
            steps.append("never")
    assert scope.cancelled_caught
    assert steps == ["shielded"]
