"""The health of a connection by its record, its schedule and the server's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fivetran_async import InvalidArgumentError, NotFoundError, PaginationError
from fivetran_async.health import (
    FINDING_KINDS,
    HEALTH_STATES,
    ConnectionHealth,
    FindingKind,
    HealthFinding,
    allowed_age,
    findings_of,
    in_order,
    judge,
    longest_gap,
    span_text,
)
from fivetran_async.models import Connection
from fivetran_async.testing import FakeFivetran
from support.fake_clock import FakeClock
from support.faults import FaultServer
from support.sessions import session_at, success

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOUR = 3600.0
DAY = 24 * HOUR


def connection(*, hours: float | None = 1.0, **fields: Any) -> Connection:  # noqa: ANN401
    """A connected one with hourly syncs; its last success was `hours` ago."""
    succeeded = None if hours is None else NOW - timedelta(hours=hours)
    record: dict[str, Any] = {
        "id": "c",
        "created_at": "2026-01-02T03:04:05Z",
        "succeeded_at": succeeded,
        "sync_frequency": 60,
        "schedule_type": "auto",
        "status": {
            "setup_state": "connected",
            "sync_state": "scheduled",
            **fields.pop("status", {}),
        },
        **fields,
    }
    return Connection.from_dict(record)


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (connection(), "healthy"),
        (connection(hours=1.9), "healthy"),
        (connection(hours=2.1), "stale"),
        (connection(hours=2.1, paused=True), "paused"),
        (connection(paused=True, status={"setup_state": "broken"}), "paused"),
        (connection(status={"setup_state": "BROKEN"}), "broken"),
        (connection(status={"setup_state": "incomplete"}), "incomplete"),
        (connection(hours=None), "never_synced"),
        (connection(hours=None, created_at=NOW - timedelta(hours=1)), "healthy"),
        (connection(hours=None, created_at=None), "healthy"),
        (connection(status={"update_state": "delayed"}), "delayed"),
        (connection(hours=50, status={"update_state": "delayed"}), "stale"),
        (connection(hours=5_000, schedule_type="manual"), "healthy"),
        (connection(hours=0.9, sync_frequency=5), "healthy"),
        (connection(hours=1.1, sync_frequency=5), "stale"),
        (connection(hours=-1), "healthy"),
    ],
)
def test_states(record: Connection, state: str) -> None:
    """The first state that applies, from the setup to the schedule."""
    assert judge(record, NOW).state == state
    assert state in HEALTH_STATES


def test_the_numbers_behind_a_state() -> None:
    """Age, allowed age, tasks and warnings are in the result, which has JSON."""
    record = connection(
        hours=3,
        status={"tasks": [{"code": "reconnect"}], "warnings": [{"code": "a"}, {"code": "b"}]},
    )
    found = judge(record, NOW)
    assert found == ConnectionHealth(
        connection_id="c", state="stale", age=3 * HOUR, allowed_age=2 * HOUR, tasks=1, warnings=2
    )
    assert ConnectionHealth.from_dict(found.to_dict()) == found


def test_the_allowed_age_can_be_given() -> None:
    """`stale_after` holds whatever the schedule, a manual one too."""
    assert judge(connection(hours=3), NOW, stale_after=4 * HOUR).state == "healthy"
    manual = connection(hours=5, schedule_type="manual")
    assert judge(manual, NOW, stale_after=4 * HOUR).state == "stale"


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [
        ({"schedule_type": "INTERVAL", "interval": 30}, HOUR / 2),
        ({"schedule_type": "TIME_OF_DAY", "time_of_day": "08:00"}, DAY),
        ({"schedule_type": "TIME_OF_DAY", "days_of_week": ["MONDAY"]}, 7 * DAY),
        ({"schedule_type": "TIME_OF_DAY", "days_of_week": ["MONDAY", "FRIDAY"]}, 4 * DAY),
        (
            {"schedule_type": "INTERVAL", "interval": 60, "days_of_week": ["Saturday", "SUNDAY"]},
            5 * DAY + HOUR,
        ),
        ({"schedule_type": "CRON", "cron": "0 8 * * *"}, None),
        ({"schedule_type": "MANUAL"}, None),
        ({"schedule_type": "SOMETHING_NEW"}, HOUR),
    ],
)
def test_flexible_schedules(schedule: dict[str, Any], gap: float | None) -> None:
    """The longest time between two scheduled syncs; None where the schedule has no rhythm."""
    assert longest_gap(connection(schedule=schedule)) == gap


def test_without_a_schedule_nothing_is_stale() -> None:
    """Without a frequency in the record, no data is stale."""
    assert allowed_age(connection(sync_frequency=None)) is None
    assert judge(connection(hours=5_000, sync_frequency=None), NOW).state == "healthy"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (connection(), []),
        (
            connection(hours=50, status={"setup_state": "broken"}),
            [("broken", "The setup does not work; the last success was 2 days ago.")],
        ),
        (
            connection(hours=None, status={"setup_state": "incomplete"}),
            [("incomplete", "The setup is not complete; no sync has succeeded.")],
        ),
        (
            connection(hours=None, created_at=NOW - timedelta(days=3)),
            [("never_synced", "No sync has succeeded in the 3 days since it was created.")],
        ),
        (
            connection(hours=3),
            [("stale", "Stale: the last success was 3 hours ago; its schedule allows 2 hours.")],
        ),
        (
            connection(status={"update_state": "delayed"}),
            [("delayed", "Fivetran reports a delay; the last success was 1 hour ago.")],
        ),
        (
            connection(hours=30, paused=True, failed_at=NOW - timedelta(minutes=40)),
            [("paused", "Paused; last sync 40 minutes ago.")],
        ),
        (connection(hours=None, paused=True), [("paused", "Paused; it has never synced.")]),
        (
            connection(status={"schema_status": "blocked_on_capture"}),
            [("schema_not_captured", "The schema is not captured: blocked_on_capture.")],
        ),
        (connection(status={"schema_status": "READY"}), []),
        (
            connection(
                status={
                    "tasks": [{"code": "reconnect", "message": "Reconnect", "details": "expired"}],
                    "warnings": [{"code": "slow"}, {}],
                }
            ),
            [("task", "reconnect: Reconnect: expired"), ("warning", "slow"), ("warning", "")],
        ),
    ],
)
def test_findings(record: Connection, expected: list[tuple[str, str]]) -> None:
    """Each finding has its reason with the times of the server; a healthy connection has none."""
    found = findings_of(record, NOW)
    assert [(each.kind, each.reason) for each in found] == expected
    for each in found:
        assert each.kind in FINDING_KINDS
        assert each.connection_id == "c"
        assert each.link == "https://fivetran.com/dashboard/connections/c/status"
        assert HealthFinding.from_dict(each.to_dict()) == each


def test_the_allowed_age_of_the_caller_is_in_the_reason() -> None:
    """With `stale_after` a reason does not name the schedule."""
    (found,) = findings_of(connection(hours=3), NOW, stale_after=HOUR)
    assert found.reason == "Stale: the last success was 3 hours ago; allowed are 1 hour."
    assert (found.age, found.allowed_age) == (3 * HOUR, HOUR)


def test_the_worst_findings_come_first() -> None:
    """By kind, then those without a success, then the oldest."""

    def finding(kind: FindingKind, name: str, age: float | None) -> HealthFinding:
        return HealthFinding(kind=kind, reason="", connection_id=name, age=age)

    found = [
        finding("warning", "a", 9.0),
        finding("stale", "young", 1.0),
        finding("stale", "old", 2.0),
        finding("stale", "never", None),
        finding("broken", "b", 0.0),
    ]
    assert [each.connection_id for each in in_order(found)] == ["b", "never", "old", "young", "a"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 seconds"),
        (1.9, "1 second"),
        (61.0, "1 minute"),
        (7_199.0, "1 hour"),
        (172_800.0, "2 days"),
    ],
)
def test_times_in_words(seconds: float, text: str) -> None:
    """Times are in their largest unit, rounded down."""
    assert span_text(seconds) == text


async def test_the_account_is_read_once(clock: FakeClock) -> None:
    """One request per thousand connections; ages are those of the server's clock."""
    async with FakeFivetran(running=False) as fake, fake.client(_clock=clock) as fivetran:
        for number in range(1_001):
            fake.add_connection(id=f"c{number}", succeeded_at=fake.clock.stamp())
        fake.add_connection(id="old", succeeded_at="2025-01-02T03:04:05Z")
        fake.add_connection(id="broken", setup_state="broken", succeeded_at=fake.clock.stamp())
        found = await fivetran.health()
        assert [(each.kind, each.connection_id) for each in found] == [
            ("broken", "broken"),
            ("stale", "old"),
        ]
        assert found[0].age == pytest.approx(0, abs=2), "though the session's clock is ahead"
        assert len(fake.requests) == 2
        relaxed = await fivetran.health(stale_after=100 * 365 * DAY)
        assert [each.kind for each in relaxed] == ["broken"]


async def test_a_part_of_the_account(clock: FakeClock) -> None:
    """Groups are read on one page if all fits on it, and else one by one; services are filtered."""
    async with FakeFivetran(running=False) as fake, fake.client(_clock=clock) as fivetran:
        small, other, empty, large = (fake.add_group(name=name) for name in "abcd")
        for id, group, service in (("one", small, "mysql"), ("two", other, "postgres")):
            fake.add_connection(id=id, group_id=group, service=service, setup_state="broken")
        found = await fivetran.health(group_ids=[small, other], services={"MySQL"})
        assert [each.connection_id for each in found] == ["one"]
        assert len(fake.requests) == 1
        for number in range(1_000):
            fake.add_connection(id=f"c{number}", group_id=large, setup_state="broken")
        for groups, ids, requests in (
            ([small], ["one"], 1),
            ([small, other, small], ["one", "two"], 3),
            ([], [], 0),
            # A group without connections is read, since a misspelt one has none either.
            ([empty], [], 2),
        ):
            fake.requests.clear()
            found = await fivetran.health(group_ids=groups)
            assert [each.connection_id for each in found] == ids
            assert len(fake.requests) == requests
        with pytest.raises(NotFoundError):
            await fivetran.health(group_ids=["misspelt"])
        with pytest.raises(InvalidArgumentError, match="services must be an iterable of texts"):
            await fivetran.health(services="postgres")


async def test_an_unknown_service_is_refused(clock: FakeClock) -> None:
    """A misspelt service would seem healthy; one that exists may have no connection."""
    async with FakeFivetran(running=False, unknown_services="accept") as fake:
        fake.add_connection(id="own", service="own_service", setup_state="broken")
        async with fake.client(_clock=clock) as fivetran:
            assert await fivetran.health(services=["mysql"]) == ()
            found = await fivetran.health(services=["mysql", "Own_Service"])
            assert [each.connection_id for each in found] == ["own"]
            with pytest.raises(InvalidArgumentError, match=r"'postgress'.*did you mean 'postgres'"):
                await fivetran.health(services=["mysql", "postgress"])
            with pytest.raises(InvalidArgumentError, match=r"'own_servise'.*'own_service'"):
                await fivetran.health(services=["own_servise"])


async def test_odd_pages(clock: FakeClock) -> None:
    """A connection on two pages is judged once, and a repeated cursor ends the walk."""
    broken = {"id": "twice", "status": {"setup_state": "broken"}}
    pages = [success({"items": [broken], "next_cursor": cursor}) for cursor in ("one", "two", "")]
    async with FaultServer(*pages) as server, session_at(server.url, _clock=clock) as fivetran:
        assert [each.connection_id for each in await fivetran.health()] == ["twice"]
    pages = [success({"items": [], "next_cursor": cursor}) for cursor in ("one", "two", "one")]
    async with FaultServer(*pages) as server, session_at(server.url, _clock=clock) as fivetran:
        with pytest.raises(PaginationError, match="cursor"):
            await fivetran.health()


async def test_a_wrong_age_is_refused(clock: FakeClock) -> None:
    """`stale_after` must be a positive number, before anything is sent."""
    async with FakeFivetran(running=False) as fake, fake.client(_clock=clock) as fivetran:
        with pytest.raises(InvalidArgumentError, match="stale_after must be a positive number"):
            await fivetran.health(stale_after=0)
        assert fake.requests == []
