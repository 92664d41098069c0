"""`apply`: what is sent, in which order, and what is refused."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from as_code.accounts import PLANTED
from as_code.folders import plan_of, remove, texts_in, write, writes
from as_code.runs import CRM, carry_out, plan_while_syncing
from fivetran_async import (
    AsyncFivetran,
    ConfirmationRequiredError,
    FivetranError,
    InvalidRequestError,
    ReadOnlyError,
    as_code,
)
from fivetran_async.as_code import AppliedRun
from fivetran_async.testing import FakeFivetran, Fault
from support.waiting import until

SCHEMAS = "schemas/blue/crm"
SECRET = {"$secret": "env:CRM"}
RESOLVER = as_code.references(environ={"CRM": PLANTED + "-new"})


def journal_of(run: AppliedRun) -> list[dict[str, Any]]:
    """Return the lines of a run's journal."""
    return [json.loads(line) for line in Path(run.journal).read_text().splitlines()]


async def test_changed_leaves_are_sent_with_one_patch(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """Each object gets one PATCH with its changed leaves, and no test runs by itself."""
    write(folder, CRM, sync_frequency=60, config={"host": "db2"})
    write(folder, "transformation_projects/blue/marts", project_config={"threads": 8})
    hashed = {"public": {"tables": {"orders": {"columns": {"email": {"hashed": True}}}}}}
    write(folder, SCHEMAS, schemas=hashed)
    plan = await plan_of(fivetran, folder)
    fake.requests.clear()
    run = await carry_out(fivetran, plan)
    assert run.succeeded
    assert set(run.done) == {CRM, SCHEMAS, "transformation_projects/blue/marts"}
    sent = sorted(writes(fake), key=lambda each: each[1])
    assert sent == [
        (
            "PATCH",
            "/v1/connections/crm_id",
            {"config": {"host": "db2"}, "sync_frequency": 60, "run_setup_tests": False},
        ),
        ("PATCH", "/v1/connections/crm_id/schemas", {"schemas": hashed}),
        (
            "PATCH",
            "/v1/transformation-projects/project_id",
            {"project_config": {"threads": 8}, "run_tests": False},
        ),
    ]
    assert fake.requests[0].path == "/v1/account/info"
    assert len(fake.requests) <= plan.cost.requests
    assert fake.requests_for("connections.get") != []


async def test_a_plan_after_a_run_is_empty(fivetran: AsyncFivetran, folder: Path) -> None:
    """The base moves forward with what was verified, and so do the ids of what was created."""
    write(folder, CRM, sync_frequency=60)
    write(folder, "groups/new", name="new")
    await carry_out(fivetran, await plan_of(fivetran, folder))
    plan = await plan_of(fivetran, folder)
    assert (plan.changes, plan.drift, plan.conflicts) == ((), (), ())
    assert "groups/new" in as_code.load(folder).ids


async def test_an_empty_plan_sends_nothing(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A plan without changes costs no request, as its cost states, and its run succeeds."""
    plan = await plan_of(fivetran, folder)
    fake.requests.clear()
    run = await as_code.apply(fivetran, plan, confirm=plan.digest)
    assert (run.succeeded, plan.cost.requests, fake.requests) == (True, 0, [])


async def test_new_objects_are_created_in_order(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """Groups come before destinations and connections, schemas before the connection runs."""
    write(folder, "groups/new", name="new")
    write(folder, "destinations/new", service="big_query", config={"project_id": "p"})
    write(folder, "connections/new/ads", service="google_ads", group_id="groups/new", paused=False)
    tables = {"public": {"enabled": True, "tables": {"orders": {"enabled": False}}}}
    write(folder, "schemas/new/ads", schema_change_handling="BLOCK_ALL", schemas=tables)
    write(
        folder,
        "memberships/users/bob@example.com/groups/new",
        user_id="users/bob@example.com",
        group_id="groups/new",
        role="Destination Reviewer",
    )
    write(folder, "users/bob@example.com", given_name="Bob", family_name="B")
    plan = await plan_of(fivetran, folder)
    fake.requests.clear()
    run = await carry_out(fivetran, plan)
    assert run.succeeded, str(run)
    sent = writes(fake)
    operations = [(verb, path.split("/")[2], path.rpartition("/")[2]) for verb, path, _ in sent]
    order = [
        operations.index(("POST", "groups", "groups")),
        operations.index(("POST", "destinations", "destinations")),
        operations.index(("POST", "connections", "connections")),
        operations.index(("POST", "connections", "schemas")),
        next(n for n, each in enumerate(operations) if each[:2] == ("PATCH", "connections")),
    ]
    assert order == sorted(order)
    created = next(body for _, path, body in sent if path == "/v1/connections")
    assert created["paused"] is True
    assert created["run_setup_tests"] is False
    assert sent[order[-1]][2] == {"paused": False, "run_setup_tests": False}
    live = await as_code.export(fivetran)
    assert live["connections/new/ads"].paused is False
    assert live["schemas/new/ads"].schema_change_handling == "BLOCK_ALL"
    assert "memberships/users/bob@example.com/groups/new" in live


async def test_stale_changes_are_refused_alone(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """An object that was changed behind the plan's back is refused; the others go on."""
    write(folder, CRM, sync_frequency=60)
    write(folder, "connections/blue/shop", sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    fake.change("connections", "crm_id", sync_frequency=15)
    fake.requests.clear()
    run = await carry_out(fivetran, plan)
    error = run.errors[CRM]
    assert isinstance(error, as_code.PlanStaleError)
    assert error.leaves == {("sync_frequency",): (360, 15)}
    assert "sync_frequency" in str(error)
    assert run.done == ("connections/blue/shop",)
    assert fake.record("connections", "crm_id")["sync_frequency"] == 15
    assert [path for _, path, _ in writes(fake)] == ["/v1/connections/shop_id"]


async def test_edits_of_other_leaves_are_kept(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A leaf with the wanted value is not sent, and an edit of another leaf survives as drift."""
    write(folder, CRM, sync_frequency=60, pause_after_trial=True)
    plan = await plan_of(fivetran, folder)
    fake.change("connections", "crm_id", sync_frequency=60, paused=True)
    fake.requests.clear()
    run = await carry_out(fivetran, plan)
    assert run.succeeded
    assert writes(fake) == [
        (
            "PATCH",
            "/v1/connections/crm_id",
            {"pause_after_trial": True, "run_setup_tests": False},
        )
    ]
    after = await plan_of(fivetran, folder)
    assert not after.changes
    assert after.drift[0].leaves == {("paused",): (False, True)}


async def test_unconfirmed_plans_send_nothing(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """The digest of another plan is refused, and so are deletions without their addresses."""
    write(folder, CRM, sync_frequency=60)
    remove(folder, "webhooks/blue/https%3A%2F%2Fhooks.example.com%2Fa%2Fb")
    plan = await plan_of(fivetran, folder, prune=True)
    fake.requests.clear()
    with pytest.raises(ConfirmationRequiredError, match=r"plan\.digest"):
        await as_code.apply(fivetran, plan, confirm="x")
    with pytest.raises(ConfirmationRequiredError, match="hooks"):
        await carry_out(fivetran, plan)
    assert not fake.requests
    hook = "webhooks/blue/https:%2F%2Fhooks.example.com%2Fa%2Fb"
    run = await carry_out(fivetran, plan, deletions={hook})
    assert run.succeeded
    assert hook in run.done
    assert not (await as_code.export(fivetran, kinds="webhooks"))


async def test_plans_of_other_accounts_change_nothing(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """The account is checked before the first write."""
    write(folder, CRM, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    fake._account.account_id = "another_account"
    fake.requests.clear()
    with pytest.raises(as_code.WrongAccountError, match="another_account"):
        await carry_out(fivetran, plan)
    assert [request.path for request in fake.requests] == ["/v1/account/info"]


async def test_read_only_sessions_change_nothing(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A session that only reads reports every step as failed."""
    write(folder, CRM, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    async with fake.client(read_only=True) as reader:
        run = await carry_out(reader, plan)
    assert isinstance(run.errors[CRM], ReadOnlyError)


async def test_secrets_are_sent_and_tested(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A secret is sent once, then tested; no text and no file holds it."""
    caplog.set_level(logging.DEBUG)
    write(folder, CRM, config={"password": SECRET})
    plan = await plan_of(fivetran, folder)
    fake.requests.clear()
    run = await carry_out(fivetran, plan, secrets=RESOLVER)
    assert run.succeeded
    assert [(verb, path) for verb, path, _ in writes(fake)] == [
        ("PATCH", "/v1/connections/crm_id"),
        ("POST", "/v1/connections/crm_id/test"),
    ]
    assert fake.record("connections", "crm_id")["config"]["password"] == PLANTED + "-new"
    plan.save(folder / "plan.txt")
    texts = [*texts_in(folder), repr(run), str(run), repr(plan), str(plan), caplog.text]
    assert not [text for text in texts if PLANTED in text]
    fake.requests.clear()
    again = await plan_of(fivetran, folder)
    assert not again.changes
    run = await carry_out(fivetran, again, secrets=RESOLVER)
    assert writes(fake) == []


async def test_changed_secrets_behind_unchanged_references_are_sent(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """Another value of the environment is found by its fingerprint; without a lock nothing is."""
    write(folder, CRM, config={"password": SECRET})
    await carry_out(fivetran, await plan_of(fivetran, folder), secrets=RESOLVER)
    plan = await plan_of(fivetran, folder)
    other = as_code.references(environ={"CRM": "rotated"})
    run = await carry_out(fivetran, plan, secrets=other)
    assert run.done == (CRM,)
    assert fake.record("connections", "crm_id")["config"]["password"] == "rotated"
    (folder / ".fivetran" / "secrets.lock").unlink()
    third = as_code.references(environ={"CRM": "third"})
    run = await carry_out(fivetran, await plan_of(fivetran, folder), secrets=third)
    assert run.done == ()
    assert fake.record("connections", "crm_id")["config"]["password"] == "rotated"


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        (None, "pass secrets="),
        (as_code.references(environ={}), "'CRM' is not set"),
    ],
)
async def test_secrets_without_a_value_block_their_object(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    folder: Path,
    secrets: as_code.SecretResolver | None,
    message: str,
) -> None:
    """The error names object and key before any request for it; other objects go on."""
    write(folder, CRM, config={"password": SECRET})
    write(folder, "connections/blue/shop", sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    fake.requests.clear()
    run = await carry_out(fivetran, plan, secrets=secrets)
    error = run.errors[CRM]
    assert isinstance(error, as_code.SecretUnavailableError)
    assert message in str(error)
    assert f"{CRM}: config.password" in str(error)
    assert run.done == ("connections/blue/shop",)
    assert not any("crm_id" in request.path for request in fake.requests)


async def test_vaults_that_fail_reveal_nothing(fivetran: AsyncFivetran, folder: Path) -> None:
    """An exception of a resolver is reported without its text."""

    class Vault:
        def resolve(self, reference: str) -> str:
            raise RuntimeError(f"{reference} is {PLANTED}")

    write(folder, CRM, config={"password": SECRET})
    run = await carry_out(fivetran, await plan_of(fivetran, folder), secrets=Vault())
    assert "RuntimeError" in str(run.errors[CRM])
    assert PLANTED not in str(run)
    assert run.errors[CRM].__context__ is None


async def test_failed_setup_tests_are_errors(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A new connection with a secret that does not work stays paused."""
    write(
        folder,
        "connections/blue/new",
        service="postgres",
        group_id="groups/blue",
        config={"schema_prefix": "new", "password": SECRET},
    )
    plan = await plan_of(fivetran, folder)
    fake.fail(
        "connections.run_setup_tests",
        fault=Fault.status(
            200,
            body={"data": {"setup_tests": [{"title": "Login", "status": "FAILED"}]}},
        ),
    )
    run = await carry_out(fivetran, plan, secrets=RESOLVER)
    error = run.errors["connections/blue/new"]
    assert isinstance(error, as_code.SetupTestsFailedError)
    assert "Login" in str(error)
    live = await as_code.export(fivetran, only="connections/blue/new", schemas=False)
    assert live["connections/blue/new"].paused is True


async def test_secrets_of_new_objects_must_be_referred_to(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A copied file still has `keep`, which a new object cannot use: nothing of it is sent."""
    crm = json.loads((folder / f"{CRM}.json").read_text())
    crm["config"]["schema_prefix"] = "copy"
    write(folder, "connections/blue/copy", **crm)
    plan = await plan_of(fivetran, folder)
    assert "secret_needed" in {hazard.topic for hazard in plan.hazards}
    fake.requests.clear()
    run = await carry_out(fivetran, plan, secrets=RESOLVER)
    assert "config.password" in str(run.errors["connections/blue/copy"])
    assert writes(fake) == []


async def test_failures_block_what_depends_on_them(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """What needs a failed step is skipped with the reason; everything else is done."""
    write(folder, "groups/new", name="new")
    write(folder, "connections/new/ads", service="google_ads", group_id="groups/new")
    write(folder, CRM, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    fake.fail("groups.create", fault=Fault.status(400))
    run = await carry_out(fivetran, plan)
    assert isinstance(run.errors["groups/new"], InvalidRequestError)
    assert "create groups/new" in run.skipped["connections/new/ads"]
    assert run.done == (CRM,)
    assert "1 done, 1 failed, 1 skipped" in str(run)
    run = await carry_out(fivetran, plan)
    assert run.succeeded
    assert len(fake.requests_for("groups.create")) == 2


@pytest.mark.parametrize(
    ("operation", "address", "fields"),
    [
        ("groups.create", "groups/new", {"name": "new"}),
        ("connections.create", "connections/blue/new", {"service": "postgres"}),
        (
            "webhooks.create_account",
            "webhooks/account/https%3A%2F%2Fa.example%2Fb",
            {"url": "https://a.example/b", "events": ["sync_end"], "active": False},
        ),
        ("users.create", "users/x@example.com", {"given_name": "X", "family_name": "Y"}),
        ("teams.create", "teams/new", {"name": "new", "role": "Account Reviewer"}),
        ("destinations.create", "destinations/empty", {"service": "snowflake"}),
    ],
)
@pytest.mark.parametrize("fault", [Fault.drop("after"), Fault.status(500, applied=True)])
async def test_lost_responses_create_nothing_twice(  # noqa: PLR0917
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    folder: Path,
    operation: str,
    address: str,
    fields: dict[str, Any],
    fault: Fault,
) -> None:
    """A creation without a response is found by its identity instead of sent a second time."""
    fake.add_group(name="empty")
    write(folder, "groups/empty", name="empty")
    write(folder, address, **fields)
    plan = await plan_of(fivetran, folder)
    fake.fail(operation, fault=fault)
    run = await carry_out(fivetran, plan)
    assert run.succeeded, str(run)
    assert len(fake.requests_for(operation)) == 1
    assert not (await plan_of(fivetran, folder)).changes


async def test_updates_that_failed_but_took_effect_are_done(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A pause that ends in a 500 is looked up, because it often succeeded."""
    write(folder, CRM, paused=True)
    plan = await plan_of(fivetran, folder)
    fake.fail("connections.update", fault=Fault.status(500, applied=True), times=None)
    run = await carry_out(fivetran, plan)
    assert run.succeeded
    assert fake.record("connections", "crm_id")["paused"] is True


async def test_objects_that_appeared_meanwhile_are_not_created(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A group with the name of a new one makes the plan stale."""
    write(folder, "groups/new", name="new")
    plan = await plan_of(fivetran, folder)
    fake.add_group(name="new")
    run = await carry_out(fivetran, plan)
    assert isinstance(run.errors["groups/new"], as_code.PlanStaleError)
    assert not fake.requests_for("groups.create")


async def test_connections_are_moved_while_they_are_paused(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A move pauses the connection, moves it, and resumes it; other leaves follow."""
    write(folder, CRM, group_id="groups/green", sync_frequency=60)
    plan = await plan_of(fivetran, folder, moves="CONTINUE")
    fake.requests.clear()
    run = await carry_out(fivetran, plan)
    assert run.succeeded, str(run)
    assert [body for _, _, body in writes(fake)] == [
        {"paused": True, "run_setup_tests": False},
        {"destination_group_id": "green_id", "sync_behavior": "CONTINUE"},
        {"paused": False, "run_setup_tests": False},
        {"sync_frequency": 60, "run_setup_tests": False},
    ]
    record = fake.record("connections", "crm_id")
    assert (record["group_id"], record["paused"]) == ("green_id", False)
    assert not (await plan_of(fivetran, folder)).changes


async def test_gentle_changes_wait_for_a_running_sync(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """With `gently`, a syncing connection is paused before its change, and resumed after it."""
    plan = await plan_while_syncing(fake, fivetran, folder)
    run = await carry_out(fivetran, plan, gently=True)
    assert run.succeeded
    assert [body.get("paused") for _, _, body in writes(fake)] == [True, None, False]
    assert fake.record("connections", "crm_id")["paused"] is False


async def test_continued_runs_do_the_rest(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A run that was cancelled is continued by applying its plan once more, in the same journal."""
    for number in range(6):
        write(folder, f"groups/new_{number}", name=f"new_{number}")
        write(
            folder,
            f"connections/new_{number}/ads",
            service="google_ads",
            group_id=f"groups/new_{number}",
        )
    plan = await plan_of(fivetran, folder)
    fake.fail("connections.create", fault=Fault.hang(applied=True), nth=3)
    task = asyncio.create_task(carry_out(fivetran, plan))
    await until(lambda: len(fake.requests_for("connections.create")) == 6)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    fake.heal()
    run = await carry_out(fivetran, plan)
    assert run.succeeded, str(run)
    assert len(fake.requests_for("groups.create")) == 6
    assert len(fake.requests_for("connections.create")) == 6
    assert len(list((folder / ".fivetran/runs").glob("*.jsonl"))) == 1
    assert journal_of(run)[-1] == {"event": "end"}
    assert not (await plan_of(fivetran, folder)).changes
    undo = run.undo()
    assert len(undo.changes) == 12


async def test_journals_can_be_named(fivetran: AsyncFivetran, tmp_path: Path) -> None:
    """Without a folder the journal is in memory, or in the file that is named."""
    live = await as_code.export(fivetran)
    plan = as_code.plan(live.change(lambda each: each.address == CRM, sync_frequency=60), live=live)
    run = await carry_out(fivetran, plan)
    assert run.journal.path is None
    with pytest.raises(TypeError, match="in memory"):
        Path(run.journal)
    back = run.undo()
    run = await carry_out(fivetran, back, journal=tmp_path / "j.jsonl")
    assert [line["event"] for line in journal_of(run)] == ["run", "begin", "done", "end"]
    with pytest.raises(as_code.PlanFileError, match="another run"):
        await carry_out(fivetran, plan, journal=tmp_path / "j.jsonl")


async def test_two_runs_exclude_each_other(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """While a run changes the account from a folder, another one is refused and names it."""
    write(folder, CRM, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    fake.fail("connections.update", fault=Fault.hang())
    task = asyncio.create_task(carry_out(fivetran, plan))
    await until(lambda: fake.requests_for("connections.update"))
    with pytest.raises(as_code.FolderLockedError, match="process"):
        await carry_out(fivetran, plan)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await carry_out(fivetran, plan)).succeeded


async def test_roles_can_be_removed(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A role of null has a request of its own, and takes the other changes along."""
    write(folder, "teams/Data %2F Platform", role=None, description="x")
    plan = await plan_of(fivetran, folder)
    fake.requests.clear()
    run = await carry_out(fivetran, plan)
    assert run.succeeded, str(run)
    assert writes(fake) == [
        ("DELETE", "/v1/teams/team_id/role", None),
        ("PATCH", "/v1/teams/team_id", {"description": "x"}),
    ]


async def test_broken_journals_stop_the_run(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path, tmp_path: Path
) -> None:
    """Nothing is sent that the journal cannot record."""
    write(folder, CRM, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    fake.requests.clear()
    write(tmp_path, "file")
    with pytest.raises(FivetranError, match="cannot be written"):
        await carry_out(fivetran, plan, journal=tmp_path / "file.json" / "journal.jsonl")
    assert writes(fake) == []


async def test_damaged_journals_are_named(
    fivetran: AsyncFivetran, folder: Path, tmp_path: Path
) -> None:
    """A journal with a line that is not an entry is an error; a cut last line is not."""
    write(folder, CRM, sync_frequency=60)
    run = await carry_out(fivetran, await plan_of(fivetran, folder))
    text = "".join(f"{json.dumps(line)}\n" for line in journal_of(run))
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text(text + '{"event": "beg')
    assert as_code.load_run(damaged).done == (CRM,)
    damaged.write_text(text.replace('"event": "begin"', '"event": begin'))
    with pytest.raises(as_code.PlanFileError, match="line 2"):
        as_code.load_run(damaged)
    damaged.write_text(re.sub(r'"path": \[[^]]*\]', '"path": 1', text))
    with pytest.raises(as_code.PlanFileError, match="line 2"):
        as_code.load_run(damaged)
    # The plan of a folder does not depend on the journals of former runs.
    (folder / ".fivetran/runs/damaged.jsonl").write_text(damaged.read_text())
    assert CRM in as_code.load(folder)
    damaged.write_text("")
    with pytest.raises(as_code.PlanFileError, match="is not a journal"):
        as_code.load_run(damaged)


async def test_fields_that_are_never_returned_are_sent_once(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """What the API takes and never returns is compared with what was sent last."""
    write(folder, CRM, trust_certificates=True, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    assert set(plan.changes[0].leaves) == {("trust_certificates",), ("sync_frequency",)}
    assert (await carry_out(fivetran, plan)).succeeded
    assert not (await plan_of(fivetran, folder)).changes
