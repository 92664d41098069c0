#!/usr/bin/env bash
# dlt 1.31.0 with DuckDB 2.0.1 as its destination.
# Guess: `dlt.sources.incremental("at")` on the ISO timestamps of a JSON response compares
# times: dlt knows that the column holds timestamps, and loads it as TIMESTAMP WITH TIME
# ZONE. Rows at or behind the last cursor are loaded, whatever digits they are written in.
# Behaviour: the cursor is compared before anything is parsed, as text. "00:00:00.5Z" is
# smaller than "00:00:00Z", as a full stop sorts before a Z, so the row that is half a
# second later counts as seen and is dropped. Offsets are compared by their local
# digits, so one row from another zone moves the cursor ahead by that offset, and rows in
# between are dropped until the clock has caught up. Nothing is logged. Cursors
# that are `datetime` objects are compared as times.
# Consequence: clients in Java, Go and Rust leave the fraction out when it is zero, so of
# rows in the second of the last cursor some are lost, in each run, and no count or schema
# shows it. Convert the cursor to a `datetime` before the resource yields its rows.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    'dlt[duckdb]==1.31.0' duckdb==2.0.1
cd "$dir"
export RUNTIME__DLTHUB_TELEMETRY=false DLT_DATA_DIR="$dir/data"
"$dir/venv/bin/python" -W ignore - <<'PY'
from collections.abc import Callable, Iterator
from datetime import datetime

import dlt

Cursor = str | datetime
ZERO, HALF, NEXT = "00:00:00Z", "00:00:00.5Z", "00:00:01Z"
BERLIN, BETWEEN, BEHIND = "01:00:02+01:00", "00:30:00Z", "01:30:00Z"


def at(time: str) -> str:
    return f"2026-01-01T{time}"


def loaded(name: str, convert: Callable[[str], Cursor], *runs: list[str]) -> list[str]:
    """What is in the table after each run has read the rows given for it."""
    rows: list[dict[str, Cursor]] = []

    @dlt.resource(name="log", primary_key="time", write_disposition="append")
    def log(
        cursor: dlt.sources.incremental[Cursor] = dlt.sources.incremental("at"),
    ) -> Iterator[list[dict[str, Cursor]]]:
        yield rows

    pipeline = dlt.pipeline(name, destination="duckdb", dataset_name="d", pipelines_dir=".")
    for run in runs:
        rows = [{"time": time, "at": convert(at(time))} for time in run]
        pipeline.run(log())
    with pipeline.sql_client() as client:
        types = client.execute_sql('SELECT DISTINCT typeof(log."at") FROM log')
        found = client.execute_sql("SELECT log.time FROM log ORDER BY log._dlt_load_id")
    assert types == [("TIMESTAMP WITH TIME ZONE",)], types
    print(f"{name}: {[time for (time,) in found]}")
    return sorted(time for (time,) in found)


fractions = [ZERO], [ZERO, HALF, NEXT]
offsets = [BERLIN], [BETWEEN, BEHIND]
assert loaded("fractions", str, *fractions) == sorted([ZERO, NEXT])
assert loaded("offsets", str, *offsets) == sorted([BERLIN, BEHIND])
assert loaded("fractions_as_times", datetime.fromisoformat, *fractions) == sorted(
    [ZERO, HALF, NEXT]
)
assert loaded("offsets_as_times", datetime.fromisoformat, *offsets) == sorted(
    [BERLIN, BETWEEN, BEHIND]
)
PY
