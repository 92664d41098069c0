"""What meets in a folder: exports, runs, renamed objects, edits, links and damaged files."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from as_code.accounts import START, small_account
from as_code.folders import plan_of, write, writes
from as_code.snapshots import CRM as FIELDS
from as_code.snapshots import snapshot_of
from fivetran_async import AsyncFivetran, FivetranError, as_code
from fivetran_async.as_code import AppliedRun, Plan
from fivetran_async.testing import FakeFivetran, Fault
from support.waiting import until

CRM = "connections/blue/crm"
REFERENCE = {"$secret": "env:CRM"}


async def carry_out(fivetran: AsyncFivetran, plan: Plan) -> AppliedRun:
    """Apply a plan that was reviewed, and expect no failures."""
    secrets = as_code.references(environ={"CRM": "x", "SHOP": "y"})
    run = await as_code.apply(fivetran, plan, confirm=plan.digest, secrets=secrets)
    assert run.succeeded, str(run)
    return run


def content(folder: Path, address: str) -> dict[str, Any]:
    """Return the content of a file."""
    return dict(json.loads((folder / f"{address}.json").read_text()))


async def exported(fivetran: AsyncFivetran, folder: Path, **options: Any) -> None:  # noqa: ANN401
    """Export the account to a folder."""
    (await as_code.export(fivetran, **options)).save(folder)


async def test_references_follow_their_object(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A later export keeps the references of objects that were moved, or are in renamed groups."""
    write(folder, CRM, config={"password": REFERENCE})
    await carry_out(fivetran, await plan_of(fivetran, folder))
    fake.change("groups", "blue_id", name="navy")
    await exported(fivetran, folder)
    assert content(folder, "connections/navy/crm")["config"]["password"] == REFERENCE
    assert not (folder / f"{CRM}.json").exists()
    await fivetran.connections.pause("crm_id")
    await fivetran.connections.move(
        "crm_id", destination_group_id="green_id", sync_behavior="CONTINUE", confirm=True
    )
    await exported(fivetran, folder)
    assert content(folder, "connections/green/crm")["config"]["password"] == REFERENCE
    secrets = as_code.references(environ={"CRM": "another"})
    plan = await plan_of(fivetran, folder, secrets=secrets)
    assert [change.address for change in plan.changes] == ["connections/green/crm"]


async def test_references_stay_with_their_object_if_names_are_swapped(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """If two groups exchange their names, no connection gets the secret of the other one."""
    fake.add_connection(
        group_id="green_id", service="postgres", schema="crm", id="other_id", config={"host": "h"}
    )
    await fivetran.connections.update("other_id", config={"password": "z"})
    await exported(fivetran, folder)
    write(folder, CRM, config={"password": REFERENCE})
    await carry_out(fivetran, await plan_of(fivetran, folder))
    fake.change("groups", "blue_id", name="x")
    fake.change("groups", "green_id", name="blue")
    fake.change("groups", "blue_id", name="green")
    await exported(fivetran, folder)
    assert content(folder, "connections/green/crm")["config"]["password"] == REFERENCE
    assert content(folder, CRM)["config"]["password"] == {"$secret": "keep"}


def test_references_in_lists_stay_with_their_item(tmp_path: Path) -> None:
    """The server may return a list in another order: a secret must not reach another item."""

    def account(*items: Mapping[str, object]) -> as_code.Snapshot:
        fields = {**FIELDS, "config": {"secrets_list": list(items)}}
        return snapshot_of({"groups/blue": {"name": "blue"}, CRM: fields}, is_live=True)

    kept = {"$secret": "keep"}
    account({"key": "a", "value": kept}, {"key": "b", "value": kept}).save(tmp_path)
    edited = [{"key": n, "value": {"$secret": f"env:{n.upper()}"}} for n in "ab"]
    write(tmp_path, CRM, config={"secrets_list": edited})
    added = {"key": "c", "value": kept}
    account({"key": "b", "value": kept}, added, {"key": "a", "value": kept}).save(
        tmp_path, force=True
    )
    items = content(tmp_path, CRM)["config"]["secrets_list"]
    found = {each["key"]: each["value"] for each in items}
    assert found == {"a": {"$secret": "env:A"}, "b": {"$secret": "env:B"}, "c": kept}


async def test_fields_that_are_never_returned_survive_an_export(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """What the API takes and never returns stays in file and base, and does not differ."""
    write(folder, CRM, trust_certificates=True, sync_frequency=60)
    await carry_out(fivetran, await plan_of(fivetran, folder))
    await exported(fivetran, folder)
    assert content(folder, CRM)["trust_certificates"] is True
    assert not (await plan_of(fivetran, folder)).changes
    write(folder, CRM, trust_certificates=False)
    assert "only together" in (await plan_of(fivetran, folder)).refused[CRM]
    write(folder, CRM, sync_frequency=15)
    assert len((await plan_of(fivetran, folder)).changes) == 1


async def test_a_forced_export_keeps_references_that_were_not_sent(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """A reference that was never applied remains a change after `force`."""
    write(folder, CRM, config={"password": REFERENCE})
    (await as_code.export(fivetran)).save(folder, force=True)
    [change] = (await plan_of(fivetran, folder)).changes
    assert set(change.leaves) == {("config", "password")}


async def test_exports_do_not_write_while_a_run_does(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """During a run the folder is locked; an export that began before it is refused after it."""
    write(folder, CRM, sync_frequency=60)
    plan, before = await plan_of(fivetran, folder), await as_code.export(fivetran)
    fake.fail("connections.update", fault=Fault.hang())
    task = asyncio.create_task(carry_out(fivetran, plan))
    await until(lambda: fake.requests_for("connections.update"))
    with pytest.raises(as_code.FolderLockedError, match="process"):
        before.save(folder)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await carry_out(fivetran, plan)
    with pytest.raises(as_code.FilesError, match="after this export began"):
        before.save(folder)
    assert content(folder, CRM)["sync_frequency"] == 60
    await exported(fivetran, folder)
    assert content(folder, CRM)["sync_frequency"] == 60
    before.save(folder, force=True)
    assert content(folder, CRM)["sync_frequency"] == 360
    assert not (folder / ".fivetran/lock").exists()


async def test_ids_of_lists_that_were_refused_stay(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """If a list cannot be read, its files and ids stay, so that renamed objects are recognized."""
    fake.fail("teams.list", fault=Fault.status(403), times=None)
    await exported(fivetran, folder)
    assert as_code.load(folder).ids["teams/Data %2F Platform"] == "team_id"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
async def test_links_to_folders_and_files_are_followed(
    fivetran: AsyncFivetran, folder: Path, tmp_path: Path
) -> None:
    """Files behind links are files of the folder, and stay behind them; loops do not matter."""
    before = as_code.load(folder)
    (folder / "connections").rename(tmp_path / "elsewhere")
    (folder / "connections").symlink_to(tmp_path / "elsewhere")
    (folder / "connections" / "loop").symlink_to(folder)
    team = folder / "teams/Data %2F Platform.json"
    team.rename(tmp_path / "team.json")
    team.symlink_to(tmp_path / "team.json")
    assert as_code.load(folder) == before
    (await fivetran.teams.update("team_id", description="new"))
    await exported(fivetran, folder)
    assert team.is_symlink()
    assert json.loads((tmp_path / "team.json").read_text())["description"] == "new"


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
async def test_files_have_the_mode_of_other_new_files(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """Files can be read by whom the process's mask allows; a mode that was set is kept."""
    mask = os.umask(0)
    os.umask(mask)
    path = folder / f"{CRM}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    path.chmod(0o640)
    await fivetran.connections.set_sync_frequency("crm_id", 60)
    await exported(fivetran, folder)
    assert content(folder, CRM)["sync_frequency"] == 60
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("scope.json", "{}", "scope.json: exports"),
        ("scope.json", '{"exports": [{"kinds": ["nonsense"]}]}', "scope.json: exports"),
        ("secrets.lock", '{"connections/blue/crm": "x"}', "secrets.lock: connections/blue/crm"),
        ("ids.json", '{"groups/blue": 5}', "ids.json: groups/blue"),
        ("base/groups/blue.json", "{", "is not JSON"),
    ],
)
async def test_damaged_state_is_named(folder: Path, name: str, text: str, message: str) -> None:
    """A file of `.fivetran` that cannot be used is an error that names it."""
    (folder / ".fivetran" / name).write_text(text)
    with pytest.raises(as_code.FilesError) as caught:
        as_code.load(folder)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("address", "text", "message"),
    [
        (CRM, '{"service": "postgres", "sync_frequency": 1e999}', "too large"),
        (CRM, '{"service": "postgres", "group_id": 5}', "group_id: must be an address"),
        (CRM, '{"service": "postgres", "group_id": ["groups/blue"]}', "group_id"),
        ("transformations/t", '{"schedule": {"connection_ids": [5]}}', "schedule.connection_ids"),
        ("memberships/planets/x/users/ada@example.com", '{"role": "r"}', "memberships"),
        ("memberships/teams/x/planets/y", '{"role": "r"}', "memberships"),
        ("certificates/groups/x/y", '{"encoded_cert": "x"}', "certificates"),
        (CRM, '{"service": "postgres", "$secret": "keep"}', "$secret: belongs"),
    ],
)
def test_files_that_cannot_be_meant_are_errors(
    folder: Path, address: str, text: str, message: str
) -> None:
    """Numbers without a JSON form, wrong references and impossible addresses are named."""
    path = folder / f"{address}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    with pytest.raises(as_code.FilesError) as caught:
        as_code.load(folder)
    assert message in str(caught.value)
    assert address.rpartition("/")[2] in str(caught.value)


async def test_a_group_of_null_is_that_of_the_address(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A new object with a group of null is created in the group that its address names."""
    write(folder, "connections/blue/new", service="postgres", group_id=None)
    await carry_out(fivetran, await plan_of(fivetran, folder))
    [body] = [body for verb, _, body in writes(fake) if verb == "POST"]
    assert body["group_id"] == "blue_id"


@pytest.mark.parametrize("scheme", ["file:empty", "cmd:true", "cmd: "])
def test_references_to_nothing_are_errors(tmp_path: Path, scheme: str) -> None:
    """An empty file or output is not a secret: sent, it would clear the one of the server."""
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(as_code.SecretUnavailableError):
        as_code.references(commands=True, root=tmp_path).resolve(scheme)


@pytest.mark.parametrize("text", ["import sys; sys.exit(0)", "raise SystemExit"])
def test_rules_cannot_end_the_check(tmp_path: Path, text: str) -> None:
    """A file of rules that ends the process is an error, not a check without findings."""
    (tmp_path / "rules.py").write_text(text)
    with pytest.raises(FivetranError, match="SystemExit"):
        as_code.load_rules(tmp_path / "rules.py")


async def test_unknown_keys_of_schema_configs_are_sent(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A key that the vendor may have added is sent along, and ends no run with a wrong type."""
    write(folder, "schemas/blue/crm", vendors_novelty=5, schema_change_handling="BLOCK_ALL")
    plan = await plan_of(fivetran, folder)
    assert {hazard.topic for hazard in plan.hazards} >= {"unknown_key"}
    await as_code.apply(fivetran, plan, confirm=plan.digest)
    [body] = [body for verb, _, body in writes(fake) if verb == "PATCH"]
    assert body == {"vendors_novelty": 5, "schema_change_handling": "BLOCK_ALL"}


async def test_what_the_vendor_added_is_sent_once(folder: Path) -> None:
    """A key that this release does not know is not read back, so it compares with what was sent."""
    async with FakeFivetran(running=False, start=START, unknown_fields="accept") as fake:
        small_account(fake)
        async with fake.client() as fivetran:
            write(folder, "connections/blue/crm", vendors_novelty={"a": 1})
            plan = await plan_of(fivetran, folder)
            run = await as_code.apply(fivetran, plan, confirm=plan.digest)
            assert (run.succeeded, dict(run.kept_differently)) == (True, {})
            assert not (await plan_of(fivetran, folder)).changes
            (await as_code.export(fivetran)).save(folder)
            assert "vendors_novelty" in as_code.load(folder)["connections/blue/crm"].raw_fields
            write(folder, "connections/blue/crm", vendors_novelty={"a": 2})
            [change] = (await plan_of(fivetran, folder)).changes
            assert [leaf.after for leaf in change.leaves.values()] == [2]
