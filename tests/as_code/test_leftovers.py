"""What unfinished runs leave behind, and the next plan of the same folder completes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from as_code.folders import plan_of, write, writes
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
from fivetran_async import AsyncFivetran, as_code
from fivetran_async.as_code import AppliedRun, Plan
from fivetran_async.testing import FakeFivetran, Fault
from support.waiting import until

SECRET = {"$secret": "env:CRM"}
PAUSED = ("paused",)


def resolver(value: str) -> as_code.SecretResolver:
    """Return a resolver of the secret with some value."""
    return as_code.references(environ={"CRM": value})


def resumed(plan: Plan) -> set[str]:
    """Return the connections that a plan resumes."""
    return {
        change.address
        for change in plan.changes
        if PAUSED in change.leaves and change.leaves[PAUSED].after is False
    }


def connection(fake: FakeFivetran, schema: str) -> Mapping[str, object]:
    """Return the record of a connection."""
    records = fake._account.collection("connections")
    return next(each for each in records if each["schema"] == schema)


async def fail_to_resume(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path, **fields: object
) -> AppliedRun:
    """Create a connection that the run cannot resume."""
    write(folder, NEW, service="postgres", config={"host": "db"}, **fields)
    refuse(fake, "connections.update")
    run = await carry_out(fivetran, await plan_of(fivetran, folder))
    assert set(run.errors) == {NEW}
    fake.heal()
    return run


async def test_the_next_plan_resumes_what_was_created(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A new connection runs after the next plan, although its file does not have `paused`."""
    first = await fail_to_resume(fake, fivetran, folder)
    assert connection(fake, "new")["paused"] is True
    plan = await plan_of(fivetran, folder)
    assert resumed(plan) == {NEW}
    assert f"the unfinished run {first.name} left it paused" in str(plan)
    assert (await carry_out(fivetran, plan)).succeeded
    assert connection(fake, "new")["paused"] is False
    await fivetran.connections.pause(str(connection(fake, "new")["id"]))
    assert not resumed(await plan_of(fivetran, folder))


async def test_files_decide_whether_a_connection_stays_paused(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """What an unfinished run has created stays paused if its file wants that."""
    await fail_to_resume(fake, fivetran, folder)
    write(folder, NEW, paused=True)
    assert not (await plan_of(fivetran, folder)).changes


async def test_the_next_plan_resumes_what_was_paused_for_a_change(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A connection that a killed run had paused is not drift: another plan resumes it."""
    plan = await plan_while_syncing(fake, fivetran, folder)
    await interrupt_gentle_run(fake, fivetran, plan, 3)
    write(folder, SHOP, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    assert (resumed(plan), plan.drift) == ({CRM}, ())
    assert (await carry_out(fivetran, plan)).succeeded
    assert fake.record("connections", "crm_id")["paused"] is False


async def test_undone_runs_leave_nothing(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """After the undo of an unfinished run, a connection of the same name is another one."""
    run = await fail_to_resume(fake, fivetran, folder)
    undone = await carry_out(fivetran, run.undo())
    assert undone.succeeded, str(undone)
    fake.add_connection(group_id="blue_id", service="postgres", schema="new", paused=True)
    assert not resumed(await plan_of(fivetran, folder))


async def test_failed_setup_tests_are_named_by_the_next_plan(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """Who reviews the resume of a new connection knows that its setup tests did not pass."""
    write(folder, NEW, service="postgres", config={"host": "db", "password": SECRET})
    fake.fail("connections.run_setup_tests", fault=Fault.status(400))
    run = await carry_out(fivetran, await plan_of(fivetran, folder), secrets=resolver("x"))
    assert set(run.errors) == {NEW}
    assert "its setup tests did not pass" in str(await plan_of(fivetran, folder))


async def rotated(fivetran: AsyncFivetran, folder: Path) -> Plan:
    """Send a secret, and return a plan that may send it once more."""
    write(folder, CRM, config={"password": SECRET})
    plan = await plan_of(fivetran, folder)
    assert (await carry_out(fivetran, plan, secrets=resolver("first"))).succeeded
    return await plan_of(fivetran, folder)


async def test_tests_of_a_changed_secret_survive_an_interruption(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A secret behind an unchanged reference is sent once, and its setup tests are judged."""
    plan = await rotated(fivetran, folder)
    fake.requests.clear()
    fake.fail("connections.run_setup_tests", fault=Fault.hang(), times=None)
    task = asyncio.create_task(carry_out(fivetran, plan, secrets=resolver("second")))
    await interrupted(fake, task, 2)
    fake.requests.clear()
    assert (await carry_out(fivetran, plan, secrets=resolver("second"))).done == (CRM,)
    assert [path for _, path, _ in writes(fake)] == ["/v1/connections/crm_id/test"]


async def test_secrets_that_change_between_two_parts_of_a_run_are_sent(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A continued run sends and tests a secret once more if it has another value by then."""
    write(folder, CRM, config={"password": SECRET})
    write(folder, SHOP, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    refuse(fake, "connections.update", "/v1/connections/shop_id")
    run = await carry_out(fivetran, plan, secrets=resolver("first"))
    assert set(run.errors) == {SHOP}
    fake.heal()
    fake.requests.clear()
    assert (await carry_out(fivetran, plan, secrets=resolver("second"))).succeeded
    assert fake.record("connections", "crm_id")["config"]["password"] == "second"
    assert len(fake.requests_for("connections.run_setup_tests")) == 1


async def test_secrets_that_vanish_after_the_plan_are_named(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """A run lists the secrets that it could not compare, so that none seems to be unchanged."""
    plan = await rotated(fivetran, folder)
    run = await carry_out(fivetran, plan, secrets=as_code.references(environ={}))
    assert "'CRM' is not set" in run.unread_secrets[CRM]
    assert "config.password" in str(run)
    assert not (await carry_out(fivetran, plan)).unread_secrets


async def test_secrets_of_what_a_killed_run_created_are_sent_once(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """The next run gives a base to an object that a killed one made: nothing is repeated."""
    write(folder, "groups/new", name="new")
    write(folder, "destinations/new", service="snowflake", config={"password": SECRET})
    plan = await plan_of(fivetran, folder)
    fake.fail("destinations.create", fault=Fault.hang(applied=True))
    task = asyncio.create_task(carry_out(fivetran, plan, secrets=resolver("x")))
    await interrupted(fake, task, 2 + len(writes(fake)))
    plan = await plan_of(fivetran, folder)
    assert [change.address for change in plan.changes] == ["destinations/new"]
    assert (await carry_out(fivetran, plan, secrets=resolver("x"))).succeeded
    assert not (await plan_of(fivetran, folder)).changes


async def test_undo_goes_on_after_a_destination_in_doubt(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A destination that was perhaps not created has the id of its group, so it is looked for."""
    write(folder, "groups/new", name="new")
    write(folder, "destinations/new", service="big_query")
    plan = await plan_of(fivetran, folder)
    fake.fail("destinations.create", fault=Fault.hang(applied=False))
    task = asyncio.create_task(carry_out(fivetran, plan))
    await interrupted(fake, task, 2 + len(writes(fake)))
    [journal] = (folder / ".fivetran/runs").iterdir()
    undone = await carry_out(fivetran, as_code.load_run(journal).undo())
    assert undone.succeeded, str(undone)
    assert "groups/new" not in await as_code.export(fivetran)


async def test_a_resume_waits_for_secrets_and_schemas(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A connection with a new secret is tested, gets its schemas, and then it is resumed."""
    fake.change("connections", "crm_id", paused=True)
    (await as_code.export(fivetran)).save(folder)
    write(folder, CRM, paused=False, config={"password": SECRET})
    write(folder, "schemas/blue/crm", schema_change_handling="BLOCK_ALL")
    plan = await plan_of(fivetran, folder)
    fake.requests.clear()
    run = await carry_out(fivetran, plan, secrets=resolver("x"))
    assert run.succeeded, str(run)
    assert [path.rpartition("crm_id")[2] for _, path, _ in writes(fake)] == [
        "",
        "/test",
        "/schemas",
        "",
    ]
    assert writes(fake)[-1][2]["paused"] is False
    assert len(fake.requests) <= plan.cost.requests


async def test_secrets_that_a_vault_lost_are_not_cleared(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A resolver that returns nothing between plan and apply changes no secret."""

    class Vault:
        def resolve(self, reference: str) -> object:
            del reference
            return None

    write(folder, CRM, config={"password": SECRET})
    plan = await plan_of(fivetran, folder)
    before = fake.record("connections", "crm_id")["config"]
    run = await carry_out(fivetran, plan, secrets=Vault())
    assert "the resolver returned nothing for 'env:CRM'" in str(run.errors[CRM])
    assert fake.record("connections", "crm_id")["config"] == before


async def test_cancelled_runs_without_a_journal_resume(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """No later run knows what a run in memory has paused, so it resumes that before it ends."""
    live = await as_code.export(fivetran)
    wanted = live.change(lambda each: each.address == CRM, sync_frequency=60)
    plan = as_code.plan(wanted, live=live)
    fake.start_sync("crm_id")
    fake.requests.clear()
    fake.fail("connections.update", fault=Fault.hang(), nth=2)
    task = asyncio.create_task(carry_out(fivetran, plan, gently=True))
    await until(lambda: len(writes(fake)) >= 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert fake.record("connections", "crm_id")["paused"] is False


async def test_the_base_follows_a_move_that_was_interrupted(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A run that finds its move carried out notes it: going back is drift then."""
    write(folder, CRM, group_id="groups/green")
    plan = await plan_of(fivetran, folder, moves="CONTINUE")
    fake.requests.clear()
    fake.fail("connections.move", fault=Fault.hang(applied=True))
    task = asyncio.create_task(carry_out(fivetran, plan))
    await interrupted(fake, task, 2)
    assert (await carry_out(fivetran, plan)).succeeded
    assert as_code.load_base(folder)[CRM].raw_fields["group_id"] == "groups/green"


async def test_the_base_follows_what_was_there_already(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A value that the server had before the run sent the others is drift if it changes later."""
    write(folder, CRM, sync_frequency=60, config={"host": "db9"})
    plan = await plan_of(fivetran, folder)
    fake.change("connections", "crm_id", sync_frequency=60)
    assert (await carry_out(fivetran, plan)).succeeded
    fake.change("connections", "crm_id", sync_frequency=15)
    plan = await plan_of(fivetran, folder)
    assert [each.address for each in plan.drift] == [CRM]
    assert not plan.conflicts


async def test_memberships_in_doubt_have_no_id(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """The id of the member is not that of the membership, also after an interruption."""
    address = "memberships/users/ada@example.com/groups/green"
    write(folder, address, role="Destination Reviewer")
    plan = await plan_of(fivetran, folder)
    fake.requests.clear()
    fake.fail("users.groups.add", fault=Fault.hang(applied=True))
    task = asyncio.create_task(carry_out(fivetran, plan))
    await interrupted(fake, task, 1)
    assert (await carry_out(fivetran, plan)).succeeded
    assert address not in as_code.load(folder).ids
