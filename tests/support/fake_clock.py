"""A clock for tests: it wakes sleepers at once, after it has advanced the time."""

from __future__ import annotations

import asyncio


class FakeClock:
    """
    Time that passes only while a task sleeps; stands in for `fivetran_async._clock.SystemClock`.

    Several sleepers wake in the order of their deadlines, as they would in real time. Work between
    sleeps takes no time at all.
    """

    def __init__(self, *, now: float = 1_000.0, epoch: float = 1_800_000_000.0) -> None:
        self.sleeps: list[float] = []
        """Every wait that was asked for, in seconds, in order."""
        self.chance: float = 0.5
        """What `random()` always returns."""
        self._now = now
        self._wall_minus_monotonic = epoch - now
        self._deadlines: list[float] = []

    def monotonic(self) -> float:
        """Seconds on the clock that never steps."""
        return self._now

    def time(self) -> float:
        """Seconds since the epoch."""
        return self._now + self._wall_minus_monotonic

    def random(self) -> float:
        """The same number each time: `chance`."""
        return self.chance

    def advance(self, seconds: float) -> None:
        """Let time pass without a sleeper."""
        self._now += seconds

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as NTP does, and leave the monotonic one alone."""
        self._wall_minus_monotonic += seconds

    def turns_before(self, seconds: float) -> int:  # noqa: ARG002 - for clocks that are patient
        """Return how many turns of the loop others get before time passes."""
        return 0

    async def sleep(self, seconds: float) -> None:
        """Note the wait and let others run; return once no earlier sleeper is left."""
        self.sleeps.append(seconds)
        deadline = self._now + seconds
        self._deadlines.append(deadline)
        try:
            quiet = 0
            # The wait ends when any sleeper leaves, however it does: polling is simplest.
            while quiet <= self.turns_before(deadline - self._now):
                await asyncio.sleep(0)
                quiet = 0 if min(self._deadlines) < deadline else quiet + 1
        finally:
            self._deadlines.remove(deadline)
        self._now = max(self._now, deadline)
