"""The timeouts of attempts: one timer for all that are under way, instead of one for each."""

from __future__ import annotations

import asyncio
import contextlib
import math
import operator
from contextvars import Context
from typing import TYPE_CHECKING, Final

from fivetran_async._http.interruption import Interruption
from fivetran_async.errors import EventLoopError

if TYPE_CHECKING:
    from collections.abc import Callable
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

    __slots__ = ("_timer", "clock", "loop", "timer_at", "under_way")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self.clock: Callable[[], float] = loop.time
        self.under_way: dict[_Deadline, None] = {}
        self.timer_at: float = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def within(self, seconds: float | None) -> AbstractContextManager[None]:
        """Return a block that raises `TimeoutError` after some seconds; never if they are None."""
        return _NO_DEADLINE if seconds is None else _Deadline(self, seconds)

    def close(self) -> None:
        """Cancel the timer while nothing is under way; a deadline that is added sets it."""
        if self._timer is not None and not self.under_way:
            self._timer.cancel()
            self._timer, self.timer_at = None, math.inf

    def set_timer(self, at: float) -> None:
        """Have the timer ring at this time instead."""
        if self._timer is not None:
            self._timer.cancel()
        self.timer_at = at
        # In a context of its own: that of the caller may hold much.
        self._timer = self.loop.call_at(at, self._ring, context=Context())

    def _ring(self) -> None:
        self._timer, self.timer_at = None, math.inf
        now = self.clock()
        for deadline in sorted(self.under_way, key=_AT):
            if deadline.at > now:
                self.set_timer(deadline.at)
                return
            del self.under_way[deadline]
            deadline.interrupt()


class _Deadline(Interruption):
    """The deadline of a block: cancels its task, and turns that into `TimeoutError`."""

    __slots__ = ("_deadlines", "_seconds", "at")

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        self._deadlines = deadlines
        self._seconds = seconds

    def __enter__(self) -> None:
        deadlines = self._deadlines
        task = asyncio.current_task(deadlines.loop)
        if task is None:
            # There is nothing that a timeout could cancel.
            raise EventLoopError("A call must be awaited inside a task of the event loop.")
        self.watch(task)
        self.at = deadlines.clock() + self._seconds
        deadlines.under_way[self] = None
        if self.at < deadlines.timer_at:
            deadlines.set_timer(self.at)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.interrupted:
            del self._deadlines.under_way[self]
        elif self.is_cause(kind):
            raise TimeoutError from error
