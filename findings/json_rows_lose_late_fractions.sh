#!/usr/bin/env bash
# polars 2.1.0 and DuckDB 2.0.1.
# Guess: a table made from a list of dicts, or from a file of JSON lines, holds the
# values that were in it. A value that does not fit the guessed column type widens the
# column or raises, all the more with polars' `strict=True`, which is the default.
# Behaviour: types are guessed from the first rows (100 in polars, some 20,000 in
# DuckDB), and later numbers are made to fit without a word: polars cuts 1.75 to 1 and
# turns 7 into False in a column of booleans, DuckDB rounds 1.5 to 2. polars drops keys
# that appear later, in rows or in nested objects. Other misfits do raise: late keys and
# text in DuckDB, and a plain list of numbers with the same 1.75 in polars.
# Consequence: an account listing that begins with whole hours or without an optional
# field loses data only when it grows past the sample, so tests on small accounts
# cannot see it. Pass a schema, or `infer_schema_length=None` and `sample_size=-1`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    polars==2.1.0 duckdb==2.0.1
cd "$dir"
"$dir/venv/bin/python" - <<'PY'
import json
from pathlib import Path

import duckdb
import polars

Row = dict[str, object]


def in_polars(first: Row, last: Row, **options: object) -> Row:
    """The last row, after 150 like the first one."""
    return polars.DataFrame([first] * 150 + [last], **options).row(-1, named=True)


def in_duckdb(first: Row, last: Row, options: str = "") -> Row:
    """The last row, after 30,000 like the first one."""
    Path("rows.json").write_text("\n".join(map(json.dumps, [first] * 30_000 + [last])))
    table = duckdb.sql(f"SELECT * FROM read_json('rows.json'{options})")
    return dict(zip(table.columns, table.fetchall()[-1], strict=True))


def show(name: str, value: Row) -> Row:
    print(f"{name}: {value}")
    return value


late: Row = {"hours": 1.75, "retries": 1}
assert show("polars", in_polars({"hours": 1}, late)) == {"hours": 1}
assert show("polars, strict", in_polars({"hours": 1}, late, strict=True)) == {"hours": 1}
assert show("polars, bool", in_polars({"paused": True}, {"paused": 7})) == {"paused": False}
assert show("polars, nested", in_polars({"by": {"id": 1}}, {"by": {"id": 1, "name": "x"}})) == {
    "by": {"id": 1}
}
assert show("polars, all rows", in_polars({"hours": 1}, late, infer_schema_length=None)) == late

half: Row = {"hours": 1.5}
assert show("DuckDB", in_duckdb({"hours": 1}, half)) == {"hours": 2}
assert show("DuckDB, all rows", in_duckdb({"hours": 1}, half, ", sample_size=-1")) == half

for name, act in {
    "polars, plain list": lambda: polars.Series("hours", [1] * 150 + [1.75]),
    "DuckDB, late key": lambda: in_duckdb({"hours": 1}, late),
    "DuckDB, text": lambda: in_duckdb({"hours": 1}, {"hours": "none"}),
}.items():
    try:
        act()
    except (TypeError, duckdb.InvalidInputException) as error:
        print(f"{name}: {type(error).__name__}")
    else:
        raise SystemExit(f"{name} does not raise")
PY
