"""Items of lists: their JSON is kept while the record does not change."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from fivetran_async.testing import FakeFivetran
from fivetran_async.testing._facts import facts
from fivetran_async.testing.normalization import kept
from testing.wire import Api

LISTS = [
    operation.path
    for operation in facts().operations.values()
    if operation.response == "list" and "{" not in operation.path
]


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An account with every kind of object, and a stopped clock."""
    async with FakeFivetran.demo(groups=2, connections_per_group=4, running=False) as fake:
        yield fake


async def all_lists(api: Api) -> dict[str, bytes]:
    """Read every list of the account, and the connections of a group."""
    group_id = (await api.get("/v1/groups")).items[0]["id"]
    paths = [*LISTS, f"/v1/groups/{group_id}/connections", "/v1/connections?limit=3"]
    return {path: (await api.get(path)).raw for path in paths}


async def test_kept_items_are_those_that_are_made_again(fake: FakeFivetran) -> None:
    """Whatever happened since they were kept, all lists are byte for byte as without them."""
    async with aiohttp.ClientSession() as session:
        api = Api(fake, session)
        first = await all_lists(api)
        assert await all_lists(api) == first
        connection_id = (await api.get("/v1/connections")).items[0]["id"]
        await api.patch(f"/v1/connections/{connection_id}", {"paused": True})
        await api.post("/v1/groups", {"name": "another"})
        fake.advance(7 * 3_600)
        later = await all_lists(api)
        # A script of any family, which could change every item.
        fake.normalize("hvr", kept("name", ""))
        assert await all_lists(api) == later
    assert later["/v1/connections"] != first["/v1/connections"]
    assert later["/v1/groups"] != first["/v1/groups"]
    assert later["/v1/users"] == first["/v1/users"]


async def test_records_share_nothing_with_what_a_test_holds(fake: FakeFivetran) -> None:
    """Lists and single reads stay equal when a test changes what it gave, or what it was given."""
    given: list[dict[str, object]] = [{"code": "first", "message": "a", "details": {}}]
    connection_id = fake.add_connection(warnings=given)
    fake.change("connections", connection_id, tasks=given)
    async with aiohttp.ClientSession() as session:
        api = Api(fake, session)
        path = f"/v1/connections/{connection_id}"
        before = (await api.get(path)).data["status"]
        await all_lists(api)
        given[0]["code"] = "changed"
        given.clear()
        fake.record("connections", connection_id)["tasks"].clear()
        listed = (await api.get("/v1/connections?limit=1000")).items[-1]["status"]
        assert (await api.get(path)).data["status"] == listed == before
