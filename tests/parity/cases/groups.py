"""`Fivetrex.Groups`."""

from __future__ import annotations

import pytest

from fivetran_async import (
    AsyncFivetran,
    AuthenticationError,
    ConfirmationRequiredError,
    NotFoundError,
)
from fivetran_async.testing import FakeFivetran, Fault
from parity.seed import seed


def add_groups(fake: FakeFivetran, count: int) -> list[str]:
    """Add groups, and return their ids in order."""
    return [fake.add_group(name=f"group {number}") for number in range(count)]


@seed("Fivetrex.Groups.list/2")
async def lists_a_page(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A page has items and the cursor of the next page."""
    ids = add_groups(fake, 3)
    first = await fivetran.groups.list(limit=2)
    second = await fivetran.groups.list(limit=2, cursor=first.next_cursor)
    assert [group.id for group in (*first.items, *second.items)] == ids
    assert first.next_cursor is not None
    assert second.next_cursor is None
    assert [dict(request.query) for request in fake.requests] == [
        {"limit": "2"},
        {"limit": "2", "cursor": first.next_cursor},
    ]


@seed("Fivetrex.Groups.stream/2")
async def walks_all_pages(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A pager requests only the necessary pages, and raises the errors of each."""
    ids = add_groups(fake, 5)
    assert [group.id async for group in fivetran.groups.list(limit=2)] == ids
    assert len(fake.requests) == 3
    fake.requests.clear()
    assert [group.id for group in await fivetran.groups.list(limit=3).take(3)] == ids[:3]
    assert len(fake.requests) == 1
    fake.fail("groups.list", fault=Fault.status(401))
    with pytest.raises(AuthenticationError):
        await fivetran.groups.list().collect()


@seed("Fivetrex.Groups.get/2")
async def gets_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A group is found by its id; a missing one raises an error of its own class."""
    group = await fivetran.groups.get(fake.add_group(name="Production"))
    assert group.name == "Production"
    assert group.created_at == fake.clock.now()
    with pytest.raises(NotFoundError) as raised:
        await fivetran.groups.get("invalid_id")
    assert (raised.value.status, raised.value.code) == (404, "NotFound_Group")


@seed("Fivetrex.Groups.create/2")
async def creates_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A group is created by name."""
    group = await fivetran.groups.create(name="My Analytics Warehouse")
    assert fake.record("groups", group.id)["name"] == "My Analytics Warehouse"


@seed("Fivetrex.Groups.update/3")
async def renames_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A group is renamed."""
    group = await fivetran.groups.update(fake.add_group(name="old"), name="Production Analytics")
    assert group.name == "Production Analytics"
    assert fake.record("groups", group.id)["name"] == "Production Analytics"


@seed("Fivetrex.Groups.delete/2")
async def deletes_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A deletion requires a confirmation."""
    group_id = fake.add_group()
    with pytest.raises(ConfirmationRequiredError):
        await fivetran.groups.delete(group_id)
    assert fake.requests == []
    await fivetran.groups.delete(group_id, confirm=True)
    assert await fivetran.groups.list().collect() == []
