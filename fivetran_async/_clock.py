"""Time, sleep and chance behind one object, so that tests replace all three together."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from fivetran_async.errors import EventLoopError

if TYPE_CHECKING:
    from types import TracebackType

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


def asyncio_loop() -> asyncio.AbstractEventLoop:
    """
    Return the running event loop.

    Raises:
        EventLoopError: None is running, or it is that of another library, such as trio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise EventLoopError(
            "No asyncio event loop is running here, and AsyncFivetran needs one. From synchronous "
            "code, and from trio in a thread, use fivetran_async.from_thread."
        ) from None


class Timer(Protocol):
    """A function that will be called."""

    def cancel(self) -> None:
        """Do not call it."""
        ...


class _TestClock(Clock, Protocol):
    """What a clock of tests can offer beyond a clock; other clocks leave it to the event loop."""

    def timer(self, seconds: float, ring: Callable[[], object]) -> Timer: ...

    def hold(self, reason: str) -> AbstractContextManager[None]: ...

    def held_session(self, session: Any) -> Any: ...  # noqa: ANN401 - a session that holds


def _test_clock(clock: Clock) -> _TestClock | None:
    return cast("_TestClock", clock) if hasattr(clock, "timer") else None


def timer(clock: Clock, seconds: float, ring: Callable[[], object]) -> Timer:
    """Call a function in some seconds, by a clock that has timers, or by the event loop's."""
    own = _test_clock(clock)
    if own is not None:
        return own.timer(seconds, ring)
    return asyncio_loop().call_later(seconds, ring)


def timer_time(clock: Clock) -> float:
    """Return the time by which `timer` and `timeout` measure."""
    return asyncio_loop().time() if _test_clock(clock) is None else clock.monotonic()


def timeout(clock: Clock, seconds: float) -> AbstractAsyncContextManager[object]:
    """Do the same as `asyncio.timeout`, by a clock that has timers, or by the event loop's."""
    own = _test_clock(clock)
    return asyncio.timeout(seconds) if own is None else _Timeout(own, seconds)


def held(clock: Clock, reason: str) -> AbstractContextManager[None]:
    """Return a block during which a clock of tests stands still: its work takes real time."""
    own = _test_clock(clock)
    return contextlib.nullcontext() if own is None else own.hold(reason)


def held_requests(clock: Clock, session: T) -> T:
    """Return an aiohttp session that has a clock of tests stand still during its requests."""
    own = _test_clock(clock)
    return session if own is None else cast("T", own.held_session(session))


class _Timeout:
    """A block that a timer of a clock ends with `TimeoutError`."""

    def __init__(self, clock: _TestClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._scope = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        await self._scope.__aenter__()
        self._timer = self._clock.timer(self._seconds, self._expire)

    def _expire(self) -> None:
        # In the past, so at once.
        self._scope.reschedule(-1.0)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        await self._scope.__aexit__(kind, error, traceback)


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


async def finished(task: asyncio.Task[Any]) -> None:
    """
    Wait until a task has ended, however often the caller is cancelled meanwhile.

    Raises:
        CancelledError: The caller was cancelled; the task has ended.
    """
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        cancelled = await waited([task], cancelled)
    if cancelled is not None:
        raise cancelled


async def waited(
    tasks: Iterable[asyncio.Task[Any]], cancelled: asyncio.CancelledError | None
) -> asyncio.CancelledError | None:
    """
    Wait for tasks, and return the last cancellation of the caller; it does not cancel them.

    Args:
        tasks: The tasks.
        cancelled: The last cancellation before; None if there was none.
    """
    with contextlib.nullcontext() if cancelled is None else shielded():
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError as error:
            return error
    return cancelled


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """
    Await work in a task of its own, however often the caller is cancelled meanwhile.

    Raises:
        CancelledError: The caller was cancelled; the work has ended, and its error is dropped.
    """
    task = asyncio.get_running_loop().create_task(work)
    try:
        await finished(task)
    finally:
        if not task.cancelled():
            # Read, so that asyncio does not report it if the cancellation is raised instead.
            task.exception()
    return task.result()


def shielded() -> AbstractContextManager[object]:
    """
    Return a block in which a task that was cancelled can await something.

    anyio, and with it FastAPI, cancels a task at each turn of the event loop until the task has
    left the cancelled scope: every `await` ends at once, and the loop never rests. asyncio cancels
    once, and does so in this block too.
    """
    anyio: Any = sys.modules.get("anyio")
    return contextlib.nullcontext() if anyio is None else anyio.CancelScope(shield=True)


def abandon(task: asyncio.Task[Any]) -> None:
    """Cancel a task that no one awaits, until it ends."""
    if not task.done():
        task.cancel()
        task.get_loop().call_later(_CANCELLED_EVERY, abandon, task)
    elif not task.cancelled():
        # Read it, so that asyncio does not report an error that has no one to handle it.
        task.exception()
