"""Finds the operation that a path means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias
from urllib.parse import unquote

import attrs

from fivetran_async.testing._facts import Operation

Found: TypeAlias = Mapping[str, tuple[Operation, tuple[str, ...]]]
"""By verb: the operation, and the ids that the path names, in its order."""


@attrs.define
class _Node:
    fixed: dict[str, _Node] = attrs.field(factory=dict[str, "_Node"])
    any: _Node | None = None
    operations: dict[str, Operation] = attrs.field(factory=dict[str, Operation])


class Routes:
    """
    The paths of all operations; a fixed word wins over an id, where both have the verb.

    With `legacy`, the paths of before 2025, which say `connectors`, mean the same operations.
    """

    def __init__(self, operations: Iterable[Operation], *, legacy: bool = True) -> None:
        self._legacy = legacy
        self._root = _Node()
        for operation in operations:
            node = self._root
            for segment in operation.path[1:].split("/"):
                node = _child(node, segment)
            node.operations[operation.verb] = operation

    def __repr__(self) -> str:
        return "<Routes>"

    def find(self, raw_path: str) -> Found:
        """
        What can be done at a path, by verb; nothing if no operation has it.

        Each segment is decoded by itself, so that an encoded slash stays inside its segment. One
        slash at the end is forgiven, as the vendor does.
        """
        found: dict[str, tuple[Operation, tuple[str, ...]]] = {}
        start, *segments = raw_path.removesuffix("/").split("/")
        if start == "":
            _walk(self._root, segments, (), found)
            if not found and self._legacy:
                _walk(self._root, _modern(segments), (), found)
        return found


def _child(node: _Node, segment: str) -> _Node:
    if not segment.startswith("{"):
        return node.fixed.setdefault(segment, _Node())
    if node.any is None:
        node.any = _Node()
    return node.any


def _modern(segments: list[str]) -> list[str]:
    match segments:
        case ["v1", "connectors" | "connections", connection_id, "force"]:
            # Undocumented, yet what other vendors' integrations call to start a sync.
            return ["v1", "connections", connection_id, "sync"]
        case ["v1", "connectors", *rest]:
            return ["v1", "connections", *rest]
        case ["v1", "metadata", "connectors", *rest]:
            return ["v1", "metadata", "connector-types", *rest]
        case ["v1", "groups" | "users" | "teams" as owner, owner_id, "connectors", *rest]:
            return ["v1", owner, owner_id, "connections", *rest]
        case _:
            return segments


def _walk(
    node: _Node,
    segments: list[str],
    ids: tuple[str, ...],
    found: dict[str, tuple[Operation, tuple[str, ...]]],
) -> None:
    if not segments:
        for verb, operation in node.operations.items():
            found.setdefault(verb, (operation, ids))
        return
    first, rest = segments[0], segments[1:]
    if first in node.fixed:
        _walk(node.fixed[first], rest, ids, found)
    if node.any is not None and first:
        _walk(node.any, rest, (*ids, unquote(first)), found)
