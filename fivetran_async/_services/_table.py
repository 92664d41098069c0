"""Reads the table: its bytes at the first lookup, the facts of a service at that lookup."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

Kind: TypeAlias = Literal["source", "destination", "log", "private_link"]
Type: TypeAlias = Literal["text", "flag", "integer", "number", "time", "object", "any"]

KINDS: Final[tuple[Kind, ...]] = ("source", "destination", "log", "private_link")

_ITEMS: Final = "[]"
_OPEN: Final = "*"
_SERVICES_KEPT: Final = 1024


class Fields(dict[str, "Field"]):
    """
    Fields by their names.

    Attributes:
        is_open: True if the vendor's definition does not list the fields, so that any may be right.
    """

    is_open: bool = False


_NO_FIELDS: Final = Fields()


# A named tuple, for it takes a tenth of the time of an attrs class to make: the first check of a
# config pays for it.
class Field(NamedTuple):
    """
    One field of a config.

    Attributes:
        name: The field's name.
        type: The type of the value; of each item if `is_list`.
        is_list: True if the value is a list.
        choices: The values that the vendor declares; others may exist.
        secret: True if the API returns a mask instead of the value.
        required: True if the API refuses to create the service without the field.
        create_only: True if the field cannot change after the service was created.
        read_only: True if the field is in responses only.
        fields: The fields of an `object`.
    """

    name: str
    type: Type
    is_list: bool = False
    choices: tuple[str, ...] = ()
    secret: bool = False
    required: bool = False
    create_only: bool = False
    read_only: bool = False
    fields: Fields = _NO_FIELDS


@functools.cache
def _table() -> bytes:
    # Not by `importlib.resources`, which takes longer to import than the table takes to read.
    loader: Any = globals()["__loader__"]
    return cast("bytes", loader.get_data(str(PurePath(__file__).with_name("table.tsv"))))


def _row(kind: str, service: str) -> bytes | None:
    """Return the facts of one service as JSON, without reading any other row."""
    key = f"\n{kind}\t{service}\t".encode(errors="replace")
    start = _table().find(key) if "\t" not in service and "\n" not in service else -1
    if start < 0:
        return None
    start += len(key)
    return _table()[start : _table().index(b"\n", start)]


@functools.cache
def names(kind: Kind) -> tuple[str, ...]:
    """Return the names of all services of a kind, sorted."""
    found = re.findall(rb"^%s\t([^\t]+)\t" % kind.encode(), _table(), re.MULTILINE)
    return tuple(name.decode() for name in found)


def known(service: str, kind: Kind = "source") -> bool:
    """Return True if the table has the service; a service that is newer may exist without."""
    return parts(service, kind) is not None


@functools.lru_cache(_SERVICES_KEPT)
def parts(service: str, kind: Kind = "source") -> Mapping[str, Fields] | None:
    """
    Return the fields of `config`, `auth` and `external_secrets_keys_config` of a service.

    Returns:
        The parts that the service takes; None if it is not in the table.
    """
    row = _row(kind, service)
    if row is None:
        return None
    raw = cast("dict[str, dict[str, Any]]", json.loads(row))
    return {part: _fields(each, secret=part == "auth") for part, each in raw.items()}


def fields(service: str, kind: Kind = "source", part: str = "config") -> Fields:
    """Return the fields of one part of a service; empty and open if they are not known."""
    return (parts(service, kind) or {}).get(part, _UNKNOWN)


@functools.lru_cache(_SERVICES_KEPT)
def secret_fields(service: str, kind: Kind = "source") -> frozenset[str]:
    """Return the places of a service's secrets: `config.password`, `config.pats[]`, `auth.…`."""
    found = parts(service, kind) or {}
    return frozenset(place for part in found for place in _secret_places(part, found[part]))


@functools.cache
def secret_names() -> frozenset[str]:
    """Return the names that are secret in at least half of the services that have such a field."""
    return frozenset(cast("list[str]", json.loads(_row("secret", "-") or b"[]")))


def _secret_places(place: str, members: Fields) -> Iterator[str]:
    for field in members.values():
        here = f"{place}.{field.name}{_ITEMS if field.is_list else ''}"
        if field.fields:
            yield from _secret_places(here, field.fields)
        elif field.secret:
            yield here


def _fields(raw: Mapping[str, Any], *, secret: bool) -> Fields:
    found = Fields({name: _field(name, raw[name], secret) for name in raw if name != _OPEN})
    if _OPEN in raw:
        found.is_open = True
    return found


def _field(name: str, raw: Any, secret: bool) -> Field:  # noqa: ANN401, FBT001
    is_list = isinstance(raw, dict) and _ITEMS in raw
    if is_list:
        raw = cast("dict[str, Any]", raw)[_ITEMS]
    if isinstance(raw, dict):
        members = _fields(cast("dict[str, Any]", raw), secret=secret)
        return Field(name, "object", is_list, secret=secret, fields=members)
    if isinstance(raw, list):
        return Field(name, "text", is_list, tuple(cast("list[str]", raw)), secret)
    word = cast("str", raw)
    return Field(
        name,
        cast("Type", word.rstrip("*!+^")),
        is_list,
        secret=secret or "*" in word,
        required="!" in word,
        create_only="+" in word,
        read_only="^" in word,
    )


_UNKNOWN: Final = Fields()
_UNKNOWN.is_open = True
