"""
Report failed and slow syncs from the logs that Fivetran writes to a warehouse.

    python examples/sync_report.py [--database FILE] [--schema NAME] [--picture FILE]

It requires `pip install duckdb pytz`, and matplotlib for the chart of durations. With `--database`,
it reads that DuckDB database and changes nothing. Without it, it fills an embedded DuckDB with a
sample log. For another warehouse, change the `dialect` and the driver; the queries are the same.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fivetran_async.sync_logs import LoggedSync, RecordsModified, query

try:
    import duckdb
except ImportError:
    sys.exit("This example requires DuckDB: pip install duckdb pytz")

DAYS = 14
SAMPLE_END = datetime(2026, 11, 20, tzinfo=UTC)
SAMPLE = {  # connection: hours between syncs, typical minutes, one in N fails
    "postgres_orders": (6, 9, 25),
    "salesforce_crm": (6, 24, 12),
    "stripe_payments": (3, 4, 40),
    "google_ads": (12, 31, 7),
    "zendesk_tickets": (8, 14, 30),
}
REASONS = ("The access token has expired", "Could not reach the source", "Primary key is null")
COLUMNS = "connection_id, sync_id, id, time_stamp, event, message_event, message_data"


def sample_log() -> Iterator[tuple[object, ...]]:
    """Generate two weeks of a log, reproducibly."""
    dice = random.Random(7)  # noqa: S311 - not a secret
    for connection, (every, usual, failing) in SAMPLE.items():
        for number in range(DAYS * 24 // every):
            started = SAMPLE_END - timedelta(days=DAYS) + timedelta(hours=every * number)
            slower = 1 + number / 40 if connection == "salesforce_crm" else 1
            ended = started + timedelta(minutes=usual * slower * dice.uniform(0.7, 1.5))
            failed = dice.randrange(failing) == 0
            data = {"status": "FAILURE", "reason": dice.choice(REASONS)} if failed else None
            rows = {
                "schema": "shop",
                "table": connection.split("_")[1],
                "count": dice.randrange(900),
            }
            sync = (connection, f"{connection}-{number}")
            yield (*sync, f"{sync[1]}-a", started, "INFO", "sync_start", None)
            yield (
                *(*sync, f"{sync[1]}-b", started + (ended - started) / 2, "INFO"),
                *("records_modified", json.dumps({**rows, "operationType": "UPDATED"})),
            )
            yield (
                *(*sync, f"{sync[1]}-c", ended, "SEVERE" if failed else "INFO", "sync_end"),
                json.dumps(data or {"status": "SUCCESSFUL"}),
            )


def open_database(path: Path | None, schema: str) -> duckdb.DuckDBPyConnection:
    """Open the database read-only, or create one in memory with the sample log."""
    if path is not None:
        print(f"Reading your database {path}, schema {schema}.")
        return duckdb.connect(str(path), read_only=True)
    print("Reading a sample log in an embedded DuckDB: --database is not given.")
    database = duckdb.connect()
    quoted = '"' + schema.replace('"', '""') + '"'
    database.execute(f"CREATE SCHEMA {quoted}")
    database.execute(
        f"CREATE TABLE {quoted}.log (connection_id TEXT, sync_id TEXT, id TEXT,"
        " time_stamp TIMESTAMPTZ, event TEXT, message_event TEXT, message_data TEXT,"
        " _fivetran_synced TIMESTAMPTZ)"
    )
    database.executemany(
        f"INSERT INTO {quoted}.log ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        list(sample_log()),
    )
    return database


def printable(text: str) -> str:
    """Replace control characters, so that a log entry cannot control the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Format rows in aligned columns."""
    cells = [headings, *(tuple(map(printable, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(padded)}".rstrip()


def when(moment: datetime | None) -> str:
    """Format a time in UTC, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "unknown"


def minutes(seconds: float) -> str:
    """Format a duration in seconds as minutes."""
    return f"{seconds / 60:.1f} min"


def durations(syncs: Iterable[LoggedSync]) -> dict[str, list[float]]:
    """Return the durations of each connection in seconds, slowest connection first."""
    known: dict[str, list[float]] = collections.defaultdict(list)
    for sync in syncs:
        if sync.duration_seconds is not None:
            known[sync.connection_id].append(sync.duration_seconds)
    return dict(sorted(known.items(), key=lambda item: -sum(item[1]) / len(item[1])))


def draw(syncs: Iterable[LoggedSync], path: Path) -> str:
    """Draw the durations of each connection over time; return a line about the file."""
    try:
        import matplotlib as mpl  # noqa: PLC0415 - optional

        mpl.use("Agg")
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        return "For a chart of durations over time: pip install matplotlib"
    lines: dict[str, list[tuple[datetime, float]]] = collections.defaultdict(list)
    for sync in syncs:
        if sync.ended_at is not None and sync.duration_seconds is not None:
            lines[sync.connection_id].append((sync.ended_at, sync.duration_seconds / 60))
    # matplotlib's types are incomplete.
    figure: Any = Figure(figsize=(11, 5), layout="constrained")
    axes = figure.subplots()
    for connection, points in sorted(lines.items()):
        times, values = zip(*sorted(points), strict=True)
        axes.plot(times, values, marker=".", label=printable(connection))
    axes.set(title="Duration of syncs", ylabel="minutes")
    if lines:
        axes.legend(loc="upper left")
    figure.autofmt_xdate()
    figure.savefig(path, dpi=110)
    return f"Durations over time: {path}"


def report(
    failures: list[LoggedSync], syncs: list[LoggedSync], changes: list[RecordsModified]
) -> Iterator[str]:
    """Format the three tables."""
    yield f"\nLatest failures, of {len(syncs)} syncs"
    yield from table(
        ("ended (UTC)", "connection", "status", "reason"),
        (
            (when(sync.ended_at), sync.connection_id, sync.status or "unknown", sync.reason or "")
            for sync in failures
        ),
    )
    yield "\nSlowest connections"
    yield from table(
        ("connection", "syncs", "average", "longest"),
        (
            (name, str(len(taken)), minutes(sum(taken) / len(taken)), minutes(max(taken)))
            for name, taken in durations(syncs).items()
        ),
    )
    yield "\nMost rows written"
    yield from table(
        ("connection", "table", "operation", "rows"),
        (
            (
                each.connection_id,
                f"{each.schema_name}.{each.table_name}",
                each.operation_type or "unknown",
                f"{each.row_count:,}",
            )
            for each in changes
        ),
    )


def main() -> None:
    """Run the queries and print the report."""
    parser = argparse.ArgumentParser(description="Report failed and slow syncs.")
    parser.add_argument("--database", type=Path, help="a DuckDB database; default: a sample log")
    parser.add_argument("--schema", default="fivetran_metadata", help="schema of the log tables")
    parser.add_argument(
        "--picture", type=Path, default=Path(tempfile.gettempdir()) / "sync_report.png"
    )
    options = parser.parse_args()
    schema = options.schema
    with open_database(options.database, schema) as database:
        statement = query("failed_syncs", dialect="duckdb", schema=schema, limit=10)
        failures = LoggedSync.from_rows(database.execute(statement.sql, statement.parameters))
        statement = query("sync_duration", dialect="duckdb", schema=schema, limit=10_000)
        syncs = LoggedSync.from_rows(database.execute(statement.sql, statement.parameters))
        statement = query("records_modified", dialect="duckdb", schema=schema, limit=5)
        changes = RecordsModified.from_rows(database.execute(statement.sql, statement.parameters))
    print(*report(failures, syncs, changes), sep="\n")
    print(f"\n{draw(syncs, options.picture)}")


if __name__ == "__main__":
    try:
        main()
    except duckdb.Error as error:
        sys.exit(f"Could not read the log: {error}")
