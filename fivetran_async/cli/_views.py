"""From models to output: rows for people, documents for programs. Pure."""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

import attrs

from fivetran_async._http.result import ActionResult
from fivetran_async._types import JSONValue
from fivetran_async.cli._documents import document_of
from fivetran_async.cli._table import Cell, Document, OutputTable, Record, Summary
from fivetran_async.resources.connection_models import Connection
from fivetran_async.resources.groups import Group
from fivetran_async.syncs import SyncOutcome

Switch: TypeAlias = Literal["pause", "resume", "sync"]

_STATES: Final = ("scheduled", "syncing", "rescheduled", "paused", "broken", "incomplete")
"""The order of columns: from what is well to what needs work."""

_DONE: Final[Mapping[Switch, str]] = {"pause": "paused", "resume": "resumed", "sync": "synced"}
_ALREADY: Final[Mapping[Switch, str]] = {
    "pause": "already paused",
    "resume": "not paused",
    "sync": "already syncing",
}


@attrs.define
class GroupTally:
    """The number of connections of a group in each state so far, or the error."""

    group: Group
    states: collections.Counter[str] = attrs.field(factory=collections.Counter[str])
    failure: Exception | None = None


def _blank_connection() -> Document:
    return document_of(Connection(id=""))


def _blank_outcome() -> Document:
    blank = SyncOutcome(connection_id="", status="succeeded")
    return {**_outcome_document(blank, None, None), "connection": _blank_connection()}


CONNECTIONS: Final = OutputTable(
    "connections",
    ("id", "group", "service", "schema", "state", "last success"),
    example=_blank_connection,
)
SWITCHED: Final = OutputTable(
    "connections",
    ("id", "schema", "result"),
    example=lambda: {**dict.fromkeys(("message", "error")), "connection": _blank_connection()},
)
SYNCED: Final = OutputTable(
    "syncs",
    ("connection", "outcome", "started", "finished", "duration", "reason"),
    example=_blank_outcome,
)
TRIGGERED: Final = OutputTable(
    "syncs",
    ("connection", "response", "dashboard"),
    example=lambda: dict.fromkeys(("connection_id", "message", "dashboard_url")),
)
AWAITED: Final = OutputTable(
    "syncs",
    ("connection", "outcome", "reason", "duration", "waited", "dashboard"),
    example=_blank_outcome,
)
"""The labels of single syncs, as a table has them."""


def state_of(connection: Connection) -> str:
    """
    Return the state of a connection as one word, the first that applies.

    `paused`; a setup state such as `broken` or `incomplete`; the sync state.
    """
    if connection.is_paused:
        return "paused"
    setup = connection.status.setup_state.casefold()
    if setup and not connection.is_connected:
        return setup
    return connection.sync_state.casefold() or "unknown"


def connection_record(connection: Connection) -> Record:
    """Return the record of one listed connection."""
    row = (
        connection.id,
        connection.group_id,
        connection.service,
        connection.schema,
        state_of(connection),
        connection.succeeded_at,
    )
    return Record(row, functools.partial(document_of, connection))


def groups_table(tallies: Iterable[GroupTally]) -> OutputTable:
    """Return the table of groups, with a column for each state that occurs."""
    found = {state for tally in tallies for state in tally.states}
    states = [*(state for state in _STATES if state in found), *sorted(found.difference(_STATES))]
    headings = ("group", "id", "connections", *states)
    blank = functools.partial(_group_document, GroupTally(Group(id="")))
    return OutputTable(
        "groups",
        headings,
        range(2, len(headings)),
        # A state that no connection has now is a column all the same.
        example=lambda: {**dict.fromkeys(("error", *_STATES)), **blank()},
    )


def group_record(tally: GroupTally, table: OutputTable) -> Record:
    """Return the record of one group, with the columns of `groups_table`."""
    states = table.headings[3:]
    total: Cell = "?" if tally.failure else tally.states.total()
    counts = (tally.states[state] or None for state in states)
    row = (tally.group.name, tally.group.id, total, *counts)
    return Record(row, functools.partial(_group_document, tally))


def _group_document(tally: GroupTally) -> Document:
    document: dict[str, JSONValue] = {
        **document_of(tally.group),
        "connections": tally.states.total(),
        "states": dict(tally.states),
    }
    if tally.failure:
        document["error"] = str(tally.failure)
    return document


def account_summary(tallies: Sequence[GroupTally]) -> Summary:
    """Return the totals of the account."""
    states = sum((tally.states for tally in tallies), collections.Counter[str]())
    unread = sum(tally.failure is not None for tally in tallies)
    groups = f"{len(tallies)} ({unread} could not be read)" if unread else str(len(tallies))
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
    connections = f"{states.total()}: {counts}" if counts else "0"
    totals: Document = {
        "groups": len(tallies),
        "unread_groups": unread,
        "connections": states.total(),
        "states": dict(states),
    }
    return Summary((("groups", groups), ("connections", connections)), lambda: {"totals": totals})


def trigger_summary(connection_id: str, response: ActionResult) -> Summary:
    """Return the summary of a triggered sync."""
    url = Connection(id=connection_id).dashboard_url
    return Summary(
        (("connection", connection_id), ("response", response.message), ("dashboard", url)),
        lambda: {"connection_id": connection_id, "message": response.message, "dashboard_url": url},
    )


def trigger_record(connection_id: str, response: ActionResult) -> Record:
    """Return the record of one of many triggered syncs."""
    return Record(
        (connection_id, None, "triggered"),
        lambda: {"id": connection_id, "result": "triggered", "message": response.message},
    )


def outcome_record(outcome: SyncOutcome) -> Record:
    """Return the record of one of many awaited syncs."""
    duration = _seconds_between(outcome.started_at, outcome.finished_at)
    row = (
        outcome.connection_id,
        outcome.status,
        outcome.started_at,
        outcome.finished_at,
        None if duration is None else duration_text(duration),
        outcome.reason or None,
    )
    return Record(row, functools.partial(_outcome_document, outcome, duration, None))


def outcome_summary(outcome: SyncOutcome, waited: float) -> Summary:
    """Return the summary of a sync that was waited for; `waited` is in seconds."""
    duration = _seconds_between(outcome.started_at, outcome.finished_at)
    fields = {
        "connection": outcome.connection_id,
        "outcome": outcome.status,
        "reason": outcome.reason,
        "duration": "" if duration is None else duration_text(duration),
        "waited": duration_text(waited),
        "dashboard": outcome.dashboard_url,
    }
    return Summary(
        [(label, value) for label, value in fields.items() if value],
        functools.partial(_outcome_document, outcome, duration, waited),
        AWAITED.headings,
    )


def _outcome_document(
    outcome: SyncOutcome, duration: float | None, waited: float | None
) -> Document:
    return {
        "connection_id": outcome.connection_id,
        "status": outcome.status,
        "reason": outcome.reason,
        "joined": outcome.joined,
        "triggers": outcome.triggers,
        "sync_id": outcome.sync_id,
        "started_at": _iso(outcome.started_at),
        "finished_at": _iso(outcome.finished_at),
        "duration_seconds": duration,
        "waited_seconds": None if waited is None else round(waited, 3),
        "dashboard_url": outcome.dashboard_url,
        "connection": document_of(outcome.connection) if outcome.connection else None,
    }


def switched_record(connection: Connection, switch: Switch, *, dry_run: bool) -> Record:
    """Return the record of a connection that was, or would be, paused or resumed."""
    result = _DONE[switch]
    if dry_run:
        is_so = (
            connection.is_syncing
            if switch == "sync"
            else connection.is_paused == (switch == "pause")
        )
        result = _ALREADY[switch] if is_so else f"would be {result}"
        if switch == "sync" and connection.is_paused:
            result = "paused: no sync would run"
    return Record(
        (connection.id, connection.schema, result),
        lambda: {
            "id": connection.id,
            "result": result,
            "connection": document_of(connection),
        },
    )


def failed_record(connection_id: str, error: Exception) -> Record:
    """Return the record of a connection that could not be paused or resumed."""
    return Record(
        (connection_id, None, "failed"),
        lambda: {"id": connection_id, "result": "failed", "error": str(error)},
    )


def duration_text(seconds: float) -> str:
    """Format a duration in seconds: `42s`, `5m 12s`, `3h 0m`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest}s" if minutes else f"{rest}s"
    return f"{minutes // 60}h {minutes % 60}m"


def _seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
