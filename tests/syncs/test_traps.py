"""The ten ways in which other clients got the end of a sync wrong, one by one."""

from __future__ import annotations

import functools

import pytest

from fivetran_async import AsyncFivetran
from fivetran_async.syncs import SyncPolicy
from fivetran_async.testing import FakeFivetran
from syncs.account_clock import AccountClock


def triggers(fake: FakeFivetran) -> int:
    """The number of triggers."""
    return len(fake.requests_for("connections.sync"))


async def test_1_rescheduled_sync_on_a_manual_schedule_is_triggered_again(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Neither time moves and it never runs by itself: when it is due, it is triggered once more."""
    connection_id = fake.add_connection(schedule_type="manual")
    fake.plan_sync(connection_id, "rescheduled", rescheduled_after=900)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert (outcome.status, outcome.triggers, triggers(fake)) == ("succeeded", 2, 2)


async def test_1_rescheduled_sync_on_an_automatic_schedule_is_waited_for(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The schedule reruns it: one trigger is enough."""
    connection_id = fake.add_connection(schedule_type="auto")
    fake.plan_sync(connection_id, "rescheduled", rescheduled_after=900)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert (outcome.status, outcome.triggers, triggers(fake)) == ("succeeded", 1, 1)


@pytest.mark.parametrize("schedule_type", ["auto", "manual"])
async def test_1_rescheduled_can_be_returned(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock, schedule_type: str
) -> None:
    """By policy the wait ends at once, long before the sync is due."""
    connection_id = fake.add_connection(schedule_type=schedule_type)
    fake.plan_sync(connection_id, "rescheduled", rescheduled_after=900)
    outcome = await fivetran.connections.sync_and_wait(
        connection_id, policy=SyncPolicy(if_rescheduled="return")
    )
    assert outcome.status == "rescheduled"
    assert clock.elapsed < 90


async def test_2_canceled_sync_is_not_waited_for(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """It ran, it runs no longer, and neither time moved."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "canceled")
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert outcome.status == "not_run"
    assert clock.elapsed < 60 + 60


async def test_2_sync_that_never_begins_is_not_waited_for(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """A trigger that was accepted and forgotten counts as not run after the start timeout."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "never_starts")
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert outcome.status == "not_run"
    assert 300 <= clock.elapsed < 330


async def test_2_sync_that_hangs_times_out(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """A sync without end is awaited until the timeout."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    outcome = await fivetran.connections.sync_and_wait(connection_id, timeout=7200)
    assert outcome.status == "timed_out"
    assert clock.elapsed == pytest.approx(7200, abs=1)


@pytest.mark.parametrize("end", ["succeeded", "failed"])
@pytest.mark.parametrize("last", ["succeeded_at", "failed_at"])
async def test_3_each_time_has_its_own_baseline(
    fake: FakeFivetran, fivetran: AsyncFivetran, end: str, last: str
) -> None:
    """Whether the last sync failed or not, this one is judged by the time that moves now."""
    times = {"succeeded_at": "2026-01-01T00:00:00.000001Z", "failed_at": "2026-01-02T00:00:00Z"}
    connection_id = fake.add_connection(**(times | {last: "2026-01-03T00:00:00.5Z"}))
    fake.plan_sync(connection_id, end)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert outcome.status == end
    assert outcome.finished_at
    assert outcome.finished_at.year > 2025


@pytest.mark.parametrize("skew", [-7200.0, 0.0, 7200.0, 10 * 365 * 86_400.0])
async def test_4_clocks_of_this_machine_do_not_matter(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock, skew: float
) -> None:
    """Hours or years wrong, on a connection that never synced: the outcome is right."""
    clock.step_wall(skew)
    connection_id = fake.add_connection()
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert outcome.status == "succeeded"


async def test_4_sync_that_is_over_before_the_first_look_is_not_missed(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """One poll is enough, for the end is after the trigger was accepted."""
    connection_id = fake.add_connection(succeeded_at="2026-01-01T00:00:00Z")
    fake.plan_sync(connection_id, duration=1.05)
    outcome = await fivetran.connections.sync_and_wait(
        connection_id, policy=SyncPolicy(history=False)
    )
    assert outcome.status == "succeeded"
    assert [request.operation for request in fake.requests] == [
        "connections.get",
        "connections.sync",
        "connections.get",
    ]
    assert clock.elapsed < 10


async def test_5_paused_connection_is_not_triggered(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """A trigger would be accepted and do nothing: the outcome is there at once."""
    connection_id = fake.add_connection(paused=True)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert (outcome.status, outcome.triggers, triggers(fake)) == ("paused", 0, 0)
    assert clock.elapsed == 0


async def test_5_paused_connection_can_be_resumed_first(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """By policy it runs; no setup tests do."""
    connection_id = fake.add_connection(paused=True)
    outcome = await fivetran.connections.sync_and_wait(
        connection_id, policy=SyncPolicy(if_paused="resume")
    )
    assert (outcome.status, triggers(fake)) == ("succeeded", 1)
    assert fake.record("connections", connection_id)["paused"] is False
    (resumed,) = fake.requests_for("connections.update")
    assert b'"run_setup_tests":false' in resumed.body_bytes.replace(b" ", b"")


async def test_5_connection_that_is_paused_meanwhile_ends_the_wait(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Pausing stops the sync; neither time moves any more."""
    connection_id = fake.add_connection()
    run = await fivetran.connections.start_sync(connection_id)
    await fivetran.connections.pause(connection_id)
    assert (await run.wait()).status == "paused"


async def test_6_broken_connection_is_not_triggered(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The outcome distinguishes setup from sync, and has the task that is to be done."""
    tasks = [{"code": "reconnect", "message": "Reconnect"}]
    connection_id = fake.add_connection(setup_state="broken", tasks=tasks)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert (outcome.status, triggers(fake)) == ("broken", 0)
    assert [task.code for task in outcome.tasks] == ["reconnect"]
    assert "Reconnect" in outcome.reason


async def test_6_broken_connection_that_was_repaired_is_cleared_by_a_sync(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Setup tests do not clear what a failed sync broke; a forced sync does."""
    tasks = [{"code": "reconnect", "message": "Reconnect"}]
    connection_id = fake.add_connection(setup_state="broken", tasks=tasks)
    outcome = await fivetran.connections.sync_and_wait(
        connection_id, force=True, policy=SyncPolicy(if_broken="sync")
    )
    assert outcome.status == "succeeded"
    assert outcome.connection
    assert outcome.connection.is_connected


async def test_6_sync_that_breaks_the_connection_is_broken_not_failed(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A failed sync and a broken setup are two things."""
    outcomes = {}
    for end in ("failed", "broken"):
        connection_id = fake.add_connection()
        fake.plan_sync(connection_id, end)
        outcomes[end] = (await fivetran.connections.sync_and_wait(connection_id)).status
    assert outcomes == {"failed": "failed", "broken": "broken"}


async def test_7_running_sync_is_joined_and_says_so(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """What began before the trigger ends the wait, and is reported as joined."""
    connection_id = fake.add_connection()
    fake.start_sync(connection_id)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert (outcome.status, outcome.joined) == ("succeeded", True)
    assert fake.record("connections", connection_id)["run"] == 1


async def test_7_forced_sync_is_not_joined(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Forced, the running sync is stopped, and its end does not count."""
    connection_id = fake.add_connection()
    fake.start_sync(connection_id)
    outcome = await fivetran.connections.sync_and_wait(connection_id, force=True)
    assert (outcome.status, outcome.joined) == ("succeeded", False)
    assert outcome.sync_id == fake.record("connections", connection_id)["sync_id"]


@pytest.mark.parametrize("nothing", [None, "null", ""])
async def test_8_first_sync_has_no_times_to_compare_with(
    fake: FakeFivetran, fivetran: AsyncFivetran, nothing: str | None
) -> None:
    """Before the first sync both times are null, or the text `null`."""
    connection_id = fake.add_connection(succeeded_at=nothing, failed_at=nothing)
    fake.plan_sync(connection_id, "failed")
    assert (await fivetran.connections.sync_and_wait(connection_id)).status == "failed"


@pytest.mark.parametrize("stamp", ["2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00.123000Z"])
async def test_8_precision_of_times_is_no_movement(
    fake: FakeFivetran, fivetran: AsyncFivetran, stamp: str
) -> None:
    """The same time with more digits is the same time: the sync that hangs is not done."""
    connection_id = fake.add_connection(succeeded_at=stamp)
    fake.plan_sync(connection_id, "stuck")
    run = await fivetran.connections.start_sync(connection_id)
    fake.change("connections", connection_id, succeeded_at="2026-01-01T00:00:00.123456Z")
    assert (await run.wait(timeout=600)).status == "timed_out"


def told(fake: FakeFivetran, connection_id: str, status: str) -> dict[str, object]:
    """A webhook event about the end of a sync, just now."""
    return {
        "event": "sync_end",
        "connector_id": connection_id,
        "created": fake.clock.stamp(after=2),
        "data": {"status": status},
    }


async def test_9_failure_that_the_vendor_repeats_is_not_the_end(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A failure is reported, the sync runs on, a success is reported: it succeeded."""
    connection_id = fake.add_connection()
    fake.sync_duration = 120
    heard: list[bool] = []

    def fail_for_now() -> None:
        fake.change("connections", connection_id, failed_at=fake.clock.stamp())
        heard.append(fivetran.syncs.feed(told(fake, connection_id, "FAILURE")))

    fake.clock.call_later(30, fail_for_now)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert (heard, outcome.status) == ([True], "succeeded")


async def test_10_of_the_statuses_of_webhooks_only_success_needs_no_look(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """While a sync runs, the record decides, not the events, except for a success."""
    connection_id = fake.add_connection()
    fake.sync_duration = 3600

    def hear(status: str) -> None:
        fivetran.syncs.feed(told(fake, connection_id, status))

    statuses = ["FAILURE", "FAILURE_WITH_TASK", "FAILED", "RESCHEDULED", "CANCELED", "NO_STATUS"]
    for number, status in enumerate([*statuses, "SUCCESSFUL"], 1):
        fake.clock.call_later(100 * number, functools.partial(hear, status))
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert outcome.status == "succeeded"
    assert 700 <= clock.elapsed < 780
