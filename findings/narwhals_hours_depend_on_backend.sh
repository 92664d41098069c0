#!/usr/bin/env bash
# narwhals 2.28.0 on polars 2.1.0, pandas 3.1.1, pyarrow 26.0.1 and DuckDB 2.0.1.
# Guess: one narwhals expression selects the same rows and gives the same numbers on each
# backend, as it has the meaning that polars gives it, or it raises where a backend has no
# equivalent. Only missing values are known to be a matter of pandas.
# Behaviour: the call is handed to the backend's own function, whatever that means by it.
# A cast to whole hours cuts in polars and pandas, rounds in DuckDB and raises in pyarrow.
# Halves are rounded to even in the first two and up in the others, so pandas differs from
# pyarrow even when its columns are pyarrow's. NaN is above each number in polars and
# DuckDB, so a filter "> 2" keeps it, and fails each comparison in the others; it is the
# maximum in DuckDB alone. Each pair of backends disagrees somewhere.
# Consequence: a library that takes "any dataframe" and is tested on one of them bills
# other hours on the next. Write `floor` before a cast, round at the output only, and
# take NaN out with `is_nan` before a filter or a maximum.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    narwhals==2.28.0 polars==2.1.0 pandas==3.1.1 pyarrow==26.0.1 duckdb==2.0.1
cd "$dir"
"$dir/venv/bin/python" -W ignore - <<'PY'
from collections.abc import Callable

import duckdb
import narwhals as nw
import pandas
import polars
import pyarrow

HOURS = [0.5, 1.7, 2.5]
hours = nw.col("hours")


def answers(values: list[float], ask: Callable[[nw.LazyFrame], nw.LazyFrame]) -> dict[str, str]:
    """The column that each backend answers with, or the error."""
    table = pyarrow.table({"hours": values})
    backends = {
        "polars": polars.DataFrame(table),
        "pandas": table.to_pandas(),
        "pandas on pyarrow": table.to_pandas(types_mapper=pandas.ArrowDtype),
        "pyarrow": table,
        "duckdb": duckdb.from_arrow(table),
    }
    found = {}
    for name, frame in backends.items():
        try:
            column = ask(nw.from_native(frame).lazy()).collect("pyarrow")["hours"].to_list()
        except pyarrow.ArrowInvalid as error:
            found[name] = type(error).__name__
        else:
            found[name] = " ".join(f"{value:g}" for value in column)
    return found


def show(what: str, found: dict[str, str]) -> dict[str, str]:
    print(f"{what}: {found}")
    return found


whole = show("cast", answers(HOURS, lambda frame: frame.select(hours.cast(nw.Int64))))
assert whole["polars"] == whole["pandas"] == "0 1 2", whole
assert whole["duckdb"] == "0 2 2", whole
assert whole["pyarrow"] == whole["pandas on pyarrow"] == "ArrowInvalid", whole

rounded = show("round", answers(HOURS, lambda frame: frame.select(hours.round(0))))
even, up = "0 2 2", "1 2 3"
assert rounded == {
    "polars": even, "pandas": even, "pandas on pyarrow": even, "pyarrow": up, "duckdb": up
}, rounded  # fmt: skip

floored = show("floor", answers(HOURS, lambda frame: frame.select(hours.floor().cast(nw.Int64))))
assert set(floored.values()) == {"0 1 2"}, floored

HOURS.append(float("nan"))
above = show("> 2", answers(HOURS, lambda frame: frame.filter(hours > 2)))
assert above["polars"] == above["duckdb"] == "2.5 nan", above
assert above["pandas"] == above["pyarrow"] == above["pandas on pyarrow"] == "2.5", above

largest = show("max", answers(HOURS, lambda frame: frame.select(hours.max())))
assert largest.pop("duckdb") == "nan" and set(largest.values()) == {"2.5"}, largest
PY
