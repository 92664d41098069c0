"""
Compare a definition of the API with this package: `nox -s drift -- DEFINITION.json`.

The definition (OpenAPI, JSON) is read from the given path and stays outside of this repository. Our
side is the inventory in `tests/meta`, which tests compare with methods and models; the choices in
the table of the fake and in the types of arguments; and the table of services.

    + WHAT    in the definition, and missing here
    - WHAT    here, and not in the definition
    ~ WHAT    of another type here

WHAT is an operation, a field of its query, body or response, a word that a field can be, or a
service with its fields. Differences on purpose are in `drift_on_purpose.tsv`, beside this file,
each with its reason. The exit code is 1 if a line begins with `+` or `~`.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import attrs
import services_table

from fivetran_async import AsyncFivetran
from fivetran_async.testing._facts import Fields, ListOf, MapOf, Named, ScalarType, Type, facts
from meta.calls import choices_of, hints_of, method_of, python_name
from meta.inventory import OPERATIONS, SHAPES, Operation

ON_PURPOSE: Final = Path(__file__).parent / "drift_on_purpose.tsv"

_VERBS: Final = ("get", "post", "patch", "put", "delete")
_PAGED: Final = frozenset({"cursor", "limit"})
_ANY_NAME: Final = "*"
"""The name of the members of an object with arbitrary keys."""

_ENVELOPE: Final = frozenset({"code", "message", "data"})


@attrs.define
class Node:
    """
    What is known about a value.

    Attributes:
        fields: The fields of an object; lists are those of their items.
        choices: The words that a text can be, each list from another source.
        is_open: True if the object may have any fields.
    """

    fields: dict[str, Node] = attrs.field(factory=dict[str, "Node"])
    choices: list[frozenset[str]] = attrs.field(factory=list[frozenset[str]])
    is_open: bool = False

    def merge(self, other: Node) -> None:
        """Add what another description knows about the same value."""
        self.choices += other.choices
        self.is_open |= other.is_open
        for name, node in other.fields.items():
            self.fields.setdefault(name, Node()).merge(node)

    @property
    def is_leaf(self) -> bool:
        """True if no fields are known."""
        return not self.fields


Described = Mapping[str, Node]
"""The query, the body and the response of an operation."""

Operations = Mapping[tuple[str, str], Described]
"""Operations by verb and path, with `{}` for each id."""


def blanked(path: str) -> str:
    """Return a path without the names of its ids, which differ between sources."""
    return re.sub(r"\{[^}]*\}", "{}", path)


class Definition:
    """The operations of an OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def operations(self) -> Operations:
        """Return every operation."""
        return {
            (verb.upper(), blanked(path)): self._described(methods, methods[verb])
            for path, methods in self._document["paths"].items()
            for verb in _VERBS
            if verb in methods
        }

    def _described(self, shared: Mapping[str, Any], operation: Mapping[str, Any]) -> Described:
        parameters = [
            self._resolve(each)
            for each in (*shared.get("parameters", ()), *operation.get("parameters", ()))
        ]
        query = Node(
            {
                each["name"]: self._node(each.get("schema", {}))
                for each in parameters
                if each["in"] == "query"
            }
        )
        return {
            "query": query,
            "body": self._content(self._resolve(operation.get("requestBody", {}))),
            "response": self._response(operation["responses"]),
        }

    def _response(self, responses: Mapping[str, Any]) -> Node:
        found = Node()
        for status, response in responses.items():
            if str(status).startswith("2"):
                body = self._content(self._resolve(response))
                if not _ENVELOPE.issuperset(body.fields):
                    # Some responses are declared without their envelope.
                    found.merge(body)
                data = body.fields.get("data", Node())
                found.merge(data.fields.get("items", data) if _is_list(data) else data)
        return found

    def _content(self, holder: Mapping[str, Any]) -> Node:
        contents: Mapping[str, Any] = holder.get("content", {})
        media = list(contents.values())
        return self._node(media[0].get("schema", {})) if media else Node()

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            found: Any = self._document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema

    def _node(self, schema: Mapping[str, Any], above: tuple[object, ...] = ()) -> Node:
        resolved = self._resolve(schema)
        if any(resolved is each for each in above):
            return Node(is_open=True)
        above = (*above, resolved)
        if "items" in resolved:
            return self._node(resolved["items"], above)
        if "enum" in resolved:
            return Node(choices=[frozenset(map(str, resolved["enum"]))])
        node = Node(is_open="properties" not in resolved and resolved.get("type") == "object")
        for name, inner in resolved.get("properties", {}).items():
            node.fields[name] = self._node(inner, above)
        members = resolved.get("additionalProperties")
        if isinstance(members, dict) and members:
            node.fields[_ANY_NAME] = self._node(cast("dict[str, Any]", members), above)
        for word in ("allOf", "oneOf", "anyOf"):
            for piece in resolved.get(word, ()):
                node.merge(self._node(piece, above))
        self._merge_kinds(node, resolved, above)
        return node

    def _merge_kinds(
        self, node: Node, resolved: Mapping[str, Any], above: tuple[object, ...]
    ) -> None:
        """Add the fields of the kinds of an object; the parts of services are compared apart."""
        kinds: Mapping[str, Any] = resolved.get("discriminator", {})
        if not kinds:
            return
        name, mapping = kinds.get("propertyName", "service"), kinds.get("mapping", {})
        of_services = name == "service"
        kind = Node(choices=[] if of_services else [frozenset(mapping)])
        node.fields.setdefault(name, Node()).merge(kind)
        for reference in sorted(set(mapping.values())):
            for piece in self._resolve({"$ref": reference}).get("allOf", ()):
                part = self._node(piece, above)
                if of_services:
                    part = Node({name: Node(is_open=True) for name in part.fields})
                node.merge(part)


def _is_list(data: Node) -> bool:
    return "items" in data.fields and {"items", "next_cursor"}.issuperset(data.fields)


@functools.cache
def our_operations() -> Operations:
    """Return every operation of the inventory."""
    session = AsyncFivetran("no key", "no secret")
    return {
        (row.verb, blanked(row.path)): _our_description(row, hints_of(method_of(session, row)))
        for row in OPERATIONS
    }


def _our_description(row: Operation, hints: Mapping[str, Any]) -> Described:
    query = Node({field.name: _our_node(field.kind) for field in row.query})
    for name in _PAGED if row.paginated else ():
        query.fields[name] = Node()
    body = Node({field.name: _our_node(field.kind) for field in row.body})
    if row.whole_body:
        body = _our_node(row.whole_body)
    response = _our_node(row.shape) if row.shape else Node(is_open=row.response == "bytes")
    found = {"query": query, "body": body, "response": response}
    for part in ("query", "body"):
        for name, node in found[part].fields.items():
            literal = frozenset(map(str, choices_of(hints.get(python_name(name)))))
            node.choices += [literal] if literal else []
    served = facts().operations[row.method]
    _add_choices(query, served.query)
    _add_choices(body, served.body)
    _add_choices(response, Named(served.shape) if served.shape else None)
    return found


def _our_node(kind: str) -> Node:
    if kind.startswith("["):
        return _our_node(kind[1:-1])
    if kind.startswith("{"):
        return Node({_ANY_NAME: _our_node(kind[1:-1])})
    if kind in SHAPES:
        return Node({field.name: _our_node(field.kind) for field in SHAPES[kind]})
    return Node(is_open=kind in {"open", "any"})


def _add_choices(node: Node, kind: Type | None) -> None:
    """Add the choices that the table of the fake has for a value of the inventory."""
    match kind:
        case ScalarType(choices=choices) if choices:
            node.choices.append(frozenset(choices))
        case ListOf(item=item):
            _add_choices(node, item)
        case MapOf(value=value) if _ANY_NAME in node.fields:
            _add_choices(node.fields[_ANY_NAME], value)
        case Named():
            _add_choices(node, facts().resolve(kind))
        case Fields(types=types):
            for name in types.keys() & node.fields.keys():
                _add_choices(node.fields[name], types[name])
        case _:
            return


def operation_differences(theirs: Operations, ours: Operations) -> Iterator[str]:
    """Compare the operations, and the fields and choices of each."""
    for key in sorted(theirs.keys() | ours.keys(), key=lambda key: (key[1], key[0])):
        name = " ".join(key)
        if key not in ours:
            yield f"+ {name}"
        elif key not in theirs:
            yield f"- {name}"
        else:
            for part, node in theirs[key].items():
                yield from _differences(f"{name} {part}", node, ours[key][part])


def _differences(place: str, theirs: Node, ours: Node) -> Iterator[str]:
    if theirs.choices:
        known = frozenset[str]().union(*theirs.choices)
        missing = [_without(known, each) for each in ours.choices]
        gone = [_without(each, known) for each in ours.choices]
        for sign, words in (("+", missing), ("-", gone)):
            for word in sorted(frozenset[str]().union(*words)):
                yield f"{sign} {place}: {word}"
    if theirs.is_leaf or ours.is_open:
        return
    if ours.is_leaf:
        yield f"+ {place}: fields {' '.join(sorted(theirs.fields))}"
        return
    for name, node in _paired(theirs, ours).items():
        yield from _field_differences(f"{place}.{name}", *node)


def _without(words: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    """Subtract words in any letter case: definitions and responses differ in it."""
    folded = set(map(str.lower, others))
    return frozenset(word for word in words if word.lower() not in folded)


def _paired(theirs: Node, ours: Node) -> dict[str, tuple[Node | None, Node | None]]:
    if _ANY_NAME in ours.fields and _ANY_NAME not in theirs.fields and len(theirs.fields) == 1:
        # The definition describes some mappings by one example of a name.
        (example,) = theirs.fields.values()
        return {_ANY_NAME: (example, ours.fields[_ANY_NAME])}
    names = sorted(theirs.fields.keys() | ours.fields.keys())
    return {name: (theirs.fields.get(name), ours.fields.get(name)) for name in names}


def _field_differences(place: str, theirs: Node | None, ours: Node | None) -> Iterator[str]:
    if ours is None:
        yield f"+ {place}"
    elif theirs is None:
        yield f"- {place}"
    else:
        yield from _differences(place, theirs, ours)


def service_differences(document: Mapping[str, Any]) -> Iterator[str]:
    """Compare the services; facts that are newer than the definition come from the patch."""
    ours = services_table.read(services_table.TABLE.read_text("utf-8"))
    theirs = services_table.Definition(document).table()
    for change in services_table.read_patch(services_table.PATCH.read_text("utf-8")):
        services_table.apply(theirs, change)
    for line in services_table.differences(ours, theirs):
        place, is_choices, words = line[2:].partition(": choices ")
        if is_choices:
            yield from (f"{word[0]} {place}: {word[1:]}" for word in words.split(" "))
        else:
            yield line


class Purpose(NamedTuple):
    """A difference on purpose: a pattern of lines, and the reason."""

    pattern: str
    reason: str

    def covers(self, line: str) -> bool:
        """Return True if a line is this difference; `*` in the pattern is any text."""
        return re.fullmatch(".*".join(map(re.escape, self.pattern.split("*"))), line) is not None


def read_purposes(text: str) -> list[Purpose]:
    """Read the rows of a table; lines that begin with `#` are comments."""
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return [Purpose(*row) for row in rows]


def report(lines: Iterable[str], purposes: Iterable[Purpose]) -> tuple[list[str], int]:
    """Return the lines that are not on purpose, with a count of what is missing here."""
    found = list(lines)
    purposes = list(purposes)
    shown = [line for line in found if not any(each.covers(line) for each in purposes)]
    missing = sum(not line.startswith("-") for line in shown)
    idle = [each for each in purposes if not any(map(each.covers, found))]
    return [*shown, *(f"on purpose, and not found: {each.pattern}" for each in idle)], missing


def main(arguments: list[str] | None = None) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("definition", type=Path, help="the vendor's OpenAPI file")
    parser.add_argument("--on-purpose", type=Path, default=ON_PURPOSE, help="known differences")
    options = parser.parse_args(arguments)
    document = json.loads(options.definition.read_text("utf-8"))
    theirs, ours = Definition(document).operations(), our_operations()
    differences = [*operation_differences(theirs, ours), *service_differences(document)]
    purposes = read_purposes(options.on_purpose.read_text("utf-8"))
    lines, missing = report(differences, purposes)
    for line in lines:
        print(line)
    print(
        f"operations: {len(theirs)} in the definition, {len(ours)} here, "
        f"{len(theirs.keys() & ours.keys())} in both; missing here: {missing}"
    )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
