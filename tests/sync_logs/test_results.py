"""The results of the queries on real databases, over the log of hard cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest

from fivetran_async.sync_logs import (
    AuditTrailEntry,
    LogEntry,
    LoggedSync,
    MonthlyActiveRows,
    QueryKind,
    RecordsModified,
    SyncMetrics,
    query,
)
from sync_logs.databases import METADATA, NATIVE, Database, DuckDB, Postgres
from sync_logs.hard_cases import (
    BROKEN_TEXTS,
    CASES,
    FAILED_PROSE,
    MEASURED,
    READABLE_TEXTS,
    Case,
    minute,
)

each_form = pytest.mark.parametrize(
    "schema", [NATIVE, pytest.param(METADATA, marks=pytest.mark.slow)]
)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)


def syncs(
    database: Database,
    kind: QueryKind = "sync_duration",
    **arguments: Any,  # noqa: ANN401
) -> list[LoggedSync]:
    """Query syncs."""
    return LoggedSync.from_rows(database.run(query(kind, dialect=database.dialect, **arguments)))


def entries(database: Database, kind: QueryKind, **arguments: Any) -> list[LogEntry]:  # noqa: ANN401
    """Query rows of the log."""
    return LogEntry.from_rows(database.run(query(kind, dialect=database.dialect, **arguments)))


@each_form
@each_case
def test_hard_case(database: Database, schema: str, case: Case) -> None:
    """Each case has the expected syncs, durations and failures."""
    found = syncs(database, schema=schema, connection_id=case.connection_id)
    for sync in found:
        minutes = "unknown" if sync.duration_seconds is None else sync.duration_seconds / 60
        print(f"{database.dialect}, {schema}: {case.title}: {sync.status}, {minutes} min")  # noqa: T201
    assert found == list(case.syncs)
    failed = [sync for sync in case.syncs if "FAIL" in (sync.status or "")]
    assert (
        syncs(database, "failed_syncs", schema=schema, connection_id=case.connection_id) == failed
    )


def test_every_sync_occurs_once(database: Database) -> None:
    """Without a connection, the query returns all syncs, newest first, and no transformations."""
    found = syncs(database, limit=1000)
    expected = [sync for case in CASES for sync in case.syncs]
    others = [sync for sync in found if sync.connection_id not in {"broken", "readable"}]
    assert sorted(map(repr, others)) == sorted(map(repr, expected))
    last = [sync.ended_at or sync.started_at or minute(0) for sync in found]
    assert last == sorted(last, reverse=True)


def test_deprecated_columns(database: Database) -> None:
    """With `deprecated_columns`, rows with only `connector_id` count for their connection."""
    found = syncs(database, connection_id="both_ids", deprecated_columns=True)
    assert [sync.sync_id for sync in found] == ["both_ids_new", "both_ids_old"]
    assert found[1].duration_seconds == 600


def test_invalid_json_does_not_fail_the_query(database: Database) -> None:
    """A sync with unreadable data has no status, and counts as failed if it is severe."""
    found = syncs(database, connection_id="broken")
    assert [sync.status for sync in found] == [None] * len(BROKEN_TEXTS)
    assert len(syncs(database, "failed_syncs", connection_id="broken")) == len(BROKEN_TEXTS)


@each_form
def test_data_is_read_as_json(database: Database, schema: str) -> None:
    """The status is read from the object itself, whatever surrounds it."""
    found = syncs(database, "failed_syncs", schema=schema, connection_id="readable")
    assert [sync.status for sync in found] == ["FAILURE"] * len(READABLE_TEXTS)


def test_since_keeps_the_start_of_a_running_sync(database: Database) -> None:
    """A sync that ended after `since` has its whole duration; earlier ones are omitted."""
    since = minute(30).astimezone(timezone(timedelta(hours=9)))
    assert [
        (sync.sync_id, sync.duration_seconds)
        for sync in syncs(database, connection_id="overlap", since=since)
    ] == [("overlap_b", 1800)]
    assert syncs(database, connection_id="overlap", since=minute(41)) == []


def test_limit_keeps_the_newest(database: Database) -> None:
    """The limit keeps the latest syncs."""
    found = syncs(database, connection_id="no_sync_id", limit=2)
    assert [sync.started_at for sync in found] == [minute(130), minute(100)]


def test_recent_syncs_are_starts_and_ends(database: Database) -> None:
    """Duplicate rows are returned once, in UTC and with parsed data."""
    first, second = entries(database, "recent_syncs", connection_id="duplicates")
    assert (first.is_sync_end, first.time_stamp, first.status) == (True, minute(10), "FAILED")
    assert (second.is_sync_start, second.time_stamp) == (True, minute(0))
    assert first.is_failed_sync
    assert first.time_stamp is not None
    assert first.time_stamp.tzinfo is UTC


@each_form
def test_schema_changes(database: Database, schema: str) -> None:
    """Schema changes are found; other events with `table` in their name are not."""
    found = entries(database, "schema_changes", schema=schema, connection_id="changes")
    assert {entry.message_event for entry in found} == {
        "create_schema",
        "create_table",
        "alter_table",
        "drop_table",
        "change_schema_config",
        "change_schema_config_via_api",
    }
    assert all(entry.is_schema_change for entry in found)
    dropped = entries(database, "schema_changes", schema=schema, connection_id="duplicates")
    assert [entry.message_data for entry in dropped] == [{"table": "b"}, {"table": "a"}]


def test_errors(database: Database) -> None:
    """Severe rows are errors, and so are failed transformations; warnings are not."""
    found = entries(database, "errors", connection_id="changes")
    assert [entry.message_event for entry in found] == ["status", "error"]
    everywhere = entries(database, "errors", limit=1000)
    of_none = [entry for entry in everywhere if entry.connection_id is None]
    assert {entry.id for entry in of_none} == {
        "transformation",
        "odd transformation",
        "dbt run",
        "skipper_breech",
    }
    texts = [entry.message_text for entry in of_none if entry.id == "skipper_breech"]
    assert texts == list(reversed(FAILED_PROSE))
    assert {entry.severity for entry in everywhere if entry.connection_id} == {"SEVERE"}


@each_form
def test_records_modified(database: Database, schema: str) -> None:
    """Counts are added up under both spellings of the key; duplicate rows count once."""

    def counts(connection_id: str, **arguments: Any) -> list[tuple[str | None, int]]:  # noqa: ANN401
        built = query(
            "records_modified",
            dialect=database.dialect,
            schema=schema,
            connection_id=connection_id,
            **arguments,
        )
        found = RecordsModified.from_rows(database.run(built))
        assert {(each.schema_name, each.table_name) for each in found} <= {("shop", "orders")}
        return [(each.operation_type, each.row_count) for each in found]

    assert counts("two_spellings") == [("REPLACED_OR_INSERTED", 11_624_686_072), ("DELETED", 7)]
    assert counts("two_spellings", since=minute(3)) == [("DELETED", 7)]
    assert counts("duplicates") == [("UPDATED", 5)]


@each_form
def test_sync_metrics(database: Database, schema: str) -> None:
    """The figures of a sync are added up over its attempts; what was not reported is None."""

    def found(**arguments: Any) -> list[SyncMetrics]:  # noqa: ANN401
        built = query("sync_metrics", dialect=database.dialect, schema=schema, **arguments)
        return SyncMetrics.from_rows(database.run(built))

    assert found(connection_id="measured") == list(MEASURED)
    # The latest entry of a running sync counts, the end of others.
    assert found(connection_id="measured", since=minute(62)) == [MEASURED[0]]
    assert found(connection_id="measured", since=minute(25)) == list(MEASURED)
    assert found(connection_id="measured", limit=1) == [MEASURED[0]]
    everywhere = {each.sync_id for each in found(limit=1000)}
    of_syncs = {sync.sync_id for case in CASES for sync in case.syncs if sync.sync_id}
    assert of_syncs <= everywhere


@each_form
def test_monthly_active_rows(database: Database, schema: str) -> None:
    """Rows are added up per month in UTC, in any time zone of the session."""

    def sums(**arguments: Any) -> list[tuple[str, str, str, int]]:  # noqa: ANN401
        built = query("monthly_active_rows", dialect=database.dialect, schema=schema, **arguments)
        return [
            (
                f"{each.measured_month:%Y-%m-%d}",
                each.destination_id,
                each.free_type,
                each.incremental_rows,
            )
            for each in MonthlyActiveRows.from_rows(database.run(built))
        ]

    november = [("2026-11-01", "warehouse", "PAID", 42), ("2026-11-01", "warehouse", "FREE", 9)]
    october = [("2026-10-01", "warehouse", "PAID", 5)]
    lake = [("2026-11-01", "lake", "PAID", 1)]
    assert sums() == [*november, *lake, *october]
    assert sums(connection_id="big") == [*november, *october]
    assert sums(connection_id="small") == lake
    assert sums(connection_id="none") == []
    # The whole month, not only the days after `since`.
    assert sums(connection_id="big", since=datetime(2026, 11, 20, tzinfo=UTC)) == november


def test_monthly_active_rows_of_old_names(database: Database) -> None:
    """With `deprecated_columns`, `connector_name` counts where the new column is missing."""
    built = query("monthly_active_rows", dialect=database.dialect, deprecated_columns=True)
    assert len(MonthlyActiveRows.from_rows(database.run(built))) == 4


@each_form
def test_audit_trail(database: Database, schema: str) -> None:
    """Changes are returned newest first, for either of the two resources that they name."""

    def found(**arguments: Any) -> list[AuditTrailEntry]:  # noqa: ANN401
        built = query("audit_trail", dialect=database.dialect, schema=schema, **arguments)
        return AuditTrailEntry.from_rows(database.run(built))

    assert [entry.id for entry in found()] == ["3", "2", "1"]
    assert [entry.id for entry in found(connection_id="small")] == ["3"]
    assert [entry.id for entry in found(connection_id="big", since=minute(5))] == ["2"]
    assert found(limit=2)[1].old_values == {"paused": True}


SEEDS_DURATION = """
WITH sync_events AS (
  SELECT connector_id, time_stamp, message_event,
    LAG(time_stamp) OVER (PARTITION BY connector_id ORDER BY time_stamp) AS prev_time
  FROM fivetran_metadata.log
  WHERE message_event IN ('sync_start', 'sync_end')
)
SELECT DATEDIFF('minute', prev_time, time_stamp) AS duration_minutes
FROM sync_events
WHERE message_event = 'sync_end' AND connector_id = ?
ORDER BY time_stamp DESC
LIMIT 20
"""
"""The query that fivetrex recommends."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("connection_id", "neighbours", "right"),
    [
        ("lost_start", [355, 5], [None, 5]),
        ("rescheduled", [359, 1], [360]),
        ("overlap", [20, 10], [30, 20]),
        ("no_sync_id", [10, 1, 55, 5], [None, 20, None, 5]),
        ("duplicates", [10, 0], [10]),
    ],
)
def test_neighbouring_rows_are_not_syncs(
    embedded: DuckDB, connection_id: str, neighbours: list[int], right: list[int | None]
) -> None:
    """Treating the row before an end as its start invents durations; ours are right or unknown."""
    wrong = [row[0] for row in embedded.execute(SEEDS_DURATION, [connection_id]).fetchall()]
    ours = [
        None if sync.duration_seconds is None else sync.duration_seconds / 60
        for sync in syncs(embedded, connection_id=connection_id)
    ]
    print(f"{connection_id}: by neighbours {wrong} min, by sync_id {ours} min")  # noqa: T201
    # Rows with the same time have no order.
    assert sorted(wrong, reverse=True) == sorted(neighbours, reverse=True)
    assert ours == right
    assert wrong != ours


@pytest.mark.slow
def test_numbered_placeholders(embedded: DuckDB, served: Postgres) -> None:
    """Queries can use numbered placeholders, as for asyncpg."""
    arguments = {"connection_id": "overlap", "since": minute(30), "limit": 5}
    numbered = query("sync_duration", dialect="duckdb", paramstyle="numeric_dollar", **arguments)  # type: ignore[arg-type]
    assert len(LoggedSync.from_rows(embedded.run(numbered))) == 1
    numbered = query("sync_duration", dialect="postgres", paramstyle="numeric_dollar", **arguments)  # type: ignore[arg-type]
    with psycopg.RawCursor(served.connection) as cursor:
        cursor.execute(numbered.sql.encode(), numbered.parameters)
        assert len(LoggedSync.from_rows(cursor)) == 1


@pytest.mark.slow
async def test_async_cursor(served: Postgres) -> None:
    """The awaited rows of an async driver are readable."""
    built = query("recent_syncs", dialect="postgres", connection_id="cancelled")
    address = served.connection.info.dsn
    async with await psycopg.AsyncConnection.connect(address) as connection:
        cursor = await connection.execute(built.sql.encode(), built.parameters)
        found = LogEntry.from_rows(await cursor.fetchall(), cursor.description)
    assert [entry.routine for entry in found] == ["sync_end", "sync_start"]
