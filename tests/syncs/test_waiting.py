"""One awaited sync: failures on the way, tokens, callers in company, cancellation, webhooks."""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import weakref
from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest

from fivetran_async import (
    AsyncFivetran,
    AuthenticationError,
    ConfirmationRequiredError,
    ConflictError,
    FivetranError,
    Hooks,
    InvalidArgumentError,
    InvalidRequestError,
    NotFoundError,
    RequestEvent,
    RetryPolicy,
    SessionClosedError,
)
from fivetran_async.syncs import SyncFailedError, SyncOutcome, SyncPolicy
from fivetran_async.syncs._hub import hub_of
from fivetran_async.testing import FakeFivetran, Fault
from fivetran_async.webhooks import WebhookEvent
from support.waiting import until
from syncs.account_clock import AccountClock

BRIEF = SyncPolicy(history=False)


def count(fake: FakeFivetran, operation: str) -> int:
    """The number of requests for an operation."""
    return len(fake.requests_for(operation))


async def looks(fake: FakeFivetran, at_least: int) -> None:
    """Wait until the poller has polled a number of times."""
    await until(lambda: count(fake, "connections.get") >= at_least)


async def test_outcome_is_complete(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Id and times come from the sync history, warnings and tasks from the connection."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "broken", reason="Password expired")
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    record = fake.record("connections", connection_id)
    assert outcome.connection_id == connection_id
    assert outcome.sync_id == record["sync_id"]
    assert outcome.reason == "Password expired"
    assert outcome.started_at
    assert outcome.finished_at
    assert 59 < (outcome.finished_at - outcome.started_at).total_seconds() < 61
    assert [task.code for task in outcome.tasks] == ["reconnect"]
    assert outcome.warnings == ()
    assert connection_id in outcome.dashboard_url


async def test_outcome_can_be_raised(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """`raise_for_status` raises an exception that holds the outcome."""
    connection_id = fake.add_connection()
    good = await fivetran.connections.sync_and_wait(connection_id)
    good.raise_for_status()
    assert good.succeeded
    fake.plan_sync(connection_id, "failed", reason="No disk")
    bad = await fivetran.connections.sync_and_wait(connection_id)
    with pytest.raises(SyncFailedError, match=f"{connection_id} ended as failed: No disk") as info:
        bad.raise_for_status()
    assert info.value.outcome is bad
    assert isinstance(info.value, FivetranError)


async def test_account_without_history_is_asked_once(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A 404 of the operation costs the id and the reason, not the outcome, and is remembered."""
    fake.fail("connections.list_sync_history", fault=Fault.status(404), times=None)
    for _ in range(3):
        outcome = await fivetran.connections.sync_and_wait(fake.add_connection())
        assert (outcome.status, outcome.sync_id) == ("succeeded", None)
    assert count(fake, "connections.list_sync_history") == 1


async def test_failing_history_costs_no_outcome(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """What is only a detail never fails a wait."""
    fake.fail("connections.list_sync_history", fault=Fault.status(403), times=None)
    outcome = await fivetran.connections.sync_and_wait(fake.add_connection())
    assert (outcome.status, outcome.sync_id) == ("succeeded", None)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(500),
        Fault.html(502),
        Fault.status(503, headers={"Retry-After": "2"}),
        Fault.drop("before"),
        Fault.drop("mid_body"),
        Fault.truncated(),
        Fault.malformed(),
    ],
    ids=lambda fault: f"{fault.kind}_{fault.code}",
)
async def test_blips_while_waiting_are_survived(
    fake: FakeFivetran, fivetran: AsyncFivetran, fault: Fault
) -> None:
    """Ten failed polls in a row, whatever the failure, only delay the outcome."""
    connection_id = fake.add_connection()
    run = await fivetran.connections.start_sync(connection_id)
    fake.fail("connections.get", fault=fault, times=10)
    assert (await run.wait()).status == "succeeded"


async def test_unreachable_server_is_survived(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """Connections that are refused for a while end no wait."""
    connection_id = fake.add_connection()
    fake.sync_duration = 600
    run = await fivetran.connections.start_sync(connection_id)
    port = int(fake.url.rpartition(":")[2])
    await fake.stop()
    waiting = asyncio.ensure_future(run.wait())
    slept = len(clock.sleeps)
    await until(lambda: len(clock.sleeps) > slept + 5)
    fake._server.port = port
    await fake.start()
    assert (await waiting).status == "succeeded"


async def test_retry_after_is_obeyed(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """A server that asks for half an hour of quiet gets it, and the outcome comes afterwards."""
    connection_id = fake.add_connection()
    run = await fivetran.connections.start_sync(connection_id)
    limited = Fault.status(429, headers={"Retry-After": "1800"})
    fake.fail("connections.get", fault=limited)
    fake.requests.clear()
    outcome = await run.wait()
    first, second = (request.time for request in fake.requests_for("connections.get"))
    assert outcome.status == "succeeded"
    assert second - first >= 1800
    assert clock.elapsed < 1900


async def test_outage_is_not_hammered(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """Polls that fail come at longer and longer intervals, up to the longest."""
    connection_id = fake.add_connection()
    run = await fivetran.connections.start_sync(connection_id)
    fake.fail("connections.get", fault=Fault.status(500), times=None)
    fake.requests.clear()
    outcome = await run.wait(timeout=3600)
    assert outcome.status == "timed_out"
    assert clock.elapsed == pytest.approx(3600, abs=1)
    assert count(fake, "connections.get") <= 4 + 3600 / 60


async def test_deleted_connection_ends_the_wait(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """There is nothing left to wait for."""
    connection_id = fake.add_connection()
    run = await fivetran.connections.start_sync(connection_id)
    await fivetran.connections.delete(connection_id, confirm=True)
    with pytest.raises(NotFoundError):
        await run.wait()


async def test_revoked_key_ends_the_wait(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A key that is not accepted any more does not become so by waiting."""
    connection_id = fake.add_connection()
    run = await fivetran.connections.start_sync(connection_id)
    fake.fail("connections.get", fault=Fault.status(401), times=None)
    with pytest.raises(AuthenticationError):
        await run.wait()


async def test_closed_session_ends_the_wait(fake: FakeFivetran, clock: AccountClock) -> None:
    """Closing the session ends every wait."""
    fivetran = fake.client(_clock=clock)
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    run = await fivetran.connections.start_sync(connection_id)
    before = count(fake, "connections.get")
    waiting = asyncio.ensure_future(run.wait())
    await looks(fake, before + 2)
    await fivetran.aclose()
    with pytest.raises(SessionClosedError):
        await waiting


async def test_trigger_that_got_lost_is_repeated(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """No response, and no sync in sight after a minute: the trigger is repeated."""
    connection_id = fake.add_connection()
    fake.fail("connections.sync", fault=Fault.drop("before"))
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert (outcome.status, outcome.triggers, count(fake, "connections.sync")) == (
        "succeeded",
        2,
        2,
    )


async def test_trigger_whose_answer_got_lost_is_not_repeated(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The record shows that the sync runs: it ran once."""
    connection_id = fake.add_connection()
    fake.fail("connections.sync", fault=Fault.drop("after"))
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert (outcome.status, count(fake, "connections.sync")) == ("succeeded", 1)


async def test_trigger_that_is_refused_raises(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A sync that could not be triggered is an error, not an outcome."""
    with pytest.raises(NotFoundError):
        await fivetran.connections.sync_and_wait("no_such_connection")
    connection_id = fake.add_connection()
    fake.fail("connections.sync", fault=Fault.status(409))
    with pytest.raises(ConflictError):
        await fivetran.connections.sync_and_wait(connection_id)


async def test_rescheduled_trigger_survives_blips(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A repeated trigger that fails for a while is retried, and counted once."""
    connection_id = fake.add_connection(schedule_type="manual")
    fake.plan_sync(connection_id, "rescheduled", rescheduled_after=60)
    run = await fivetran.connections.start_sync(connection_id)
    limited = Fault.status(429, headers={"Retry-After": "90"})
    fake.fail("connections.sync", fault=limited, times=3)
    outcome = await run.wait()
    assert (outcome.status, outcome.triggers) == ("succeeded", 2)


async def test_lost_trigger_survives_blips(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The trigger got lost, and so does its repeat, several times: in the end it runs once."""
    connection_id = fake.add_connection()
    fake.fail("connections.sync", fault=Fault.drop("before"))
    run = await fivetran.connections.start_sync(connection_id)
    fake.fail("connections.sync", fault=Fault.status(429), times=3)
    outcome = await run.wait()
    assert (outcome.status, outcome.triggers) == ("succeeded", 2)
    assert fake.record("connections", connection_id)["run"] == 1


async def test_rescheduled_trigger_that_is_refused_raises(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A key that may not trigger any more ends the wait with that."""
    connection_id = fake.add_connection(schedule_type="manual")
    fake.plan_sync(connection_id, "rescheduled", rescheduled_after=60)
    run = await fivetran.connections.start_sync(connection_id)
    fake.fail("connections.sync", fault=Fault.status(401))
    with pytest.raises(AuthenticationError):
        await run.wait()


async def test_rescheduled_trigger_may_get_lost_too(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The second trigger never arrives, and its response is lost: a third is sent."""
    connection_id = fake.add_connection(schedule_type="manual")
    fake.plan_sync(connection_id, "rescheduled", rescheduled_after=60)
    run = await fivetran.connections.start_sync(connection_id)
    fake.fail("connections.sync", fault=Fault.drop("before"))
    outcome = await run.wait()
    assert (outcome.status, outcome.triggers) == ("succeeded", 3)


async def test_many_reschedules_end(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A sync that is rescheduled many times ends as rescheduled, after `max_retriggers`."""
    connection_id = fake.add_connection(schedule_type="manual")
    for _ in range(10):
        fake.plan_sync(connection_id, "rescheduled", rescheduled_after=60)
    outcome = await fivetran.connections.sync_and_wait(
        connection_id, policy=SyncPolicy(max_retriggers=2)
    )
    assert (outcome.status, outcome.triggers, count(fake, "connections.sync")) == (
        "rescheduled",
        3,
        3,
    )


async def test_resync_is_awaited(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A whole history, or some tables of it, until it is read."""
    connection_id = fake.add_connection()
    outcome = await fivetran.connections.resync_and_wait(connection_id, confirm=True)
    assert outcome.status == "succeeded"
    assert outcome.connection
    assert not outcome.connection.status.is_historical_sync
    scope = {"public": ["orders"]}
    await fivetran.connections.resync_and_wait(connection_id, scope=scope, confirm=True)
    last = fake.requests_for("connections.resync")[-1]
    assert json.loads(last.body_bytes) == {"scope": scope}


async def test_resync_needs_confirmation(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Nothing is sent without it."""
    with pytest.raises(ConfirmationRequiredError):
        await fivetran.connections.resync_and_wait(fake.add_connection())
    assert fake.requests == []


async def test_resync_of_a_sync_that_cannot_end_raises(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The API's 409 is an error: nothing was triggered."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    fake.start_sync(connection_id)
    with pytest.raises(ConflictError):
        await fivetran.connections.resync_and_wait(connection_id, confirm=True)


async def test_wait_without_trigger(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The next sync of the schedule is awaited, and none is triggered."""
    connection_id = fake.add_connection()
    fake.clock.call_later(7200, lambda: fake.start_sync(connection_id))
    outcome = await fivetran.connections.wait_for_sync(connection_id)
    assert (outcome.status, count(fake, "connections.sync")) == ("succeeded", 0)
    assert outcome.sync_id == fake.record("connections", connection_id)["sync_id"]


async def test_wait_since_a_record(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """A sync that has ended since the record was read is found at once."""
    connection_id = fake.add_connection()
    before = await fivetran.connections.get(connection_id)
    fake.start_sync(connection_id)
    clock.advance(600)
    outcome = await fivetran.connections.wait_for_sync(connection_id, since=before)
    assert outcome.status == "succeeded"
    assert clock.elapsed == 600


async def test_two_callers_send_one_trigger(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Single flight: callers that come while the sync is being triggered share it."""
    connection_id = fake.add_connection()
    outcomes = await asyncio.gather(
        *(fivetran.connections.sync_and_wait(connection_id, policy=BRIEF) for _ in range(10))
    )
    assert {outcome.status for outcome in outcomes} == {"succeeded"}
    assert count(fake, "connections.sync") == 1


async def test_views_of_a_session_send_one_trigger(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Views share the flight with their session."""
    connection_id = fake.add_connection()
    view = fivetran.with_options(retry=RetryPolicy(max_attempts=1))
    await asyncio.gather(
        view.connections.start_sync(connection_id), fivetran.connections.start_sync(connection_id)
    )
    assert count(fake, "connections.sync") == 1


async def test_caller_who_comes_later_joins(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """While a caller waits for a sync, another caller triggers nothing and joins it."""
    connection_id = fake.add_connection()
    fake.sync_duration = 600
    late: list[asyncio.Task[Any]] = []

    def come_late() -> None:
        joining = fivetran.connections.sync_and_wait(connection_id, policy=BRIEF)
        late.append(asyncio.ensure_future(joining))

    fake.clock.call_later(300, come_late)
    first = await fivetran.connections.sync_and_wait(connection_id, policy=BRIEF)
    second = await late[0]
    # Without the sync history it is unknown whether the trigger met a running sync.
    assert (first.status, first.joined) == ("succeeded", None)
    assert (second.status, second.joined) == ("succeeded", True)
    assert first.finished_at == second.finished_at
    assert count(fake, "connections.sync") == 1


async def test_caller_is_not_joined_to_a_mere_spectator(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """One caller waits for the next sync; another one triggers it for both."""
    connection_id = fake.add_connection()
    spectator = asyncio.ensure_future(fivetran.connections.wait_for_sync(connection_id))
    await looks(fake, 2)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert (outcome.status, outcome.joined, outcome.triggers) == ("succeeded", False, 1)
    assert (await spectator).status == "succeeded"


async def test_caller_after_the_end_triggers_anew(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A sync that has ended does not satisfy a later caller."""
    connection_id = fake.add_connection()
    first = await fivetran.connections.sync_and_wait(connection_id)
    second = await fivetran.connections.sync_and_wait(connection_id)
    assert not second.joined
    assert first.sync_id != second.sync_id


async def test_failed_start_lets_the_next_caller_try(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A caller that shares a flight that fails makes an attempt of its own."""
    connection_id = fake.add_connection()
    fake.fail("connections.sync", fault=Fault.status(400))
    outcomes = await asyncio.gather(
        *(fivetran.connections.sync_and_wait(connection_id) for _ in range(2)),
        return_exceptions=True,
    )
    assert {type(outcome) for outcome in outcomes} == {SyncOutcome, InvalidRequestError}
    assert count(fake, "connections.sync") == 2


async def test_canceled_start_lets_the_next_caller_try(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A caller that is cancelled in the middle of the trigger cancels no other."""
    connection_id = fake.add_connection()
    fake.latency = 1.0
    first = asyncio.ensure_future(fivetran.connections.start_sync(connection_id))
    await until(lambda: fake.in_flight)
    fake.latency = 0.0
    second = asyncio.ensure_future(fivetran.connections.sync_and_wait(connection_id, policy=BRIEF))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).status == "succeeded"
    assert first.cancelled()


async def test_token_goes_on_in_another_process(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """A new session, which has nothing but the token, sees the end that came in between."""
    connection_id = fake.add_connection()
    token = (await fivetran.connections.start_sync(connection_id)).to_token()
    clock.advance(3600)
    async with fake.client(_clock=AccountClock(fake)) as other:
        outcome = await other.resume_wait(token)
    assert (outcome.status, outcome.triggers) == ("succeeded", 1)
    assert count(fake, "connections.sync") == 1


async def test_token_goes_on_waiting(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """What still runs is awaited, from where the first process stopped."""
    connection_id = fake.add_connection()
    fake.sync_duration = 3600
    run = await fivetran.connections.start_sync(connection_id)
    assert (await run.wait(timeout=60)).status == "timed_out"
    async with fake.client(_clock=AccountClock(fake)) as other:
        resumed = await other.syncs.resume(run.to_token())
        outcome = await resumed.wait()
    assert outcome.status == "succeeded"
    assert resumed.outcome is outcome


async def test_token_of_a_refused_sync(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """What was not triggered is not waited for elsewhere either."""
    run = await fivetran.connections.start_sync(fake.add_connection(paused=True))
    assert not run.triggered
    outcome = await fivetran.resume_wait(run.to_token())
    assert outcome.status == "paused"


async def test_token_survives_a_blip(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A server that cannot be reached in the moment of resuming does not lose the wait."""
    run = await fivetran.connections.start_sync(fake.add_connection())
    fake.fail("connections.get", fault=Fault.status(500), times=5)
    assert (await fivetran.resume_wait(run.to_token())).status == "succeeded"


async def test_token_holds_no_secret(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """It is JSON of an id, times, settings and a hash of the key; no key, no config."""
    connection_id = fake.add_connection(config={"password": "hunter2", "host": "db.example.com"})
    token = (await fivetran.connections.start_sync(connection_id)).to_token()
    assert set(json.loads(token)) == {"version", "watch", "policy", "account"}
    for secret in (fake.api_key, fake.api_secret, "hunter2", "db.example.com", "******"):
        assert secret not in token


@pytest.mark.parametrize(
    "token",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"version": 2}',
        '{"version": 1, "watch": {}, "policy": {}}',
        '{"version": 1, "watch": {"connection_id": "one"}, "policy": {"timeout": -1}}',
        '{"version": 1, "watch": {"connection_id": "one"}, "policy": {"no_such": 1}}',
        '{"version": 1, "watch": {"connection_id": "one", "read_at": 7}, "policy": {}}',
    ],
)
async def test_wrong_tokens_are_refused(fivetran: AsyncFivetran, token: str) -> None:
    """An invalid token is an argument error, before anything is sent."""
    with pytest.raises(InvalidArgumentError, match="token"):
        await fivetran.resume_wait(token)


async def test_token_of_a_deleted_connection(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """What is gone cannot be awaited."""
    connection_id = fake.add_connection()
    token = (await fivetran.connections.start_sync(connection_id)).to_token()
    await fivetran.connections.delete(connection_id, confirm=True)
    with pytest.raises(NotFoundError):
        await fivetran.resume_wait(token)


async def test_token_keeps_its_timeout(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """By the server's time the day of the wait is over: one poll, and it has timed out."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    token = json.loads((await fivetran.connections.start_sync(connection_id)).to_token())
    for name in ("read_at", "accepted_at", "accepted_first"):
        earlier = datetime.fromisoformat(token["watch"][name]) - timedelta(days=2)
        token["watch"][name] = earlier.isoformat()
    outcome = await fivetran.resume_wait(json.dumps(token))
    assert outcome.status == "timed_out"
    assert clock.elapsed == 0


async def test_token_of_a_rescheduled_sync(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A sync that is due to be retriggered when it is resumed is triggered then."""
    connection_id = fake.add_connection(schedule_type="manual")
    fake.plan_sync(connection_id, "rescheduled", rescheduled_after=300)
    run = await fivetran.connections.start_sync(connection_id)
    assert (await run.wait(timeout=120)).status == "timed_out"
    async with fake.client(_clock=AccountClock(fake)) as other:
        outcome = await other.resume_wait(run.to_token())
    assert (outcome.status, outcome.triggers) == ("succeeded", 2)


async def test_run_tells_what_it_is(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Its connection, whether it was triggered or joined, and in its repr how it ended."""
    connection_id = fake.add_connection()
    fake.start_sync(connection_id)
    run = await fivetran.connections.start_sync(connection_id)
    assert (run.connection_id, run.triggered, run.joined, run.outcome) == (
        connection_id,
        True,
        True,
        None,
    )
    assert repr(run) == f"<SyncRun {connection_id} awaited>"
    await run.wait()
    assert repr(run) == f"<SyncRun {connection_id} succeeded>"
    assert repr(fivetran.syncs) == "<Syncs>"
    with pytest.raises(InvalidArgumentError, match="on_cancel"):
        await run.wait(on_cancel="stop")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def test_canceled_wait_leaves_the_sync_alone(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Cancelling the wait ends the poller with it, and changes nothing in the account."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    waiting = asyncio.ensure_future(fivetran.connections.sync_and_wait(connection_id))
    await looks(fake, 3)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "fivetran syncs"]
    assert fake.record("connections", connection_id)["sync_state"] == "syncing"


async def test_canceled_wait_can_pause(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """By choice the sync is stopped with the wait, and the cancellation still arrives."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    waiting = asyncio.ensure_future(
        fivetran.connections.sync_and_wait(connection_id, on_cancel="pause")
    )
    await looks(fake, 3)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert fake.record("connections", connection_id)["paused"] is True


async def test_wait_that_anyio_cancels_can_pause(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Also where every `await` is cancelled, as in a handler of FastAPI after a disconnect."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    run = await fivetran.connections.start_sync(connection_id)
    async with anyio.create_task_group() as group:
        group.start_soon(functools.partial(run.wait, on_cancel="pause"))
        await looks(fake, 3)
        group.cancel_scope.cancel()
    assert fake.record("connections", connection_id)["paused"] is True
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "fivetran syncs"]


async def test_pause_that_fails_hides_no_cancellation(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The wait is cancelled, whatever becomes of the pause."""
    connection_id = fake.add_connection()
    run = await fivetran.connections.start_sync(connection_id)
    fake.plan_sync(connection_id, "stuck")
    fake.fail("connections.update", fault=Fault.status(403))
    fake.latency = 0.005
    waiting = asyncio.ensure_future(run.wait(on_cancel="pause"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_wait_goes_on_after_its_cancellation(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A run remembers what its cancelled wait had seen, and can be awaited once more."""
    connection_id = fake.add_connection()
    run = await fivetran.connections.start_sync(connection_id)
    waiting = asyncio.ensure_future(run.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await run.wait()).status == "succeeded"
    assert (await run.wait()) is run.outcome


async def test_timed_out_wait_can_be_repeated(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The sync goes on, and so may the wait."""
    connection_id = fake.add_connection()
    fake.sync_duration = 600
    run = await fivetran.connections.start_sync(connection_id)
    assert (await run.wait(timeout=60)).status == "timed_out"
    assert (await run.wait(timeout=900)).status == "succeeded"


async def test_webhook_ends_the_wait_without_a_look(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """With webhook events, and rare polls as the fallback, no poll is needed."""
    connection_id = fake.add_connection()
    patient = SyncPolicy(min_interval=900, max_interval=900, history=False)
    run = await fivetran.connections.start_sync(connection_id, policy=patient)
    fake.requests.clear()

    def tell() -> None:
        event = {
            "event": "sync_end",
            "connector_id": connection_id,
            "created": fake.clock.stamp(),
            "data": {"status": "SUCCESSFUL"},
        }
        assert fivetran.syncs.feed(event)

    fake.clock.call_later(60, tell)
    outcome = await run.wait()
    assert outcome.status == "succeeded"
    assert fake.requests == []


async def test_lost_webhook_is_made_up_for(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Without an event the rare polls find the end."""
    patient = SyncPolicy(min_interval=900, max_interval=900, history=False)
    outcome = await fivetran.connections.sync_and_wait(fake.add_connection(), policy=patient)
    assert outcome.status == "succeeded"
    assert count(fake, "connections.get") == 2


async def test_webhook_failure_is_looked_into_at_once(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """An event other than a success brings the next poll forward."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "failed", duration=60)
    patient = SyncPolicy(min_interval=900, max_interval=900)
    run = await fivetran.connections.start_sync(connection_id, policy=patient)

    def tell() -> None:
        event = {
            "event": "sync_end",
            "connector_id": connection_id,
            "created": fake.clock.stamp(),
            "data": {"status": "FAILURE", "reason": "No disk"},
        }
        fivetran.syncs.feed(event)

    fake.clock.call_later(61, tell)
    outcome = await run.wait()
    assert (outcome.status, outcome.reason) == ("failed", "No disk")
    assert clock.elapsed < 75


async def test_event_is_newer_than_a_poll_in_flight(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """A record that was read before the event decides nothing: it is read once more, at once."""
    connection_id = fake.add_connection()
    # Long enough for a test that is slow to notice a poll.
    fake.plan_sync(connection_id, "failed", duration=50_000)
    rare = SyncPolicy(min_interval=2, max_interval=600, history=False)
    run = await fivetran.connections.start_sync(connection_id, policy=rare)
    waiting = asyncio.create_task(run.wait())
    await until(lambda: clock.elapsed > 600)
    fake.fail("connections.get", fault=Fault.delay(0.3))
    known = count(fake, "connections.get")
    await until(lambda: count(fake, "connections.get") > known)
    fake.advance(50_001 - clock.elapsed)
    event = {
        "event": "sync_end",
        "connector_id": connection_id,
        "created": fake.clock.stamp(),
        "data": {"status": "FAILURE", "reason": "No disk"},
    }
    polled_at = clock.elapsed
    assert fivetran.syncs.feed(event)
    outcome = await waiting
    assert (outcome.status, outcome.reason) == ("failed", "No disk")
    assert clock.elapsed - polled_at < 10


async def test_events_are_fed_as_their_receiver_made_them(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A typed event is as good as its JSON, and so are dates that are dates."""
    for make in (WebhookEvent.from_dict, dict[str, object]):
        connection_id = fake.add_connection()
        fake.plan_sync(connection_id, "stuck")
        run = await fivetran.connections.start_sync(connection_id, policy=BRIEF)

        def tell(connection_id: str = connection_id, make: Any = make) -> None:  # noqa: ANN401
            event = {
                "event": "sync_end",
                "connection_id": connection_id,
                "created": fake.clock.now(),
                "data": {"status": "SUCCESSFUL"},
            }
            _feed(fivetran, make(event))

        fake.clock.call_later(60, tell)
        assert (await run.wait()).status == "succeeded"


async def test_late_events_of_the_sync_before_do_no_harm(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """An event from before the trigger, delivered now, is ignored."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "failed")
    run = await fivetran.connections.start_sync(connection_id)
    heard: list[bool] = []

    def tell_late() -> None:
        event = {
            "event": "sync_end",
            "connector_id": connection_id,
            "created": fake.clock.stamp(after=-3600),
            "data": {"status": "SUCCESSFUL"},
        }
        heard.append(fivetran.syncs.feed(event))

    fake.clock.call_later(30, tell_late)
    assert (await run.wait()).status == "failed"
    assert heard == [False]


async def test_event_that_overtakes_a_trigger_wins(fake: FakeFivetran, clock: AccountClock) -> None:
    """A success that is reported during another trigger ends the wait, once."""
    connection_id = fake.add_connection(schedule_type="manual")
    fake.plan_sync(connection_id, "rescheduled", rescheduled_after=60)

    def overtake(request: RequestEvent) -> None:
        if request.verb == "POST" and count(fake, "connections.sync") == 1:
            event = {
                "event": "sync_end",
                "connector_id": connection_id,
                "created": fake.clock.stamp(),
                "data": {"status": "SUCCESSFUL"},
            }
            _feed(fivetran, event)

    hooks = Hooks(on_request=overtake)
    async with fake.client(_clock=clock, rate_limits=None, hooks=hooks) as fivetran:
        run = await fivetran.connections.start_sync(connection_id)
        fake.fail("connections.sync", fault=Fault.status(401))
        # Another wait keeps the poller at work.
        spectator = asyncio.ensure_future(fivetran.connections.wait_for_sync(fake.add_connection()))
        assert (await run.wait()).status == "succeeded"
        await looks(fake, count(fake, "connections.get") + 1)
        assert not spectator.done()
        spectator.cancel()
        with pytest.raises(asyncio.CancelledError):
            await spectator


def _feed(fivetran: AsyncFivetran, event: Any) -> None:  # noqa: ANN401
    assert fivetran.syncs.feed(event)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": "sync_end"},
        {"event": "sync_end", "connector_id": 7, "data": []},
        {"event": "sync_end", "connector_id": "nobody", "data": {"status": "SUCCESSFUL"}},
        {"event": "sync_end", "connection_id": "nobody", "created": "soon"},
    ],
)
async def test_foreign_events_do_no_harm(fivetran: AsyncFivetran, event: dict[str, object]) -> None:
    """An event without a wait is not an error."""
    assert fivetran.syncs.feed(event) is False


async def test_idle_poller_ends(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Without waits no task is left, and the next wait starts a new one."""
    for _ in range(2):
        await fivetran.connections.sync_and_wait(fake.add_connection())
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "fivetran syncs"]


async def test_hub_is_forgotten_with_its_session(fake: FakeFivetran) -> None:
    """Sessions that are gone leave nothing behind."""
    fivetran = fake.client(_clock=AccountClock(fake))
    await fivetran.connections.sync_and_wait(fake.add_connection())
    hub = weakref.ref(hub_of(fivetran._transport.core))
    await fivetran.aclose()
    del fivetran
    gc.collect()
    assert hub() is None


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"timeout": -1}, "timeout"),
        ({"timeout": "long"}, "timeout"),
        ({"policy": None}, "policy"),
        ({"on_cancel": "stop"}, "on_cancel"),
        ({"force": 1}, "force"),
    ],
)
async def test_arguments_are_checked(
    fake: FakeFivetran, fivetran: AsyncFivetran, arguments: dict[str, Any], name: str
) -> None:
    """What cannot be meant is refused by name, before anything is sent."""
    with pytest.raises(InvalidArgumentError, match=name):
        await fivetran.connections.sync_and_wait(fake.add_connection(), **arguments)
    assert fake.requests == []
