#!/usr/bin/env bash
# sqlglot 30.30.0 and DuckDB 2.0.1; Databricks' side as its SQL reference states it.
# Guess: a translator that rewrites weeks, months and NULL order with care also keeps
# the meaning of the plainer functions: how many hours a sync took, which weekday it
# ran on, the integer part of a number.
# Behaviour: names are carried over as they are. Databricks' DATEDIFF(HOUR, a, b)
# counts whole elapsed hours, DuckDB's DATE_DIFF counts the hours on the clock that
# begin in between: a sync from 10:59 to 11:01 lasts one hour. DuckDB's DATE_SUB, which
# counts whole ones, is not used. DAYOFWEEK is 1 to 7 there and 0 to 6 here. CAST to
# INT cuts off there and rounds here.
# Consequence: durations, weekday reports and buckets of a log table are off by one in
# the local copy, by rows rather than throughout. What survives: DATEDIFF in seconds,
# divided and cut by FLOOR, and weekdays by name.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    sqlglot==30.30.0 duckdb==2.0.1
"$dir/venv/bin/python" - <<'PY'
import duckdb
import sqlglot

START = "TIMESTAMP '2026-01-04 10:59:00'"  # a Sunday
END = "TIMESTAMP '2026-01-04 11:01:00'"
CASES = (  # query, what Databricks returns, what DuckDB returns
    (f"SELECT DATEDIFF(HOUR, {START}, {END})", 0, 1),
    (f"SELECT TIMESTAMPDIFF(HOUR, {START}, {END})", 0, 1),
    (f"SELECT DAYOFWEEK({START})", 1, 0),
    ("SELECT CAST(2.5 AS INT)", 2, 3),
    (f"SELECT FLOOR(DATEDIFF(SECOND, {START}, {END}) / 3600)", 0, 0),
    (f"SELECT DATE_FORMAT({START}, 'E')", "Sun", "Sun"),
)
for query, there, here in CASES:
    translated = sqlglot.transpile(query, read="databricks", write="duckdb")[0]
    (value,) = duckdb.execute(translated).fetchone()
    print(f"{query}\n  as {translated}\n  is {value}, was {there}")
    assert value == here, f"{query} is {value} after translation"

(whole,) = duckdb.execute(f"SELECT DATE_SUB('hour', {START}, {END})").fetchone()
print("DuckDB's own count of whole hours:", whole)
assert whole == 0
PY
