"""Rows read by a plan of their columns equal rows that are read value by value."""

from __future__ import annotations

import functools
import json
import random
import uuid
import zoneinfo
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import pytest

from fivetran_async._codec import Drift, decode, decode_each
from fivetran_async._codec._json import Loads, rounding_loads, stdlib_loads
from fivetran_async.errors import FivetranError
from fivetran_async.sync_logs import (
    AuditTrailEntry,
    ConnectorSdkLogEntry,
    LogEntry,
    LoggedSync,
    LogRow,
    MonthlyActiveRows,
    RecordsModified,
    SyncMetrics,
)
from fivetran_async.sync_logs._rows import read_row, read_rows
from support.documents import Documents
from support.samples import sample

# The dice are those of `random`, so that the seed that pytest-randomly prints repeats a failure.
# ruff: noqa: S311

KINDS: Final = (
    LogEntry,
    ConnectorSdkLogEntry,
    AuditTrailEntry,
    MonthlyActiveRows,
    LoggedSync,
    RecordsModified,
    SyncMetrics,
)
COUNT: Final = sample(100, 5_000)
"""Results of three rows for each kind of row."""

JSON: Final = Documents(["status", "count", "operationType", "é"])
NOON: Final = datetime(2026, 11, 20, 12, 30, 1, 5, tzinfo=UTC)
ZONES: Final = (
    UTC,
    zoneinfo.ZoneInfo("America/New_York"),
    zoneinfo.ZoneInfo("UTC"),
    timezone(timedelta(hours=5, minutes=30)),
    timezone(timedelta(hours=-5, seconds=7)),
    None,
)
_LIMITS: Final = (
    datetime(1, 1, 1),  # noqa: DTZ001 - drivers return naive times
    datetime(1, 1, 1, tzinfo=ZONES[3]),
    datetime(9999, 12, 31, 23, tzinfo=ZONES[1]),
)
ODD: Final[Sequence[object]] = (
    *(None, True, False, 0, 5, -1, 2**63, 2**64, -(2**63) - 1, 0.5, float("nan"), float("inf")),
    *("", " ", "x", "é", "🙂", "\ud800", '"\\ud800"', '{"a": "\\ud800"}', '{"a": "\\u00e9"}'),
    *("{", "{}", " {}", "[1]", '"text"', '"{\\"a\\": 1}"', "null", "12", "{'a': 1}", "prose {"),
    *('{"a": 12345678901234567890123}', '{"a": [18446744073709551616]}', '{"a": 1e999}'),
    *('{"a": NaN}', '{"a": 1, "a": 2}', '{"a": {"b": [1.5, null]}}', '{"é": "é"}', '{"a": 1}}'),
    *('{"a": ' + "[" * 190 + "]" * 190 + "}", '{"a": ' + "[" * 250 + "]" * 250 + "}", "[" * 300),
    *('{"a": ' * 198 + "1" + "}" * 198, '{"a": ' * 199 + "1" + "}" * 199, '{"a": ' * 1000),
    *(b"bytes", b"\xff", memoryview(b"{}"), bytearray(b'{"a": 1}'), uuid.UUID(int=7)),
    *(Decimal(5), Decimal("1.5"), Decimal("NaN"), Decimal("1E+400"), timedelta(seconds=5)),
    *(date(2026, 11, 1), *_LIMITS),
    *({"status": "x"}, [1, {"a": (2,)}], ("a",), {1: 2}, {"a": float("nan")}, set[int]()),
    *("2026-11-20T12:00:00Z", "2026-11-20 12:00", "yesterday"),
)


class Text(str):
    """A text of a driver's own type."""

    __slots__ = ()


def value() -> object:
    """Make a value as a driver returns it: a usual one, an odd one, or JSON."""
    kind = random.random()
    if kind < 0.3:
        return random.choice(("INFO", "sync_end", "conn_1", None, Text("text")))
    if kind < 0.5:
        time = NOON + timedelta(hours=random.randrange(10**5))
        return time.replace(tzinfo=random.choice(ZONES))
    if kind < 0.7:
        found = JSON.value()
        return found if random.random() < 0.2 else json.dumps(found)
    return random.choice(ODD)


def columns_of(kind: type[LogRow]) -> list[str]:
    """Choose column names, in any letter case and order, with old and unknown ones."""
    names = [
        str(field.metadata.get("fivetran_async.wire_name") or field.name)
        for field in kind.__attrs_attrs__
        if field.name != "extra"
    ]
    names += ["connector_id", "connector_name", "surprise", "É"]
    chosen = random.sample(names, random.randint(1, len(names)))
    return [random.choice((name, name.upper())) for name in chosen]


def outcome(make: Callable[[], list[LogRow]]) -> object:
    """Return objects with their exact values, or the error."""
    try:
        found = make()
    except (FivetranError, ValueError) as error:
        return type(error), str(error)
    return [(repr(row), row, sorted(row.to_dict().items(), key=repr)) for row in found]


@pytest.mark.parametrize("loads", [stdlib_loads, rounding_loads()], ids=["json", "fastest"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_both_roads_are_equal(kind: type[LogRow], loads: Loads) -> None:
    """
    Random rows give equal objects, equal `to_dict()` and equal errors by either road.

    Tuples and dicts take the quick road, lists the other.
    """
    rules = kind._rules()
    for _ in range(COUNT // 2):
        columns = columns_of(kind)
        rows = [tuple(value() for _ in columns) for _ in range(3)]
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        raw = [functools.partial(read_row, list(row), columns, rules) for row in rows]

        def slowly(raw: Any = raw) -> list[LogRow]:  # noqa: ANN401
            return [decode(read(), kind, on_drift=_ignore, place="row") for read in raw]

        def quickly(
            rows: Any = rows,  # noqa: ANN401
            columns: list[str] | None = columns,
        ) -> list[LogRow]:
            found = read_rows(rows, columns, rules, loads)
            return decode_each(found, kind, on_drift=_ignore, place="row")

        expected = outcome(slowly)
        assert outcome(quickly) == expected
        assert outcome(functools.partial(quickly, named, None)) == expected


def _ignore(_: Drift) -> None:
    """Report nothing."""


def test_both_roads_report_the_same() -> None:
    """Each row reports its drifts as if it were decoded alone, with its own places."""
    rows: list[dict[str, object]] = [
        {"id": "1"},
        {"time_stamp": "never", "x": 1},
        {"time_stamp": 5, "event": []},
        {"id": {"a": 1}, "y": 1},
        {"time_stamp": "2026-11-20", "x": 2},
        {"message_data": "text"},
    ]
    alone: list[Drift] = []
    together: list[Drift] = []
    one_by_one = [decode(row, LogEntry, on_drift=alone.append, place="row") for row in rows]
    at_once = decode_each(rows, LogEntry, on_drift=together.append, place="row")
    assert at_once == one_by_one
    assert together == alone
    fields = ["time_stamp", "time_stamp", "event", "id", "message_data"]
    assert sorted(drift.field for drift in together) == sorted(fields)


def test_rows_of_several_shapes() -> None:
    """Rows of one result can be tuples, lists and dicts with different keys."""
    rows: list[object] = [
        ("1", "INFO"),
        ["2", "INFO"],
        {"id": "3", "event": "INFO"},
        {"EVENT": "INFO", "ID": "4"},
        {"id": "5"},
    ]
    found = LogEntry.from_rows(rows, ["id", "event"])  # type: ignore[arg-type]
    assert [entry.id for entry in found] == ["1", "2", "3", "4", "5"]
    assert [entry.severity for entry in found] == ["INFO"] * 4 + [""]
