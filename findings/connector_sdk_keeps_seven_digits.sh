#!/usr/bin/env bash
# fivetran-connector-sdk 3.0.0 with fivetran-connector-sdk-core 0.1.0, a local run into DuckDB.
# Guess: a Python `float` in a row arrives as it is, as each has 64 bits. An `int` is whole,
# and one that is too large for a BIGINT raises or becomes a decimal or a text.
# Behaviour: an undeclared float makes a FLOAT of 32 bits, which holds seven digits. A time
# in seconds is off by up to 64 of them, an amount above 10 million by half a unit. One float
# is enough to turn a column of integers into FLOAT, and the integers that are stored
# already are rounded with it. An int of 2**63 or more counts as a float: as a primary
# key, three ids of that size are one row, and the run reports three upserts.
# Consequence: ids of hashes and of unsigned columns lose rows, and sums drift only for
# large accounts, with a sync that succeeded. Whether it happens depends on the data,
# since a declared DOUBLE, DECIMAL or STRING is exact. Declare each number that may have a
# fraction or more than seven digits.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    fivetran-connector-sdk==3.0.0 fivetran-connector-sdk-core==0.1.0 duckdb==1.5.6
export PATH="$dir/venv/bin:$PATH"
cat >"$dir/connector.py" <<'PY'
import sys

from fivetran_connector_sdk import Connector
from fivetran_connector_sdk import Operations as op

DECLARED = sys.argv[1] == "declared"
# finished_at is in seconds, cost in dollars, and rows is whole until the last batch.
FIRST = {"id": 1, "finished_at": 1767225661.25, "cost": 12345678.75, "rows": 123456789}
SECOND = {"id": 2, "finished_at": 1767225601.5, "cost": 0.25, "rows": 0.5}


def schema(configuration: dict) -> list[dict]:
    runs: dict[str, object] = {"table": "runs", "primary_key": ["id"]}
    spans: dict[str, object] = {"table": "spans", "primary_key": ["id"]}
    if DECLARED:
        runs["columns"] = dict.fromkeys(("finished_at", "cost", "rows"), "DOUBLE")
        spans["columns"] = {"id": "STRING"}
    return [runs, spans]


def update(configuration: dict, state: dict) -> None:
    for row in (FIRST, SECOND):
        op.upsert("runs", row)
        op.checkpoint({})
    for number in range(3):
        op.upsert("spans", {"id": 2**63 + 1_000_000 * number, "number": number})
    op.checkpoint({})


connector = Connector(update=update, schema=schema)
connector.debug(configuration={"unused": "value"})
PY
for how in inferred declared; do
    mkdir "$dir/$how"
    cp "$dir/connector.py" "$dir/$how/connector.py"
    touch "$dir/$how/requirements.txt"
    (cd "$dir/$how" && python connector.py "$how" >log.txt 2>&1) || cat "$dir/$how/log.txt"
    grep -E "SYNC SUCCEEDED|Upserts" "$dir/$how/log.txt"
done
cd "$dir"
python - <<'PY'
import duckdb


def stored(how: str) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """The rows of both tables that a run left behind."""
    with duckdb.connect(f"{how}/files/warehouse.db", read_only=True) as warehouse:
        query = "SELECT id, finished_at, cost, rows FROM tester.runs ORDER BY id"
        runs = warehouse.execute(query).fetchall()
        spans = warehouse.execute("SELECT id, number FROM tester.spans ORDER BY id").fetchall()
    print(f"{how}:\n  runs {runs}\n  spans {spans}")
    return runs, spans


runs, spans = stored("inferred")
assert runs == [(1, 1767225600.0, 12345679.0, 123456792.0), (2, 1767225600.0, 0.25, 0.5)], runs
assert len(spans) == 1 and spans[0][0] == float(2**63), "the rows are apart"
runs, spans = stored("declared")
assert runs == [(1, 1767225661.25, 12345678.75, 123456789), (2, 1767225601.5, 0.25, 0.5)], runs
assert spans == [(str(2**63 + 1_000_000 * number), number) for number in range(3)], spans
PY
