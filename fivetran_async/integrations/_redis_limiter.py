"""The quotas of one API key on a Redis server, for the sessions of this process."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from fivetran_async._quota.account import BudgetState, QuotaReport
from fivetran_async._quota.limiter import InProcessLimiter, renew_after_fork
from fivetran_async._quota.patience import PATIENT, Cause, Patience
from fivetran_async._quota.plans import longest_window
from fivetran_async._quota.queue import Ticket
from fivetran_async.errors import ConnectError, EventLoopError, RateLimitedError
from fivetran_async.integrations._redis_ledger import Finished, Ledger
from fivetran_async.integrations._redis_store import (
    LOOK,
    JsonObject,
    Store,
    StoreDownError,
    StoreVerdict,
    finished_request,
    running_request,
    wish,
)

if TYPE_CHECKING:
    from fivetran_async._clock import Clock

logger: logging.Logger = logging.getLogger("fivetran_async")

_POLL: Final = 1.0
"""Seconds after which to look at the latest: other processes cannot wake this one."""
_OUTAGE: Final = 5.0
"""Seconds for which a store that failed is left alone."""
_ATTEMPTS: Final = 3
"""Attempts to synchronise with a store that loses its keys."""


class SharedLimiter:
    """
    The quotas of one API key on the server, for the sessions of this process.

    A request starts if the store grants it and the count of this process allows it too: whatever
    the store loses, one process never sends more than the quota. What a process sends without the
    store is reported as soon as the store responds.
    """

    def __init__(
        self, store: Store, local: InProcessLimiter, clock: Clock, *, refuses: bool
    ) -> None:
        self._store = store
        self._local = local
        self._clock = clock
        self._refuses = refuses
        self._ledger = Ledger()
        self._held: dict[tuple[str, ...], deque[str]] = {}
        self._held_until: dict[tuple[str, ...], tuple[float, str]] = {}
        self._courier: asyncio.Task[None] | None = None
        self._next_try: asyncio.TimerHandle | None = None
        self._down_until = -math.inf
        self._is_outage = False
        self._loop: asyncio.AbstractEventLoop | None = None
        renew_after_fork(self)

    def after_fork(self) -> None:
        """
        Become another process for the store: two with the same ids would share each grant.

        What the parent sent and still awaits, the parent reports.
        """
        self._ledger = Ledger()
        self._held.clear()

    def __repr__(self) -> str:
        return f"<RedisRateLimiter of one account: {self._local!r}>"

    async def acquire(
        self,
        budgets: tuple[str, ...],
        *,
        patience: Patience = PATIENT,
        time_left: float | None = None,
        attempt: int = 1,
    ) -> None:
        """
        Wait until a request may start that draws from these budgets, and from all requests.

        Raises:
            RateLimitedError: It would take longer than the call waits; or the store cannot be
                reached and `on_unavailable` is `refuse`.
            EventLoopError: The limiter is in use on another event loop.
        """
        self._bind()
        ticket = self._local.join(budgets, patience, time_left, attempt)
        with self._local.in_line(ticket):
            while (id := await self._try_start(ticket)) is None:
                pass
            self._held.setdefault(budgets, deque()).append(id)

    def _bind(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        if self._loop is not None:
            if not self._loop.is_closed():
                raise EventLoopError(
                    "This RedisRateLimiter is in use on another event loop; make one for each "
                    "loop, with a Redis client of its own."
                )
            self._store.forget_connections()
        self._loop, self._courier, self._next_try = loop, None, None

    async def _try_start(self, ticket: Ticket) -> str | None:
        """Start and return an id, or rest until the next look."""
        if not self._is_down():
            rest = self._local.look(ticket, shared=True)
            if rest.woken is None:
                return await self._ask(ticket)
            self._check(ticket)
        elif self._refuses:
            raise RateLimitedError(
                "Rate limited: the Redis server that counts the account's quotas cannot be "
                'reached, and on_unavailable is "refuse".',
                fate="not_sent",
            )
        else:
            rest = self._local.look(ticket)
            if rest.woken is None:
                return self._ledger.run(self._ledger.new_id(), ticket.budgets)
            rest = rest._replace(seconds=min(rest.seconds, _OUTAGE))
        await self._local.rest(ticket, rest)
        return None

    def _check(self, ticket: Ticket) -> None:
        """Raise if the store's last verdict on the head of the line is too long for this call."""
        until, name = self._held_until.get(ticket.budgets, (-math.inf, ""))
        seconds = until - self._clock.monotonic()
        if seconds > 0:
            self._local.check(ticket, Cause(name, seconds, 0.0))

    async def _ask(self, ticket: Ticket) -> str | None:
        """Ask the store whether a request may start; return its id, or None after a rest."""
        ledger, budgets = self._ledger, ticket.budgets
        left = ticket.give_up_at - self._clock.monotonic()
        verdict: StoreVerdict | None = None
        started = False
        with ledger.asking() as id:
            try:
                await self._synchronise()
                want = wish(id, budgets, born=ledger.born, left=left)
                verdict = await self._exchange(want)
                started = verdict.starts and self._local.start(ticket)
            except StoreDownError as error:
                self._went_down(str(error))
            finally:
                if started:
                    ledger.run(id, budgets)
                elif verdict is None or verdict.starts:
                    # The store may count it, but it is not sent.
                    ledger.give_back(id, budgets, self._clock.monotonic())
                    self._send_courier()
        if verdict is None:
            return None
        self._learn(verdict)
        if started:
            return id
        if ledger.is_synchronised and not verdict.starts:
            now = self._clock.monotonic()
            self._held_until[budgets] = now + verdict.cause.seconds, verdict.cause.budget
            wait = max(verdict.cause.seconds, min(verdict.advice.seconds, left))
            # Not all at once: other processes look too.
            seconds = min(wait, _POLL) * (1 + 0.1 * self._clock.random())
            rest = self._local.rest_for(ticket, seconds, verdict.cause, verdict.advice)
            await self._local.rest(ticket, rest)
        return None

    def _learn(self, verdict: StoreVerdict) -> None:
        self._local.learn(verdict.limit, verdict.used)
        self._local.pause(verdict.paused_for)

    async def _exchange(self, want: JsonObject | None) -> StoreVerdict:
        """Report what is new, and make a wish."""
        while True:
            news = self._ledger.take_news()
            arrived = False
            is_last = not self._ledger.news
            try:
                verdict = await self._store.exchange(
                    self._local.plan(), over=self._reports(news), want=want if is_last else None
                )
                arrived = True
            finally:
                if not arrived:
                    self._ledger.put_back(news)
            self._heard_of(verdict.born)
            if is_last:
                return verdict

    def _reports(self, finished: Sequence[Finished]) -> list[JsonObject]:
        now, plan, learns = self._clock.monotonic(), self._local.plan(), self._local.learns
        return [finished_request(each, now, plan, learns=learns) for each in finished]

    def _heard_of(self, born: str) -> None:
        """Note the generation of the store's keys, and that the store is up."""
        self._ledger.heard_of(born)
        if self._is_outage:
            self._is_outage = False
            logger.info("The Redis server of the quotas is back: processes share the quotas")

    async def _synchronise(self) -> None:
        """
        Report all that this process knows to a store that may not know it.

        Raises:
            StoreDownError: The store did not respond, or keeps losing its keys.
        """
        ledger = self._ledger
        for _ in range(_ATTEMPTS):
            if ledger.is_synchronised:
                return
            plan, generations = self._local.plan(), set[str]()
            ledger.forget_old(self._clock.monotonic() - longest_window(plan))
            for part in ledger.unknown_parts():
                over = self._reports(part)
                generations.add((await self._store.exchange(plan, over=over)).born)
            known = ledger.known(running_request)
            born = (await self._store.exchange(plan, known=known)).born
            ledger.synchronised(born, whole=generations <= {born})
            self._heard_of(born)
        if not ledger.is_synchronised:
            raise StoreDownError("it loses its keys")

    def is_open(self, budgets: tuple[str, ...]) -> bool:
        """Return False if a pause that this process knows of began since `acquire` returned."""
        return self._local.is_open(budgets)

    def settle(self, budgets: tuple[str, ...], report: QuotaReport, *, sent: bool) -> None:
        """Count the request as finished; the store is informed in the background."""
        id, now = self._held[budgets].popleft(), self._clock.monotonic()
        self._local.settle(budgets, report, sent=sent)
        counts = sent and report.pause is None
        self._ledger.finish(Finished(id, budgets, now, counts=counts, report=report))
        self._ledger.forget_old(now - longest_window(self._local.plan()))
        self._send_courier()

    def _is_down(self) -> bool:
        return self._clock.monotonic() < self._down_until

    def _went_down(self, reason: str) -> None:
        self._ledger.is_synchronised = False
        self._down_until = self._clock.monotonic() + _OUTAGE
        if not self._is_outage:
            self._is_outage = True
            instead = "calls are refused" if self._refuses else "each process paces itself"
            logger.warning("The Redis server of the quotas is down (%s): %s", reason, instead)

    def _send_courier(self) -> None:
        """Inform the store in the background, now or once it may be back."""
        loop, courier = self._loop, self._courier
        if loop is None or loop.is_closed() or (courier is not None and not courier.done()):
            return
        if not self._is_down():
            self._courier = loop.create_task(self._deliver())
        elif self._next_try is None:
            self._next_try = loop.call_later(_OUTAGE, self._try_later)

    def _try_later(self) -> None:
        self._next_try = None
        self._send_courier()

    async def _deliver(self) -> None:
        try:
            while self._ledger.news and not self._is_down():
                await self._synchronise()
                await self._exchange(None)
        except StoreDownError as error:
            self._went_down(str(error))
            if self._next_try is None and self._loop is not None:
                self._next_try = self._loop.call_later(_OUTAGE, self._try_later)

    async def aclose(self) -> None:
        """Report what the store does not know yet, if it responds; do nothing more by itself."""
        if self._next_try is not None:
            self._next_try.cancel()
            self._next_try = None
        if self._courier is not None and self._loop is asyncio.get_running_loop():
            await asyncio.wait((self._courier,))
        try:
            if self._ledger.news:
                await self._exchange(None)
        except StoreDownError as error:
            self._went_down(str(error))

    def snapshot(self) -> Mapping[str, BudgetState]:
        """Return how the budgets stand, by the last response of the store and what came since."""
        return self._local.snapshot()

    async def read(self) -> Mapping[str, BudgetState]:
        """
        Ask the store how the budgets stand.

        Raises:
            ConnectError: The store does not respond.
            EventLoopError: The limiter is in use on another event loop.
        """
        self._bind()
        reason = ""
        try:
            await self._synchronise()
            self._learn(await self._exchange(LOOK))
        except StoreDownError as error:
            reason = str(error)
        if reason:
            self._went_down(reason)
            raise ConnectError(
                f"The Redis server that counts the account's quotas cannot be reached: {reason}.",
                fate="not_sent",
            )
        return self.snapshot()
