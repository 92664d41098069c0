"""
Who waits for a quota, in their order.

Who must wait stands in a line with those who draw from the same budgets. Only the head of a line
watches the clock; whoever leaves a line, by whatever road, wakes the new head.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import itertools
import math
import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from fivetran_async._quota.windows import REQUESTS

if TYPE_CHECKING:
    from fivetran_async._clock import Clock

_PLACE: Final = operator.attrgetter("place")

Priority: TypeAlias = Literal["interactive", "bulk"]

_TICK: Final = 0.001
"""Seconds: the shortest sleep; by less, rounding could make a sleep take no time at all."""


@attrs.define(eq=False, repr=False)
class Ticket:
    """A place in a line: `place` is its rank, and when it came."""

    place: tuple[int, int]
    budgets: tuple[str, ...]
    give_up_at: float
    woken: asyncio.Future[None] | None = None

    @property
    def is_dead(self) -> bool:
        """Whether its loop was closed under it."""
        return self.woken is not None and self.woken.get_loop().is_closed()

    def wake(self) -> None:
        """End its rest, from whatever thread."""
        woken = self.woken
        if woken is not None:
            with contextlib.suppress(RuntimeError):
                woken.get_loop().call_soon_threadsafe(_finish, woken)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Lines:
    """Who waits, by the budgets they draw from; the interactive first, then by time of coming."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._serials = itertools.count()
        self._lines: dict[tuple[str, ...], list[Ticket]] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def join(
        self,
        budgets: tuple[str, ...],
        priority: Priority,
        patience: float | None,
        attempt: int,
    ) -> Ticket:
        """Take a place."""
        self._bury()
        until = math.inf if patience is None else self._clock.monotonic() + patience
        # Who was refused before must not be refused until its attempts are used up.
        rank = 2 * (priority == "bulk") + (attempt == 1)
        ticket = Ticket((rank, next(self._serials)), budgets, until)
        bisect.insort(self._lines.setdefault(budgets, []), ticket, key=_PLACE)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give a place up; who comes next learns of it."""
        line = self._lines.get(ticket.budgets, [])
        index = bisect.bisect_left(line, ticket.place, key=_PLACE)
        if index < len(line) and line[index] is ticket:
            del line[index]
        self._bury()
        self.wake_heads()

    def _bury(self) -> None:
        """Forget lines that are empty, and heads that nobody can wake any more."""
        for budgets, line in list(self._lines.items()):
            while line and line[0].is_dead:
                line.pop(0)
            if not line:
                del self._lines[budgets]

    def is_head(self, ticket: Ticket) -> bool:
        """Whether nobody of the same line comes before."""
        return self._lines[ticket.budgets][0] is ticket

    def ahead(self, name: str, ticket: Ticket) -> int:
        """How many come before who draw from a budget too."""
        return sum(bisect.bisect_left(line, ticket.place, key=_PLACE) for line in self._for(name))

    def waiting(self, name: str) -> int:
        """How many wait for a budget."""
        return sum(map(len, self._for(name)))

    def _for(self, name: str) -> Iterable[list[Ticket]]:
        if name == REQUESTS:
            return self._lines.values()
        return [line for budgets, line in self._lines.items() if name in budgets]

    def wake_heads(self) -> None:
        """Have those look again who are next."""
        for line in self._lines.values():
            line[0].wake()

    def wake_all(self) -> None:
        """Have everybody look again: it may have become hopeless."""
        for ticket in itertools.chain.from_iterable(self._lines.values()):
            ticket.wake()

    async def rest(self, woken: asyncio.Future[None], seconds: float) -> None:
        """Wait until woken, or for so many seconds."""
        if seconds == math.inf:
            await woken
            return
        sleeper = asyncio.ensure_future(self._clock.sleep(max(seconds, _TICK)))
        sleeper.add_done_callback(lambda _: _finish(woken))
        try:
            await woken
        finally:
            # Not awaited: a waiter that is thrown away with its loop can wait for nothing.
            with contextlib.suppress(RuntimeError):
                sleeper.cancel()
