#!/usr/bin/env bash
# pyiceberg 0.12.0 with pyarrow 26.0.1.
# Guess: `table.delete(condition)` removes the rows that `table.scan(condition)` shows. NULL
# fulfils neither `= 'eu'` nor `!= 'eu'`, as in SQL. How rows are spread over files
# is a matter of speed.
# Behaviour: whether a NULL is unlike 'eu' depends on its file and on the question. In a file
# without any 'eu', as its statistics tell, each row counts as deleted, and the file is
# dropped with its NULLs, which the scan does not show. In a file with an 'eu' the NULLs
# stay. In a file from before the column was added it is the other way round: the scan
# shows the rows, and the delete keeps them. After compaction both go by SQL, except for
# NOT IN, where the scan shows the rows with NULL and the delete keeps them.
# Consequence: a clean-up takes rows that its dry run did not show and leaves others that
# it did, without an error, and a test with few rows in one file sees none of it. Say in
# the condition what NULL means: `... AND region IS NOT NULL` or `... OR region IS NULL`
# gives one answer in all cases.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    "pyiceberg[sql-sqlite]==0.12.0" pyarrow==26.0.1
cd "$dir"
PYICEBERG_HOME="$dir" "$dir/venv/bin/python" -W ignore - "$dir" <<'PY'
import sys

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from pyiceberg.types import StringType

FOLDER = sys.argv[1]
OLD = [[1, 2], [3]]  # two loads from before there were regions
NEW = [[(4, None), (5, "us")], [(6, "eu"), (7, None)]]
catalog = SqlCatalog("local", uri=f"sqlite:///{FOLDER}/catalog.db", warehouse=f"file://{FOLDER}")
catalog.create_namespace("logs")


def make(name: str, *, compact: bool) -> Table:
    """The same seven rows, in a file for each load or in a single one."""
    table = catalog.create_table(f"logs.{name}", schema=pa.schema([("id", pa.int64())]))
    for ids in OLD:
        table.append(pa.table({"id": pa.array(ids, pa.int64())}))
    with table.update_schema() as change:
        change.add_column("region", StringType())
    for rows in NEW:
        ids, regions = zip(*rows)
        columns = {"id": pa.array(ids, pa.int64()), "region": pa.array(regions, pa.string())}
        table.append(pa.table(columns))
    if compact:
        table.overwrite(table.scan().to_arrow())
    return table


def ids(table: Table, condition: str | None = None) -> list[int]:
    scan = table.scan(row_filter=condition) if condition else table.scan()
    return sorted(scan.to_arrow()["id"].to_pylist())


def deleted(condition: str, *, compact: bool) -> tuple[list[int], list[int]]:
    """What a scan shows, and what a delete with the same condition removes."""
    name = f"table_{len(catalog.list_tables('logs'))}"
    table = make(name, compact=compact)
    before, shown = ids(table), ids(table, condition)
    table.delete(condition)
    removed = sorted({*before} - {*ids(table)})
    how = "one file" if compact else "a file for each load"
    print(f"{condition}, {how}: the scan shows {shown}, the delete removes {removed}")
    return shown, removed


unlike = "region != 'eu'"
assert deleted(unlike, compact=False) == ([1, 2, 3, 5], [4, 5])
assert deleted(unlike, compact=True) == ([5], [5])
neither = "region NOT IN ('eu', 'uk')"
assert deleted(neither, compact=False) == ([1, 2, 3, 4, 5, 7], [4, 5])
assert deleted(neither, compact=True) == ([1, 2, 3, 4, 5, 7], [5])
for condition, rows in (
    (f"{unlike} AND region IS NOT NULL", [5]),
    (f"{unlike} OR region IS NULL", [1, 2, 3, 4, 5, 7]),
):
    for compact in (False, True):
        assert deleted(condition, compact=compact) == (rows, rows), condition
PY
