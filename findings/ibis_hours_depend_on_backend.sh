#!/usr/bin/env bash
# ibis-framework 12.0.0 on DuckDB 2.0.1 and on the PostgreSQL of pgserver 0.1.4.
# Guess: `end.delta(start, unit="hour")` is one portable expression: whole hours that
# passed, or if not that, the same count on every backend.
# Behaviour: on DuckDB it counts full hours of the clock that were passed, so a sync of a
# minute across ten o'clock lasted 1 hour. On PostgreSQL it divides the seconds and
# rounds to the nearest, so the same sync lasted 0 hours, and one of 59 minutes
# lasted 1, where DuckDB says 0. Days differ in the same way.
# Consequence: a report on the sync log that was tested on DuckDB reports other durations
# in the warehouse. Take the difference in seconds and divide by it yourself.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    'ibis-framework[duckdb,postgres]==12.0.0' duckdb==2.0.1 sqlglot==30.30.0 pgserver==0.1.4
cd "$dir"
"$dir/venv/bin/python" -W ignore - <<'PY'
import tempfile

import duckdb
import ibis
import pgserver
import psycopg

ROWS = """
    SELECT 1 AS id, TIMESTAMP '2026-01-01 09:59:30' AS began, TIMESTAMP '2026-01-01 10:00:30' AS ended
    UNION ALL SELECT 2, TIMESTAMP '2026-01-01 10:00:00', TIMESTAMP '2026-01-01 10:59:00'
    UNION ALL SELECT 3, TIMESTAMP '2026-01-01 23:50:00', TIMESTAMP '2026-01-02 00:10:00'
"""
syncs = ibis.table({"id": "int64", "began": "timestamp", "ended": "timestamp"}, name="syncs")
report = syncs.order_by("id").select(
    hours=syncs.ended.delta(syncs.began, unit="hour"),
    days=syncs.ended.delta(syncs.began, unit="day"),
    seconds=syncs.ended.delta(syncs.began, unit="second"),
)


def in_duckdb(query: str) -> list[tuple[int, ...]]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE syncs AS {ROWS}")
        return connection.execute(query).fetchall()


def in_postgres(query: str) -> list[tuple[int, ...]]:
    server = pgserver.get_server(tempfile.mkdtemp(dir="."))
    try:
        with psycopg.connect(server.get_uri()) as connection:
            connection.execute(f"CREATE TEMPORARY TABLE syncs AS {ROWS}")
            return connection.execute(query).fetchall()
    finally:
        server.cleanup()


seen = {
    "duckdb": in_duckdb(str(ibis.to_sql(report, dialect="duckdb"))),
    "postgres": in_postgres(str(ibis.to_sql(report, dialect="postgres"))),
}
for backend, rows in seen.items():
    print(f"{backend}: (hours, days, seconds) {[tuple(map(int, row)) for row in rows]}")
assert seen["duckdb"] == [(1, 0, 60), (0, 0, 3540), (1, 1, 1200)], seen
assert seen["postgres"] == [(0, 0, 60), (1, 0, 3540), (0, 0, 1200)], seen
PY
