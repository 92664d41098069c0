"""PURE: when connections are due to sync, by the forms of schedule that the API has."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol

import attrs

from fivetran_async.testing._facts import StoredRecord, part

_MINUTE: Final = 60.0
DAY_SECONDS: Final = 86_400.0
_MINUTES_OF_A_DAY: Final = 1_440
_DAYS: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_MONTHS: Final = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_SEARCHED_DAYS: Final = 366 * 9
"""The longest gap of a cron schedule, from one 29 February to the next, is eight years."""


class Timetable(Protocol):
    """Moments in seconds since the epoch; all are whole seconds, so that sums are exact."""

    @property
    def shortest_gap(self) -> float:
        """The shortest time between two moments, in seconds."""
        ...

    def after(self, moment: float) -> float:
        """Return the first moment after another, or infinity."""
        ...

    def until(self, moment: float) -> float:
        """Return the last moment that is not after another, or minus infinity."""
        ...


@attrs.frozen
class Never:
    """No moment: the schedule is manual, or cannot be read."""

    shortest_gap: float = math.inf

    def after(self, moment: float) -> float:
        """Return infinity."""
        del moment
        return math.inf

    def until(self, moment: float) -> float:
        """Return minus infinity."""
        del moment
        return -math.inf


@attrs.frozen
class Every:
    """A moment every `step` seconds, counted from `anchor`."""

    anchor: float
    step: float

    @property
    def shortest_gap(self) -> float:
        """The step."""
        return self.step

    def after(self, moment: float) -> float:
        """Return the first moment after another."""
        return self.until(moment) + self.step

    def until(self, moment: float) -> float:
        """Return the last moment that is not after another."""
        return self.anchor + (moment - self.anchor) // self.step * self.step


@attrs.frozen
class AtMinutes:
    """Moments at certain minutes of certain days, in UTC; `minutes` is sorted."""

    minutes: tuple[int, ...]
    fits: Callable[[date], bool]

    @property
    def shortest_gap(self) -> float:
        """The shortest time between two minutes, also across midnight."""
        following = (*self.minutes[1:], self.minutes[0] + _MINUTES_OF_A_DAY)
        return min(b - a for a, b in zip(self.minutes, following, strict=True)) * _MINUTE

    def after(self, moment: float) -> float:
        """Return the first moment after another, or infinity."""
        return self._search(moment, 1)

    def until(self, moment: float) -> float:
        """Return the last moment that is not after another, or minus infinity."""
        return self._search(moment, -1)

    def _search(self, moment: float, direction: int) -> float:
        day = datetime.fromtimestamp(moment, UTC).date()
        midnight = moment // DAY_SECONDS * DAY_SECONDS
        # The minutes up to the moment are before this index.
        index = bisect.bisect_right(self.minutes, (moment - midnight) / _MINUTE)
        chosen = self.minutes[index:] if direction > 0 else self.minutes[:index][::-1]
        for _ in range(_SEARCHED_DAYS):
            if chosen and self.fits(day):
                return midnight + chosen[0] * _MINUTE
            day, midnight = day + timedelta(direction), midnight + direction * DAY_SECONDS
            chosen = self.minutes[::direction]
        return direction * math.inf


def timetable_of(record: StoredRecord, anchor: float) -> Timetable:
    """
    Return the timetable of a connection.

    Args:
        record: The connection; `schedule` precedes the older fields.
        anchor: A moment of the timetable, for schedules that have only an interval.
    """
    try:
        return _timetable_of(record, anchor)
    except (TypeError, ValueError):
        # Set-up code can add any value.
        return Never()


def _timetable_of(record: StoredRecord, anchor: float) -> Timetable:
    schedule = part(record.get("schedule"))
    if schedule:
        return _flexible(schedule, anchor)
    if record.get("schedule_type", "auto") != "auto":
        return Never()
    frequency = max(1, int(record.get("sync_frequency") or 360))
    if frequency == _MINUTES_OF_A_DAY and record.get("daily_sync_time"):
        return _at_time(str(record["daily_sync_time"]), None)
    return Every(anchor // 1, frequency * _MINUTE)


def _flexible(schedule: StoredRecord, anchor: float) -> Timetable:
    days = schedule.get("days_of_week")
    match schedule.get("schedule_type"):
        case "INTERVAL":
            interval = max(1, int(schedule.get("interval") or 360))
            if not days or len(set(days)) == len(_DAYS):
                return Every(anchor // 1, interval * _MINUTE)
            return AtMinutes(tuple(range(0, _MINUTES_OF_A_DAY, interval)), _on(days))
        case "TIME_OF_DAY":
            return _at_time(str(schedule.get("time_of_day")), days)
        case "CRON":
            return cron(str(schedule.get("cron")))
        case _:
            return Never()


def _at_time(text: str, days: list[str] | None) -> Timetable:
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text)
    return AtMinutes((int(found[1]) * 60 + int(found[2]),), _on(days)) if found else Never()


def _on(days: list[str] | None) -> Callable[[date], bool]:
    wanted = {_DAYS.index(day) for day in days or _DAYS if day in _DAYS}
    return lambda day: day.weekday() in wanted


def cron(text: str) -> Timetable:
    """Return the timetable of a cron expression with five fields."""
    names = {day[:3]: (number + 1) % 7 for number, day in enumerate(_DAYS)}
    months = {name: number for number, name in enumerate(_MONTHS, 1)}
    fields = text.upper().split()
    if len(fields) != 5:
        return Never()
    try:
        minutes, hours = _choices(fields[0], 0, 59), _choices(fields[1], 0, 23)
        days, in_months = _choices(fields[2], 1, 31), _choices(fields[3], 1, 12, months)
        weekdays = {number % 7 for number in _choices(fields[4], 0, 7, names)}
    except ValueError:
        return Never()
    # If days and weekdays are both restricted, either of them is enough.
    either = fields[2][0] not in "*?" and fields[4][0] not in "*?"

    def fits(day: date) -> bool:
        found = day.day in days, day.isoweekday() % 7 in weekdays
        return day.month in in_months and (any(found) if either else all(found))

    return AtMinutes(tuple(sorted(h * 60 + m for h in hours for m in minutes)), fits)


def _choices(
    field: str, low: int, high: int, names: Mapping[str, int] | None = None
) -> frozenset[int]:
    """Return the numbers of one field of a cron expression; raise a ValueError if it has none."""

    def number(word: str) -> int:
        found = (names or {}).get(word)
        value = int(word) if found is None else found
        if not low <= value <= high:
            message = f"{value} is out of range"
            raise ValueError(message)
        return value

    found: set[int] = set()
    for choice in field.split(","):
        span, _, step = choice.partition("/")
        first, _, last = span.partition("-")
        if span in ("*", "?"):
            start, end = low, high
        else:
            start = number(first)
            end = number(last) if last else high if step else start
        found.update(range(start, end + 1, int(step or 1)))
    if not found:
        message = f"{field!r} has no values"
        raise ValueError(message)
    return frozenset(found)
