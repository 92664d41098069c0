#!/usr/bin/env bash
# DuckDB 2.0.1.
# Guess: storing an aware datetime in a TIMESTAMP column keeps the instant in UTC, or
# raises. The same moment as ISO text, with its offset, is stored alike.
# Behaviour: three forms of one instant become three values. An aware datetime turns
# into the wall-clock time of the session's zone, which is the machine's unless it is
# set. Text ending in an offset is stored as its digits read, the offset is dropped.
# Only TIMESTAMPTZ keeps the instant. Comparing the two column kinds uses the
# session's zone as well, so on the machine that wrote the rows all looks right.
# Consequence: a log loaded on a laptop and on a CI runner in UTC differs by hours, and
# a mix of text and datetime parameters shifts single rows. Use TIMESTAMPTZ, or set
# TimeZone to UTC in each connection and convert text before it is bound.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1
cat >"$dir/look.py" <<'PY'
import datetime as dt
import json

import duckdb

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.timezone.utc)
connection = duckdb.connect()
connection.execute("CREATE TABLE log (form TEXT, plain TIMESTAMP, zoned TIMESTAMPTZ)")
for form, value in {
    "datetime": NOON,
    "text in UTC": "2026-01-01T12:00:00Z",
    "text with offset": "2026-01-01T17:00:00+05:00",
}.items():
    connection.execute("INSERT INTO log VALUES (?, ?, ?)", [form, value, value])
rows = connection.execute(
    "SELECT form, strftime(plain, '%H:%M'), epoch(zoned)::BIGINT, plain = zoned FROM log"
).fetchall()
(zone,) = connection.execute("SELECT current_setting('TimeZone')").fetchone()
print(json.dumps([zone, {form: rest for form, *rest in rows}]))
assert {row[2] for row in rows} == {int(NOON.timestamp())}, "TIMESTAMPTZ keeps the instant"
PY
there=$(TZ=America/New_York "$dir/venv/bin/python" "$dir/look.py")
here=$(TZ=UTC "$dir/venv/bin/python" "$dir/look.py")
"$dir/venv/bin/python" - "$there" "$here" <<'PY'
import json
import sys

(there_zone, there), (here_zone, here) = map(json.loads, sys.argv[1:])
for zone, rows in ((there_zone, there), (here_zone, here)):
    print(f"machine in {zone}:")
    for form, (clock, _, equal) in rows.items():
        print(f"  {form}: stored as {clock}, equal to its TIMESTAMPTZ: {equal}")
assert [row[0] for row in there.values()] == ["07:00", "12:00", "17:00"], there
assert [row[0] for row in here.values()] == ["12:00", "12:00", "17:00"], here
assert [row[2] for row in there.values()] == [True, False, False], there
PY
