"""Awaited syncs and polls as activities: what hooks hear of them."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from fivetran_async import AsyncFivetran, Hooks, NotFoundError
from fivetran_async.events import ActivityEndEvent, ActivityStartEvent, CallStartEvent
from fivetran_async.syncs import SyncPolicy
from fivetran_async.testing import FakeFivetran, Fault
from support.waiting import until

POLICY = SyncPolicy(timeout=4 * 3600, min_interval=30, max_interval=30, history=False)


class HeardActivities:
    """Keeps the events of calls and activities."""

    def __init__(self) -> None:
        self.starts: list[ActivityStartEvent] = []
        self.ends: list[ActivityEndEvent] = []
        self.calls: list[CallStartEvent] = []
        self.hooks = Hooks(
            on_activity_start=self.starts.append,
            on_activity_end=self.ends.append,
            on_call_start=self.calls.append,
        )

    def ended(self, kind: str) -> list[ActivityEndEvent]:
        """Return the ends of one kind of activity."""
        return [end for end in self.ends if end.kind == kind]

    def operations(self, activity_id: str) -> list[str]:
        """Return the operations of the calls of one activity."""
        return [call.operation for call in self.calls if call.activity_id == activity_id]


@pytest.fixture
def heard() -> HeardActivities:
    """What the hooks heard."""
    return HeardActivities()


@pytest.fixture
def observed(fivetran: AsyncFivetran, heard: HeardActivities) -> AsyncFivetran:
    """The session with hooks."""
    return fivetran.with_options(hooks=heard.hooks)


async def test_a_sync_and_its_polls(
    fake: FakeFivetran, observed: AsyncFivetran, heard: HeardActivities
) -> None:
    """The sync reads and triggers; polls are caused by it, and the last one ended it."""
    connection_id = fake.add_connection()
    outcome = await observed.connections.sync_and_wait(connection_id, policy=POLICY)
    (sync,) = heard.ended("sync")
    assert (sync.outcome, sync.connection_id, sync.error) == ("succeeded", connection_id, None)
    assert sync.outcome == outcome.status
    assert sync.seconds > 60
    assert heard.operations(sync.activity_id) == ["connections.get", "connections.sync"]
    polls = heard.ended("poll")
    assert len(polls) > 1
    for poll in polls:
        assert (poll.caused_by, poll.parent_id) == ((sync.activity_id,), None)
        assert (poll.outcome, poll.error) == ("success", None)
        assert heard.operations(poll.activity_id) == ["connections.get"]
    assert sync.ended_by == polls[-1].activity_id


async def test_the_history_belongs_to_the_sync(
    fake: FakeFivetran, observed: AsyncFivetran, heard: HeardActivities
) -> None:
    """What is read of the sync history after the end is part of the sync."""
    await observed.connections.sync_and_wait(fake.add_connection())
    (sync,) = heard.ended("sync")
    assert heard.operations(sync.activity_id)[-1] == "connections.list_sync_history"


async def test_many_syncs_by_outcome(
    fake: FakeFivetran, observed: AsyncFivetran, heard: HeardActivities
) -> None:
    """Each sync of `run_all` is an activity with its own end; one poll serves several."""
    ids = [fake.add_connection() for _ in range(3)]
    ids += [fake.add_connection(paused=True), "no_such_connection"]
    async with observed.syncs.run_all(ids, policy=POLICY) as outcomes:
        found = {outcome.connection_id: outcome.status async for outcome in outcomes}
    syncs = heard.ended("sync")
    assert {str(sync.connection_id): sync.outcome for sync in syncs} == found
    assert Counter(found.values()) == {"succeeded": 3, "paused": 1, "not_run": 1}
    failed = next(sync for sync in syncs if sync.connection_id == "no_such_connection")
    assert isinstance(failed.error, NotFoundError)
    assert len({sync.ended_by for sync in syncs if sync.outcome == "succeeded"}) == 1
    assert max(len(poll.caused_by) for poll in heard.ended("poll")) == 3
    assert len(heard.starts) == len(heard.ends)


async def test_syncs_that_are_left_end(
    fake: FakeFivetran, observed: AsyncFivetran, heard: HeardActivities
) -> None:
    """Leaving the block of `run_all`, or cancelling a wait, ends its activities as left."""
    ids = [fake.add_connection() for _ in range(2)]
    async with observed.syncs.run_all(ids, policy=POLICY) as outcomes:
        await until(lambda: outcomes.progress.to_start == 0)
    assert [sync.outcome for sync in heard.ended("sync")] == ["left", "left"]
    fake.latency = 60.0
    task = asyncio.create_task(observed.connections.sync_and_wait(ids[0], policy=POLICY))
    await until(lambda: fake.in_flight)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [sync.outcome for sync in heard.ended("sync")[2:]] == ["left"]


async def test_failures_end_activities(
    fake: FakeFivetran, observed: AsyncFivetran, heard: HeardActivities
) -> None:
    """A poll that fails ends no sync; a second wait counts no second sync; errors are ends."""
    connection_id = fake.add_connection()
    run = await observed.connections.start_sync(connection_id, policy=POLICY)
    fake.fail("connections.get", fault=Fault.status(503))
    assert (await run.wait()).succeeded
    assert (await run.wait()).succeeded
    assert [sync.outcome for sync in heard.ended("sync")] == ["succeeded"], "one activity for one"
    assert len(heard.ended("poll")) > 1
    with pytest.raises(NotFoundError) as caught:
        await observed.connections.sync_and_wait("no_such_connection")
    sync = heard.ended("sync")[-1]
    assert (sync.outcome, sync.error) == ("error", caught.value)


async def test_a_webhook_ends_a_sync(
    fake: FakeFivetran, observed: AsyncFivetran, heard: HeardActivities
) -> None:
    """A sync that an event ended was ended by no poll."""
    connection_id = fake.add_connection()
    run = await observed.connections.start_sync(connection_id, policy=POLICY)
    waiting = asyncio.create_task(run.wait())
    await asyncio.sleep(0)
    event = {
        "event": "sync_end",
        "created": fake.clock.stamp(),
        "connector_id": connection_id,
        "data": {"status": "SUCCESSFUL"},
    }
    assert observed.syncs.feed(event)
    await waiting
    (sync,) = heard.ended("sync")
    assert sync.outcome == "succeeded"


async def test_syncs_belong_to_their_fan_out(
    fake: FakeFivetran, observed: AsyncFivetran, heard: HeardActivities
) -> None:
    """A sync in a fan-out is a part of it; the polls are not, as they serve all waits."""
    ids = [fake.add_connection() for _ in range(2)]

    async def sync(connection_id: str) -> str:
        outcome = await observed.connections.sync_and_wait(connection_id, policy=POLICY)
        return outcome.status

    async with observed.fan_out(ids, sync) as results:
        assert [status async for _, status in results] == ["succeeded"] * 2
    fan_out = heard.ended("fan_out")[0]
    assert {sync.parent_id for sync in heard.ended("sync")} == {fan_out.activity_id}
    assert {poll.parent_id for poll in heard.ended("poll")} == {None}
