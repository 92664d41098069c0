"""Starts a sync once for all who want it, and finds the way back to one that was started before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, cast

import attrs

from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import AmbiguousOutcomeError, FivetranError
from fivetran_async.options import logger
from fivetran_async.syncs._hub import Hub, Wait, hub_of
from fivetran_async.syncs._policy import SyncPolicy, is_passing
from fivetran_async.syncs._reads import Dated, connections_of, read_connection
from fivetran_async.syncs._run import Pursuit, pursuit_of
from fivetran_async.syncs._verdict import Watch, judge_before, observe, watch_for

if TYPE_CHECKING:
    from fivetran_async._http.transport import Transport
    from fivetran_async.resources.connection_models import Connection


@attrs.frozen(kw_only=True)
class Order:
    """What sync is wanted; `scope` is a resync's."""

    connection_id: str
    kind: Literal["sync", "resync"] = "sync"
    force: bool = False
    scope: Mapping[str, Sequence[str]] | Unset = UNSET


async def start(
    transport: Transport, order: Order, policy: SyncPolicy, baseline: Dated | None = None
) -> Pursuit:
    """
    Read the record, then trigger; or join who is starting or awaiting the same sync here.

    Args:
        transport: What to send with.
        order: What is wanted.
        policy: How it will be awaited.
        baseline: The record, if it was just read.

    Raises:
        FivetranError: Nothing was triggered.
    """
    hub, connection_id = hub_of(transport.core), order.connection_id
    while (flight := hub.flights.get(connection_id)) is not None:
        # Shielded, for others fly with it.
        landed = cast("tuple[Order, Pursuit] | None", await asyncio.shield(flight))
        if landed is not None and landed[0] == order and landed[1].refusal is None:
            return attrs.evolve(landed[1], transport=transport, policy=policy)
    flight = asyncio.get_running_loop().create_future()
    hub.flights[connection_id] = flight
    landed = None
    try:
        run = await _begin(hub, transport, order, policy, baseline)
        landed = (order, run)
        return run
    finally:
        del hub.flights[connection_id]
        flight.set_result(landed)


async def _begin(
    hub: Hub, transport: Transport, order: Order, policy: SyncPolicy, baseline: Dated | None
) -> Pursuit:
    before = baseline or await read_connection(transport, order.connection_id)
    connection = before.connection
    # Its age counts from before the trigger: the request itself may take long.
    pursuit = Pursuit(
        transport=transport,
        watch=watch_for(connection, kind=order.kind, force=order.force, read_at=before.at),
        policy=policy,
        origin=hub.clock.monotonic(),
        seen=connection,
        refusal=judge_before(connection, policy),
    )
    if pursuit.refusal is not None:
        return pursuit
    if order.kind == "sync" and not order.force:
        awaited = awaited_here(hub, connection)
        if awaited is not None:
            return attrs.evolve(pursuit, watch=_joining(awaited.watch))
    if connection.is_paused:
        await connections_of(transport).resume(order.connection_id)
    lost = await _trigger(transport, order)
    return attrs.evolve(pursuit, watch=attrs.evolve(pursuit.watch, triggers=1, lost=lost))


def awaited_here(hub: Hub, connection: Connection) -> Wait | None:
    """Who waits for a sync that still runs, or was triggered and is about to; if anybody."""
    for wait in hub.waits(connection.id):
        age = hub.clock.monotonic() - wait.origin
        step = observe(wait.watch, connection, age, wait.policy)
        goes_on = step.verdict is None and not step.retrigger
        about_to_start = wait.watch.awaits_start and not connection.is_rescheduled
        if goes_on and (connection.is_syncing or about_to_start):
            return wait
    return None


def _joining(watch: Watch) -> Watch:
    return attrs.evolve(
        watch,
        joined=True,
        triggers=0,
        idle_since=None if watch.started else 0.0,
        retrigger_at=None,
        lost=False,
    )


async def _trigger(transport: Transport, order: Order) -> bool:
    """Trigger it; whether the answer was lost, so that only the record can tell."""
    try:
        if order.kind == "resync":
            await connections_of(transport).resync(
                order.connection_id, scope=order.scope, confirm=True
            )
        else:
            await connections_of(transport).sync(order.connection_id, force=order.force)
    except AmbiguousOutcomeError as error:
        logger.warning("%s The connection will tell whether it started.", error)
        return True
    return False


async def attach(
    transport: Transport, connection_id: str, policy: SyncPolicy, since: Connection | None
) -> Pursuit:
    """Find the sync that runs now or comes next, or the one that ended after `since` was read."""
    seen = await read_connection(transport, connection_id)
    before = Dated(since, None) if since is not None else seen
    pursuit = Pursuit(
        transport=transport,
        watch=watch_for(before.connection, kind="next", read_at=before.at),
        policy=policy,
        origin=hub_of(transport.core).clock.monotonic(),
    )
    return _look_back(pursuit, seen, 0.0)


async def resume(transport: Transport, token: str) -> Pursuit:
    """Go on with a wait of another process."""
    pursuit = pursuit_of(token, transport)
    if pursuit.refusal is not None:
        return pursuit
    try:
        seen = await read_connection(transport, pursuit.watch.connection_id)
    except FivetranError as error:
        if not is_passing(error):
            raise
        return pursuit
    return _look_back(pursuit, seen, _age(pursuit.watch.read_at, seen.at))


def _age(then: datetime | None, now: datetime | None) -> float:
    """Seconds between two times of the server."""
    return max((now - then).total_seconds(), 0.0) if then and now else 0.0


def _look_back(pursuit: Pursuit, seen: Dated, age: float) -> Pursuit:
    """Judge by the record as it is now."""
    step = observe(pursuit.watch, seen.connection, age, pursuit.policy, now=seen.at)
    return attrs.evolve(
        pursuit,
        # The poller triggers again, if that is what is due.
        watch=pursuit.watch if step.retrigger else step.watch,
        origin=pursuit.hub.clock.monotonic() - age,
        seen=seen.connection,
        verdict=step.verdict,
    )
