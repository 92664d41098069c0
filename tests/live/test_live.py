"""Reads a real account: responses are decoded, and nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, cast

import pytest

from fivetran_async import (
    AsyncFivetran,
    NotFoundError,
    Page,
    PermissionDeniedError,
    ReadOnlyError,
)
from live.account import NOTES
from meta.calls import method_of
from meta.inventory import BY_METHOD, OPERATIONS, Operation

FEW: Final = 5


def is_readable(operation: Operation) -> bool:
    """Return True for lists, and for reads of listed records, with at most one id."""
    *family, verb = operation.method.split(".")
    gets_one = verb == "get" and len(family) == 1 and f"{family[0]}.list" in BY_METHOD
    return len(operation.slots) <= 1 and (verb.startswith("list") or gets_one)


READABLE: Final = [operation for operation in OPERATIONS if is_readable(operation)]


async def first_ids(fivetran: AsyncFivetran, operation: Operation) -> list[str]:
    """Return the ids that an operation needs: the first id of its family's list."""
    if not operation.slots:
        return []
    family = operation.method.partition(".")[0]
    page = await method_of(fivetran, BY_METHOD[f"{family}.list"])()
    if not page.items:
        pytest.skip(f"the account has no {family}")
    return [page.items[0].id]


async def read(method: Callable[..., Any], ids: list[str]) -> int:
    """Read one page or one record, and return the number of items."""
    found = await method(*ids)
    if isinstance(found, Page):
        found = cast("Page[object]", found).items
    return len(cast("tuple[object, ...]", found)) if isinstance(found, tuple) else 1


async def test_account_is_known(fivetran: AsyncFivetran) -> None:
    """The credentials are valid, and the account has an id."""
    assert (await fivetran.account.get_info()).account_id != ""


@pytest.mark.parametrize("operation", READABLE, ids=str)
async def test_first_page_is_decoded(fivetran: AsyncFivetran, operation: Operation) -> None:
    """The first page of each list is decoded, and one record of each family."""
    try:
        ids = await first_ids(fivetran, operation)
        NOTES.items[operation.method] = await read(method_of(fivetran, operation), ids)
    except PermissionDeniedError:
        pytest.skip("permission denied")
    except NotFoundError as missing:
        pytest.skip(f"not found: {missing.code}")


async def test_connections_of_the_first_groups_are_summed_up(fivetran: AsyncFivetran) -> None:
    """A fan-out over the first groups pairs each connection with its own group."""
    groups = await fivetran.groups.list().take(FEW)
    states: Counter[str] = Counter()
    misplaced = 0
    async with fivetran.fan_out(
        groups, lambda group: fivetran.connections.list(group_id=group.id)
    ) as results:
        async for group, connection in results:
            states["paused" if connection.is_paused else connection.sync_state or "unknown"] += 1
            misplaced += connection.group_id != group.id
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common()) or "none"
    NOTES.lines.append(
        f"connections of the first {len(groups)} groups: {states.total()} ({counts})"
    )
    assert misplaced == 0


async def test_nothing_is_written(fivetran: AsyncFivetran) -> None:
    """A change is refused, and no request is sent."""
    sent = NOTES.verbs.total()
    with pytest.raises(ReadOnlyError):
        await fivetran.groups.create(name="must never exist")
    assert NOTES.verbs.total() == sent
