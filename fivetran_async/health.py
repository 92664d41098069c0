"""
PURE: the health of a connection, judged by its own record and schedule.

`fivetran.health()` reads the connections of the account and returns the findings. `judge` returns
one word for a connection, the first that applies, with the numbers behind it; `findings_of` returns
everything that is wrong with it. The time now has to be the server's, as in the `Date` header of
the response with the record: clocks of machines differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, Literal, TypeAlias, get_args

import attrs

from fivetran_async._codec._serializable import Serializable
from fivetran_async.resources.connection_models import Connection, ConnectionTask

HealthState: TypeAlias = Literal[
    "paused", "broken", "incomplete", "never_synced", "stale", "delayed", "healthy"
]

HEALTH_STATES: Final[tuple[HealthState, ...]] = get_args(HealthState)
"""The states in the order in which they are tried."""

FindingKind: TypeAlias = Literal[
    "broken",
    "incomplete",
    "never_synced",
    "stale",
    "delayed",
    "schema_not_captured",
    "task",
    "paused",
    "warning",
]

FINDING_KINDS: Final[tuple[FindingKind, ...]] = get_args(FindingKind)
"""The kinds of findings, the worst first."""

_CAPTURED: Final = "ready"
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


@attrs.frozen(kw_only=True)
class HealthFinding(Serializable):
    """
    One thing that is wrong with a connection, from `fivetran.health()`.

    Attributes:
        kind: `broken` or `incomplete`, the setup does not work or is not complete; `never_synced`,
            although a sync was due; `stale`, the last success is older than its schedule allows;
            `delayed`, by the vendor's own judgement; `paused`; `schema_not_captured`; `task`, a
            problem to solve before it can sync; `warning`, one that does not stop syncs.
        reason: One sentence, with the times; or the code and message of the task or warning.
        connection_id: The connection.
        group_id: Its group.
        service: Its service.
        schema: Its schema name in the destination.
        succeeded_at: The end of its last successful sync.
        age: Seconds since then; None if there was none.
        allowed_age: Seconds after which its data is stale; None if its schedule does not
            determine it.
        link: Its page in the dashboard.
    """

    kind: FindingKind
    reason: str
    connection_id: str
    group_id: str = ""
    service: str = ""
    schema: str = ""
    succeeded_at: datetime | None = None
    age: float | None = None
    allowed_age: float | None = None
    link: str = ""


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


def findings_of(
    connection: Connection, now: datetime, *, stale_after: float | None = None
) -> tuple[HealthFinding, ...]:
    """
    Return everything that is wrong with a connection, the worst first; nothing if it is healthy.

    Its state is at most one finding. Its schema, each task and each warning are findings, too.

    Args:
        connection: The record.
        now: The server's time when the record was read.
        stale_after: Seconds after which data is stale, whatever the schedule.
    """
    health = judge(connection, now, stale_after=stale_after)
    return tuple(
        HealthFinding(
            kind=kind,
            reason=reason,
            connection_id=connection.id,
            group_id=connection.group_id,
            service=connection.service,
            schema=connection.schema,
            succeeded_at=connection.succeeded_at,
            age=health.age,
            allowed_age=health.allowed_age,
            link=connection.dashboard_url,
        )
        for kind, reason in _reasons(connection, health, now, given=stale_after is not None)
    )


def in_order(findings: Iterable[HealthFinding]) -> tuple[HealthFinding, ...]:
    """Return findings, the worst first; of one kind, those without a success and the oldest."""
    endless = float("inf")

    def rank(found: HealthFinding) -> tuple[int, float, str]:
        age = endless if found.age is None else found.age
        return FINDING_KINDS.index(found.kind), -age, found.connection_id

    return tuple(sorted(findings, key=rank))


def _reasons(
    connection: Connection, health: ConnectionHealth, now: datetime, *, given: bool
) -> Iterator[tuple[FindingKind, str]]:
    if health.state != "healthy":
        yield health.state, _reason_of_state(connection, health, now, given=given)
    status = connection.status
    if status.schema_status and status.schema_status.casefold() != _CAPTURED:
        yield "schema_not_captured", f"The schema is not captured: {status.schema_status}."
    for task in status.tasks:
        yield "task", problem_text(task)
    for warning in status.warnings:
        yield "warning", problem_text(warning)


def _reason_of_state(
    connection: Connection, health: ConnectionHealth, now: datetime, *, given: bool
) -> str:
    success = "no sync has succeeded"
    if health.age is not None:
        success = f"the last success was {span_text(health.age)} ago"
    match health.state:
        case "paused":
            ends = [end for end in (connection.succeeded_at, connection.failed_at) if end]
            last = _seconds_since(max(ends, default=None), now)
            ended = "it has never synced" if last is None else f"last sync {span_text(last)} ago"
            return f"Paused; {ended}."
        case "broken":
            return f"The setup does not work; {success}."
        case "incomplete":
            return f"The setup is not complete; {success}."
        case "never_synced":
            exists = _seconds_since(connection.created_at, now) or 0.0
            return f"No sync has succeeded in the {span_text(exists)} since it was created."
        case "stale":
            source = "allowed are" if given else "its schedule allows"
            return f"Stale: {success}; {source} {span_text(health.allowed_age or 0.0)}."
        case _:
            return f"Fivetran reports a delay; {success}."


def problem_text(problem: ConnectionTask) -> str:
    """Return a task or a warning as one text: code, message, and details if they are text."""
    details = problem.details if isinstance(problem.details, str) else ""
    return ": ".join(dict.fromkeys(filter(None, (problem.code, problem.message, details))))


def span_text(seconds: float) -> str:
    """Return a time in its largest unit, rounded down: `3 days`, `1 hour`, `40 minutes`."""
    sizes = (("day", _DAY), ("hour", 3600.0), ("minute", 60.0))
    unit, size = next((each for each in sizes if seconds >= each[1]), ("second", 1.0))
    count = int(seconds // size)
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


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
