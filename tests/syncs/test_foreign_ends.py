"""
The sync that an end belongs to: a case for each way in which another sync's end was reported.

All of them have one kind: a state is read, time passes, and it is acted on. Random ones together:
tests/matrix/test_waits.py.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from fivetran_async import AsyncFivetran, Hooks, RequestEvent
from fivetran_async.syncs import SyncOutcome, SyncPolicy
from fivetran_async.testing import FakeFivetran, Fault
from syncs.account_clock import AccountClock

WITHOUT_HISTORY = SyncPolicy(history=False)
PAST = "2026-01-02T03:04:05.678Z"


class Gap:
    """What happens in the account between the first read and the trigger."""

    def __init__(self, clock: AccountClock) -> None:
        self.clock = clock
        self.happens: Callable[[], None] = lambda: None

    def before_request(self, event: RequestEvent) -> None:
        """Let it happen, once, just before the trigger is sent."""
        if event.verb == "POST":
            happens, self.happens = self.happens, lambda: None
            happens()


@pytest.fixture
def gap(clock: AccountClock) -> Gap:
    """What happens between the first read and the trigger: nothing by default."""
    return Gap(clock)


@pytest.fixture
async def fivetran(
    fake: FakeFivetran, clock: AccountClock, gap: Gap
) -> AsyncIterator[AsyncFivetran]:
    """A session with the account; things happen before its triggers."""
    hooks = Hooks(on_request=gap.before_request)
    async with fake.client(_clock=clock, rate_limits=None, hooks=hooks) as fivetran:
        yield fivetran


def foreign_sync(
    fake: FakeFivetran, clock: AccountClock, connection_id: str, *, after: float = 0.0
) -> None:
    """Let a sync of the schedule run and succeed, and time pass until the next second."""
    fake.start_sync(connection_id)
    clock.advance(30.0)
    clock.advance(after or 1.0 - fake.clock.time() % 1.0 + 0.1)


def planned(fake: FakeFivetran, clock: AccountClock, gap: Gap, **fields: Any) -> str:  # noqa: ANN401
    """A connection: a scheduled sync succeeds in the gap, and the triggered one fails."""
    connection_id = fake.add_connection(**fields)
    fake.plan_sync(connection_id, "succeeded", duration=30)
    fake.plan_sync(connection_id, "failed", start_after=20, duration=60, reason="disk full")
    gap.happens = functools.partial(foreign_sync, fake, clock, connection_id)
    return connection_id


async def by_sync_and_wait(fivetran: AsyncFivetran, connection_id: str) -> SyncOutcome:
    """Wait for one sync."""
    return await fivetran.connections.sync_and_wait(connection_id, policy=WITHOUT_HISTORY)


async def by_force(fivetran: AsyncFivetran, connection_id: str) -> SyncOutcome:
    """Stop what runs and wait for a new sync."""
    return await fivetran.connections.sync_and_wait(
        connection_id, force=True, policy=WITHOUT_HISTORY
    )


async def by_resync(fivetran: AsyncFivetran, connection_id: str) -> SyncOutcome:
    """Wait for a resync."""
    return await fivetran.connections.resync_and_wait(
        connection_id, policy=WITHOUT_HISTORY, confirm=True
    )


async def by_run_all(fivetran: AsyncFivetran, connection_id: str) -> SyncOutcome:
    """Wait for many: their records are read together before the first trigger."""
    async with fivetran.syncs.run_all([connection_id]) as outcomes:
        return await anext(outcomes)


async def by_run(fivetran: AsyncFivetran, connection_id: str) -> SyncOutcome:
    """Trigger first, and wait later."""
    run = await fivetran.connections.start_sync(connection_id, policy=WITHOUT_HISTORY)
    return await run.wait()


async def by_token(fivetran: AsyncFivetran, connection_id: str) -> SyncOutcome:
    """Trigger in one process, and wait in another."""
    run = await fivetran.connections.start_sync(connection_id, policy=WITHOUT_HISTORY)
    return await fivetran.resume_wait(run.to_token())


async def by_two_callers(fivetran: AsyncFivetran, connection_id: str) -> SyncOutcome:
    """Share one trigger with another caller."""
    first, second = await asyncio.gather(
        by_sync_and_wait(fivetran, connection_id), by_sync_and_wait(fivetran, connection_id)
    )
    assert first.finished_at == second.finished_at
    return second


WAYS = [by_sync_and_wait, by_force, by_resync, by_run_all, by_run, by_token, by_two_callers]


@pytest.mark.parametrize("wait", WAYS)
@pytest.mark.parametrize("past", [{}, {"succeeded_at": PAST}], ids=["first sync", "synced before"])
async def test_sync_that_ends_before_the_trigger_does_not_count(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    gap: Gap,
    wait: Callable[[AsyncFivetran, str], Any],
    past: dict[str, str],
) -> None:
    """
    A success between the first read and the trigger is not reported while the own sync fails.

    Siblings: `sync_and_wait`, `force`, resync, `run_all`, `start_sync`, tokens, callers that share
    a trigger (here); events, re-triggers, `wait_for_sync` and transformations (below).
    """
    outcome = await wait(fivetran, planned(fake, gap.clock, gap, **past))
    assert (outcome.status, outcome.triggers) == ("failed", 1)


@pytest.mark.parametrize("fault", [429, 503])
async def test_gap_of_a_retried_trigger(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran, fault: int
) -> None:
    """A trigger that is retried after 40 s is accepted then, and not when it was first sent."""
    connection_id = fake.add_connection(succeeded_at=PAST)
    fake.plan_sync(connection_id, "succeeded", duration=10)
    fake.plan_sync(connection_id, "failed", start_after=20)
    limited = Fault.status(fault, headers={"Retry-After": "40"})
    fake.fail("connections.sync", fault=limited)
    fake.clock.call_later(5, lambda: fake.start_sync(connection_id))
    assert (await by_sync_and_wait(fivetran, connection_id)).status == "failed"
    assert clock.elapsed > 40


async def test_sync_that_breaks_the_connection_before_the_trigger_does_not_count(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran, gap: Gap
) -> None:
    """The connection is broken when the trigger is accepted, and the own sync mends it."""
    connection_id = fake.add_connection(succeeded_at=PAST)
    fake.plan_sync(connection_id, "broken", duration=30)
    fake.plan_sync(connection_id, "succeeded", start_after=40)
    gap.happens = functools.partial(foreign_sync, fake, clock, connection_id)
    assert (await by_sync_and_wait(fivetran, connection_id)).status == "succeeded"


async def test_sync_that_is_rescheduled_before_the_trigger_does_not_count(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran, gap: Gap
) -> None:
    """The record is rescheduled when the trigger is accepted, and the own sync begins later."""
    connection_id = fake.add_connection(succeeded_at=PAST, schedule_type="manual")
    fake.plan_sync(connection_id, "succeeded", start_after=20)

    def put_off() -> None:
        clock.advance(10)
        when = fake.clock.stamp(after=9000)
        fake.change("connections", connection_id, rescheduled_for=when, sync_state="rescheduled")
        fake.clock.call_later(
            0.01,
            lambda: fake.change(
                "connections", connection_id, rescheduled_for=when, sync_state="rescheduled"
            ),
        )

    gap.happens = put_off
    policy = SyncPolicy(if_rescheduled="return", history=False)
    outcome = await fivetran.connections.sync_and_wait(connection_id, policy=policy)
    assert outcome.status == "succeeded"


async def test_run_that_was_joined_at_the_first_read_may_end_before_the_trigger(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran, gap: Gap
) -> None:
    """What was running is over when the trigger is accepted: a new sync begins, and counts."""
    connection_id = fake.add_connection(succeeded_at=PAST)
    fake.plan_sync(connection_id, "succeeded", duration=30)
    fake.plan_sync(connection_id, "failed", start_after=40)
    fake.start_sync(connection_id)
    gap.happens = lambda: clock.advance(45)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert (outcome.status, outcome.joined) == ("failed", False)


@pytest.mark.parametrize(("history", "joined"), [(True, True), (False, None)])
async def test_run_that_the_trigger_meets_counts(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    gap: Gap,
    history: bool,  # noqa: FBT001
    joined: bool | None,  # noqa: FBT001
) -> None:
    """A sync that began after the first read and runs when the trigger comes is the one."""
    connection_id = fake.add_connection(succeeded_at=PAST)

    def begin() -> None:
        fake.start_sync(connection_id)
        gap.clock.advance(20)

    gap.happens = begin
    policy = SyncPolicy(history=history)
    outcome = await fivetran.connections.sync_and_wait(connection_id, policy=policy)
    assert (outcome.status, outcome.joined) == ("succeeded", joined)
    assert len(fake.record("connections", connection_id)["sync_id"]) > 0


async def second_of_the_trigger(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran, gap: Gap
) -> SyncOutcome:
    """Wait where a sync of others succeeds 0.2 s before the trigger, and the own one fails."""
    connection_id = fake.add_connection(succeeded_at=PAST)
    fake.plan_sync(connection_id, "succeeded", duration=30)
    fake.plan_sync(connection_id, "failed", start_after=20)

    def end_just_before() -> None:
        clock.advance(1.0 - fake.clock.time() % 1.0 + 0.5)
        fake.start_sync(connection_id)
        clock.advance(30.2)

    gap.happens = end_just_before
    return await fivetran.connections.sync_and_wait(connection_id)


async def test_history_decides_in_the_second_of_the_trigger(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran, gap: Gap
) -> None:
    """`Date` has no fractions: the starts of the syncs distinguish two ends of one second."""
    outcome = await second_of_the_trigger(fake, clock, fivetran, gap)
    assert outcome.status == "failed"
    assert outcome.sync_id == fake.record("connections", outcome.connection_id)["sync_id"]


async def test_wait_goes_on_in_the_second_of_the_trigger(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran, gap: Gap
) -> None:
    """Without the history the end of that second is not believed, and the own one is seen."""
    fake.fail("connections.list_sync_history", fault=Fault.status(404), times=None)
    assert (await second_of_the_trigger(fake, clock, fivetran, gap)).status == "failed"


@pytest.mark.parametrize("history", [True, False])
async def test_sync_within_the_second_of_its_trigger(
    fake: FakeFivetran,
    clock: AccountClock,
    fivetran: AsyncFivetran,
    history: bool,  # noqa: FBT001
) -> None:
    """The history shows that it began after; without, the outcome gives the reason of its doubt."""
    connection_id = fake.add_connection(succeeded_at=PAST)
    fake.plan_sync(connection_id, "succeeded", duration=0.2)
    clock.advance(1.0 - fake.clock.time() % 1.0 + 0.1)
    if not history:
        fake.fail("connections.list_sync_history", fault=Fault.status(404), times=None)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    if history:
        assert (outcome.status, outcome.joined) == ("succeeded", False)
        assert clock.elapsed < 30
    else:
        assert outcome.status == "not_run"
        assert "in the second in which the trigger was accepted" in outcome.reason


async def test_run_that_ends_in_the_second_of_the_trigger_is_joined(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran
) -> None:
    """It ended 0.3 s after the trigger, and nothing began since: the history shows that."""
    connection_id = fake.add_connection(succeeded_at=PAST)
    clock.advance(1.0 - fake.clock.time() % 1.0 + 0.1)
    fake.plan_sync(connection_id, "succeeded", duration=30.3)
    fake.start_sync(connection_id)
    clock.advance(30)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert (outcome.status, outcome.joined) == ("succeeded", True)


async def test_old_end_is_not_a_success_where_the_first_record_had_none(
    fake: FakeFivetran, fivetran: AsyncFivetran, gap: Gap
) -> None:
    """Records may lack a time: an old end that shows up later does not end this sync."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "failed", start_after=20)
    gap.happens = lambda: fake.change("connections", connection_id, succeeded_at=PAST)
    assert (await by_sync_and_wait(fivetran, connection_id)).status == "failed"


async def test_history_tells_which_of_two_ends_is_ours(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran
) -> None:
    """Another sync fails before the poll: the record shows that, the history our success."""
    connection_id = fake.add_connection(succeeded_at=PAST)
    fake.plan_sync(connection_id, "succeeded", duration=10)
    fake.plan_sync(connection_id, "failed", duration=10)
    clock.advance(1.0 - fake.clock.time() % 1.0 + 0.1)
    policy = SyncPolicy(min_interval=900, max_interval=900)
    fake.clock.call_later(100, lambda: fake.start_sync(connection_id))
    outcome = await fivetran.connections.sync_and_wait(connection_id, policy=policy)
    assert outcome.status == "succeeded"
    ours = fake._account.collection("sync_history").where("connection_id", connection_id)[0]
    assert outcome.sync_id == ours["sync_id"]


def event(connection_id: str, created: str, status: str = "SUCCESSFUL") -> dict[str, object]:
    """A webhook event about the end of a sync."""
    return {
        "event": "sync_end",
        "connector_id": connection_id,
        "created": created,
        "data": {"status": status},
    }


@pytest.mark.parametrize("status", ["SUCCESSFUL", "FAILURE", "CANCELED", "RESCHEDULED"])
async def test_event_of_a_sync_before_the_trigger_does_not_count(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran, gap: Gap, status: str
) -> None:
    """An event from between the first read and the trigger comes late, and changes nothing."""
    connection_id = fake.add_connection(succeeded_at=PAST)
    end = "failed" if status == "SUCCESSFUL" else "succeeded"
    fake.plan_sync(connection_id, end, start_after=60)
    created: list[str] = []

    def pass_time() -> None:
        clock.advance(20)
        created.append(fake.clock.stamp())
        clock.advance(20)

    gap.happens = pass_time
    run = await fivetran.connections.start_sync(connection_id, policy=WITHOUT_HISTORY)
    late = event(connection_id, created[0], status)

    def tell() -> None:
        fivetran.syncs.feed(late)

    for seconds in (7, 50):
        fake.clock.call_later(seconds, tell)
    assert (await run.wait()).status == end


async def test_end_between_the_last_poll_and_another_trigger_does_not_count(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran, gap: Gap
) -> None:
    """A sync of others succeeds while a rescheduled one is being triggered: ours fails."""
    connection_id = fake.add_connection(succeeded_at=PAST, schedule_type="manual")
    fake.plan_sync(connection_id, "rescheduled", duration=30, rescheduled_after=60)
    fake.plan_sync(connection_id, "succeeded", duration=30)
    fake.plan_sync(connection_id, "failed", start_after=40)
    run = await fivetran.connections.start_sync(connection_id, policy=WITHOUT_HISTORY)
    gap.happens = functools.partial(foreign_sync, fake, clock, connection_id)
    outcome = await run.wait()
    assert (outcome.status, outcome.triggers) == ("failed", 2)


async def test_wait_since_a_record_waits_for_what_runs(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran
) -> None:
    """Since the record one sync ended and another one runs: the outcome is that of the latter."""
    connection_id = fake.add_connection(succeeded_at=PAST)
    since = await fivetran.connections.get(connection_id)
    fake.plan_sync(connection_id, "succeeded", duration=30)
    fake.plan_sync(connection_id, "failed", duration=30)
    foreign_sync(fake, clock, connection_id)
    fake.start_sync(connection_id)
    outcome = await fivetran.connections.wait_for_sync(connection_id, since=since)
    assert outcome.status == "failed"


async def test_wait_since_half_a_record_takes_no_old_end(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A record without a state, as of an event, proves nothing about earlier ends."""
    connection_id = fake.add_connection(succeeded_at=PAST)
    since = type(await fivetran.connections.get(connection_id))(id=connection_id)
    outcome = await fivetran.connections.wait_for_sync(connection_id, since=since, timeout=600)
    assert outcome.status == "timed_out"


async def test_poll_that_was_sent_before_the_trigger_proves_nothing(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran
) -> None:
    """A record that was read before the trigger and arrives after it is not taken for a poll."""
    connection_id = fake.add_connection(succeeded_at=PAST)
    spectator = asyncio.ensure_future(fivetran.connections.wait_for_sync(connection_id))
    fake.plan_sync(connection_id, "failed", start_after=40)
    outcome = await by_sync_and_wait(fivetran, connection_id)
    assert outcome.status == "failed"
    assert (await spectator).status == "failed"
    assert clock.elapsed < 300


def transformation(fake: FakeFivetran, **fields: Any) -> str:  # noqa: ANN401
    """Add a transformation."""
    config = {"package_name": "jira", "connection_ids": [fake.add_connection()]}
    return fake.add("transformations", type="QUICKSTART", transformation_config=config, **fields)


ACCEPTED = Fault.status(200, body={"code": "Success", "message": "OK"})
UNREADABLE = Fault.status(200, body=b"{")


@pytest.mark.parametrize("response", [ACCEPTED, Fault.drop("before"), UNREADABLE])
@pytest.mark.parametrize("status", ["SUCCEEDED", "RUNNING"])
async def test_run_that_ends_before_the_trigger_does_not_count(  # noqa: PLR0917
    fake: FakeFivetran,
    clock: AccountClock,
    fivetran: AsyncFivetran,
    gap: Gap,
    status: str,
    response: Fault,
) -> None:
    """
    A transformation that succeeds between the first read and the trigger fails afterwards.

    Siblings: triggers with a response that is lost, or that cannot be read.
    """
    transformation_id = transformation(fake, status=status)
    fake.fail("transformations.run", fault=response)

    def change(**fields: object) -> None:
        fake.change("transformations", transformation_id, **fields)

    def run_in_the_gap() -> None:
        clock.advance(10)
        ended = fake.clock.stamp(digits=3)
        change(status="SUCCEEDED", last_started_at=PAST, last_ended_at=ended)
        clock.advance(10)

    def begin() -> None:
        change(status="RUNNING", last_started_at=fake.clock.stamp(digits=3))

    def fail() -> None:
        change(status="FAILED", last_ended_at=fake.clock.stamp(digits=3))

    gap.happens = run_in_the_gap
    fake.clock.call_later(60, begin)
    fake.clock.call_later(100, fail)
    outcome = await fivetran.transformations.run_and_wait(transformation_id)
    assert (outcome.status, outcome.joined) == ("failed", False)


async def test_setup_tests_that_are_cut_off_are_not_judged_by_an_old_state(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A connection that was connected before is retested when its tests are cut off."""
    connection_id = fake.add_connection(setup_state="connected")
    fake.fail("connections.run_setup_tests", fault=Fault.drop("before"))
    connection = await fivetran.connections.test_until_connected(connection_id)
    assert connection.setup_tests
    assert len(fake.requests_for("connections.run_setup_tests")) == 2
