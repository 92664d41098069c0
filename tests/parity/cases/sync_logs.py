"""`Fivetrex.SyncLogs` and `Fivetrex.Models.LogEntry`: the sync logs in the warehouse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import duckdb

from fivetran_async.sync_logs import LogEntry, LoggedSync, QueryKind, query
from parity.seed import seed_pure

LOG: Final = """
CREATE SCHEMA fivetran_metadata;
CREATE TABLE fivetran_metadata.log (
    id VARCHAR, time_stamp TIMESTAMPTZ, connection_id VARCHAR, event VARCHAR,
    message_event VARCHAR, message_data VARCHAR, sync_id VARCHAR, _fivetran_synced TIMESTAMPTZ);
INSERT INTO fivetran_metadata.log BY POSITION
SELECT *, now() FROM (VALUES
    ('1', '2024-01-15 10:30:00Z', 'shop', 'INFO', 'sync_start', '{}', 's1'),
    ('2', '2024-01-15 10:31:00Z', 'shop', 'INFO', 'create_table', '{"table": "users"}', 's1'),
    ('3', '2024-01-15 10:40:00Z', 'shop', 'INFO', 'sync_end', '{"status": "SUCCESSFUL"}', 's1'),
    ('4', '2024-01-15 11:30:00Z', 'shop', 'INFO', 'sync_start', '{}', 's2'),
    ('5', '2024-01-15 11:45:00Z', 'shop', 'WARNING', 'sync_end', '{"status": "FAILURE"}', 's2'),
    ('6', '2024-01-15 11:50:00Z', 'crm', 'INFO', 'sync_start', '{}', 's3'))
"""


def run_query(database: duckdb.DuckDBPyConnection, kind: QueryKind) -> duckdb.DuckDBPyConnection:
    """Run a query about one connection."""
    built = query(kind, dialect="duckdb", connection_id="shop")
    return database.execute(built.sql, built.parameters)


@seed_pure("Fivetrex.SyncLogs.query_example/1")
def queries_the_logs() -> None:
    """Each of the four queries runs on a database, and returns rows of only that connection."""
    with duckdb.connect() as database:
        database.execute(LOG)
        recent = LogEntry.from_rows(run_query(database, "recent_syncs"))
        failed = LoggedSync.from_rows(run_query(database, "failed_syncs"))
        durations = LoggedSync.from_rows(run_query(database, "sync_duration"))
        changes = LogEntry.from_rows(run_query(database, "schema_changes"))
    assert [entry.id for entry in recent] == ["5", "4", "3", "1"]
    assert [sync.sync_id for sync in failed] == ["s2"]
    assert [sync.duration_seconds for sync in durations] == [900.0, 600.0]
    assert [entry.message_data for entry in changes] == [{"table": "users"}]


@seed_pure("Fivetrex.Models.LogEntry.from_row/1")
def reads_a_row() -> None:
    """A row is read from a driver's row; an invalid time is empty, and kept in `extra`."""
    entry = LogEntry.from_row(
        {
            "id": "log_123",
            "time_stamp": "2024-01-15T10:30:00Z",
            "connector_id": "conn_456",
            "event": "INFO",
            "message_event": "sync_start",
        }
    )
    assert (entry.id, entry.connector_id) == ("log_123", "conn_456")
    assert entry.time_stamp == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    unreadable = LogEntry.from_row({"id": "log_124", "time_stamp": "yesterday"})
    assert unreadable.time_stamp is None
    assert unreadable.extra == {"time_stamp": "yesterday"}


@seed_pure("Fivetrex.Models.LogEntry.from_rows/1")
def reads_rows() -> None:
    """Rows are read in order."""
    rows = [{"id": "log_1", "event": "sync_start"}, {"id": "log_2", "event": "sync_end"}]
    assert [entry.id for entry in LogEntry.from_rows(rows)] == ["log_1", "log_2"]


@seed_pure("Fivetrex.Models.LogEntry.schema_change?/1")
def row_is_a_change_of_schema() -> None:
    """`message_event` is what happened; `event` is a severity, except in some old rows."""
    for name in ("create_table", "alter_table", "drop_table", "create_schema"):
        assert LogEntry(event="INFO", message_event=name).is_schema_change
        assert LogEntry(event=name).is_schema_change
    assert not LogEntry(event="INFO", message_event="sync_start").is_schema_change


@seed_pure("Fivetrex.Models.LogEntry.sync_end?/1")
def row_is_the_end_of_a_sync() -> None:
    """`is_sync_end` is True if a sync ended."""
    assert LogEntry(event="INFO", message_event="sync_end").is_sync_end
    assert LogEntry(event="sync_end").is_sync_end
    assert not LogEntry(event="INFO", message_event="sync_start").is_sync_end


@seed_pure("Fivetrex.Models.LogEntry.sync_start?/1")
def row_is_the_start_of_a_sync() -> None:
    """`is_sync_start` is True if a sync started."""
    assert LogEntry(event="INFO", message_event="sync_start").is_sync_start
    assert LogEntry(event="sync_start").is_sync_start
    assert not LogEntry(event="INFO", message_event="sync_end").is_sync_start
