#!/usr/bin/env bash
# dlt 1.31.0 with DuckDB 2.0.1 as its destination.
# Guess: with `write_disposition="merge"` and a primary key, a resource that yields a key
# twice ends with the later row, as it would if each row were a run of its own. A deletion
# behind an update deletes. The strategies "delete-insert" and "upsert" differ in
# speed, and a key is in the table once.
# Behaviour: of the rows of one run the first one stays, and the later are dropped. So
# "started" wins over "done", and a change wins over the `hard_delete` behind it: the deleted
# row stays. "upsert" does not look for doubles at all: a key that is new arrives twice,
# with the child rows of both, and one that exists keeps the first. In two runs the same
# rows give the other result. `dedup_sort` on a column decides by that column.
# Consequence: what is stored depends on where the runs are cut. After an outage the
# events of hours come in one run, and each key is left at the oldest of them, with a
# cursor that is past the others. Give a sequence number with `dedup_sort="desc"`, and do
# not use "upsert" where a key can come twice.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    "dlt[duckdb]==1.31.0" duckdb==2.0.1
cd "$dir"
HOME="$dir" RUNTIME__DLTHUB_TELEMETRY=false "$dir/venv/bin/python" -W ignore - <<'PY'
from itertools import count

import dlt

NUMBERS = count()
COLUMNS = {"deleted": {"hard_delete": True}}
SORTED = {**COLUMNS, "number": {"dedup_sort": "desc"}}


def event(number: int, state: str, *, deleted: bool = False) -> dict[str, object]:
    return {"id": "sync", "number": number, "state": state, "deleted": deleted, "notes": [state]}


def stored(
    *runs: list[dict[str, object]],
    strategy: str = "delete-insert",
    columns: dict[str, dict[str, object]] = COLUMNS,
) -> tuple[list[str], list[str]]:
    """The states of the only key after these runs, and the child rows."""
    name = f"example_{next(NUMBERS)}"
    destination = dlt.destinations.duckdb(f"{name}.duckdb")
    pipeline = dlt.pipeline(
        name, destination=destination, dataset_name="logs", pipelines_dir="state"
    )
    for rows in runs:
        resource = dlt.resource(
            rows,
            name="syncs",
            primary_key="id",
            write_disposition={"disposition": "merge", "strategy": strategy},
            columns=columns,
        )
        pipeline.run(resource)
    with pipeline.sql_client() as client:
        states = client.execute_sql("SELECT state FROM syncs ORDER BY number")
        notes = client.execute_sql("SELECT value FROM syncs__notes ORDER BY value DESC")
    return [state for (state,) in states], [note for (note,) in notes]


idle, started, done = event(1, "idle"), event(2, "started"), event(3, "done")
gone = event(4, "gone", deleted=True)
cases = {
    "two runs": (stored([started], [done]), (["done"], ["done"])),
    "one run": (stored([started, done]), (["started"], ["started"])),
    "one run, the key exists": (stored([idle], [started, done]), (["started"], ["started"])),
    "one run, sorted": (stored([started, done], columns=SORTED), (["done"], ["done"])),
    "a deletion in its own run": (stored([started], [gone]), ([], [])),
    "a deletion behind a change": (stored([idle], [started, gone]), (["started"], ["started"])),
    "the same, sorted": (stored([idle], [started, gone], columns=SORTED), ([], [])),
    "upsert": (
        stored([started, done], strategy="upsert"),
        (["started", "done"], ["started", "done"]),
    ),
    "upsert, the key exists": (
        stored([idle], [started, done], strategy="upsert"),
        (["started"], ["started"]),
    ),
}
for how, (found, _) in cases.items():
    print(f"{how}: {found[0]}, child rows {found[1]}")
for how, (found, expected) in cases.items():
    assert found == expected, how
PY
