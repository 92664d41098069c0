"""The timeouts of attempts: one timer for all that are under way, instead of one for each."""

from __future__ import annotations

import asyncio
import contextlib
import math
import operator
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

_AT: Final = operator.attrgetter("at")
_NO_DEADLINE: Final = contextlib.nullcontext()


class Deadlines:
    """
    Ends blocks that take too long, on one event loop.

    Nearly every attempt ends long before its deadline. So its end sets no timer and cancels none:
    the timer rings at the earliest deadline that was set, and is then set for the earliest of those
    still under way. Deadlines are exact; the clock is the event loop's.
    """

    __slots__ = ("_loop", "_open", "_rings_at", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._open: dict[_Deadline, None] = {}
        self._rings_at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def within(self, seconds: float | None) -> AbstractContextManager[None]:
        """Return a block that raises `TimeoutError` after some seconds; never if they are None."""
        return _NO_DEADLINE if seconds is None else _Deadline(self, seconds)

    def add(self, deadline: _Deadline) -> float:
        """Begin to count, and return the time of the deadline."""
        at = self._loop.time() + deadline.seconds
        self._open[deadline] = None
        if at < self._rings_at:
            self._set_timer(at)
        return at

    def remove(self, deadline: _Deadline) -> None:
        """Forget a deadline that was met."""
        self._open.pop(deadline, None)

    def close(self) -> None:
        """Cancel the timer while nothing is under way; a deadline that is added sets it."""
        if self._timer is not None and not self._open:
            self._timer.cancel()
            self._timer, self._rings_at = None, math.inf

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = at
        # In a context of its own: that of the caller may hold much.
        self._timer = self._loop.call_at(at, self._ring, context=Context())

    def _ring(self) -> None:
        self._timer, self._rings_at = None, math.inf
        now = self._loop.time()
        for deadline in sorted(self._open, key=_AT):
            if deadline.at > now:
                self._set_timer(deadline.at)
                return
            del self._open[deadline]
            deadline.expire()


class _Deadline:
    """The deadline of a block: cancels its task, and turns that into `TimeoutError`."""

    __slots__ = ("_cancelled_before", "_deadlines", "_expired", "_task", "at", "seconds")

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        self._deadlines = deadlines
        self._expired = False
        self.seconds = seconds
        self.at = math.inf

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            # As aiohttp and asyncio do: without a task there is nothing to cancel.
            raise RuntimeError("A call must be awaited inside a task.")
        self._task: asyncio.Task[Any] = task
        self._cancelled_before = task.cancelling()
        self.at = self._deadlines.add(self)

    def expire(self) -> None:
        """Cancel the task: its time is over."""
        self._expired = True
        self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._expired:
            self._deadlines.remove(self)
            return
        # A cancellation by the caller counts too, and passes.
        is_ours = self._task.uncancel() <= self._cancelled_before
        if is_ours and kind is asyncio.CancelledError:
            raise TimeoutError from error
