"""Triggers a sync once for all callers, and resumes one that was triggered before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, cast

import attrs

from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import (
    AmbiguousOutcomeError,
    FivetranError,
    RequestTimeoutError,
    SessionClosedError,
)
from fivetran_async.options import logger
from fivetran_async.syncs._deadline import Deadline, bounded
from fivetran_async.syncs._history import HISTORY_PATIENCE
from fivetran_async.syncs._hub import Hub, hub_of
from fivetran_async.syncs._policy import SyncPolicy, is_passing
from fivetran_async.syncs._reads import (
    LOOK_DEADLINE,
    Dated,
    connections_of,
    looking,
    read_connection,
    trigger_resync,
    trigger_sync,
)
from fivetran_async.syncs._run import Pursuit, pursuit_of
from fivetran_async.syncs._verdict import judge_before, observe
from fivetran_async.syncs._wait import Wait
from fivetran_async.syncs._watch import (
    Acceptance,
    accepted,
    joining,
    seconds_between,
    watch_for,
)

if TYPE_CHECKING:
    from fivetran_async._http.transport import Transport
    from fivetran_async.resources.connection_models import Connection

FRESH: Final = 5.0
"""Seconds after which a record is reread before a sync is refused because of it."""


@attrs.frozen(kw_only=True)
class Order:
    """The sync that is wanted; `scope` is a resync's."""

    connection_id: str
    kind: Literal["sync", "resync"] = "sync"
    force: bool = False
    scope: Mapping[str, Sequence[str]] | Unset = UNSET


async def start(
    transport: Transport,
    order: Order,
    policy: SyncPolicy,
    *,
    deadline: Deadline,
    baseline: Dated | None = None,
) -> Pursuit:
    """
    Read the record, then trigger; or join a caller of this session who wants the same sync.

    Args:
        transport: What to send with.
        order: The sync.
        policy: How it will be awaited.
        deadline: When all of it has to be over.
        baseline: The record, if it was just read.

    Raises:
        FivetranError: Nothing was triggered.
        SessionClosedError: The session was closed; `token` resumes the wait if a trigger was sent.
    """
    hub, connection_id = hub_of(transport.core), order.connection_id
    while (flight := hub.flights.get(connection_id)) is not None:
        # Shielded, for other callers wait for it too.
        shared = bounded(transport.core, asyncio.shield(flight), deadline.remaining())
        try:
            landed = cast("tuple[Order, Pursuit] | None", await shared)
        except TimeoutError:
            raise _too_late(deadline) from None
        if landed is not None and landed[0] == order and landed[1].refusal is None:
            return attrs.evolve(landed[1], transport=transport, policy=policy, deadline=deadline)
    flight = asyncio.get_running_loop().create_future()
    hub.flights[connection_id] = flight
    landed = None
    try:
        run = await _begin(transport, order, policy, deadline, baseline)
        landed = (order, run)
        return run
    finally:
        hub.flights.pop(connection_id, None)
        # A call that is thrown away after its event loop was closed has no one to wake.
        if not flight.done() and not flight.get_loop().is_closed():
            flight.set_result(landed)


def _too_late(deadline: Deadline) -> RequestTimeoutError:
    return RequestTimeoutError(
        f"Timed out after {deadline.seconds:g} s, waiting for another caller to trigger the sync.",
        fate="not_sent",
    )


async def _begin(
    transport: Transport,
    order: Order,
    policy: SyncPolicy,
    deadline: Deadline,
    baseline: Dated | None,
) -> Pursuit:
    core, hub = transport.core, hub_of(transport.core)
    before = baseline or await _read(transport, order, deadline)
    refusal = judge_before(before.connection, policy)
    if refusal is not None and hub.clock.monotonic() - before.read_on > FRESH:
        before = await _read(transport, order, deadline)
        refusal = judge_before(before.connection, policy)
    connection = before.connection
    pursuit = Pursuit(
        transport=transport,
        watch=watch_for(connection, kind=order.kind, force=order.force, read_at=before.at),
        policy=policy,
        origin=before.read_on,
        deadline=deadline,
        seen=connection,
        refusal=refusal,
    )
    if refusal is not None:
        return pursuit
    if order.kind == "sync" and not order.force:
        awaited = awaited_here(hub, before)
        if awaited is not None:
            return _join(pursuit, awaited, before)
    if connection.is_paused:
        resuming = connections_of(deadline.limit(transport)).resume(order.connection_id)
        await core.until_closed(resuming)
    return await _trigger(pursuit, order, before)


async def _read(transport: Transport, order: Order, deadline: Deadline) -> Dated:
    reading = read_connection(deadline.limit(transport), order.connection_id)
    return await transport.core.until_closed(reading)


def awaited_here(hub: Hub, before: Dated) -> Wait | None:
    """Find a wait of this session for a sync that still runs, or was triggered and is to begin."""
    connection = before.connection
    for wait in hub.waits(connection.id):
        age = hub.clock.monotonic() - wait.origin
        step = observe(wait.watch, connection, age, wait.policy, now=before.at)
        goes_on = step.verdict is None and not step.retrigger and not step.ask
        about_to_start = wait.watch.awaits_start and not connection.is_rescheduled
        if goes_on and (connection.is_syncing or about_to_start):
            return wait
    return None


def _join(pursuit: Pursuit, awaited: Wait, before: Dated) -> Pursuit:
    """Wait for a sync that another caller of this session waits for, without a trigger."""
    if before.connection.is_syncing:
        return attrs.evolve(pursuit, watch=joining(before.connection, before.at))
    watch = attrs.evolve(
        awaited.watch, joined=True, triggers=0, retrigger_at=None, lost=False, spent=0.0
    )
    return attrs.evolve(pursuit, watch=watch, origin=awaited.origin)


async def _trigger(pursuit: Pursuit, order: Order, before: Dated) -> Pursuit:
    """
    Trigger the sync; its age is 0 when the response arrives.

    Where the response is lost, only the record can show whether it was triggered.
    """
    transport, deadline = pursuit.transport, pursuit.deadline
    core, clock, limited = transport.core, pursuit.hub.clock, deadline.limit(transport)
    called_on = clock.monotonic()

    def triggered(at: datetime | None, sent_on: float | None = None) -> Pursuit:
        now = clock.monotonic()
        sent_at = None if sent_on is None else before.earliest(sent_on)
        lost = sent_on is not None
        acceptance = Acceptance(at=at or before.latest(now), sent_at=sent_at, lost=lost)
        spent = deadline.seconds - deadline.remaining()
        watch = accepted(pursuit.watch, acceptance, spent=spent)
        return attrs.evolve(pursuit, watch=watch, origin=now)

    sending = (
        trigger_resync(limited, order.connection_id, scope=order.scope)
        if order.kind == "resync"
        else trigger_sync(limited, order.connection_id, force=order.force)
    )
    try:
        at = await core.until_closed(sending)
    except AmbiguousOutcomeError as error:
        logger.warning("%s The wait reads the connection to find out.", error)
        return triggered(None, clock.monotonic() - error.seconds)
    except SessionClosedError as error:
        error.token = triggered(None, called_on).to_token()
        raise
    return triggered(at)


async def attach(
    transport: Transport,
    connection_id: str,
    policy: SyncPolicy,
    since: Connection | None,
) -> Pursuit:
    """Find the sync that runs now or comes next, or the one that ended after `since` was read."""
    clock = hub_of(transport.core).clock
    deadline = Deadline(clock, policy.timeout)
    reading = read_connection(deadline.limit(transport), connection_id)
    seen = await transport.core.until_closed(reading)
    before = Dated(since, None) if since is not None and _counts(since, seen.connection) else seen
    pursuit = Pursuit(
        transport=transport,
        watch=watch_for(before.connection, kind="next", read_at=before.at),
        policy=policy,
        origin=clock.monotonic(),
        deadline=deadline,
    )
    return _look_back(pursuit, seen, 0.0)


def _counts(since: Connection, now: Connection) -> bool:
    """
    Whether an end after `since` is the awaited one.

    While another sync runs, that one is; and a record without a sync state is not a whole one.
    """
    return bool(since.sync_state) and (since.is_syncing or not now.is_syncing)


async def resume(transport: Transport, token: str, timeout: float | None = None) -> Pursuit:  # noqa: ASYNC109
    """Resume a wait of another process; `timeout` bounds the read, too."""
    pursuit = pursuit_of(token, transport)
    if pursuit.refusal is not None:
        return pursuit
    pursuit.deadline = deadline = pursuit.deadline_of(timeout)
    seconds = LOOK_DEADLINE if timeout is None else min(deadline.seconds, LOOK_DEADLINE)
    reading = read_connection(looking(transport), pursuit.watch.connection_id)
    try:
        seen = await bounded(transport.core, reading, seconds)
    except SessionClosedError as error:
        error.token = token
        raise
    except TimeoutError:
        return pursuit
    except FivetranError as error:
        if not is_passing(error):
            error.token = token
            raise
        return pursuit
    age = seconds_between(pursuit.watch.zero_at, seen.at)
    if timeout is None:
        pursuit.deadline = Deadline(
            pursuit.hub.clock, pursuit.policy.timeout - pursuit.watch.spent - age
        )
        pursuit.history_patience = HISTORY_PATIENCE
    return _look_back(pursuit, seen, age)


def hand_over(transport: Transport, token: str) -> Pursuit:
    """
    Take over a wait of another process without a request: the poller reads it with all others.

    Raises:
        InvalidArgumentError: The text is not a token.
    """
    pursuit = pursuit_of(token, transport)
    pursuit.handed_over = pursuit.refusal is None
    return pursuit


def _look_back(pursuit: Pursuit, seen: Dated, age: float) -> Pursuit:
    """Judge by the record as it is now."""
    step = observe(pursuit.watch, seen.connection, age, pursuit.policy, now=seen.at)
    return attrs.evolve(
        pursuit,
        # The poller triggers, if that is what is due.
        watch=pursuit.watch if step.retrigger else step.watch,
        origin=pursuit.hub.clock.monotonic() - age,
        seen=seen.connection,
        verdict=step.verdict,
    )
