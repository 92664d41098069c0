"""The fake's clock. It runs in real time or moves only on request; events happen in order."""

from __future__ import annotations

import functools
import heapq
import inspect
import itertools
import math
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from fivetran_async.errors import InvalidArgumentError
from fivetran_async.testing._checks import checked_seconds
from fivetran_async.testing._waits import ClockTimer, HeldSession, Waits, purpose_of

Event = Callable[[], None]

_FIRST = datetime(1900, 1, 1, tzinfo=UTC).timestamp()
_LAST = datetime(9000, 1, 1, tzinfo=UTC).timestamp()
"""Limits of the clock, so that times before and after it can be rendered, too."""


_EARLIEST: Final = 1_000.0
"""What `monotonic` returns at the start."""


class EventSource(Protocol):
    """Knows the times of further events, which are too many to plan each of them."""

    def next_due(self) -> float:
        """Return the time of the next event, or infinity."""
        ...

    def run_next(self) -> None:
        """Run the next event; the clock has its time."""
        ...


class FakeClock:
    """
    The account's clock, and that of sessions made with `fake.client(clock=fake.clock)`.

    `advance()` moves it immediately and runs every event that becomes due, each at its own time;
    callers that sleep on it go on when it has reached their time. A `running` clock also follows
    real time; a frozen one moves only by `advance()` and `FakeFivetran.run()`.
    """

    def __init__(self, start: datetime | None = None, *, running: bool = True) -> None:
        self._base = (start or datetime.now(UTC)).timestamp()
        self._check(self._base)
        self._anchor = time.monotonic()
        self._running = running
        self._event_time: float | None = None
        self._planned: list[tuple[float, int, Event]] = []
        self._source: EventSource | None = None
        self.in_event: bool = False
        """True while a planned event runs, which precedes a source's events of the same time."""
        self._numbers = itertools.count()
        self._start = self._base
        # Jitter, not cryptography; the same in every run.
        self._random = random.Random(0)  # noqa: S311
        self.waits: Waits = Waits(self.exact, lambda: self._running)
        """The callers that sleep on the clock, and what holds it."""

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
        self.waits.arm_all()

    def time(self) -> float:
        """Return seconds since the epoch; within an event, the time for which it was planned."""
        if self._event_time is not None:
            return self._event_time
        return self.exact()

    def exact(self) -> float:
        """Return seconds since the epoch; within an event, too, the time that the clock shows."""
        return self._base + (time.monotonic() - self._anchor if self._running else 0.0)

    def monotonic(self) -> float:
        """Return seconds of the clock that only increase; for deadlines and quotas."""
        return _EARLIEST + self.exact() - self._start

    def random(self) -> float:
        """Return a number from 0 to 1, for jitter; the sequence is the same in every run."""
        return self._random.random()

    def sleep(self, seconds: float) -> Coroutine[Any, Any, None]:
        """
        Wait until the clock has moved by seconds; sleep on it instead of `asyncio.sleep` in tests.

        Any number of callers can sleep, also on several event loops and in several threads.
        """
        return self.waits.sleep(seconds, purpose_of(inspect.currentframe()))

    def timer(self, seconds: float, ring: Callable[[], object]) -> ClockTimer:
        """Call a function on the running event loop when the clock has moved by seconds."""
        return self.waits.add(seconds, ring, purpose_of(inspect.currentframe()))

    def hold(self, reason: str = "a hold") -> AbstractContextManager[None]:
        """
        Return a block during which `FakeFivetran.run()` does not move the clock.

        Use it around work that takes real time, such as a query of a database. Requests of sessions
        that have this clock hold it by themselves.
        """
        return self.waits.hold(reason)

    def held_session(self, session: object) -> HeldSession:
        """Return an aiohttp session that holds the clock during its requests."""
        return HeldSession(session, self.waits)

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
            InvalidArgumentError: `seconds` is negative or not finite, or the year 9000 would pass.
        """
        checked_seconds("seconds", seconds)
        self._check(self.time() + seconds)
        # Before the clock moves: a source starts to plan events from the current time.
        self.run_due()
        self._base += seconds
        self.run_due()
        self.waits.ring_due()

    def move_to(self, moment: float) -> None:
        """Move the clock to a time, in seconds since the epoch; a time that has passed is now."""
        self._check(moment)
        self.run_due()
        self._base += max(moment - self.exact(), 0.0)
        if not self._running:
            # Exactly there, whatever the sum was rounded to.
            self._base = max(moment, self._base)
        self.run_due()
        self.waits.ring_due()

    def _check(self, moment: float) -> None:
        if not _FIRST <= moment <= _LAST:
            message = "the clock must be between the years 1900 and 9000"
            raise InvalidArgumentError(message)

    def call_later(self, seconds: float, event: Event) -> None:
        """
        Plan an event, in seconds from now.

        Raises:
            InvalidArgumentError: `seconds` is negative, not finite, or more than 900 years.
        """
        checked_seconds("seconds", seconds)
        heapq.heappush(self._planned, (self.time() + seconds, next(self._numbers), event))

    def run_due(self) -> None:
        """Run all events that are due; the server calls it before each request."""
        if self._event_time is not None or not (self._planned or self._source):
            return
        try:
            self._run_until(self.time())
        finally:
            self._event_time, self.in_event = None, False

    def _run_until(self, moment: float) -> None:
        while True:
            planned = self._planned[0][0] if self._planned else math.inf
            other = self._source.next_due() if self._source is not None else math.inf
            if min(planned, other) > moment:
                return
            # At the same time, a sync ends before the next one starts.
            self.in_event = planned <= other
            if self.in_event or self._source is None:
                self._event_time, _, event = heapq.heappop(self._planned)
                event()
            else:
                self._event_time = other
                self._source.run_next()

    def follow(self, source: EventSource) -> None:
        """Also run the events of a source, each at its time."""
        self._source = source

    def replay(self, source: EventSource, *, until: float) -> None:
        """
        Run the past events of a source, and what they plan, up to a time.

        Events that they plan for later remain planned.
        """
        outer = self._event_time, self._planned, self._source, self.in_event
        self._planned, self._source = [], source
        try:
            self._run_until(until)
        finally:
            later = self._planned
            self._event_time, self._planned, self._source, self.in_event = outer
            for planned in later:
                heapq.heappush(self._planned, planned)

    @property
    def planned(self) -> int:
        """The number of planned events; within `replay`, of its own events."""
        return len(self._planned)

    def next_due(self) -> float | None:
        """Return the seconds until the next event (0 if it is overdue), or None without events."""
        due = self._planned[0][0] if self._planned else math.inf
        if self._source is not None:
            due = min(due, self._source.next_due())
        return max(0.0, due - self.time()) if due < math.inf else None


_MINUTES = tuple(f"T{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60))


@functools.lru_cache(4096)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * 86_400, UTC).date().isoformat()


def stamp(seconds: float, *, digits: int = 6) -> str:
    """Return a time, in seconds since the epoch, in the API's form."""
    # Faster than `datetime.isoformat`: large accounts have hundreds of thousands of times.
    day, rest = divmod(round(seconds * 1e6), 86_400_000_000)
    minute, rest = divmod(rest, 60_000_000)
    text = _day(day) + _MINUTES[minute] + "%09.6f" % (rest / 1e6)
    return (text if digits == 6 else text[:-3]) + "Z"
