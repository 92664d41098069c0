"""What a wait takes from the sync history, and which window it asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fivetran_async import AsyncFivetran
from fivetran_async.models import SyncHistoryEntry
from fivetran_async.syncs import SyncOutcome
from fivetran_async.syncs._ends import with_history
from fivetran_async.syncs._history import history_window
from fivetran_async.syncs._watch import Watch
from fivetran_async.testing import FakeFivetran, Fault
from syncs.account_clock import AccountClock

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
EDGES = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
DAY = 86400.0


@pytest.mark.parametrize(
    "names", [("start", "end"), ("start_time", "end_time"), ("started_at", "completed_at")]
)
def test_every_spelling_of_the_history_is_read(names: tuple[str, str]) -> None:
    """Id, times and reason reach the outcome, whichever names the account's API uses."""
    reason = "reason" if names[0] == "start" else "message"
    entry = SyncHistoryEntry.from_dict(
        {
            "sync_id": "s1",
            "status": "FAILURE",
            names[0]: "2026-05-04T11:50:00Z",
            names[1]: "2026-05-04T12:00:01Z",
            reason: "disk full",
            "stages": {"extract": {"volume": 1.5}, "load": {"volume": None}},
        }
    )
    outcome = SyncOutcome(connection_id="c", status="failed", finished_at=NOW)
    found = with_history(outcome, [entry], Watch(connection_id="c"))
    assert (found.sync_id, found.reason) == ("s1", "disk full")
    assert found.started_at == NOW - timedelta(minutes=10)
    assert (entry.stages.extract.volume, entry.stages.load.volume) == (1.5, None)
    assert entry.extra == {}
    assert set(entry.to_dict()) == {"sync_id", "status", "start", "end", "reason", "stages"}


def test_missing_entry_proves_nothing() -> None:
    """Without an entry of this sync the outcome is that of the record."""
    other = SyncHistoryEntry(sync_id="other", status="FAILURE", end=NOW - timedelta(hours=3))
    outcome = SyncOutcome(connection_id="c", status="succeeded", finished_at=NOW)
    for entries in ([], [other]):
        assert with_history(outcome, entries, Watch(connection_id="c")) is outcome


@pytest.mark.parametrize("age", [0.0, 60.0, 3 * DAY, 6.9 * DAY])
@pytest.mark.parametrize("lag", [0.0, 2.0, 1800.0], ids="lag {}".format)
def test_window_is_one_that_the_api_allows(age: float, lag: float) -> None:
    """It is at most 7 days long and begins at most 7 days ago, although requests take time."""
    window = history_window(NOW, age, NOW)
    assert window is not None
    asked_at = NOW + timedelta(seconds=age + lag)
    assert asked_at - timedelta(days=7) < window[0] <= NOW < window[1]
    assert window[1] - window[0] <= timedelta(days=7)


@pytest.mark.parametrize(
    ("read_at", "age", "finished_at"),
    [
        (None, 5.0, None),
        (NOW, 8 * DAY, NOW),
        (EDGES[0], 5.0, None),
        (EDGES[1], 5.0, None),
        (NOW, 5.0, EDGES[1]),
    ],
    ids=["no time", "too old", "year 1", "year 9999", "end in year 9999"],
)
def test_no_window_no_request(
    read_at: datetime | None, age: float, finished_at: datetime | None
) -> None:
    """Where no window would find the sync, or none can be computed, nothing is asked."""
    assert history_window(read_at, age, finished_at) is None


async def test_wait_that_is_resumed_days_later_has_its_id(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """The window follows the server's time: one around the end alone would be refused with 400."""
    connection_id = fake.add_connection()
    run = await fivetran.connections.start_sync(connection_id)
    token = run.to_token()
    clock.advance(3 * DAY)
    resumed = await fivetran.syncs.resume(token)
    outcome = await resumed.wait()
    assert outcome.status == "succeeded"
    assert outcome.sync_id == fake.record("connections", connection_id)["sync_id"]
    asked = fake.requests_for("connections.list_sync_history")
    assert [request.status for request in asked] == [200]


async def test_wait_that_is_resumed_too_late_asks_nothing(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """After 7 days the entry cannot be read, and the outcome comes without it."""
    run = await fivetran.connections.start_sync(fake.add_connection())
    token = run.to_token()
    clock.advance(9 * DAY)
    outcome = await (await fivetran.syncs.resume(token)).wait()
    assert (outcome.status, outcome.sync_id) == ("succeeded", None)
    assert not fake.requests_for("connections.list_sync_history")


async def test_empty_history_costs_only_the_id(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """An account that drops its entries within hours still returns outcomes."""
    fake.fail(
        "connections.list_sync_history",
        fault=Fault.status(200, body={"code": "Success", "data": {"items": []}}),
        times=None,
    )
    outcome = await fivetran.connections.sync_and_wait(fake.add_connection())
    assert (outcome.status, outcome.sync_id) == ("succeeded", None)


@pytest.mark.parametrize("code", ["NotFound_Connector", "NotFound_Connection"])
async def test_connection_that_is_gone_is_not_a_missing_history(
    fake: FakeFivetran, fivetran: AsyncFivetran, code: str
) -> None:
    """A 404 of a connection, under its old code too, leaves the history to the other waits."""
    gone = Fault.status(404, body={"code": code, "message": "HTTP 404 Not Found"})
    fake.fail("connections.list_sync_history", fault=gone)
    first = await fivetran.connections.sync_and_wait(fake.add_connection())
    second = await fivetran.connections.sync_and_wait(fake.add_connection())
    assert first.sync_id is None
    assert second.sync_id is not None
