"""`Fivetrex.client`, `.Client` and `.Stream`: sessions, requests by path, and pages."""

from __future__ import annotations

import pytest

from fivetran_async import (
    AsyncFivetran,
    AuthenticationError,
    FivetranError,
    MissingCredentialsError,
    Page,
    Pager,
)
from fivetran_async.models import Group
from fivetran_async.testing import FakeFivetran, Fault
from parity.seed import seed


@seed("Fivetrex.client/1")
async def opens_sessions(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Sessions of several accounts are separate; incomplete credentials raise an error."""
    fake.add_group(name="mine")
    async with FakeFivetran(api_key="theirs", api_secret="secret", running=False) as other:
        other.add_group(name="theirs")
        async with AsyncFivetran("theirs", "secret", base_url=other.url) as session:
            assert [group.name for group in await session.groups.list().collect()] == ["theirs"]
        assert [group.name for group in await fivetran.groups.list().collect()] == ["mine"]
        async with AsyncFivetran("theirs", "wrong", base_url=other.url) as intruder:
            with pytest.raises(AuthenticationError):
                await intruder.groups.list()
    with pytest.raises(MissingCredentialsError):
        AsyncFivetran("only_a_key")


@seed("Fivetrex.Client.new/1")
async def makes_a_session(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Creating a session sends nothing; requests carry its credentials to its base URL."""
    fivetran = AsyncFivetran(fake.api_key, fake.api_secret, base_url=f"{fake.url}/v1")
    assert fake.requests == []
    async with fivetran:
        await fivetran.request("GET", "/v1/account/info")
    (request,) = fake.requests
    assert request.headers["Authorization"].startswith("Basic ")
    assert request.path == "/v1/account/info"


@seed("Fivetrex.Client.get/3")
async def reads_by_path(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Any path can be read, with a query, as plain JSON or as a model."""
    group_id = fake.add_group(name="Production")
    data = await fivetran.request("GET", "/v1/groups", query={"limit": 10})
    assert data == {"items": [fake.record("groups", group_id)]}
    assert fake.requests[-1].query == (("limit", "10"),)
    group = await fivetran.request("GET", f"/v1/groups/{group_id}", result=Group)
    assert group.name == "Production"


@seed("Fivetrex.Client.post/3")
async def creates_by_path(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Any path accepts a POST with a body."""
    group = await fivetran.request("POST", "/v1/groups", body={"name": "My Group"}, result=Group)
    assert fake.record("groups", group.id)["name"] == "My Group"


@seed("Fivetrex.Client.patch/3")
async def changes_by_path(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Any path accepts a PATCH with a body."""
    group_id = fake.add_group(name="old")
    await fivetran.request("PATCH", f"/v1/groups/{group_id}", body={"name": "New Name"})
    assert fake.record("groups", group_id)["name"] == "New Name"


@seed("Fivetrex.Client.delete/2")
async def deletes_by_path(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Any path accepts a DELETE; the response has no data."""
    group_id = fake.add_group()
    assert await fivetran.request("DELETE", f"/v1/groups/{group_id}") is None
    assert await fivetran.groups.list().collect() == []


@seed("Fivetrex.Stream.paginate/1")
async def pages_over_a_function(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A function with a cursor argument is read page by page, and only as far as needed."""
    ids = [fake.add_group() for _ in range(5)]

    async def fetch(cursor: str | None) -> Page[Group]:
        return await fivetran.groups.list(limit=2, cursor=cursor)

    assert [group.id async for group in Pager.from_fetch(fetch)] == ids
    fake.requests.clear()
    assert [group.id for group in await Pager.from_fetch(fetch).take(3)] == ids[:3]
    assert len(fake.requests) == 2
    fake.fail("groups.list", fault=Fault.status(400), nth=2)
    with pytest.raises(FivetranError) as raised:
        await Pager.from_fetch(fetch).collect()
    assert len(raised.value.collected) == 2
    rest = await Pager.from_fetch(fetch, cursor=raised.value.resume_cursor).collect()
    assert [group.id for group in rest] == ids[2:]
