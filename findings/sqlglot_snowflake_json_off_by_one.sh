#!/usr/bin/env bash
# sqlglot 30.30.0 and DuckDB 2.0.1.
# Guess: a query over the JSON column of a log table in Snowflake, translated for a
# local DuckDB, returns the same rows or fails to parse.
# Behaviour: it runs and returns other rows. `data['attempts'][0]` is read as an array
# subscript, so the index is raised by one for DuckDB's arrays, but DuckDB counts JSON
# elements from zero: the second element comes back, or NULL. The notation
# `data:attempts[0]` for the same value is right. `data:status::string` keeps the
# JSON quotes, so `= 'SUCCESSFUL'` is true for no row.
# Consequence: a test suite that runs warehouse SQL locally gets empty and shifted
# results that look like missing data. Write paths with the colon in such a suite, and
# extract text with JSON_EXTRACT_PATH_TEXT, which translates well.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    sqlglot==30.30.0 duckdb==2.0.1
"$dir/venv/bin/python" - <<'PY'
import duckdb
import sqlglot

connection = duckdb.connect()
connection.execute("CREATE TABLE log (id INTEGER, data JSON)")
connection.execute(
    "INSERT INTO log VALUES"
    """ (1, '{"status": "SUCCESSFUL", "attempts": [10, 20]}'),"""
    """ (2, '{"status": "FAILURE", "attempts": [30]}')"""
)


def run(query: str) -> list[object]:
    translated = sqlglot.transpile(query, read="snowflake", write="duckdb")[0]
    rows = [row[0] for row in connection.execute(translated).fetchall()]
    print(f"{query}\n  as {translated}\n  is {rows}")
    return rows


by_colon = run("SELECT data:attempts[0]::int FROM log ORDER BY id")
by_bracket = run("SELECT data['attempts'][0]::int FROM log ORDER BY id")
text = run("SELECT data:status::string FROM log ORDER BY id")
matching = run("SELECT id FROM log WHERE data:status::string = 'SUCCESSFUL'")
by_function = run("SELECT id FROM log WHERE JSON_EXTRACT_PATH_TEXT(data, 'status') = 'SUCCESSFUL'")

assert by_colon == [10, 30], by_colon
assert by_bracket == [20, None], "brackets return the element that was asked for"
assert text == ['"SUCCESSFUL"', '"FAILURE"'], "the text comes without quotes"
assert matching == [], "the filter finds its row"
assert by_function == [1], by_function
PY
