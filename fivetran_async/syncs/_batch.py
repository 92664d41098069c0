"""Many syncs at once: a few tasks start them, and the poller of the session awaits them all."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Self, TypeVar, cast

import attrs

from fivetran_async._codec._serializable import Serializable
from fivetran_async._http.observing import Activity
from fivetran_async._http.shared_work import own_copy
from fivetran_async._http.walk import refusing
from fivetran_async.errors import FivetranError, RequestTimeoutError, UsageError
from fivetran_async.syncs._deadline import Deadline, bounded
from fivetran_async.syncs._hub import hub_of
from fivetran_async.syncs._outcome import SyncEnd, SyncOutcome
from fivetran_async.syncs._policy import SyncPolicy, backoff_delay, is_passing
from fivetran_async.syncs._reads import Look, look, looking, plan
from fivetran_async.syncs._run import Pursuit
from fivetran_async.syncs._start import Order, start
from fivetran_async.syncs._verdict import judge_before
from fivetran_async.syncs._wait import Wait

if TYPE_CHECKING:
    from types import TracebackType

    from fivetran_async._http.session import Core
    from fivetran_async._http.transport import Transport

T = TypeVar("T")

TOGETHER: Final = 200
"""The number of connections that are read together before they are triggered."""


@attrs.frozen(kw_only=True)
class SyncProgress(Serializable):
    """
    The progress of many syncs, in numbers of connections.

    Attributes:
        total: All of them.
        to_start: Those that are not triggered yet.
        waiting: Those that are awaited, by the sync state of their connection.
        ended: Those that have ended, by the status of their outcome.
    """

    total: int
    to_start: int
    waiting: Mapping[str, int]
    ended: Mapping[SyncEnd, int]

    @property
    def done(self) -> int:
        """The number of connections with an ended sync."""
        return sum(self.ended.values())


@attrs.frozen
class _Ended:
    """A sync that has ended, before its outcome is made."""

    pursuit: Pursuit
    wait: Wait | None


class SyncRuns:
    """
    The result of `syncs.run_all()`: `async with` it, once, and iterate over the outcomes.

    Leaving the block ends its tasks and waits; syncs that were started go on. When the session
    closes, the outcomes that are left come at once, with a `SessionClosedError` as `error` and with
    the `token` to resume the wait.
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
        """The progress so far; sends no request."""
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
            raise UsageError(
                "The result of `run_all()` can be entered once: call `run_all()` for each block."
            )
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
        # For tasks that still iterate.
        self._results.put_nowait(UsageError("The block of `run_all()` was left."))
        waits, self._waits = self._waits, set()
        for wait in waits:
            if wait.activity is not None:
                wait.activity.end("left")
        await hub_of(self._transport.core).leave(*waits)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SyncOutcome:
        if self._starter is None:
            raise UsageError("Write `async with ...run_all(...) as outcomes:` first.")
        if not self._unclaimed:
            raise StopAsyncIteration
        self._unclaimed -= 1
        claimed: _Ended | SyncOutcome | Exception | None = None
        try:
            claimed = await self._results.get()
            if not isinstance(claimed, Exception):
                return await _outcome_of(claimed)
        except asyncio.CancelledError:
            # The next step, of this task or another, gets it.
            self._unclaimed += 1
            if claimed is not None:
                self._results.put_nowait(claimed)
            raise
        # For other tasks that iterate; nothing comes after it.
        self._results.put_nowait(claimed)
        raise own_copy(claimed)

    if not TYPE_CHECKING:
        __iter__ = refusing("Iterate over the outcomes with `async for`, inside `async with`")

    async def _start_all(self) -> None:
        try:
            for first in range(0, len(self._orders), TOGETHER):
                await self._start_batch(self._orders[first : first + TOGETHER])
        except Exception as error:  # noqa: BLE001 - the iteration raises it
            self._results.put_nowait(error)

    async def _start_batch(self, orders: Sequence[Order]) -> None:
        """Read the records together, then trigger the syncs, a few at a time."""
        core = self._transport.core
        deadline = Deadline(core.clock, self._policy.timeout)
        try:
            before = await patiently(
                lambda: self._read(orders, deadline), self._policy, core, deadline
            )
        except FivetranError as error:
            for order in orders:
                self._fail_in(self._begin(order), order, own_copy(error))
            return
        # Those that cannot sync are reported first, while what is known of them is fresh.
        waiting = iter(sorted(orders, key=lambda order: not self._is_refused(order, before)))
        async with asyncio.TaskGroup() as starters:
            for _ in range(min(self._concurrency, len(orders))):
                starters.create_task(self._start_some(waiting, before))

    def _is_refused(self, order: Order, before: Look) -> bool:
        found = before.found.get(order.connection_id)
        return found is not None and judge_before(found.connection, self._policy) is not None

    async def _read(self, orders: Sequence[Order], deadline: Deadline) -> Look:
        transport = self._transport
        pages = hub_of(transport.core).pages
        unknown_groups = {order.connection_id: "" for order in orders}
        reading = look(looking(transport), plan(unknown_groups, pages), pages)
        try:
            return await bounded(transport.core, reading, deadline.remaining())
        except TimeoutError:
            raise RequestTimeoutError(
                f"Timed out after {deadline.seconds:g} s reading the connections.", fate="not_sent"
            ) from None

    async def _start_some(self, orders: Iterator[Order], before: Look) -> None:
        for order in orders:
            await self._start_one(order, before)

    async def _start_one(self, order: Order, before: Look) -> None:
        activity = self._begin(order)
        try:
            with activity.current():
                await self._start_within(activity, order, before)
        except BaseException as error:
            activity.fail(error)
            raise

    def _begin(self, order: Order) -> Activity:
        return self._transport.observer.begin("sync", connection_id=order.connection_id)

    async def _start_within(self, activity: Activity, order: Order, before: Look) -> None:
        core, policy = self._transport.core, self._policy
        baseline = before.found.get(order.connection_id)
        known = before.errors.get(order.connection_id)
        if known is not None and not is_passing(known):
            self._fail_in(activity, order, known)
            return
        deadline = Deadline(core.clock, policy.timeout)

        def begin() -> Awaitable[Pursuit]:
            return start(self._transport, order, policy, deadline=deadline, baseline=baseline)

        try:
            pursuit = await patiently(begin, policy, core, deadline)
        except FivetranError as error:
            self._fail_in(activity, order, error)
            return
        self._to_start -= 1
        if pursuit.refusal is not None:
            activity.end(pursuit.refusal.status)
            self._ended[pursuit.refusal.status] += 1
            self._results.put_nowait(_Ended(pursuit, None))
            return
        wait = pursuit.begin(lambda wait: self._take(pursuit, wait), deadline, policy)
        if not wait.is_over:
            self._waits.add(wait)

    def _take(self, pursuit: Pursuit, wait: Wait) -> None:
        self._waits.discard(wait)
        status = wait.verdict.status if wait.verdict else "timed_out"
        if wait.activity is not None:
            wait.activity.end(status, error=wait.error)
        self._ended[status] += 1
        self._results.put_nowait(_Ended(pursuit, wait))

    def _fail_in(self, activity: Activity, order: Order, error: FivetranError) -> None:
        self._to_start -= 1
        status: SyncEnd = "not_run" if error.token is None else "timed_out"
        activity.end(status, error=error)
        self._ended[status] += 1
        self._results.put_nowait(
            SyncOutcome(
                connection_id=order.connection_id,
                status=status,
                reason=str(error),
                triggers=0 if error.token is None else 1,
                token=error.token,
                error=error,
            )
        )


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
            token=error.token,
            error=error,
        )


async def patiently(
    call: Callable[[], Awaitable[T]], policy: SyncPolicy, core: Core, deadline: Deadline
) -> T:
    """
    Retry what failed for a passing reason, for as long as the sync itself would be awaited.

    Raises:
        FivetranError: The first failure that will not pass, or the last one before the deadline.
    """
    failures = 0
    while True:
        try:
            return await call()
        except FivetranError as error:
            failures += 1
            delay = backoff_delay(error, failures, policy)
            if not is_passing(error) or delay >= deadline.remaining():
                raise
        await core.until_closed(core.clock.sleep(delay))
