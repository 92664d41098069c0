"""The health of a connection by its record, its schedule and the server's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fivetran_async.health import HEALTH_STATES, ConnectionHealth, allowed_age, judge, longest_gap
from fivetran_async.models import Connection

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
