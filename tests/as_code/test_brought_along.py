"""The connection that the server adds to each new destination."""

from __future__ import annotations

from pathlib import Path

import pytest

from as_code.folders import plan_of, write
from as_code.runs import carry_out
from fivetran_async import AsyncFivetran, InvalidArgumentError, as_code
from fivetran_async.testing import FakeFivetran

LOG = "connections/new/fivetran_metadata"


async def with_new_destination(fivetran: AsyncFivetran, folder: Path) -> None:
    """Create a group with a destination."""
    write(folder, "groups/new", name="new")
    write(folder, "destinations/new", service="big_query")
    assert (await carry_out(fivetran, await plan_of(fivetran, folder))).succeeded


async def test_what_a_new_destination_brings_along_is_not_drift(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """After a run that creates a destination, nothing has drifted, and nothing is pruned."""
    await with_new_destination(fivetran, folder)
    live = await as_code.export(fivetran)
    assert live[LOG].service == "fivetran_log"
    plan = await plan_of(fivetran, folder, prune=True)
    assert (plan.changes, plan.drift, plan.refused) == ((), (), {})


async def test_what_other_people_add_is_drift(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A connection that a person adds is drift, also one of the same service."""
    await with_new_destination(fivetran, folder)
    [group] = [each["id"] for each in fake._account.collection("groups") if each["name"] == "new"]
    fake.add_connection(group_id=group, service="postgres", schema="crm")
    fake.add_connection(group_id=group, service="fivetran_log", schema="logs", connected_by="ada")
    drift = {each.address for each in (await plan_of(fivetran, folder)).drift}
    assert drift == {"connections/new/crm", "connections/new/logs"}


async def test_destinations_of_other_people_are_drift_with_all_they_bring(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """If the folder does not have the destination, what it brings along is listed, too."""
    group = await fivetran.groups.create(name="new")
    await fivetran.destinations.create(
        group_id=group.id,
        service="big_query",
        region="GCP_US_EAST4",
        time_zone_offset="0",
        config={},
        run_setup_tests=False,
    )
    drift = {each.address for each in (await plan_of(fivetran, folder)).drift}
    assert drift == {"groups/new", "destinations/new", LOG}


async def test_what_a_new_destination_brings_along_is_taken_over(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A clone of a group and files for another account have it, too: it is not created twice."""
    await with_new_destination(fivetran, folder)
    live = await as_code.export(fivetran)
    wanted = live.clone(lambda each: each.group == "new", group="teal").change(
        lambda each: each.address == "connections/teal/fivetran_metadata", sync_frequency=60
    )
    plan = as_code.plan(wanted, live=live)
    assert "connections/teal/fivetran_metadata" in {each.address for each in plan.changes}
    rehearsal = await as_code.rehearse(plan)
    assert rehearsal.succeeded, str(rehearsal)
    run = await carry_out(fivetran, plan)
    assert run.succeeded, str(run)
    after = await as_code.export(fivetran)
    assert after["connections/teal/fivetran_metadata"].sync_frequency == 60
    assert not as_code.plan(wanted, live=after).changes
    undone = await carry_out(fivetran, run.undo())
    assert undone.succeeded, str(undone)
    assert "groups/teal" not in await as_code.export(fivetran)
    async with FakeFivetran(running=False) as other, other.client() as elsewhere:
        there = await as_code.export(elsewhere)
        detached = live.detached()
        chosen = detached.with_objects(
            {address: each for address, each in detached.items() if each.group == "new"}
        )
        run = await carry_out(elsewhere, as_code.plan(chosen, live=there))
        assert run.succeeded, str(run)


async def test_groups_are_cloned_into_one_with_a_destination(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """Both groups have what their destinations brought along, which is not copied."""
    await with_new_destination(fivetran, folder)
    write(folder, "groups/teal", name="teal")
    write(folder, "destinations/teal", service="big_query")
    write(folder, "connections/new/crm", service="postgres", config={"host": "db"})
    assert (await carry_out(fivetran, await plan_of(fivetran, folder))).succeeded
    live = await as_code.export(fivetran)
    wanted = live.clone(lambda each: each.group == "new", group="teal")
    assert set(wanted) - set(live) == {"connections/teal/crm"}
    with pytest.raises(InvalidArgumentError, match="would replace connections/teal/crm"):
        wanted.clone(lambda each: each.group == "new", group="teal")
