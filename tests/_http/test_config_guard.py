"""What a session does about the configs that it sends: `check_configs`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from fivetran_async import AsyncFivetran, InvalidArgumentError, ReadOnlyError
from fivetran_async._http import config_guard
from fivetran_async._http.config_guard import ConfigGuard
from fivetran_async.testing import FakeFivetran
from support.faults import FaultServer
from support.sessions import success

WRONG = {"schema_prefix": "shop", "hots": "db", "brand_new_toggle": True}


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An account that takes every field, as the API does."""
    async with FakeFivetran(unknown_fields="accept", running=False) as fake:
        yield fake


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the logged warnings, without their common end."""
    end = " (logged once; see check_configs=)"
    records = [record for record in caplog.records if record.levelno == logging.WARNING]
    return [record.getMessage().removesuffix(end) for record in records]


async def test_misspelt_fields_are_logged_once(
    fake: FakeFivetran, caplog: pytest.LogCaptureFixture
) -> None:
    """By default a creation is sent, and each misspelt field is logged once per session."""
    async with fake.client() as fivetran:
        for name in ("one", "two"):
            await fivetran.connections.create(
                group_id=fake.add_group(name=name), service="postgres", config=WRONG
            )
    assert warnings_of(caplog) == [
        "config.hots is not a field of postgres; did you mean 'host'?",
    ]
    assert [request.verb for request in fake.requests] == ["POST", "POST"]


async def test_items_of_lists_are_logged_once(
    fake: FakeFivetran, caplog: pytest.LogCaptureFixture
) -> None:
    """A field that is misspelt in every item of a list is one field."""
    secrets = [{"keys": str(number), "value": "v"} for number in range(20)]
    async with fake.client() as fivetran:
        await fivetran.connections.create(
            group_id=fake.add_group(),
            service="connector_sdk",
            config={"schema": "s", "secrets_list": secrets},
        )
    assert warnings_of(caplog) == [
        "config.secrets_list[0].keys is not a field of connector_sdk; did you mean 'key'?"
    ]


async def test_misspelt_fields_can_be_refused(fake: FakeFivetran) -> None:
    """With `raise`, nothing is sent; a newer field and a newer choice are never refused."""
    group_id = fake.add_group()
    async with fake.client(check_configs="raise") as fivetran:
        with pytest.raises(InvalidArgumentError) as caught:
            await fivetran.connections.create(
                group_id=group_id, service="postgres", config={"hots": "hunter2"}
            )
        assert str(caught.value) == (
            "config.hots is not a field of postgres; did you mean 'host'?; "
            "config.schema_prefix is required to create postgres (check_configs='raise')."
        )
        with pytest.raises(InvalidArgumentError, match="schema_prefix is required"):
            await fivetran.connections.create(group_id=group_id, service="postgres")
        with pytest.raises(InvalidArgumentError, match=r"auth\.client_access\.clientid"):
            await fivetran.connections.create(
                group_id=group_id,
                service="google_ads",
                config={"schema": "ads"},
                auth={"client_access": {"clientid": "i"}},
            )
        assert fake.requests == []
        made = await fivetran.connections.create(
            group_id=group_id,
            service="postgres",
            config={"schema_prefix": "p", "brand_new_toggle": 1, "update_method": "NEW_METHOD"},
        )
    assert made.config["update_method"] == "NEW_METHOD"


async def test_checks_can_be_switched_off(
    fake: FakeFivetran, caplog: pytest.LogCaptureFixture
) -> None:
    """With `off`, nothing is logged or refused."""
    async with fake.client(check_configs="off") as fivetran:
        made = await fivetran.connections.create(
            group_id=fake.add_group(), service="postgres", config=WRONG
        )
        await fivetran.connections.update(made.id, config={"hots": "other"})
    assert warnings_of(caplog) == []


async def test_updates_are_checked_if_the_service_is_known(fake: FakeFivetran) -> None:
    """A session knows the service of what it created, read or changed, and sends no request."""
    ids = [fake.add_connection(id=f"conn_{each}", service="postgres") for each in range(3)]
    async with fake.client(check_configs="raise") as fivetran:
        await fivetran.connections.update(ids[0], config={"hots": "unknown service"})
        with pytest.raises(InvalidArgumentError, match="did you mean 'host'"):
            await fivetran.connections.update(ids[0], config={"hots": "known now"})
        await fivetran.connections.get(ids[1])
        view = fivetran.with_options(retry=None)
        with pytest.raises(InvalidArgumentError, match="did you mean 'host'"):
            await view.connections.update(ids[1], config={"hots": "h"})
        await fivetran.connections.update(ids[1], config={"host": "h", "brand_new": 1})
    verbs = [request.verb for request in fake.requests]
    assert verbs == ["PATCH", "GET", "PATCH"]


async def test_every_family_with_configs_is_checked(fake: FakeFivetran) -> None:
    """Destinations, log services and private links are checked on creation and on update."""
    group_id = fake.add_group()
    async with fake.client(check_configs="raise") as fivetran:
        destination = await fivetran.destinations.create(
            group_id=group_id,
            service="snowflake",
            region="GCP_US_EAST4",
            time_zone_offset="0",
            config={"database": "d"},
            run_setup_tests=False,
        )
        with pytest.raises(InvalidArgumentError, match=r"config\.databse"):
            await fivetran.destinations.update(destination.id, config={"databse": "d"})
        log = await fivetran.log_services.create(
            group_id=group_id, service="splunkLog", config={"token": "t"}
        )
        with pytest.raises(InvalidArgumentError, match=r"config\.tokn"):
            await fivetran.log_services.update(log.id, config={"tokn": "t"})
        await fivetran.log_services.account.create(service="splunkLog", config={"token": "t"})
        with pytest.raises(InvalidArgumentError, match=r"config\.tokn"):
            await fivetran.log_services.account.update(config={"tokn": "t"})
        with pytest.raises(InvalidArgumentError, match=r"connection_service_name is required"):
            await fivetran.private_links.create(
                name="link", region="AWS_US_EAST_1", service="SOURCE_AWS", config={}
            )


async def test_read_only_sessions_refuse_first(fake: FakeFivetran) -> None:
    """A session that must not write raises its own error, whatever the config has."""
    async with fake.client(check_configs="raise", read_only=True) as fivetran:
        with pytest.raises(ReadOnlyError):
            await fivetran.connections.create(group_id="g", service="postgres", config=WRONG)


async def test_own_requests_are_checked_too(fake: FakeFivetran) -> None:
    """`request` finds the operation of its path."""
    body = {"group_id": fake.add_group(), "service": "postgres", "config": WRONG}
    async with fake.client(check_configs="raise") as fivetran:
        _ = fivetran.connections
        with pytest.raises(InvalidArgumentError, match=r"config\.hots"):
            await fivetran.request("POST", "/v1/connections", body=body)


@pytest.mark.parametrize("mode", ["on", None, True])
def test_other_modes_are_refused(mode: Any) -> None:  # noqa: ANN401
    """The message lists the modes."""
    with pytest.raises(InvalidArgumentError, match="check_configs must be one of 'off', 'warn'"):
        AsyncFivetran("key", "secret", check_configs=mode)


def live_metadata(**properties: Mapping[str, object]) -> Mapping[str, object]:
    """Return the metadata of postgres with these fields, and no schema name."""
    return {"id": "postgres", "config": {"type": "object", "properties": properties}}


async def test_live_metadata_wins_over_the_table() -> None:
    """Fields that only one of the two knows are judged by the metadata, then by the session too."""
    metadata = live_metadata(
        hots={"type": "string"},
        mode={"type": "object", "enum": ["A", "B"]},
        tables={"type": "array", "items": {"type": "object", "properties": {"name": {}}}},
        port={"type": "integer", "format": "password"},
    )
    server = FaultServer(success(metadata))
    async with server, AsyncFivetran("k", "s", base_url=server.url, rate_limits=None) as fivetran:
        check = fivetran.connector_types.check
        assert await check("postgres", {"schema_prefix": "p", "hots": "h"}, creating=True) == ()
        assert await check("postgres", {"public_key": "only in responses"}) == ()
        found = await check(
            "postgres",
            {"host": "h", "brand_new": 1, "mode": "C", "port": "x", "tables": [{"nam": 1}]},
            creating=True,
        )
        assert [each.path for each in found] == [
            *("host", "brand_new", "mode", "port", "tables[0].nam", "schema_prefix")
        ]
        assert [each.nearest for each in found[:2]] == ["hots", None]
        assert found[2].choices == ("A", "B")
    assert len(server.requests) == 1


async def test_new_services_are_checked_by_their_metadata() -> None:
    """A service that the table lacks is checked, too; its schema may have any of four names."""
    metadata = {"id": "of_2031", "config": {"properties": {"host": {"type": "string"}}}}
    server = FaultServer(success(metadata))
    async with server, AsyncFivetran("k", "s", base_url=server.url, rate_limits=None) as fivetran:
        check = fivetran.connector_types.check
        for name in ("schema", "schema_prefix", "table", "table_group_name"):
            assert await check("of_2031", {name: "s", "host": "h"}, creating=True) == ()
        (problem,) = await check("of_2031", {"toggle": True})
    assert problem.path == "toggle"


async def test_sessions_check_by_the_metadata_that_they_have(fake: FakeFivetran) -> None:
    """After `connector_types.check`, creations are checked by the metadata of that service."""
    async with fake.client(check_configs="raise") as fivetran:
        await fivetran.connector_types.check("postgres", {})
        with pytest.raises(InvalidArgumentError, match=r"config\.brand_new_toggle"):
            await fivetran.connections.create(
                group_id=fake.add_group(),
                service="postgres",
                config={"schema_prefix": "p", "brand_new_toggle": True},
            )


async def test_concurrent_live_checks_share_one_request(fake: FakeFivetran) -> None:
    """A service is read once per session, whatever view of it asks; each service on its own."""
    async with fake.client() as fivetran:
        view = fivetran.with_options(deadline=30)
        checks = [each.connector_types.check for each in (fivetran, view) * 5]
        found = await asyncio.gather(*(check("postgres", {"hots": 1}) for check in checks))
        assert {len(each) for each in found} == {1}
        await fivetran.connector_types.check("mysql", {})
        await fivetran.connector_types.check("mysql", {}, part="auth")
    assert len(fake.requests) == 2


async def test_a_failed_read_leaves_the_others_their_own(fake: FakeFivetran) -> None:
    """If the first caller is cancelled, the next one reads; an error is not kept."""
    async with fake.client() as fivetran:
        first = asyncio.create_task(fivetran.connector_types.check("postgres", {"hots": 1}))
        second = asyncio.create_task(fivetran.connector_types.check("postgres", {"hots": 1}))
        await asyncio.sleep(0)
        first.cancel()
        assert len(await second) == 1
        with pytest.raises(asyncio.CancelledError):
            await first


def test_what_a_session_remembers_is_bounded() -> None:
    """The oldest service is forgotten first."""

    class Request:
        verb = "GET"
        path = ""

    class Result:
        service = "postgres"

    guard = ConfigGuard("warn")
    for number in range(config_guard._MOST_SEEN + 10):
        request: Any = Request()
        request.path = f"/v1/connections/{number}"
        guard.remember(request, Result())
    assert len(guard._seen) == config_guard._MOST_SEEN
    assert "/v1/connections/9" not in guard._seen
