"""The SQL of each query, with markers for its parameters."""

# The SQL contains no caller's text: names are quoted, values are bound.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from fivetran_async.sync_logs._log_table import literals, log_entries, parsed, recent
from fivetran_async.sync_logs._metrics import sync_metrics
from fivetran_async.sync_logs._question import (
    CONNECTION_ID,
    CONNECTION_IDS,
    LIMIT,
    SINCE,
    Question,
)
from fivetran_async.sync_logs.entries import FAILED_PREFIX, SCHEMA_CHANGE_EVENTS, SyncEndStatus

QueryKind: TypeAlias = Literal[
    "recent_syncs",
    "failed_syncs",
    "sync_duration",
    "sync_metrics",
    "schema_changes",
    "records_modified",
    "errors",
    "monthly_active_rows",
    "audit_trail",
]

_LOG_COLUMNS: Final = "id, time_stamp, connection_id, event, message_event, message_data, sync_id"
_CONNECTION_NAMES: Final = ("connection_name", "connector_name", "connector_id")
"""In the table `INCREMENTAL_MAR` of old setups, `connector_id` holds the name."""
_FAILED_TRANSFORMATIONS: Final = (
    "dbt_run_failed",
    "transformation_failed",
    "transformation_run_failed",
)
_RUN_ORDER: Final = "ORDER BY time_stamp, message_event DESC, id"


def _log_entries(question: Question, *always: str) -> str:
    has_transformations = "transformation_id" in question.names_in("log")
    select = f""" {_LOG_COLUMNS}{", transformation_id" * has_transformations}
FROM entries
WHERE copy_number = 1
ORDER BY time_stamp DESC, id"""
    return f"""WITH {log_entries(question, *always, *recent(question))}
{question.dialect.first_rows(select, LIMIT)}"""


def _recent_syncs(question: Question) -> str:
    question.require("log", "message_event")
    return _log_entries(
        question,
        "l.message_event IN ('sync_start', 'sync_end')",
        f"{question.connection()} IS NOT NULL",
    )


def _schema_changes(question: Question) -> str:
    question.require("log", "message_event")
    return _log_entries(question, f"l.message_event IN ({literals(SCHEMA_CHANGE_EVENTS)})")


def _errors(question: Question) -> str:
    names = question.names_in("log")
    found: list[str] = []
    if "event" in names:
        found.append("l.event IN ('SEVERE', 'ERROR')")
    if "message_event" in names:
        found.append(f"l.message_event IN ({literals(('error', *_FAILED_TRANSFORMATIONS))})")
    if not found:
        question.require("log", "event")
    if {"event", "message_data"} <= names:
        found.append(_failed_prose(question))
    return _log_entries(question, f"({' OR '.join(found)})")


def _failed_prose(question: Question) -> str:
    """
    Find failed transformations in old rows: prose instead of JSON, and no severity.

    A run that succeeded can mention failures in its result.
    """
    text = f"LOWER({question.dialect.as_text('l.message_data')})"
    return f"""(l.event IS NULL AND {text} LIKE '%fail%'
    AND {text} NOT LIKE '%has succeeded%' AND {text} NOT LIKE '{{%')"""


def _syncs(question: Question) -> str:
    """
    Combine starts and ends into syncs, by `sync_id` and not by order.

    Old rows lack a `sync_id`. They are split into runs: a run ends before a start, and after a
    final end, so that a missing start makes a duration unknown, not wrong. A rescheduled sync
    continues in the same run.
    """
    question.require("log", "message_event")
    events = parsed(
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
    ended = question.since("COALESCE(ended_at, started_at)")
    where = question.conditions(*always, time=ended)
    duration = question.dialect.seconds_between("started_at", "ended_at")
    select = f""" connection_id, sync_id, started_at, ended_at, status, reason,
  {duration} AS duration_seconds
FROM syncs{where}
ORDER BY COALESCE(ended_at, started_at) DESC, connection_id, sync_id"""
    return f"{_syncs(question)}\n{question.dialect.first_rows(select, LIMIT)}"


def _failed_syncs(question: Question) -> str:
    if "message_data" not in question.names_in("log"):
        question.require("log", "event")
    return _sync_duration(
        question,
        # Not LIKE: some drivers take the percent sign for a parameter.
        f"(LEFT(status, {len(FAILED_PREFIX)}) = '{FAILED_PREFIX}'"
        " OR (status IS NULL AND severity = 'SEVERE'))",
    )


def _records_modified(question: Question) -> str:
    question.require("log", "message_event", "message_data")
    members = {
        "schema_name": ["schema"],
        "table_name": ["table"],
        "operation_type": ["operation_type", "operationType"],
        "rows_modified": ["count"],
    }
    what = "connection_id, schema_name, table_name, operation_type"
    total = f"COALESCE(SUM({question.dialect.integer('rows_modified')}), 0)"
    select = f""" {what}, {total} AS row_count,
  MIN(time_stamp) AS first_modified_at, MAX(time_stamp) AS last_modified_at
FROM events
GROUP BY {what}
ORDER BY row_count DESC, {what}"""
    conditions = ("l.message_event = 'records_modified'", *recent(question))
    return f"""WITH {parsed(question, members, *conditions)}
{question.dialect.first_rows(select, LIMIT)}"""


def _monthly_active_rows(question: Question) -> str:
    table = "incremental_mar"
    question.require(table, "measured_date", "incremental_rows")
    name = question.first_of(table, "m", _CONNECTION_NAMES)
    day = question.dialect.utc_day("m.measured_date")
    what = """measured_month, destination_id, connection_name, schema_name, table_name,
  sync_type, free_type"""
    select = f""" {what}, SUM(active_rows) AS incremental_rows
FROM measured
GROUP BY {what}
ORDER BY measured_month DESC, incremental_rows DESC, destination_id, connection_name,
  schema_name, table_name, sync_type, free_type"""
    connection = _named_connection(question, name) if question.by_connection else ""
    where = question.conditions(connection=connection, time=f"{day} >= {SINCE}")
    others = question.columns(table, "schema_name", "table_name", "sync_type", "free_type")
    return f"""WITH measured AS (
SELECT {question.dialect.month(day)} AS measured_month,
  {question.columns(table, "destination_id")}, {name} AS connection_name,
  {others},
  m.incremental_rows AS active_rows
FROM {question.table(table)} m{where})
{question.dialect.first_rows(select, LIMIT)}"""


def _named_connection(question: Question, name: str) -> str:
    """Find the rows of a connection by its name, because the table has no ids."""
    table = "connection" if "connection" in question.tables.columns else "connector"
    names = question.names_in(table)
    found = question.first_of(table, "c", ("connection_name", "connector_name"))
    conditions = [
        f"{question.first_of(table, 'c', CONNECTION_IDS)} = {CONNECTION_ID}",
        f"{found} = {name}",
    ]
    # Names are only unique within a destination.
    if "destination_id" in names and "destination_id" in question.names_in("incremental_mar"):
        conditions.append("c.destination_id = m.destination_id")
    return f"""EXISTS (
    SELECT 1 FROM {question.table(table)} c
    WHERE {" AND ".join(conditions)})"""


def _audit_trail(question: Question) -> str:
    table = "audit_trail"
    question.require(table, "captured_at")
    connection = ""
    if question.by_connection:
        ids = ("primary_resource_id", "secondary_resource_id")
        question.first_of(table, "a", ids)
        known = ", ".join(f"a.{name}" for name in ids if name in question.names_in(table))
        connection = f"{CONNECTION_ID} IN ({known})"
    where = question.conditions(connection=connection, time=question.since("a.captured_at"))
    columns = question.columns(
        table,
        *("id", "captured_at", "user_id", "action", "interaction_method"),
        *("primary_resource_type", "primary_resource_id"),
        *("secondary_resource_type", "secondary_resource_id", "old_values", "new_values"),
    )
    select = f""" {columns}
FROM {question.table(table)} a{where}
ORDER BY a.captured_at DESC{", a.id" * ("id" in question.names_in(table))}"""
    return question.dialect.first_rows(select, LIMIT)


STATEMENTS: Final[dict[str, Callable[[Question], str]]] = {
    "recent_syncs": _recent_syncs,
    "failed_syncs": _failed_syncs,
    "sync_duration": _sync_duration,
    "sync_metrics": sync_metrics,
    "schema_changes": _schema_changes,
    "records_modified": _records_modified,
    "errors": _errors,
    "monthly_active_rows": _monthly_active_rows,
    "audit_trail": _audit_trail,
}
"""The function that writes each kind of query."""
