"""PURE: JSON values, for type checkers and people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, cast

from fivetran_async._types import UNSET

FieldPath: TypeAlias = tuple[str, ...]
"""The place of a value in the fields of an object: keys, and `[KEY]` or `[N]` in lists."""

EMPTY: Final[tuple[object, ...]] = (None, "", [], {}, ())
"""Values that the server leaves out, or returns in place of each other."""


SCALARS: Final = frozenset({str, int, float, bool, type(None), type(UNSET)})
"""The types of values that hold no other values."""


def as_object(value: object) -> Mapping[str, object] | None:
    """Return a value as an object, or None if it is not one."""
    # Nearly all values are of one of these types, and `isinstance` of an abstract class is slow.
    if type(value) in SCALARS:
        return None
    if type(value) is dict:
        return cast("dict[str, object]", value)
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else None


def as_items(value: object) -> Sequence[object] | None:
    """Return a value as a list, or None if it is not one."""
    return cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else None


def entries(value: object) -> Mapping[str, object]:
    """Return the members of an object; empty for any other value."""
    return as_object(value) or {}


def text_in(record: object, name: str) -> str:
    """Return a text of an object; empty if it is missing."""
    value = entries(record).get(name)
    return value if isinstance(value, str) else ""


def dotted(path: FieldPath) -> str:
    """Return a path as text for messages."""
    return ".".join(path)
