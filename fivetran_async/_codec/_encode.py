"""Converts Python values to JSON values: request bodies, and models for `to_dict`."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from fivetran_async._codec._drift import join_place
from fivetran_async._codec._errors import error_facts
from fivetran_async._codec._fields import NO_EXTRA, default_of, is_model, wire_fields
from fivetran_async._codec._json import MAX_DEPTH
from fivetran_async._codec._serializable import Serializable
from fivetran_async._types import UNSET
from fivetran_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    import attrs

    from fivetran_async._types import JSONValue


Omits: TypeAlias = "Callable[[object, attrs.Attribute[Any]], bool]"
"""Whether the value of a field is left out."""

_BINARY: Final[tuple[type, ...]] = (bytes, bytearray, memoryview)


def encode(value: object, *, place: str = "", include_empty: bool = False) -> JSONValue:
    """
    Convert a value to new lists, dicts and scalars that JSON can represent.

    Models become objects without the fields that hold their default; `UNSET` is omitted at every
    depth; aware datetimes become ISO 8601 in UTC; mappings and sequences become dicts and lists.

    Args:
        value: The value; models and `UNSET` are allowed at any depth.
        place: The name of the value, for error messages.
        include_empty: True keeps the fields of models that hold their default.

    Raises:
        InvalidArgumentError: JSON cannot represent the value, a datetime has no time zone, or the
            nesting is deeper than 200; the message names the key, such as `config.password`, but
            never the value.
    """
    try:
        return _encode(value, place, 0, _never if include_empty else is_default)
    except RecursionError:
        # The stack of the caller was nearly full.
        problem = "is nested too deeply"
    raise _refusal(place, problem)


def _encode(value: object, place: str, depth: int, omits: Omits) -> JSONValue:
    match value:
        case None | bool():
            return value
        case str():
            return _text(value, place)
        case int():
            return _integer(value, place)
        case float():
            return _number(value, place)
        case datetime():
            return _instant(value, place)
        case _:
            return _encode_container(value, place, depth + 1, omits)


def _encode_container(value: object, place: str, depth: int, omits: Omits) -> JSONValue:
    if depth > MAX_DEPTH:
        raise _refusal(place, f"is nested deeper than {MAX_DEPTH} levels")
    kind: type = type(value)
    if isinstance(value, Serializable):
        return _encode_object(value, place, depth, omits)
    if isinstance(value, Mapping):
        return _encode_mapping(cast("Mapping[object, object]", value), place, depth, omits)
    if isinstance(value, Sequence) and kind not in _BINARY:
        return _encode_sequence(cast("Sequence[object]", value), place, depth, omits)
    raise _refusal(place, f"is a {kind.__name__}, which JSON cannot represent")


def _encode_mapping(
    value: Mapping[object, object],
    place: str,
    depth: int,
    omits: Omits,
) -> dict[str, JSONValue]:
    encoded: dict[str, JSONValue] = {}
    for key, member in value.items():
        if not isinstance(key, str):
            raise _refusal(place, f"has a key of type {type(key).__name__}; JSON keys must be str")
        if member is not UNSET:
            encoded[_text(key, place)] = _encode(member, join_place(place, key), depth, omits)
    return encoded


def _encode_sequence(
    value: Sequence[object],
    place: str,
    depth: int,
    omits: Omits,
) -> list[JSONValue]:
    return [
        _encode(member, join_place(place, index), depth, omits)
        for index, member in enumerate(value)
        if member is not UNSET
    ]


def _encode_object(
    value: Serializable, place: str, depth: int, omits: Omits
) -> dict[str, JSONValue]:
    encoded: dict[str, JSONValue] = {}
    cls: type = type(value)
    extra: Mapping[str, object] = getattr(value, "extra", NO_EXTRA)
    for wire, attribute in wire_fields(cls):
        member: object = getattr(value, attribute.name)
        if member is UNSET:
            continue
        written = _encode_member(member, join_place(place, wire), depth, omits)
        # An empty object equals the default even if it has unknown fields.
        is_kept = not omits(member, attribute) or (is_model(type(member)) and written)
        if is_kept and not (wire in extra and is_default(member, attribute)):
            encoded[wire] = written
    for wire, raw in extra.items():
        if wire not in encoded and raw is not UNSET:
            encoded[wire] = _encode(raw, join_place(place, wire), depth, omits)
    return encoded


def _encode_member(member: object, place: str, depth: int, omits: Omits) -> JSONValue:
    if isinstance(member, Exception):
        return error_facts(member, include_empty=omits is _never)
    return _encode(member, place, depth, omits)


def is_default(value: object, attribute: attrs.Attribute[Any]) -> bool:
    """Return True if a field has its empty value."""
    default = default_of(attribute)
    return type(value) is type(default) and value == default


def _never(_: object, __: object) -> bool:
    return False


def _text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        problem = "contains characters that UTF-8 cannot encode"
    else:
        # Plain text, also of an enum member or another subclass.
        return str.__str__(value)
    # Raised outside of the handler: the caught error holds the value, which can be a secret.
    raise _refusal(place, problem)


_LARGEST: Final = int(sys.float_info.max)
"""Most JSON parsers fail above it; above 64 bits some read the nearest float."""


def _integer(value: int, place: str) -> int:
    if not -_LARGEST <= value <= _LARGEST:
        raise _refusal(place, "is an integer out of range: the largest float is smaller")
    return int(value)


def _number(value: float, place: str) -> float:
    if not math.isfinite(value):
        raise _refusal(place, "is not a finite number")
    return float(value)


def _instant(value: datetime, place: str) -> str:
    if value.utcoffset() is None:
        raise _refusal(place, "has no time zone: pass an aware datetime")
    try:
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except OverflowError:
        problem = "is outside the years 1 to 9999 in UTC"
    raise _refusal(place, problem)


def _refusal(place: str, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{place or 'the value'} {problem}")
