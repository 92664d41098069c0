"""`Fivetrex.Destinations`."""

from __future__ import annotations

import pytest

from fivetran_async import AsyncFivetran, ConflictError, NotFoundError
from fivetran_async.testing import FakeFivetran
from parity.seed import seed


@seed("Fivetrex.Destinations.get/2")
async def gets_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A destination has the id of its group; all destinations can be listed."""
    group_id = fake.add_group()
    fake.add_group(name="without a destination")
    fake.add_destination(group_id=group_id, service="big_query", region="GCP_US_EAST4")
    destination = await fivetran.destinations.get(group_id)
    assert (destination.id, destination.group_id) == (group_id, group_id)
    assert (destination.service, destination.region) == ("big_query", "GCP_US_EAST4")
    assert [found.id for found in await fivetran.destinations.list().collect()] == [group_id]


@seed("Fivetrex.Destinations.create/2")
async def creates_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A destination is created for a group."""
    group_id = fake.add_group()
    destination = await fivetran.destinations.create(
        group_id=group_id,
        service="snowflake",
        region="GCP_US_EAST4",
        time_zone_offset="-5",
        config={"host": "account.snowflakecomputing.com", "password": "s3cret"},
    )
    assert (destination.group_id, destination.time_zone_offset) == (group_id, "-5")
    assert destination.config["host"] == "account.snowflakecomputing.com"
    assert fake.record("destinations", destination.id)["config"]["password"] == "s3cret"


@seed("Fivetrex.Destinations.update/3")
async def updates_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """An update changes only the given fields, inside the config, too."""
    destination_id = fake.add_destination(
        group_id=fake.add_group(), config={"host": "db.example.com", "port": 443}
    )
    destination = await fivetran.destinations.update(
        destination_id, region="GCP_EUROPE_WEST3", config={"port": 444}
    )
    assert destination.region == "GCP_EUROPE_WEST3"
    assert destination.config == {"host": "db.example.com", "port": 444}


@seed("Fivetrex.Destinations.delete/2")
async def deletes_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A destination is deleted after its connections."""
    group_id = fake.add_group()
    destination_id = fake.add_destination(group_id=group_id)
    connection_id = fake.add_connection(group_id=group_id)
    with pytest.raises(ConflictError):
        await fivetran.destinations.delete(destination_id, confirm=True)
    await fivetran.connections.delete(connection_id, confirm=True)
    await fivetran.destinations.delete(destination_id, confirm=True)
    with pytest.raises(NotFoundError):
        await fivetran.destinations.get(destination_id)


@seed("Fivetrex.Destinations.test/2")
async def tests_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The setup tests run, and the destination has their results."""
    destination_id = fake.add_destination(group_id=fake.add_group(), setup_status="incomplete")
    destination = await fivetran.destinations.run_setup_tests(destination_id)
    assert destination.is_connected
    assert destination.setup_tests
    assert all(test.is_passed for test in destination.setup_tests)
    failed = {"title": "Connecting", "status": "FAILED", "message": "no route to host"}
    fake.plan_setup_tests(destination_id, [failed])
    destination = await fivetran.destinations.run_setup_tests(destination_id)
    assert not destination.is_connected
    assert [test.message for test in destination.setup_tests] == ["no route to host"]
