"""
`fivetran.syncs`: syncs awaited right, one or hundreds.

One sync: `fivetran.connections.sync_and_wait`. Many: `fivetran.syncs.run_all`. A wait always ends,
with an outcome that is a value: `SyncOutcome`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.limits import check_whole_number
from fivetran_async.syncs._batch import SyncProgress, SyncRuns
from fivetran_async.syncs._hub import hub_of
from fivetran_async.syncs._jobs import pause_and_wait
from fivetran_async.syncs._outcome import SyncEnd, SyncFailedError, SyncOutcome
from fivetran_async.syncs._policy import DEFAULT_POLICY, MANY_POLICY, SyncPolicy
from fivetran_async.syncs._reads import connections_of
from fivetran_async.syncs._run import OnCancel, Pursuit
from fivetran_async.syncs._start import Order, attach, resume, start
from fivetran_async.syncs._verdict import SyncEvent

if TYPE_CHECKING:
    from fivetran_async._http.transport import Transport
    from fivetran_async._model import Model
    from fivetran_async.resources.connection_models import Connection

__all__ = [
    "DEFAULT_POLICY",
    "MANY_POLICY",
    "OnCancel",
    "SyncEnd",
    "SyncFailedError",
    "SyncOutcome",
    "SyncPolicy",
    "SyncProgress",
    "SyncRun",
    "SyncRuns",
    "Syncs",
]


class SyncRun:
    """
    A sync that was started, or found running: `await run.wait()` for its end.

    Several tasks may await it. `to_token()` lets another process go on: give the token to
    `AsyncFivetran.resume_wait`.
    """

    def __init__(self, pursuit: Pursuit) -> None:
        self._pursuit = pursuit

    @property
    def connection_id(self) -> str:
        """Whose sync it is."""
        return self._pursuit.watch.connection_id

    @property
    def joined(self) -> bool:
        """Whether it was running already when it was asked for."""
        return self._pursuit.watch.joined

    @property
    def triggered(self) -> bool:
        """Whether a sync was triggered; a paused or broken connection is left alone by default."""
        return self._pursuit.watch.triggers > 0

    @property
    def outcome(self) -> SyncOutcome | None:
        """How it ended, once a `wait()` has seen that."""
        return self._pursuit.outcome

    def to_token(self) -> str:
        """Return what another process needs to go on waiting: JSON text without secrets."""
        return self._pursuit.to_token()

    async def wait(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - on the session's clock
        on_cancel: OnCancel = "leave",
    ) -> SyncOutcome:
        """
        Wait until the sync has ended, however it ends, or the time is over.

        Args:
            timeout: Seconds from now; unless given, the policy's, counted from the trigger.
            on_cancel: `pause` pauses the connection, and so stops the sync, when the waiting task
                is cancelled; `leave` lets the sync go on.

        Raises:
            NotFoundError: The connection was deleted.
            StatusError: The connection may not be read any more. What passes, such as 5xx, 429 and
                network failures, does not end the wait.
        """
        if on_cancel not in ("leave", "pause"):
            raise InvalidArgumentError('on_cancel must be "leave" or "pause".')
        return await self._pursuit.wait(timeout=timeout, on_cancel=on_cancel)

    def __repr__(self) -> str:
        state = self.outcome.status if self.outcome else "awaited"
        return f"<SyncRun {self.connection_id} {state}>"


async def start_sync(
    transport: Transport,
    connection_id: str,
    policy: SyncPolicy,
    *,
    force: bool = False,
) -> SyncRun:
    """Start a sync: `connections.start_sync`."""
    order = Order(connection_id=connection_id, force=force)
    return SyncRun(await start(transport, order, policy))


async def start_resync(
    transport: Transport,
    connection_id: str,
    policy: SyncPolicy,
    *,
    scope: Mapping[str, Sequence[str]] | Unset = UNSET,
) -> SyncRun:
    """Start a resync that was confirmed: `connections.resync_and_wait`."""
    order = Order(connection_id=connection_id, kind="resync", scope=scope)
    return SyncRun(await start(transport, order, policy))


async def find_sync(
    transport: Transport, connection_id: str, policy: SyncPolicy, since: Connection | None
) -> SyncRun:
    """Find a sync that somebody else started: `connections.wait_for_sync`."""
    return SyncRun(await attach(transport, connection_id, policy, since))


class Syncs:
    """`fivetran.syncs`: many syncs at once, waits of other processes, events from webhooks."""

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
    ) -> SyncRuns:
        """
        Sync many connections and walk the outcomes as they come; a failure stops nobody else.

        ```python
        async with fivetran.syncs.run_all(connection_ids) as outcomes:
            async for outcome in outcomes:
                print(outcome.connection_id, outcome.status, outcomes.progress.done)
        ```

        All of them share their polls: one request for a page of 1,000 connections, or one for each,
        whichever takes fewer. A connection that is named twice is synced once.

        Args:
            connection_ids: The connections.
            concurrency: How many are triggered at the same time; all are awaited together.
            force: Stop running syncs and begin again, instead of joining them.
            policy: How they are awaited; the sync history is not asked unless it says so.
        """
        check_whole_number("concurrency", concurrency, at_least=1)
        if isinstance(connection_ids, str):
            raise InvalidArgumentError("connection_ids must be several ids, not a single text.")
        ids = tuple(dict.fromkeys(connection_ids))
        if not all(isinstance(each, str) for each in cast("tuple[object, ...]", ids)):
            raise InvalidArgumentError("connection_ids must be texts: `connection.id`.")
        orders = [Order(connection_id=each, force=force) for each in ids]
        return SyncRuns(self._transport, orders, policy, concurrency)

    async def resume(self, token: str) -> SyncRun:
        """
        Go on with a sync that another process started, by the token of its `SyncRun`.

        Its timeout goes on, too: by the server's clock, from the trigger.

        Raises:
            InvalidArgumentError: It is no such token.
            NotFoundError: The connection was deleted.
        """
        return SyncRun(await resume(self._transport, token))

    def feed(self, event: Mapping[str, object] | Model) -> bool:
        """
        Tell the waits of this session about a webhook event; return whether one waited for it.

        A `sync_end` that reports success ends the wait at once. One that reports anything else
        makes the wait look at the connection at once, since some failed syncs are repeated. Events
        of other syncs, and other events, do no harm. Verify signatures before: this believes it.

        Args:
            event: The event, as the receiver made it, or its JSON as a mapping.
        """
        mapping = event if isinstance(event, Mapping) else event.to_dict()
        return hub_of(self._transport.core).hear(_event_of(mapping))

    @contextlib.asynccontextmanager
    async def paused(
        self,
        connection_id: str,
        *,
        timeout: float = 900.0,  # noqa: ASYNC109 - on the session's clock
    ) -> AsyncGenerator[Connection]:
        """
        Keep a connection paused during a block, for changes that a running sync would refuse.

        ```python
        async with fivetran.syncs.paused(connection_id):
            await fivetran.connections.update(connection_id, config=..., run_setup_tests=False)
        ```

        A running sync is stopped first, which can take minutes, and the answer 500 of a pause that
        works all the same is survived. Afterwards the connection is resumed, unless it was paused
        before.

        Args:
            connection_id: The connection.
            timeout: Seconds to wait until nothing runs any more.

        Raises:
            WaitTimeoutError: A sync would not stop; the connection is left paused.
        """
        connections = connections_of(self._transport)
        connection, was_paused = await pause_and_wait(
            connections,
            connection_id,
            policy=DEFAULT_POLICY.lasting(timeout),
            clock=self._transport.core.clock,
        )
        try:
            yield connection
        finally:
            if not was_paused:
                await connections.resume(connection_id)


def _event_of(mapping: Mapping[str, object]) -> SyncEvent:
    """Take what waits need of an event; the API still calls connections connectors there."""
    data = mapping.get("data")
    details = cast("Mapping[str, object]", data if isinstance(data, Mapping) else {})
    return SyncEvent(
        event=_text(mapping.get("event")),
        connection_id=_text(mapping.get("connector_id") or mapping.get("connection_id")),
        created=_moment(mapping.get("created")),
        status=_text(details.get("status")),
        reason=_text(details.get("reason")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
