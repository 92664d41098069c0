"""Runs that were interrupted or failed, and what happens before they are continued or undone."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from as_code.folders import plan_of, remove, write, writes
from as_code.random_accounts import PATIENT, QuickClock
from as_code.runs import (
    CRM,
    NEW,
    SHOP,
    carry_out,
    interrupt_gentle_run,
    interrupted,
    plan_while_syncing,
    refuse,
)
from fivetran_async import AsyncFivetran, PermissionDeniedError, as_code
from fivetran_async.testing import FakeFivetran, Fault
from fivetran_async.testing.normalization import kept
from support.waiting import until


def base_of(folder: Path, address: str) -> dict[str, Any]:
    """Return the fields of an object in the base of a folder."""
    return dict(as_code.load_base(folder)[address].raw_fields)


def journal_in(folder: Path) -> Path:
    """Return the journal of the only run in a folder."""
    [journal] = (folder / ".fivetran/runs").iterdir()
    return journal


async def test_connections_are_resumed_by_the_next_part(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A run that was killed between its change and the resume leaves no connection paused."""
    plan = await plan_while_syncing(fake, fivetran, folder)
    await interrupt_gentle_run(fake, fivetran, plan, 3)
    assert fake.record("connections", "crm_id")["paused"] is True
    run = await carry_out(fivetran, plan, gently=True)
    assert run.succeeded, str(run)
    assert fake.record("connections", "crm_id")["paused"] is False
    assert base_of(folder, CRM)["sync_frequency"] == 60
    assert not run.undo().changes[0].leaves.keys() & {("paused",)}


async def test_undo_resumes_what_the_run_has_paused(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """The undo of a run that was killed while a connection was paused resumes it."""
    plan = await plan_while_syncing(fake, fivetran, folder)
    await interrupt_gentle_run(fake, fivetran, plan, 3)
    journal = journal_in(folder)
    undo = as_code.load_run(journal).undo()
    assert (await carry_out(fivetran, undo)).succeeded
    record = fake.record("connections", "crm_id")
    assert (record["paused"], record["sync_frequency"]) == (False, 360)


async def test_connections_are_resumed_after_a_wait_that_failed(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """If the end of a sync cannot be awaited, the change is not sent and the connection resumed."""
    plan = await plan_while_syncing(fake, fivetran, folder)
    fake.fail("connections.get", fault=Fault.status(403), nth=3)
    run = await carry_out(fivetran, plan, gently=True)
    assert set(run.errors) == {CRM}
    assert [body.get("paused") for _, _, body in writes(fake)] == [True, False]
    assert fake.record("connections", "crm_id")["paused"] is False


async def test_stale_changes_resume_what_was_paused(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A change that went stale while its connection was paused for it leaves it running."""
    plan = await plan_while_syncing(fake, fivetran, folder)
    await interrupt_gentle_run(fake, fivetran, plan, 2)
    fake.change("connections", "crm_id", sync_frequency=15)
    run = await carry_out(fivetran, plan, gently=True)
    assert isinstance(run.errors[CRM], as_code.PlanStaleError)
    record = fake.record("connections", "crm_id")
    assert (record["paused"], record["sync_frequency"]) == (False, 15)


async def test_plans_are_applied_once_more_after_their_undo(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """What an undo has taken back of an unfinished run is done once more, and undone once more."""
    write(folder, CRM, sync_frequency=60)
    write(folder, SHOP, sync_frequency=60)
    write(folder, "groups/new", name="new")
    write(folder, "connections/new/ads", service="google_ads", group_id="groups/new")
    before = await as_code.export(fivetran)
    plan = await plan_of(fivetran, folder)
    refuse(fake, "connections.update", "/v1/connections/shop_id")
    run = await carry_out(fivetran, plan)
    assert set(run.errors) == {SHOP}
    fake.heal()
    assert (await carry_out(fivetran, run.undo())).succeeded
    run = await carry_out(fivetran, plan)
    assert run.succeeded, str(run)
    live = await as_code.export(fivetran)
    assert [live[address].sync_frequency for address in (CRM, SHOP)] == [60, 60]
    assert live["connections/new/ads"].paused is False
    assert not (await plan_of(fivetran, folder)).changes
    assert base_of(folder, CRM)["sync_frequency"] == 60
    assert as_code.load(folder).ids["groups/new"] == live["groups/new"].id
    assert (await carry_out(fivetran, run.undo())).succeeded
    after = await as_code.export(fivetran)
    assert set(after) == set(before)
    assert after[CRM].sync_frequency == 360


async def test_deletions_are_repeated_after_their_undo(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A membership that an undo has restored is removed once more by the same plan."""
    address = "memberships/users/ada@example.com/connections/blue/crm"
    remove(folder, address)
    write(folder, SHOP, sync_frequency=60)
    plan = await plan_of(fivetran, folder, prune=True)
    refuse(fake, "connections.update", "/v1/connections/shop_id")
    run = await carry_out(fivetran, plan, deletions=[address])
    assert address in run.done
    fake.heal()
    assert (await carry_out(fivetran, run.undo())).succeeded
    assert address in await as_code.export(fivetran)
    assert (await carry_out(fivetran, plan, deletions=[address])).succeeded
    assert address not in await as_code.export(fivetran)


async def test_what_others_took_back_is_done_once_more(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A new plan with the same changes as an unfinished run does all of them."""
    write(folder, CRM, sync_frequency=60)
    write(folder, SHOP, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    refuse(fake, "connections.update", "/v1/connections/shop_id")
    assert set((await carry_out(fivetran, plan)).errors) == {SHOP}
    fake.heal()
    fake.change("connections", "crm_id", sync_frequency=360)
    again = await plan_of(fivetran, folder, revert_drift=True)
    assert again.digest == plan.digest
    assert (await carry_out(fivetran, again)).succeeded
    assert fake.record("connections", "crm_id")["sync_frequency"] == 60


async def test_values_that_the_server_keeps_differently_are_not_sent_twice(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A continued run compares with what the server kept, not with what was wanted."""
    fake.normalize("connections", kept("data_delay_sensitivity", "HIGH"))
    (await as_code.export(fivetran)).save(folder)
    write(folder, CRM, data_delay_sensitivity="LOW")
    write(folder, SHOP, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    refuse(fake, "connections.update", "/v1/connections/shop_id")
    assert set((await carry_out(fivetran, plan)).errors) == {SHOP}
    fake.heal()
    fake.requests.clear()
    assert (await carry_out(fivetran, plan)).succeeded
    assert [path for _, path, _ in writes(fake)] == ["/v1/connections/shop_id"]


async def test_undo_finds_a_creation_that_could_not_be_verified(
    fake: FakeFivetran, folder: Path
) -> None:
    """The id of a new object is in the journal before the object is read."""
    async with fake.client(retry=PATIENT, _clock=QuickClock()) as fivetran:
        write(folder, NEW, service="postgres", group_id="groups/blue")
        plan = await plan_of(fivetran, folder)
        fake.fail("connections.get", fault=Fault.status(500), times=None)
        run = await carry_out(fivetran, plan)
        assert set(run.errors) == {NEW}
        fake.heal()
        undo = run.undo()
        assert [(change.address, change.action) for change in undo.changes] == [(NEW, "delete")]
        assert (await carry_out(fivetran, undo)).succeeded
        assert NEW not in await as_code.export(fivetran)


async def test_refused_creations_adopt_nothing_of_others(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """What another person created after a refusal is not taken for the run's, and not undone."""
    write(folder, "groups/new", name="new")
    plan = await plan_of(fivetran, folder)
    refuse(fake, "groups.create")
    run = await carry_out(fivetran, plan)
    assert not run.undo().changes
    assert not run.undo().impossible
    fake.heal()
    fake.add_group(name="new", id="others_id")
    run = await carry_out(fivetran, plan)
    assert isinstance(run.errors["groups/new"], as_code.PlanStaleError)
    assert not run.undo().changes
    assert "others_id" in {record["id"] for record in fake._account.collection("groups")}


async def test_creations_in_doubt_are_named_by_an_undo(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """If a run was killed while it created an object, its undo lists it as unknown."""
    write(folder, "groups/new", name="new")
    plan = await plan_of(fivetran, folder)
    fake.fail("groups.create", fault=Fault.hang(applied=True))
    task = asyncio.create_task(carry_out(fivetran, plan))
    await until(lambda: fake.requests_for("groups.create"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    fake.heal()
    journal = journal_in(folder)
    undo = as_code.load_run(journal).undo()
    assert "apply the plan once more" in undo.impossible["groups/new"]
    run = await carry_out(fivetran, plan)
    assert run.succeeded
    assert (await carry_out(fivetran, run.undo())).succeeded
    assert "groups/new" not in await as_code.export(fivetran)


async def test_folders_are_brought_up_to_date_after_a_kill(
    fivetran: AsyncFivetran, folder: Path, tmp_path: Path
) -> None:
    """What a killed process had not noted in base and ids, the next one notes."""
    write(folder, CRM, sync_frequency=60)
    write(folder, "groups/new", name="new")
    hook = "webhooks/blue/https%3A%2F%2Fhooks.example.com%2Fa%2Fb"
    (folder / f"{hook}.json").unlink()
    state = folder / ".fivetran"
    shutil.copytree(state, tmp_path / "state")
    plan = await plan_of(fivetran, folder, prune=True)
    deletions = {change.address for change in plan.changes if change.action == "delete"}
    run = await carry_out(fivetran, plan, deletions=deletions)
    expected = {p.name: p.read_text() for p in (state / "base").rglob("*.json")}
    ids = json.loads((state / "ids.json").read_text())
    lines = journal_in(folder).read_text().splitlines(keepends=True)
    shutil.rmtree(state)
    shutil.copytree(tmp_path / "state", state)
    (state / "runs").mkdir(exist_ok=True)
    (state / "runs" / f"{run.name}.jsonl").write_text("".join(lines[:-1]))
    assert (await carry_out(fivetran, plan, deletions=deletions)).succeeded
    assert {p.name: p.read_text() for p in (state / "base").rglob("*.json")} == expected
    assert json.loads((state / "ids.json").read_text()) == ids


async def test_sent_secrets_are_noted_before_the_run_goes_on(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """The fingerprint of a secret is on disk before its setup tests: a kill repeats nothing."""
    write(folder, CRM, config={"password": {"$secret": "env:CRM"}})
    plan = await plan_of(fivetran, folder)
    fake.fail("connections.run_setup_tests", fault=Fault.hang())
    resolver = as_code.references(environ={"CRM": "x"})
    task = asyncio.create_task(carry_out(fivetran, plan, secrets=resolver))
    await until(lambda: fake.requests_for("connections.run_setup_tests"))
    assert CRM in json.loads((folder / ".fivetran/secrets.lock").read_text())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_two_runs_with_one_journal_exclude_each_other(
    fake: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """Without a folder, the journal itself is locked: nothing is created twice."""
    live = await as_code.export(fivetran)
    cloned = live.clone(lambda each: each.kind == "groups" and each.group == "green", group="red")
    plan = as_code.plan(cloned, live=live)
    fake.fail("groups.create", fault=Fault.hang())
    journal = tmp_path / "run.jsonl"
    task = asyncio.create_task(carry_out(fivetran, plan, journal=journal))
    await until(lambda: fake.requests_for("groups.create"))
    with pytest.raises(as_code.FolderLockedError, match=r"run\.jsonl is in use"):
        await carry_out(fivetran, plan, journal=journal)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await carry_out(fivetran, plan, journal=journal)).succeeded
    assert len(fake.requests_for("groups.create")) == 2


async def test_journals_that_were_cut_off_in_their_first_line_begin_at_it(
    fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """A run that was killed before its first line sent nothing; other files are left alone."""
    live = await as_code.export(fivetran)
    plan = as_code.plan(live.change(lambda each: each.address == CRM, sync_frequency=60), live=live)
    journal = tmp_path / "run.jsonl"
    journal.write_text('{"account_id": "acme", "acc')
    assert (await carry_out(fivetran, plan, journal=journal)).succeeded
    assert json.loads(journal.read_text().splitlines()[0])["digest"] == plan.digest
    other = tmp_path / "notes.txt"
    other.write_text("keep me")
    with pytest.raises(as_code.PlanFileError, match="is not a journal"):
        await carry_out(fivetran, plan, journal=other)
    assert other.read_text() == "keep me"


async def test_groups_with_the_work_of_others_are_not_deleted(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """An undo or a prune deletes no group in which others have put something since."""
    write(folder, "groups/new", name="new")
    run = await carry_out(fivetran, await plan_of(fivetran, folder))
    new = as_code.load(folder).ids["groups/new"]
    theirs = fake.add_connection(group_id=new, service="postgres", schema="theirs")
    undone = await carry_out(fivetran, run.undo())
    assert "'theirs'" in str(undone.errors["groups/new"])
    assert fake.record("connections", theirs)["group_id"] == new
    (folder / "groups/new.json").unlink()
    plan = await plan_of(fivetran, folder, prune=True)
    assert "connections/new/theirs is still in it" in plan.refused["groups/new"]
    await fivetran.connections.delete(theirs, confirm=True)
    plan = await plan_of(fivetran, folder, prune=True)
    fake.add_destination(group_id=new, service="snowflake")
    run = await carry_out(fivetran, plan, deletions=["groups/new"])
    assert "a destination" in str(run.errors["groups/new"])
    assert new in {record["id"] for record in fake._account.collection("destinations")}


async def test_adopted_values_spare_edits_of_the_meantime(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """`adopt` replaces only what the file still wants: people edit files while a run goes on."""
    fake.normalize("connections", kept("data_delay_sensitivity", "HIGH"))
    (await as_code.export(fivetran)).save(folder)
    write(folder, CRM, data_delay_sensitivity="LOW", sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    write(folder, CRM, sync_frequency=15)
    run = await carry_out(fivetran, plan, adopt=True)
    assert run.succeeded
    crm = as_code.load(folder)[CRM]
    assert (crm.sync_frequency, crm.data_delay_sensitivity) == (15, "HIGH")
    write(folder, CRM, data_delay_sensitivity="NORMAL", sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    write(folder, CRM, data_delay_sensitivity="LOW")
    assert (await carry_out(fivetran, plan, adopt=True)).succeeded
    assert as_code.load(folder)[CRM].data_delay_sensitivity == "LOW"


@pytest.mark.parametrize("is_killed", [False, True])
async def test_gentle_changes_that_pause_do_not_resume(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    folder: Path,
    is_killed: bool,  # noqa: FBT001 - a case
) -> None:
    """A connection that a file pauses stays paused, also if the run is killed and continued."""
    write(folder, CRM, sync_frequency=60, paused=True)
    plan = await plan_of(fivetran, folder)
    fake.start_sync("crm_id")
    fake.requests.clear()
    if is_killed:
        fake.fail("connections.update", fault=Fault.hang(applied=True), nth=2)
        task = asyncio.create_task(carry_out(fivetran, plan, gently=True))
        await interrupted(fake, task, 2)
    run = await carry_out(fivetran, plan, gently=True)
    assert run.succeeded
    assert not run.kept_differently
    assert fake.record("connections", "crm_id")["paused"] is True
    assert (await carry_out(fivetran, run.undo())).succeeded
    assert fake.record("connections", "crm_id")["paused"] is False


async def test_memberships_change(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """Roles of memberships are changed and taken back; a new one waits for its team."""
    address = "memberships/users/ada@example.com/connections/blue/crm"
    write(folder, address, role="Connector Administrator")
    write(folder, "teams/New", name="New", role="Account Reviewer")
    write(folder, "memberships/teams/New/users/ada@example.com", role="Team Member")
    plan = await plan_of(fivetran, folder)
    run = await carry_out(fivetran, plan)
    assert run.succeeded, str(run)
    live = await as_code.export(fivetran)
    assert live[address].role == "Connector Administrator"
    assert live["memberships/teams/New/users/ada@example.com"].role == "Team Member"
    assert not (await plan_of(fivetran, folder)).changes
    assert (await carry_out(fivetran, run.undo())).succeeded
    assert (await as_code.export(fivetran))[address].role == "Connector Reviewer"


async def test_what_a_change_lists_newly_is_not_drift(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """Settings that the server lists since the run's own change are in the base."""
    columns = {"email": {"hashed": True}}
    write(
        folder,
        "schemas/blue/crm",
        schema_change_handling="BLOCK_ALL",
        schemas={"public": {"tables": {"orders": {"columns": columns}}}},
    )
    assert (await carry_out(fivetran, await plan_of(fivetran, folder))).succeeded
    plan = await plan_of(fivetran, folder)
    assert (plan.changes, plan.drift) == ((), ())


@pytest.mark.parametrize("is_applied", [True, False])
async def test_undo_restores_what_an_earlier_attempt_has_deleted(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path, *, is_applied: bool
) -> None:
    """A deletion that was retried may have been carried out, although its last attempt failed."""
    membership = "memberships/users/ada@example.com/connections/blue/crm"
    remove(folder, membership)
    plan = await plan_of(fivetran, folder, prune=True)
    if is_applied:
        fake.fail(verb="DELETE", fault=Fault.status(500, applied=True))
    fake.fail(verb="DELETE", fault=Fault.status(403))
    run = await carry_out(fivetran, plan, deletions={membership})
    assert isinstance(run.errors[membership], PermissionDeniedError)
    undo = run.undo()
    assert [change.action for change in undo.changes] == ["create"] * is_applied
    if is_applied:
        assert (await carry_out(fivetran, undo)).succeeded
    assert membership in await as_code.export(fivetran)
