"""Old setups, deselected columns and times without a time zone: the results are the same."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args

import attrs
import pytest

from fivetran_async import InvalidArgumentError
from fivetran_async.sync_logs import (
    AuditTrailEntry,
    DialectName,
    LogEntry,
    LoggedSync,
    LogRow,
    LogTables,
    MonthlyActiveRows,
    QueryKind,
    RecordsModified,
    SyncMetrics,
    TablesLike,
    query,
    tables_query,
)
from support.samples import sample
from sync_logs.databases import NEW, OLD, SPARSE, Database, tables_in
from sync_logs.hard_cases import MEASURED, NEW_YORK, minute
from sync_logs.parsing import check_columns, markers, only_statement, readable

pytestmark = pytest.mark.slow

MODELS: Final[dict[QueryKind, type[LogRow]]] = {
    "recent_syncs": LogEntry,
    "failed_syncs": LoggedSync,
    "sync_duration": LoggedSync,
    "sync_metrics": SyncMetrics,
    "schema_changes": LogEntry,
    "records_modified": RecordsModified,
    "errors": LogEntry,
    "monthly_active_rows": MonthlyActiveRows,
    "audit_trail": AuditTrailEntry,
}
"""The kinds of queries, and the models of their rows."""

each_kind = pytest.mark.parametrize("kind", MODELS)
each_dialect = pytest.mark.parametrize("dialect", get_args(DialectName))
each_zone = pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Pacific/Kiritimati"])


_known: Final[dict[tuple[str, str], LogTables]] = {}


def tables_of(database: Database, schema: str) -> LogTables:
    """Ask a database for the tables of a schema, once."""
    key = (database.dialect, schema)
    if key not in _known:
        found = tables_query(dialect=database.dialect, schema=schema)
        _known[key] = LogTables.from_rows(database.run(found))
    return _known[key]


def rows_of(
    database: Database,
    kind: QueryKind,
    schema: str,
    tables: TablesLike | None = None,
    **arguments: Any,  # noqa: ANN401
) -> list[LogRow]:
    """Run a query, by default on all columns that exist."""
    known = tables_of(database, schema) if tables is None else tables
    built = query(kind, dialect=database.dialect, schema=schema, tables=known, **arguments)
    return list(MODELS[kind].from_rows(database.run(built)))


@pytest.mark.parametrize("schema", [OLD, NEW, SPARSE])
def test_tables_are_found(database: Database, schema: str) -> None:
    """The query on the tables finds those of the schema, and all of their columns."""
    assert tables_of(database, schema).columns == {
        table: set(columns) for table, columns in tables_in(schema).items()
    }


def test_tables_of_one_database_are_found(database: Database) -> None:
    """With database and schema, only that database counts."""
    name = {"duckdb": "memory", "postgres": "postgres"}[database.dialect]
    found = tables_query(dialect=database.dialect, schema=(name, OLD))
    assert set(LogTables.from_rows(database.run(found)).columns) == set(tables_in(OLD))
    other = tables_query(dialect="duckdb", schema=("elsewhere", OLD))
    if database.dialect == "duckdb":
        with pytest.raises(InvalidArgumentError, match="no table of the log"):
            LogTables.from_rows(database.run(other))


def test_kinds_are_complete() -> None:
    """Every kind of query is compared."""
    assert set(MODELS) == set(get_args(QueryKind))


@each_kind
def test_old_and_new_tables_have_equal_results(database: Database, kind: QueryKind) -> None:
    """The same rows in old tables and in new ones give equal objects, with each filter."""
    total = 0
    for connection_id, since in (
        (None, None),
        (None, minute(25)),
        ("measured", minute(25)),
        ("overlap", minute(3)),
        ("big", datetime(2026, 11, 20, tzinfo=UTC)),
    ):
        arguments: dict[str, Any] = {"connection_id": connection_id, "since": since, "limit": 1000}
        old = rows_of(database, kind, OLD, **arguments)
        new = rows_of(database, kind, NEW, **arguments)
        assert [attrs.asdict(row) for row in old] == [attrs.asdict(row) for row in new]
        assert old == new
        total += len(new)
    print(f"{database.dialect} {kind}: {total} equal rows")  # noqa: T201
    assert total


def test_a_month_of_a_connection_is_one_row(database: Database) -> None:
    """Rows with the name in `connection_name`, in `connector_id` and in both are added up."""
    month: dict[str, Any] = {"connection_id": "big", "since": datetime(2026, 11, 1, tzinfo=UTC)}
    rows = [row.to_dict() for row in rows_of(database, "monthly_active_rows", OLD, **month)]
    found = [(row["connection_name"], row["free_type"], row["incremental_rows"]) for row in rows]
    assert found == [("shop", "PAID", 42), ("shop", "FREE", 9)]


@each_zone
def test_since_does_not_depend_on_the_session(database: Database, zone: str) -> None:
    """A filter by time finds the same rows in any time zone of the session, also in naive times."""
    expected = [(minute(60), 1), (minute(25), 2), (minute(25) + timedelta(microseconds=1), 1)]
    database.execute(f"SET TimeZone = '{zone}'")
    try:
        for schema in (OLD, NEW):
            for since, count in expected:
                arguments: dict[str, Any] = {"connection_id": "measured", "since": since}
                assert len(rows_of(database, "sync_duration", schema, **arguments)) == count
                metrics = rows_of(database, "sync_metrics", schema, **arguments)
                assert metrics == list(MEASURED)[: len(metrics)]
                assert len(metrics) == count
            for since, ids in ((minute(10), ["3", "2"]), (minute(10.1), ["3"]), (minute(21), [])):
                trail = rows_of(database, "audit_trail", schema, since=since)
                assert [entry.to_dict()["id"] for entry in trail] == ids
            starts = rows_of(database, "recent_syncs", schema, connection_id="overlap")
            assert [each.to_dict()["time_stamp"] for each in starts] == [
                "2026-11-01T06:10:00Z",
                "2026-11-01T05:50:00Z",
                "2026-11-01T05:40:00Z",
                "2026-11-01T05:30:00Z",
            ]
            since = minute(19.9)
            starts = rows_of(database, "recent_syncs", schema, connection_id="overlap", since=since)
            assert len(starts) == 2
    finally:
        database.execute(f"SET TimeZone = '{NEW_YORK}'")


NOT_WITHOUT: Final[dict[QueryKind, str]] = {
    "failed_syncs": "event",
    "sync_metrics": "message_data",
    "records_modified": "message_data",
    "errors": "",
}
"""Kinds that require more than `SPARSE` has, and what they lack."""


@each_kind
def test_deselected_columns_are_empty(database: Database, kind: QueryKind) -> None:
    """A query works without columns that it can do without; others raise an error of ours."""
    if NOT_WITHOUT.get(kind):
        with pytest.raises(InvalidArgumentError, match=f"no column {NOT_WITHOUT[kind]} in the"):
            rows_of(database, kind, SPARSE)
        return
    full = rows_of(database, kind, NEW, limit=1000)
    sparse = rows_of(database, kind, SPARSE, limit=1000)
    assert sparse
    if kind in {"recent_syncs", "schema_changes"}:
        # Without ids, duplicates are not removed.
        assert {str(row.to_dict().get("time_stamp")) for row in full} == {
            str(row.to_dict().get("time_stamp")) for row in sparse
        }
    for row in sparse:
        assert not {"sync_id", "message_data", "destination_id", "new_values"} & set(row.to_dict())


def test_connections_are_found_without_a_destination(database: Database) -> None:
    """Without `destination_id`, all connections of that name count."""
    found = rows_of(database, "monthly_active_rows", SPARSE, connection_id="small")
    assert sum(int(str(row.to_dict()["incremental_rows"])) for row in found) == 57


@pytest.mark.parametrize(
    ("kind", "dialect", "schema"),
    list(itertools.product(MODELS, get_args(DialectName), [OLD, SPARSE]))[:: sample(3, 1)],
)
def test_every_dialect_reads_only_existing_columns(
    dialect: DialectName, kind: QueryKind, schema: str
) -> None:
    """Each query is one SELECT of columns that the tables have, in all seven dialects."""
    tables = tables_in(schema)
    try:
        built = query(kind, dialect=dialect, tables=tables, connection_id="c", since=minute(0))
    except InvalidArgumentError:
        assert schema == SPARSE
        assert kind in NOT_WITHOUT
        return
    statement = only_statement(readable(built, dialect), dialect)
    check_columns(statement, dialect, known=tables)
    assert markers(statement) == 3


@each_dialect
@pytest.mark.parametrize("schema", ["logs", ("some db", "logs")])
def test_the_query_on_tables_is_one_statement(
    dialect: DialectName, schema: str | tuple[str, ...]
) -> None:
    """The query on the tables is one SELECT, with bound names."""
    built = tables_query(dialect=dialect, schema=schema)
    only_statement(readable(built, dialect), dialect)
    values = built.parameters if isinstance(built.parameters, tuple) else built.parameters.values()
    assert {"logs", "LOGS"}.intersection(map(str, values))


@pytest.mark.parametrize(
    ("kind", "tables", "message"),
    [
        ("audit_trail", {"log": ["id"]}, "no table audit_trail, which audit_trail requires"),
        ("errors", {}, "no table log"),
        ("errors", {"LOG": ["ID", "TIME_STAMP"]}, "no column event in the table log"),
        ("recent_syncs", {"log": ["time_stamp", "message_event"]}, "connection_id or connector_id"),
        ("monthly_active_rows", {"incremental_mar": ["incremental_rows"]}, "measured_date"),
        ("errors", "log", "must be LogTables or a mapping"),
        ("errors", {"log": "id"}, "map each table's name to its column names"),
        ("errors", {"log": [1]}, "map each table's name to its column names"),
        ("errors", {1: ["id"]}, "map each table's name to its column names"),
        ("errors", {"log": 5}, "map each table's name to its column names"),
    ],
)
def test_unusable_tables_are_refused(kind: QueryKind, tables: Any, message: str) -> None:  # noqa: ANN401
    """The error names the table or the column that the query requires."""
    with pytest.raises(InvalidArgumentError, match=message):
        query(kind, dialect="duckdb", tables=tables)


def test_a_connection_needs_a_table_of_connections() -> None:
    """Monthly active rows of one connection require a table of connections, in either name."""
    measured = tables_in(NEW)["incremental_mar"]
    tables: dict[str, Any] = {"incremental_mar": measured}
    assert "EXISTS" not in query("monthly_active_rows", dialect="duckdb", tables=tables).sql
    with pytest.raises(InvalidArgumentError, match="no table connector"):
        query("monthly_active_rows", dialect="duckdb", tables=tables, connection_id="c")


@pytest.mark.parametrize(
    ("rows", "message"),
    [([], "no table of the log"), ([{"table_name": "log"}], "table_name and column_name")],
)
def test_other_rows_are_not_tables(rows: list[dict[str, str]], message: str) -> None:
    """Rows of another query are refused, and so is an empty result."""
    with pytest.raises(InvalidArgumentError, match=message):
        LogTables.from_rows(rows)
