"""PURE: reads live metadata, a JSON schema per part of a service, as the fields of the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from fivetran_async._services._table import ConfigField, ConfigFields, ValueType

_TYPES: Final[Mapping[object, ValueType]] = {
    "string": "text",
    "boolean": "flag",
    "integer": "integer",
    "number": "number",
    "object": "object",
}
_DEEPEST: Final = 20
_SCHEMA_NAMES: Final = ("schema", "schema_prefix", "table", "table_group_name")


def metadata_fields(schema: Mapping[str, object], table: ConfigFields) -> ConfigFields:
    """
    Return the fields that live metadata describes.

    Args:
        schema: The JSON schema of one part, as the API returns it.
        table: The fields of the table. Schema names and the fields of responses are taken from
            it where the metadata lacks them.
    """
    found = _fields(schema, _DEEPEST)
    for name, field in table.items():
        if name in found:
            fixed = field.create_only or found[name].create_only
            found[name] = found[name].changed(create_only=fixed)
        elif field.required or field.read_only:
            found[name] = field
    if table.is_open and not table:
        # Of a service that the table lacks, any of them can be the name of its schema.
        found |= {name: ConfigField(name, "text") for name in _SCHEMA_NAMES if name not in found}
    return found


def help_texts(schema: Mapping[str, object], place: str = "") -> dict[str, str]:
    """Return the descriptions in live metadata by the paths of their fields."""
    found: dict[str, str] = {}
    for name, inner in _mapping(schema.get("properties")).items():
        described = _mapping(inner)
        here = f"{place}.{name}" if place else name
        text = described.get("description")
        if isinstance(text, str) and text:
            found[here] = text
        if described.get("type") == "array":
            described, here = _mapping(described.get("items")), f"{here}[]"
        if here.count(".") < _DEEPEST:
            found |= help_texts(described, here)
    return found


def _fields(schema: Mapping[str, object], depth: int) -> ConfigFields:
    properties = _mapping(schema.get("properties"))
    listed = schema.get("required")
    required: list[object] = cast("list[object]", listed) if isinstance(listed, list) else []
    found = ConfigFields(
        {
            name: _field(name, _mapping(inner), depth).changed(required=name in required)
            for name, inner in properties.items()
        }
    )
    # Without a list of fields there is nothing to compare with.
    found.is_open = not properties or schema.get("additionalProperties") is True
    return found


def _field(name: str, schema: Mapping[str, object], depth: int) -> ConfigField:
    if schema.get("type") == "array" and depth:
        return _field(name, _mapping(schema.get("items")), depth - 1).changed(is_list=True)
    secret = schema.get("format") == "password"
    choices = schema.get("enum")
    # First, because the API declares enumerations as objects.
    if isinstance(choices, list):
        words = tuple(str(choice) for choice in cast("list[object]", choices))
        return ConfigField(name, "text", choices=words, secret=secret)
    kind: ValueType = _TYPES.get(schema.get("type"), "any") if depth else "any"
    if depth and schema.get("properties"):
        kind = "object"
    if kind == "object":
        return ConfigField(name, kind, secret=secret, fields=_fields(schema, depth - 1))
    if schema.get("format") == "date-time":
        kind = "time"
    return ConfigField(name, kind, secret=secret)


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
