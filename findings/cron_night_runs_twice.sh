#!/usr/bin/env bash
# croniter 7.0.0, cronsim 2.8, APScheduler 3.11.3 and the schedules of dagster 1.13.29.
# Guess: a daily cron expression runs once a day, also in the two nights in which the
# clocks change. cron itself takes care of that, and these libraries are told the zone.
# Behaviour: "30 2 * * *" in Berlin has another meaning in each. In autumn, when 02:30 comes
# twice, croniter and APScheduler run the job twice, cronsim at the first 02:30, and
# dagster at the second, an hour later. In spring, when it does not come at all, the job runs
# at 03:00, except in APScheduler, which runs it at 03:30 and calls that time 02:30. An hour
# that is one of several is moved to 03:00 as well, a quarter of an hour before its
# neighbour, while APScheduler leaves it out. A job of each hour is alike in all.
# Consequence: a nightly load runs twice once a year, under one date and local time if its
# runs are keyed by these, and a job that is moved to another scheduler starts
# an hour off. Keep daily jobs out of the hours that change, or schedule them in UTC.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    croniter==7.0.0 cronsim==2.8 apscheduler==3.11.3 dagster==1.13.29
cd "$dir"
DAGSTER_DISABLE_TELEMETRY=1 DAGSTER_HOME="$dir" "$dir/venv/bin/python" -W ignore - <<'PY'
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import takewhile
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from croniter import croniter
from cronsim import CronSim
from dagster import TimeWindowPartitionsDefinition

NAME = "Europe/Berlin"
ZONE = ZoneInfo(NAME)
SPRING = datetime(2026, 3, 29, 0, 30, tzinfo=ZONE)  # 01:59:59+01 is followed by 03:00:00+02
AUTUMN = datetime(2026, 10, 25, 0, 30, tzinfo=ZONE)  # 02:59:59+02 is followed by 02:00:00+01


def by_croniter(cron: str, start: datetime) -> Iterator[datetime]:
    return croniter(cron, start).all_next(datetime)


def by_cronsim(cron: str, start: datetime) -> Iterator[datetime]:
    return CronSim(cron, start)


def by_apscheduler(cron: str, start: datetime) -> Iterator[datetime]:
    trigger = CronTrigger.from_crontab(cron, timezone=ZONE)
    previous = None
    while True:
        previous = trigger.get_next_fire_time(previous, previous or start)
        yield previous


def by_dagster(cron: str, start: datetime) -> Iterator[datetime]:
    windows = TimeWindowPartitionsDefinition(
        start=start, timezone=NAME, fmt="%Y-%m-%d %H:%M%z", cron_schedule=cron
    )
    for key in windows.get_partition_keys(current_time=start + timedelta(days=3)):
        yield windows.time_window_for_partition_key(key).start


def runs(cron: str, start: datetime) -> dict[str, str]:
    """The runs of that day, each in UTC and as the library calls it."""
    found = {}
    for times in (by_croniter, by_cronsim, by_apscheduler, by_dagster):
        day = takewhile(lambda at: at.date() == start.date(), times(cron, start))
        found[times.__name__.removeprefix("by_")] = ", ".join(
            f"{at.astimezone(timezone.utc):%H:%M}Z {at:%H:%M}" for at in day
        )
    print(f"{cron} on {start:%d %B}:")
    for name, text in found.items():
        print(f"  {name}: {text if len(text) < 80 else text.count(',') + 1}")
    return found


first, second, moved = "00:30Z 02:30", "01:30Z 02:30", "01:00Z 03:00"
daily = runs("30 2 * * *", AUTUMN)
assert daily == {
    "croniter": f"{first}, {second}",
    "cronsim": first,
    "apscheduler": f"{first}, {second}",
    "dagster": second,
}, daily
daily = runs("30 2 * * *", SPRING)
assert daily == {
    "croniter": moved, "cronsim": moved, "apscheduler": second, "dagster": moved
}, daily  # fmt: skip
some = runs("15 1-3 * * *", SPRING)
without = "00:15Z 01:15, 01:15Z 03:15"
inserted = f"00:15Z 01:15, {moved}, 01:15Z 03:15"
assert some == {
    "croniter": inserted, "cronsim": inserted, "apscheduler": without, "dagster": inserted
}, some  # fmt: skip
for start in (AUTUMN, SPRING):
    hourly = runs("15 * * * *", start)
    assert len(set(hourly.values())) == 1, hourly
PY
