"""Time, sleep and chance behind one object, so that tests replace all three together."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final, Protocol


class Clock(Protocol):
    """The parts of time that the client uses."""

    def monotonic(self) -> float:
        """Return seconds of a clock that never steps; for deadlines and rate windows."""
        ...

    def time(self) -> float:
        """Return seconds since the epoch; only to compare with dates of a server."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        ...

    def random(self) -> float:
        """Return a number from 0 to 1, for jitter."""
        ...


class SystemClock:
    """The machine's own time."""

    # The functions themselves: a call uses them four times.
    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def random(self) -> float:
        # Jitter, not cryptography.
        return random.random()  # noqa: S311


SYSTEM_CLOCK: Final = SystemClock()
"""The clock of sessions by default."""
