"""The SQL of `sync_metrics`: what the entries of each sync report, added up."""

# The SQL contains no caller's text: names are quoted, values are bound.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fivetran_async.sync_logs._log_table import literals, parsed
from fivetran_async.sync_logs._question import LIMIT, Question

_SECONDS: Final = ("extract_time_s", "process_time_s", "load_time_s", "total_time_s")
_VOLUMES: Final = ("extract_volume_mb", "process_volume_mb", "load_volume_mb")
_COUNTS: Final = ("total_rows", "total_size", "total_queries")
_METRIC_EVENTS: Final = (
    "sync_start",
    "sync_end",
    "sync_stats",
    "extract_summary",
    "records_modified",
    "write_to_table_start",
    "write_to_table_end",
)
_WRITTEN_TABLE: Final = "CONCAT(CONCAT(COALESCE(schema_name, ''), '.'), table_name)"


def sync_metrics(question: Question) -> str:
    """
    Add up what the entries of each sync report.

    An attempt that is rescheduled has figures of its own, with the id of the same sync.
    """
    question.require("log", "message_event", "message_data", "sync_id")
    keys = {name: [name, _camel_case(name)] for name in (*_SECONDS, *_VOLUMES, *_COUNTS)}
    names = {"status": ["status"], "schema_name": ["schema"], "table_name": ["table"]}
    events = parsed(
        question,
        {**names, **keys, "modified_count": ["count"]},
        f"l.message_event IN ({literals(_METRIC_EVENTS)})",
        "l.sync_id IS NOT NULL",
        f"{question.connection()} IS NOT NULL",
    )
    dialect = question.dialect

    def total(name: str, event: str, read: Callable[[str], str] = dialect.number) -> str:
        return f"SUM({_of(event, read(name))})"

    def counted(name: str) -> str:
        return total(name, "extract_summary", dialect.integer)

    queries = "total_queries"
    columns = {
        "started_at": f"MIN({_of('sync_start', 'time_stamp')})",
        "ended_at": f"MAX({_of('sync_end', 'time_stamp')})",
        "last_event_at": "MAX(time_stamp)",
        "status": f"MAX({_of('sync_end', 'UPPER(status)', 'recency = 1')})",
        **{name.replace("_time_s", "_seconds"): total(name, "sync_stats") for name in _SECONDS},
        **{name: total(name, "sync_stats") for name in _VOLUMES},
        "extracted_rows": counted("total_rows"),
        "extracted_bytes": counted("total_size"),
        "query_count": (
            f"COALESCE({counted(queries)}, {total(queries, 'sync_stats', dialect.integer)})"
        ),
        "modified_rows": total("modified_count", "records_modified", dialect.integer),
        "tables_written": f"COUNT(DISTINCT {_of('write_to_table_end', _WRITTEN_TABLE)})",
        "first_write_at": f"MIN({_of('write_to_table_start', 'time_stamp')})",
        "last_write_at": f"MAX({_of('write_to_table_end', 'time_stamp')})",
    }
    made = ",\n  ".join(f"{read} AS {name}" for name, read in columns.items())
    shown = [name for name in columns if name != "last_event_at"]
    latest = "COALESCE(ended_at, last_event_at)"
    select = f""" connection_id, sync_id, {", ".join(shown)},
  {dialect.seconds_between("started_at", "ended_at")} AS duration_seconds,
  {dialect.seconds_between("first_write_at", "last_write_at")} AS write_seconds
FROM metrics{question.conditions(time=question.since(latest))}
ORDER BY {latest} DESC, connection_id, sync_id"""
    return f"""WITH {events},
ranked AS (
SELECT time_stamp, connection_id, sync_id, message_event, {", ".join([*names, *keys])},
  modified_count, ROW_NUMBER() OVER (
    PARTITION BY connection_id, sync_id, message_event ORDER BY time_stamp DESC, id DESC) AS recency
FROM events),
metrics AS (
SELECT connection_id, sync_id, {made}
FROM ranked
GROUP BY connection_id, sync_id)
{dialect.first_rows(select, LIMIT)}"""


def _of(event: str, value: str, condition: str = "") -> str:
    """Return a value in the rows of one event, and NULL in others."""
    also = f" AND {condition}" if condition else ""
    return f"CASE WHEN message_event = '{event}'{also} THEN {value} END"


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
