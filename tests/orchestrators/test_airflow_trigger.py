"""Triggers on an event loop of the test: Airflow's classes and connections, no processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
from airflow.sdk.exceptions import TaskDeferred
from served_fake import ServedFake

from fivetran_async import AsyncFivetran, InvalidArgumentError
from fivetran_async.errors import MissingCredentialsError, PermissionDeniedError
from fivetran_async.integrations._airflow_sessions import (
    SESSIONS,
    SharedSessions,
    airflow_session,
)
from fivetran_async.integrations._airflow_waits import WaitEnd, event_of_wait, stop_sync
from fivetran_async.integrations.airflow import (
    FivetranSyncOperator,
    FivetranSyncSensor,
    FivetranSyncTrigger,
    FivetranTaskError,
)
from fivetran_async.syncs import SyncPolicy
from fivetran_async.testing import FakeFivetran, Fault

BRIEF = SyncPolicy(min_interval=0.1, max_interval=0.1, history=False)


@attrs.frozen(kw_only=True)
class Connection:
    """What is read from an Airflow connection."""

    login: str | None = "key"
    password: str | None = "hunter2"
    extra_dejson: Mapping[str, object] = {}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No credentials but those of Airflow's connections."""
    for name in ("FIVETRAN_API_KEY", "FIVETRAN_API_SECRET", "FIVETRAN_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeFivetran]:
    """An account that Airflow knows as `fivetran_default`."""
    async with FakeFivetran() as fake:
        fake.sync_duration = 0.3
        monkeypatch.setenv("AIRFLOW_CONN_FIVETRAN_DEFAULT", connection_to(fake))
        yield fake


def connection_to(fake: FakeFivetran, **changes: object) -> str:
    """Return an Airflow connection, as an environment variable has it."""
    fields = {
        "conn_type": "fivetran",
        "login": fake.api_key,
        "password": fake.api_secret,
        "extra": {"base_url": fake.url},
    }
    return json.dumps({**fields, **changes})


async def started(fake: FakeFivetran, connection_id: str) -> str:
    """Trigger a sync and return the token of its wait."""
    async with fake.client() as fivetran:
        run = await fivetran.connections.start_sync(connection_id, policy=BRIEF)
        return run.to_token()


def trigger_of(
    token: str, conn_id: str = "fivetran_default", **options: Any
) -> FivetranSyncTrigger:
    """Return a trigger as a triggerer makes it: from what was stored."""
    trigger = FivetranSyncTrigger(token=token, fivetran_conn_id=conn_id, **options)
    path, stored = trigger.serialize()
    assert path == "fivetran_async.integrations.airflow.FivetranSyncTrigger"
    return FivetranSyncTrigger(**json.loads(json.dumps(stored)))


async def event_of(trigger: FivetranSyncTrigger) -> dict[str, Any]:
    """Run a trigger as the triggerer does, and return its event."""
    try:
        async for event in trigger.run():
            return cast("dict[str, Any]", event.payload)
        raise AssertionError("no event")
    finally:
        await trigger.cleanup()


def open_sessions() -> int:
    """Return the number of sessions that are open on this loop."""
    return len(SESSIONS._by_loop.get(asyncio.get_running_loop(), {}))


async def test_many_triggers_cost_the_requests_of_one_poller(fake: FakeFivetran) -> None:
    """Four hundred waits share one session, which the last of them closes."""
    fake.sync_duration = 1.5
    ids = [fake.add_connection() for _ in range(400)]
    fake.plan_sync(ids[9], "failed")
    tokens = await asyncio.gather(*(started(fake, each) for each in ids[:40]))
    async with fake.client() as fivetran:
        runs = [fivetran.connections.start_sync(each, policy=BRIEF) for each in ids[40:]]
        tokens += [run.to_token() for run in await asyncio.gather(*runs)]
    fake.requests.clear()
    events = await asyncio.gather(*(event_of(trigger_of(token)) for token in tokens))
    outcomes = [event["outcome"] for event in events]
    assert [each["connection_id"] for each in outcomes] == ids
    assert [each["status"] for each in outcomes if each["status"] != "succeeded"] == ["failed"]
    assert {request.operation for request in fake.requests} <= {
        "connections.list",
        "connections.get",
    }
    assert len(fake.requests) < 40
    assert open_sessions() == 0


def test_loop_is_not_blocked() -> None:
    """In a new process, a hundred triggers at once use less than 100 ms of the loop at a time."""
    with ServedFake() as served:
        served.fake.sync_duration = 3
        ids = served.do(lambda fake: [fake.add_connection() for _ in range(100)])

        async def start(fake: FakeFivetran) -> list[str]:
            async with fake.client() as fivetran:
                runs = [fivetran.connections.start_sync(each, policy=BRIEF) for each in ids]
                return [run.to_token() for run in await asyncio.gather(*runs)]

        finished = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("many_triggers.py"))],
            input=json.dumps(served.client_run(start)),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "AIRFLOW_CONN_FIVETRAN_DEFAULT": connection_to(served.fake)},
        )
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout.splitlines()[-1])
    assert result["statuses"] == ["succeeded"] * 100
    assert max(result["used"]) < 0.1


async def test_events_are_plain_json(fake: FakeFivetran) -> None:
    """What a trigger sends survives JSON unchanged, and holds neither secret nor config."""
    connection_id = fake.add_connection(config={"password": "hunter2"})
    event = await event_of(trigger_of(await started(fake, connection_id)))
    assert json.loads(json.dumps(event)) == event
    assert event["outcome"]["connection_id"] == connection_id
    assert "hunter2" not in json.dumps(event)


async def test_stored_state_holds_no_secret(fake: FakeFivetran) -> None:
    """The arguments of a trigger lie in the database as plain text: token and names only."""
    _, stored = trigger_of(await started(fake, fake.add_connection())).serialize()
    assert fake.api_key not in json.dumps(stored)
    assert fake.api_secret not in json.dumps(stored)
    assert len(json.dumps(stored)) < 1500


@pytest.mark.parametrize(("on_cancel", "paused"), [("leave", False), ("pause", True)])
async def test_user_who_ends_the_task(fake: FakeFivetran, on_cancel: str, paused: bool) -> None:
    """`run` is cancelled, `on_kill` pauses if it was asked to, `cleanup` closes the session."""
    fake.sync_duration = 600
    connection_id = fake.add_connection()
    trigger = trigger_of(await started(fake, connection_id), on_cancel=on_cancel)
    waiting = asyncio.ensure_future(anext(aiter(trigger.run())))
    while not fake.requests_for("connections.get")[1:]:
        await asyncio.sleep(0.02)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert open_sessions() == 1
    await trigger.on_kill()
    await trigger.cleanup()
    await trigger.cleanup()
    assert fake.record("connections", connection_id)["paused"] is paused
    assert open_sessions() == 0


class Attempt:
    """
    A try of a task, as a triggerer has it.

    Args:
        states: The states that Airflow returns for the task, one after the other; none if its run
            was deleted. The last one stays. An error is raised.
    """

    dag_id, run_id, task_id, map_index = "dag", "run", "sync", 3

    def __init__(self, *states: str | Exception | None) -> None:
        self.states = list(states)
        self.asked: list[dict[str, object]] = []

    def get_task_states(self, **criteria: object) -> dict[str, dict[str, str | None]]:
        """Return the state of the task."""
        self.asked.append(criteria)
        if not self.states:
            return {}
        state = self.states[0] if len(self.states) == 1 else self.states.pop(0)
        if isinstance(state, Exception):
            raise state
        return {"run": {"sync_3": state}}


async def killed(trigger: FivetranSyncTrigger, attempt: Attempt) -> None:
    """Let the triggerer learn that a user acted on the task."""
    trigger.task_instance = cast("Any", attempt)
    try:
        await trigger.on_kill()
    finally:
        await trigger.cleanup()


@pytest.mark.parametrize(
    ("state", "paused"),
    [
        *[(each, True) for each in ("failed", "success", "skipped", "upstream_failed", "removed")],
        *[(each, False) for each in (None, "scheduled", "queued", "running", "deferred")],
        *[(each, False) for each in ("up_for_retry", "restarting", "up_for_reschedule")],
        (RuntimeError("500"), True),
    ],
)
async def test_only_a_task_that_is_over_pauses(
    fake: FakeFivetran, state: str | Exception | None, paused: bool
) -> None:
    """A task that was cleared has a try to come, which waits for the same sync."""
    fake.sync_duration = 600
    connection_id = fake.add_connection()
    attempt = Attempt(state)
    await killed(trigger_of(await started(fake, connection_id), on_cancel="pause"), attempt)
    assert fake.record("connections", connection_id)["paused"] is paused
    assert attempt.asked == [
        {"dag_id": "dag", "run_ids": ["run"], "task_ids": ["sync"], "map_index": 3}
    ]


async def test_airflow_that_does_not_respond(fake: FakeFivetran) -> None:
    """A task of unknown state is taken for one that is over, as most are: Airflow allows 30 s."""
    fake.sync_duration = 600

    async def never() -> bool:
        await asyncio.Event().wait()
        return False

    async with fake.client() as fivetran:
        run = await fivetran.connections.start_sync(fake.add_connection(), policy=BRIEF)
        await stop_sync(fivetran, run.to_token(), never, patience=0.5)
        assert fake.record("connections", run.connection_id)["paused"] is True


async def test_task_of_a_deleted_run_pauses(fake: FakeFivetran) -> None:
    """Airflow knows no state of it."""
    fake.sync_duration = 600
    connection_id = fake.add_connection()
    await killed(trigger_of(await started(fake, connection_id), on_cancel="pause"), Attempt())
    assert fake.record("connections", connection_id)["paused"] is True


async def test_sync_that_has_ended_is_not_paused(fake: FakeFivetran) -> None:
    """There is nothing to stop, and a schedule goes on."""
    fake.sync_duration = 5
    connection_id = fake.add_connection()
    trigger = trigger_of(await started(fake, connection_id), on_cancel="pause")
    fake.advance(10)
    await killed(trigger, Attempt("failed"))
    assert fake.record("connections", connection_id)["paused"] is False


async def test_next_try_that_began_before_the_old_one_was_ended(fake: FakeFivetran) -> None:
    """Two clears, and the triggers of three tries in any order: the sync of all goes on."""
    fake.sync_duration = 600
    connection_id = fake.add_connection()
    token = await started(fake, connection_id)
    first, second, third = (
        trigger_of(token, on_cancel="pause", follows=follows) for follows in (False, True, True)
    )
    waiting = asyncio.create_task(event_of(third))
    while not fake.requests_for("connections.get")[1:]:
        await asyncio.sleep(0.02)
    attempt = Attempt("deferred")
    await asyncio.gather(*(killed(each, attempt) for each in (second, first)))
    fake.advance(601)
    assert (await waiting)["outcome"]["status"] == "succeeded"
    assert not fake.requests_for("connections.update")
    assert len(fake.requests_for("connections.sync")) == 1
    assert open_sessions() == 0


@pytest.mark.parametrize("restarted", [False, True])
async def test_pause_that_meets_a_clear(fake: FakeFivetran, restarted: bool) -> None:
    """
    A user marks the task as failed and clears it before the pause: the new try syncs once more.

    Also if the triggerer is killed between the pause and the end.
    """
    fake.sync_duration = 600
    connection_id = fake.add_connection()
    token = await started(fake, connection_id)
    second = trigger_of(token, on_cancel="pause", follows=True)
    waiting = asyncio.create_task(event_of(second))
    while not fake.requests_for("connections.get")[1:]:
        await asyncio.sleep(0.02)
    if restarted:
        waiting.cancel()
        await asyncio.wait([waiting])
    await killed(trigger_of(token, on_cancel="pause"), Attempt("failed"))
    assert fake.record("connections", connection_id)["paused"] is True
    if restarted:
        waiting = asyncio.create_task(event_of(trigger_of(token, on_cancel="pause", follows=True)))
    while len(fake.requests_for("connections.sync")) == 1:
        await asyncio.sleep(0.02)
    fake.advance(601)
    outcome = (await waiting)["outcome"]
    assert (outcome["status"], outcome["triggers"]) == ("succeeded", 2)
    assert fake.record("connections", connection_id)["paused"] is False
    assert len(fake.requests_for("connections.sync")) == 2


async def test_pause_without_an_earlier_try_stays(fake: FakeFivetran) -> None:
    """A person paused the connection: that is the outcome, and nothing is resumed."""
    fake.sync_duration = 600
    connection_id = fake.add_connection()
    token = await started(fake, connection_id)
    fake.change("connections", connection_id, paused=True, sync_state="paused")
    assert (await event_of(trigger_of(token, on_cancel="pause")))["outcome"]["status"] == "paused"
    assert len(fake.requests_for("connections.sync")) == 1


@pytest.mark.parametrize(("minutes", "status"), [(1, "succeeded"), (10, "paused")])
async def test_pause_long_after_the_clear_stays(
    fake: FakeFivetran, minutes: int, status: str
) -> None:
    """The last try's trigger pauses within half a minute; later, a person did."""
    fake.sync_duration = 3600
    connection_id = fake.add_connection()
    async with fake.client(clock=fake.clock) as fivetran:
        policy = SyncPolicy(min_interval=5, max_interval=30, history=False)
        run = await fivetran.connections.start_sync(connection_id, policy=policy)
        waiting = asyncio.create_task(event_of_wait(fivetran, run.to_token(), follows=True))

        async def end() -> WaitEnd:
            await fake.clock.sleep(minutes * 60)
            fake.change("connections", connection_id, paused=True, sync_state="paused")
            return await waiting

        event = await fake.run(end())
    assert event["outcome"]["status"] == status
    assert fake.record("connections", connection_id)["paused"] is (status == "paused")


async def test_user_who_ends_the_task_at_once(fake: FakeFivetran) -> None:
    """A task that is ended while its trigger opens the session is paused; nothing stays open."""
    fake.sync_duration = 600
    for turns in range(14):
        connection_id = fake.add_connection()
        trigger = trigger_of(await started(fake, connection_id), on_cancel="pause")
        waiting = asyncio.ensure_future(anext(aiter(trigger.run())))
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        if turns % 2:
            # Airflow waits for the end of `run`; `on_kill` does not depend on that.
            await asyncio.wait([waiting])
        await trigger.on_kill()
        await asyncio.wait([waiting])
        await trigger.cleanup()
        assert fake.record("connections", connection_id)["paused"] is True
        assert open_sessions() == 0


async def test_trigger_that_is_cancelled_at_once(fake: FakeFivetran) -> None:
    """A triggerer that stops while sessions are being opened leaves none behind."""
    triggers = [trigger_of(await started(fake, fake.add_connection())) for _ in range(5)]
    for turns in range(12):
        waits = [asyncio.ensure_future(anext(aiter(trigger.run()))) for trigger in triggers]
        for _ in range(turns):
            await asyncio.sleep(0)
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
        for trigger in triggers:
            await trigger.cleanup()
        assert open_sessions() == 0


async def test_unknown_airflow_connection(fake: FakeFivetran) -> None:
    """The task gets a message with the name of the connection and how to add it."""
    token = await started(fake, fake.add_connection())
    event = await event_of(trigger_of(token, "elsewhere"))
    assert "Airflow has no connection 'elsewhere'" in str(event["error"])
    assert open_sessions() == 0


async def test_token_of_another_account(
    fake: FakeFivetran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait that meets another account ends with a message, and triggers nothing."""
    token = await started(fake, fake.add_connection())
    async with FakeFivetran(api_key="other_key") as other:
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", connection_to(other))
        event = await event_of(trigger_of(token, "other"))
        assert "With the Airflow connection 'other': GET " in str(event["error"])
        assert "The token is of another API key than that of this session" in str(event["error"])
        assert not other.requests_for("connections.sync")


async def test_refused_key(fake: FakeFivetran, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that is wrong ends the wait with a message that does not contain it."""
    token = await started(fake, fake.add_connection())
    monkeypatch.setenv("AIRFLOW_CONN_WRONG", connection_to(fake, password="wr0ng_secret"))
    event = await event_of(trigger_of(token, "wrong"))
    assert "401" in str(event["error"])
    assert "wr0ng_secret" not in str(event["error"])


async def test_key_that_was_replaced(fake: FakeFivetran, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that began with a key which was revoked go on with the new one of the connection."""
    fake.sync_duration = 600
    tokens = [await started(fake, fake.add_connection()) for _ in range(3)]
    monkeypatch.setenv("AIRFLOW_CONN_FIVETRAN_DEFAULT", connection_to(fake, password="revoked"))
    # The response comes after the connection was edited.
    fake.fail("connections.*", fault=Fault.delay(0.5))
    waits = [asyncio.create_task(event_of(trigger_of(token))) for token in tokens]
    known = len(fake.requests)
    while len(fake.requests) == known:
        await asyncio.sleep(0.01)
    monkeypatch.setenv("AIRFLOW_CONN_FIVETRAN_DEFAULT", connection_to(fake))
    fake.advance(601)
    events = await asyncio.gather(*waits)
    assert [event["outcome"]["status"] for event in events] == ["succeeded"] * 3
    assert open_sessions() == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"login": None}, "'c' has no login"),
        ({"password": ""}, "'c' has no password"),
        ({"extra_dejson": {"base_url": 7}}, "base_url of the Airflow connection 'c'"),
        ({"extra_dejson": {"base_url": "http://example.com"}}, "'c' cannot be used"),
        ({"login": "a:b"}, "'c' cannot be used"),
    ],
)
def test_connections_that_cannot_be_used(fields: dict[str, Any], message: str) -> None:
    """The message names the Airflow connection and the field, and no secret."""
    with pytest.raises((MissingCredentialsError, InvalidArgumentError), match=message) as caught:
        airflow_session(Connection(**fields), "c")
    assert "hunter2" not in str(caught.value)


async def test_failed_opening_is_tried_once_more(fake: FakeFivetran) -> None:
    """Users that wait for the same opening get its error; the next one opens a session."""
    sessions = SharedSessions()
    attempts: list[int] = []
    session = airflow_session(Connection(), "fivetran_default")

    async def opened() -> AsyncFivetran:
        attempts.append(1)
        await asyncio.sleep(0)
        if len(attempts) == 1:
            raise MissingCredentialsError("no such connection")
        return session

    together = [sessions.acquire("c", opened) for _ in range(3)]
    results = await asyncio.gather(*together, return_exceptions=True)
    assert [type(each) for each in results] == [MissingCredentialsError] * 3
    lease = await sessions.acquire("c", opened)
    assert (lease.fivetran, len(attempts)) == (session, 2)
    await lease.release()
    assert session.closed


class Store(dict[str, str]):
    """The store of a task."""

    def set(self, key: str, value: str) -> None:
        """Keep a value."""
        self[key] = value

    def delete(self, key: str) -> None:
        """Forget a value, if there is one."""
        self.pop(key, None)


class TaskInstance:
    """The task instance of a context."""

    def __init__(self) -> None:
        self.pushed: dict[str, object] = {}

    def xcom_push(self, key: str, value: object) -> None:
        """Keep a value."""
        self.pushed[key] = value


@pytest.fixture
def account() -> Iterator[FakeFivetran]:
    """An account on a loop of its own: operators run loops themselves."""
    with pytest.MonkeyPatch.context() as patch, ServedFake() as served:
        served.fake.sync_duration = 600
        patch.setenv("AIRFLOW_CONN_FIVETRAN_DEFAULT", connection_to(served.fake))
        yield served.fake


def deferred(
    operator: FivetranSyncOperator | FivetranSyncSensor, context: dict[str, object]
) -> dict[str, object]:
    """Execute a task that defers, and return what is stored of its trigger."""
    with pytest.raises(TaskDeferred) as caught:
        operator.execute(context)
    assert caught.value.method_name == "execute_complete"
    return caught.value.trigger.serialize()[1]


def test_next_try_resumes_the_sync_of_the_first(account: FakeFivetran) -> None:
    """A try that follows a lost one triggers nothing; after the end nothing is remembered."""
    connection_id = account.add_connection()
    store, ti = Store(), TaskInstance()
    context: dict[str, object] = {"task_state_store": store, "ti": ti}
    operator = FivetranSyncOperator(task_id="sync", connection_id=connection_id)
    first = deferred(operator, context)
    assert first["token"] == store["fivetran_async.token"]
    second = deferred(operator, context)
    assert (first["follows"], second["follows"]) == (False, False)
    assert len(account.requests_for("connections.sync")) == 1
    assert json.loads(str(second["token"]))["watch"]["triggers"] == 1
    outcome = {"connection_id": connection_id, "status": "succeeded"}
    assert operator.execute_complete(context, {"outcome": outcome}) == outcome
    assert not store


class WorkerKilled(BaseException):
    """Stands for `kill -9`: nothing of the try is executed after it."""


class DyingStore(Store):
    """
    A store of a worker that is killed when it has kept a value, or when it would keep the next one.

    Between these two it sends the trigger.
    """

    def __init__(self, *, sends: bool) -> None:
        self.sends = sends

    def set(self, key: str, value: str) -> None:
        """Keep a value, and no second one."""
        if self:
            raise WorkerKilled
        super().set(key, value)
        if not self.sends:
            raise WorkerKilled


def killed_try(operator: FivetranSyncOperator, *, sends: bool) -> Store:
    """Execute a try that is killed; return what its store has, for the next one."""
    dying = DyingStore(sends=sends)
    with pytest.raises(WorkerKilled):
        operator.execute({"task_state_store": dying, "ti": TaskInstance()})
    return Store(dying)


@pytest.mark.parametrize("ended", [False, True])
def test_worker_that_was_killed_after_its_trigger(account: FakeFivetran, ended: bool) -> None:
    """It had no time to keep the token: the next try finds the sync, also if that has ended."""
    connection_id = account.add_connection()
    account.plan_sync(connection_id, "succeeded", duration=30)
    operator = FivetranSyncOperator(task_id="sync", connection_id=connection_id)
    store = killed_try(operator, sends=True)
    assert len(account.requests_for("connections.sync")) == 1
    account.clock.advance(60 if ended else 10)
    context: dict[str, object] = {"task_state_store": store, "ti": TaskInstance()}
    if ended:
        assert operator.execute(context)["status"] == "succeeded"
        assert not store
    else:
        deferred(operator, context)
    assert len(account.requests_for("connections.sync")) == 1


def test_worker_that_was_killed_before_its_trigger(account: FakeFivetran) -> None:
    """The next try defers, and the triggerer sends the trigger that was not sent, once."""
    account.sync_duration = 0.3
    connection_id = account.add_connection()
    operator = FivetranSyncOperator(
        task_id="sync",
        connection_id=connection_id,
        policy={"start_timeout": 2, "min_interval": 0.1, "max_interval": 0.1},
    )
    store = killed_try(operator, sends=False)
    assert not account.requests_for("connections.sync")
    stored = deferred(operator, {"task_state_store": store, "ti": TaskInstance()})
    event = asyncio.run(event_of(trigger_of(str(stored["token"]))))
    assert event["outcome"]["status"] == "succeeded"
    assert len(account.requests_for("connections.sync")) == 1


def test_timeout_of_the_task_interrupts_it(account: FakeFivetran) -> None:
    """Airflow raises it in a signal handler; the next try resumes what may have been sent."""
    connection_id = account.add_connection()
    account.fail("connections.sync", fault=Fault.hang())
    store = Store()
    operator = FivetranSyncOperator(task_id="sync", connection_id=connection_id)

    def interrupt(*_: object) -> None:
        raise WorkerKilled

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1.5)
    try:
        began = time.monotonic()
        with pytest.raises(WorkerKilled):
            operator.execute({"task_state_store": store, "ti": TaskInstance()})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 20
    assert not [each for each in threading.enumerate() if "fivetran" in each.name]
    token = deferred(operator, {"task_state_store": store, "ti": TaskInstance()})["token"]
    assert json.loads(str(token))["watch"]["lost"] is True
    assert len(account.requests_for("connections.sync")) == 1


def test_refused_trigger_leaves_nothing_to_resume(account: FakeFivetran) -> None:
    """A trigger that the server refused was not sent: the next try does not wait for it."""
    connection_id = account.add_connection()
    store = Store()
    account.fail("connections.sync", fault=Fault.status(403))
    operator = FivetranSyncOperator(task_id="sync", connection_id=connection_id)
    with pytest.raises(PermissionDeniedError):
        operator.execute({"task_state_store": store, "ti": TaskInstance()})
    assert not store


def test_running_sync_is_joined_without_a_trigger(account: FakeFivetran) -> None:
    """What runs already needs no trigger; a later try resumes that wait, too."""
    connection_id = account.add_connection()
    account.start_sync(connection_id)
    context: dict[str, object] = {"task_state_store": Store(), "ti": TaskInstance()}
    operator = FivetranSyncOperator(task_id="sync", connection_id=connection_id)
    deferred(operator, context)
    account.clock.advance(1200)
    outcome = operator.execute(context)
    assert (outcome["status"], outcome["joined"], outcome["triggers"]) == ("succeeded", True, 0)
    assert not account.requests_for("connections.sync")


def test_try_after_an_end_that_was_not_seen(account: FakeFivetran) -> None:
    """A sync that succeeded meanwhile is the outcome; one that failed is triggered once more."""
    for plan, triggers in (("succeeded", 1), ("failed", 2)):
        connection_id = account.add_connection()
        account.plan_sync(connection_id, plan, duration=30)
        context: dict[str, object] = {"task_state_store": Store(), "ti": TaskInstance()}
        operator = FivetranSyncOperator(task_id="sync", connection_id=connection_id)
        deferred(operator, context)
        account.clock.advance(60)
        if plan == "succeeded":
            assert operator.execute(context)["status"] == "succeeded"
        else:
            deferred(operator, context)
        sent = [r for r in account.requests_for("connections.sync") if connection_id in r.path]
        assert len(sent) == triggers


def test_cleared_task_resumes_what_it_paused(account: FakeFivetran) -> None:
    """A connection that was paused because an earlier try was ended syncs in the new one."""
    connection_id = account.add_connection()
    context: dict[str, object] = {"task_state_store": Store(), "ti": TaskInstance()}
    operator = FivetranSyncOperator(task_id="sync", connection_id=connection_id, on_cancel="pause")
    assert deferred(operator, context)["follows"] is False
    account.change("connections", connection_id, paused=True, sync_state="paused")
    assert deferred(operator, context)["follows"] is True
    assert account.record("connections", connection_id)["paused"] is False
    assert len(account.requests_for("connections.sync")) == 2


def test_paused_connection_is_an_outcome_without_a_trigger(account: FakeFivetran) -> None:
    """The task fails with the reason, and its outcome is kept; or the outcome is its result."""
    connection_id = account.add_connection(paused=True)
    ti = TaskInstance()
    context: dict[str, object] = {"ti": ti}
    with pytest.raises(FivetranTaskError, match=f"{connection_id} ended as paused") as caught:
        FivetranSyncOperator(task_id="sync", connection_id=connection_id).execute(context)
    assert ti.pushed == {"outcome": caught.value.outcome}
    operator = FivetranSyncOperator(
        task_id="sync", connection_id=connection_id, raise_for_status=False
    )
    assert operator.execute(context)["status"] == "paused"
    assert not account.requests_for("connections.sync")


def test_sensor_triggers_nothing(account: FakeFivetran) -> None:
    """It waits for the sync that runs, until its own timeout."""
    connection_id = account.add_connection()
    account.start_sync(connection_id)
    sensor = FivetranSyncSensor(task_id="sense", connection_id=connection_id, timeout=3600)
    stored = deferred(sensor, {"ti": TaskInstance()})
    token = json.loads(str(stored["token"]))
    assert (token["watch"]["kind"], token["policy"]["timeout"]) == ("next", 3600)
    assert not account.requests_for("connections.sync")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"on_cancel": "stop"}, "on_cancel must be"),
        ({"policy": {"interval": 7}}, "policy has unknown fields: interval"),
        ({"policy": {"min_interval": -1}}, "min_interval"),
    ],
)
def test_bad_arguments(account: FakeFivetran, arguments: dict[str, Any], message: str) -> None:
    """A wrong argument is named, before anything is sent."""
    with pytest.raises(InvalidArgumentError, match=message):
        FivetranSyncOperator(task_id="sync", connection_id="speak", **arguments).execute({})
    assert not account.requests


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (None, "pip install 'apache-airflow>=3.1'"),
        ("2.11.0", "apache-airflow 2.11.0 is unsupported"),
        ("3.0.6", "apache-airflow 3.0.6 is unsupported"),
    ],
)
def test_airflow_that_is_missing_or_old(tmp_path: Path, version: str | None, message: str) -> None:
    """The error names what is needed; the module itself can be imported."""
    if version is None:
        hide = "import sys; sys.modules['airflow'] = None; "
        message = "airflow"
    else:
        (tmp_path / "airflow").mkdir()
        (tmp_path / "airflow" / "__init__.py").write_text(f"__version__ = {version!r}\n")
        hide = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    program = (
        f"{hide}import fivetran_async.integrations.airflow as ours; dir(ours); "
        "ours.FivetranSyncOperator"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 1
    assert message in finished.stderr.splitlines()[-1]
