"""Objects that were renamed, replaced or named twice since the last export."""

from __future__ import annotations

from pathlib import Path

from as_code.folders import plan_of, write, writes
from fivetran_async import AsyncFivetran, as_code
from fivetran_async.as_code._kinds.scope import WHOLE_ACCOUNT, ExportScope, Scope
from fivetran_async.testing import FakeFivetran, Fault

CRM = "connections/blue/crm"


async def test_a_new_group_with_a_former_name_is_another_one(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """If a group was renamed and a new one has its name, changes still reach the renamed one."""
    fake.change("groups", "blue_id", name="zebra")
    new = fake.add_group(name="blue", id="new_id")
    fake.add_destination(group_id=new, service="snowflake", config={"host": "new.example.com"})
    fake.add_connection(group_id=new, service="postgres", schema="crm", id="new_crm_id")
    plan = await plan_of(fivetran, folder)
    assert not plan.changes
    assert not plan.refused
    write(folder, "destinations/blue", time_zone_offset="+3")
    write(folder, CRM, sync_frequency=60)
    write(folder, "connections/blue/more", service="postgres", group_id="groups/blue")
    plan = await plan_of(fivetran, folder)
    assert {change.id for change in plan.changes} == {"blue_id", "crm_id", None}
    assert {"groups/blue~new_id", "connections/blue~new_id/crm"} <= {
        drift.address for drift in plan.drift
    }
    fake.requests.clear()
    run = await as_code.apply(fivetran, plan, confirm=plan.digest)
    assert run.succeeded, str(run)
    changed = {path for verb, path, _ in writes(fake) if verb == "PATCH"}
    assert {"/v1/destinations/blue_id", "/v1/connections/crm_id"} <= changed
    assert not {path for path in changed if "new" in path}
    [created] = [body for verb, _, body in writes(fake) if verb == "POST"]
    assert created["group_id"] == "blue_id"


async def test_partial_exports_after_a_rename_are_planned(
    fake: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """A group that has two names in a folder, by exports of different parts, is one group."""
    fake.change("groups", "blue_id", name="zulu")
    folder = tmp_path / "account"
    (await as_code.export(fivetran, kinds="destinations")).save(folder)
    (await as_code.export(fivetran, only="connections/*/*")).save(folder)
    fake.change("groups", "blue_id", name="alpha")
    (await as_code.export(fivetran, only="connections/*/*")).save(folder)
    plan = await plan_of(fivetran, folder)
    assert (plan.changes, plan.drift, plan.refused) == ((), (), {})
    write(folder, "connections/alpha/crm", sync_frequency=60)
    write(folder, "destinations/zulu", time_zone_offset="+3")
    plan = await plan_of(fivetran, folder)
    assert {change.id for change in plan.changes} == {"crm_id", "blue_id"}
    assert not plan.refused


async def test_objects_in_a_renamed_group_are_not_gone(
    fake: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """Patterns of a group's former name find nothing: the plan refuses it, and creates nothing."""
    folder = tmp_path / "account"
    (await as_code.export(fivetran, only="connections/blue/*")).save(folder)
    fake.change("groups", "blue_id", name="navy")
    live = await as_code.export(fivetran, only="connections/blue/*")
    plan = as_code.plan(
        as_code.load(folder), live=live, base=as_code.load_base(folder), revert_drift=True
    )
    assert not [change for change in plan.changes if change.kind == "connections"]
    assert "did not cover the name" in plan.refused[CRM]


async def test_what_cannot_be_read_is_recognized_in_a_renamed_group(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """An object that cannot be read is not taken for a deleted one, also under another name."""
    fake.change("groups", "blue_id", name="navy")
    fake.fail(path="/v1/connections/crm_id", fault=Fault.status(403), times=None)
    fake.fail(path="/v1/connections/crm_id/schemas", fault=Fault.status(403), times=None)
    plan = await plan_of(fivetran, folder)
    assert "could not be read" in plan.refused[CRM]
    assert "could not be read" in plan.refused["schemas/blue/crm"]
    assert {drift.action for drift in plan.drift} == {"update"}


async def test_deleted_objects_are_drift_although_their_files_changed(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """An object that was deleted on the server is drift, also if its file has changed."""
    write(folder, "connections/blue/shop", sync_frequency=60)
    await fivetran.connections.delete("shop_id", confirm=True)
    plan = await plan_of(fivetran, folder)
    assert ("connections/blue/shop", "delete") in {(d.address, d.action) for d in plan.drift}
    assert "deleted on the server" in plan.refused["connections/blue/shop"]
    plan = await plan_of(fivetran, folder, conflicts="live")
    assert "connections/blue/shop" not in plan.refused
    plan = await plan_of(fivetran, folder, conflicts="wanted")
    assert ("connections/blue/shop", "create") in {(c.address, c.action) for c in plan.changes}


def test_one_export_reads_what_several_have() -> None:
    """The scope of a folder is one export, also if rare kinds were exported later."""
    part = ExportScope.of("connections/blue/*", None, schemas=False)
    rare = ExportScope.of(None, "certificates", schemas=False)
    assert WHOLE_ACCOUNT.as_one_export() == ExportScope()
    assert Scope((part,)).as_one_export() == part
    both = Scope((part, rare)).as_one_export()
    for address in (CRM, "certificates/connections/blue/crm/hash", "groups/blue"):
        assert both.covers(address)
    assert not Scope((part,)).covers("certificates/connections/blue/crm/hash")


async def test_rehearsals_of_renames_and_moves_agree_with_the_run(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """A plan that renames a group and moves a connection to it converges on the copy, too."""
    write(folder, "groups/blue", name="navy")
    write(folder, "connections/green/sheets.budget", group_id="groups/blue")
    plan = await plan_of(fivetran, folder, moves="CONTINUE")
    rehearsal = await as_code.rehearse(plan)
    assert rehearsal.succeeded, str(rehearsal)
    run = await as_code.apply(fivetran, plan, confirm=plan.digest)
    assert (run.succeeded, run.kept_differently) == (True, {})


async def test_undo_after_a_rename_and_an_export_adds_no_address(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """The base has each object once, so that a further export finds nothing that was removed."""
    write(folder, "groups/blue", name="navy")
    plan = await plan_of(fivetran, folder)
    run = await as_code.apply(fivetran, plan, confirm=plan.digest)
    (await as_code.export(fivetran)).save(folder)
    undo = run.undo()
    assert (await as_code.apply(fivetran, undo, confirm=undo.digest)).succeeded
    (await as_code.export(fivetran)).save(folder)
    assert "groups/navy" not in as_code.load_base(folder)
