"""The fake's time: it runs, or moves as far as a test says; what is planned happens in order."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime

import attrs

Event = Callable[[], None]


@attrs.frozen(order=True)
class _Planned:
    due: float
    number: int
    event: Event = attrs.field(order=False)


class FakeClock:
    """
    The account's own clock.

    `advance()` moves it at once and runs everything that falls due on the way, each at its own
    time. A `running` clock also moves with real time; a frozen one moves only by `advance()`.
    """

    def __init__(self, start: datetime | None = None, *, running: bool = True) -> None:
        self._base = (start or datetime.now(UTC)).timestamp()
        self._anchor = time.monotonic()
        self._running = running
        self._happening: float | None = None
        self._planned: list[_Planned] = []
        self._numbers = itertools.count()

    def __repr__(self) -> str:
        state = "running" if self._running else "frozen"
        return f"<FakeClock {self.now().isoformat()} {state}, {len(self._planned)} planned>"

    @property
    def running(self) -> bool:
        """Whether real time moves this clock too."""
        return self._running

    def freeze(self) -> None:
        """Stop the clock: from now on only `advance()` moves it."""
        self._base, self._running = self.time(), False

    def run(self) -> None:
        """Let the clock move with real time from here on."""
        self._base, self._anchor, self._running = self.time(), time.monotonic(), True

    def time(self) -> float:
        """Seconds since the epoch; while a planned event happens, the time it was planned for."""
        if self._happening is not None:
            return self._happening
        return self._base + (time.monotonic() - self._anchor if self._running else 0.0)

    def now(self) -> datetime:
        """The same moment as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def stamp(self, *, after: float = 0.0, digits: int = 6) -> str:
        """The moment in the API's form, `2026-11-23T10:00:00.123456Z`; `digits` is 3 or 6."""
        return stamp(self.time() + after, digits=digits)

    def advance(self, seconds: float) -> None:
        """Move the clock forward and let what was planned on the way happen."""
        if seconds < 0:
            message = f"the clock only moves forward, not by {seconds} seconds"
            raise ValueError(message)
        self._base += seconds
        self.run_due()

    def call_later(self, seconds: float, event: Event) -> None:
        """Plan something for so many seconds from now."""
        heapq.heappush(self._planned, _Planned(self.time() + seconds, next(self._numbers), event))

    def run_due(self) -> None:
        """Let everything happen that is due by now; the server calls it before each request."""
        if self._happening is not None:
            return
        until = self.time()
        try:
            while self._planned and self._planned[0].due <= until:
                planned = heapq.heappop(self._planned)
                self._happening = planned.due
                planned.event()
        finally:
            self._happening = None

    def next_due(self) -> float | None:
        """Seconds until the next planned event (0 if it is late), or None if nothing is planned."""
        return max(0.0, self._planned[0].due - self.time()) if self._planned else None


def stamp(seconds: float, *, digits: int = 6) -> str:
    """A time since the epoch in the API's form."""
    moment = datetime.fromtimestamp(seconds, UTC)
    text = moment.isoformat(timespec="milliseconds" if digits == 3 else "microseconds")
    return text.replace("+00:00", "Z")
