"""`Fivetrex.Connectors` without schemas: `fivetran.connections`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fivetran_async import AsyncFivetran, ConfirmationRequiredError, NotFoundError
from fivetran_async.testing import FakeFivetran
from parity.seed import seed


def add_connections(fake: FakeFivetran, group_id: str, count: int) -> list[str]:
    """Add connections to a group, and return their ids in order."""
    return [fake.add_connection(group_id=group_id) for _ in range(count)]


@seed("Fivetrex.Connectors.list/3")
async def lists_a_page_of_a_group(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The connections of one group are listed page by page, at either of two paths."""
    group_id = fake.add_group()
    add_connections(fake, fake.add_group(), 1)
    ids = add_connections(fake, group_id, 3)
    first = await fivetran.connections.list(group_id=group_id, limit=2)
    second = await fivetran.connections.list(group_id=group_id, limit=2, cursor=first.next_cursor)
    assert [connection.id for connection in (*first.items, *second.items)] == ids
    beside = await fivetran.groups.list_connections(group_id).collect()
    assert [connection.id for connection in beside] == ids


@seed("Fivetrex.Connectors.stream/3")
async def walks_the_connections_of_all_groups(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A pager lists all connections of a group, and a fan-out those of all groups."""
    ids = [add_connections(fake, fake.add_group(), 3) for _ in range(2)]
    (first, _) = await fivetran.groups.list().collect()
    walk = fivetran.connections.list(group_id=first.id, limit=2)
    assert [connection.id async for connection in walk] == ids[0]
    fake.start_sync(ids[1][2])
    async with fivetran.fan_out(
        fivetran.groups.list(), lambda group: fivetran.connections.list(group_id=group.id)
    ) as results:
        assert [found.id async for _, found in results if found.is_syncing] == [ids[1][2]]


@seed("Fivetrex.Connectors.get/2")
async def gets_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A connection is found by its id; a missing one raises an error of its own class."""
    connection_id = fake.add_connection(service="salesforce", schema="crm")
    connection = await fivetran.connections.get(connection_id)
    assert (connection.service, connection.schema) == ("salesforce", "crm")
    assert not connection.is_syncing
    with pytest.raises(NotFoundError, match="invalid_id"):
        await fivetran.connections.get("invalid_id")


@seed("Fivetrex.Connectors.create/2")
async def creates_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A connection is created with its settings, or with a card for a user who knows them."""
    group_id = fake.add_group()
    connection = await fivetran.connections.create(
        group_id=group_id,
        service="postgres",
        config={"schema_prefix": "shop", "host": "db.example.com", "password": "s3cret"},
        paused=True,
        sync_frequency=60,
        run_setup_tests=False,
    )
    assert (connection.is_paused, connection.sync_frequency) == (True, 60)
    assert connection.config["host"] == "db.example.com"
    assert fake.record("connections", connection.id)["config"]["password"] == "s3cret"
    later = await fivetran.connections.create(
        group_id=group_id,
        service="google_analytics_4",
        config={"schema": "site"},
        connect_card_config={"redirect_uri": "https://example.com/callback"},
    )
    assert later.connect_card.uri.startswith("https://")
    assert later.connect_card.token


@seed("Fivetrex.Connectors.update/3")
async def updates_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """An update changes only the given fields, inside the config, too."""
    connection_id = fake.add_connection(config={"host": "db.example.com", "port": 5432})
    connection = await fivetran.connections.update(
        connection_id, paused=True, sync_frequency=60, config={"port": 5433}
    )
    assert (connection.is_paused, connection.sync_frequency) == (True, 60)
    assert connection.config == {"host": "db.example.com", "port": 5433}


@seed("Fivetrex.Connectors.delete/2")
async def deletes_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A connection is deleted."""
    connection_id = fake.add_connection()
    assert not (await fivetran.connections.delete(connection_id, confirm=True)).already_gone
    with pytest.raises(NotFoundError):
        await fivetran.connections.get(connection_id)


@seed("Fivetrex.Connectors.sync/2")
async def triggers_a_sync(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A sync is triggered and runs; the result has the API's message."""
    connection_id = fake.add_connection()
    assert (await fivetran.connections.sync(connection_id)).message
    assert (await fivetran.connections.get(connection_id)).sync_state == "syncing"
    fake.advance(3600)
    assert (await fivetran.connections.get(connection_id)).succeeded_at is not None


@seed("Fivetrex.Connectors.resync!/3")
async def triggers_a_resync(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A re-sync requires a confirmation."""
    connection_id = fake.add_connection()
    with pytest.raises(ConfirmationRequiredError):
        await fivetran.connections.resync(connection_id)
    assert fake.requests == []
    assert (await fivetran.connections.resync(connection_id, confirm=True)).message
    assert (await fivetran.connections.get(connection_id)).status.is_historical_sync


@seed("Fivetrex.Connectors.get_state/2")
async def gets_the_state(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The state of a connection with custom code is returned as this code wrote it."""
    connection_id = fake.add_connection(service="connector_sdk", paused=True)
    state = {"cursor": "2026-05-21"}
    await fivetran.connections.update_state(connection_id, state=state, confirm=True)
    assert (await fivetran.connections.get_state(connection_id)).state == state


@seed("Fivetrex.Connectors.pause/2")
async def pauses_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A connection is paused without running setup tests."""
    connection_id = fake.add_connection()
    assert (await fivetran.connections.pause(connection_id)).is_paused
    assert fake.requests[-1].body == {"paused": True, "run_setup_tests": False}
    assert (await fivetran.connections.get(connection_id)).is_paused


@seed("Fivetrex.Connectors.resume/2")
async def resumes_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A paused connection is resumed without running setup tests."""
    connection_id = fake.add_connection(paused=True)
    assert not (await fivetran.connections.resume(connection_id)).is_paused
    assert fake.requests[-1].body == {"paused": False, "run_setup_tests": False}
    assert (await fivetran.connections.get(connection_id)).sync_state == "scheduled"


@seed("Fivetrex.Connectors.get_sync_status/2")
async def gets_the_sync_status(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The state of the syncs is one small object, with parsed times."""
    started = fake.clock.now()
    connection_id = fake.add_connection()
    fake.start_sync(connection_id)
    assert (await fivetran.connections.get_sync_status(connection_id)).is_syncing
    fake.advance(fake.sync_duration)
    status = await fivetran.connections.get_sync_status(connection_id)
    assert (status.sync_state, status.update_state) == ("scheduled", "on_schedule")
    assert status.succeeded_at == started + timedelta(seconds=fake.sync_duration)
    assert status.failed_at is None
    assert not status.is_historical_sync


@seed("Fivetrex.Connectors.set_sync_frequency/4")
async def sets_the_sync_frequency(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The minutes between syncs are set, or the hour of a daily sync."""
    connection_id = fake.add_connection()
    hourly = await fivetran.connections.set_sync_frequency(connection_id, 60)
    assert hourly.sync_frequency == 60
    daily = await fivetran.connections.set_sync_frequency(
        connection_id, 1440, schedule_type="manual", daily_sync_time="14:00"
    )
    assert (daily.sync_frequency, daily.schedule_type) == (1440, "manual")
    assert daily.daily_sync_time == "14:00"
