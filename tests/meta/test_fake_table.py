"""The inventory of the client and the table of the fake describe the same operations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from fivetran_async.testing._facts import Fields, ServedOperation, facts
from meta.inventory import OPERATIONS, Operation
from support.each import for_each

ON_PURPOSE: Final[Mapping[tuple[str, str], str]] = {
    ("connections.list_sync_history", "query"): "`duration` is deprecated; old clients send it",
    ("hvr.register_hub", "required"): "the client asks for what every registration needs",
    ("system_keys.create", "required"): "a key without permissions is of no use",
}
"""Differences on purpose, by method and fact, each with its reason."""

RESPONSES: Final = {
    "list": {"page", "types"},
    "message": {"nothing"},
    "object": {"object", "setup", "nothing"},
    "raw": {"bytes"},
}
"""The kinds of responses in the fake's table, with those of the inventory."""

SERVED: Final = facts().operations

each_shared_operation: Final = for_each(
    "operation", [row for row in OPERATIONS if row.method in SERVED]
)


def body_of(served: ServedOperation) -> tuple[set[str], set[str]]:
    """Return the fields of a body, and the required ones."""
    body = served.body and facts().resolve(served.body)
    return (set(body.types), set(body.required)) if isinstance(body, Fields) else (set(), set())


def differences(operation: Operation, served: ServedOperation) -> dict[str, object]:
    """Compare one operation in both tables."""
    fields, required = body_of(served)
    query = set(served.query.types) - {"limit", "cursor"}
    pairs: dict[str, tuple[object, object]] = {
        "verb": (operation.verb, served.verb),
        "path": (blanked(operation.path), blanked(served.path)),
        "accept": (operation.accept, served.accept),
        "authorized": (not operation.is_public, served.auth),
        "paginated": (operation.paginated, served.paginated),
        "query": ({field.name for field in operation.query}, query),
        "body": ({field.name for field in operation.body}, fields),
        "required": ({field.name for field in operation.body if field.required}, required),
        "upload": (operation.uploads, served.multipart),
    }
    found: dict[str, object] = {fact: pair for fact, pair in pairs.items() if pair[0] != pair[1]}
    if operation.response not in RESPONSES[served.response]:
        found["response"] = (operation.response, served.response)
    return found


def blanked(path: str) -> str:
    """Remove the names from the slots of a path, because the tables use different ones."""
    return re.sub(r"\{\w+\}", "{}", path)


def test_fake_serves_every_operation_of_the_client() -> None:
    """An operation that is added to the client fails here until the fake serves it."""
    assert {operation.method for operation in OPERATIONS} == set(SERVED)


@each_shared_operation
def test_tables_agree(operation: Operation) -> None:
    """Verb, path, version, query, body and kind of response are the same in both tables."""
    found = differences(operation, SERVED[operation.method])
    allowed = {fact for method, fact in ON_PURPOSE if method == operation.method}
    assert {fact: pair for fact, pair in found.items() if fact not in allowed} == {}
    assert allowed <= set(found), "a difference on purpose that is none any more"


def test_differences_are_of_known_operations() -> None:
    """Every reason belongs to an existing operation."""
    assert {method for method, _ in ON_PURPOSE} <= set(SERVED)
