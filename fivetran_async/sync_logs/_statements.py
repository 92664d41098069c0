"""The SQL of each query, with markers for its parameters."""

# The SQL contains no caller's text: names are quoted, values are bound.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from fivetran_async.sync_logs._dialects import Dialect
from fivetran_async.sync_logs.entries import FAILED_STATUSES, SCHEMA_CHANGE_EVENTS, SyncEndStatus

QueryKind: TypeAlias = Literal[
    "recent_syncs",
    "failed_syncs",
    "sync_duration",
    "schema_changes",
    "records_modified",
    "errors",
    "monthly_active_rows",
    "audit_trail",
]

MARK: Final = "\0"
"""Encloses a parameter's name. Quoted names cannot contain a control character."""

_CONNECTION_ID: Final = f"{MARK}connection_id{MARK}"
_SINCE: Final = f"{MARK}since{MARK}"
_LIMIT: Final = f"{MARK}limit{MARK}"

_LOG_COLUMNS: Final = "id, time_stamp, connection_id, event, message_event, message_data, sync_id"
_RUN_ORDER: Final = "ORDER BY time_stamp, message_event DESC, id"


@attrs.frozen
class Question:
    """The checked arguments of a query."""

    dialect: Dialect
    schema: str
    by_connection: bool
    by_time: bool
    deprecated_columns: bool

    def table(self, name: str) -> str:
        return f"{self.schema}.{self.dialect.identifier(name)}"

    def renamed(self, current: str, deprecated: str) -> str:
        return f"COALESCE({current}, {deprecated})" if self.deprecated_columns else current

    def connection(self) -> str:
        return self.renamed("l.connection_id", "l.connector_id")

    def conditions(self, *always: str, connection: str = "", time: str = "") -> str:
        """Return the WHERE clause: the fixed conditions and the caller's filters."""
        chosen = [connection] * (self.by_connection and bool(connection))
        recent = [f"{time} >= {_SINCE}"] * (self.by_time and bool(time))
        found = [*always, *chosen, *recent]
        return "\nWHERE " + "\n  AND ".join(found) if found else ""


def _entries(question: Question, *always: str) -> str:
    """
    Select the rows of LOG without duplicates, which occur in the table.

    Rows with the same id and time are duplicates; ids alone are not unique.
    """
    connection = question.connection()
    where = question.conditions(*always, connection=f"{connection} = {_CONNECTION_ID}")
    return f"""entries AS (
SELECT l.id, l.time_stamp, {connection} AS connection_id, l.event, l.message_event,
  l.message_data, l.sync_id, ROW_NUMBER() OVER (
    PARTITION BY l.id, l.time_stamp ORDER BY l._fivetran_synced DESC) AS copy_number
FROM {question.table("log")} l{where})"""


def _log_entries(question: Question, *always: str) -> str:
    recent = (f"l.time_stamp >= {_SINCE}",) if question.by_time else ()
    select = f""" {_LOG_COLUMNS}
FROM entries
WHERE copy_number = 1
ORDER BY time_stamp DESC, id"""
    return f"""WITH {_entries(question, *always, *recent)}
{question.dialect.first_rows(select, _LIMIT)}"""


def _recent_syncs(question: Question) -> str:
    return _log_entries(
        question,
        "l.message_event IN ('sync_start', 'sync_end')",
        f"{question.connection()} IS NOT NULL",
    )


def _schema_changes(question: Question) -> str:
    return _log_entries(question, f"l.message_event IN ({_literals(SCHEMA_CHANGE_EVENTS)})")


def _errors(question: Question) -> str:
    return _log_entries(question, "(l.event IN ('SEVERE', 'ERROR') OR l.message_event = 'error')")


def _parsed(question: Question, members: Mapping[str, Sequence[str]], *always: str) -> str:
    """Select rows of LOG with members of their data as columns; the first existing key counts."""
    dialect = question.dialect
    found = {column: _first_member(dialect, keys) for column, keys in members.items()}
    columns = ",\n  ".join(f"{read} AS {column}" for column, read in found.items())
    others = "id, time_stamp, connection_id, event, message_event, sync_id"
    return f"""{_entries(question, *always)},
texts AS (
SELECT {others}, {dialect.as_text("message_data")} AS message_text
FROM entries
WHERE copy_number = 1),
unwrapped AS (
SELECT {others}, {dialect.unwrap("message_text")} AS message_text
FROM texts),
parsed AS (
SELECT {others}, {dialect.parse("message_text")} AS message_json
FROM unwrapped),
events AS (
SELECT {others},
  {columns}
FROM parsed)"""


def _syncs(question: Question) -> str:
    """
    Combine starts and ends into syncs, by `sync_id` and not by order.

    Old rows lack a `sync_id`. They are split into runs: a run ends before a start, and after a
    final end, so that a missing start makes a duration unknown, not wrong. A rescheduled sync
    continues in the same run.
    """
    events = _parsed(
        question,
        {"status": ["status"], "reason": ["reason"]},
        "l.message_event IN ('sync_start', 'sync_end')",
        f"{question.connection()} IS NOT NULL",
    )
    of_one_id = "PARTITION BY connection_id, sync_id"
    of_one_run = f"{of_one_id}, run_number, message_event"
    goes_on = f"previous_event = 'sync_end' AND previous_status = '{SyncEndStatus.RESCHEDULED}'"
    return f"""WITH {events},
neighbours AS (
SELECT id, time_stamp, connection_id, event, message_event, sync_id, UPPER(status) AS status,
  reason,
  LAG(message_event) OVER ({of_one_id} {_RUN_ORDER}) AS previous_event,
  LAG(UPPER(status)) OVER ({of_one_id} {_RUN_ORDER}) AS previous_status
FROM events),
runs AS (
SELECT id, time_stamp, connection_id, event, message_event, sync_id, status, reason,
  SUM(CASE
    WHEN sync_id IS NOT NULL THEN 0
    WHEN {goes_on} THEN 0
    WHEN message_event = 'sync_start' OR previous_event = 'sync_end' THEN 1
    ELSE 0 END) OVER (
    {of_one_id} {_RUN_ORDER} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run_number
FROM neighbours),
ranked AS (
SELECT time_stamp, connection_id, event, message_event, sync_id, status, reason, run_number,
  ROW_NUMBER() OVER ({of_one_run} ORDER BY time_stamp DESC, id DESC) AS recency
FROM runs),
syncs AS (
SELECT connection_id, sync_id,
  MIN(CASE WHEN message_event = 'sync_start' THEN time_stamp END) AS started_at,
  MAX(CASE WHEN message_event = 'sync_end' THEN time_stamp END) AS ended_at,
  MAX(CASE WHEN message_event = 'sync_end' AND recency = 1 THEN status END) AS status,
  MAX(CASE WHEN message_event = 'sync_end' AND recency = 1 THEN reason END) AS reason,
  MAX(CASE WHEN message_event = 'sync_end' AND recency = 1 THEN event END) AS severity
FROM ranked
GROUP BY connection_id, sync_id, run_number)"""


def _sync_duration(question: Question, *always: str) -> str:
    # An earlier filter would drop the start of a sync that began before `since`.
    where = question.conditions(*always, time="COALESCE(ended_at, started_at)")
    duration = question.dialect.seconds_between("started_at", "ended_at")
    select = f""" connection_id, sync_id, started_at, ended_at, status, reason,
  {duration} AS duration_seconds
FROM syncs{where}
ORDER BY COALESCE(ended_at, started_at) DESC, connection_id, sync_id"""
    return f"{_syncs(question)}\n{question.dialect.first_rows(select, _LIMIT)}"


def _failed_syncs(question: Question) -> str:
    return _sync_duration(
        question,
        f"(status IN ({_literals(FAILED_STATUSES)}) OR (status IS NULL AND severity = 'SEVERE'))",
    )


def _records_modified(question: Question) -> str:
    members = {
        "schema_name": ["schema"],
        "table_name": ["table"],
        "operation_type": ["operation_type", "operationType"],
        "rows_modified": ["count"],
    }
    recent = (f"l.time_stamp >= {_SINCE}",) if question.by_time else ()
    what = "connection_id, schema_name, table_name, operation_type"
    total = f"COALESCE(SUM({question.dialect.integer('rows_modified')}), 0)"
    select = f""" {what}, {total} AS row_count,
  MIN(time_stamp) AS first_modified_at, MAX(time_stamp) AS last_modified_at
FROM events
GROUP BY {what}
ORDER BY row_count DESC, {what}"""
    return f"""WITH {_parsed(question, members, "l.message_event = 'records_modified'", *recent)}
{question.dialect.first_rows(select, _LIMIT)}"""


def _monthly_active_rows(question: Question) -> str:
    name = question.renamed("m.connection_name", "m.connector_name")
    day = question.dialect.utc_day("m.measured_date")
    # Names are only unique within a destination, and the table lacks an id.
    of_connection = f"""EXISTS (
    SELECT 1 FROM {question.table("connection")} c
    WHERE c.connection_id = {_CONNECTION_ID}
      AND c.connection_name = {name} AND c.destination_id = m.destination_id)"""
    what = """measured_month, destination_id, connection_name, schema_name, table_name,
  sync_type, free_type"""
    select = f""" {what}, SUM(active_rows) AS incremental_rows
FROM measured
GROUP BY {what}
ORDER BY measured_month DESC, incremental_rows DESC, destination_id, connection_name,
  schema_name, table_name, sync_type, free_type"""
    return f"""WITH measured AS (
SELECT {question.dialect.month(day)} AS measured_month, m.destination_id,
  {name} AS connection_name, m.schema_name, m.table_name, m.sync_type, m.free_type,
  m.incremental_rows AS active_rows
FROM {question.table("incremental_mar")} m{question.conditions(connection=of_connection, time=day)})
{question.dialect.first_rows(select, _LIMIT)}"""


def _audit_trail(question: Question) -> str:
    where = question.conditions(
        connection=f"{_CONNECTION_ID} IN (a.primary_resource_id, a.secondary_resource_id)",
        time="a.captured_at",
    )
    select = f""" a.id, a.captured_at, a.user_id, a.action, a.interaction_method,
  a.primary_resource_type, a.primary_resource_id, a.secondary_resource_type,
  a.secondary_resource_id, a.old_values, a.new_values
FROM {question.table("audit_trail")} a{where}
ORDER BY a.captured_at DESC, a.id"""
    return question.dialect.first_rows(select, _LIMIT)


STATEMENTS: Final[dict[str, Callable[[Question], str]]] = {
    "recent_syncs": _recent_syncs,
    "failed_syncs": _failed_syncs,
    "sync_duration": _sync_duration,
    "schema_changes": _schema_changes,
    "records_modified": _records_modified,
    "errors": _errors,
    "monthly_active_rows": _monthly_active_rows,
    "audit_trail": _audit_trail,
}
"""The function that writes each kind of query."""


def _first_member(dialect: Dialect, keys: Sequence[str]) -> str:
    reads = [dialect.member("message_json", key) for key in keys]
    return reads[0] if len(reads) == 1 else f"COALESCE({', '.join(reads)})"


def _literals(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
