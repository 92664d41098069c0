"""Triggers a sync once for all callers, and finds one that was triggered elsewhere."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import attrs

from fivetran_async.errors import RequestTimeoutError, SessionClosedError
from fivetran_async.options import logger
from fivetran_async.syncs._deadline import Deadline, bounded
from fivetran_async.syncs._hub import Hub, hub_of
from fivetran_async.syncs._order import Order
from fivetran_async.syncs._outcome import SyncVerdict
from fivetran_async.syncs._policy import SyncPolicy
from fivetran_async.syncs._reads import (
    UNCERTAIN,
    Dated,
    connections_of,
    read_connection,
    trigger_resync,
    trigger_sync,
)
from fivetran_async.syncs._resume import judged
from fivetran_async.syncs._run import OnCancel, Pursuit
from fivetran_async.syncs._sharing import LastTrigger, Sharing
from fivetran_async.syncs._tokens import intended_token, parse_token
from fivetran_async.syncs._verdict import is_to_begin, judge_age, judge_before, observe
from fivetran_async.syncs._wait import Wait
from fivetran_async.syncs._watch import (
    Acceptance,
    Watch,
    accepted,
    joining,
    watch_for,
)

if TYPE_CHECKING:
    from fivetran_async._http.session import Core
    from fivetran_async._http.transport import Transport
    from fivetran_async.resources.connection_models import Connection

BeforeTrigger: TypeAlias = Callable[[Pursuit], Awaitable[None]]

FRESH: Final = 5.0
"""Seconds after which a record is reread before a sync is refused because of it."""


async def start(
    transport: Transport,
    order: Order,
    policy: SyncPolicy,
    *,
    deadline: Deadline,
    baseline: Dated | None = None,
    before_trigger: BeforeTrigger | None = None,
    on_cancel: OnCancel = "leave",
) -> Pursuit:
    """
    Read the record, then trigger; or join a caller of this session who wants the same sync.

    Args:
        transport: What to send with.
        order: The sync.
        policy: How it will be awaited.
        deadline: When all of it has to be over.
        baseline: The record, if it was just read.
        before_trigger: Called before the trigger is sent, with what is remembered until then.
        on_cancel: `pause` pauses the connection if the caller is cancelled during the trigger, for
            it may have started the sync.

    Raises:
        FivetranError: Nothing was triggered.
        SessionClosedError: The session was closed; `token` resumes the wait if a trigger was sent.
    """
    hub, connection_id = hub_of(transport.core), order.connection_id
    while (flight := hub.flights.get(connection_id)) is not None:
        landed = await _landing(hub, flight, order, deadline, transport.core)
        if landed is not None and landed[0] == order and landed[1].refusal is None:
            return attrs.evolve(landed[1], transport=transport, policy=policy, deadline=deadline)
    flight = asyncio.get_running_loop().create_future()
    hub.flights[connection_id] = flight
    landed = None
    try:
        pursuit, before = await _prepare(transport, order, policy, deadline, baseline)
        if before is None:
            run = pursuit
        elif hub.sharing is None:
            async with pursuit.stopped_by(on_cancel):
                run = await _go(pursuit, order, before, before_trigger)
        else:
            run = await _go_shared(pursuit, order, hub.sharing, before_trigger, on_cancel)
        landed = (order, run)
        return run
    finally:
        hub.flights.pop(connection_id, None)
        # A call that is thrown away after its event loop was closed has no one to wake.
        if not flight.done() and not flight.get_loop().is_closed():
            flight.set_result(landed)


async def _landing(
    hub: Hub, flight: asyncio.Future[object], order: Order, deadline: Deadline, core: Core
) -> tuple[Order, Pursuit] | None:
    """
    Wait for what another caller triggers, and return what it was; None if it failed.

    Without the time to wait for the response, the trigger counts as one with a lost response.
    """
    # Shielded, for other callers wait for it too.
    shared = bounded(core, asyncio.shield(flight), deadline.remaining())
    try:
        return cast("tuple[Order, Pursuit] | None", await shared)
    except SessionClosedError as error:
        sent = _perhaps_sent(hub, flight, order)
        error.token = None if sent is None else sent.to_token()
        raise
    except TimeoutError:
        sent = _perhaps_sent(hub, flight, order)
    if sent is None:
        raise RequestTimeoutError(
            f"Timed out after {deadline.seconds:g} s, waiting for another caller to trigger the "
            "sync.",
            fate="not_sent",
        )
    return order, sent


def _perhaps_sent(hub: Hub, flight: asyncio.Future[object], order: Order) -> Pursuit | None:
    """Return the sync that another caller triggers just now, if it is the one that is wanted."""
    sent = cast("tuple[Order, Callable[[], Pursuit]] | None", hub.sent.get(flight))
    if sent is None or attrs.evolve(sent[0], joins=order.joins) != order:
        return None
    return sent[1]()


async def _prepare(
    transport: Transport,
    order: Order,
    policy: SyncPolicy,
    deadline: Deadline,
    baseline: Dated | None,
) -> tuple[Pursuit, Dated | None]:
    """Judge the record; also return it if a sync has to be triggered."""
    hub = hub_of(transport.core)
    before = baseline or await _read(transport, order, deadline)
    refusal = _fresh(order, before, hub.clock.monotonic())
    if refusal is None:
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
        return pursuit, None
    if order.kind == "sync" and not order.force:
        awaited = awaited_here(hub, before)
        if awaited is not None:
            return _join(pursuit, awaited, before), None
    if order.joins and connection.is_syncing:
        return attrs.evolve(pursuit, watch=joining(connection, before.at)), None
    return pursuit, before


def _fresh(order: Order, before: Dated, now: float) -> SyncVerdict | None:
    """Return that no sync is needed, if one succeeded recently enough by the server's clock."""
    if order.max_age is None:
        return None
    return judge_age(before.connection, before.latest(now), order.max_age)


async def _go_shared(
    pursuit: Pursuit,
    order: Order,
    sharing: Sharing,
    before_trigger: BeforeTrigger | None,
    on_cancel: OnCancel,
) -> Pursuit:
    """Trigger, if no other process does: the record is reread before each trigger."""
    transport, policy, deadline = pursuit.transport, pursuit.policy, pursuit.deadline
    if order.kind == "sync" and not order.force:
        order = attrs.evolve(order, joins=True)
    while True:
        async with sharing.flight(order.connection_id, deadline) as flight:
            pursuit, before = await _prepare(transport, order, policy, deadline, None)
            if before is None:
                return pursuit
            joined = None if order.force else _join_last(pursuit, flight.last, before)
            if joined is not None:
                return joined
            if before_trigger is not None:
                await before_trigger(_about_to_trigger(pursuit, before))
            if await flight.may_trigger(_intention(pursuit, before)):
                async with pursuit.stopped_by(on_cancel):
                    pursuit = await _go(pursuit, order, before, None)
                    await flight.triggered(pursuit.to_token())
                return pursuit


def _join_last(pursuit: Pursuit, last: LastTrigger | None, before: Dated) -> Pursuit | None:
    """Join a sync that another process triggered and that is to begin."""
    if last is None or pursuit.watch.kind != "sync":
        return None
    watch, connection = parse_token(last.token).watch, before.connection
    if not is_to_begin(watch, connection, last.age, pursuit.policy, now=before.at):
        return None
    return _joined_start(pursuit, watch, pursuit.hub.clock.monotonic() - last.age)


def _intention(pursuit: Pursuit, before: Dated) -> str | None:
    """Return the token by which others join this trigger if this process does not survive it."""
    if pursuit.watch.restarts:
        # The record cannot show whether it was sent.
        return None
    return intended_token(_about_to_trigger(pursuit, before).remembered)


def _about_to_trigger(pursuit: Pursuit, before: Dated) -> Pursuit:
    """Remember the time now, which may be long after the record was read."""
    spent = pursuit.deadline.seconds - pursuit.deadline.remaining()
    sent_at = before.latest(pursuit.hub.clock.monotonic())
    return attrs.evolve(pursuit, watch=attrs.evolve(pursuit.watch, spent=spent, sent_at=sent_at))


async def _go(
    pursuit: Pursuit, order: Order, before: Dated, before_trigger: BeforeTrigger | None
) -> Pursuit:
    if before_trigger is not None:
        await before_trigger(_about_to_trigger(pursuit, before))
    if before.connection.is_paused:
        resuming = connections_of(pursuit.deadline.limit(pursuit.transport)).resume(
            order.connection_id
        )
        await pursuit.transport.core.until_closed(resuming)
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
        if (goes_on and connection.is_syncing) or is_to_begin(
            wait.watch, connection, age, wait.policy, now=before.at
        ):
            return wait
    return None


def _join(pursuit: Pursuit, awaited: Wait, before: Dated) -> Pursuit:
    """Wait for a sync that another caller of this session waits for, without a trigger."""
    if before.connection.is_syncing:
        return attrs.evolve(pursuit, watch=joining(before.connection, before.at))
    return _joined_start(pursuit, awaited.watch, awaited.origin)


def _joined_start(pursuit: Pursuit, watch: Watch, origin: float) -> Pursuit:
    """
    Wait for a sync that was triggered by another caller and is to begin.

    If the response to that trigger was lost, this wait repeats it in time: the other caller may
    have ended.
    """
    joined = attrs.evolve(watch, joined=True, triggers=0, retrigger_at=None, spent=0.0)
    return attrs.evolve(pursuit, watch=joined, origin=origin)


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
    perhaps_sent = functools.partial(triggered, None, called_on)
    pursuit.hub.sent[pursuit.hub.flights[order.connection_id]] = order, perhaps_sent
    try:
        at = await core.until_closed(sending)
    except UNCERTAIN as error:
        logger.warning("%s The wait reads the connection to find out.", error)
        return triggered(None, clock.monotonic() - error.seconds)
    except SessionClosedError as error:
        error.token = perhaps_sent().to_token()
        raise
    return triggered(at)


async def attach(
    transport: Transport,
    connection_id: str,
    policy: SyncPolicy,
    since: Connection | None,
    deadline: Deadline,
) -> Pursuit:
    """Find the sync that runs now or comes next, or the one that ended after `since` was read."""
    clock = hub_of(transport.core).clock
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
    return judged(pursuit, seen)


def _counts(since: Connection, now: Connection) -> bool:
    """
    Whether an end after `since` is the awaited one.

    While another sync runs, that one is; and a record without a sync state is not a whole one.
    """
    return bool(since.sync_state) and (since.is_syncing or not now.is_syncing)
