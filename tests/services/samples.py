"""Sample values for the fields of services; each secret has a different value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from fivetran_async._services import ConfigField, ConfigFields

SECRET: Final = "hush-"

_VALUES: Final[Mapping[str, object]] = {
    "text": "some text",
    "flag": True,
    "integer": 7,
    "number": 0.5,
    "time": "2026-05-04T00:00:00Z",
    "any": "anything",
}


def sample(members: ConfigFields, place: str, unique: str = "") -> dict[str, object]:
    """Build a config with every field; the naming fields contain `unique`."""
    return {
        name: unique if field.required else sample_of(field, f"{place}.{name}")
        for name, field in members.items()
    }


def sample_of(field: ConfigField, place: str) -> object:
    """Build a value of one field, or a list of two."""
    if not field.is_list:
        return _one(field, place)
    return [_one(field, f"{place}[{index}]") for index in range(2)]


def _one(field: ConfigField, place: str) -> object:
    if field.type == "object":
        return sample(field.fields, place)
    if field.secret:
        return f"{SECRET}{place}"
    # Skip empty choices, because the API omits empty values.
    return next(filter(None, field.choices), _VALUES[field.type])


def secret_places(
    members: ConfigFields, outer: tuple[ConfigField, ...] = ()
) -> Iterator[tuple[ConfigField, ...]]:
    """Iterate over the secrets, each with the fields that contain it."""
    for field in members.values():
        path = (*outer, field)
        if field.type == "object":
            yield from secret_places(field.fields, path)
        elif field.secret:
            yield path


def nest(path: tuple[ConfigField, ...], value: object) -> dict[str, object]:
    """Build a config with one field at its place."""
    nested = value
    for field in reversed(path):
        nested = {field.name: [nested] if field.is_list else nested}
    return cast("dict[str, object]", nested)


def leaf_at(config: object, path: tuple[ConfigField, ...]) -> list[object]:
    """Return the values at a place, one for each item of a list."""
    found = [config]
    for field in path:
        found = [cast("dict[str, object]", each)[field.name] for each in found]
        if field.is_list:
            found = [one for each in found for one in cast("list[object]", each)]
    return found
