"""How long a call waits for its turn, the error once it would be longer, and what users see."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import attrs

from fivetran_async._quota.windows import LONGEST_GAP
from fivetran_async.errors import RateLimitedError

if TYPE_CHECKING:
    from fivetran_async._clock import Clock

logger: logging.Logger = logging.getLogger("fivetran_async")

Priority: TypeAlias = Literal["interactive", "bulk"]

_SHORTEST_NOTICE: Final = 1.0
"""Seconds: shorter waits are part of pacing and not reported."""
_SLACK: Final = 1.0
"""Seconds by which the end of a pause may move without a second notice."""


@attrs.frozen(kw_only=True)
class WaitEvent:
    """
    Calls wait for a quota of the account.

    Attributes:
        quota: Its name: `requests`, `source`, `setup_tests`, `user_creation` or `private_links`.
        waiting: How many calls of this process wait for it.
        seconds: Until the first of them may start.
        retry_at: The same as a time in UTC.
        paused: True if the API asked for the pause with a 429.
    """

    quota: str
    waiting: int
    seconds: float
    retry_at: datetime
    paused: bool


OnWait: TypeAlias = Callable[[WaitEvent], Awaitable[None] | None]


@attrs.frozen(kw_only=True)
class Patience:
    """
    How a call waits for its turn; times in seconds.

    Attributes:
        priority: Interactive calls go before bulk ones.
        max_pause: The longest pause that the server asks for and that is waited for; None is no
            bound.
        max_wait: The longest wait for the quotas as this process counts them; None is no bound.
            Bulk calls wait at least as long as the longest window, and a call with a deadline waits
            until then instead.
        on_wait: Called once per pause in which calls wait; may be a coroutine function.
    """

    priority: Priority = "interactive"
    max_pause: float | None = 60.0
    max_wait: float | None = 300.0
    on_wait: OnWait | None = None

    def longest_wait(self, longest_window: float, time_left: float | None) -> float:
        """Return the seconds that a call may wait for quotas, server's pauses not included."""
        if time_left is not None:
            return time_left
        if self.max_wait is None:
            return math.inf
        return max(self.max_wait, longest_window) if self.priority == "bulk" else self.max_wait


PATIENT: Final = Patience(max_pause=None, max_wait=None)
"""Waits as long as it takes."""


class Cause(NamedTuple):
    """Why a call does not start yet: the budget that holds it longest."""

    budget: str
    seconds: float
    pause: float
    """Seconds of the wait that the server asked for; 0 if the quota alone holds the call."""


def refusal(cause: Cause, limits: str, clock: Clock) -> RateLimitedError:
    """Return the error of a call that would wait longer than it may."""
    seconds = cause.seconds
    if cause.pause:
        reason = f"the API asked to pause requests of the quota {cause.budget!r}"
        bounds = "RetryPolicy.max_retry_after, deadline"
    else:
        reason = f"the account's quota {cause.budget!r} is used up{limits}"
        bounds = "RetryPolicy.max_local_wait, deadline"
    error = RateLimitedError(
        f"Rate limited: {reason}; the next request may start in {seconds:.0f} s, "
        f"which is longer than this call waits ({bounds}).",
        retry_after=seconds,
        fate="not_sent",
    )
    error.retry_at = datetime.fromtimestamp(clock.time() + seconds, UTC)
    return error


class Notice(NamedTuple):
    """One report of a pause that is still to be made."""

    cause: Cause
    hook: OnWait | None
    log: bool


class Notices:
    """Reports each pause once: to the log, and to each hook of the calls that wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, list[OnWait]]] = {}

    def claim(self, cause: Cause, hook: OnWait | None) -> Notice | None:
        """Return what is still to be reported about a wait, and note it as reported."""
        now = self._clock.monotonic()
        until = now + cause.seconds
        known_until, heard = self._known.get(cause.budget, (-math.inf, list[OnWait]()))
        if now < known_until and until <= known_until + _SLACK:
            if hook is None or any(hook == other for other in heard):
                return None
            heard.append(hook)
            return Notice(cause, hook, log=False)
        if cause.seconds < _SHORTEST_NOTICE:
            return None
        # Waits that spread the last part of a quota follow each other: one notice for several.
        known_until = max(until, now + LONGEST_GAP)
        self._known[cause.budget] = known_until, [] if hook is None else [hook]
        return Notice(cause, hook, log=True)

    def publish(self, notice: Notice, waiting: int) -> asyncio.Task[None] | None:
        """Report a pause; return the task of a hook that is a coroutine function."""
        cause, hook = notice.cause, notice.hook
        if notice.log:
            logger.info(
                "Rate limited by the quota %r%s: %d calls waiting, the next starts in %.1f s",
                cause.budget,
                " (paused by a 429)" if cause.pause else "",
                waiting,
                cause.seconds,
            )
        if hook is None:
            return None
        event = WaitEvent(
            quota=cause.budget,
            waiting=waiting,
            seconds=cause.seconds,
            retry_at=datetime.fromtimestamp(self._clock.time() + cause.seconds, UTC),
            paused=cause.pause > 0,
        )
        try:
            result = hook(event)
        except Exception:
            logger.exception("A WaitEvent hook failed")
            return None
        return asyncio.ensure_future(_finish(result)) if inspect.isawaitable(result) else None


async def _finish(result: Awaitable[None]) -> None:
    try:
        await result
    except Exception:
        logger.exception("A WaitEvent hook failed")
