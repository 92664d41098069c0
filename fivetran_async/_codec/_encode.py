"""Converts Python values to JSON values: request bodies, and models for `to_dict`."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import attrs

from fivetran_async._codec._drift import join_place
from fivetran_async._codec._errors import error_facts
from fivetran_async._codec._fields import ALWAYS_SENT, default_of, is_model, wire_fields
from fivetran_async._codec._forms import form_of
from fivetran_async._codec._json import MAX_DEPTH
from fivetran_async._codec._serializable import Serializable
from fivetran_async._codec._structure import compiled
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import InvalidArgumentError, ResponseFormatError

if TYPE_CHECKING:
    from fivetran_async._types import JSONValue


_BINARY: Final[tuple[type, ...]] = (bytes, bytearray, memoryview)
_CONTAINERS: Final = frozenset[Any]({dict, list, tuple})


_Place: TypeAlias = "str | tuple[_Place, str | int]"
"""The place of a value: its name, or the place of its container with its key; joined on demand."""


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
        return _encode(value, place, 0, _whole_writer_of if include_empty else _writer_of)
    except RecursionError:
        # The stack of the caller was nearly full.
        problem = "is nested too deeply"
    raise _refusal(place, problem)


def _encode(value: object, place: _Place, depth: int, writer_of: _ObjectWriterOf) -> JSONValue:
    kind: Any = type(value)
    # Nearly all values: matching the classes one by one takes ten times as long.
    if value is None or value is True or value is False:
        return value
    if kind is str:
        return _text(cast("str", value), place)
    if kind in _CONTAINERS or writer_of(kind) is not None:
        return _encode_container(value, place, depth + 1, writer_of)
    match value:
        case str():
            return _text(value, place)
        case int():
            return _integer(value, place)
        case float():
            return _number(value, place)
        case datetime():
            return _instant(value, place)
        case _:
            return _encode_container(value, place, depth + 1, writer_of)


def _encode_container(
    value: object, place: _Place, depth: int, writer_of: _ObjectWriterOf
) -> JSONValue:
    if depth > MAX_DEPTH:
        raise _refusal(place, f"is nested deeper than {MAX_DEPTH} levels")
    kind: Any = type(value)
    if kind not in _CONTAINERS and (write := writer_of(kind)) is not None:
        return write(value, place, depth)
    if isinstance(value, Mapping):
        return _encode_mapping(cast("Mapping[object, object]", value), place, depth, writer_of)
    if isinstance(value, Sequence) and kind not in _BINARY:
        return _encode_sequence(cast("Sequence[object]", value), place, depth, writer_of)
    raise _refusal(place, f"is a {kind.__name__}, which JSON cannot represent")


def _encode_mapping(
    value: Mapping[object, object], place: _Place, depth: int, writer_of: _ObjectWriterOf
) -> dict[str, JSONValue]:
    encoded: dict[str, JSONValue] = {}
    for key, member in value.items():
        if not isinstance(key, str):
            raise _refusal(place, f"has a key of type {type(key).__name__}; JSON keys must be str")
        kind: Any = type(member)
        if kind not in _CONTAINERS and (write := writer_of(kind)) is not None and depth < MAX_DEPTH:
            # As `_encode` would do, in two calls less for each column of a schema config.
            encoded[_text(key, place)] = write(member, (place, key), depth + 1)
        elif member is not UNSET:
            encoded[_text(key, place)] = _encode(member, (place, key), depth, writer_of)
    return encoded


def _encode_sequence(
    value: Sequence[object], place: _Place, depth: int, writer_of: _ObjectWriterOf
) -> list[JSONValue]:
    return [
        _encode(member, (place, index), depth, writer_of)
        for index, member in enumerate(value)
        if member is not UNSET
    ]


_ObjectWriter: TypeAlias = "Callable[[Any, _Place, int], dict[str, JSONValue]]"
"""Converts objects of one class, with their place and their depth."""

_ObjectWriterOf: TypeAlias = "Callable[[Any], _ObjectWriter | None]"
_Fields: TypeAlias = "Sequence[tuple[str, attrs.Attribute[Any], object]]"
"""The fields of a class, with their names in JSON and the values that are left out."""


@functools.cache
def _writer_of(cls: Any) -> _ObjectWriter | None:  # noqa: ANN401 - mypy takes models for unhashable
    """Return the writer of a class that leaves out empty values; None for other classes."""
    return _new_writer(cls, _writer_of, _left_out)


@functools.cache
def _whole_writer_of(cls: Any) -> _ObjectWriter | None:  # noqa: ANN401 - the same
    """Return the writer of a class that keeps empty values; None for other classes."""
    return _new_writer(cls, _whole_writer_of, lambda _: object())


def _new_writer(
    cls: Any,  # noqa: ANN401 - the same
    writer_of: _ObjectWriterOf,
    left_out: Callable[[attrs.Attribute[Any]], object],
) -> _ObjectWriter | None:
    if not (isinstance(cls, type) and attrs.has(cls) and issubclass(cls, Serializable)):
        return None
    fields = [(wire, a, left_out(a)) for wire, a in wire_fields(cls)]
    make = _model_writer if is_model(cls) else _result_writer
    return make(cls, fields, writer_of)


def _result_writer(_: type, fields: _Fields, writer_of: _ObjectWriterOf) -> _ObjectWriter:
    forms = {a.name: form for _, a, _ in fields if (form := form_of(a)) is not None}

    def write(result: object, place: _Place, depth: int) -> dict[str, JSONValue]:
        encoded: dict[str, JSONValue] = {}
        for wire, attribute, default in fields:
            name = attribute.name
            member: object = getattr(result, name)
            if isinstance(member, Exception):
                member = error_facts(member, include_empty=writer_of is _whole_writer_of)
            elif name in forms and not _is_default(member, default):
                member = forms[name].write(member)
            if member is not default and member is not UNSET:
                found = _member(member, default, (place, wire), depth, writer_of)
                if found is not UNSET:
                    encoded[wire] = found
        return encoded

    return write


_WRITER: Final = """\
def write(model, place, depth):
    encoded = {{}}
{fields}\
    if model.extra:
        add_unknown(encoded, model, place, depth, writer_of)
    return encoded
"""
_FIELD: Final = """\
    value = model.{name}
    if value is not DEFAULT{n} and value is not UNSET:
        if value is True or value is False:
            encoded[{wire!r}] = value
        elif type(value) is str:
            if value != DEFAULT{n}:
                encoded[{wire!r}] = value if value.isascii() else text(value, (place, {wire!r}))
        else:
            found = member(value, DEFAULT{n}, (place, {wire!r}), depth, writer_of)
            if found is not UNSET:
                encoded[{wire!r}] = found
"""
"""Flags and texts inline: thrice as fast as a loop over the fields."""


def _model_writer(cls: type, fields: _Fields, writer_of: _ObjectWriterOf) -> _ObjectWriter:
    namespace: dict[str, Any] = {
        "UNSET": UNSET,
        "add_unknown": _add_unknown,
        "member": _member,
        "text": _text,
        "writer_of": writer_of,
    }
    parts: list[str] = []
    for n, (wire, attribute, default) in enumerate(fields):
        namespace[f"DEFAULT{n}"] = default
        parts.append(_FIELD.format(name=attribute.name, n=n, wire=wire))
    name = f"writer of {cls.__module__}.{cls.__qualname__}"
    source = _WRITER.format(fields="".join(parts))
    return cast("_ObjectWriter", compiled(source, name, namespace)["write"])


def _member(
    value: object, default: object, place: _Place, depth: int, writer_of: _ObjectWriterOf
) -> JSONValue | Unset:
    """Convert the value of a field; `UNSET` if it equals the default."""
    kind: Any = type(value)
    if kind not in _CONTAINERS and writer_of(kind) is not None:
        member = _encode_container(value, place, depth + 1, writer_of)
        # An object that has only unknown fields equals the default, too.
        return member if member or not _is_default(value, default) else UNSET
    return UNSET if _is_default(value, default) else _encode(value, place, depth, writer_of)


def _add_unknown(
    encoded: dict[str, JSONValue],
    model: Any,  # noqa: ANN401
    place: _Place,
    depth: int,
    writer_of: _ObjectWriterOf,
) -> None:
    """Add the unknown fields of a model."""
    extra: Mapping[str, object] = model.extra
    unknown = {
        wire: raw
        for wire, raw in extra.items()
        if wire not in encoded or _is_part_of(raw, model, wire)
    }
    written = _encode_mapping(cast("Mapping[object, object]", unknown), place, depth, writer_of)
    # Sorted: structs know the names of unknown fields, but not their order in an object.
    encoded |= dict(sorted(written.items()))


def is_blank(value: object, attribute: attrs.Attribute[Any]) -> bool:
    """Return True if a field has the value that is not written."""
    return _is_default(value, _left_out(attribute))


def _left_out(attribute: attrs.Attribute[Any]) -> object:
    """Return the value of a field that is not written; of some fields, none."""
    return object() if ALWAYS_SENT in attribute.metadata else default_of(attribute)


def _is_part_of(raw: object, model: object, wire: str) -> bool:
    """Return True if a field has what decoding left of a raw value, and was not changed since."""
    from fivetran_async._codec._decoding import decode  # noqa: PLC0415 - loads cattrs

    cls: type = type(model)
    names = {name: attribute.name for name, attribute in wire_fields(cls)}
    if wire not in names:
        return False
    identity = {
        name: getattr(model, attribute.name)
        for name, attribute in wire_fields(cls)
        if default_of(attribute) is attrs.NOTHING
    }
    kind: type[object] = cls
    try:
        read = decode({**identity, wire: raw}, kind, on_drift=_ignore)
    except ResponseFormatError:
        return False
    return bool(getattr(read, names[wire]) == getattr(model, names[wire]))


def _ignore(_: object) -> None:
    """Report nothing: decoding reported it."""


def _is_default(value: object, default: object) -> bool:
    return type(value) is type(default) and value == default


def _text(value: str, place: _Place) -> str:
    if type(value) is str and value.isascii():
        return value
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


def _integer(value: int, place: _Place) -> int:
    if not -_LARGEST <= value <= _LARGEST:
        raise _refusal(place, "is an integer out of range: the largest float is smaller")
    return int(value)


def _number(value: float, place: _Place) -> float:
    if not math.isfinite(value):
        raise _refusal(place, "is not a finite number")
    return float(value)


def _instant(value: datetime, place: _Place) -> str:
    if value.utcoffset() is None:
        raise _refusal(place, "has no time zone: pass an aware datetime")
    try:
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except OverflowError:
        problem = "is outside the years 1 to 9999 in UTC"
    raise _refusal(place, problem)


def _refusal(place: _Place, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{_joined(place) or 'the value'} {problem}")


def _joined(place: _Place) -> str:
    keys: list[str | int] = []
    while not isinstance(place, str):
        place, key = place
        keys.append(key)
    return functools.reduce(join_place, reversed(keys), place)
