"""Reads the table of services: the file at the first lookup, each service when it is looked up."""

from __future__ import annotations

import functools
import os.path
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

# The first check of a config pays for what this module imports and defines.
ServiceKind: TypeAlias = Literal["source", "destination", "log", "private_link"]
ConfigPart: TypeAlias = Literal["config", "auth", "external_secrets_keys_config"]
ValueType: TypeAlias = Literal["text", "flag", "integer", "number", "time", "object", "any"]

PARTS: Final[tuple[ConfigPart, ...]] = ("config", "auth", "external_secrets_keys_config")
KINDS: Final[tuple[ServiceKind, ...]] = ("source", "destination", "log", "private_link")

_INDENT: Final = " "
_OPEN: Final = "*"
_CHOICE: Final = "choice"
_ITEMS: Final = "[]"
_MARKS: Final = "*!+^[]"
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


class SlottedValue:
    """
    A value of named facts, one for each slot.

    Written out, because attrs, dataclasses and named tuples take longer to define a class than a
    service takes to read, and the first check of a config pays for that.
    """

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return self._facts() == other._facts() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._facts().values()))

    def __repr__(self) -> str:
        facts = (f"{name}={fact!r}" for name, fact in self._facts().items() if fact)
        return f"{type(self).__name__}({', '.join(facts)})"

    def _facts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class ConfigField(SlottedValue):
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

    # In the order of the arguments.
    __slots__ = (  # noqa: RUF023
        "name",
        "type",
        "is_list",
        "choices",
        "secret",
        "required",
        "create_only",
        "read_only",
        "fields",
    )

    def __init__(
        self,
        name: str,
        type: ValueType,
        is_list: bool = False,  # noqa: FBT001, FBT002
        choices: tuple[str, ...] = (),
        *,
        secret: bool = False,
        required: bool = False,
        create_only: bool = False,
        read_only: bool = False,
        fields: FieldsOf[ConfigField] = _NO_FIELDS,
    ) -> None:
        self.name: Final = name
        self.type: Final = type
        self.is_list: Final = is_list
        self.choices: Final = choices
        self.secret: Final = secret
        self.required: Final = required
        self.create_only: Final = create_only
        self.read_only: Final = read_only
        self.fields: Final = fields

    def changed(self, **facts: Any) -> ConfigField:  # noqa: ANN401 - as the arguments above
        """Return a copy with other facts."""
        return ConfigField(**{**self._facts(), **facts})


# Not a class of its own: with `ConfigField`, it would be a circle that pyright cannot resolve.
ConfigFields: TypeAlias = FieldsOf[ConfigField]


@functools.cache
def _table() -> bytes:
    # `importlib.resources` and `pathlib` take longer to import than the table takes to read.
    loader: Any = globals()["__loader__"]
    path = os.path.join(os.path.dirname(__file__), "table.tsv")  # noqa: PTH118, PTH120
    return cast("bytes", loader.get_data(path))


def _lines(kind: str, service: str) -> list[str] | None:
    """Return the lines of one service, or None if the table lacks it; other lines are not read."""
    if "\n" in service or "\t" in service:
        return None
    table = _table()
    start = table.find(f"\n\n{kind}\t{service}\n".encode(errors="replace"))
    if start < 0:
        return None
    end = table.find(b"\n\n", start + 2)
    return table[start + 2 : end].decode().split("\n")[1:]


@functools.cache
def names(kind: ServiceKind) -> tuple[str, ...]:
    """Return the names of all services of a kind, sorted."""
    start = f"{kind}\t"
    found = (lines for lines in _table().decode().split("\n\n") if lines.startswith(start))
    return tuple(lines[len(start) : lines.index("\n")] for lines in found)


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
    lines = _lines(kind, service)
    return None if lines is None else _parts(lines)


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
    return frozenset(line.lstrip(_INDENT) for line in _lines("secret", "-") or ())


def _secret_places(place: str, members: ConfigFields) -> Iterator[str]:
    for field in members.values():
        here = f"{place}.{field.name}{_ITEMS if field.is_list else ''}"
        if field.fields:
            yield from _secret_places(here, field.fields)
        elif field.secret:
            yield here


def _parts(lines: list[str]) -> dict[str, ConfigFields]:
    parts: dict[str, ConfigFields] = {}
    outer: list[ConfigFields] = []
    secret = False
    for line in lines:
        indented, _, facts = line.partition("\t")
        name = indented.lstrip(_INDENT)
        depth = len(indented) - len(name) - 1
        del outer[depth:]
        if not depth:
            secret = name == "auth"
            outer.append(parts.setdefault(name, FieldsOf()))
        elif name == _OPEN:
            outer[-1].is_open = True
        else:
            field = outer[-1][name] = _field(name, facts, secret=secret)
            if field.type == "object":
                outer.append(field.fields)
    return parts


def _field(name: str, facts: str, *, secret: bool) -> ConfigField:
    word, *choices = facts.split("\t")
    kind = word.rstrip(_MARKS)
    return ConfigField(
        name,
        "text" if kind == _CHOICE else cast("ValueType", kind),
        _ITEMS in word,
        tuple(choices),
        secret=secret or "*" in word,
        required="!" in word,
        create_only="+" in word,
        read_only="^" in word,
        fields=FieldsOf() if kind == "object" else _NO_FIELDS,
    )


_UNKNOWN: Final = ConfigFields()
_UNKNOWN.is_open = True
