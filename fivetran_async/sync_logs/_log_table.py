"""The SQL that reads the table LOG: its rows once each, and the members of their JSON."""

# The SQL contains no caller's text: names are quoted, values are bound.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fivetran_async.sync_logs._dialects import Dialect
from fivetran_async.sync_logs._question import CONNECTION_ID, CONNECTION_IDS, Question


def log_entries(question: Question, *always: str) -> str:
    """
    Select the rows of LOG without duplicates, which occur in the table.

    Rows with the same id and time are duplicates; ids alone are not unique.
    """
    names = question.names_in("log")
    question.require("log", "time_stamp")
    has_connection = not names.isdisjoint(CONNECTION_IDS)
    connection = question.connection() if has_connection or question.by_connection else ""
    where = question.conditions(*always, connection=f"{connection} = {CONNECTION_ID}")
    selected = [
        question.columns("log", "id", "time_stamp"),
        f"{connection or question.column('log', 'connection_id')} AS connection_id",
        question.columns("log", "event", "message_event", "message_data", "sync_id"),
        *([question.column("log", "transformation_id")] * ("transformation_id" in names)),
    ]
    newest = "l._fivetran_synced" if "_fivetran_synced" in names else "l.time_stamp"
    copies = f"""ROW_NUMBER() OVER (
    PARTITION BY l.id, l.time_stamp ORDER BY {newest} DESC)"""
    # Without ids, duplicates look like other rows of the same time.
    return f"""entries AS (
SELECT {", ".join(selected)},
  {copies if "id" in names else "1"} AS copy_number
FROM {question.table("log")} l{where})"""


def recent(question: Question) -> tuple[str, ...]:
    return (question.since("l.time_stamp"),) if question.by_time else ()


def parsed(question: Question, members: Mapping[str, Sequence[str]], *always: str) -> str:
    """Select rows of LOG with members of their data as columns; the first existing key counts."""
    dialect = question.dialect
    found = {column: _first_member(dialect, keys) for column, keys in members.items()}
    columns = ",\n  ".join(f"{read} AS {column}" for column, read in found.items())
    others = "id, time_stamp, connection_id, event, message_event, sync_id"
    return f"""{log_entries(question, *always)},
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


def _first_member(dialect: Dialect, keys: Sequence[str]) -> str:
    reads = [dialect.member("message_json", key) for key in keys]
    return reads[0] if len(reads) == 1 else f"COALESCE({', '.join(reads)})"


def literals(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
