"""A store of seen events that is slow, hangs or fails when a test wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from fivetran_async.webhooks import ClaimResult, SeenCache

if TYPE_CHECKING:
    from support.fake_clock import FakeClock

Step: TypeAlias = Literal["claim", "done", "release"]


class ShakyStore:
    """A `SeenStore` in memory, with faults."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.cache = SeenCache(_clock=clock) if clock else SeenCache()
        self.calls: list[Step] = []
        self._failures: dict[Step, list[Exception]] = {}
        self._held: dict[Step, asyncio.Event] = {}
        self.reached = asyncio.Event()
        """Set when a held call was granted, and its response is outstanding."""

    def fail(self, step: Step, errors: Sequence[Exception]) -> None:
        """Let the next calls of a method fail, each with one of the errors."""
        self._failures[step] = list(errors)

    def hold(self, step: Step) -> asyncio.Event:
        """Let calls of a method do their work, but respond only when the event is set."""
        self._held[step] = asyncio.Event()
        return self._held[step]

    async def claim(self, key: str, token: str, *, seconds: float) -> ClaimResult:
        """Claim, as the cache does."""
        await self._begin("claim")
        result = await self.cache.claim(key, token, seconds=seconds)
        await self._end("claim")
        return result

    async def done(self, key: str, token: str) -> None:
        """Mark as done, as the cache does."""
        await self._begin("done")
        await self.cache.done(key, token)
        await self._end("done")

    async def release(self, key: str, token: str) -> None:
        """Release, as the cache does."""
        await self._begin("release")
        await self.cache.release(key, token)
        await self._end("release")

    async def _begin(self, step: Step) -> None:
        self.calls.append(step)
        await asyncio.sleep(0)
        if self._failures.get(step):
            raise self._failures[step].pop(0)

    async def _end(self, step: Step) -> None:
        if step in self._held:
            self.reached.set()
            await self._held[step].wait()
