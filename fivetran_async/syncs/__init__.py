"""
`fivetran.syncs`: wait for syncs, one or hundreds.

One sync: `fivetran.connections.sync_and_wait`. Many: `fivetran.syncs.run_all`. Every wait ends,
with an outcome that is a value: `SyncOutcome`.

The end of a sync counts only if it was after the server accepted the trigger, by the server's own
clock. An end of another sync, before that, is never reported as the outcome.
"""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from fivetran_async._arguments import check_seconds, check_whole_number, distinct_texts
from fivetran_async.errors import InvalidArgumentError, UsageError
from fivetran_async.syncs._batch import SyncProgress, SyncRuns
from fivetran_async.syncs._events import event_of
from fivetran_async.syncs._hub import hub_of
from fivetran_async.syncs._jobs import kept_paused
from fivetran_async.syncs._journal import JournalError, SyncJournal
from fivetran_async.syncs._order import Item, Order, Resumption
from fivetran_async.syncs._outcome import SyncEnd, SyncFailedError, SyncOutcome
from fivetran_async.syncs._policy import DEFAULT_POLICY, MANY_POLICY, SyncPolicy
from fivetran_async.syncs._reads import connections_of
from fivetran_async.syncs._resume import hand_over, resume
from fivetran_async.syncs._run import OnCancel, Pursuit
from fivetran_async.syncs._sync_run import SyncRun
from fivetran_async.syncs._tokens import parse_token

if TYPE_CHECKING:
    from fivetran_async._http.transport import Transport
    from fivetran_async._model import Model
    from fivetran_async.resources.connection_models import Connection

__all__ = [
    "DEFAULT_POLICY",
    "MANY_POLICY",
    "JournalError",
    "OnCancel",
    "OnStarted",
    "SyncEnd",
    "SyncFailedError",
    "SyncOutcome",
    "SyncPolicy",
    "SyncProgress",
    "SyncRun",
    "SyncRuns",
    "Syncs",
]


OnStarted: TypeAlias = Callable[[SyncRun], Awaitable[object] | None]
"""A function that is called with each sync that was triggered or joined."""


class Syncs:
    """`fivetran.syncs`: many syncs at once, waits of other processes, webhook events."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def __repr__(self) -> str:
        return "<Syncs>"

    def run_all(
        self,
        connection_ids: Iterable[str],
        *,
        concurrency: int = 20,
        force: bool = False,
        policy: SyncPolicy = MANY_POLICY,
        journal: str | os.PathLike[str] | None = None,
        on_started: OnStarted | None = None,
    ) -> SyncRuns:
        """
        Sync many connections and iterate over the outcomes as they come.

        POST /v1/connections/{connection_id}/sync, for each. A failure of one stops none of the
        others.

        ```python
        async with fivetran.syncs.run_all(connection_ids) as outcomes:
            async for outcome in outcomes:
                print(outcome.connection_id, outcome.status, outcomes.progress.done)
        ```

        All of them share their polls: one request for a page of 1,000 connections, or one for each,
        whichever takes fewer. A connection that is listed twice is synced once.

        Args:
            connection_ids: The connections.
            concurrency: The number of triggers at the same time; all syncs are awaited together.
            force: Stop running syncs and start new ones, instead of joining them.
            policy: How each is awaited; by default without reading the sync history.
            journal: A file that `resume_all` resumes the batch from if this process ends; it must
                not hold another batch. Each trigger is noted before and after, on disk. Running
                syncs are joined without a trigger.
            on_started: Called with each sync that was triggered or joined, before it is awaited,
                sync or async: `run.to_token()` is what another process needs to resume the wait.
                Its errors end the iteration.

        Raises:
            InvalidArgumentError: `force` and `journal` are given together: after a crash no one
                could know which sync was to be stopped.
            JournalError: The file cannot be written, or holds another batch: on entering the block.
        """
        if force and journal is not None:
            raise InvalidArgumentError(
                "force=True cannot be combined with journal=: a batch that is resumed joins "
                "running syncs."
            )
        ids = distinct_texts("connection_ids", connection_ids)
        joins = journal is not None
        orders = [Order(connection_id=each, force=force, joins=joins) for each in ids]
        kept = None if journal is None else SyncJournal(Path(journal), policy)
        return self._batch(orders, policy, concurrency, kept, on_started)

    def ensure_fresh(
        self,
        connection_ids: Iterable[str],
        *,
        max_age: float,
        concurrency: int = 20,
        policy: SyncPolicy = MANY_POLICY,
        journal: str | os.PathLike[str] | None = None,
        on_started: OnStarted | None = None,
    ) -> SyncRuns:
        """
        Sync the connections with a last success that is too old; iterate over the outcomes.

        POST /v1/connections/{connection_id}/sync, for those that are older.

        ```python
        async with fivetran.syncs.ensure_fresh(connection_ids, max_age=3600) as outcomes:
            async for outcome in outcomes:
                print(outcome.connection_id, outcome.status, outcome.triggers)
        ```

        Ages are by the server's clock. A connection that is fresh enough is `succeeded`, with
        `triggers` of 0 and the time of that success as `finished_at`, also if it is paused. A
        running sync of an older one is joined without a trigger.

        Args:
            connection_ids: The connections.
            max_age: Seconds since the last success for which a connection is fresh enough.
            concurrency: As for `run_all`.
            policy: As for `run_all`.
            journal: As for `run_all`. `resume_all` compares the ages at that time.
            on_started: As for `run_all`.

        Raises:
            JournalError: The file cannot be written, or holds another batch: on entering the block.
        """
        check_seconds("max_age", max_age, at_least=0)
        ids = distinct_texts("connection_ids", connection_ids)
        orders = [Order(connection_id=each, joins=True, max_age=max_age) for each in ids]
        kept = None if journal is None else SyncJournal(Path(journal), policy, max_age)
        return self._batch(orders, policy, concurrency, kept, on_started)

    def resume_all(
        self,
        source: str | os.PathLike[str] | Iterable[str],
        *,
        concurrency: int = 20,
        on_started: OnStarted | None = None,
    ) -> SyncRuns:
        """
        Resume the batch of a process that ended, or many single waits; iterate over the outcomes.

        POST /v1/connections/{connection_id}/sync, for those of a batch that were not triggered.

        ```python
        async with fivetran.syncs.resume_all("nightly.jsonl") as outcomes:
            async for outcome in outcomes:
                print(outcome.connection_id, outcome.status)
        ```

        Every connection of the batch has an outcome, those included that had ended before. Where
        the journal cannot show whether a sync was triggered, its record does: a sync that began
        after the record was read for the journal is the one of the batch. If none has begun after a
        fifth of the policy's `start_timeout`, it is triggered.

        Args:
            source: The journal of `run_all` or `ensure_fresh`, or tokens of `SyncRun.to_token()`.
            concurrency: As for `run_all`.
            on_started: As for `run_all`; only for syncs that are triggered now.

        Raises:
            InvalidArgumentError: One of the texts is not a token.
            JournalError: The journal is missing, damaged or in use by another process: on entering
                the block.
        """
        if isinstance(source, str | os.PathLike):
            if isinstance(source, str) and source.lstrip().startswith("{"):
                raise InvalidArgumentError(
                    "source must be the path of a journal or an iterable of tokens, not one token: "
                    "write resume_all([token])."
                )
            journal = SyncJournal(Path(source), MANY_POLICY)
            return self._batch(None, MANY_POLICY, concurrency, journal, on_started)
        tokens = distinct_texts("source", source)
        waits = [Resumption(parse_token(each).watch.connection_id, each) for each in tokens]
        return self._batch(waits, MANY_POLICY, concurrency, None, on_started)

    def _batch(
        self,
        items: Sequence[Item] | None,
        policy: SyncPolicy,
        concurrency: int,
        journal: SyncJournal | None,
        on_started: OnStarted | None,
    ) -> SyncRuns:
        check_whole_number("concurrency", concurrency, at_least=1)

        async def announce(pursuit: Pursuit) -> None:
            try:
                if on_started is not None:
                    result = on_started(SyncRun(pursuit))
                    if inspect.isawaitable(result):
                        await result
            except StopAsyncIteration as end:
                # A loop over the outcomes would take it for their end.
                raise UsageError("`on_started` raised StopAsyncIteration.") from end

        return SyncRuns(
            self._transport,
            items,
            policy,
            concurrency,
            journal=journal,
            on_started=announce,
        )

    async def resume(self, token: str, *, timeout: float | None = None) -> SyncRun:  # noqa: ASYNC109
        """
        Resume the wait for a sync that another process triggered.

        Its timeout goes on, too: by the server's clock, from the call that triggered the sync.

        Args:
            token: The token of `SyncRun.to_token()`, of an outcome that is `timed_out`, or of a
                `SessionClosedError`.
            timeout: Seconds from now for all that is left, the first read included.

        Raises:
            InvalidArgumentError: The text is not such a token.
            NotFoundError: The connection was deleted.
        """
        return SyncRun(await resume(self._transport, token, timeout))

    def from_token(self, token: str) -> SyncRun:
        """
        Return the run that another process triggered, without a request.

        `resume` reads the connection first, one request for each. The `wait()` of this run only
        joins the poller of the session, which reads all of its connections together, at once and
        then as usual: the choice for hundreds of tokens. As with `resume`, the timeout goes on from
        the call that triggered the sync. A deleted connection raises `NotFoundError` from `wait()`.

        Args:
            token: The token of `SyncRun.to_token()`, of an outcome that is `timed_out`, or of a
                `SessionClosedError`.

        Raises:
            InvalidArgumentError: The text is not such a token.
        """
        return SyncRun(hand_over(self._transport, token))

    def feed(self, event: Mapping[str, object] | Model) -> bool:
        """
        Give a webhook event to the waits of this session; return whether it concerns one.

        A `sync_end` that reports success, created after the trigger was accepted, ends the wait at
        once. Any other one makes the wait poll at once, since some failed syncs are repeated. Late
        and repeated events, and those of other syncs, change nothing. Check the signature before.
        Call it in any thread.

        Args:
            event: The event, as the receiver made it, or its JSON as a mapping.
        """
        mapping = event if isinstance(event, Mapping) else event.to_dict()
        return hub_of(self._transport.core).hear(event_of(mapping))

    @contextlib.asynccontextmanager
    async def paused(
        self,
        connection_id: str,
        *,
        timeout: float = 900.0,  # noqa: ASYNC109 - on the session's clock
    ) -> AsyncGenerator[Connection]:
        """
        Keep a connection paused during a block, for changes that fail while a sync runs.

        ```python
        async with fivetran.syncs.paused(connection_id):
            await fivetran.connections.update(connection_id, config=..., run_setup_tests=False)
        ```

        A running sync is stopped first, which can take minutes; a pause that returns 500 and works
        all the same is waited for. Afterwards the connection is resumed, unless it was paused
        before; also if the task was cancelled, in the block or before it, and if the block is not
        entered because of an error. Blocks of one session may overlap: the last one resumes it.

        Args:
            connection_id: The connection.
            timeout: Seconds to wait until nothing runs.

        Raises:
            WaitTimeoutError: The sync did not stop in time.
            SessionClosedError: The session was closed.
        """
        async with kept_paused(
            connections_of(self._transport),
            connection_id,
            policy=DEFAULT_POLICY.lasting(timeout),
            core=self._transport.core,
        ) as connection:
            yield connection
