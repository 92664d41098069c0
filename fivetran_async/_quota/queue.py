"""
The calls that wait for a quota, in their order.

Calls that draw from the same budgets stand in one line. Only the head of a line watches the clock;
a call that leaves its line, however it does, wakes the new head.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import itertools
import math
import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import attrs

from fivetran_async._quota.patience import Cause, Patience, refusal
from fivetran_async._quota.plans import REQUESTS

if TYPE_CHECKING:
    from fivetran_async._clock import Clock

_PLACE: Final = operator.attrgetter("place")

_TICK: Final = 0.001
"""Seconds: the shortest sleep; by less, rounding could make a sleep take no time at all."""


@attrs.define(eq=False, repr=False, kw_only=True)
class Ticket:
    """
    A place in a line: `place` is its rank, and a serial number.

    `longest_wait` is None for a call with a deadline, where `give_up_at` is the deadline.
    """

    place: tuple[int, int]
    budgets: tuple[str, ...]
    patience: Patience
    give_up_at: float
    longest_wait: float | None
    woken: asyncio.Future[None] | None = None

    @property
    def is_dead(self) -> bool:
        """True if its loop was closed under it."""
        return self.woken is not None and self.woken.get_loop().is_closed()

    def left(self, cause: Cause, limits: str, now: float, clock: Clock) -> float:
        """
        Return the seconds for which it still waits.

        Raises:
            RateLimitedError: The wait would be longer.
        """
        pause, longest_pause = cause.pause, self.patience.max_pause
        if longest_pause is not None and pause > longest_pause:
            raise refusal(cause, limits, clock)
        if pause > 0 and self.longest_wait is not None:
            # What the server asks for does not count for the wait that the quotas may take.
            self.give_up_at = max(self.give_up_at, now + pause + self.longest_wait)
        left = self.give_up_at - now
        if cause.seconds > max(left, 0.0):
            raise refusal(cause, limits, clock)
        return left

    def wake(self) -> None:
        """End its rest, from any thread."""
        woken = self.woken
        if woken is not None:
            with contextlib.suppress(RuntimeError):
                woken.get_loop().call_soon_threadsafe(_finish, woken)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Lines:
    """The waiting calls by the budgets they draw from: interactive ones first, then by arrival."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._serials = itertools.count()
        self.lines: dict[tuple[str, ...], list[Ticket]] = {}
        """The calls that wait, by what they draw from; none of the lists is empty."""

    def join(
        self,
        budgets: tuple[str, ...],
        *,
        patience: Patience,
        longest_window: float,
        time_left: float | None,
        attempt: int,
    ) -> Ticket:
        """Take a place."""
        self._bury()
        # A retried call goes first: it must not be refused until its attempts are used up.
        rank = 2 * (patience.priority == "bulk") + (attempt == 1)
        longest_wait = patience.longest_wait(longest_window, time_left)
        ticket = Ticket(
            place=(rank, next(self._serials)),
            budgets=budgets,
            patience=patience,
            give_up_at=self._clock.monotonic() + longest_wait,
            longest_wait=longest_wait if time_left is None else None,
        )
        bisect.insort(self.lines.setdefault(budgets, []), ticket, key=_PLACE)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give a place up, and wake the calls that are next."""
        line = self.lines.get(ticket.budgets, [])
        index = bisect.bisect_left(line, ticket.place, key=_PLACE)
        if index < len(line) and line[index] is ticket:
            del line[index]
        self._bury()
        self.wake_heads()

    def _bury(self) -> None:
        """Remove empty lines, and heads with a closed event loop."""
        for budgets, line in list(self.lines.items()):
            while line and line[0].is_dead:
                line.pop(0)
            if not line:
                del self.lines[budgets]

    def is_head(self, ticket: Ticket) -> bool:
        """True if it is the first of its line."""
        return self.lines[ticket.budgets][0] is ticket

    def ahead(self, name: str, ticket: Ticket) -> int:
        """Count the calls before it that draw from a budget."""
        return sum(bisect.bisect_left(line, ticket.place, key=_PLACE) for line in self._for(name))

    def waiting(self, name: str) -> int:
        """Count the calls that wait for a budget."""
        return sum(map(len, self._for(name)))

    def _for(self, name: str) -> Iterable[list[Ticket]]:
        if name == REQUESTS:
            return self.lines.values()
        return [line for budgets, line in self.lines.items() if name in budgets]

    def wake_heads(self) -> None:
        """Have the calls look that are next."""
        for line in self.lines.values():
            line[0].wake()

    def wake_all(self) -> None:
        """Have every call look: its wait may have become too long."""
        for ticket in itertools.chain.from_iterable(self.lines.values()):
            ticket.wake()

    async def rest(self, woken: asyncio.Future[None], seconds: float) -> None:
        """Wait until woken, at most for `seconds`."""
        if woken.done():
            return
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
