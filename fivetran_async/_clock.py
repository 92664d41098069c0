"""Time, sleep and chance behind one object, so that tests replace all three together."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")

_CANCELLED_EVERY: Final = 0.1
"""Seconds between cancellations of a task that does not end."""


class Clock(Protocol):
    """The parts of time that the client uses."""

    def monotonic(self) -> float:
        """Return seconds of a clock that never steps; for deadlines and rate windows."""
        ...

    def time(self) -> float:
        """Return seconds since the epoch; only to compare with dates of a server."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        ...

    def random(self) -> float:
        """Return a number from 0 to 1, for jitter."""
        ...


class SystemClock:
    """The machine's own time."""

    # The functions themselves: a call uses them four times.
    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def random(self) -> float:
        # Jitter, not cryptography.
        return random.random()  # noqa: S311


SYSTEM_CLOCK: Final = SystemClock()
"""The clock of sessions by default."""


async def at_most(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """
    Await work for a number of seconds at most; then, or if cancelled, leave it at once.

    The work runs in a task of its own. `asyncio.timeout` would not do for the libraries of others:
    it waits until they end, and some swallow a cancellation, as does `asyncio.wait_for` in Python
    3.11 when what it waits for has just ended.

    Raises:
        TimeoutError: The work took longer, or was cancelled by itself.
    """
    task = asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.wait((task,), timeout=seconds)
        if not task.done():
            raise TimeoutError(f"timed out after {seconds:g} s")
        if task.cancelled():
            raise TimeoutError("the call was cancelled")
        return task.result()
    finally:
        abandon(task)


def abandon(task: asyncio.Task[Any]) -> None:
    """Cancel a task that no one awaits, until it ends."""
    if not task.done():
        task.cancel()
        task.get_loop().call_later(_CANCELLED_EVERY, abandon, task)
    elif not task.cancelled():
        # Read it, so that asyncio does not report an error that has no one to handle it.
        task.exception()
