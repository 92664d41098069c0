"""Ids that are words of the API's own paths: refused only where the path is another operation's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs
import pytest

from fivetran_async import AsyncFivetran, InvalidArgumentError
from fivetran_async._http.operation import operation_at
from meta.calls import build, method_of, perform, positional_names
from meta.inventory import OPERATIONS, Operation
from meta.wiring import DEPRECATED, good, requests_of, wired

WORDS: Final = sorted(
    {part for row in OPERATIONS for part in row.path.split("/")[1:] if not part.startswith("{")}
)
"""Every fixed part of every path."""


@attrs.frozen
class Collision:
    """The words in the slots of an operation that make its path the path of another one."""

    operation: Operation
    words: Mapping[str, str]
    rival: Operation


def collision(operation: Operation, rival: Operation) -> Collision | None:
    """Return the words that fill the path of an operation to that of a rival, if there are any."""
    ours, theirs = operation.path.split("/"), rival.path.split("/")
    if operation is rival or operation.verb != rival.verb or len(ours) != len(theirs):
        return None
    words: dict[str, str] = {}
    for part, other in zip(ours, theirs, strict=True):
        if part.startswith("{") and not other.startswith("{"):
            words[part[1:-1]] = other
        elif part != other and not part.startswith("{") and not other.startswith("{"):
            return None
    return Collision(operation, words, rival) if words else None


COLLISIONS: Final = [
    found for row in OPERATIONS for rival in OPERATIONS if (found := collision(row, rival))
]


def test_known_collisions_are_derived() -> None:
    """The inventory yields the reads and the write that an id could reach by mistake."""
    found = {(each.operation.method, *each.words.values()) for each in COLLISIONS}
    assert found >= {
        ("users.get", "api-keys"),
        ("transformations.get", "package-metadata"),
        ("webhooks.test", "group"),
        ("webhooks.create_group", "test"),
        ("log_services.delete", "account"),
    }


def test_rivals_are_loaded_together() -> None:
    """The rivals of an operation are of its family: they are known before its first call."""
    families = {
        (each.operation.method.partition(".")[0], each.rival.method.partition(".")[0])
        for each in COLLISIONS
    }
    assert [pair for pair in families if pair[0] != pair[1]] == []


@DEPRECATED
@pytest.mark.parametrize(
    "case", COLLISIONS, ids=lambda case: f"{case.operation.method}-{case.rival.method}"
)
async def test_id_that_reaches_another_operation_is_refused(case: Collision) -> None:
    """The error names the argument, the word and the other operation, and nothing is sent."""
    async with wired(good) as (fivetran, server):
        method = method_of(fivetran, case.operation)
        call = build(case.operation, method, "required")
        for position, slot in enumerate(case.operation.slots):
            if slot in case.words:
                name = positional_names(method)[position]
                call = call.replacing(name, position, case.words[slot])
        with pytest.raises(InvalidArgumentError) as caught:
            await perform(method, call)
        assert server.requests == []
    slot, word = next(iter(case.words.items()))
    assert str(caught.value).startswith(f"{slot} must not be {word!r}: ")
    assert case.rival.method in str(caught.value)


def filled(operation: Operation) -> Iterator[tuple[str, ...]]:
    """Return ids for an operation: each slot with each word, the other slots with plain ids."""
    for position in range(len(operation.slots)):
        for word in WORDS:
            yield tuple(word if at == position else f"x{at}" for at in range(len(operation.slots)))


def rivals_at(operation: Operation, ids: tuple[str, ...]) -> list[str]:
    """Return the other operations that a finished path matches."""
    given = dict(zip(operation.slots, ids, strict=True))
    return [
        case.rival.method
        for case in COLLISIONS
        if case.operation is operation
        and all(given[slot] == word for slot, word in case.words.items())
    ]


def test_any_other_word_is_a_name_like_any_other() -> None:
    """Every word of every path fills every slot, unless the path is that of another operation."""
    fivetran = AsyncFivetran("key", "secret")
    tried = 0
    for row in OPERATIONS:
        fivetran._declare_operations(row.path)
        declared = operation_at(row.verb, row.path)
        assert declared is not None
        assert declared.name == row.method
        for ids in filled(row):
            rivals = rivals_at(row, ids)
            try:
                path = declared.path(*ids)
            except InvalidArgumentError:
                assert rivals, ids
            else:
                assert (path, rivals) == (row.path_of(ids), [])
            tried += 1
    assert tried > 10_000


async def test_schemas_and_tables_have_any_name() -> None:
    """A schema, a table and a column can have the names of the paths beside them."""
    async with wired(good) as (fivetran, server):
        schemas = fivetran.connections.schemas
        for name in ("reload", "drop-columns", "tables", "resync", "columns"):
            await schemas.update_schema("c", name, enabled=True)
            await schemas.update_table("c", name, name, enabled=True)
            await schemas.update_column("c", name, name, name, enabled=True)
            await schemas.get_columns("c", name, name)
            await schemas.drop_column("c", name, name, name, confirm=True)
        assert len(server.requests) == 25


async def test_new_operations_have_their_own_paths() -> None:
    """`users.list_api_keys` is the one call that reaches the path of all keys."""
    async with wired(good) as (fivetran, server):
        await fivetran.users.list_api_keys()
        with pytest.raises(InvalidArgumentError, match=r"users\.list_api_keys"):
            await fivetran.users.get("api-keys")
        row = next(row for row in OPERATIONS if row.method == "users.list_api_keys")
        assert len(requests_of(server, row)) == 1
