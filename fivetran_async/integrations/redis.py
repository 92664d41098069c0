"""
The account's quotas on a Redis server, shared by all processes that use its API key.

```python
limits = RedisRateLimiter(redis.asyncio.Redis(host="redis.internal"))
async with AsyncFivetran(rate_limits=limits) as fivetran: ...
```

Needs `pip install fivetran_async[redis]`. Its keys are
`<prefix>:{<SHA-256 of the API key>}:<name>`: neither the key nor what calls carry is
stored. Times are the server's own.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import secrets
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from fivetran_async._quota.limiter import InProcessLimiter, refusal
from fivetran_async._quota.queue import Lines, Priority, Ticket
from fivetran_async._quota.windows import REQUESTS
from fivetran_async.errors import InvalidArgumentError, RateLimitedError
from fivetran_async.integrations._redis_seen import RedisSeenStore
from fivetran_async.integrations._redis_store import Store, StoreDownError, Verdict, Wish, wish
from fivetran_async.limits import BudgetState, Quota, RateLimits, Told

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from fivetran_async._clock import Clock

__all__ = ["OnUnavailable", "RedisRateLimiter", "RedisSeenStore", "SharedLimiter"]

logger: logging.Logger = logging.getLogger("fivetran_async")

OnUnavailable: TypeAlias = Literal["local", "refuse"]

_POLL: Final = 1.0
"""Seconds after which to look again at the latest: other processes cannot wake this one."""
_OUTAGE: Final = 5.0
"""Seconds for which a store that failed is left alone."""
_KEPT_NEWS: Final = 10_000


class RedisRateLimiter:
    """
    Quotas that are counted on a Redis server: give it to every session as `rate_limits=`.

    Within a process calls keep their order and priority; between processes whoever asks first goes
    first.

    Args:
        client: Yours, for the event loop of the sessions; you close it, after them.
        limits: The quotas; the same in every process.
        on_unavailable: Without the store, `local` lets each process pace itself by the same quotas,
            with a warning, so that several together may be refused by the vendor; `refuse` fails
            calls with `RateLimitedError` before they are sent.
        prefix: What the keys begin with.
    """

    def __init__(
        self,
        client: Redis,
        *,
        limits: RateLimits = RateLimits(),
        on_unavailable: OnUnavailable = "local",
        prefix: str = "fivetran_async",
    ) -> None:
        if on_unavailable not in {"local", "refuse"}:
            raise InvalidArgumentError(
                f"on_unavailable must be 'local' or 'refuse', not {on_unavailable!r}."
            )
        self._client = client
        self._limits = limits
        self._on_unavailable: OnUnavailable = on_unavailable
        self._prefix = prefix
        self._limiters: dict[str, SharedLimiter] = {}

    def for_account(
        self,
        account_key: str,
        *,
        base_url: str,  # noqa: ARG002 - the vendor counts by account, whatever the road to it
        clock: Clock,
    ) -> SharedLimiter:
        """The limiter of an API key."""
        if account_key not in self._limiters:
            store = Store(self._client, self._limits, f"{self._prefix}:{{{account_key}}}:")
            local = InProcessLimiter(self._limits.account(), clock)
            self._limiters[account_key] = SharedLimiter(
                store, local if self._on_unavailable == "local" else None, clock
            )
        return self._limiters[account_key]


class SharedLimiter:
    """The quotas of one API key on the server, for the sessions of this process."""

    def __init__(self, store: Store, local: InProcessLimiter | None, clock: Clock) -> None:
        self._store = store
        self._local = local
        self._clock = clock
        self._lines = Lines(clock)
        self._process = secrets.token_hex(8)
        self._serials = itertools.count()
        self._held: dict[tuple[str, ...], deque[str | None]] = {}
        self._news: deque[object] = deque(maxlen=_KEPT_NEWS)
        self._courier: asyncio.Task[None] | None = None
        self._down_until = -math.inf
        self._held_until: dict[tuple[str, ...], float] = {}
        self._left: dict[tuple[str, Quota], int] = {}
        self._paused_until: dict[str, float] = {}

    async def acquire(
        self,
        budgets: tuple[str, ...],
        *,
        priority: Priority,
        patience: float | None,
        attempt: int = 1,
    ) -> None:
        """Wait until a request may start that draws from these budgets, and from all requests."""
        held = self._held.setdefault(budgets, deque())
        ticket = self._lines.join(budgets, priority, patience, attempt)
        try:
            while (id := await self._try_start(ticket)) is None:
                pass
        except StoreDownError as error:
            self._fall_back(str(error))
        else:
            held.append(id)
            return
        finally:
            self._lines.leave(ticket)
        if self._local is None:
            raise RateLimitedError(
                "The Redis server that counts the account's quotas cannot be reached.",
                fate="not_sent",
            )
        await self._local.acquire(budgets, priority=priority, patience=patience, attempt=attempt)
        held.append(None)

    async def _try_start(self, ticket: Ticket) -> str | None:
        """Start and return an id, or rest until the next look."""
        now = self._clock.monotonic()
        left = seconds = ticket.give_up_at - now
        if self._lines.is_head(ticket):
            id = f"{self._process}-{next(self._serials)}"
            verdict = await self._ask(ticket.budgets, id, left)
            if verdict.starts:
                return id
            self._held_until[ticket.budgets] = self._clock.monotonic() + verdict.needed
            if verdict.needed > left:
                raise refusal(verdict.needed, self._clock)
            # Not all at once: other processes look too.
            seconds = min(verdict.wait, _POLL) * (1 + 0.1 * self._clock.random())
        else:
            # What the head of the line was told holds for who stands behind it.
            needed = self._until_open(
                ticket.budgets, self._held_until.get(ticket.budgets, now), now
            )
            if needed > left or left <= 0:
                raise refusal(max(needed, _POLL), self._clock)
        ticket.woken = asyncio.get_running_loop().create_future()
        await self._lines.rest(ticket.woken, seconds)
        return None

    async def _ask(self, budgets: tuple[str, ...], id: str, left: float) -> Verdict:
        if self._clock.monotonic() < self._down_until:
            raise StoreDownError("it was just now")
        known = False
        try:
            verdict = await self._exchange(wish(id, budgets, left))
            known = True
        finally:
            if not known:
                # Perhaps it was counted; it is not sent, so it must not be.
                self._tell(self._store.news(id, budgets, Told(), counts=False))
        return verdict

    async def _exchange(self, want: Wish | None) -> Verdict:
        over = list(self._news)
        self._news.clear()
        try:
            verdict = await self._store.exchange(over, want)
        except StoreDownError:
            self._news.extendleft(reversed(over))
            raise
        now = self._clock.monotonic()
        self._left |= verdict.left
        for name, seconds in verdict.paused_for.items():
            self._paused_until[name] = now + seconds
        return verdict

    def _fall_back(self, reason: str) -> None:
        now = self._clock.monotonic()
        if now >= self._down_until:
            instead = "each process paces itself" if self._local else "calls are refused"
            logger.warning("The Redis server of the quotas is down (%s): %s", reason, instead)
            self._down_until = now + _OUTAGE

    def is_open(self, budgets: tuple[str, ...]) -> bool:
        """Whether no pause that this process knows of is on."""
        now = self._clock.monotonic()
        return self._until_open(budgets, now, now) <= 0

    def _until_open(self, budgets: tuple[str, ...], held_until: float, now: float) -> float:
        paused = (self._paused_until.get(name, now) for name in (REQUESTS, *budgets))
        return max(held_until, *paused) - now

    def settle(self, budgets: tuple[str, ...], told: Told, *, sent: bool) -> None:
        """Count the request as over; the server is told in the background."""
        id = self._held[budgets].popleft()
        if id is None:
            cast("InProcessLimiter", self._local).settle(budgets, told, sent=sent)
            return
        pause = told.pause
        if pause is not None:
            concerned = budgets if budgets and told.remaining != 0 else (REQUESTS,)
            until = self._clock.monotonic() + pause
            for name in concerned:
                self._paused_until[name] = max(until, self._paused_until.get(name, 0))
        self._tell(self._store.news(id, budgets, told, counts=sent))
        if pause is None:
            self._lines.wake_heads()
        else:
            self._lines.wake_all()

    def _tell(self, news: object) -> None:
        self._news.append(news)
        if self._courier is None or self._courier.done():
            self._courier = asyncio.get_running_loop().create_task(self._deliver())

    async def _deliver(self) -> None:
        while self._news and self._clock.monotonic() >= self._down_until:
            try:
                await self._exchange(None)
            except StoreDownError as error:
                self._fall_back(str(error))

    def snapshot(self) -> Mapping[str, BudgetState]:
        """How the budgets stood when this process last looked; those it has not used are full."""
        now = self._clock.monotonic()
        states: dict[str, BudgetState] = {}
        for name, quotas in self._store.quotas.items():
            left = [(self._left.get((name, quota), quota.limit), quota) for quota in quotas]
            if left:
                remaining, quota = min(left, key=lambda pair: pair[0])
                states[name] = BudgetState(
                    limit=quota.limit,
                    seconds=quota.seconds,
                    remaining=max(0, remaining),
                    paused_for=max(0.0, self._paused_until.get(name, 0) - now),
                    waiting=self._lines.waiting(name),
                )
        return states
