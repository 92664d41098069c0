"""
What happens to a wait between two of its requests has an owner.

The trigger is on its way when the caller is cancelled, or its success cannot be read; a pause is
to be given back; the sync that a trigger stops ends late; the first read of a token fails.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest

from fivetran_async import AsyncFivetran, SessionClosedError
from fivetran_async.syncs import SyncOutcome, SyncPolicy
from fivetran_async.testing import FakeFivetran, Fault
from support.waiting import turns, until
from syncs.account_clock import AccountClock

BRIEF = SyncPolicy(history=False)
Start = Callable[[AsyncFivetran, str], Awaitable[SyncOutcome]]


async def by_sync_and_wait(fivetran: AsyncFivetran, connection_id: str) -> SyncOutcome:
    """Wait for one sync."""
    return await fivetran.connections.sync_and_wait(connection_id, policy=BRIEF)


async def by_force(fivetran: AsyncFivetran, connection_id: str) -> SyncOutcome:
    """Stop what runs and wait for a new sync."""
    return await fivetran.connections.sync_and_wait(connection_id, force=True, policy=BRIEF)


async def by_resync(fivetran: AsyncFivetran, connection_id: str) -> SyncOutcome:
    """Wait for a resync."""
    return await fivetran.connections.resync_and_wait(connection_id, policy=BRIEF, confirm=True)


async def by_run_all(fivetran: AsyncFivetran, connection_id: str) -> SyncOutcome:
    """Stop what runs, and wait for many."""
    async with fivetran.syncs.run_all([connection_id], force=True) as outcomes:
        return await anext(outcomes)


@pytest.mark.parametrize("start", [by_sync_and_wait, by_force, by_resync, by_run_all])
async def test_trigger_with_an_unreadable_success_is_sent_once(
    fake: FakeFivetran, fivetran: AsyncFivetran, start: Start
) -> None:
    """
    The trigger was accepted, and its response cannot be read: the record shows the sync.

    Siblings: one sync, a forced one, a resync, `run_all` (which sent the trigger twice); triggers
    of rescheduled syncs and transformations (below).
    """
    connection_id = fake.add_connection()
    operation = "connections.resync" if start is by_resync else "connections.sync"
    fake.fail(operation, fault=Fault.malformed())
    outcome = await start(fivetran, connection_id)
    assert (outcome.status, outcome.triggers) == ("succeeded", 1)
    assert len(fake.requests_for(operation)) == 1


async def test_page_of_a_gateway_is_no_trigger(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A 200 with a web page may come from something in between: the trigger is repeated in time."""
    connection_id = fake.add_connection()
    fake.fail("connections.sync", fault=Fault.html(200))
    outcome = await by_sync_and_wait(fivetran, connection_id)
    assert (outcome.status, outcome.triggers) == ("succeeded", 2)
    assert fake.record("connections", connection_id)["run"] == 1


async def test_another_trigger_with_an_unreadable_success_is_sent_once(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A rescheduled sync is triggered once more, whatever the response looks like."""
    connection_id = fake.add_connection(schedule_type="manual")
    fake.plan_sync(connection_id, "rescheduled", rescheduled_after=60)
    run = await fivetran.connections.start_sync(connection_id, policy=BRIEF)
    fake.fail("connections.sync", fault=Fault.malformed())
    outcome = await run.wait()
    assert (outcome.status, outcome.triggers) == ("succeeded", 2)
    assert len(fake.requests_for("connections.sync")) == 2


async def test_run_of_a_transformation_with_an_unreadable_success(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A transformation that was started is awaited, although the response cannot be read."""
    config = {"package_name": "jira", "connection_ids": [fake.add_connection()]}
    id = fake.add("transformations", type="QUICKSTART", transformation_config=config)
    fake.fail("transformations.run", fault=Fault.malformed())
    outcome = await fivetran.transformations.run_and_wait(id)
    assert outcome.status == "succeeded"
    assert len(fake.requests_for("transformations.run")) == 1


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("by_anyio", [False, True], ids=["asyncio", "anyio"])
@pytest.mark.parametrize("moment", ["trigger", "resume"])
async def test_cancelled_trigger_can_pause(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    moment: str,
    by_anyio: bool,  # noqa: FBT001
    paused: bool,  # noqa: FBT001
) -> None:
    """
    The trigger was accepted when the caller is cancelled, before its response: the sync stops.

    Siblings: a trigger, and the resumption of a paused connection before it; a cancellation by
    asyncio and one by anyio; without `on_cancel` the sync goes on.
    """
    connection_id = fake.add_connection(paused=moment == "resume")
    fake.plan_sync(connection_id, "stuck")
    operation = "connections.update" if moment == "resume" else "connections.sync"
    fake.fail(operation, fault=Fault.hang(applied=True))
    wait = functools.partial(
        fivetran.connections.sync_and_wait,
        connection_id,
        policy=SyncPolicy(if_paused="resume"),
        on_cancel="pause" if paused else "leave",
    )
    if by_anyio:
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await until(lambda: fake.requests_for(operation))
            await turns()
            group.cancel_scope.cancel()
    else:
        waiting = asyncio.ensure_future(wait())
        await until(lambda: fake.requests_for(operation))
        await turns()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert fake.record("connections", connection_id)["paused"] is paused


async def test_cancelled_read_pauses_nothing(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Before the trigger there is no sync to stop."""
    connection_id = fake.add_connection()
    fake.fail("connections.get", fault=Fault.hang())
    waiting = asyncio.ensure_future(
        fivetran.connections.sync_and_wait(connection_id, on_cancel="pause")
    )
    await until(lambda: fake.requests)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert fake.requests_for("connections.update") == []


async def keep_paused(fivetran: AsyncFivetran, connection_id: str, entered: asyncio.Event) -> None:
    """Keep a connection paused for a long time."""
    async with fivetran.syncs.paused(connection_id):
        entered.set()
        await asyncio.sleep(60)


def is_paused(fake: FakeFivetran, connection_id: str) -> bool:
    """The record."""
    return bool(fake.record("connections", connection_id)["paused"])


async def test_pause_is_given_back_when_anyio_cancels(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Where every `await` is cancelled, as in a handler of FastAPI, the connection is resumed."""
    connection_id, entered = fake.add_connection(), asyncio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(keep_paused, fivetran, connection_id, entered)
        await entered.wait()
        group.cancel_scope.cancel()
    assert not is_paused(fake, connection_id)


async def test_pause_is_given_back_however_often_the_task_is_cancelled(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A second cancellation, during the resumption, ends nothing half-way."""
    connection_id, entered = fake.add_connection(), asyncio.Event()
    keeping = asyncio.ensure_future(keep_paused(fivetran, connection_id, entered))
    await entered.wait()
    fake.latency = 0.02
    for _ in range(3):
        keeping.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert not is_paused(fake, connection_id)


async def test_pause_is_given_back_before_the_block(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The task is cancelled before the connection came to rest: it does not stay paused."""
    connection_id = fake.add_connection()
    fake.fail("connections.update", fault=Fault.hang(applied=True))
    keeping = asyncio.ensure_future(keep_paused(fivetran, connection_id, asyncio.Event()))
    await until(lambda: is_paused(fake, connection_id))
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert not is_paused(fake, connection_id)


async def test_resumption_that_fails_hides_no_cancellation(
    fake: FakeFivetran, fivetran: AsyncFivetran, caplog: pytest.LogCaptureFixture
) -> None:
    """The task is cancelled, and the log names the connection that stays paused."""
    connection_id, entered = fake.add_connection(), asyncio.Event()
    keeping = asyncio.ensure_future(keep_paused(fivetran, connection_id, entered))
    await entered.wait()
    fake.fail("connections.update", fault=Fault.status(403))
    keeping.cancel()
    with (
        caplog.at_level(logging.WARNING, "fivetran_async"),
        pytest.raises(asyncio.CancelledError),
    ):
        await keeping
    assert connection_id in caplog.text


async def test_event_of_the_sync_that_a_lost_trigger_was_to_stop_does_not_count(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """
    The trigger never arrived, and the sync that it was to stop succeeds: an event reports that.

    The record doubts such an end, and so does the event.
    """
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "succeeded", duration=30)
    fake.plan_sync(connection_id, "failed", duration=30)
    fake.start_sync(connection_id)
    clock.advance(10)
    fake.fail("connections.sync", fault=Fault.drop("before"))

    def tell() -> None:
        fivetran.syncs.feed(
            {
                "event": "sync_end",
                "connector_id": connection_id,
                "created": fake.clock.stamp(),
                "data": {"status": "SUCCESSFUL"},
            }
        )

    fake.clock.call_later(20.01, tell)
    outcome = await fivetran.connections.sync_and_wait(connection_id, force=True)
    assert (outcome.status, outcome.triggers) == ("failed", 2)


@pytest.mark.parametrize("seen_by", ["polls", "event"])
async def test_sync_that_a_trigger_stops_late_is_not_ours(
    fake: FakeFivetran, fivetran: AsyncFivetran, seen_by: str
) -> None:
    """
    The former sync takes seconds to stop, and ours begins half a minute later: it is awaited.

    Siblings: the former sync is seen running after the trigger, and an event reports its end.
    """
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    fake.plan_sync(connection_id, "succeeded", start_after=60)
    fake.start_sync(connection_id)

    def show(sync_state: str) -> None:
        fake.change("connections", connection_id, sync_state=sync_state)

    def tell() -> None:
        fivetran.syncs.feed(
            {
                "event": "sync_end",
                "connector_id": connection_id,
                "created": fake.clock.stamp(),
                "data": {"status": "CANCELED"},
            }
        )

    run = await fivetran.connections.start_sync(connection_id, force=True, policy=BRIEF)
    if seen_by == "polls":
        show("syncing")
        fake.clock.call_later(12, functools.partial(show, "scheduled"))
    else:
        fake.clock.call_later(12, tell)
    assert (await run.wait()).status == "succeeded"


async def by_resume_wait(fivetran: AsyncFivetran, token: str) -> SyncOutcome:
    """Resume one wait."""
    return await fivetran.resume_wait(token)


async def by_resume_all(fivetran: AsyncFivetran, token: str) -> SyncOutcome:
    """Resume many waits."""
    async with fivetran.syncs.resume_all([token]) as outcomes:
        return await anext(outcomes)


@pytest.mark.parametrize("resume", [by_resume_wait, by_resume_all])
async def test_timeout_goes_on_although_the_first_read_fails(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock, resume: Start
) -> None:
    """A blip while a wait is resumed does not give it all of its time once more."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    policy = SyncPolicy(timeout=600, history=False)
    run = await fivetran.connections.start_sync(connection_id, policy=policy)
    clock.advance(500)
    fake.fail("connections.*", fault=Fault.status(500))
    outcome = await resume(fivetran, run.to_token())
    assert outcome.status == "timed_out"
    assert clock.elapsed < 700


async def test_wait_in_a_hurry_costs_others_no_poll(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A view with a short deadline and one with more time share polls: they get the longer time."""
    hurried = fivetran.with_options(deadline=0.1)
    first, second = fake.add_connection(), fake.add_connection()
    fake.plan_sync(first, "stuck")
    fake.plan_sync(second, duration=20)
    policy = SyncPolicy(timeout=60, history=False)
    runs = [
        await hurried.connections.start_sync(first, policy=policy),
        await fivetran.connections.start_sync(second, policy=policy),
    ]
    fake.latency = 0.2
    stuck, outcome = await asyncio.gather(*(run.wait() for run in runs))
    assert (stuck.status, outcome.status) == ("timed_out", "succeeded")


@pytest.fixture
async def live() -> AsyncIterator[FakeFivetran]:
    """An account that runs by the machine's clock."""
    async with FakeFivetran() as fake:
        yield fake


async def test_caller_without_time_for_a_shared_trigger_has_a_token(live: FakeFivetran) -> None:
    """Of two callers one triggers, and the other one's timeout is shorter: its wait can go on."""
    connection_id = live.add_connection()
    live.sync_duration = 1.5
    live.fail("connections.sync", fault=Fault.hang(applied=True))
    async with live.client() as fivetran:
        sync_and_wait = fivetran.connections.sync_and_wait
        patient = asyncio.ensure_future(sync_and_wait(connection_id, timeout=60))
        await until(lambda: live.requests_for("connections.sync"))
        outcome = await sync_and_wait(connection_id, timeout=0.3)
        assert (outcome.status, outcome.triggers) == ("timed_out", 1)
        assert outcome.token is not None
        patient.cancel()
        assert (await fivetran.resume_wait(outcome.token, timeout=30)).status == "succeeded"
    assert len(live.requests_for("connections.sync")) == 1


async def test_closing_gives_every_caller_of_a_shared_trigger_a_token(live: FakeFivetran) -> None:
    """The session is closed while one trigger is sent for three callers."""
    connection_id = live.add_connection()
    live.fail("connections.sync", fault=Fault.hang(applied=True))
    fivetran = live.client()
    waiting = [
        asyncio.ensure_future(fivetran.connections.sync_and_wait(connection_id)) for _ in range(3)
    ]
    await until(lambda: live.requests_for("connections.sync"))
    await fivetran.aclose()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in errors] == [SessionClosedError] * 3
    tokens = {error.token for error in errors if isinstance(error, SessionClosedError)}
    assert None not in tokens


async def test_wait_without_a_trigger_times_out_in_its_first_read(live: FakeFivetran) -> None:
    """Every wait ends with an outcome, also one that never read the connection."""
    connection_id = live.add_connection()
    live.fail("connections.get", fault=Fault.hang(), times=None)
    async with live.client() as fivetran:
        outcome = await fivetran.connections.wait_for_sync(connection_id, timeout=0.3)
    assert (outcome.status, outcome.triggers, outcome.token) == ("timed_out", 0, None)
    assert outcome.reason == "Timed out after 0.3 s, before the connection was read."
