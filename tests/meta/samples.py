"""Sample values of the inventory's types for arguments and responses, and checks of results."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias, cast

import attrs

from fivetran_async._codec._fields import default_of, wire_fields
from fivetran_async._model import Model
from meta.inventory import SHAPES, Operation

Variant: TypeAlias = Literal["all fields", "required only", "all null", "unknown"]
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("connector.py"), "# a connector\n")
    return file.getvalue()


ARCHIVE: Final = _archive()
"""What is uploaded and downloaded."""

MOMENT: Final = "2026-05-04T03:02:01.123456Z"
NEW_WORD: Final = "SOMETHING_NEW_2031"
NEW_FIELD: Final = "brand_new_field"
NEW_VALUE: Final[Json] = {"since": [2031]}

_SCALARS: Final[Mapping[str, Json]] = {
    "flag": True,
    "integer": 7,
    "number": 2.5,
    "time": MOMENT,
    "open": {"host": "db.example", "port": 5432, "tags": ["a", {"b": None}]},
    "any": ["not text", {"deep": 1}],
}

_EXACT: Final[Mapping[str, str]] = {"file_sha256_hash": hashlib.sha256(ARCHIVE).hexdigest()}
"""Texts that the client verifies."""


def sample(kind: str, name: str, variant: Variant = "all fields") -> Json:
    """Return a JSON value of a type; `name` makes values of one type different."""
    if kind.startswith("["):
        return [sample(kind[1:-1], f"{name} {index}", variant) for index in range(2)]
    if kind.startswith("{"):
        return {key: sample(kind[1:-1], name, variant) for key in ("one", "odd / näme.%#")}
    if kind in SHAPES:
        return _sample_object(kind, variant)
    if kind == "text":
        return _EXACT.get(name, NEW_WORD if variant == "unknown" else f"the {name}")
    return _SCALARS[kind]


def _sample_object(shape: str, variant: Variant) -> dict[str, Json]:
    if variant == "all null":
        return {field.name: None for field in SHAPES[shape]}
    made = {
        field.name: sample(field.kind, field.name, variant)
        for field in SHAPES[shape]
        if field.required or variant != "required only"
    }
    if variant == "unknown":
        made[NEW_FIELD] = NEW_VALUE
    return made


def data_for(
    operation: Operation,
    variant: Variant = "all fields",
    kept: Mapping[str, Json] | None = None,
) -> dict[str, Json]:
    """Return the `data` of a response; no variant changes the fields in `kept`."""
    if operation.response in {"nothing", "bytes"}:
        return {}
    kept = kept or {}
    made = [_sample_object(operation.shape, variant) | dict(kept) for _ in range(2)]
    return {"items": list(made)} if operation.response in {"page", "types"} else made[0]


def identities_of(model: type) -> set[str]:
    """Return the JSON names of the required fields of a model."""
    fields = wire_fields(model)
    return {wire for wire, attribute in fields if attribute.default is attrs.NOTHING}


def faults_of(value: object, raw: Json, shape: str, place: str = "data") -> list[str]:
    """List the places where a decoded object differs from the JSON, by the inventory's types."""
    if not isinstance(value, Model):
        return [f"{place}: a {type(value).__name__}, not a model"]
    assert isinstance(raw, dict)
    model: type = type(value)
    attributes = dict(wire_fields(model))
    faults = _faults_of_extra(value, raw, place)
    for field in SHAPES[shape]:
        here = f"{place}.{field.name}"
        attribute = attributes.get(field.name)
        if attribute is None:
            faults.append(f"{here}: {model.__name__} has no such field")
            continue
        decoded = cast("object", getattr(value, attribute.name))
        given = raw.get(field.name)
        if given is None:
            faults += _faults_of_absence(decoded, field.kind, default_of(attribute), here)
        else:
            faults += _faults_of_value(decoded, given, field.kind, here)
    return faults


def _faults_of_extra(value: Model, raw: Mapping[str, Json], place: str) -> list[str]:
    known = {field: member for field, member in raw.items() if field == NEW_FIELD}
    return [] if value.extra == known else [f"{place}.extra: {sorted(value.extra)}"]


def _faults_of_absence(decoded: object, kind: str, default: object, place: str) -> list[str]:
    always_there = kind in SHAPES or kind[0] in "[{" or kind == "open"
    if always_there and decoded is None:
        return [f"{place}: None, where an empty {kind} is safe to read"]
    if decoded is None or decoded == default:
        return []
    return [f"{place}: {decoded!r} out of nothing"]


def _faults_of_value(decoded: object, raw: Json, kind: str, place: str) -> list[str]:
    if kind in SHAPES:
        return faults_of(decoded, raw, kind, place)
    if kind.startswith("["):
        assert isinstance(raw, list)
        if not isinstance(decoded, tuple):
            return [f"{place}: a {type(decoded).__name__}, not a tuple"]
        members = cast("tuple[object, ...]", decoded)
        pairs = zip(members, raw, strict=True)
        return [
            fault
            for index, (member, given) in enumerate(pairs)
            for fault in _faults_of_value(member, given, kind[1:-1], f"{place}[{index}]")
        ]
    if kind.startswith("{"):
        assert isinstance(raw, dict)
        if not isinstance(decoded, dict):
            return [f"{place}: a {type(decoded).__name__}, not a dict"]
        entries = cast("dict[str, object]", decoded)
        return [
            fault
            for key in raw
            for fault in _faults_of_value(entries.get(key), raw[key], kind[1:-1], f"{place}[{key}]")
        ]
    return _faults_of_scalar(decoded, raw, kind, place)


def _faults_of_scalar(decoded: object, raw: Json, kind: str, place: str) -> list[str]:
    expected: object = raw
    if kind == "time":
        assert isinstance(raw, str)
        expected = datetime.fromisoformat(raw)
        if isinstance(decoded, datetime) and decoded.utcoffset() != timedelta(0):
            return [f"{place}: not in UTC"]
    same_type = type(decoded) is type(expected)
    return [] if same_type and decoded == expected else [f"{place}: {decoded!r}, not {expected!r}"]


def argument(kind: str, name: str) -> object:
    """Return a value of a type as a Python caller passes it."""
    if kind == "file":
        return ARCHIVE
    if kind == "time":
        return datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    return sample(kind, name)
