"""`rehearse` and twins: a plan is applied to a copy, and compared."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest

from as_code.folders import plan_of, write
from fivetran_async import AsyncFivetran, as_code
from fivetran_async.testing import FakeFivetran, Fault
from fivetran_async.testing.normalization import (
    capitals,
    defaults,
    kept,
    masked,
    numbers_as_text,
)

CRM = "connections/blue/crm"
SCHEMAS = "schemas/blue/crm"


async def test_twins_equal_their_account(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """An export of the twin differs in nothing from the export that it was made of."""
    fake.add("private_links", id="link_id", name="to_db", service="SOURCE_AWS", config={})
    fake.change("connections", "crm_id", private_link_id="link_id")
    fake.add("log_services.account", service="cloudwatch", config={"region": "x"})
    live = await as_code.export(fivetran)
    async with FakeFivetran.from_snapshot(live) as twin, twin.client() as copy:
        assert twin.requests == []
        again = await as_code.export(copy)
    assert set(again) == set(live)
    plan = as_code.plan(live, live=again)
    assert (plan.changes, plan.refused, plan.drift) == ((), {}, ())
    back = as_code.plan(again, live=live)
    assert (back.changes, back.refused) == ((), {})


async def test_twins_of_the_demo_account_equal_it() -> None:
    """The same holds for 216 connections in every state."""
    async with FakeFivetran.demo(running=False) as fake, fake.client(read_only=True) as fivetran:
        live = await as_code.export(fivetran)
    async with FakeFivetran.from_snapshot(live, running=False) as twin, twin.client() as copy:
        again = await as_code.export(copy)
    assert set(again) == set(live)
    assert not as_code.plan(live, live=again).changes
    states = [each.raw_observed["status"] for each in live.values() if each.kind == "connections"]
    copied = [each.raw_observed["status"] for each in again.values() if each.kind == "connections"]
    assert states == copied


async def test_rehearsals_send_nothing_to_the_account(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """The rehearsal and the real run give the same result, and only the latter sends requests."""
    write(folder, CRM, sync_frequency=60, config={"password": {"$secret": "env:CRM"}})
    columns = {"email": {"hashed": True}}
    write(folder, SCHEMAS, schemas={"public": {"tables": {"orders": {"columns": columns}}}})
    write(folder, "groups/new", name="new")
    write(folder, "connections/new/ads", service="google_ads", group_id="groups/new")
    plan = await plan_of(fivetran, folder)
    fake.requests.clear()
    rehearsal = await as_code.rehearse(plan)
    assert fake.requests == []
    assert rehearsal.succeeded, str(rehearsal)
    assert set(rehearsal.run.done) == {change.address for change in plan.changes}
    resolver = as_code.references(environ={"CRM": "x"})
    run = await as_code.apply(fivetran, plan, confirm=plan.digest, secrets=resolver)
    assert set(run.done) == set(rehearsal.run.done)
    assert run.kept_differently == rehearsal.run.kept_differently == {}


async def test_twins_take_columns_that_no_export_lists(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """A copy does not know the source, so every column can be hashed there."""
    columns = {"unheard_of": {"hashed": True}}
    write(folder, SCHEMAS, schemas={"public": {"tables": {"orders": {"columns": columns}}}})
    rehearsal = await as_code.rehearse(await plan_of(fivetran, folder))
    assert rehearsal.succeeded, str(rehearsal)


async def test_values_that_are_not_kept_are_listed(fivetran: AsyncFivetran, folder: Path) -> None:
    """The field that a governing field makes meaningless is named, although it is not sent."""
    write(folder, CRM, daily_sync_time="14:00", sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    rehearsal = await as_code.rehearse(plan)
    assert rehearsal.not_converging == {CRM: {("daily_sync_time",): ("14:00", as_code.UNSET)}}
    assert "daily_sync_time" in str(rehearsal)
    assert not rehearsal.succeeded


async def test_failures_of_a_rehearsal_are_listed(fivetran: AsyncFivetran, folder: Path) -> None:
    """A step that the copy rejects is an error, with what depends on it."""
    write(folder, "groups/new", name="new")
    write(folder, "connections/new/ads", service="google_ads", group_id="groups/new")
    write(folder, CRM, sync_frequency=7)
    plan = await plan_of(fivetran, folder)

    def prepare(twin: FakeFivetran) -> None:
        twin.fail("groups.create", fault=Fault.status(409))

    rehearsal = await as_code.rehearse(plan, prepare=prepare)
    assert set(rehearsal.errors) == {"groups/new", CRM}
    assert set(rehearsal.skipped) == {"connections/new/ads"}
    assert "7" in str(rehearsal.errors[CRM])


SCRIPTS = (
    capitals("networking_method"),
    numbers_as_text("config.port", "sync_frequency"),
    defaults({"config.ssl": True, "config.fetch_size": 100}),
    masked("config.user"),
)


async def test_normalized_values_converge(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """What the server writes differently is neither a change nor a failure."""
    fake.normalize("connections", *SCRIPTS)
    live = await as_code.export(fivetran)
    live.save(folder, force=True)
    assert live[CRM].raw_fields["networking_method"] == "DIRECTLY"
    assert live[CRM].config["port"] == "5432"  # type: ignore[index]
    assert live[CRM].config["user"] == {"$secret": "keep"}  # type: ignore[index]
    write(folder, CRM, networking_method="SshTunnel", config={"port": 5433, "ssl": True})
    plan = await plan_of(fivetran, folder)
    assert set(plan.changes[0].leaves) == {("networking_method",), ("config", "port")}
    rehearsal = await as_code.rehearse(
        plan, prepare=lambda twin: twin.normalize("connections", *SCRIPTS)
    )
    assert rehearsal.succeeded, str(rehearsal)
    run = await as_code.apply(fivetran, plan, confirm=plan.digest)
    assert run.succeeded
    assert run.kept_differently == {}
    again = await plan_of(fivetran, folder)
    assert (again.changes, again.drift) == ((), ())


async def test_values_that_are_kept_differently_are_reported_and_adopted(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """What the server kept is reported; `adopt` writes it into the file."""
    fake.normalize("connections", kept("data_delay_sensitivity", "HIGH"))
    (await as_code.export(fivetran)).save(folder, force=True)
    write(folder, CRM, data_delay_sensitivity="LOW", sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    run = await as_code.apply(fivetran, plan, confirm=plan.digest, adopt=True)
    assert run.kept_differently == {CRM: {("data_delay_sensitivity",): ("LOW", "HIGH")}}
    assert "data_delay_sensitivity" in str(run)
    assert as_code.load(folder)[CRM].data_delay_sensitivity == "HIGH"
    assert as_code.load(folder)[CRM].sync_frequency == 60
    assert not (await plan_of(fivetran, folder)).changes


async def test_saved_plans_are_rehearsed_with_their_folder(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path, tmp_path: Path
) -> None:
    """A plan from a file has the base of its folder, with the drift that the plan knows."""
    write(folder, CRM, sync_frequency=60, config={"host": "db2"})
    fake.change("connections", "crm_id", paused=True)
    fake.add_group(name="appeared")
    plan = await plan_of(fivetran, folder)
    plan.save(tmp_path / "plan.json")
    rehearsal = await as_code.rehearse(as_code.load_plan(tmp_path / "plan.json"))
    assert rehearsal.succeeded, str(rehearsal)
    assert rehearsal.run.done == (CRM,)
    shutil.rmtree(folder / ".fivetran")
    with pytest.raises(as_code.FilesError, match="has no base"):
        await as_code.rehearse(as_code.load_plan(tmp_path / "plan.json"))
    with pytest.raises(as_code.FilesError, match="names no folder"):
        await as_code.rehearse(attrs.evolve(plan, live=None, folder=None))


async def test_rehearsals_contact_no_receiver(fivetran: AsyncFivetran, folder: Path) -> None:
    """A webhook on this machine gets no test event from a copy."""
    url = "http://127.0.0.1:9/hook"
    fields: dict[str, Any] = {"url": url, "events": ["sync_end"], "active": True}
    write(folder, "webhooks/account/http%3A%2F%2F127.0.0.1%3A9%2Fhook", **fields)
    plan = await plan_of(fivetran, folder)
    rehearsal = await as_code.rehearse(plan)
    assert rehearsal.succeeded, str(rehearsal)
