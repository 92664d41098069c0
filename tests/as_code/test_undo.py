"""`undo`: the plan that takes a run back, from its journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from as_code.folders import plan_of, remove, write, writes
from fivetran_async import AsyncFivetran, as_code
from fivetran_async.as_code import AppliedRun, Plan
from fivetran_async.testing import FakeFivetran

CRM = "connections/blue/crm"
SCHEMAS = "schemas/blue/crm"
NEW = "connections/blue/new"


async def carry_out(fivetran: AsyncFivetran, plan: Plan, **options: Any) -> AppliedRun:  # noqa: ANN401
    """Apply a plan that was reviewed, and expect no failures."""
    run = await as_code.apply(fivetran, plan, confirm=plan.digest, **options)
    assert run.succeeded, str(run)
    return run


async def test_undo_restores_everything(fivetran: AsyncFivetran, folder: Path) -> None:
    """After an undo the account equals the base, hashed columns and new objects included."""
    before = await as_code.export(fivetran)
    write(folder, CRM, sync_frequency=60, paused=True, config={"host": "db2", "user": None})
    columns = {"email": {"hashed": True}, "name": {"enabled": False}}
    tables = {"orders": {"columns": columns}, "events": {"enabled": False}}
    write(
        folder,
        SCHEMAS,
        schema_change_handling="BLOCK_ALL",
        schemas={"public": {"tables": tables}},
    )
    write(folder, "groups/new", name="new")
    write(folder, "destinations/new", service="snowflake")
    write(folder, "connections/new/ads", service="google_ads", group_id="groups/new")
    write(folder, "teams/Data %2F Platform", description="x", role=None)
    run = await carry_out(fivetran, await plan_of(fivetran, folder))
    undo = run.undo()
    assert undo.impossible == {}
    assert undo.undoes == run.name
    await carry_out(fivetran, undo)
    after = await as_code.export(fivetran)
    plan = as_code.plan(before, live=after)
    assert not plan.changes
    assert set(after) == set(before)
    assert not as_code.plan(after, live=before, base=before).changes


async def test_undo_sends_what_lost_its_meaning(
    fake: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """A server may forget the hour of a daily sync once it is not daily: the undo sends both."""
    daily: dict[str, Any] = {"sync_frequency": 1440, "daily_sync_time": "14:00"}
    delay: dict[str, Any] = {"data_delay_sensitivity": "CUSTOM", "data_delay_threshold": 120}
    fake.change("connections", "crm_id", **daily, **delay)
    folder = tmp_path / "account"
    (await as_code.export(fivetran)).save(folder)
    write(folder, CRM, sync_frequency=30, data_delay_sensitivity="NORMAL")
    run = await carry_out(fivetran, await plan_of(fivetran, folder))
    (sent,) = [body for _, path, body in writes(fake) if path.endswith("/crm_id")]
    assert "daily_sync_time" not in sent
    fake.change("connections", "crm_id", daily_sync_time=None, data_delay_threshold=None)
    fake.requests.clear()
    await carry_out(fivetran, run.undo())
    (sent,) = [body for _, path, body in writes(fake) if path.endswith("/crm_id")]
    assert {**sent, **daily, **delay} == sent
    crm = await fivetran.connections.get("crm_id")
    assert (crm.sync_frequency, crm.daily_sync_time) == (1440, "14:00")


async def test_undo_needs_no_addresses_of_its_own_creations(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """The digest confirms the deletions of an undo; a connection that has synced is kept."""
    write(folder, NEW, service="postgres", group_id="groups/blue")
    run = await carry_out(fivetran, await plan_of(fivetran, folder))
    undo = run.undo()
    assert [(change.address, change.action) for change in undo.changes] == [(NEW, "delete")]
    id = as_code.load(folder).ids[NEW]
    fake.change("connections", id, succeeded_at="2026-11-02T10:00:00Z")
    failed = await as_code.apply(fivetran, undo, confirm=undo.digest)
    assert "has synced" in str(failed.errors[NEW])
    fake.change("connections", id, succeeded_at=None)
    await carry_out(fivetran, undo)
    assert NEW not in await as_code.export(fivetran)


async def test_undo_goes_stale(fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path) -> None:
    """What was changed since the run is not taken back; the rest is."""
    write(folder, CRM, sync_frequency=60)
    write(folder, "connections/blue/shop", sync_frequency=60)
    run = await carry_out(fivetran, await plan_of(fivetran, folder))
    fake.change("connections", "crm_id", sync_frequency=15)
    undo = run.undo()
    taken_back = await as_code.apply(fivetran, undo, confirm=undo.digest)
    assert isinstance(taken_back.errors[CRM], as_code.PlanStaleError)
    assert taken_back.done == ("connections/blue/shop",)
    assert fake.record("connections", "crm_id")["sync_frequency"] == 15


async def test_what_cannot_be_undone_is_listed(fivetran: AsyncFivetran, folder: Path) -> None:
    """Secrets, invitations and deletions stay; what can be restored is in the plan."""
    hook = "webhooks/blue/https:%2F%2Fhooks.example.com%2Fa%2Fb"
    membership = "memberships/users/ada@example.com/connections/blue/crm"
    write(folder, CRM, sync_frequency=60, config={"password": {"$secret": "env:CRM"}})
    write(folder, "users/x@example.com", given_name="X", family_name="Y")
    hook_file = "webhooks/blue/https%3A%2F%2Fhooks.example.com%2Fa%2Fb"
    remove(folder, hook_file, membership, "connections/green/sheets.budget")
    plan = await plan_of(fivetran, folder, prune=True)
    deletions = {change.address for change in plan.changes if change.action == "delete"}
    assert deletions == {hook, membership, "connections/green/sheets.budget"}
    resolver = as_code.references(environ={"CRM": "x"})
    run = await carry_out(fivetran, plan, deletions=deletions, secrets=resolver)
    undo = run.undo()
    assert set(undo.impossible) == {
        CRM,
        "users/x@example.com",
        hook,
        "connections/green/sheets.budget",
    }
    assert "password" in undo.impossible[CRM]
    assert "cannot be taken back" in str(undo)
    assert {(c.address, c.action) for c in undo.changes} == {
        (CRM, "update"),
        (membership, "create"),
    }
    await carry_out(fivetran, undo)
    live = await as_code.export(fivetran)
    assert live[membership].role == "Connector Reviewer"
    assert live[CRM].sync_frequency == 360


async def test_unknown_settings_of_columns_are_listed(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """Under BLOCK_ALL an untouched column can be enabled or not, so that is not taken back."""
    await fivetran.connections.schemas.update("crm_id", schema_change_handling="BLOCK_ALL")
    (await as_code.export(fivetran)).save(folder)
    columns = {"email": {"enabled": False, "hashed": True}}
    write(folder, SCHEMAS, schemas={"public": {"tables": {"orders": {"columns": columns}}}})
    run = await carry_out(fivetran, await plan_of(fivetran, folder))
    undo = run.undo()
    assert "email.enabled could be either" in undo.impossible[SCHEMAS]
    [change] = undo.changes
    assert [path[-1] for path in change.leaves] == ["hashed"]


async def test_moves_are_taken_back(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A move with CONTINUE is reversed; one with BACKFILL is not."""
    write(folder, CRM, group_id="groups/green")
    run = await carry_out(fivetran, await plan_of(fivetran, folder, moves="CONTINUE"))
    await carry_out(fivetran, run.undo())
    assert fake.record("connections", "crm_id")["group_id"] == "blue_id"
    run = await carry_out(fivetran, await plan_of(fivetran, folder, moves="BACKFILL"))
    undo = run.undo()
    assert "BACKFILL" in undo.impossible[CRM]
    assert not undo.changes


async def test_runs_are_undone_by_their_journals(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A later process undoes a run by the path of its journal, or by its name in the folder."""
    write(folder, CRM, sync_frequency=60)
    run = await carry_out(fivetran, await plan_of(fivetran, folder))
    assert as_code.load_run(run.journal.path or "").undo().digest == run.undo().digest
    named = as_code.load_run(run.name, folder=folder)
    assert named.undo().folder == folder
    fake.requests.clear()
    await carry_out(fivetran, named.undo())
    assert writes(fake) == [
        (
            "PATCH",
            "/v1/connections/crm_id",
            {"sync_frequency": 360, "run_setup_tests": False},
        )
    ]
