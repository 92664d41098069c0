"""How long a wait may last."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

import attrs

from fivetran_async._clock import timeout, timer_time
from fivetran_async._http.transport import Transport
from fivetran_async.errors import RequestTimeoutError

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async._http.session import Core

T = TypeVar("T")


class Deadline:
    """
    When a wait has to be over.

    It is kept on the session's clock, by which everything sleeps, and on the clock of timers, by
    which calls time out. In production they run alike.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self.seconds = seconds
        self.at: float = clock.monotonic() + seconds
        self._timer_at = timer_time(clock) + seconds

    @property
    def passed(self) -> bool:
        """True if the time is over."""
        return self.remaining() <= 0

    def remaining(self) -> float:
        """Return the seconds that are left; negative when it has passed."""
        by_timers = self._timer_at - timer_time(self._clock)
        return min(self.at - self._clock.monotonic(), by_timers)

    def limit(self, transport: Transport, most: float | None = None) -> Transport:
        """
        Return a view that ends its calls by the deadline, each after at most `most` seconds.

        Raises:
            RequestTimeoutError: The time is over; nothing was sent.
        """
        left = self.remaining()
        if left <= 0:
            raise RequestTimeoutError(
                f"Timed out after {self.seconds:g} s, before the request was sent.",
                fate="not_sent",
            )
        options = transport.options
        seconds = min(left, *(each for each in (most, options.deadline) if each is not None), left)
        return transport.with_options(attrs.evolve(options, deadline=seconds))


async def bounded(core: Core, awaitable: Awaitable[T], seconds: float) -> T:
    """
    Await something until the session closes, and for some seconds at most.

    Raises:
        TimeoutError: The time is over.
        SessionClosedError: The session was closed.
    """
    async with timeout(core.clock, max(seconds, 0.0)):
        return await core.until_closed(awaitable)
