"""Reads the table of services: the file at the first lookup, each row when it is looked up."""

import functools
import json
import os.path
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar, cast

ServiceKind: TypeAlias = Literal["source", "destination", "log", "private_link"]
ConfigPart: TypeAlias = Literal["config", "auth", "external_secrets_keys_config"]
ValueType: TypeAlias = Literal["text", "flag", "integer", "number", "time", "object", "any"]

PARTS: Final[tuple[ConfigPart, ...]] = ("config", "auth", "external_secrets_keys_config")
KINDS: Final[tuple[ServiceKind, ...]] = ("source", "destination", "log", "private_link")

_ITEMS: Final = "[]"
_MARKS: Final = ("!", "+", "^")
_OPEN: Final = "*"
_SERVICES_KEPT: Final = 1024


F = TypeVar("F")


class FieldsOf(dict[str, F]):
    """
    Fields by their names.

    Attributes:
        is_open: True if the vendor's definition does not list the fields, so any name can be valid.
    """

    is_open: bool = False


_NO_FIELDS: Final[FieldsOf[Any]] = FieldsOf()


# The first check of a config pays for the import. A named tuple is ten times as fast to define as
# an attrs class; annotations that are text, as in other modules, would make it four times as slow.
class ConfigField(NamedTuple):
    """
    One field of a config.

    Attributes:
        name: The field's name.
        type: The type of the value; of each item if `is_list`.
        is_list: True if the value is a list.
        choices: The values that the vendor declares; others can exist.
        secret: True if the API returns a mask instead of the value.
        required: True if the API requires the field to create the service.
        create_only: True if the field cannot change after creation.
        read_only: True if the field is in responses only.
        fields: The fields of an `object`.
    """

    name: str
    type: ValueType
    is_list: bool = False
    choices: tuple[str, ...] = ()
    secret: bool = False
    required: bool = False
    create_only: bool = False
    read_only: bool = False
    fields: FieldsOf["ConfigField"] = _NO_FIELDS


# Not a class of its own: with `ConfigField`, it would be a circle that pyright cannot resolve.
ConfigFields: TypeAlias = FieldsOf[ConfigField]


@functools.cache
def _table() -> bytes:
    # `importlib.resources` and `pathlib` take longer to import than the table takes to read.
    loader: Any = globals()["__loader__"]
    path = os.path.join(os.path.dirname(__file__), "table.tsv")  # noqa: PTH118, PTH120
    return cast("bytes", loader.get_data(path))


def _row(kind: str, service: str) -> bytes | None:
    """Return the row of one service as JSON, without parsing other rows."""
    key = f"\n{kind}\t{service}\t".encode(errors="replace")
    start = _table().find(key) if "\t" not in service and "\n" not in service else -1
    if start < 0:
        return None
    start += len(key)
    return _table()[start : _table().index(b"\n", start)]


@functools.cache
def names(kind: ServiceKind) -> tuple[str, ...]:
    """Return the names of all services of a kind, sorted."""
    # Far faster than a regular expression over the whole file.
    rows = (row.split("\t", 2) for row in _table().decode().split("\n"))
    return tuple(row[1] for row in rows if row[0] == kind)


def known(service: str, kind: ServiceKind = "source") -> bool:
    """Return True if the table has the service; the vendor can have newer ones."""
    return parts(service, kind) is not None


def kind_of(service: str) -> ServiceKind | None:
    """Return the kind of a service, or None if the table lacks it; no two kinds share a name."""
    return next((kind for kind in KINDS if known(service, kind)), None)


@functools.lru_cache(_SERVICES_KEPT)
def parts(service: str, kind: ServiceKind = "source") -> Mapping[str, ConfigFields] | None:
    """
    Return the fields of `config`, `auth` and `external_secrets_keys_config` of a service.

    Returns:
        The parts of the service, or None if the table lacks it.
    """
    row = _row(kind, service)
    if row is None:
        return None
    raw = cast("dict[str, dict[str, Any]]", json.loads(row))
    return {part: _fields(each, secret=part == "auth") for part, each in raw.items()}


def fields(service: str, kind: ServiceKind = "source", part: str = "config") -> ConfigFields:
    """Return the fields of one part of a service; empty and open if they are unknown."""
    return (parts(service, kind) or {}).get(part, _UNKNOWN)


@functools.lru_cache(_SERVICES_KEPT)
def secret_fields(service: str, kind: ServiceKind = "source") -> frozenset[str]:
    """Return the paths of a service's secrets: `config.password`, `config.pats[]`, `auth.…`."""
    found = parts(service, kind) or {}
    return frozenset(place for part in found for place in _secret_places(part, found[part]))


@functools.cache
def secret_names() -> frozenset[str]:
    """Return the field names that are secret in at least half of the services that have them."""
    return frozenset(cast("list[str]", json.loads(_row("secret", "-") or b"[]")))


def _secret_places(place: str, members: ConfigFields) -> Iterator[str]:
    for field in members.values():
        here = f"{place}.{field.name}{_ITEMS if field.is_list else ''}"
        if field.fields:
            yield from _secret_places(here, field.fields)
        elif field.secret:
            yield here


def _fields(raw: Mapping[str, Any], *, secret: bool) -> ConfigFields:
    found = ConfigFields({name: _field(name, raw[name], secret) for name in raw if name != _OPEN})
    if _OPEN in raw:
        found.is_open = True
    return found


def _field(name: str, raw: Any, secret: bool) -> ConfigField:  # noqa: ANN401, FBT001
    if isinstance(raw, dict) and (mark := next(iter(cast("dict[str, Any]", raw)), "")) in _MARKS:
        found = _field(name, raw[mark], secret)
        return found._replace(
            required=found.required or mark == "!",
            create_only=found.create_only or mark == "+",
            read_only=found.read_only or mark == "^",
        )
    is_list = isinstance(raw, dict) and _ITEMS in raw
    if is_list:
        raw = cast("dict[str, Any]", raw)[_ITEMS]
    if isinstance(raw, dict):
        members = _fields(cast("dict[str, Any]", raw), secret=secret)
        return ConfigField(name, "object", is_list, secret=secret, fields=members)
    if isinstance(raw, list):
        return ConfigField(name, "text", is_list, tuple(cast("list[str]", raw)), secret)
    word = cast("str", raw)
    return ConfigField(
        name,
        cast("ValueType", word.rstrip("*!+^")),
        is_list,
        secret=secret or "*" in word,
        required="!" in word,
        create_only="+" in word,
        read_only="^" in word,
    )


_UNKNOWN: Final = ConfigFields()
_UNKNOWN.is_open = True
