"""How long a wait may last, and the errors of those who share one."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

import attrs

from fivetran_async._http.transport import Transport
from fivetran_async.errors import RequestTimeoutError

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async._http.session import Core

T = TypeVar("T")
ErrorT = TypeVar("ErrorT", bound=BaseException)


class Deadline:
    """
    When a wait has to be over.

    It is kept on the session's clock, by which everything sleeps, and on the clock of the event
    loop, by which requests time out. In production they run alike.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self.seconds = seconds
        self.at: float = clock.monotonic() + seconds
        self._loop_at = asyncio.get_running_loop().time() + seconds

    @property
    def passed(self) -> bool:
        """True if the time is over."""
        return self.remaining() <= 0

    def remaining(self) -> float:
        """Return the seconds that are left; negative when it has passed."""
        on_loop = self._loop_at - asyncio.get_running_loop().time()
        return min(self.at - self._clock.monotonic(), on_loop)

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
        return Transport(transport.core, attrs.evolve(options, deadline=seconds))


async def bounded(core: Core, awaitable: Awaitable[T], seconds: float) -> T:
    """
    Await something until the session closes, and for some seconds at most.

    Raises:
        TimeoutError: The time is over.
        SessionClosedError: The session was closed.
    """
    async with asyncio.timeout(max(seconds, 0.0)):
        return await core.until_closed(awaitable)


def own_copy(error: ErrorT) -> ErrorT:
    """
    Return the same error without its traceback, for one of several callers that it concerns.

    Each raise of a shared exception would add frames to it, and what is noted on it for one caller
    would show to all.
    """
    try:
        twin = copy.copy(error)
    except Exception:  # noqa: BLE001 - an exception of someone else that cannot be copied
        return error
    twin.__cause__, twin.__suppress_context__ = error.__cause__, True
    return twin.with_traceback(None)
