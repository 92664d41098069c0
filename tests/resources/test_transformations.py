from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fivetran_async import AsyncFivetran
from fivetran_async.resources.transformations import (
    TransformationConfig,
    TransformationSchedule,
    TransformationStep,
)
from fivetran_async.testing import FakeFivetran


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An account with a project and a connection."""
    async with FakeFivetran(running=False) as fake:
        fake.add_group(id="g1")
        fake.add_connection(group_id="g1", id="c1", service="stripe")
        fake.add("transformation_projects", id="p1", group_id="g1", type="DBT_CORE")
        yield fake


@pytest.fixture
async def fivetran(fake: FakeFivetran) -> AsyncIterator[AsyncFivetran]:
    """A session with it."""
    async with fake.client() as fivetran:
        yield fivetran


async def test_both_types_are_one_model(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Steps of dbt and packages are created and listed alike, each with its own fields."""
    dbt = await fivetran.transformations.create(
        type="DBT_CORE",
        transformation_config=TransformationConfig(
            project_id="p1",
            name="nightly",
            steps=(TransformationStep(name="all", command="dbt run"),),
        ),
        schedule=TransformationSchedule(
            schedule_type="CRON", cron=("0 3 * * *",), smart_syncing=False
        ),
    )
    assert fake.requests[-1].body == {
        "type": "DBT_CORE",
        "transformation_config": {
            "project_id": "p1",
            "name": "nightly",
            "steps": [{"name": "all", "command": "dbt run"}],
        },
        "schedule": {"schedule_type": "CRON", "cron": ["0 3 * * *"], "smart_syncing": False},
    }
    quickstart = await fivetran.transformations.create(
        type="QUICKSTART",
        transformation_config={"package_name": "stripe", "connection_ids": ["c1"]},
    )
    assert dbt.transformation_config.steps[0].command == "dbt run"
    assert dbt.schedule.cron == ("0 3 * * *",)
    assert dbt.transformation_config.upgrade_available is None
    assert quickstart.transformation_config.connection_ids == ("c1",)
    assert quickstart.transformation_config.upgrade_available is False
    assert await fivetran.transformations.list().collect() == [dbt, quickstart]
    assert await fivetran.transformations.list(type="QUICKSTART").collect() == [quickstart]
    assert await fivetran.transformations.list(project_id="p1").collect() == [dbt]


async def test_a_run_is_started_and_canceled(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A run sends `full_refresh`; a cancel sends no body."""
    made = await fivetran.transformations.create(
        type="QUICKSTART", transformation_config={"package_name": "stripe"}
    )
    await fivetran.transformations.run(made.id, full_refresh=True)
    assert fake.requests[-1].body == {"full_refresh": True}
    assert (await fivetran.transformations.get(made.id)).status == "RUNNING"
    await fivetran.transformations.cancel(made.id)
    assert fake.requests[-1].body_bytes == b""
    assert (await fivetran.transformations.get(made.id)).status == "CANCELED"


async def test_a_list_is_cleared_by_a_mapping(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A mapping is sent unchanged, so an empty list is sent."""
    made = await fivetran.transformations.create(
        type="QUICKSTART",
        transformation_config={"package_name": "stripe", "excluded_models": ["a"]},
    )
    changed = await fivetran.transformations.update(
        made.id, transformation_config={"excluded_models": []}
    )
    assert fake.requests[-1].body == {"transformation_config": {"excluded_models": []}}
    assert made.transformation_config.excluded_models == ("a",)
    assert changed.transformation_config.excluded_models == ()


async def test_packages_are_found_by_service(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """`package_metadata` lists packages, filtered by service."""
    (package,) = await fivetran.transformations.package_metadata.list(service="stripe").collect()
    assert package.connector_types == ("stripe",)
    assert await fivetran.transformations.package_metadata.get(package.id) == package
    assert fake.requests[-1].raw_path == f"/v1/transformations/package-metadata/{package.id}"


async def test_a_package_is_upgraded_and_the_transformation_deleted(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """An upgrade sends no body, and a deleted transformation is not found."""
    transformation_id = fake.add(
        "transformations",
        type="QUICKSTART",
        transformation_config={"package_name": "stripe"},
        upgrade_available=True,
    )
    before = await fivetran.transformations.get(transformation_id)
    await fivetran.transformations.upgrade_package(transformation_id)
    assert fake.requests[-1].raw_path == f"/v1/transformations/{transformation_id}/upgrade"
    assert fake.requests[-1].body_bytes == b""
    after = await fivetran.transformations.get(transformation_id)
    await fivetran.transformations.delete(transformation_id)
    assert before.transformation_config.upgrade_available is True
    assert after.transformation_config.upgrade_available is False
    assert await fivetran.transformations.list().collect() == []
