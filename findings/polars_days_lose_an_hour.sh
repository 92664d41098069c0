#!/usr/bin/env bash
# polars 2.1.0, and pandas 3.1.1 beside it.
# Guess: `group_by_dynamic(every="1d", offset="6h")` on a column with a zone counts in
# business days: each row is in one window, each window begins at 06:00 local time, also
# when the clocks change, as "1d" is documented to be a calendar day.
# Behaviour: the offset is a span of hours, taken once, before the first window. If
# the clocks change between that midnight and 06:00, all the windows of the table begin at
# 07:00, or at 05:00 in autumn, while "-18h" gives 06:00. Where the windows begin in the
# hour that is skipped, one window ends an hour before the next begins: the rows of
# that hour are in no group, without an error. In pandas "1D" ignores the offset as soon
# as the index has a zone, UTC included, with a warning, and `timedelta(days=1)`,
# which is accepted for the same, keeps it and moves to 07:00 after the change.
# Consequence: totals by day of a sync log lack an hour of rows once a year, and
# a report of one week moves its days by the week it is asked for. Subtract six hours from
# the naive local time, and group by the date of the result.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 pandas==3.1.1
cd "$dir"
"$dir/venv/bin/python" - <<'PY'
import warnings
from datetime import datetime, timedelta

import pandas
import polars

ZONE = "Europe/Berlin"  # from 02:00 to 03:00 on 29 March 2026, back on 25 October


def syncs(first: datetime, days: int) -> polars.DataFrame:
    """One row an hour."""
    hours = polars.datetime_range(
        first, first + timedelta(days=days), "1h", time_zone=ZONE, eager=True
    )
    return polars.DataFrame({"at": hours})


def windows(table: polars.DataFrame, offset: str) -> polars.DataFrame:
    return table.group_by_dynamic("at", every="1d", offset=offset).agg(rows=polars.col("at"))


def starts(table: polars.DataFrame, offset: str) -> set[str]:
    """The times of day at which the windows begin."""
    found = {f"{start:%H:%M}" for start in windows(table, offset)["at"]}
    print(f"from {table['at'][0]:%d %b %H:%M}, offset {offset}: windows begin at {found}")
    return found


assert starts(syncs(datetime(2026, 3, 27, 8), 5), "6h") == {"06:00"}
assert starts(syncs(datetime(2026, 3, 29, 4), 5), "6h") == {"07:00"}
assert starts(syncs(datetime(2026, 3, 29, 4), 5), "-18h") == {"06:00"}
assert starts(syncs(datetime(2026, 10, 25, 4), 5), "6h") == {"05:00"}

week = syncs(datetime(2026, 3, 27, 8), 6)
for offset, expected in {"6h": [], "2h": ["30 01:00"], "2h30m": ["30 02:00"]}.items():
    grouped = windows(week, offset)["rows"].explode()
    lost = week.filter(~polars.col("at").is_in(grouped.implode()))
    names = [f"{at:%d %H:%M}" for at in lost["at"]]
    print(f"offset {offset}: {len(grouped)} of {len(week)} rows are grouped, without {names}")
    assert names == expected, names

ones = pandas.Series(1, index=pandas.DatetimeIndex(week["at"].to_list()))
seen = {}
for name, series, day in (
    ("no zone", ones.tz_localize(None), "1D"),
    ("UTC", ones.tz_convert("UTC"), "1D"),
    ("local", ones, "1D"),
    ("local, timedelta", ones, timedelta(days=1)),
):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        index = series.resample(day, offset="6h").sum().index
    seen[name] = sorted({f"{start:%H:%M}" for start in index})
    print(f"pandas, {name}: windows begin at {seen[name]}, {len(caught)} warnings")
    assert bool(caught) == (seen[name] == ["00:00"]), caught
assert seen == {
    "no zone": ["06:00"],
    "UTC": ["00:00"],
    "local": ["00:00"],
    "local, timedelta": ["06:00", "07:00"],
}, seen
PY
