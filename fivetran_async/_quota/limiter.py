"""Waits for the account's quotas before each request; `windows` counts, `queue` keeps the order."""

from __future__ import annotations

import asyncio
import contextlib
import operator
import os
import threading
import weakref
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from fivetran_async._quota.account import NO_REPORT, AccountQuotas, BudgetState, QuotaReport
from fivetran_async._quota.patience import (
    PATIENT,
    Cause,
    Notice,
    Notices,
    Patience,
    refusal,
)
from fivetran_async._quota.plans import REQUESTS, Quota, QuotaPlan
from fivetran_async._quota.queue import Lines, Ticket

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async._quota.windows import CountedBudget


class Rest(NamedTuple):
    """Seconds to wait until the next look, or until woken; at 0 seconds the request may start."""

    seconds: float
    woken: asyncio.Future[None] | None = None
    notice: Notice | None = None


_START: Final = Rest(0.0)
_SECONDS: Final = operator.attrgetter("seconds")
_SAME_PAUSE: Final = 1.0
"""Seconds by which a pause may seem longer when another process measured it."""


class _Forked(Protocol):
    def after_fork(self) -> None: ...


_limiters: Final[weakref.WeakSet[_Forked]] = weakref.WeakSet()


def renew_after_fork(limiter: _Forked) -> None:
    """Call `after_fork` of a limiter in each process that is forked while it exists."""
    _limiters.add(limiter)


def _after_fork() -> None:
    for limiter in _limiters:
        limiter.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _start(budgets: tuple[CountedBudget, ...], now: float) -> None:
    for budget in budgets:
        budget.start(now)


class InProcessLimiter:
    """
    The quotas of one API key, shared by all its sessions in this process.

    These may run in several threads, each with its own event loop. The lock guards the count and
    the lines, and is never held while a call waits.
    """

    def __init__(self, account: AccountQuotas, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._lines = Lines(clock)
        self._notices = Notices(clock)
        # Reentrant: the garbage collector may end a forgotten waiter in the midst of any step.
        self._lock = threading.RLock()
        self._was_paused = False
        renew_after_fork(self)

    def __repr__(self) -> str:
        left = ", ".join(f"{name} {state.remaining}" for name, state in self.snapshot().items())
        return f"<RateLimiter left: {left}>"

    async def acquire(
        self,
        budgets: tuple[str, ...],
        *,
        patience: Patience = PATIENT,
        time_left: float | None = None,
        attempt: int = 1,
    ) -> None:
        """Wait until a request may start that draws from these budgets, and from all requests."""
        with self._lock:
            if self.start_if_free(budgets):
                return
            ticket = self.join(budgets, patience, time_left, attempt)
        with self.in_line(ticket):
            while (rest := self.look(ticket)).seconds > 0:
                await self.rest(ticket, rest)

    def start_if_free(self, budgets: tuple[str, ...]) -> bool:
        """Start a request if no call waits and its budgets allow it now; return False otherwise."""
        with self._lock:
            if self._lines.lines:
                return False
            return self._account.start_if_free(budgets, self._clock.monotonic())

    def join(
        self,
        budgets: tuple[str, ...],
        patience: Patience,
        time_left: float | None,
        attempt: int,
    ) -> Ticket:
        """Take a place in line; to be used by `in_line`."""
        with self._lock:
            longest = max(budget.longest for budget in self._account.of(budgets))
            return self._lines.join(
                budgets,
                patience=patience,
                longest_window=longest,
                time_left=time_left,
                attempt=attempt,
            )

    @contextlib.contextmanager
    def in_line(self, ticket: Ticket) -> Generator[None]:
        """Hold a place in line until the block ends."""
        try:
            yield
        finally:
            with self._lock:
                self._lines.leave(ticket)

    def look(self, ticket: Ticket, *, shared: bool = False) -> Rest:
        """
        Start the request if its turn has come, or return for how long to rest.

        Args:
            ticket: The place in line.
            shared: Do not start it: a store decides, which knows what other processes spend, and
                which spreads the last part of a quota.

        Raises:
            RateLimitedError: The call would wait longer than it may.
        """
        with self._lock:
            now, drawn = self._clock.monotonic(), self._account.of(ticket.budgets)
            cause, advice = self._causes(ticket, now, shared=shared)
            left = ticket.left(cause, self._limits_of(cause.budget), now, self._clock)
            # Advice makes no call fail: at the end of its patience a call takes what is left.
            seconds = max(cause.seconds, min(advice.seconds, left))
            if not self._lines.is_head(ticket) and (shared or seconds > 0):
                # What is left of its patience; the call is woken when it becomes the head.
                seconds = left
                if left <= 0:
                    raise refusal(cause, self._limits_of(cause.budget), self._clock)
            elif seconds <= 0:
                if not shared:
                    _start(drawn, now)
                return _START
            return self._resting(ticket, seconds, max(cause, advice, key=_SECONDS))

    def _causes(self, ticket: Ticket, now: float, *, shared: bool) -> tuple[Cause, Cause]:
        """Return what holds the call, and what only advises it to wait."""
        drawn = self._account.of(ticket.budgets)
        cause = advice = Cause(REQUESTS, 0.0, 0.0)
        for name, budget in zip((REQUESTS, *ticket.budgets), drawn, strict=True):
            reckon = budget.wait_here if shared else budget.wait
            wait = reckon(now, self._lines.ahead(name, ticket), self._lines.waiting(name))
            if wait.needed > cause.seconds:
                cause = Cause(name, wait.needed, max(0.0, budget.paused_until - now))
            if wait.advised > advice.seconds:
                advice = Cause(name, wait.advised, 0.0)
        return cause, advice

    def _resting(self, ticket: Ticket, seconds: float, cause: Cause) -> Rest:
        """Return a rest from which others can wake the call."""
        woken = ticket.woken = asyncio.get_running_loop().create_future()
        is_next = self._lines.is_head(ticket)
        return Rest(seconds, woken, self._notices.claim(cause, ticket.patience, is_next=is_next))

    def rest_for(self, ticket: Ticket, seconds: float, cause: Cause, advice: Cause) -> Rest:
        """
        Return a rest that a store demands.

        Raises:
            RateLimitedError: The call would wait longer than it may.
        """
        with self._lock:
            self.check(ticket, cause)
            return self._resting(ticket, seconds, max(cause, advice, key=_SECONDS))

    def check(self, ticket: Ticket, cause: Cause) -> None:
        """Raise if the call would wait longer than it may."""
        with self._lock:
            now = self._clock.monotonic()
            ticket.left(cause, self._limits_of(cause.budget), now, self._clock)

    def _limits_of(self, name: str) -> str:
        windows = self._account.budgets[name].windows
        limits = ", ".join(str(window.quota) for window in windows)
        return f" ({limits})" if limits else ""

    async def rest(self, ticket: Ticket, rest: Rest) -> None:
        """Wait until the next look, and report the pause."""
        assert rest.woken is not None  # noqa: S101 - only a start has none
        if rest.notice is not None:
            # Calls of the same burst join the line first: the notice counts them.
            await asyncio.sleep(0)
            with self._lock:
                waiting = self._lines.waiting(rest.notice.cause.budget)
            self._notices.publish(rest.notice, waiting)
        resting = self._lines.rest(rest.woken, rest.seconds)
        until_closed = ticket.patience.until_closed
        await (resting if until_closed is None else until_closed(resting))

    def start(self, ticket: Ticket) -> bool:
        """Count a request that a store granted; False if the count of this process forbids it."""
        with self._lock:
            now, drawn = self._clock.monotonic(), self._account.of(ticket.budgets)
            if any(budget.wait_here(now, 0).needed > 0 for budget in drawn):
                return False
            _start(drawn, now)
            return True

    def is_open(self, budgets: tuple[str, ...]) -> bool:
        """Return False if a pause began since `acquire` returned."""
        if not self._was_paused:
            return True
        now = self._clock.monotonic()
        return all(now >= budget.paused_until for budget in self._account.of(budgets))

    def settle(self, budgets: tuple[str, ...], report: QuotaReport, *, sent: bool) -> None:
        """Count the request as finished, and learn from the report of its response."""
        account = self._account
        pause = None if report is NO_REPORT else report.pause
        with self._lock:
            now = self._clock.monotonic()
            # The server refuses before it does, or counts, anything.
            account.end(budgets, now, counts=sent and pause is None)
            if report is not NO_REPORT:
                # A 429 counts as a pause, not as news of what is left.
                remaining = report.remaining if pause is None else None
                account.learn(report.limit, remaining, now)
            if pause is not None:
                names = account.refused_names(budgets, report.remaining)
                self._pause(dict.fromkeys(names, pause), now)
            elif self._lines.lines:
                self._lines.wake_heads()

    def settle_success(
        self, budgets: tuple[str, ...], limit: str | None, remaining: str | None
    ) -> None:
        """Do the same for a success, with its two headers as they came."""
        with self._lock:
            now = self._clock.monotonic()
            self._account.end(budgets, now, counts=True)
            if limit is not None or remaining is not None:
                self._account.learn_texts(limit, remaining, now)
            if self._lines.lines:
                self._lines.wake_heads()

    def pause(self, seconds: Mapping[str, float]) -> None:
        """Pause budgets, as another process was asked to."""
        with self._lock:
            now = self._clock.monotonic()
            # A store and this process measure the same pause with different clocks.
            later = {
                name: pause
                for name, pause in seconds.items()
                if pause > 0
                and now + pause > self._account.budgets[name].paused_until + _SAME_PAUSE
            }
            if later:
                self._pause(later, now)

    def _pause(self, seconds: Mapping[str, float], now: float) -> None:
        self._was_paused = True
        for name, pause in seconds.items():
            self._account.budgets[name].pause(now, pause)
        self._lines.wake_all()

    def snapshot(self) -> Mapping[str, BudgetState]:
        """Return how every budget stands, by name; those without a quota are left out."""
        with self._lock:
            names = self._account.budgets
            waiting = [(name, self._lines.waiting(name)) for name in names]
            return self._account.states(self._clock.monotonic(), waiting)

    async def read(self) -> Mapping[str, BudgetState]:
        """Return the snapshot: this process has the only count."""
        return self.snapshot()

    @property
    def learns(self) -> bool:
        """True if the headers of responses decide the plan."""
        return self._account.learns

    def plan(self) -> QuotaPlan:
        """Return the quotas that hold now."""
        with self._lock:
            return self._account.plan()

    def learn(self, plan_limit: int | None, used: Mapping[tuple[str, Quota], int]) -> None:
        """Take in what a store counted: the plan's hourly limit, and what all processes spent."""
        with self._lock:
            now = self._clock.monotonic()
            self._account.learn(plan_limit or None, None, now)
            for (name, quota), spent in used.items():
                self._account.learn_used(name, quota, spent, now)

    def change(self, plan: QuotaPlan, *, learns: bool) -> None:
        """Pace by other limits from here on, and keep the count."""
        with self._lock:
            self._account.learns = learns
            self._account.change(plan)
            self._lines.wake_all()

    def after_fork(self) -> None:
        """
        Forget the calls that waited in the parent: none of them goes on in the child.

        They would hold up its lines indefinitely, and requests in flight would never end: these
        count as finished. A thread of the parent may hold the lock.
        """
        self._lock = threading.RLock()
        self._lines = Lines(self._clock)
        self._account.end_all(self._clock.monotonic())

    def is_idle(self) -> bool:
        """True if nothing is counted and no call waits, so that forgetting it loses nothing."""
        with self._lock:
            return not self._lines.lines and self._account.is_idle(self._clock.monotonic())
