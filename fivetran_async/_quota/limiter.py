"""Waits for the account's quotas before each request; `windows` counts, `queue` keeps order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, Protocol, cast, runtime_checkable

import attrs

from fivetran_async._quota.queue import Lines, Priority, Ticket
from fivetran_async._quota.windows import PAID, REQUESTS, TRIAL, Account, Budget, Plan, Quota
from fivetran_async.errors import InvalidArgumentError, RateLimitedError

if TYPE_CHECKING:
    from fivetran_async._clock import Clock

_PAUSE_UNTOLD: Final = 1.0
"""Seconds to pause after a 429 that does not say for how long."""


def _check_plan(_: object, __: object, plan: object) -> None:
    if plan not in {"learn", "trial", "paid"}:
        raise InvalidArgumentError(f"plan must be 'learn', 'trial' or 'paid', not {plan!r}.")


def _check_quotas(_: object, __: object, quotas: Mapping[str, object]) -> None:
    for name, own in quotas.items():
        if name not in PAID:
            raise InvalidArgumentError(f"quotas has no budget {name!r}; it has {', '.join(PAID)}.")
        given = cast("tuple[object, ...]", own)
        if not isinstance(own, tuple) or not all(isinstance(one, Quota) for one in given):
            raise InvalidArgumentError(f"quotas[{name!r}] must be a tuple of Quota.")


@attrs.frozen(kw_only=True)
class RateLimits:
    """
    The quotas of the account that calls are paced by.

    The vendor counts per account, over rolling windows: all requests, those that touch a source,
    setup tests, new users, new private links. Nothing is slowed while a budget lasts; the last part
    is spread out, and a 429 pauses its budget for every call. All sessions of an API key in this
    process draw from the same budgets; of limits that differ, those given last hold for all.

    Attributes:
        plan: `learn` takes a paid account until an answer's `X-Rate-Limit` tells; `trial` and
            `paid` are fixed.
        quotas: Your own, by budget: `requests`, `source`, `setup_tests`, `user_creation`,
            `private_links`; these win over the plan's. An empty tuple turns a budget off.
    """

    plan: Literal["learn", "trial", "paid"] = attrs.field(default="learn", validator=_check_plan)
    quotas: Mapping[str, tuple[Quota, ...]] = attrs.field(
        factory=dict[str, tuple[Quota, ...]], hash=False, validator=_check_quotas
    )

    def all_quotas(self) -> Plan:
        """The quotas of every budget; those of the plan to begin with, where it is learned."""
        return {**(TRIAL if self.plan == "trial" else PAID), **self.quotas}

    @property
    def learns(self) -> bool:
        """Whether answers may tell the plan."""
        return self.plan == "learn" and not self.quotas

    def account(self) -> Account:
        """A fresh count of such quotas."""
        return Account(self.all_quotas(), learns=self.learns)

    def for_account(self, account_key: str, *, base_url: str, clock: Clock) -> RateLimiter:
        """The limiter of an API key: one for all its sessions in this process."""
        return _registry.get((account_key, base_url, id(clock)), self, clock)


@attrs.frozen(kw_only=True)
class Told:
    """What an answer says about quotas; `retry_after` in seconds. Without an answer, nothing."""

    status: int | None = None
    limit: int | None = None
    remaining: int | None = None
    retry_after: float | None = None

    @property
    def pause(self) -> float | None:
        """Seconds for which the server refuses more of the kind; None where it did not refuse."""
        return (self.retry_after or _PAUSE_UNTOLD) if self.status == 429 else None


NOTHING_TOLD: Final = Told()


@attrs.frozen(kw_only=True)
class BudgetState:
    """
    How a budget stands; of its windows, the one with the least left.

    Attributes:
        limit: Requests that the window allows.
        seconds: The length of the window.
        remaining: How many of them are left, as far as we know.
        paused_for: Seconds for which a 429 stopped it; 0 when it is not.
        waiting: How many calls of this process wait for it.
    """

    limit: int
    seconds: float
    remaining: int
    paused_for: float = 0.0
    waiting: int = 0


class RateLimiter(Protocol):
    """
    What stands between a call and the account's quotas; replace it to share them wider.

    Every `acquire` that returns is followed by exactly one `settle`.
    """

    async def acquire(
        self,
        budgets: tuple[str, ...],
        *,
        priority: Priority,
        patience: float | None,
        attempt: int = 1,
    ) -> None:
        """
        Wait until a request may start that draws from these budgets, and from all requests.

        Interactive calls go before bulk ones; of each kind, those that are sent again go first.

        Raises:
            RateLimitedError: It would take longer than `patience` seconds; raised at once.
        """
        ...

    def is_open(self, budgets: tuple[str, ...]) -> bool:
        """Whether no pause began since `acquire` returned; if one did, nothing may be sent."""
        ...

    def settle(self, budgets: tuple[str, ...], told: Told, *, sent: bool) -> None:
        """Count the request as over; `sent` is False if it never left."""
        ...

    def snapshot(self) -> Mapping[str, BudgetState]:
        """How every budget stands, by name."""
        ...


@runtime_checkable
class RateLimiterFactory(Protocol):
    """What makes a limiter for each API key: `RateLimits` does, and a shared store."""

    def for_account(self, account_key: str, *, base_url: str, clock: Clock) -> RateLimiter:
        """The limiter of an API key, of which `account_key` is a hash."""
        ...


class Unlimited:
    """No pacing at all."""

    async def acquire(
        self,
        budgets: tuple[str, ...],
        *,
        priority: Priority,
        patience: float | None,
        attempt: int = 1,
    ) -> None:
        """Start at once."""

    def is_open(self, budgets: tuple[str, ...]) -> bool:  # noqa: ARG002 - the protocol's
        """Nothing is ever paused."""
        return True

    def settle(self, budgets: tuple[str, ...], told: Told, *, sent: bool) -> None:
        """Nothing is counted."""

    def snapshot(self) -> Mapping[str, BudgetState]:
        """Nothing is known."""
        return {}


class InProcessLimiter:
    """
    The quotas of one API key, shared by all its sessions in this process.

    These may run in several threads, each with its loop: hence the lock, which nobody holds while
    waiting.
    """

    def __init__(self, account: Account, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._lines = Lines(clock)
        # Reentrant: the garbage collector may end a forgotten waiter in the midst of any step.
        self._lock = threading.RLock()
        self._was_paused = False

    def __repr__(self) -> str:
        left = ", ".join(f"{name} {state.remaining}" for name, state in self.snapshot().items())
        return f"<RateLimiter left: {left}>"

    async def acquire(
        self,
        budgets: tuple[str, ...],
        *,
        priority: Priority,
        patience: float | None,
        attempt: int = 1,
    ) -> None:
        """Wait until a request may start that draws from these budgets, and from all requests."""
        with self._lock:
            if not self._lines and self._account.start_if_free(budgets, self._clock.monotonic()):
                return
            ticket = self._lines.join(budgets, priority, patience, attempt)
        try:
            while True:
                with self._lock:
                    seconds = self._try_start(ticket)
                    if seconds <= 0:
                        return
                    woken = ticket.woken = asyncio.get_running_loop().create_future()
                await self._lines.rest(woken, seconds)
        finally:
            with self._lock:
                self._lines.leave(ticket)

    def _try_start(self, ticket: Ticket) -> float:
        """Start the request, or say for how long to rest before the next look."""
        now, drawn = self._clock.monotonic(), self._account.of(ticket.budgets)
        needed = advised = 0.0
        for name, budget in zip((REQUESTS, *ticket.budgets), drawn, strict=True):
            wait = budget.wait(now, self._lines.ahead(name, ticket), self._lines.waiting(name))
            needed, advised = max(needed, wait.needed), max(advised, wait.advised)
        left = ticket.give_up_at - now
        if needed > left:
            raise refusal(needed, self._clock)
        # Advice makes nobody fail: at the end of its patience a call goes while there is something.
        seconds = max(needed, min(advised, left))
        if seconds <= 0:
            _start(drawn, now)
            return 0.0
        return seconds if self._lines.is_head(ticket) else left

    def is_open(self, budgets: tuple[str, ...]) -> bool:
        """Whether no pause began since `acquire` returned."""
        if not self._was_paused:
            return True
        now = self._clock.monotonic()
        return all(now >= budget.paused_until for budget in self._account.of(budgets))

    def settle(self, budgets: tuple[str, ...], told: Told, *, sent: bool) -> None:
        """Count the request as over, and learn what its answer says."""
        account, pause = self._account, told.pause
        with self._lock:
            now = self._clock.monotonic()
            # The server refuses before it does, or counts, anything.
            account.end(budgets, now, counts=sent and pause is None)
            if told is not NOTHING_TOLD:
                # What is left after a refusal is nothing, for as long as the refusal says.
                remaining = told.remaining if pause is None else None
                account.learn(told.limit, remaining, now)
            if pause is not None:
                self._was_paused = True
                for budget in account.refused_by(budgets, told.remaining):
                    budget.pause(now + pause)
                self._lines.wake_all()
            elif self._lines:
                self._lines.wake_heads()

    def snapshot(self) -> Mapping[str, BudgetState]:
        """How every budget stands, by name; those without a quota are left out."""
        with self._lock:
            now = self._clock.monotonic()
            states: dict[str, BudgetState] = {}
            for name, budget in self._account.budgets.items():
                tightest = budget.left(now)
                if tightest is not None:
                    remaining, quota = tightest
                    states[name] = BudgetState(
                        limit=quota.limit,
                        seconds=quota.seconds,
                        remaining=remaining,
                        paused_for=max(0.0, budget.paused_until - now),
                        waiting=self._lines.waiting(name),
                    )
            return states

    def change(self, limits: RateLimits) -> None:
        """Pace by other limits from here on; what was counted stays."""
        with self._lock:
            self._account.learns = limits.learns
            self._account.change(limits.all_quotas())
            self._lines.wake_all()

    def is_idle(self) -> bool:
        """Whether forgetting it loses nothing."""
        with self._lock:
            return not self._lines and self._account.is_idle(self._clock.monotonic())


def _start(budgets: tuple[Budget, ...], now: float) -> None:
    for budget in budgets:
        budget.start(now)


def refusal(seconds: float, clock: Clock) -> RateLimitedError:
    """The error of a call that would have to wait longer than it may."""
    error = RateLimitedError(
        f"The account's quota is used up; the next request may start in {seconds:.0f} s, "
        "which is longer than this call waits (RetryPolicy.max_retry_after, deadline).",
        retry_after=seconds,
        fate="not_sent",
    )
    error.retry_at = datetime.fromtimestamp(clock.time() + seconds, UTC)
    return error


class _Registry:
    """
    One limiter per API key.

    A key's count outlives its sessions: whoever opens one per job has the same quota as who does
    not. It is forgotten once all its windows are empty again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[object, tuple[RateLimits, InProcessLimiter]] = {}
        self._tidy_at = 8

    def get(self, key: object, limits: RateLimits, clock: Clock) -> InProcessLimiter:
        """The limiter of a key, with these limits from here on unless they are the usual ones."""
        with self._lock:
            known = self._known.get(key)
            if known is None:
                self._tidy()
                limiter = InProcessLimiter(limits.account(), clock)
            else:
                before, limiter = known
                if limits in (before, RateLimits()):
                    return limiter
                limiter.change(limits)
            self._known[key] = limits, limiter
            return limiter

    def _tidy(self) -> None:
        if len(self._known) >= self._tidy_at:
            kept = {key: entry for key, entry in self._known.items() if not entry[1].is_idle()}
            self._known, self._tidy_at = kept, 2 * len(kept) + 8


_registry = _Registry()


def limiter_of(
    limits: RateLimiterFactory | RateLimiter | None,
    *,
    account_key: str,
    base_url: str,
    clock: Clock,
) -> RateLimiter:
    """What a session was given as `rate_limits=`, for its API key."""
    if limits is None:
        return Unlimited()
    if isinstance(limits, RateLimiterFactory):
        return limits.for_account(account_key, base_url=base_url, clock=clock)
    return limits
