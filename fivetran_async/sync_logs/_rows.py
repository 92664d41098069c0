"""From what database drivers return to JSON that models are decoded from. No database is known."""

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
    """A row that knows its columns: `sqlite3.Row`, asyncpg's `Record`, BigQuery's `Row`."""

    def keys(self) -> Iterable[str]:
        """Name the columns."""
        ...

    def __getitem__(self, key: Any, /) -> Any: ...  # noqa: ANN401 - drivers differ in the key


class Cursor(Protocol):
    """The part of a DB-API cursor (PEP 249) that is read; DuckDB's connections have it too."""

    @property
    def description(self) -> Any:  # noqa: ANN401 - a sequence of sequences, by many names
        """The columns of the result, each a sequence that begins with the name."""
        ...

    def fetchall(self) -> Iterable[Any]:
        """Return the rows that are left."""
        ...


Row: TypeAlias = Mapping[str, Any] | NamedRow | Sequence[Any]
"""One row: with names for its values, or values alone in the order of `columns`."""

Columns: TypeAlias = Sequence[str] | Sequence[Sequence[Any]]
"""Names of columns, or a cursor's `description`."""

_SUCCESSORS: Final = {"connector_id": "connection_id", "connector_name": "connection_name"}
_DEEPEST: Final = MAX_DEPTH - 1
"""How deep one value may nest: its row is a level of its own."""
_BINARY: Final[tuple[type, ...]] = (bytes, bytearray, memoryview)

_MOST_DIGITS: Final = 38
"""Of a warehouse's exact numbers; as an int, a decimal with a huge exponent fills the memory."""


class _TooDeepError(ValueError):
    pass


def read_rows(
    rows: Iterable[Row] | Cursor, columns: Columns | None, json_columns: frozenset[str]
) -> Iterable[dict[str, object]]:
    """Give each row as JSON, by the lower-case names of its columns."""
    if hasattr(rows, "fetchall"):
        cursor = cast("Cursor", rows)
        if inspect.iscoroutinefunction(cursor.fetchall):
            raise InvalidArgumentError(
                "rows: an async cursor has to be awaited; "
                "give (await cursor.fetchall(), cursor.description)."
            )
        columns = columns or cursor.description
        if columns is None:
            raise InvalidArgumentError("rows: the cursor has no result; execute a query first.")
        rows = cursor.fetchall()
    # To a checker, rows with a `fetchall` of their own could be left.
    found = cast("Iterable[Row]", rows)  # type: ignore[redundant-cast]
    return (read_row(row, columns, json_columns) for row in found)


def read_row(row: Row, columns: Columns | None, json_columns: frozenset[str]) -> dict[str, object]:
    """
    Give one row as JSON, by the lower-case names of its columns.

    The deprecated `connector_id` and `connector_name` also fill in for their successors.

    Raises:
        InvalidArgumentError: The columns are not known, or not as many as the values.
        ResponseFormatError: A value nests deeper than JSON may.
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
        return ((str(name), named[name]) for name in named.keys())  # noqa: SIM118 - no mapping
    names = columns or getattr(row, "_fields", None)
    if not isinstance(row, Sequence) or isinstance(row, (str, *_BINARY)):
        raise InvalidArgumentError(f"row: a {type(row).__name__} is no row of a result.")
    if names is None:
        raise InvalidArgumentError("columns: a row without names needs the names of its columns.")
    labels = [name if isinstance(name, str) else str(name[0]) for name in names]
    values = cast("Sequence[object]", row)
    if len(labels) != len(values):
        raise InvalidArgumentError(
            f"columns: {len(labels)} names for a row of {len(values)} values."
        )
    return zip(labels, values, strict=True)


def _checked(value: object, column: str) -> object:
    try:
        return _plain(value)
    except _TooDeepError:
        place = f"row.{column}"
    raise ResponseFormatError(f"{place}: nests deeper than {_DEEPEST}", place=place)


def _json(value: object) -> object:
    """Read a column of JSON: native, as text, or as the text of a text."""
    if _is_binary(value):
        value = _decoded(value)
    for _ in range(2):
        if not isinstance(value, str):
            break
        value = _parsed(value)
    try:
        return _plain(value)
    except _TooDeepError:
        # Too deep to be walked, and so for our own models; the text says the same.
        return json.dumps(value, default=str)


def _parsed(text: str) -> object:
    """Parse the text of an object, an array, null or another text; keep any other as it is."""
    if not text.strip():
        return None
    try:
        value = parse_json(_text(text).encode())
    except ResponseFormatError:
        return text
    return text if isinstance(value, bool | int | float) else value


def _plain(value: object, depth: int = 0) -> object:
    """Turn a driver's value into what JSON can express, without losing what it says."""
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
    # pandas' NaT, which stands for NULL, is a date and not equal to itself.
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
    # A UUID, a duration, a type of the driver's own: as it writes itself.
    return _text(str(value))


def _is_binary(value: object) -> bool:
    return isinstance(value, _BINARY)


def _decoded(value: Any) -> str:  # noqa: ANN401 - one of `_BINARY`
    return bytes(value).decode(errors="replace")


def _text(value: str) -> str:
    """Text that UTF-8 can encode: half a surrogate pair becomes a question mark."""
    return str.__str__(value).encode(errors="replace").decode()
