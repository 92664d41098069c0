#!/usr/bin/env bash
# DuckDB 2.0.1, polars 2.1.0, pandas 3.1.1 and sqlglot 30.30.0.
# Guess: `arg_max(error, number)`, or MAX_BY, is the error of the row with the largest number.
# Several of them in one GROUP BY, or pandas' `last()` on sorted rows, give the latest row.
# Behaviour: a row whose error is NULL is passed over, so each column is taken from the
# last row in which it has a value. In pandas it is the same. The sync that failed and
# was then repeated is "ok" with the error of its first attempt. One `arg_max` of all the
# columns together takes the row as it is, and so do `last(error ORDER BY number)`,
# ARG_MAX_NULL and polars. sqlglot writes ARG_MAX for the MAX_BY of Spark, which returns the
# NULL of the last row, although it knows ARG_MAX_NULL from BigQuery.
# Consequence: "the current state of each connection" shows rows that never were: errors
# that are solved, an end before its start, amounts of the day before. It is right as long
# as each row is complete. Take whole rows: `arg_max(events, number)` or QUALIFY.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    duckdb==2.0.1 polars==2.1.0 pandas==3.1.1 pyarrow==26.0.1 sqlglot==30.30.0
"$dir/venv/bin/python" - <<'PY'
import duckdb
import pandas as pd
import polars as pl
import sqlglot

NAMES = ["connection", "number", "status", "error", "loaded"]
ROWS = [
    ("orders", 1, "failed", "timeout", None),
    ("orders", 2, "ok", None, 20),
    ("people", 1, "ok", None, 5),
    ("people", 2, "failed", "denied", None),
]
LATEST = {"orders": ("ok", None, 20), "people": ("failed", "denied", None)}
JOINED = {"orders": ("ok", "timeout", 20), "people": ("failed", "denied", 5)}
COLUMNS = ("status", "error", "loaded")
events = pl.DataFrame(ROWS, schema=NAMES, orient="row")
database = duckdb.connect()
database.register("events", events.to_arrow())


def by_duckdb(expression: str) -> dict[str, tuple[object, ...]]:
    wanted = ", ".join(expression.format(column) for column in COLUMNS)
    rows = database.execute(f"SELECT connection, {wanted} FROM events GROUP BY ALL").fetchall()
    return {connection: tuple(values) for connection, *values in rows}


def by_pandas() -> dict[str, tuple[object, ...]]:
    frame = pd.DataFrame(ROWS, columns=NAMES).sort_values("number")
    last = frame.groupby("connection").last()
    return {str(row[0]): tuple(row[2:]) for row in last.itertuples()}


def by_polars() -> dict[str, tuple[object, ...]]:
    last = events.sort("number").group_by("connection").agg(pl.col(*COLUMNS).last())
    return {connection: tuple(values) for connection, *values in last.iter_rows()}


whole = database.execute(
    "SELECT connection, arg_max(events, number) FROM events GROUP BY ALL"
).fetchall()
found = {
    "DuckDB, arg_max of each column": (by_duckdb("arg_max({}, number)"), JOINED),
    "DuckDB, max_by of each column": (by_duckdb("max_by({}, number)"), JOINED),
    "pandas, last()": (by_pandas(), JOINED),
    "polars, last()": (by_polars(), LATEST),
    "DuckDB, arg_max_null": (by_duckdb("arg_max_null({}, number)"), LATEST),
    "DuckDB, last in order": (by_duckdb("last({} ORDER BY number)"), LATEST),
    "DuckDB, arg_max of the row": (
        {name: tuple(row[column] for column in COLUMNS) for name, row in whole},
        LATEST,
    ),
}
for how, (rows, expected) in found.items():
    print(f"{how}: {rows}")
    assert rows == expected, how
query = "SELECT MAX_BY(error, number) FROM events"
translated = sqlglot.transpile(query, read="spark", write="duckdb")[0]
known = sqlglot.transpile(
    "SELECT ANY_VALUE(error HAVING MAX number) FROM events", read="bigquery", write="duckdb"
)[0]
print("Spark's MAX_BY:", translated)
print("BigQuery's HAVING MAX:", known)
assert "ARG_MAX(" in translated and "ARG_MAX_NULL(" in known
PY
