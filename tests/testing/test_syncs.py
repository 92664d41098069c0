"""Syncs on the account's clock, with planned outcomes."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from fivetran_async import InvalidArgumentError
from fivetran_async.testing import FakeFivetran
from support.waiting import PATIENCE
from testing.wire import Api


async def details(api: Api, connection_id: str) -> Any:  # noqa: ANN401
    """Return the details of a connection."""
    return (await api.get(f"/v1/connections/{connection_id}")).data


def moment(text: str) -> datetime:
    """Parse a time."""
    return datetime.fromisoformat(text)


async def trigger(api: Api, connection_id: str, **body: bool) -> None:
    """Trigger a sync, which is always accepted."""
    response = await api.post(f"/v1/connections/{connection_id}/sync", body)
    assert response.status == 200
    assert response.json.keys() == {"code", "message"}


async def test_a_sync_runs_and_succeeds(api: Api, fake: FakeFivetran) -> None:
    """A triggered sync runs for its duration; only its end sets `succeeded_at`."""
    connection_id = fake.add_connection(is_historical_sync=True)
    await trigger(api, connection_id)
    running = await details(api, connection_id)
    assert running["status"]["sync_state"] == "syncing"
    assert running["succeeded_at"] is None
    fake.advance(59)
    assert (await details(api, connection_id))["status"]["sync_state"] == "syncing"
    ended_at = fake.clock.stamp(after=1)
    fake.advance(1000)
    done = await details(api, connection_id)
    assert done["status"]["sync_state"] == "scheduled"
    assert done["status"]["is_historical_sync"] is False
    assert done["succeeded_at"] == ended_at


async def test_start_can_be_delayed(api: Api, fake: FakeFivetran) -> None:
    """With a planned delay, the connection is scheduled first."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, start_after=30, duration=10)
    await trigger(api, connection_id)
    states = [(await details(api, connection_id))["status"]["sync_state"]]
    for _ in range(2):
        fake.advance(30)
        states.append((await details(api, connection_id))["status"]["sync_state"])
    assert states == ["scheduled", "syncing", "scheduled"]


@pytest.mark.parametrize(
    ("outcome", "sync_state", "setup_state", "moved"),
    [
        ("succeeded", "scheduled", "connected", {"succeeded_at"}),
        ("failed", "scheduled", "connected", {"failed_at"}),
        ("broken", "scheduled", "broken", {"failed_at"}),
        ("rescheduled", "rescheduled", "connected", set[str]()),
        ("canceled", "scheduled", "connected", set[str]()),
        ("never_starts", "scheduled", "connected", set[str]()),
        ("stuck", "syncing", "connected", set[str]()),
    ],
)
async def test_planned_outcomes(  # noqa: PLR0917 - a table's columns
    api: Api, fake: FakeFivetran, outcome: str, sync_state: str, setup_state: str, moved: set[str]
) -> None:
    """Each outcome has its own effects on the state and on the two times."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, outcome)
    await trigger(api, connection_id)
    fake.advance(60)
    after = await details(api, connection_id)
    assert after["status"]["sync_state"] == sync_state
    assert after["status"]["setup_state"] == setup_state
    assert {name for name in ("succeeded_at", "failed_at") if after[name]} == moved
    assert (after["status"]["rescheduled_for"] is not None) == (outcome == "rescheduled")


async def test_unknown_outcomes_are_an_error(fake: FakeFivetran) -> None:
    """A misspelt outcome raises an error immediately."""
    with pytest.raises(InvalidArgumentError, match="succeeded"):
        fake.plan_sync("x", "succeded")


async def test_rescheduled_syncs_repeat_only_on_automatic_schedules(
    api: Api, fake: FakeFivetran
) -> None:
    """On an automatic schedule the sync is repeated; on a manual one it waits for a trigger."""
    auto, manual = fake.add_connection(), fake.add_connection(schedule_type="manual")
    for connection_id in (auto, manual):
        fake.plan_sync(connection_id, "rescheduled", rescheduled_after=300)
        await trigger(api, connection_id)
    fake.advance(1000)
    assert (await details(api, auto))["succeeded_at"] is not None
    waiting = await details(api, manual)
    assert waiting["status"]["sync_state"] == "rescheduled"
    await trigger(api, manual)
    fake.advance(60)
    assert (await details(api, manual))["succeeded_at"] is not None


async def test_second_trigger_is_ignored_unless_forced(api: Api, fake: FakeFivetran) -> None:
    """A trigger does not affect a running sync; with force the sync is canceled and restarted."""
    connection_id = fake.add_connection()
    await trigger(api, connection_id)
    fake.advance(50)
    await trigger(api, connection_id)
    await trigger(api, connection_id, force=True)
    fake.advance(20)
    assert (await details(api, connection_id))["status"]["sync_state"] == "syncing"
    fake.advance(40)
    history = (await api.get(f"/v1/connections/{connection_id}/sync-history")).items
    assert [entry["status"] for entry in history] == ["COMPLETED", "CANCELED"]
    spans = [moment(entry["end"]) - moment(entry["start"]) for entry in history]
    assert [round(span.total_seconds()) for span in spans] == [60, 50]


@pytest.mark.parametrize("fields", [{"paused": True}, {"setup_state": "incomplete"}])
async def test_some_connections_do_not_run(
    api: Api, fake: FakeFivetran, fields: dict[str, Any]
) -> None:
    """A paused or incomplete connection accepts the trigger and does nothing."""
    connection_id = fake.add_connection(**fields)
    await trigger(api, connection_id)
    fake.advance(100)
    after = await details(api, connection_id)
    assert after["succeeded_at"] is None
    assert after["status"]["sync_state"] in ("paused", "scheduled")


async def test_broken_stays_broken_until_forced(api: Api, fake: FakeFivetran) -> None:
    """Setup tests and plain syncs do not repair what a sync broke; a forced sync does."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "broken")
    for body in ({}, {}, {"force": True}):
        await trigger(api, connection_id, **body)
        fake.advance(60)
        await api.post(f"/v1/connections/{connection_id}/test", {})
        state = (await details(api, connection_id))["status"]
        assert state["setup_state"] == ("connected" if body else "broken")
        errors = (await api.get(f"/v1/connections/{connection_id}/errors")).items
        assert [error["type"] for error in errors] == ([] if body else ["reconnect"])


async def test_pausing_stops_a_running_sync(api: Api, fake: FakeFivetran) -> None:
    """A paused connection has no later end of its sync, successful or not."""
    connection_id = fake.add_connection()
    await trigger(api, connection_id)
    await api.patch(f"/v1/connections/{connection_id}", {"paused": True})
    fake.advance(100)
    after = await details(api, connection_id)
    assert after["status"]["sync_state"] == "paused"
    assert (after["succeeded_at"], after["failed_at"]) == (None, None)


async def test_resync_waits_for_a_paused_connection(api: Api, fake: FakeFivetran) -> None:
    """A historical sync is queued until the connection is resumed."""
    connection_id = fake.add_connection(paused=True)
    path = f"/v1/connections/{connection_id}"
    assert (await api.post(f"{path}/resync")).status == 200
    fake.advance(100)
    assert (await details(api, connection_id))["succeeded_at"] is None
    await api.patch(path, {"paused": False})
    assert (await details(api, connection_id))["status"]["sync_state"] == "syncing"


@pytest.mark.parametrize("scope", [{}, {"public": []}])
async def test_resync_refuses_empty_scopes(
    api: Api, fake: FakeFivetran, scope: dict[str, list[str]]
) -> None:
    """A scope without names gives 400, because it would mean everything."""
    path = f"/v1/connections/{fake.add_connection()}/resync"
    assert (await api.post(path, {"scope": scope})).status == 400
    assert (await api.post(path, {"scope": {"public": ["orders"]}})).status == 200


async def test_resync_of_a_stuck_sync_is_a_conflict(api: Api, fake: FakeFivetran) -> None:
    """A re-sync gives 409 if the running sync cannot be completed."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    await trigger(api, connection_id)
    assert (await api.post(f"/v1/connections/{connection_id}/resync")).status == 409


async def test_historical_update_starts_at_once(api: Api, fake: FakeFivetran) -> None:
    """`is_historical_sync` in a PATCH cancels the running sync and starts the historical one."""
    connection_id = fake.add_connection()
    response = await api.patch(f"/v1/connections/{connection_id}", {"is_historical_sync": True})
    assert response.data["status"]["sync_state"] == "syncing"
    assert response.data["status"]["is_historical_sync"] is True


async def test_history_window(api: Api, fake: FakeFivetran) -> None:
    """The history covers an hour by default and at most seven days, newest first."""
    connection_id = fake.add_connection()
    for _ in range(3):
        await trigger(api, connection_id)
        fake.advance(3000)
    path = f"/v1/connections/{connection_id}/sync-history"
    assert len((await api.get(path)).items) == 1
    start = fake.clock.stamp(after=-9060)
    assert len((await api.get(f"{path}?start_time={start}")).items) == 2
    end = fake.clock.stamp()
    response = await api.get(f"{path}?start_time={start}&end_time={end}&limit=2")
    assert len(response.items) == 2
    assert "next_cursor" in response.data
    starts = [entry["start"] for entry in response.items]
    assert starts == sorted(starts, reverse=True)
    old = fake.clock.stamp(after=-8 * 86400)
    assert (await api.get(f"{path}?start_time={old}&end_time={end}")).status == 400
    assert (await api.get(f"{path}?start_time={end}&end_time={start}")).status == 400


async def test_history_has_the_fields_of_the_api(api: Api, fake: FakeFivetran) -> None:
    """`start`, `end`, `stages`; `reason` only after a failure, `end` null while a sync runs."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "failed", reason="disk full")
    for _ in range(3):
        await trigger(api, connection_id)
        fake.advance(61)
    await trigger(api, connection_id)
    await api.patch(f"/v1/connections/{connection_id}", {"paused": True})
    await api.patch(f"/v1/connections/{connection_id}", {"paused": False})
    await trigger(api, connection_id)
    response = await api.get(f"/v1/connections/{connection_id}/sync-history")
    running, paused, good, _, failed = response.items
    always = {"sync_id", "status", "start", "end", "stages"}
    assert (set(running), running["status"], running["end"]) == (always, "INCOMPLETE", None)
    assert (set(paused), paused["status"]) == (always, "PAUSED")
    assert (set(good), good["status"]) == (always, "COMPLETED")
    assert good["stages"] == {key: {"volume": 30.0} for key in ("extract", "process", "load")}
    assert (set(failed), failed["status"]) == (always | {"reason"}, "FAILURE")
    assert failed["stages"] == {"extract": {"volume": None}}


async def test_history_older_than_seven_days_is_refused(api: Api, fake: FakeFivetran) -> None:
    """A window that starts more than 7 days ago gives 400, like a window that is too long."""
    path = f"/v1/connections/{fake.add_connection()}/sync-history"
    for days, status in ((6.9, 200), (7.1, 400)):
        start = fake.clock.stamp(after=-days * 86400)
        assert (await api.get(f"{path}?start_time={start}")).status == status


async def test_a_running_clock_moves_by_itself() -> None:
    """With a running clock, syncs end in real time."""
    async with FakeFivetran() as fake, aiohttp.ClientSession() as session:
        fake.sync_duration = 0.05
        api = Api(fake, session)
        connection_id = fake.add_connection()
        await trigger(api, connection_id)
        async with asyncio.timeout(PATIENCE):
            while (await details(api, connection_id))["succeeded_at"] is None:
                pass


async def test_pause_cancels_a_delayed_start(api: Api, fake: FakeFivetran) -> None:
    """After a pause before the planned start, no sync starts."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, start_after=30)
    await trigger(api, connection_id)
    await api.patch(f"/v1/connections/{connection_id}", {"paused": True})
    fake.advance(1000)
    assert (await details(api, connection_id))["status"]["sync_state"] == "paused"


async def test_syncs_of_deleted_connections_are_dropped(api: Api, fake: FakeFivetran) -> None:
    """The sync of a deleted connection ends without effect on others."""
    connection_id = fake.add_connection()
    fake.sync_duration = 10
    await trigger(api, connection_id)
    await api.delete(f"/v1/connections/{connection_id}")
    fake.advance(fake.sync_duration * 2)
    assert (await api.get("/v1/connections")).items == []


async def test_historical_update_of_an_incomplete_connection(api: Api, fake: FakeFivetran) -> None:
    """An incomplete connection remembers the requested historical sync."""
    connection_id = fake.add_connection(setup_state="incomplete")
    body = {"is_historical_sync": True, "run_setup_tests": False}
    response = await api.patch(f"/v1/connections/{connection_id}", body)
    assert response.data["status"]["sync_state"] == "scheduled"
    assert response.data["status"]["is_historical_sync"] is True
