"""The demo account, and accounts of the size of the largest customers."""

from __future__ import annotations

import json
import time
from typing import Any

import aiohttp
import pytest

from fivetran_async import _services
from fivetran_async.testing import FakeFivetran
from fivetran_async.testing._demo_configs import (
    DESTINATION_CONFIGS,
    SOURCE_CONFIGS,
    schema_of,
    source_config,
)
from fivetran_async.testing.families.connections import schema_name
from support.each import for_each
from testing.wire import Api


async def everything(api: Api, path: str) -> list[dict[str, Any]]:
    """Return all items of a list, page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        response = await api.get(f"{path}?limit=1000{cursor}")
        found += response.items
        if "next_cursor" not in response.data:
            return found
        cursor = f"&cursor={response.data['next_cursor']}"


async def test_demo_shows_every_state() -> None:
    """The demo has twelve groups, 216 connections, and connections in every state."""
    async with FakeFivetran.demo() as fake, aiohttp.ClientSession() as session:
        api = Api(fake, session)
        groups = await everything(api, "/v1/groups")
        connections = await everything(api, "/v1/connections")
        destinations = await everything(api, "/v1/destinations")
    assert len(groups) == 12
    assert len(connections) == 216
    states = [connection["status"] for connection in connections]
    assert {s["sync_state"] for s in states} == {"scheduled", "syncing", "paused", "rescheduled"}
    assert {s["setup_state"] for s in states} == {"connected", "broken", "incomplete"}
    assert {s["update_state"] for s in states} == {"on_schedule", "delayed"}
    assert any(s["is_historical_sync"] for s in states)
    assert any(s["tasks"] for s in states)
    assert any(s["warnings"] for s in states)
    assert {c["schedule_type"] for c in connections} == {"auto", "manual"}
    assert any(c["failed_at"] for c in connections)
    assert len({c["service"] for c in connections}) > 20
    in_use = {c["group_id"] for c in connections}
    with_destination = {d["group_id"] for d in destinations}
    assert len(in_use) == 11
    assert in_use - with_destination


async def test_demo_repeats_with_its_seed() -> None:
    """The same seed gives the same ids, another seed gives other ids."""
    first, same = FakeFivetran.demo(seed=3), FakeFivetran.demo(seed=3)
    other = FakeFivetran.demo(seed=4)
    ids: list[list[str]] = []
    for fake in (first, same, other):
        async with fake, aiohttp.ClientSession() as session:
            ids.append([g["id"] for g in (await Api(fake, session).get("/v1/groups")).items])
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]


async def test_demo_has_the_config_of_each_service() -> None:
    """Configs have known fields, name the schema, and come back with masked secrets."""
    hidden = 0
    async with FakeFivetran.demo() as fake, aiohttp.ClientSession() as session:
        api = Api(fake, session)
        for item in await everything(api, "/v1/connections"):
            details = (await api.get(f"/v1/connections/{item['id']}")).data
            config, known = details["config"], _services.fields(item["service"])
            assert config.keys() <= known.keys() or known.is_open, item["service"]
            assert len(config) > 1, item["service"]
            assert schema_name(item["service"], config) == item["schema"]
            assert "not-a-real-secret" not in json.dumps(details)
            hidden += json.dumps(config).count("******")
        for item in await everything(api, "/v1/destinations"):
            config = (await api.get(f"/v1/destinations/{item['id']}")).data["config"]
            assert config.keys() <= _services.fields(item["service"], "destination").keys()
            assert len(config) > 1, item["service"]
            hidden += json.dumps(config).count("******")
    assert hidden > 100


@for_each("service", SOURCE_CONFIGS)
async def test_demo_configs_create_connections(service: str) -> None:
    """Each config of the demo is one that the API takes, with values of the declared types."""
    schema = schema_of(service, 1)
    async with FakeFivetran() as fake, fake.client() as fivetran:
        connection = await fivetran.connections.create(
            group_id=fake.add_group(), service=service, config=source_config(service, schema)
        )
        destinations = {name: dict(config) for name, config in DESTINATION_CONFIGS.items()}
        for name, config in destinations.items():
            group_id = fake.add_group(name=name)
            await fivetran.destinations.create(group_id=group_id, service=name, config=config)
    assert connection.schema == schema
    for name, value in source_config(service, schema).items():
        field = _services.fields(service).get(name)
        assert field is None or not field.choices or value in field.choices, name
        assert field is None or field.is_list == isinstance(value, list), name
        expected = {"integer": int, "flag": bool}.get(field.type) if field is not None else None
        assert expected is None or type(value) is expected, name


@pytest.mark.slow
async def test_large_accounts_start_and_page_steadily() -> None:
    """20,000 connections start within seconds, and the last pages are as fast as the first."""
    # Processor time, because other processes can slow down the machine.
    started = time.process_time()
    fake = FakeFivetran.demo(groups=100, connections_per_group=200, schedules=True)
    assert time.process_time() - started < 10
    seconds: list[float] = []
    seen: set[str] = set()
    async with fake, aiohttp.ClientSession() as session:
        api, path = Api(fake, session), "/v1/connections?limit=500"
        while path:
            started = time.process_time()
            response = await api.get(path)
            seconds.append(time.process_time() - started)
            seen |= {item["id"] for item in response.items}
            cursor = response.data.get("next_cursor")
            path = f"/v1/connections?limit=500&cursor={cursor}" if cursor else ""
    assert len(seen) == 20_000
    # The fastest pages of each end: a single page proves little.
    assert min(seconds[-5:]) < 3 * min(seconds[:5])
