"""Models as complete JSON documents: null, `[]` and false are values, too. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import attrs

from fivetran_async._codec._fields import UNKNOWN_FIELDS, WIRE_NAME
from fivetran_async._model import Model
from fivetran_async._types import JSONValue
from fivetran_async.errors import InvalidArgumentError


def document_of(model: Model) -> dict[str, JSONValue]:
    """Return all fields of a model, those with their empty value included."""
    try:
        return _complete(model, model.to_dict())
    except InvalidArgumentError as error:
        # A value that JSON cannot express must not hide what the command has done.
        identity = getattr(model, "id", None)
        return {"id": str(identity) if identity else None, "error": error.message}


def _complete(model: Model, document: dict[str, JSONValue]) -> dict[str, JSONValue]:
    found: dict[str, JSONValue] = {}
    for field in attrs.fields(type(model)):
        if UNKNOWN_FIELDS not in field.metadata:
            name: str = field.metadata.get(WIRE_NAME, field.name)
            found[name] = _value(getattr(model, field.name), document.get(name))
    return {**found, **{key: value for key, value in document.items() if key not in found}}


def _value(value: object, encoded: JSONValue) -> JSONValue:
    if isinstance(value, Model):
        members = encoded if isinstance(encoded, dict) else {}
        return _complete(value, members)
    if isinstance(value, tuple):
        items = cast("tuple[object, ...]", value)
        given = encoded if isinstance(encoded, list) else [None] * len(items)
        return [_value(item, each) for item, each in zip(items, given, strict=True)]
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        shown = encoded if isinstance(encoded, dict) else {}
        return {key: _value(entry, shown.get(key)) for key, entry in entries.items()}
    if encoded is None and isinstance(value, (str, int, float)):
        # A field with its empty value, which the encoding leaves out.
        return value
    return encoded
