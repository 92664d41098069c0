"""From the rows of any database driver to JSON for the models."""

from __future__ import annotations

import functools
import inspect
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Protocol, TypeAlias, cast

import attrs

from fivetran_async._codec._json import (
    MAX_DEPTH,
    Loads,
    has_large_integer,
    parse_json,
    rounding_loads,
)
from fivetran_async._codec._scalars import Real
from fivetran_async.errors import InvalidArgumentError, ResponseFormatError


class NamedRow(Protocol):
    """A row with column names: `sqlite3.Row`, asyncpg's `Record`, BigQuery's `Row`."""

    def keys(self) -> Iterable[str]:
        """Return the column names."""
        ...

    def __getitem__(self, key: Any, /) -> Any: ...  # noqa: ANN401 - the key's type depends on the driver


class Cursor(Protocol):
    """The required part of a DB-API cursor (PEP 249); DuckDB's connections have it, too."""

    @property
    def description(self) -> Any:  # noqa: ANN401 - drivers use different types
        """The result's columns, each a sequence that starts with the name."""
        ...

    def fetchall(self) -> Iterable[Any]:
        """Return the remaining rows."""
        ...


Row: TypeAlias = Mapping[str, Any] | NamedRow | Sequence[Any]
"""One row: values with names, or values in the order of `columns`."""

Columns: TypeAlias = Sequence[str] | Sequence[Sequence[Any]]
"""Column names, or a cursor's `description`."""

_DEEPEST: Final = MAX_DEPTH - 1
"""The maximum depth of a value; its row is one level."""
_DATETIME: Final = Real.datetime
_BINARY: Final[tuple[type, ...]] = (bytes, bytearray, memoryview)

_MOST_DIGITS: Final = 38
"""
Digits of a warehouse's exact number.

As an int, a decimal with a huge exponent would exhaust the memory.
"""


class _TooDeepError(ValueError):
    pass


@attrs.frozen(kw_only=True)
class RowRules:
    """
    What the columns of a model's rows mean.

    Attributes:
        declared: The columns that have a field.
        times: The columns with a time.
        json_columns: The columns that contain JSON: native, as text, or encoded twice.
        texts: JSON columns that can contain something else, and the fields that its text goes to.
        old_names: Deprecated columns, and the columns that they fill in for.
    """

    declared: frozenset[str] = frozenset()
    times: frozenset[str] = frozenset()
    json_columns: frozenset[str] = frozenset()
    texts: Mapping[str, str] = attrs.field(factory=dict[str, str])
    old_names: Mapping[str, str] = attrs.field(factory=dict[str, str])

    def fill(self, values: dict[str, object]) -> dict[str, object]:
        """Fill columns from their old names."""
        for old, new in self.old_names.items():
            found = values.get(old)
            if found and not values.get(new):
                values[new] = found
            if old not in self.declared and old in values and values.get(new) == found:
                del values[old]
        return values

    def place(self, values: dict[str, object], column: str, value: object) -> None:
        """Put the value of a JSON column under its name, or under that of the field for texts."""
        name = self.texts.get(column)
        if name is None or value is None or isinstance(value, dict):
            values[column] = value
        else:
            values[name] = value if isinstance(value, str) else json.dumps(value)


def read_rows(
    rows: Iterable[Row] | Cursor,
    columns: Columns | None,
    rules: RowRules,
    loads: Loads | None = None,
) -> Iterator[dict[str, object]]:
    """Return the rows as JSON, keyed by lower-case column names; `loads` parses usual JSON."""
    if hasattr(rows, "fetchall"):
        cursor = cast("Cursor", rows)
        if inspect.iscoroutinefunction(cursor.fetchall):
            raise InvalidArgumentError(
                "rows must not be an async cursor; "
                "give (await cursor.fetchall(), cursor.description)."
            )
        columns = columns or cursor.description
        if columns is None:
            raise InvalidArgumentError("rows: the cursor has no result. Execute a query first.")
        rows = cursor.fetchall()
    # Type checkers keep the possibility of rows that have `fetchall`.
    found = cast("Iterable[Row]", rows)  # type: ignore[redundant-cast]
    return _read_all(found, columns, functools.partial(_RowPlan, rules, loads or rounding_loads()))


def _read_all(
    rows: Iterable[Any], columns: Columns | None, plan: Callable[[Iterable[object]], _RowPlan]
) -> Iterator[dict[str, object]]:
    """Read tuples and dicts by a plan of their columns; `read_row` reads all others."""
    of_tuples = None if columns is None else plan(_labels(columns))
    names: list[object] = []
    of_dicts = plan(names)
    for row in rows:
        kind = row.__class__
        if kind is tuple and of_tuples is not None and len(row) == of_tuples.count:
            yield of_tuples.read(row)
        elif kind is dict:
            if names != [*row]:
                # Rows of one result have the same names.
                names = [*row]
                of_dicts = plan(names)
            yield of_dicts.read(row.values())
        else:
            yield read_row(row, columns, of_dicts.rules)


def read_row(row: Row, columns: Columns | None, rules: RowRules) -> dict[str, object]:
    """
    Return one row as JSON, keyed by lower-case column names.

    Raises:
        InvalidArgumentError: The column names are missing, or their number differs from the
            number of values.
        ResponseFormatError: A value is nested deeper than JSON allows.
    """
    values: dict[str, object] = {}
    for name, value in _named(row, columns):
        column = _text(name).lower()
        if column in rules.json_columns:
            rules.place(values, column, _json(value))
        else:
            values[column] = _checked(value, column)
    return rules.fill(values)


class _RowPlan:
    """Reads rows with the same columns like `read_row`, in a third of its time."""

    def __init__(self, rules: RowRules, loads: Loads, names: Iterable[object]) -> None:
        self.rules = rules
        labels = [_text(str(name)).lower() for name in names]
        self.count = len(labels)
        self._columns = [
            (label, label in rules.json_columns, label in rules.times) for label in labels
        ]
        self._place = rules.place
        self._complete = None if rules.old_names.keys().isdisjoint(labels) else rules.fill
        self._loads = loads
        # orjson turns an integer beyond 64 bits into a float; the standard library keeps it.
        self._exact = frozenset({str, bool, type(None), *([int] * _rounds(loads))})

    def read(self, members: Iterable[Any]) -> dict[str, object]:
        """Return a row as JSON; usual values are read here, unusual ones as in `read_row`."""
        values: dict[str, object] = {}
        for (label, is_json, is_time), value in zip(self._columns, members, strict=True):
            kind = value.__class__
            if is_json:
                found = self._object(value) if kind is str else _json(value)
                if found.__class__ is dict:
                    values[label] = found
                else:
                    self._place(values, label, found)
            elif kind is str:
                values[label] = value if value.isascii() else _text(value)
            elif value is None:
                values[label] = None
            elif is_time and kind is _DATETIME:
                values[label] = value.isoformat() if value.tzinfo is UTC else _in_utc(value)
            else:
                values[label] = _checked(value, label)
        return values if self._complete is None else self._complete(values)

    def _object(self, text: str) -> object:
        """Parse a JSON object without odd numbers, characters and depths; else as `_json` does."""
        if text[:1] == "{":
            try:
                body = text.encode()
                found = cast("dict[str, object]", self._loads(body))
            except (ValueError, RecursionError):
                return _json(text)
            if self._exact.issuperset(map(type, found.values())):
                return found
            if not _may_be_deep(text) and not has_large_integer(body):
                return found
        return _json(text)


def _rounds(loads: Loads) -> bool:
    return isinstance(loads(b"9" * 20), float)


def _may_be_deep(text: str) -> bool:
    return len(text) > MAX_DEPTH and text.count("{") + text.count("[") >= _DEEPEST


def _in_utc(time: datetime) -> str:
    """Return the text of a time, so that decoding need not convert it."""
    try:
        offset = time.utcoffset()
        utc = time.replace(tzinfo=UTC) if offset is None else time.astimezone(UTC)
    except (OverflowError, ValueError):
        return time.isoformat()
    return utc.isoformat()


def _labels(columns: Columns) -> list[str]:
    return [name if isinstance(name, str) else str(name[0]) for name in columns]


def _named(row: Row, columns: Columns | None) -> Iterable[tuple[str, object]]:
    if isinstance(row, Mapping):
        return ((str(name), value) for name, value in cast("Mapping[str, object]", row).items())
    if callable(getattr(row, "keys", None)):
        named = cast("NamedRow", row)
        return ((str(name), named[name]) for name in named.keys())  # noqa: SIM118 - not a mapping
    names = columns or getattr(row, "_fields", None)
    if not isinstance(row, Sequence) or isinstance(row, (str, *_BINARY)):
        raise InvalidArgumentError(
            f"row must be a mapping or a sequence of values, not {type(row).__name__}."
        )
    if names is None:
        raise InvalidArgumentError("columns is required for rows without column names.")
    labels = _labels(names)
    values = cast("Sequence[object]", row)
    if len(labels) != len(values):
        raise InvalidArgumentError(
            f"columns has {len(labels)} names, but the row has {len(values)} values."
        )
    return zip(labels, values, strict=True)


def _checked(value: object, column: str) -> object:
    try:
        return _plain(value)
    except _TooDeepError:
        place = f"row.{column}"
    raise ResponseFormatError(f"{place}: nested deeper than {_DEEPEST} levels", place=place)


def _json(value: object) -> object:
    """Read a JSON column: native, as text, or encoded twice."""
    if _is_binary(value):
        value = _decoded(value)
    for _ in range(2):
        if not isinstance(value, str):
            break
        value = _parsed(value)
    try:
        return _plain(value)
    except _TooDeepError:
        # Too deep for our models; keep it as JSON text.
        return json.dumps(value, default=str)


def _parsed(text: str) -> object:
    """Parse the text of an object, array, null or string; return other text unchanged."""
    if not text.strip():
        return None
    try:
        value = parse_json(_text(text).encode())
    except ResponseFormatError:
        return text
    return text if isinstance(value, bool | int | float) else value


def _plain(value: object, depth: int = 0) -> object:
    """Convert a driver's value to JSON without losing information."""
    match value:
        case None | bool():
            return value
        case str():
            return _text(value)
        case _ if _is_binary(value):
            return _decoded(value)
        case int():
            return int(value) if -(2**63) <= value < 2**64 else str(value)
        case float():
            return float(value) if math.isfinite(value) else None
        case Decimal():
            return _decimal(value)
        case date():
            return _time(value)
        case _:
            return _container(value, depth + 1)


def _decimal(value: Decimal) -> object:
    if not value.is_finite():
        return None
    if value.adjusted() < _MOST_DIGITS and value == value.to_integral_value():
        return _plain(int(value))
    number = float(value)
    return number if math.isfinite(number) else str(value)


def _time(value: date) -> object:
    # pandas' NaT represents NULL; it is a date that differs from itself.
    is_null = value != value  # noqa: PLR0124
    return None if is_null else value.isoformat()


def _container(value: object, depth: int) -> object:
    if depth > _DEEPEST:
        raise _TooDeepError
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value).items()
        return {_text(str(key)): _plain(member, depth) for key, member in entries}
    if isinstance(value, Sequence | set | frozenset):
        return [_plain(member, depth) for member in cast("Iterable[object]", value)]
    # A UUID, a duration or a type of the driver.
    return _text(str(value))


def _is_binary(value: object) -> bool:
    return isinstance(value, _BINARY)


def _decoded(value: Any) -> str:  # noqa: ANN401 - one of `_BINARY`
    return bytes(value).decode(errors="replace")


def _text(value: str) -> str:
    """Return text that UTF-8 can encode: a lone surrogate becomes a question mark."""
    return str.__str__(value).encode(errors="replace").decode()
