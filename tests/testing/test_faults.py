"""Scripted faults, and the server's counters."""

from __future__ import annotations

import asyncio
import gzip
import json
from email.utils import format_datetime
from typing import Any

import aiohttp
import pytest

from fivetran_async import InvalidArgumentError
from fivetran_async.testing import FakeFivetran, Fault
from testing.wire import Api, basic

SOON = aiohttp.ClientTimeout(total=0.3)


async def test_status_replaces_one_response(api: Api, fake: FakeFivetran) -> None:
    """A status fault replaces one response by default, and the request has no effect."""
    fake.fail("groups.create", fault=Fault.status(503, headers={"Retry-After": "7"}))
    refused = await api.post("/v1/groups", {"name": "x"})
    assert (refused.status, refused.headers["Retry-After"]) == (503, "7")
    assert refused.json["code"] == "InternalServerError"
    assert (await api.get("/v1/groups")).items == []
    assert (await api.post("/v1/groups", {"name": "x"})).status == 201


async def test_applied_status_takes_effect(api: Api, fake: FakeFivetran) -> None:
    """With `applied`, the request takes effect despite the error response."""
    fake.fail("groups.create", fault=Fault.status(500, applied=True))
    assert (await api.post("/v1/groups", {"name": "x"})).status == 500
    assert [group["name"] for group in (await api.get("/v1/groups")).items] == ["x"]


async def test_success_varies_status_and_data(api: Api, fake: FakeFivetran) -> None:
    """A request takes effect, but its success has another status, or no data, or no body."""
    fake.fail("groups.create", fault=Fault.success(200))
    made = await api.post("/v1/groups", {"name": "a"})
    assert (made.status, made.data["name"]) == (200, "a")
    fake.fail("groups.create", fault=Fault.success(201, data=False))
    made = await api.post("/v1/groups", {"name": "b"})
    assert (made.status, set(made.json)) == (201, {"code", "message"})
    fake.fail("groups.create", fault=Fault.success(204))
    assert (await api.post("/v1/groups", {"name": "c"})).raw == b""
    groups = await api.get("/v1/groups")
    assert [group["name"] for group in groups.items] == ["a", "b", "c"]
    fake.fail("groups.get", fault=Fault.success(data=False))
    assert (await api.get("/v1/groups/no_such_group")).status == 404


async def test_repeated_headers_stay_repeated(api: Api, fake: FakeFivetran) -> None:
    """Header pairs are sent unchanged, even with the same name."""
    pairs = [("Retry-After", "1"), ("Retry-After", "2")]
    fake.fail(fault=Fault.status(429, headers=pairs, body={"code": "TooManyRequests"}))
    async with api.session.get(fake.url + "/v1/groups") as response:
        assert response.headers.getall("Retry-After") == ["1", "2"]
        assert await response.json() == {"code": "TooManyRequests"}


async def test_date_follows_the_accounts_clock(api: Api, fake: FakeFivetran) -> None:
    """Responses, also scripted ones, are dated by the account's clock unless they have a date."""
    fake.clock.freeze()
    fake.advance(400 * 86_400)
    today = format_datetime(fake.clock.now(), usegmt=True)
    assert (await api.get("/v1/groups")).headers["Date"] == today
    fake.fail("groups.list", fault=Fault.status(503))
    assert (await api.get("/v1/groups")).headers["Date"] == today
    date = "Mon, 02 Jan 2006 15:04:05 GMT"
    fake.fail("groups.list", fault=Fault.status(503, headers={"Date": date}))
    assert (await api.get("/v1/groups")).headers["Date"] == date


async def test_conditions_choose_the_requests(api: Api, fake: FakeFivetran) -> None:
    """Operation, path, verb and number must all match, up to `times` requests."""
    teapot = Fault.status(418)
    fake.fail("groups.*", fault=teapot, verb="GET", path="/v1/groups/a*", nth=2, times=None)
    assert (await api.post("/v1/groups", {"name": "x"})).status == 201
    paths = ["/v1/groups/b", "/v1/groups/a1", "/v1/users", "/v1/groups/a2", "/v1/groups/a3"]
    statuses = [(await api.get(path)).status for path in paths]
    assert statuses == [404, 404, 200, 418, 404]
    fake.heal()
    fake.fail(fault=teapot, times=2)
    assert [(await api.get("/v1/users")).status for _ in range(3)] == [418, 418, 200]


async def test_probability_repeats_with_the_seed() -> None:
    """A share of the requests fails, the same ones in every run."""

    async def run() -> list[int]:
        async with FakeFivetran() as fake, aiohttp.ClientSession() as session:
            fake.fail(fault=Fault.status(502), probability=0.3, times=None)
            return [(await Api(fake, session).get("/v1/users")).status for _ in range(40)]

    first = await run()
    assert 4 <= first.count(502) <= 22
    assert await run() == first


async def test_misspelt_operation_is_an_error(fake: FakeFivetran) -> None:
    """A fault for an unknown operation would never occur, so it is rejected."""
    with pytest.raises(InvalidArgumentError, match=r"'groups\.gte'; did you mean 'groups\.get'"):
        fake.fail("groups.gte", fault=Fault.hang())
    with pytest.raises(InvalidArgumentError, match="'conections'; did you mean 'connections'"):
        fake.add("conections")


async def test_a_choice_of_another_type_is_an_error(fake: FakeFivetran) -> None:
    """True in place of a word is refused with the words, as a misspelt one is."""
    odd: Any = True
    with pytest.raises(InvalidArgumentError, match="one of accept, reject, not True"):
        FakeFivetran(unknown_services=odd)
    with pytest.raises(InvalidArgumentError, match="host must be an address"):
        FakeFivetran(host="")
    with pytest.raises(InvalidArgumentError, match=r"verb must be one of .*GET.*, not True"):
        fake.fail(verb=odd, fault=Fault.hang())


@pytest.mark.parametrize("when", ["before", "after"])
async def test_drop_without_a_response(api: Api, fake: FakeFivetran, when: str) -> None:
    """The connection closes before or after the request takes effect."""
    fault = Fault.drop("before") if when == "before" else Fault.drop("after")
    fake.fail("groups.create", fault=fault)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await api.post("/v1/groups", {"name": "x"})
    assert fake.requests[-1].status is None
    assert len((await api.get("/v1/groups")).items) == (when == "after")


async def test_drop_in_the_middle_of_the_body(api: Api, fake: FakeFivetran) -> None:
    """Half of the body arrives, then the connection closes before the announced length."""
    fake.fail("groups.create", fault=Fault.drop("mid_body"))
    with pytest.raises(aiohttp.ClientPayloadError):
        await api.post("/v1/groups", {"name": "x"})
    assert len((await api.get("/v1/groups")).items) == 1


async def test_truncated_looks_complete(api: Api, fake: FakeFivetran) -> None:
    """A truncated response ends cleanly, but is not complete JSON."""
    fake.fail("users.list", fault=Fault.truncated())
    async with api.session.get(fake.url + "/v1/users") as response:
        raw = await response.read()
    with pytest.raises(json.JSONDecodeError):
        json.loads(raw)


async def test_malformed_html_and_bomb(api: Api, fake: FakeFivetran) -> None:
    """The other bodies are invalid JSON, an HTML page and a decompression bomb."""
    fake.fail(fault=Fault.malformed())
    fake.fail(fault=Fault.html(200))
    fake.fail(fault=Fault.gzip_bomb(2**20))
    url = fake.url + "/v1/users"
    async with api.session.get(url) as response:
        assert response.content_type == "application/json"
        with pytest.raises(json.JSONDecodeError):
            await response.json()
    async with api.session.get(url) as response:
        assert response.content_type == "text/html"
    async with api.session.get(url, auto_decompress=False) as response:
        packed = await response.read()
    assert len(packed) < 2**12
    assert len(gzip.decompress(packed)) == 2**20


async def test_hang_never_responds(api: Api, fake: FakeFivetran) -> None:
    """A hanging request ends with its client or with the server."""
    fake.fail("groups.create", fault=Fault.hang(applied=True), times=None)
    with pytest.raises(TimeoutError):
        async with api.session.post(
            fake.url + "/v1/groups",
            json={"name": "x"},
            timeout=SOON,
            headers={"Authorization": basic("fake_key", "fake_secret")},
        ):
            pass
    assert len((await api.get("/v1/groups")).items) == 1
    assert fake.in_flight == 0


async def test_stop_ends_hanging_requests(fake: FakeFivetran) -> None:
    """Stopping the server does not wait for hanging requests."""
    fake.fail("groups.create", fault=Fault.hang())
    async with aiohttp.ClientSession() as session:
        # Not a GET, which aiohttp would retry.
        hanging = asyncio.create_task(Api(fake, session).post("/v1/groups", {"name": "x"}))
        while not fake.in_flight:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0)
        await fake.stop()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await hanging


async def test_latency_delays_responses_not_effects(api: Api, fake: FakeFivetran) -> None:
    """A client that gives up early has still changed the account."""
    fake.latency = 5.0
    pair = basic(fake.api_key, fake.api_secret)
    with pytest.raises(TimeoutError):
        async with api.session.post(
            fake.url + "/v1/groups",
            json={"name": "x"},
            timeout=SOON,
            headers={"Authorization": pair},
        ):
            pass
    fake.latency = 0.0
    assert len((await api.get("/v1/groups")).items) == 1


async def test_delay_responds_late(api: Api, fake: FakeFivetran) -> None:
    """A delayed response is the proper response, later."""
    fake.fail("users.list", fault=Fault.delay(0.05))
    started = asyncio.get_running_loop().time()
    response = await api.get("/v1/users")
    assert asyncio.get_running_loop().time() - started >= 0.05
    assert response.status == 200


async def test_in_flight_counts_concurrent_requests(api: Api, fake: FakeFivetran) -> None:
    """`max_in_flight` is the highest number of concurrent requests."""
    fake.latency = 0.3
    await asyncio.gather(*(api.get("/v1/users") for _ in range(7)))
    assert fake.max_in_flight == 7
    fake.max_in_flight = 0
    await api.get("/v1/users")
    assert fake.max_in_flight == 1
    assert fake.in_flight == 0
