#!/usr/bin/env bash
# DuckDB 2.0.1.
# Guess: `date_diff(part, a, b)` counts the boundaries of the part that lie between, as
# the manual says, and as DATEDIFF of Snowflake does. So the weeks between two days are
# the Mondays between them, which `date_trunc('week', ...)` also goes by.
# Behaviour: minutes, hours, days, months, quarters, years and even ISO years are counted
# by boundaries. Weeks alone are spans of seven days, rounded down: Sunday to Monday is 0
# although `date_trunc` puts them into different weeks, and `datesub`, which counts
# what has passed, gives the same number.
# Consequence: a weekly report on the sync log groups by one week and numbers by another.
# Subtract the two `date_trunc('week', ...)` and divide by seven.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1
"$dir/venv/bin/python" - <<'PY'
import duckdb

# The last seconds of an ISO year, which end a Sunday, and two seconds later.
FROM, TO = "TIMESTAMP '2023-01-01 23:59:59'", "TIMESTAMP '2023-01-02 00:00:01'"
YEARS = "TIMESTAMP '2022-12-31 23:59:59'", "TIMESTAMP '2023-01-01 00:00:01'"


def one(query: str) -> int:
    return duckdb.execute(f"SELECT {query}").fetchone()[0]


by_boundary = {
    part: one(f"date_diff('{part}', {FROM}, {TO})") for part in ("minute", "hour", "day", "isoyear")
} | {part: one(f"date_diff('{part}', {YEARS[0]}, {YEARS[1]})") for part in ("month", "quarter", "year")}
weeks = one(f"date_diff('week', {FROM}, {TO})")
calendar = one(f"(date_trunc('week', {TO})::DATE - date_trunc('week', {FROM})::DATE) // 7")
six_days = one("date_diff('week', DATE '2026-01-07', DATE '2026-01-13')")
seven_days = one("date_diff('week', DATE '2026-01-07', DATE '2026-01-14')")
print("two seconds across a boundary:", by_boundary)
print("weeks by date_diff:", weeks, "and by date_trunc:", calendar)
print("Wednesday to Tuesday:", six_days, "and to Wednesday:", seven_days)
assert set(by_boundary.values()) == {1}, by_boundary
assert (weeks, calendar, six_days, seven_days) == (0, 1, 0, 1)
PY
