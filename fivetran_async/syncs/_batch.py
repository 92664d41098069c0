"""Many syncs at once: few tasks start them, the session's poller awaits them all."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Self, TypeVar, cast

import attrs

from fivetran_async._http.walk import refusing
from fivetran_async.errors import FivetranError, InvalidArgumentError
from fivetran_async.syncs._hub import Wait, hub_of
from fivetran_async.syncs._outcome import SyncEnd, SyncOutcome
from fivetran_async.syncs._policy import SyncPolicy, backoff_delay, is_passing
from fivetran_async.syncs._reads import Look, look, looking, plan
from fivetran_async.syncs._run import Pursuit
from fivetran_async.syncs._start import Order, start

if TYPE_CHECKING:
    from types import TracebackType

    from fivetran_async._clock import Clock
    from fivetran_async._http.transport import Transport

T = TypeVar("T")

TOGETHER: Final = 200
"""Connections whose records are read together before they are triggered."""


@attrs.frozen(kw_only=True)
class SyncProgress:
    """
    How far many syncs have got.

    Attributes:
        total: How many were asked for.
        to_start: How many are not triggered yet.
        waiting: How many are awaited, by the sync state of their connection.
        ended: How many have ended, by the status of their outcome.
    """

    total: int
    to_start: int
    waiting: Mapping[str, int]
    ended: Mapping[SyncEnd, int]

    @property
    def done(self) -> int:
        """How many have ended."""
        return sum(self.ended.values())


@attrs.frozen
class _Ended:
    """One whose end is known; what is left is to make its outcome."""

    pursuit: Pursuit
    wait: Wait | None


class SyncRuns:
    """
    What `syncs.run_all()` returns: `async with` it, once, and walk the outcomes as they come.

    Leaving the block, by whatever road, ends its tasks and waits; syncs that were started go on.
    """

    def __init__(
        self, transport: Transport, orders: Sequence[Order], policy: SyncPolicy, concurrency: int
    ) -> None:
        self._transport = transport
        self._orders = orders
        self._policy = policy
        self._concurrency = concurrency
        self._unclaimed = len(orders)
        self._to_start = len(orders)
        self._waits: set[Wait] = set()
        self._ended: collections.Counter[SyncEnd] = collections.Counter()
        self._results: asyncio.Queue[_Ended | SyncOutcome | Exception] = asyncio.Queue()
        self._starter: asyncio.Task[None] | None = None

    @property
    def progress(self) -> SyncProgress:
        """How far they have got; cheap, no request."""
        states = collections.Counter(
            (wait.seen and wait.seen.sync_state) or "unknown" for wait in self._waits
        )
        return SyncProgress(
            total=len(self._orders),
            to_start=self._to_start,
            waiting=dict(states),
            ended=dict(self._ended),
        )

    async def __aenter__(self) -> Self:
        if self._starter is not None:
            raise InvalidArgumentError("`run_all()` can be entered once: call it again.")
        self._starter = asyncio.create_task(self._start_all(), name="fivetran sync starts")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        starter = cast("asyncio.Task[None]", self._starter)
        starter.cancel()
        await asyncio.wait([starter])
        self._unclaimed = 0
        # For tasks that still walk.
        self._results.put_nowait(InvalidArgumentError("The block of `run_all()` was left."))
        waits, self._waits = self._waits, set()
        await hub_of(self._transport.core).leave(*waits)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SyncOutcome:
        if self._starter is None:
            raise InvalidArgumentError("Write `async with ...run_all(...) as outcomes:` first.")
        if not self._unclaimed:
            raise StopAsyncIteration
        self._unclaimed -= 1
        claimed: _Ended | SyncOutcome | Exception | None = None
        try:
            claimed = await self._results.get()
            if not isinstance(claimed, Exception):
                return await _outcome_of(claimed)
        except asyncio.CancelledError:
            # Whoever walks on finds it again.
            self._unclaimed += 1
            if claimed is not None:
                self._results.put_nowait(claimed)
            raise
        # For other tasks that walk; nothing comes after it.
        self._results.put_nowait(claimed)
        raise claimed

    if not TYPE_CHECKING:
        __iter__ = refusing("Walk the outcomes with `async for`, inside `async with`")

    async def _start_all(self) -> None:
        try:
            for first in range(0, len(self._orders), TOGETHER):
                await self._start_batch(self._orders[first : first + TOGETHER])
        except Exception as error:  # noqa: BLE001 - the walk raises it
            self._results.put_nowait(error)

    async def _start_batch(self, orders: Sequence[Order]) -> None:
        """Read the records together, then trigger one after the other, a few at a time."""
        try:
            before = await self._patiently(lambda: self._read(orders))
        except FivetranError as error:
            for order in orders:
                self._fail(order, error)
            return
        waiting = iter(orders)
        async with asyncio.TaskGroup() as starters:
            for _ in range(min(self._concurrency, len(orders))):
                starters.create_task(self._start_some(waiting, before))

    async def _read(self, orders: Sequence[Order]) -> Look:
        pages = hub_of(self._transport.core).pages
        unknown_groups = {order.connection_id: "" for order in orders}
        return await look(looking(self._transport), plan(unknown_groups, pages), pages)

    async def _start_some(self, orders: Iterator[Order], before: Look) -> None:
        for order in orders:
            await self._start_one(order, before)

    async def _start_one(self, order: Order, before: Look) -> None:
        baseline = before.found.get(order.connection_id)
        known = before.errors.get(order.connection_id)
        if known is not None and not is_passing(known):
            self._fail(order, known)
            return
        try:
            pursuit = await self._patiently(
                lambda: start(self._transport, order, self._policy, baseline)
            )
        except FivetranError as error:
            self._fail(order, error)
            return
        self._to_start -= 1
        if pursuit.refusal is not None:
            self._ended[pursuit.refusal.status] += 1
            self._results.put_nowait(_Ended(pursuit, None))
            return
        self._waits.add(pursuit.begin(lambda wait: self._take(pursuit, wait)))

    def _take(self, pursuit: Pursuit, wait: Wait) -> None:
        self._waits.discard(wait)
        self._ended[wait.verdict.status if wait.verdict else "timed_out"] += 1
        self._results.put_nowait(_Ended(pursuit, wait))

    def _fail(self, order: Order, error: FivetranError) -> None:
        self._to_start -= 1
        self._ended["not_run"] += 1
        self._results.put_nowait(
            SyncOutcome(
                connection_id=order.connection_id, status="not_run", reason=str(error), error=error
            )
        )

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        clock = self._transport.core.clock
        return await patiently(call, self._policy, clock)


async def _outcome_of(result: _Ended | SyncOutcome) -> SyncOutcome:
    if isinstance(result, SyncOutcome):
        return result
    if result.wait is None:
        return await result.pursuit.wait()
    try:
        return await result.pursuit.finish(result.wait)
    except FivetranError as error:
        return SyncOutcome(
            connection_id=result.wait.connection_id,
            status="timed_out",
            reason=str(error),
            joined=result.pursuit.watch.joined,
            triggers=result.pursuit.watch.triggers,
            connection=result.wait.seen,
            error=error,
        )


async def patiently(call: Callable[[], Awaitable[T]], policy: SyncPolicy, clock: Clock) -> T:
    """
    Repeat what failed for a passing reason, as patiently as the policy waits for the sync itself.

    Raises:
        FivetranError: The first failure that will not pass, or the last within the timeout.
    """
    give_up_at = clock.monotonic() + policy.timeout
    failures = 0
    while True:
        try:
            return await call()
        except FivetranError as error:
            failures += 1
            delay = backoff_delay(error, failures, policy)
            if not is_passing(error) or clock.monotonic() + delay >= give_up_at:
                raise
        await clock.sleep(delay)
