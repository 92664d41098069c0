"""The flexible schedules of connections: which the API takes, and what they show elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from fivetran_async.testing._facts import StoredRecord, part
from fivetran_async.testing._rules import invalid

FREQUENCIES: Final = (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)
DAILY: Final = 1440
_DAYS: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_HOUR: Final = re.compile(r"([01]\d|2[0-3]):00")
_OLDER: Final = frozenset({"sync_frequency", "schedule_type", "daily_sync_time"})

_FIELDS: Final[Mapping[str, tuple[str | None, frozenset[str]]]] = {
    "CRON": ("cron", frozenset({"cron"})),
    "INTERVAL": ("interval", frozenset({"interval", "days_of_week"})),
    "TIME_OF_DAY": ("time_of_day", frozenset({"time_of_day", "days_of_week"})),
    "MANUAL": (None, frozenset()),
}
"""The required field and all fields of each type; other combinations are refused."""


def check_times(body: StoredRecord) -> None:
    """Raise a 400 if the schedule of a body, or its older form, is one that the API refuses."""
    time = body.get("daily_sync_time")
    if time is not None and not _HOUR.fullmatch(time):
        message = f"daily_sync_time must be a full hour like '14:00', not '{time}'"
        raise invalid(message)
    if body.get("schedule") is None:
        return
    schedule = part(body["schedule"])
    kind = schedule["schedule_type"]
    if body.get("schedule_type") == "manual":
        message = "schedule cannot be combined with schedule_type 'manual'"
        raise invalid(message)
    needed, allowed = _FIELDS[kind]
    given = {name for name, value in schedule.items() if value is not None} - {"schedule_type"}
    if needed is not None and needed not in given:
        message = f"schedule.{needed} is required with schedule_type {kind}"
        raise invalid(message)
    for name in sorted(given - allowed):
        message = f"schedule.{name} cannot be combined with schedule_type {kind}"
        raise invalid(message)
    if "time_of_day" in given and not _HOUR.fullmatch(schedule["time_of_day"]):
        message = f"schedule.time_of_day must be a full hour, not '{schedule['time_of_day']}'"
        raise invalid(message)
    if "interval" in given and schedule["interval"] < 1:
        message = f"schedule.interval must be at least 1 minute, not {schedule['interval']}"
        raise invalid(message)


def scheduled(body: StoredRecord) -> StoredRecord:
    """Return what a body's schedule changes in the record: the older fields follow it."""
    if body.get("schedule") is None:
        # The older fields replace a schedule.
        return {"schedule": None} if body.keys() & _OLDER else {}
    schedule = {k: v for k, v in part(body["schedule"]).items() if v is not None}
    kind = schedule["schedule_type"]
    if "days_of_week" in _FIELDS[kind][1] and not schedule.get("days_of_week"):
        schedule["days_of_week"] = list(_DAYS)
    return {
        "schedule": schedule,
        "schedule_type": "manual" if kind == "MANUAL" else "auto",
        "sync_frequency": _frequency(schedule),
        "daily_sync_time": schedule.get("time_of_day"),
    }


def _frequency(schedule: StoredRecord) -> int | None:
    """Return the minutes between syncs, or None if no number expresses the schedule."""
    if schedule["schedule_type"] == "TIME_OF_DAY":
        return DAILY
    interval = schedule.get("interval")
    return interval if interval in FREQUENCIES else None
