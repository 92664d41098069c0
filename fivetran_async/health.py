"""
PURE: the health of a connection, judged by its own record and schedule.

`judge` returns one word for a connection, the first that applies, with the numbers behind it. The
time now has to be the server's, as in the `Date` header of the response with the record: clocks of
machines differ.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, TypeAlias

import attrs

from fivetran_async._codec._serializable import Serializable
from fivetran_async.resources.connection_models import Connection

HealthState: TypeAlias = Literal[
    "paused", "broken", "incomplete", "never_synced", "stale", "delayed", "healthy"
]

HEALTH_STATES: Final[tuple[HealthState, ...]] = (
    "paused",
    "broken",
    "incomplete",
    "never_synced",
    "stale",
    "delayed",
    "healthy",
)
"""The states in the order in which they are tried."""

_MISSED_SYNCS: Final = 2.0
"""Intervals without a successful sync after which data is stale: one sync may fail or take long."""
_LEAST_AGE: Final = 3600.0
"""Seconds below which no data is stale: syncs often take longer than a short interval."""
_DAY: Final = 86_400.0
_WEEK: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


@attrs.frozen(kw_only=True)
class ConnectionHealth(Serializable):
    """
    The health of one connection at a time.

    Attributes:
        connection_id: The connection.
        state: `paused`; `broken` or `incomplete`, the setup does not work or is not complete;
            `never_synced`, although a sync was due; `stale`, the last success is older than its
            schedule allows; `delayed`, by the vendor's own judgement; `healthy`.
        age: Seconds since the last successful sync; None if there was none.
        allowed_age: Seconds after which the data is stale; None if the schedule does not determine
            it: a manual schedule, a cron expression, or no schedule in the record.
        tasks: The number of problems to solve before it can sync.
        warnings: The number of problems that do not stop syncs.
    """

    connection_id: str
    state: HealthState
    age: float | None = None
    allowed_age: float | None = None
    tasks: int = 0
    warnings: int = 0


def judge(
    connection: Connection, now: datetime, *, stale_after: float | None = None
) -> ConnectionHealth:
    """
    Judge a connection.

    Args:
        connection: The record.
        now: The server's time when the record was read.
        stale_after: Seconds after which data is stale, whatever the schedule; by default twice the
            time between two scheduled syncs, at least an hour.
    """
    allowed = allowed_age(connection) if stale_after is None else stale_after
    age = _seconds_since(connection.succeeded_at, now)
    return ConnectionHealth(
        connection_id=connection.id,
        state=_state_of(connection, age, allowed, now),
        age=age,
        allowed_age=allowed,
        tasks=len(connection.status.tasks),
        warnings=len(connection.status.warnings),
    )


def _state_of(
    connection: Connection, age: float | None, allowed: float | None, now: datetime
) -> HealthState:
    if connection.is_paused:
        return "paused"
    if connection.is_broken:
        return "broken"
    if connection.status.setup_state and not connection.is_connected:
        return "incomplete"
    exists_for = _seconds_since(connection.created_at, now)
    if age is None and allowed is not None and exists_for is not None and exists_for > allowed:
        return "never_synced"
    if age is not None and allowed is not None and age > allowed:
        return "stale"
    return "delayed" if connection.status.update_state.casefold() == "delayed" else "healthy"


def allowed_age(connection: Connection) -> float | None:
    """Return the seconds after which data is stale by the schedule; None if it has no rhythm."""
    gap = longest_gap(connection)
    return None if gap is None else max(gap * _MISSED_SYNCS, _LEAST_AGE)


def longest_gap(connection: Connection) -> float | None:
    """Return the longest time between two scheduled syncs in seconds; None if it has no rhythm."""
    schedule, frequency = connection.schedule, connection.sync_frequency
    kind = (schedule.schedule_type or connection.schedule_type or "").casefold()
    if kind in {"manual", "cron"}:
        return None
    days = _longest_gap_of_days(schedule.days_of_week)
    if kind == "time_of_day":
        return days * _DAY
    if kind == "interval" and schedule.interval:
        return (days - 1) * _DAY + schedule.interval * 60.0
    return frequency * 60.0 if frequency else None


def _longest_gap_of_days(names: tuple[str, ...]) -> int:
    """Return the most days from one scheduled day to the next; 1 if it is every day."""
    days = sorted({_WEEK.index(name.upper()) for name in names if name.upper() in _WEEK})
    if not days:
        return 1
    following = [*days[1:], days[0] + len(_WEEK)]
    return max(later - earlier for earlier, later in zip(days, following, strict=True))


def _seconds_since(moment: datetime | None, now: datetime) -> float | None:
    # Clocks of one server may still differ by a little.
    return None if moment is None else max((now - moment).total_seconds(), 0.0)
