"""Many syncs at once: a few tasks start them, and the poller of the session awaits them all."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Self, TypeAlias, TypeVar, cast

import attrs

from fivetran_async._clock import finished
from fivetran_async._codec._serializable import Serializable
from fivetran_async._http.observing import Activity
from fivetran_async._http.shared_work import own_copy
from fivetran_async._http.walk import refusing
from fivetran_async.errors import FivetranError, RequestTimeoutError, UsageError
from fivetran_async.options import logger
from fivetran_async.syncs._deadline import Deadline, bounded
from fivetran_async.syncs._hub import hub_of
from fivetran_async.syncs._journal import JournalError
from fivetran_async.syncs._order import Item, Order, Resumption
from fivetran_async.syncs._outcome import SyncEnd, SyncOutcome
from fivetran_async.syncs._policy import SyncPolicy, is_passing
from fivetran_async.syncs._polling import patiently
from fivetran_async.syncs._reads import LOOK_DEADLINE, Dated, Look, look, looking, plan
from fivetran_async.syncs._resume import find, look_back
from fivetran_async.syncs._run import Pursuit, explain, pursuit_of
from fivetran_async.syncs._start import start
from fivetran_async.syncs._tokens import intended_token, parse_token
from fivetran_async.syncs._verdict import judge_before
from fivetran_async.syncs._wait import Wait

if TYPE_CHECKING:
    from types import TracebackType

    from fivetran_async._http.transport import Transport
    from fivetran_async.syncs._journal import SyncJournal

Announce: TypeAlias = Callable[[Pursuit], Awaitable[object]]
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
        self,
        transport: Transport,
        items: Sequence[Item] | None,
        policy: SyncPolicy,
        concurrency: int,
        *,
        journal: SyncJournal | None = None,
        on_started: Announce,
    ) -> None:
        """Begin nothing yet; without items, the journal has them."""
        self._transport = transport
        self._items: Sequence[Item] = items or ()
        self._resumes_journal = items is None
        self._policy = policy
        self._concurrency = concurrency
        self._journal = journal
        self._on_started = on_started
        self._unclaimed = len(self._items)
        self._to_start = len(self._items)
        self._waits: set[Wait] = set()
        self._ended: collections.Counter[SyncEnd] = collections.Counter()
        self._results: asyncio.Queue[_Ended | SyncOutcome | Exception] = asyncio.Queue()
        self._starter: asyncio.Task[None] | None = None
        self._entered = False

    @property
    def progress(self) -> SyncProgress:
        """The progress so far; sends no request."""
        states = collections.Counter(
            (wait.seen and wait.seen.sync_state) or "unknown" for wait in self._waits
        )
        return SyncProgress(
            total=len(self._items),
            to_start=self._to_start,
            waiting=dict(states),
            ended=dict(self._ended),
        )

    async def __aenter__(self) -> Self:
        if self._entered:
            raise UsageError(
                "The result of `run_all()` can be entered once: call `run_all()` for each block."
            )
        self._entered = True
        if self._journal is not None:
            await self._open(self._journal)
        self._starter = asyncio.create_task(self._start_all(), name="fivetran sync starts")
        return self

    async def _open(self, journal: SyncJournal) -> None:
        if self._resumes_journal:
            self._items = journal.load()
            self._policy = journal.policy
            self._unclaimed = self._to_start = len(self._items)
        else:
            await journal.create([each for each in self._items if isinstance(each, Order)])

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        starter = cast("asyncio.Task[None]", self._starter)
        starter.cancel()
        try:
            # It may write the journal: that is closed after, also if this task is cancelled.
            await finished(starter)
        finally:
            self._unclaimed = 0
            # For tasks that still iterate.
            self._results.put_nowait(UsageError("The block of `run_all()` was left."))
            waits, self._waits = self._waits, set()
            for wait in waits:
                if wait.activity is not None:
                    wait.activity.end("left")
            if self._journal is not None:
                self._journal.close()
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
                outcome = await _outcome_of(claimed)
                if self._journal is not None and claimed is not outcome:
                    await _note_end(self._journal, outcome)
                return outcome
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
            for item in self._items:
                if isinstance(item, SyncOutcome):
                    self._put_known(item)
            # First those that need no trigger: their syncs may have ended already.
            tokens = [each for each in self._items if isinstance(each, Resumption) and each.is_sent]
            for batch in _batches(tokens):
                await self._resume_batch(batch)
            for batch in _batches([each for each in self._items if _needs_start(each)]):
                await self._start_batch(batch)
        except ExceptionGroup as group:
            # The first one stopped the others.
            self._results.put_nowait(group.exceptions[0])
        except Exception as error:  # noqa: BLE001 - the iteration raises it
            self._results.put_nowait(error)

    def _put_known(self, outcome: SyncOutcome) -> None:
        self._to_start -= 1
        self._ended[outcome.status] += 1
        self._results.put_nowait(outcome)

    async def _resume_batch(self, items: Sequence[Item]) -> None:
        """Await what was triggered; if the records cannot be read now, the poller reads them."""
        try:
            before = await self._read(items, Deadline(self._transport.core.clock, LOOK_DEADLINE))
        except FivetranError as error:
            before = Look(errors={each.connection_id: error for each in items})
        for item in items:
            if isinstance(item, Resumption):
                activity = self._activity(item)
                with activity.current():
                    self._resume_one(activity, item, before)

    def _resume_one(self, activity: Activity, item: Resumption, before: Look) -> None:
        seen, known = before.found.get(item.connection_id), before.errors.get(item.connection_id)
        if known is not None and not is_passing(known):
            error = own_copy(known)
            error.token = item.token
            self._fail_in(activity, item, error)
            return
        pursuit = pursuit_of(item.token, self._transport)
        if pursuit.refusal is None:
            pursuit.handed_over = seen is None
            pursuit = pursuit if seen is None else look_back(pursuit, seen)
        self._await(activity, pursuit)

    async def _start_batch(self, items: Sequence[Item]) -> None:
        """Read the records together, then trigger the syncs, a few at a time."""
        core = self._transport.core
        deadline = Deadline(core.clock, self._policy.timeout)
        try:
            before = await patiently(
                lambda: self._read(items, deadline), self._policy, core, deadline
            )
        except FivetranError as error:
            for item in items:
                failure = own_copy(error)
                if isinstance(item, Resumption):
                    failure.token = _perhaps_sent(item)
                self._fail_in(self._activity(item), item, failure)
            return
        # Those that cannot sync are reported first, while what is known of them is fresh.
        waiting = iter(sorted(items, key=lambda item: not self._is_refused(item, before)))
        async with asyncio.TaskGroup() as starters:
            for _ in range(min(self._concurrency, len(items))):
                starters.create_task(self._start_some(waiting, before))

    def _is_refused(self, item: Item, before: Look) -> bool:
        found = before.found.get(item.connection_id)
        return found is not None and judge_before(found.connection, self._policy) is not None

    async def _read(self, items: Sequence[Item], deadline: Deadline) -> Look:
        transport = self._transport
        pages = hub_of(transport.core).pages
        unknown_groups = {each.connection_id: "" for each in items}
        reading = look(looking(transport), plan(unknown_groups, pages), pages)
        try:
            return await bounded(transport.core, reading, deadline.remaining())
        except TimeoutError:
            raise RequestTimeoutError(
                f"Timed out after {deadline.seconds:g} s reading the connections.", fate="not_sent"
            ) from None

    async def _start_some(self, items: Iterator[Item], before: Look) -> None:
        for item in items:
            await self._start_one(item, before)

    async def _start_one(self, item: Item, before: Look) -> None:
        activity = self._activity(item)
        try:
            with activity.current():
                await self._start_within(activity, item, before)
        except BaseException as error:
            activity.fail(error)
            raise

    def _activity(self, item: Item) -> Activity:
        return self._transport.observer.begin("sync", connection_id=item.connection_id)

    async def _start_within(self, activity: Activity, item: Item, before: Look) -> None:
        baseline = before.found.get(item.connection_id)
        known = before.errors.get(item.connection_id)
        if known is not None and not is_passing(known):
            if isinstance(item, Resumption):
                known.token = _perhaps_sent(item)
            self._fail_in(activity, item, known)
            return
        try:
            pursuit = await self._begin(item, baseline)
        except JournalError:
            raise
        except FivetranError as error:
            if self._journal is not None and error.token is None:
                await self._journal.not_started(item.connection_id)
            self._fail_in(activity, item, error)
            return
        if pursuit.refusal is None:
            await self._announce(pursuit)
        self._await(activity, pursuit)

    async def _begin(self, item: Item, baseline: Dated | None) -> Pursuit:
        core, journal = self._transport.core, self._journal
        deadline = Deadline(core.clock, self._policy.timeout)
        perhaps_sent = isinstance(item, Resumption)

        async def begin() -> Pursuit:
            nonlocal perhaps_sent
            found = None
            if isinstance(item, Resumption) and perhaps_sent:
                found = await find(self._transport, item.token, baseline)
                perhaps_sent = found is not None
            return found or await start(
                self._transport,
                self._order(item),
                self._policy,
                deadline=deadline,
                baseline=baseline,
                before_trigger=None if journal is None else journal.starting,
            )

        try:
            return await patiently(begin, self._policy, core, deadline)
        except FivetranError as error:
            if perhaps_sent and isinstance(item, Resumption):
                # Still no one knows: the next resumption has to find out, as this one had to.
                error.token = _perhaps_sent(item)
            raise

    async def _announce(self, pursuit: Pursuit) -> None:
        """Report a sync that was triggered or joined."""
        if self._journal is not None:
            await self._journal.started(pursuit)
        try:
            await self._on_started(pursuit)
        except asyncio.CancelledError as error:
            if cast("asyncio.Task[object]", asyncio.current_task()).cancelling():
                raise
            # A task group takes it for the end of this starter, and no one for a failure.
            raise UsageError("What `on_started` awaited was cancelled.") from error

    def _order(self, item: Item) -> Order:
        if isinstance(item, Order):
            return item
        max_age = None if self._journal is None else self._journal.max_age
        return Order(connection_id=item.connection_id, joins=True, max_age=max_age)

    def _await(self, activity: Activity, pursuit: Pursuit) -> None:
        self._to_start -= 1
        known = pursuit.refusal or pursuit.verdict
        if known is not None:
            activity.end(known.status)
            self._ended[known.status] += 1
            self._results.put_nowait(_Ended(pursuit, None))
            return
        wait = pursuit.begin(
            lambda wait: self._take(pursuit, wait), pursuit.deadline, pursuit.policy
        )
        wait.keeps_timeout = pursuit.handed_over
        if not wait.is_over:
            self._waits.add(wait)

    def _take(self, pursuit: Pursuit, wait: Wait) -> None:
        self._waits.discard(wait)
        status = wait.verdict.status if wait.verdict else "timed_out"
        if wait.activity is not None:
            wait.activity.end(status, error=wait.error)
        self._ended[status] += 1
        self._results.put_nowait(_Ended(pursuit, wait))

    def _fail_in(self, activity: Activity, item: Item, error: FivetranError) -> None:
        self._to_start -= 1
        if isinstance(item, Resumption):
            explain(error, parse_token(item.token).account, self._transport.core)
        status: SyncEnd = "not_run" if error.token is None else "timed_out"
        activity.end(status, error=error)
        self._ended[status] += 1
        self._results.put_nowait(
            SyncOutcome(
                connection_id=item.connection_id,
                status=status,
                reason=str(error),
                triggers=0 if error.token is None else 1,
                token=error.token,
                error=error,
            )
        )


async def _note_end(journal: SyncJournal, outcome: SyncOutcome) -> None:
    try:
        await journal.ended(outcome)
    except JournalError as error:
        # The outcome is known; a later resumption reads the record to find it once more.
        logger.warning("%s", error)


def _needs_start(item: Item) -> bool:
    return isinstance(item, Order) or (isinstance(item, Resumption) and not item.is_sent)


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for first in range(0, len(items), TOGETHER):
        yield items[first : first + TOGETHER]


def _perhaps_sent(item: Resumption) -> str:
    """Return the token of a trigger that an earlier process may have sent."""
    return intended_token(parse_token(item.token))


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
