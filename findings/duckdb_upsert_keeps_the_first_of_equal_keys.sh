#!/usr/bin/env bash
# DuckDB 2.0.1, and the SQLite of Python beside it.
# Guess: when one `INSERT ... ON CONFLICT DO UPDATE` brings a key twice, the rows are applied
# in their order and the last one stays, as in SQLite, or the statement raises, as in
# PostgreSQL and as DuckDB's own MERGE does for a key that is new to the table.
# Behaviour: the first row stays and the later ones are dropped, without an error: a sum gets
# the first amount only, and the greater of two values is not found. The same rows by
# `executemany` are applied one after the other. MERGE into a row that exists lets the
# first stay if both lie within 2048 rows, and the last if they do not, in either case
# computed from the row as it was before the statement.
# Consequence: a batch of events with "started" and "done" leaves a sync at "started", and
# counters are too low, the more so the larger the batches are. Reduce each batch to one
# row a key first, by `QUALIFY row_number() OVER (...) = 1` or a `GROUP BY`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1
"$dir/venv/bin/python" - <<'PY'
import sqlite3
from collections.abc import Callable

import duckdb

EVENTS = [("orders", 1, "started", 100), ("orders", 2, "done", 250)]
UPSERT = """
    ON CONFLICT (name) DO UPDATE SET
        status = excluded.status,
        total = syncs.total + excluded.total,
        longest = CASE WHEN excluded.longest > longest THEN excluded.longest ELSE longest END"""


def loaded(connect: Callable[[], object], *, by_row: bool = False) -> tuple[object, ...]:
    """The state after a batch of two events about a sync that has a total of 7."""
    database = connect()
    database.execute(
        "CREATE TABLE syncs (name TEXT PRIMARY KEY, status TEXT, total INT, longest INT)"
    )
    database.execute("CREATE TABLE events (name TEXT, number INT, status TEXT, n INT)")
    database.execute("INSERT INTO syncs VALUES ('orders', 'idle', 7, 7)")
    database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", EVENTS)
    if by_row:
        rows = [(name, status, n, n) for name, _, status, n in EVENTS]
        database.executemany(f"INSERT INTO syncs VALUES (?, ?, ?, ?) {UPSERT}", rows)
    else:
        batch = "SELECT name, status, n, n FROM events WHERE true ORDER BY number"
        database.execute(f"INSERT INTO syncs {batch} {UPSERT}")
    return database.execute("SELECT status, total, longest FROM syncs").fetchone()


def merged(distance: int) -> tuple[object, ...]:
    """The state after a MERGE of two events with others between them."""
    with duckdb.connect() as database:
        database.execute("SET threads = 1")
        database.execute("CREATE TABLE syncs (name TEXT PRIMARY KEY, status TEXT, total INT)")
        database.execute("INSERT INTO syncs VALUES ('orders', 'idle', 7)")
        database.execute(
            "CREATE TABLE events AS SELECT 'other ' || i AS name, i AS number, 'done' AS status,"
            f" 1 AS n FROM range(1, {distance}) r(i)"
        )
        placed = [(name, (number - 1) * distance, *rest) for name, number, *rest in EVENTS]
        database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", placed)
        database.execute(
            "MERGE INTO syncs USING (FROM events ORDER BY number) e ON syncs.name = e.name"
            " WHEN MATCHED THEN UPDATE SET status = e.status, total = syncs.total + e.n"
            " WHEN NOT MATCHED THEN INSERT VALUES (e.name, e.status, e.n)"
        )
        query = "SELECT status, total FROM syncs WHERE name = 'orders'"
        return database.execute(query).fetchone()


def in_memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:")


seen = {
    "SQLite, one statement": loaded(in_memory),
    "SQLite, row by row": loaded(in_memory, by_row=True),
    "DuckDB, one statement": loaded(duckdb.connect),
    "DuckDB, row by row": loaded(duckdb.connect, by_row=True),
    "DuckDB, MERGE of neighbours": merged(1),
    "DuckDB, MERGE 2047 rows apart": merged(2047),
    "DuckDB, MERGE 2048 rows apart": merged(2048),
}
for how, state in seen.items():
    print(f"{how}: {state}")
first, last = ("started", 107), ("done", 257)
both = ("done", 357, 250)
assert list(seen.values()) == [
    both, both, ("started", 107, 100), both, first, first, last
], seen  # fmt: skip
try:
    with duckdb.connect() as database:
        database.execute("CREATE TABLE syncs (name TEXT PRIMARY KEY)")
        database.execute(
            "MERGE INTO syncs USING (SELECT 'orders' AS name UNION ALL SELECT 'orders') e"
            " ON syncs.name = e.name WHEN NOT MATCHED THEN INSERT VALUES (e.name)"
        )
except duckdb.ConstraintException as error:
    print("DuckDB, MERGE of a new key:", type(error).__name__)
else:
    raise AssertionError("MERGE takes a new key twice")
PY
