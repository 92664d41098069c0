#!/usr/bin/env bash
# fivetran-connector-sdk 3.0.0, a local run into DuckDB.
# Guess: a Python `str` in a row is text in the destination. Where the type of a column
# is inferred, later values that do not fit widen it, and rows that are there keep
# what the connector sent.
# Behaviour: the type of an undeclared column comes from how a text looks, whatever its
# Python type. F and T alone make a BOOLEAN, "1.10" a DOUBLE, and "2026-01-01" a DATE. When
# a later batch turns the column into text, the earlier rows are cast from what was stored:
# F is now "false" and version 1.10 is "1.1". If all the rows come before one checkpoint,
# the same data arrives unharmed.
# Consequence: codes, versions and grades change only for sources whose first batch
# happens to look like something else, and how often the connector calls `checkpoint`
# decides what is stored. Declare each column of text as STRING in `schema()`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    fivetran-connector-sdk==3.0.0 duckdb==1.5.6
export PATH="$dir/venv/bin:$PATH"
cat >"$dir/connector.py" <<'PY'
import sys

from fivetran_connector_sdk import Connector
from fivetran_connector_sdk import Operations as op

FIRST = [("1", "F", "1.10"), ("2", "T", "2.0")]
SECOND = [("3", "M", "2.0.1")]
HOW = sys.argv[1]


def schema(configuration: dict) -> list[dict]:
    table: dict[str, object] = {"table": "rows", "primary_key": ["id"]}
    if HOW == "declared":
        table["columns"] = {"code": "STRING", "version": "STRING"}
    return [table]


def update(configuration: dict, state: dict) -> None:
    for batch in (FIRST, SECOND):
        for id, code, version in batch:
            op.upsert("rows", {"id": id, "code": code, "version": version})
        if HOW != "one checkpoint":
            op.checkpoint({})
    op.checkpoint({})


connector = Connector(update=update, schema=schema)
connector.debug(configuration={"unused": "value"})
PY
for how in "two checkpoints" "one checkpoint" declared; do
    mkdir "$dir/$how"
    cp "$dir/connector.py" "$dir/$how/connector.py"
    touch "$dir/$how/requirements.txt"
    (cd "$dir/$how" && python connector.py "$how" >log.txt 2>&1) || cat "$dir/$how/log.txt"
done
cd "$dir"
python - <<'PY'
import duckdb


def stored(how: str) -> list[tuple[object, ...]]:
    """The types and the rows that a run left behind."""
    with duckdb.connect(f"{how}/files/warehouse.db", read_only=True) as warehouse:
        query = "SELECT code, version FROM tester.rows ORDER BY id"
        rows = warehouse.execute(query).fetchall()
    print(f"{how}: {rows}")
    return rows


sent = [("F", "1.10"), ("T", "2.0"), ("M", "2.0.1")]
changed = [("false", "1.1"), ("true", "2.0"), ("M", "2.0.1")]
assert stored("two checkpoints") == changed, "the rows are as they were sent"
assert stored("one checkpoint") == sent, "one batch changes them, too"
assert stored("declared") == sent, "declared columns are changed"
PY
