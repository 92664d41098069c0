"""The fake's clock. It runs in real time or moves only on request; events happen in order."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import attrs

from fivetran_async.errors import InvalidArgumentError

Event = Callable[[], None]

_LAST_TIME: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
"""Seconds since the epoch after which a time cannot be shown."""


@attrs.frozen(order=True)
class _Planned:
    due: float
    number: int
    event: Event = attrs.field(order=False)


class FakeClock:
    """
    The account's clock.

    `advance()` moves it immediately and runs every event that becomes due, each at its own time. A
    `running` clock also follows real time; a frozen one moves only by `advance()`.
    """

    def __init__(self, start: datetime | None = None, *, running: bool = True) -> None:
        self._base = (start or datetime.now(UTC)).timestamp()
        self._anchor = time.monotonic()
        self._running = running
        self._event_time: float | None = None
        self._planned: list[_Planned] = []
        self._numbers = itertools.count()

    def __repr__(self) -> str:
        state = "running" if self._running else "frozen"
        return f"<FakeClock {self.now().isoformat()} {state}, {len(self._planned)} planned>"

    @property
    def running(self) -> bool:
        """True if the clock follows real time."""
        return self._running

    def freeze(self) -> None:
        """Stop the clock; only `advance()` moves it."""
        self._base, self._running = self.time(), False

    def run(self) -> None:
        """Let the clock follow real time."""
        self._base, self._anchor, self._running = self.time(), time.monotonic(), True

    def time(self) -> float:
        """Return seconds since the epoch; within an event, the time for which it was planned."""
        if self._event_time is not None:
            return self._event_time
        return self._base + (time.monotonic() - self._anchor if self._running else 0.0)

    def now(self) -> datetime:
        """Return the time as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def stamp(self, *, after: float = 0.0, digits: int = 6) -> str:
        """Return the time in the API's form, `2026-11-23T10:00:00.123456Z`; `digits` is 3 or 6."""
        return stamp(self.time() + after, digits=digits)

    def advance(self, seconds: float) -> None:
        """
        Move the clock forward by seconds, and run the events that become due.

        Raises:
            InvalidArgumentError: The number is negative, not finite, or leads past the year 9999.
        """
        checked_seconds("seconds", seconds)
        if self.time() + seconds > _LAST_TIME:
            message = f"seconds must not move the clock past the year 9999, not {seconds!r:.100}"
            raise InvalidArgumentError(message)
        self._base += seconds
        self.run_due()

    def call_later(self, seconds: float, event: Event) -> None:
        """Plan an event, in seconds from now."""
        heapq.heappush(self._planned, _Planned(self.time() + seconds, next(self._numbers), event))

    def run_due(self) -> None:
        """Run all events that are due; the server calls it before each request."""
        if self._event_time is not None:
            return
        until = self.time()
        try:
            while self._planned and self._planned[0].due <= until:
                planned = heapq.heappop(self._planned)
                self._event_time = planned.due
                planned.event()
        finally:
            self._event_time = None

    def next_due(self) -> float | None:
        """Return the seconds until the next event (0 if it is overdue), or None without events."""
        return max(0.0, self._planned[0].due - self.time()) if self._planned else None


def checked_seconds(name: str, seconds: float) -> float:
    """
    Return a number of seconds unchanged.

    Raises:
        InvalidArgumentError: It is not a number, or is negative or not finite.
    """
    is_number = type(seconds) in {int, float}
    # Compared and not converted: integers may be too large for a float.
    if not is_number or not 0 <= seconds <= _LAST_TIME:
        message = (
            f"{name} must be a finite number of seconds, 0 or more, not {seconds!r:.100}: "
            "the fake's clock only moves forward"
        )
        raise InvalidArgumentError(message)
    return seconds


def stamp(seconds: float, *, digits: int = 6) -> str:
    """Return a time, in seconds since the epoch, in the API's form."""
    moment = datetime.fromtimestamp(seconds, UTC)
    text = moment.isoformat(timespec="milliseconds" if digits == 3 else "microseconds")
    return text.replace("+00:00", "Z")
