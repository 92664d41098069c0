"""Lossless conversions from JSON scalars to the declared types of fields."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable


class Real:
    """
    The standard library's `datetime`, here because freezegun cannot replace it in a class.

    Decoders are written once: neither they nor what they decode may depend on a frozen clock.
    """

    # While a clock is frozen, the name `datetime` of a module is a subclass.
    datetime: ClassVar[type[datetime]] = next(
        cls for cls in datetime.__mro__ if cls.__module__ == "datetime"
    )


def real_type(annotation: Any) -> Any:  # noqa: ANN401
    """Return a declared type; for freezegun's replacement of `datetime`, `datetime` itself."""
    declared: object = cast("object", annotation)
    if isinstance(declared, type) and issubclass(declared, Real.datetime):
        return Real.datetime
    return annotation


REFUSED: Final = object()
"""The result of a conversion that would lose information."""

_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_JSON_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_EXACT_BELOW: Final = 2**53
"""Where floats cannot hold every integer any more: one that was read may have been rounded."""


def as_text(value: object) -> object:
    """Convert to text; numbers and booleans are written as in JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _written(value)
    if isinstance(value, float):
        # A longer number was rounded when it was read: an id must not be.
        return repr(value) if abs(value) < _EXACT_BELOW else REFUSED
    return REFUSED


def as_flag(value: object) -> object:
    """Convert to a boolean, also from text in any letter case."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), REFUSED)
    return REFUSED


def as_integer(value: object) -> object:
    """Convert to an integer, also from canonical text or a whole float; never from a boolean."""
    if isinstance(value, bool):
        return REFUSED
    if isinstance(value, int):
        # The range in which both parsers agree, and which `encode` accepts.
        return value if -(2**63) <= value < 2**64 else REFUSED
    if isinstance(value, float):
        exact = value.is_integer() and abs(value) < _EXACT_BELOW
        return int(value) if exact else REFUSED
    if isinstance(value, str) and _JSON_INTEGER.fullmatch(value):
        return int(value)
    return REFUSED


def as_number(value: object) -> object:
    """Convert to a finite float, also from text and from integers that a float holds exactly."""
    if isinstance(value, bool):
        return REFUSED
    if isinstance(value, int):
        return float(value) if abs(value) <= _EXACT_BELOW else REFUSED
    if isinstance(value, str) and _JSON_NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    return REFUSED


def as_instant(value: object) -> object:
    """
    Convert ISO 8601 text to a datetime in UTC; None for `""` and `"null"`.

    A time without a zone is in UTC, like all times of the API; a date without a time is midnight.
    Digits beyond microseconds are dropped.
    """
    if not isinstance(value, str):
        return REFUSED
    if value.lower() in ("", "null"):
        return None
    try:
        instant = Real.datetime.fromisoformat(value)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return REFUSED


CONVERSIONS: Final[dict[Any, Callable[[object], object]]] = {
    str: as_text,
    bool: as_flag,
    int: as_integer,
    float: as_number,
    Real.datetime: as_instant,
}
"""The conversion for each declared type of scalar."""


def _written(value: int) -> object:
    try:
        return repr(value)
    except ValueError:
        # Python limits the number of digits that it converts to text.
        return REFUSED
