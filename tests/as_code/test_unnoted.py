"""What a killed run has done and not noted in its folder, before another plan is made."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from as_code.folders import plan_of, remove, write, writes
from as_code.runs import CRM, NEW, SHOP, carry_out, interrupted, refuse
from fivetran_async import AsyncFivetran, as_code
from fivetran_async.as_code import Plan
from fivetran_async.testing import FakeFivetran, Fault

GROUP = "groups/new"
SECRET = {"$secret": "env:CRM"}
HOST = ("config", "host")


def names(fake: FakeFivetran) -> list[str]:
    """Return the names of all groups."""
    return sorted(str(each["name"]) for each in fake._account.collection("groups"))


def actions(plan: Plan) -> dict[str, str]:
    """Return what a plan does with each object."""
    return {change.address: change.action for change in plan.changes}


async def unfinished(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path, *, prune: bool = False
) -> None:
    """Carry out the plan of a folder, but fail at SHOP, and lose what the folder noted of it."""
    write(folder, SHOP, sync_frequency=60)
    plan = await plan_of(fivetran, folder, prune=prune)
    state = folder / ".fivetran"
    saved = shutil.copytree(state, folder.parent / "state")
    refuse(fake, "connections.update", "/v1/connections/shop_id")
    run = await carry_out(
        fivetran,
        plan,
        secrets=as_code.references(environ={"CRM": "x"}),
        deletions=[each.address for each in plan.changes if each.action == "delete"],
    )
    assert set(run.errors) == {SHOP}
    fake.heal()
    shutil.rmtree(state / "base")
    shutil.copytree(saved / "base", state / "base")
    shutil.copy2(saved / "ids.json", state / "ids.json")


async def interrupted_creation(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path, operation: str
) -> Plan:
    """Kill a run that creates a group, after the request was applied."""
    write(folder, GROUP, name="new")
    plan = await plan_of(fivetran, folder)
    fake.requests.clear()
    fake.fail(operation, fault=Fault.hang(applied=True), nth=1)
    task = asyncio.create_task(carry_out(fivetran, plan))
    if operation == "groups.get":
        fake.requests.clear()
    await interrupted(fake, task, 1)
    return plan


async def test_edits_after_an_unfinished_run_are_drift(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """What the run has changed is known to the base: a later edit of it is kept as drift."""
    write(folder, CRM, sync_frequency=60)
    await unfinished(fake, fivetran, folder)
    fake.change("connections", "crm_id", sync_frequency=15)
    plan = await plan_of(fivetran, folder)
    assert [each.address for each in plan.drift] == [CRM]
    assert (actions(plan), plan.conflicts) == ({SHOP: "update"}, ())
    assert (await carry_out(fivetran, plan)).succeeded
    assert as_code.load_base(folder)[CRM].raw_fields["sync_frequency"] == 60


async def test_edits_of_what_an_unfinished_run_has_created_are_drift(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """An edit of a created object is not taken back, and its deletion is not repaired."""
    write(folder, NEW, service="postgres", config={"host": "db"}, sync_frequency=60)
    await unfinished(fake, fivetran, folder)
    assert as_code.load(folder).ids[NEW]
    [new] = [e for e in fake._account.collection("connections") if e["schema"] == "new"]
    fake.change("connections", new["id"], sync_frequency=15)
    plan = await plan_of(fivetran, folder)
    assert [(each.address, list(each.leaves)) for each in plan.drift] == [
        (NEW, [("sync_frequency",)])
    ]
    assert actions(plan) == {SHOP: "update"}
    await fivetran.connections.delete(new["id"], confirm=True)
    plan = await plan_of(fivetran, folder)
    assert [(each.address, each.action) for each in plan.drift] == [(NEW, "delete")]
    assert actions(plan) == {SHOP: "update"}


async def test_what_an_unfinished_run_has_deleted_is_another_object_later(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A connection with the name of a deleted one is drift, and is not pruned."""
    address = "connections/green/sheets.budget"
    remove(folder, address)
    (folder / f"schemas{address[11:]}.json").unlink(missing_ok=True)
    await unfinished(fake, fivetran, folder, prune=True)
    assert address not in await as_code.export(fivetran)
    fake.add_connection(group_id="green_id", service="google_sheets", schema="sheets.budget")
    plan = await plan_of(fivetran, folder, prune=True)
    assert address in {each.address for each in plan.drift}
    assert actions(plan) == {SHOP: "update"}


async def test_groups_that_were_renamed_after_a_killed_run_are_not_created_twice(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """The journal has the id of the group, for another plan and for the same one."""
    plan = await interrupted_creation(fake, fivetran, folder, "groups.get")
    [id] = [each["id"] for each in fake._account.collection("groups") if each["name"] == "new"]
    fake.change("groups", id, name="renamed")
    other = await plan_of(fivetran, folder)
    assert not other.changes
    assert [each.address for each in other.drift] == [GROUP]
    run = await carry_out(fivetran, plan)
    assert run.done == (GROUP,), str(run)
    assert names(fake) == ["blue", "green", "renamed"]


async def test_creations_in_doubt_are_refused_if_something_is_new(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """Without an id, a group of another name may be the one: the plan names the run."""
    await interrupted_creation(fake, fivetran, folder, "groups.create")
    [id] = [each["id"] for each in fake._account.collection("groups") if each["name"] == "new"]
    fake.change("groups", id, name="renamed")
    plan = await plan_of(fivetran, folder)
    [journal] = (folder / ".fivetran/runs").iterdir()
    assert journal.stem in plan.refused[GROUP]
    assert "groups/renamed is new on the server" in plan.refused[GROUP]
    (await as_code.export(fivetran)).save(folder, force=True)
    assert actions(await plan_of(fivetran, folder)) == {GROUP: "create"}


async def test_exports_settle_what_runs_knew(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """After an export, an object that is gone can be created by a file once more."""
    write(folder, NEW, service="postgres", config={"host": "db"})
    await unfinished(fake, fivetran, folder)
    [new] = [e for e in fake._account.collection("connections") if e["schema"] == "new"]
    await fivetran.connections.delete(new["id"], confirm=True)
    content = (folder / f"{NEW}.json").read_bytes()
    (await as_code.export(fivetran)).save(folder, force=True)
    (folder / f"{NEW}.json").write_bytes(content)
    assert actions(await plan_of(fivetran, folder)) == {NEW: "create"}
    assert not as_code.load(folder).unnoted


async def test_secrets_that_were_not_tested_are_sent_and_tested_by_the_next_plan(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A secret counts as unchanged only after its setup tests."""
    write(folder, CRM, config={"password": SECRET})
    fake.fail("connections.run_setup_tests", fault=Fault.status(400), times=None)
    state = folder / ".fivetran"
    saved = shutil.copytree(state, folder.parent / "state")
    run = await carry_out(
        fivetran,
        await plan_of(fivetran, folder),
        secrets=as_code.references(environ={"CRM": "x"}),
    )
    assert set(run.errors) == {CRM}
    fake.heal()
    shutil.rmtree(state / "base")
    shutil.copytree(saved / "base", state / "base")
    fake.requests.clear()
    write(folder, SHOP, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    run = await carry_out(fivetran, plan, secrets=as_code.references(environ={"CRM": "x"}))
    assert run.succeeded
    assert sorted(path.rpartition("/")[2] for _, path, _ in writes(fake)) == [
        "crm_id",
        "shop_id",
        "test",
    ]
