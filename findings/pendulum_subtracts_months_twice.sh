#!/usr/bin/env bash
# pendulum 3.3.0 (the dates that Airflow gives to tasks are pendulum's).
# Guess: for two dates `end - (end - start)` is `start`, so `start - (end - start)` is
# the start of the period before. Objects that compare equal can be put in for each other:
# the interval for its `timedelta`, a `datetime` of the standard library for pendulum's.
# Behaviour: it holds below a month. From a month on, subtracting an interval
# subtracts its months and then all its days as well: April minus March is 29 January.
# Adding it is right, and so is adding its negative, or subtracting it from a
# pendulum `Date`. Days have a twist of their own: on a local date `timedelta(days=1)`
# means 24 hours, where the same line on a standard `datetime` means the next day. Over
# the night in which the clocks go forward, an interval has `days` of 0 while
# `in_days()` is 1, and its words are "1 day" for 23 hours.
# Consequence: a report on this and the last period is right each day and each week, and the
# one by month reads two periods as one. A schedule that adds a day to a date drifts by an
# hour as soon as the date comes from Airflow. Use `subtract(months=1)` and
# `add(days=1)`, which say what is meant.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check pendulum==3.3.0
cd "$dir"
"$dir/venv/bin/python" - <<'PY'
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pendulum

start = pendulum.datetime(2026, 3, 1)
for days in (7, 30, 31, 365):
    end = start.add(days=days)
    back = end - (end - start)
    print(f"{end:%Y-%m-%d} minus its {days} days is {back:%Y-%m-%d}")
    assert (back == start) == (days < 31), back

end = pendulum.datetime(2026, 4, 1)
march = end - start
previous = {
    "start - interval": start - march,
    "start + -interval": start + -march,
    "standard - interval": datetime(2026, 3, 1, tzinfo=timezone.utc) - march,
    "date - interval": start.date() - march,
}
found = {name: f"{value:%Y-%m-%d}" for name, value in previous.items()}
print("before March:", found)
assert march == timedelta(days=31) and start + march == end
assert found == {
    "start - interval": "2026-01-01",
    "start + -interval": "2026-02-01",
    "standard - interval": "2026-01-29",
    "date - interval": "2026-02-01",
}, found

ours = pendulum.datetime(2026, 3, 28, 12, tz="Europe/Berlin")
standard = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin"))
later = {
    "standard + timedelta": standard + timedelta(days=1),
    "pendulum + timedelta": ours + timedelta(days=1),
    "pendulum add(days)": ours.add(days=1),
}
hours = {name: f"{value:%d %H:%M}" for name, value in later.items()}
print("a day after 28 March 12:00:", hours)
assert ours == standard
assert hours == {
    "standard + timedelta": "29 12:00",
    "pendulum + timedelta": "29 13:00",
    "pendulum add(days)": "29 12:00",
}, hours

night = ours.add(days=1) - ours
print("the interval:", night.in_words(), night.days, night.in_days(), night.in_hours())
assert (night.in_words(), night.days, night.in_days(), night.in_hours()) == ("1 day", 0, 1, 23)
PY
