"""Time, sleep and chance behind one object, so that tests replace all three at once."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final, Protocol


class Clock(Protocol):
    """What the client asks of time."""

    def monotonic(self) -> float:
        """Seconds on a clock that never steps; for deadlines and rate windows."""
        ...

    def time(self) -> float:
        """Seconds since the epoch; only to read dates that a server sent."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        ...

    def random(self) -> float:
        """A number from 0 to 1, for jitter."""
        ...


class SystemClock:
    """The machine's own time."""

    # The functions themselves: a call asks four times.
    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def random(self) -> float:
        # Jitter, not cryptography.
        return random.random()  # noqa: S311


SYSTEM_CLOCK: Final = SystemClock()
"""The one that sessions share unless told otherwise."""
