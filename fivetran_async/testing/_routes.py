"""Finds the operation of a path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias
from urllib.parse import unquote

import attrs

from fivetran_async.testing._facts import ServedOperation

Found: TypeAlias = Mapping[str, tuple[ServedOperation, tuple[str, ...]]]
"""For each verb, the operation and the ids in the path, in order."""


@attrs.define
class _Node:
    fixed: dict[str, _Node] = attrs.field(factory=dict[str, "_Node"])
    any: _Node | None = None
    operations: dict[str, ServedOperation] = attrs.field(factory=dict[str, ServedOperation])


class Routes:
    """
    The paths of all operations; a literal segment takes precedence over an id with the same verb.

    With `legacy`, the paths from before 2025, with `connectors`, are routes to the same
    operations.
    """

    def __init__(self, operations: Iterable[ServedOperation], *, legacy: bool = True) -> None:
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
        Return the operations at a path by verb; empty if the path is unknown.

        Each segment is decoded separately, so that an encoded slash stays in its segment. Like the
        vendor, it accepts one slash at the end.
        """
        found: dict[str, tuple[ServedOperation, tuple[str, ...]]] = {}
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
            # Undocumented, but integrations of other vendors call it to trigger a sync.
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
    found: dict[str, tuple[ServedOperation, tuple[str, ...]]],
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
