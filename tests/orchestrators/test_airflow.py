"""Airflow's own scheduler and triggerer, as processes: `nox -s orchestrators`."""

from __future__ import annotations

import inspect
import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow_processes import Airflow, until
from served_fake import ServedFake

import fivetran_async
from fivetran_async.syncs import SyncPolicy
from fivetran_async.testing import FakeFivetran

HERE = Path(__file__).parent
DAGS = [
    *HERE.joinpath("dags").glob("*.py"),
    HERE.parents[1] / "examples/orchestrators/airflow_dag.py",
]
PACKAGE = str(Path(inspect.getfile(fivetran_async)).parent)
MANY = 100
POLICY = SyncPolicy(min_interval=2, max_interval=30, history=False)
"""That of the DAG of the example, which the comparison needs."""


@pytest.fixture(scope="module")
def served() -> Iterator[ServedFake]:
    """An account that serves all processes."""
    with ServedFake() as served:
        yield served


@pytest.fixture(scope="module")
def airflow(served: ServedFake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """An Airflow that knows the account."""
    fake = served.fake
    connection = {
        "conn_type": "fivetran",
        "login": fake.api_key,
        "password": fake.api_secret,
        "extra": {"base_url": fake.url},
    }
    home = tmp_path_factory.mktemp("airflow")
    (home / "plugins").mkdir()
    (home / "plugins" / "loop_probe.py").write_bytes((HERE / "loop_probe.py").read_bytes())
    with Airflow(home, DAGS, {"fivetran_default": connection}, {}) as airflow:
        airflow.add_connection("fivetran_stored", connection)
        yield airflow


def operations(served: ServedFake) -> Counter[str | None]:
    """Count the requests by their operation."""
    return Counter(request.operation for request in served.fake.requests)


def polls(served: ServedFake) -> int:
    """Return the number of requests that polled."""
    counts = operations(served)
    return counts["connections.list"] + counts["connections.get"]


def in_state(airflow: Airflow, run: str, task: str, *states: str, number: int = 1) -> bool:
    """Return True if all instances of a task are in one of these states."""
    found = airflow.states(run, task)
    return len(found) == number and all(state in states for state in found)


ENDED = ("success", "failed", "upstream_failed", "skipped")


def test_hundred_deferred_syncs(served: ServedFake, airflow: Airflow) -> None:
    """
    A hundred tasks of the example wait in the triggerer, which is killed in the middle.

    All outcomes are right, no sync is triggered twice, polls cost what `run_all` costs, and the
    event loop of the triggerer goes on.
    """
    ids = served.do(lambda fake: [fake.add_connection() for _ in range(MANY)])
    failing = {ids[3], ids[-2]}

    def prepare(fake: FakeFivetran) -> None:
        fake.sync_duration = 40
        for each in failing:
            fake.plan_sync(each, "failed", reason="The source refused the password")
        fake.requests.clear()
        fake.clock.freeze()

    served.do(prepare)
    run = airflow.trigger("fivetran_syncs", connection_ids=ids)
    until(
        lambda: in_state(airflow, run, "sync", "deferred", *ENDED, number=MANY),
        "all tasks deferred",
        900,
    )
    assert Counter(airflow.states(run, "sync")) == {"deferred": MANY}
    assert operations(served)["connections.sync"] == MANY

    airflow.stop("triggerer", signal.SIGKILL)
    before = polls(served)
    airflow.start("triggerer")
    end_of_probe = airflow.home / "probe_end"
    probe = airflow.trigger("probe", until=str(end_of_probe))
    until(lambda: in_state(airflow, probe, "probe", "deferred"), "the probe")
    until(lambda: polls(served) > before, "polls after the restart", 120)
    time.sleep(2)

    def go(fake: FakeFivetran) -> None:
        fake.requests.clear()
        fake.clock.run()

    served.do(go)
    until(lambda: in_state(airflow, run, "sync", *ENDED, number=MANY), "the end of all tasks", 900)
    counts = operations(served)
    end_of_probe.touch()
    assert counts["connections.sync"] == 0
    assert set(counts) <= {"connections.list", "connections.get"}

    outcomes = airflow.xcoms(run, "sync")
    assert [outcomes[i]["connection_id"] for i in range(MANY)] == ids
    failed = {each["connection_id"]: each for each in outcomes.values() if not succeeded(each)}
    assert set(failed) == failing
    until(lambda: in_state(airflow, run, "report", *ENDED), "the report")
    assert airflow.xcoms(run, "report") == {-1: {"succeeded": MANY - 2, "failed": 2}}
    assert served.fake.api_secret not in airflow.task_logs(run)

    until(end_of_probe.with_suffix(".json").exists, "the result of the probe")
    gaps = json.loads(end_of_probe.with_suffix(".json").read_text())
    print("gaps of the loop:", [(round(gap["seconds"], 3), round(gap["used"], 3)) for gap in gaps])
    blocked = [gap for gap in gaps if is_ours(gap)]
    ours = polls(served)
    theirs = polls_of_run_all(served)
    print("polls:", ours, "of the triggerer,", theirs, "of run_all")
    assert ours <= 1.2 * theirs + 1
    assert blocked == []


def is_ours(gap: dict[str, Any]) -> bool:
    """
    Return True if code of this package kept the loop for more than 100 ms.

    On a busy machine any loop has gaps. Those count in which this package was at work: by the
    processor time, or by the number of looks at the thread, one every 10 ms.
    """
    looks = [stack for stack in gap["stacks"] if any(line.startswith(PACKAGE) for line in stack)]
    return bool(looks) and (gap["used"] > 0.1 or len(looks) > 10)


def succeeded(outcome: dict[str, object]) -> bool:
    """Return True if an outcome in XCom is that of a successful sync."""
    return outcome["status"] == "succeeded"


def polls_of_run_all(served: ServedFake) -> int:
    """Return the number of polls that `run_all` makes for as many syncs of the same duration."""
    ids = served.do(lambda fake: [fake.add_connection() for _ in range(MANY)])

    async def run_all(fake: FakeFivetran) -> None:
        statuses: Counter[str] = Counter()
        async with (
            fake.client(clock=fake.clock) as fivetran,
            fivetran.syncs.run_all(ids, policy=POLICY) as outcomes,
        ):
            while outcomes.progress.to_start:
                await fake.clock.sleep(0.05)
            fake.requests.clear()
            async for outcome in outcomes:
                statuses[outcome.status] += 1
        assert statuses == {"succeeded": MANY}

    async def in_no_time(fake: FakeFivetran) -> None:
        fake.clock.freeze()
        await fake.run(run_all(fake))

    served.client_run(in_no_time)
    return polls(served)


def test_user_who_clears_the_task(served: ServedFake, airflow: Airflow) -> None:
    """
    Each new try waits for the sync of the first, which nothing pauses, and its outcome is right.

    The task is cleared twice while the triggerer is too busy to learn of that before the next try
    waits, and once while there is no triggerer.
    """
    connection_id, run = deferred_sync(served, airflow)

    def clear() -> None:
        tries = airflow.tries(run, "sync")
        airflow.clear("one_sync", run, "sync")
        until(
            lambda: (
                airflow.tries(run, "sync") > tries and in_state(airflow, run, "sync", "deferred")
            ),
            "the new try deferred",
        )

    with airflow.suspended("triggerer"):
        clear()
        clear()
    until(
        lambda: "The next try of the task waits for" in airflow.task_logs(run),
        "the end of the trigger of the first try",
    )
    polled(served)
    airflow.stop("triggerer")
    clear()
    airflow.start("triggerer")
    polled(served)
    end_well(served, airflow, connection_id, run)
    counts = operations(served)
    assert (counts["connections.sync"], counts["connections.update"]) == (1, 0)


def test_user_who_marks_the_task_as_failed(served: ServedFake, airflow: Airflow) -> None:
    """
    With `on_cancel="pause"` the connection is paused, and stays so until the task is cleared.

    A triggerer that is killed after the pause changes nothing.
    """
    connection_id, run = deferred_sync(served, airflow)

    def is_paused() -> object:
        return served.do(lambda fake: fake.record("connections", connection_id))["paused"]

    airflow.mark("one_sync", run, "sync", "failed")
    until(is_paused, "the pause")
    airflow.stop("triggerer", signal.SIGKILL)
    airflow.start("triggerer")
    assert airflow.states(run, "sync") == ["failed"]
    assert is_paused()
    # The new try resumes what was paused because of the last one.
    airflow.clear("one_sync", run, "sync")
    until(lambda: in_state(airflow, run, "sync", "deferred"), "the new try deferred")
    polled(served)
    assert not is_paused()
    end_well(served, airflow, connection_id, run)
    assert operations(served)["connections.sync"] == 2


def end_well(served: ServedFake, airflow: Airflow, connection_id: str, run: str) -> None:
    """Let the sync of a task end, and see that this is the result of the task."""
    served.do(lambda fake: fake.advance(3600))
    until(lambda: in_state(airflow, run, "sync", *ENDED), "the end")
    [outcome] = airflow.xcoms(run, "sync").values()
    assert (outcome["connection_id"], outcome["status"]) == (connection_id, "succeeded")


def deferred_sync(served: ServedFake, airflow: Airflow) -> tuple[str, str]:
    """Let a task trigger a sync of an hour, and wait until the triggerer polls for it."""

    def prepare(fake: FakeFivetran) -> str:
        fake.sync_duration = 3600
        fake.requests.clear()
        return fake.add_connection()

    connection_id = served.do(prepare)
    run = airflow.trigger("one_sync", connection_id=connection_id, conn_id="fivetran_stored")
    until(lambda: in_state(airflow, run, "sync", "deferred", *ENDED), "the task deferred")
    # Before the triggerer has the trigger, it cannot learn that a user ended the task.
    polled(served)
    return connection_id, run


def polled(served: ServedFake) -> None:
    """Wait until the triggerer polls."""
    before = polls(served)
    until(lambda: polls(served) > before, "polls")


def test_small_cases(served: ServedFake, airflow: Airflow) -> None:
    """A failed sync, two tasks for one connection, a sensor, an unknown Airflow connection."""

    def prepare(fake: FakeFivetran) -> list[str]:
        # All wait together.
        fake.clock.freeze()
        fake.sync_duration = 45
        ids = [fake.add_connection() for _ in range(3)]
        fake.plan_sync(ids[0], "failed", duration=2)
        fake.start_sync(ids[2])
        fake.requests.clear()
        return ids

    failing, shared, running = served.do(prepare)
    failed = airflow.trigger("one_sync", connection_id=failing)
    together = [airflow.trigger("one_sync", connection_id=shared) for _ in range(2)]
    sensor = airflow.trigger("one_sensor", connection_id=running)
    unknown = airflow.trigger("one_sync", connection_id=shared, conn_id="elsewhere")
    runs = {failed: "sync", **dict.fromkeys(together, "sync"), sensor: "sense", unknown: "sync"}
    until(
        lambda: all(in_state(airflow, run, task, "deferred", *ENDED) for run, task in runs.items()),
        "all tasks deferred",
        300,
    )
    served.do(lambda fake: fake.advance(60))
    until(
        lambda: all(in_state(airflow, run, task, *ENDED) for run, task in runs.items()),
        "the ends",
        300,
    )
    assert airflow.states(failed, "sync") == ["failed"]
    assert airflow.xcoms(failed, "sync", "outcome")[-1]["status"] == "failed"
    assert f"The sync of {failing} ended as failed" in airflow.task_logs(failed)
    for run in (*together, sensor):
        (outcome,) = airflow.xcoms(run, runs[run]).values()
        assert succeeded(outcome)
    assert [r for r in served.fake.requests_for("connections.sync") if running in r.path] == []
    assert airflow.states(unknown, "sync") == ["failed"]
    assert "Airflow has no connection 'elsewhere'" in airflow.task_logs(unknown)
    history = served.do(lambda fake: fake.record("connections", shared))
    assert history["succeeded_at"]
