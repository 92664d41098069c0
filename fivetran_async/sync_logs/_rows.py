"""From the rows of any database driver to JSON for the models."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, Protocol, TypeAlias, cast

from fivetran_async._codec._json import MAX_DEPTH, parse_json
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

_SUCCESSORS: Final = {"connector_id": "connection_id", "connector_name": "connection_name"}
_DEEPEST: Final = MAX_DEPTH - 1
"""The maximum depth of a value; its row is one level."""
_BINARY: Final[tuple[type, ...]] = (bytes, bytearray, memoryview)

_MOST_DIGITS: Final = 38
"""
Digits of a warehouse's exact number.

As an int, a decimal with a huge exponent would exhaust the memory.
"""


class _TooDeepError(ValueError):
    pass


def read_rows(
    rows: Iterable[Row] | Cursor, columns: Columns | None, json_columns: frozenset[str]
) -> Iterable[dict[str, object]]:
    """Return the rows as JSON, keyed by lower-case column names."""
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
    return (read_row(row, columns, json_columns) for row in found)


def read_row(row: Row, columns: Columns | None, json_columns: frozenset[str]) -> dict[str, object]:
    """
    Return one row as JSON, keyed by lower-case column names.

    The deprecated columns `connector_id` and `connector_name` fill in for missing successors.

    Raises:
        InvalidArgumentError: The column names are missing, or their number differs from the
            number of values.
        ResponseFormatError: A value is nested deeper than JSON allows.
    """
    values: dict[str, object] = {}
    for name, value in _named(row, columns):
        column = _text(name).lower()
        values[column] = _json(value) if column in json_columns else _checked(value, column)
    for old, new in _SUCCESSORS.items():
        if values.get(old) and not values.get(new):
            values[new] = values[old]
    return values


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
    labels = [name if isinstance(name, str) else str(name[0]) for name in names]
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
