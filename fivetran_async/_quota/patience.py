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
    from fivetran_async.events import CallStartEvent, WaitEvent

    OnWait: TypeAlias = Callable[[WaitEvent], Awaitable[None] | None]

logger: logging.Logger = logging.getLogger("fivetran_async")

Priority: TypeAlias = Literal["interactive", "bulk"]

_SHORTEST_NOTICE: Final = 1.0
"""Seconds: shorter waits are part of pacing and not reported."""
_SLACK: Final = 0.5
"""Seconds by which the end of a pause may move without a second notice."""


Guard: TypeAlias = Callable[[Awaitable[None]], Awaitable[None]]


@attrs.frozen(kw_only=True)
class Patience:
    """
    How a call waits for its turn; times in seconds.

    Attributes:
        priority: Interactive calls go before bulk ones.
        max_pause: The longest pause of the server that the call waits for; None sets no bound.
        max_wait: The longest wait for the quotas as this process counts them; None sets no bound.
            Bulk calls add the longest window to it, and a call with a deadline waits until then
            instead.
        on_wait: Called once per pause in which calls wait; may be a coroutine function.
        until_closed: Awaits a rest, and raises as soon as the session closes.
        call: The call that waits, for `on_wait` and the log.
        attempt: The number of its request.
    """

    priority: Priority = "interactive"
    max_pause: float | None = 60.0
    max_wait: float | None = 300.0
    on_wait: OnWait | None = None
    until_closed: Guard | None = None
    call: CallStartEvent | None = None
    attempt: int = 1

    def of_call(self, call: CallStartEvent, attempt: int) -> Patience:
        """Return the same patience for one request."""
        # Not by `attrs.evolve`, which is slow.
        return Patience(
            priority=self.priority,
            max_pause=self.max_pause,
            max_wait=self.max_wait,
            on_wait=self.on_wait,
            until_closed=self.until_closed,
            call=call,
            attempt=attempt,
        )

    def longest_wait(self, longest_window: float, time_left: float | None) -> float:
        """Return the seconds that a call may wait for quotas, server's pauses not included."""
        if time_left is not None:
            return time_left
        if self.max_wait is None:
            return math.inf
        # A window begins when a request ends, which may be after the call joined the line: with the
        # window alone, a call that needs all of it would be refused for the seconds in between.
        return self.max_wait + longest_window if self.priority == "bulk" else self.max_wait


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
    patience: Patience
    log: bool

    def facts(self, waiting: int) -> dict[str, object]:
        """Return what the log record has beside its text."""
        call, cause = self.patience.call, self.cause
        known = {} if call is None else {**call.to_dict(), "attempt": self.patience.attempt}
        return {
            **known,
            "quota": cause.budget,
            "waiting": waiting,
            "seconds": cause.seconds,
            "paused": cause.pause > 0,
        }


@attrs.define(eq=False)
class _Reported:
    """A pause that was reported: its cause, its end, and the hooks that heard of it."""

    cause: Cause
    ends: float
    quiet_until: float
    heard: list[OnWait]


class Notices:
    """Reports each pause once: to the log, and to each hook of the calls that wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reported: dict[str, _Reported] = {}
        self._running: set[asyncio.Task[None]] = set()

    def claim(self, cause: Cause, patience: Patience, *, is_next: bool) -> Notice | None:
        """
        Return what is still to be reported about a wait, and note it as reported.

        A call that is not the next of its line only adds its hook: its own wait is longer.
        """
        now, hook = self._clock.monotonic(), patience.on_wait
        known = self._reported.get(cause.budget)
        if is_next and (known is None or now + cause.seconds > known.quiet_until + _SLACK):
            if cause.seconds < _SHORTEST_NOTICE:
                return None
            ends = now + cause.seconds
            # Waits that spread the last part of a quota follow each other: one notice for several.
            quiet_until = max(ends, now + LONGEST_GAP)
            heard = [] if hook is None else [hook]
            self._reported[cause.budget] = _Reported(cause, ends, quiet_until, heard)
            return Notice(cause, patience, log=True)
        if known is None or now >= known.ends or hook is None or hook in known.heard:
            return None
        known.heard.append(hook)
        return Notice(known.cause._replace(seconds=known.ends - now), patience, log=False)

    def publish(self, notice: Notice, waiting: int) -> None:
        """Report a pause; a hook that is a coroutine function runs while the call waits."""
        cause, patience = notice.cause, notice.patience
        hook = patience.on_wait
        if notice.log:
            logger.info(
                "Rate limited by the quota %r%s: %d calls waiting, the next starts in %.1f s",
                cause.budget,
                " (paused by a 429)" if cause.pause else "",
                waiting,
                cause.seconds,
                extra=notice.facts(waiting),
            )
        if hook is None:
            return
        from fivetran_async.events import WaitEvent  # noqa: PLC0415 - most sessions have no hooks

        event = WaitEvent(
            quota=cause.budget,
            waiting=waiting,
            seconds=cause.seconds,
            retry_at=datetime.fromtimestamp(self._clock.time() + cause.seconds, UTC),
            paused=cause.pause > 0,
            call=patience.call,
            attempt=patience.attempt,
        )
        try:
            result = hook(event)
        except Exception:
            logger.exception("A WaitEvent hook failed")
            return
        if inspect.isawaitable(result):
            # A task of its own: a slow hook must not hold up the line of calls.
            running = asyncio.ensure_future(_finish(result))
            self._running.add(running)
            running.add_done_callback(self._running.discard)


async def _finish(result: Awaitable[None]) -> None:
    try:
        await result
    except Exception:
        logger.exception("A WaitEvent hook failed")
