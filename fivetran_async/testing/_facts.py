"""
The table of facts (`facts.json`): the operations, their arguments and their responses.

A type is a word: `text`, `int`, `bool`, `number`, `time`, `base64`, `object` (open), `any`, `file`,
or the name of a shape. `[T]` is a list, `{T}` a mapping of names to T, `text(a|b)` an enum and
`text(@name)` one of the named enums. A final `!` means that the field is required.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Literal, TypeAlias, cast

import attrs

StoredRecord: TypeAlias = dict[str, Any]
"""One record of the account, with the API's names and JSON types."""


def part(value: object) -> StoredRecord:
    """Return a nested object, or an empty one if the value is not an object."""
    return cast("StoredRecord", value) if isinstance(value, dict) else {}


def deep_copy(fields: Mapping[str, object]) -> StoredRecord:
    """Return a copy that shares no object and no list with a record, which a test may change."""
    return {name: _copied(value) for name, value in fields.items()}


def _copied(value: object) -> object:
    if isinstance(value, dict):
        return deep_copy(cast("dict[str, object]", value))
    if isinstance(value, (list, tuple)):
        return [_copied(item) for item in cast("Sequence[object]", value)]
    return value


ResponseKind: TypeAlias = Literal["object", "list", "message", "raw"]


@attrs.frozen
class ScalarType:
    """A single value, or one of a few choices."""

    kind: str
    choices: tuple[str, ...] = ()


@attrs.frozen
class ListOf:
    """A JSON array with items of one type."""

    item: Type


@attrs.frozen
class MapOf:
    """A JSON object with arbitrary keys and values of one type."""

    value: Type


@attrs.frozen
class Fields:
    """A JSON object with known fields; `required` names the mandatory ones."""

    types: Mapping[str, Type]
    required: frozenset[str]


@attrs.frozen
class Named:
    """A shape by name, resolved on use, so that shapes can refer to each other."""

    shape: str


Type: TypeAlias = "ScalarType | ListOf | MapOf | Fields | Named"


@attrs.frozen
class ServedOperation:
    """The facts about one operation; `name` is the client's method, such as `groups.list`."""

    name: str
    verb: str
    path: str
    status: int
    code: str
    response: ResponseKind
    shape: str
    paginated: bool
    query: Fields
    body: Type | None
    multipart: bool
    accept: int
    auth: bool
    budgets: tuple[str, ...]
    tests_by_default: bool | None

    @property
    def family(self) -> str:
        """The part of the name before the last dot: `teams.users` of `teams.users.add`."""
        return self.name.rpartition(".")[0]

    @property
    def action(self) -> str:
        """The last part of the name: `add` of `teams.users.add`."""
        return self.name.rpartition(".")[2]


@attrs.frozen
class ApiFacts:
    """The whole table, parsed."""

    shapes: Mapping[str, Fields]
    operations: Mapping[str, ServedOperation]

    def resolve(self, kind: Type) -> ScalarType | ListOf | MapOf | Fields:
        """Return the type that a shape's name refers to; other types are returned unchanged."""
        return self.shapes[kind.shape] if isinstance(kind, Named) else kind


def parse_type(text: str, enums: Mapping[str, str]) -> Type:
    """Parse a type, without its `!`."""
    if text.startswith("["):
        return ListOf(parse_type(text[1:-1], enums))
    if text.startswith("{"):
        return MapOf(parse_type(text[1:-1], enums))
    word, _, rest = text.partition("(")
    if word[0].isupper():
        return Named(word)
    if not rest:
        return ScalarType(word)
    inside = rest.removesuffix(")")
    choices = enums[inside[1:]].split() if inside.startswith("@") else inside.split("|")
    return ScalarType(word, tuple(choices))


def _parse_fields(raw: Mapping[str, str], enums: Mapping[str, str]) -> Fields:
    return Fields(
        types={name: parse_type(text.removesuffix("!"), enums) for name, text in raw.items()},
        required=frozenset(name for name, text in raw.items() if text.endswith("!")),
    )


def _parse_body(raw: str | Mapping[str, str] | None, enums: Mapping[str, str]) -> Type | None:
    if raw is None:
        return None
    return parse_type(raw, enums) if isinstance(raw, str) else _parse_fields(raw, enums)


def _parse_operation(
    name: str, raw: Mapping[str, Any], enums: Mapping[str, str]
) -> ServedOperation:
    response, _, shape = str(raw["response"]).partition(" ")
    budgets, _, condition = str(raw.get("budgets", "")).partition("?")
    return ServedOperation(
        name=name,
        verb=raw["verb"],
        path=raw["path"],
        status=raw["status"],
        code=raw.get("code", "Success"),
        response=cast("ResponseKind", response),
        shape=shape,
        paginated=raw.get("paginated", False),
        query=_parse_fields(raw.get("query", {}), enums),
        body=_parse_body(raw.get("body"), enums),
        multipart=raw.get("body_type") == "multipart",
        accept=raw.get("accept", 1),
        auth=raw.get("auth", True),
        budgets=tuple(filter(None, budgets.split("+"))),
        tests_by_default=condition.endswith("=true") if condition else None,
    )


@functools.cache
def facts() -> ApiFacts:
    """Return the table; it is read once."""
    raw = json.loads(
        resources.files("fivetran_async.testing").joinpath("facts.json").read_text("utf-8")
    )
    enums: Mapping[str, str] = raw["enums"]
    return ApiFacts(
        shapes={name: _parse_fields(fields, enums) for name, fields in raw["shapes"].items()},
        operations={
            name: _parse_operation(name, row, enums) for name, row in raw["operations"].items()
        },
    )
