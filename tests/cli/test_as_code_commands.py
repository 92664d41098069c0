"""The account as code from the command line: texts, documents, exit codes, requests."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from as_code.accounts import PLANTED, START, small_account
from as_code.folders import write, writes
from cli.consoles import Console, perform
from fivetran_async import AsyncFivetran
from fivetran_async.cli import ExitCode, main
from fivetran_async.cli._file_options import ApplyOptions, ExportOptions
from fivetran_async.cli._keyboard import Keyboard
from fivetran_async.cli._options import UnusableOptionError
from fivetran_async.cli._output import JsonOutput, PlainOutput
from fivetran_async.cli._set_commands import named_fields
from fivetran_async.testing import FakeFivetran, Fault

CRM = "connections/blue/crm"


@attrs.frozen
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON that the test knows
        """The JSON document on stdout."""
        return json.loads(self.out)


class Shell:
    """Runs commands in a folder, with the account of the environment."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, *words: str) -> Outcome:
        """Run a command in a thread, next to the running account."""
        code = await asyncio.to_thread(main, words)
        printed = self._capsys.readouterr()
        assert PLANTED not in printed.out + printed.err
        return Outcome(code, printed.out, printed.err)


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeFivetran]:
    """The small account of the tests of the account as code; the environment points to it."""
    monkeypatch.delenv("FIVETRAN_LOG", raising=False)
    async with FakeFivetran(running=False, start=START) as fake:
        small_account(fake)
        monkeypatch.setenv("FIVETRAN_BASE_URL", fake.url)
        monkeypatch.setenv("FIVETRAN_API_KEY", fake.api_key)
        monkeypatch.setenv("FIVETRAN_API_SECRET", fake.api_secret)
        yield fake


@pytest.fixture
def shell(
    fake: FakeFivetran,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    """A shell in an empty folder, with the account in its environment."""
    del fake
    monkeypatch.chdir(tmp_path)
    return Shell(capsys)


@pytest.fixture
async def folder(shell: Shell, fake: FakeFivetran, tmp_path: Path) -> Path:
    """The exported files of the account, with no request on the record."""
    assert (await shell("export", "account")).code == ExitCode.DONE
    fake.requests.clear()
    return tmp_path / "account"


async def test_an_edit_is_planned_rehearsed_applied_and_undone(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """A saved plan is rehearsed offline and applied without a question; undo restores the value."""
    write(folder, CRM, sync_frequency=60)
    planned = await shell("plan", "account", "-o", "plan.json")
    assert planned.code == ExitCode.DONE
    assert "sync_frequency: 360 -> 60" in planned.out
    assert "fivetran-async apply plan.json" in planned.err
    fake.requests.clear()
    rehearsed = await shell("rehearse", "plan.json", "--json")
    assert rehearsed.code == ExitCode.DONE
    assert fake.requests == []
    applied = await shell("apply", "plan.json", "--json")
    assert applied.code == ExitCode.DONE
    assert applied.document["done"] == rehearsed.document["done"] == [CRM]
    assert fake.record("connections", "crm_id")["sync_frequency"] == 60
    assert (await shell("plan", "account")).out == "Plan for Fake Account: no changes\n"
    dry = await shell("undo", applied.document["journal"], "--dry-run")
    assert "sync_frequency: 60 -> 360" in dry.out
    undone = await shell("undo", applied.document["run"], "--folder", "account", "--yes")
    assert undone.code == ExitCode.DONE
    assert fake.record("connections", "crm_id")["sync_frequency"] == 360


async def test_a_plan_that_is_applied_twice_offers_no_undo(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """The second run finds everything in place, so it does not offer to take it back."""
    write(folder, CRM, sync_frequency=60)
    await shell("plan", "account", "-o", "plan.json")
    assert "takes it back" in (await shell("apply", "plan.json")).err
    again = await shell("apply", "plan.json")
    assert again.code == ExitCode.DONE
    assert "takes it back" not in again.err
    assert fake.record("connections", "crm_id")["sync_frequency"] == 60


async def test_export_counts_objects_and_says_what_it_skipped(
    shell: Shell, fake: FakeFivetran, tmp_path: Path
) -> None:
    """An export of a part lists its kinds, and the scope goes into later plans."""
    fake.fail(path="/v1/connections/shop_id/schemas", fault=Fault.status(403))
    exported = await shell("export", "part", "--only", "connections/blue/*", "--json")
    assert exported.code == ExitCode.DONE
    assert {each["kind"]: each["objects"] for each in exported.document["kinds"]} == {
        "connections": 2,
        "schemas": 1,
    }
    assert list(exported.document["skipped"]) == ["schemas/blue/shop"]
    assert exported.document["objects"] == len(list((tmp_path / "part").glob("*/*/*.json")))
    fake.requests.clear()
    assert (await shell("plan", "part")).code == ExitCode.DONE
    assert not any(each.path.startswith("/v1/teams") for each in fake.requests)


async def test_edits_of_others_are_drift(shell: Shell, fake: FakeFivetran, folder: Path) -> None:
    """The code is 6 if the server was changed, and 0 with edits of one's own only."""
    write(folder, CRM, sync_frequency=60)
    own = await shell("drift", "account")
    assert own.code == ExitCode.DONE
    fake.change("connections", "shop_id", paused=True)
    found = await shell("drift", "account", "--json")
    assert found.code == ExitCode.DRIFT
    assert found.document["drift"] == [
        {
            "address": "connections/blue/shop",
            "action": "update",
            "field": "paused",
            "before": False,
            "now": True,
        }
    ]
    shown = await shell("drift", "account")
    assert "connections/blue/shop" in shown.out
    # A conflict is an edit behind one's back, too.
    fake.change("connections", "crm_id", sync_frequency=15)
    both = await shell("drift", "account", "--json")
    assert both.document["objects"] == 2
    assert writes(fake) == []


async def test_objects_that_were_deleted_are_drift(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """A deletion on the server is drift, also of an object with an edited file."""
    write(folder, "connections/blue/shop", sync_frequency=60)
    async with fake.client() as fivetran:
        await fivetran.connections.delete("shop_id", confirm=True)
    found = await shell("drift", "account", "--json")
    assert found.code == ExitCode.DRIFT
    assert {(row["address"], row["action"]) for row in found.document["drift"]} == {
        ("connections/blue/shop", "delete")
    }


async def test_drift_that_cannot_be_known_is_no_success(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """An object that cannot be read is named, and the code is 1 if nothing else has drifted."""
    fake.fail(path="/v1/connections/crm_id", fault=Fault.status(403), times=None)
    found = await shell("drift", "account", "--json")
    assert found.code == ExitCode.REFUSED
    assert CRM in found.err
    assert found.document["drift"] == []
    fake.change("connections", "shop_id", paused=True)
    assert (await shell("drift", "account")).code == ExitCode.DRIFT


async def test_rare_kinds_are_planned_with_the_others(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """Fingerprints that were exported to a folder later are read by its plans."""
    async with fake.client() as fivetran:
        await fivetran.connections.fingerprints.approve("crm_id", hash="h", public_key="ssh-rsa A")
    assert (await shell("export", "account", "--kind", "fingerprints")).code == ExitCode.DONE
    planned = await shell("plan", "account", "--json")
    assert (planned.document["changes"], planned.document["refused"]) == ([], {})
    assert (await shell("drift", "account")).code == ExitCode.DONE


async def test_deletions_that_are_not_planned_are_wrong_arguments(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """A `--delete` without a deletion in the plan is refused before anything is sent."""
    write(folder, CRM, sync_frequency=60)
    await shell("plan", "account", "-o", "plan.json")
    before = len(fake.requests)
    refused = await shell("apply", "plan.json", "--delete", CRM)
    assert refused.code == ExitCode.USAGE
    assert f"the plan does not delete '{CRM}'; it deletes nothing" in refused.err
    assert len(fake.requests) == before


async def test_stale_changes_are_refused_alone(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """A saved plan that is stale for one object changes the others; the code is 1."""
    write(folder, CRM, sync_frequency=60)
    write(folder, "connections/blue/shop", sync_frequency=60)
    await shell("plan", "account", "-o", "plan.json")
    fake.change("connections", "crm_id", sync_frequency=15)
    applied = await shell("apply", "plan.json", "--json")
    assert applied.code == ExitCode.REFUSED
    assert applied.document["done"] == ["connections/blue/shop"]
    assert list(applied.document["errors"]) == [CRM]
    assert "1 change failed" in applied.err
    assert fake.record("connections", "crm_id")["sync_frequency"] == 15


async def test_a_refused_part_is_reported_after_the_rest(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """`apply` of a plan that refuses an object does the rest, names the reason and exits with 1."""
    fake.add_group(id="teal_id", name="teal")
    assert (await shell("export", "account", "--force")).code == ExitCode.DONE
    write(folder, CRM, group_id="groups/teal")
    alone = await shell("apply", "account", "--yes")
    assert (alone.code, writes(fake)) == (ExitCode.REFUSED, [])
    write(folder, "connections/blue/shop", sync_frequency=60)
    await shell("plan", "account", "-o", "plan.json")
    for source in ("plan.json", "account"):
        applied = await shell("apply", source, "--yes")
        assert applied.code == ExitCode.REFUSED
        assert f"{CRM} was refused: group_id moves the connection: pass --moves" in applied.err
        assert fake.record("connections", "shop_id")["sync_frequency"] == 60


async def test_set_moves_connections(shell: Shell, fake: FakeFivetran) -> None:
    """`set group=NAME` refuses a move without `--moves`, and moves with it."""
    fake.add_group(id="teal_id", name="teal")
    fake.add_destination(id="teal_id", group_id="teal_id")
    refused = await shell("set", "crm_id", "group=teal", "--yes")
    assert (refused.code, writes(fake)) == (ExitCode.REFUSED, [])
    assert "pass --moves CONTINUE or --moves BACKFILL" in refused.err
    moved = await shell("set", "crm_id", "group=teal", "--moves", "CONTINUE", "--yes")
    assert moved.code == ExitCode.DONE
    assert fake.record("connections", "crm_id")["group_id"] == "teal_id"


async def test_deletions_are_confirmed_one_by_one(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """`--yes` does not delete anything; `--delete` names what may be deleted."""
    (folder / "webhooks/blue").rename(folder.parent / "removed")
    refused = await shell("apply", "account", "--prune", "--yes")
    assert refused.code == ExitCode.REFUSED
    assert "webhooks/blue/https" in refused.err
    assert writes(fake) == []
    address = "webhooks/blue/https:%2F%2Fhooks.example.com%2Fa%2Fb"
    [address] = [word.strip(":") for word in refused.err.split() if word.startswith("webhooks/")][
        :1
    ]
    done = await shell("apply", "account", "--prune", "--yes", "--delete", address)
    assert done.code == ExitCode.DONE
    assert [verb for verb, _, _ in writes(fake)] == ["DELETE"]


async def test_a_folder_is_not_applied_without_a_question(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """Without a terminal and without --yes, the code is 2 before any request."""
    write(folder, CRM, sync_frequency=60)
    refused = await shell("apply", "account")
    assert refused.code == ExitCode.USAGE
    assert "--yes" in refused.err
    assert fake.requests == []


class Typist(Keyboard):
    """A keyboard with a reply that was typed."""

    def __init__(self, reply: str) -> None:
        super().__init__(io.StringIO(f"{reply}\n"), io.StringIO())

    @property
    def can_ask(self) -> bool:
        """True."""
        return True


@pytest.mark.parametrize(("reply", "code"), [("y", ExitCode.DONE), ("", ExitCode.REFUSED)])
async def test_the_plan_is_shown_before_the_question(
    fake: FakeFivetran, folder: Path, plain: Console[PlainOutput], reply: str, code: ExitCode
) -> None:
    """The question comes after the plan; only yes changes the account."""
    write(folder, CRM, sync_frequency=60)
    options = ApplyOptions(command="apply", source=str(folder))
    async with fake.client() as fivetran:
        assert await perform(fivetran, options, plain.output, keyboard=Typist(reply)) == code
    assert "      sync_frequency: 360 -> 60" in plain.errors
    assert len(writes(fake)) == (1 if code is ExitCode.DONE else 0)


async def test_set_changes_the_selected_connections(shell: Shell, fake: FakeFivetran) -> None:
    """`set` shows its plan with --dry-run, and changes only what the filters select."""
    words = ("set", "sync_frequency=60", "config.host=db2", "--service", "postgres")
    dry = await shell(*words, "--dry-run")
    assert "sync_frequency: 360 -> 60" in dry.out
    assert 'config.host: "db1" -> "db2"' in dry.out
    assert writes(fake) == []
    done = await shell(*words, "--yes", "--journal", "set.jsonl", "--json")
    assert done.code == ExitCode.DONE
    assert done.document["done"] == [CRM]
    [(_, _, body)] = writes(fake)
    assert body == {
        "sync_frequency": 60,
        "config": {"host": "db2"},
        "run_setup_tests": False,
    }
    assert (await shell("undo", "set.jsonl", "--yes")).code == ExitCode.DONE
    assert fake.record("connections", "crm_id")["config"]["host"] == "db1"


async def test_set_needs_a_filter_that_selects(shell: Shell, fake: FakeFivetran) -> None:
    """Without a filter the code is 2; a filter that selects nothing changes nothing."""
    assert (await shell("set", "paused=true", "--yes")).code == ExitCode.USAGE
    assert (await shell("set", "paused", "--service", "s3")).code == ExitCode.USAGE
    assert (await shell("set", "pausd=true", "--service", "postgres")).code == ExitCode.USAGE
    deep = f"pausd={'[' * 100_000}"
    assert (await shell("set", deep, "--service", "postgres")).code == ExitCode.USAGE
    none = await shell("set", "paused=true", "--service", "mysql", "--yes")
    assert none.code == ExitCode.DONE
    assert "No connection matches" in none.err
    assert writes(fake) == []


async def test_set_takes_ids(shell: Shell, fake: FakeFivetran) -> None:
    """Ids select connections as filters do; an id that the account lacks stops all changes."""
    options = ("paused=true", "--yes", "--journal", "set.jsonl")
    missing = await shell("set", "crm_id", "crm_idd", *options)
    assert (missing.code, writes(fake)) == (ExitCode.USAGE, [])
    assert "'crm_idd'" in missing.err
    assert (await shell("set", "crm_id", *options)).code == ExitCode.DONE
    assert len(writes(fake)) == 1
    assert fake.record("connections", "crm_id")["paused"] is True


def test_fields_are_json_or_text() -> None:
    """Dots reach into objects; a field that is given twice is refused."""
    assert named_fields(["a=1", "b.c=true", "b.d=x=y", "e=", "f=null"]) == {
        "a": 1,
        "b": {"c": True, "d": "x=y"},
        "e": "",
        "f": None,
    }
    for twice in (["a=1", "a=2"], ["a=1", "a.b=2"], ["a.b=1", "a=2"]):
        with pytest.raises(UnusableOptionError):
            named_fields(twice)


def file(name: str, text: str) -> dict[str, str]:
    """Return the name and the content of a file to add."""
    return {name: text}


BAD_FILES = {
    "unknown key": file("connections/blue/crm.json", '{"service": "postgres", "sync_frequncy": 5}'),
    "unknown kind": file("conections/blue/x.json", "{}"),
    "unknown reference": file(
        "connections/blue/x.json", '{"service": "s3", "group_id": "groups/nowhere"}'
    ),
    "key twice": file("groups/new.json", '{"name": "a", "name": "b"}'),
    "no JSON": file("groups/new.json", "{"),
    "plain secret": file(
        "connections/blue/crm.json", '{"service": "postgres", "config": {"password": "plain"}}'
    ),
    "unknown scheme": file(
        "connections/blue/crm.json",
        '{"service": "postgres", "config": {"password": {"$secret": "evn:X"}}}',
    ),
    "address twice": file("groups/%62lue.json", '{"name": "blue"}'),
}
KEYS = {
    "unknown key": "sync_frequncy",
    "unknown reference": "group_id",
    "key twice": "name",
    "plain secret": "config.password",
    "unknown scheme": "config.password",
}


@pytest.mark.parametrize("what", BAD_FILES)
async def test_bad_files_are_named_before_any_request(
    shell: Shell, fake: FakeFivetran, folder: Path, what: str
) -> None:
    """Every command that reads files names file and key with code 2, and sends nothing."""
    for name, text in BAD_FILES[what].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    [name] = BAD_FILES[what]
    for words in (("plan",), ("rehearse",), ("drift",), ("apply", "--yes")):
        command, *more = words
        found = await shell(command, "account", *more)
        assert found.code == ExitCode.USAGE, words
        assert name in found.err
        assert KEYS.get(what, "") in found.err
        assert "plain" not in found.err.replace(name, "")
    assert fake.requests == []


async def test_unusable_plans_and_journals_are_refused(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """A plan that was edited, a missing folder and a missing run have code 2; nothing is sent."""
    write(folder, CRM, sync_frequency=60)
    await shell("plan", "account", "-o", "plan.json")
    fake.requests.clear()
    plan = folder.parent / "plan.json"
    plan.write_text(plan.read_text().replace("60", "5"))
    (folder.parent / "journal.jsonl").write_text('{"event": "done"}\n')
    for words in (
        ("apply", "plan.json"),
        ("rehearse", "plan.json"),
        ("apply", "nowhere", "--yes"),
        ("apply", "nowhere.json"),
        ("rehearse", "nowhere.json"),
        ("plan", "nowhere"),
        ("undo", "nothing", "--yes"),
        ("undo", "journal.jsonl", "--yes"),
        ("apply", "plan.json", "--prune"),
        ("export", "account", "--kind", "conections"),
    ):
        found = await shell(*words)
        assert found.code == ExitCode.USAGE, words
        assert words[1] in found.err or "conections" in found.err
        assert words[1] != "nowhere.json" or "--yes" not in found.err
    assert fake.requests == []


async def test_folders_without_base_and_of_other_accounts_are_refused(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """A folder without a base needs --no-base; one of another account changes nothing."""
    mine = folder.parent / "mine"
    write(mine, "groups/fresh", name="fresh")
    refused = await shell("plan", "mine")
    assert refused.code == ExitCode.USAGE
    assert "--no-base" in refused.err
    assert "create group: groups/fresh" in (await shell("plan", "mine", "--no-base")).out
    write(folder, CRM, sync_frequency=60)
    pin = folder / ".fivetran/account.json"
    pin.write_text(json.dumps({"account_id": "other_account", "account_name": "Other"}))
    for words in (("plan", "account"), ("apply", "account", "--yes"), ("export", "account")):
        found = await shell(*words)
        assert found.code == ExitCode.REFUSED, words
        assert "other_account" in found.err
    assert writes(fake) == []


async def test_secrets_without_a_value_block_their_object_only(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """An object with an unknown secret is skipped, the others are changed, and the code is 1."""
    write(folder, CRM, config={"password": {"$secret": "env:FIVETRAN_ASYNC_TEST_ABSENT"}})
    write(folder, "connections/blue/shop", sync_frequency=60)
    found = await shell("apply", "account", "--yes", "--json")
    assert found.code == ExitCode.REFUSED
    assert found.document["done"] == ["connections/blue/shop"]
    assert "config.password" in found.document["errors"][CRM]
    assert "FIVETRAN_ASYNC_TEST_ABSENT" in found.document["errors"][CRM]
    assert len(writes(fake)) == 1


async def test_progress_counts_requests(
    fivetran: AsyncFivetran, as_json: Console[JsonOutput], tmp_path: Path
) -> None:
    """The document of an export has the number of responses that arrived."""
    options = ExportOptions(command="export", folder=str(tmp_path / "account"))
    assert await perform(fivetran, options, as_json.output) == ExitCode.DONE
    assert as_json.document["requests"] > 10


RULES = """
from fivetran_async import as_code

@as_code.rule("connections")
def slow(each, snapshot):
    if each.sync_frequency > 60:
        yield f"syncs every {each.sync_frequency} minutes"
"""


async def test_checks_have_findings_without_an_account(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """Findings have code 7 and go to JUnit XML; without findings the code is 0."""
    rules = folder.parent / "rules.py"
    rules.write_text(RULES)
    words = ("check", "account", "--rules", "rules.py", "--junit", "junit.xml", "--json")
    found = await shell(*words)
    assert found.code == ExitCode.FINDINGS
    assert CRM in [each["address"] for each in found.document["findings"]]
    assert found.document["checked"] == {"slow": 3}
    assert "syncs every 360 minutes" in (folder.parent / "junit.xml").read_text()
    rules.write_text(RULES.replace("> 60", "> 9999"))
    assert (await shell("check", "account", "--rules", "rules.py")).code == ExitCode.DONE
    assert (await shell("check", "account")).code in {ExitCode.DONE, ExitCode.FINDINGS}
    rules.write_text("raise ValueError")
    broken = await shell("check", "account", "--rules", "rules.py")
    assert broken.code == ExitCode.USAGE
    assert "rules.py" in broken.err
    unwritable = await shell("check", "account", "--junit", "nowhere/junit.xml")
    assert unwritable.code == ExitCode.USAGE
    assert fake.requests == []


async def test_a_group_is_cloned_with_secrets_from_the_environment(
    shell: Shell, fake: FakeFivetran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan names the references to fill in; objects without a value are not created."""
    dry = await shell("clone", "blue", "teal", "--dry-run", "--json")
    assert dry.code == ExitCode.DONE
    created = {each["address"] for each in dry.document["changes"]}
    assert {"groups/teal", "destinations/teal", "connections/teal/crm"} <= created
    references = set(re.findall(r"env:(\w+)", dry.out))
    assert references
    assert writes(fake) == []
    refused = await shell("clone", "blue", "teal", "--yes", "--json")
    assert refused.code == ExitCode.REFUSED
    assert "connections/teal/crm" in {
        *refused.document["errors"],
        *refused.document["skipped"],
    }
    for name in references:
        monkeypatch.setenv(name, "filled-in")
    assert (await shell("clone", "blue", "teal", "--yes")).code == ExitCode.DONE
    schemas = [each["schema"] for each in fake._account.collection("connections")]
    assert schemas.count("crm") == 2
    assert (await shell("clone", "nowhere", "teal", "--yes")).code == ExitCode.USAGE


async def test_what_cannot_be_read_is_reported(shell: Shell, fake: FakeFivetran) -> None:
    """`set` and `clone` do the rest, name what they could not read, and exit with 1."""
    for words in (
        ("set", "crm_id", "shop_id", "sync_frequency=60", "--yes"),
        ("set", "crm_id", "shop_id", "sync_frequency=30", "--dry-run"),
        ("clone", "blue", "teal", "--dry-run"),
    ):
        fake.fail("connections.get", fault=Fault.status(403))
        partly = await shell(*words)
        assert partly.code == ExitCode.REFUSED
        assert re.search(r"Skipped: connections/blue/(crm|shop): .*403", partly.err)
        assert partly.out
    assert [(verb, body["sync_frequency"]) for verb, _, body in writes(fake)] == [("PATCH", 60)]


async def test_names_of_groups_are_quoted_in_addresses(shell: Shell, fake: FakeFivetran) -> None:
    """Connections of a group with a slash in its name are changed and cloned like others."""
    group = fake.add_group(name="a/b 100%[c]")
    fake.add_destination(group_id=group)
    fake.add_connection(id="odd", group_id=group, service="shopify", schema="odd")
    changed = await shell("set", "odd", "sync_frequency=60", "--yes")
    assert changed.code == ExitCode.DONE
    assert fake.record("connections", "odd")["sync_frequency"] == 60
    cloned = await shell("clone", "a/b 100%[c]", "d/e", "--dry-run", "--json")
    assert cloned.code == ExitCode.DONE
    created = {each["address"] for each in cloned.document["changes"]}
    assert {"groups/d%2Fe", "connections/d%2Fe/odd"} <= created
    assert cloned.document["refused"] == {}


async def test_terraform_goes_to_stdout(shell: Shell, fake: FakeFivetran) -> None:
    """Configuration for Terraform is printed as it is, and nothing is written."""
    found = await shell("export", "--terraform", "--only", "connections/blue/crm")
    assert found.code == ExitCode.DONE
    assert found.out.count("import {") == 3
    assert (await shell("export", "account", "--terraform")).code == ExitCode.USAGE
    assert (await shell("export")).code == ExitCode.USAGE
    assert writes(fake) == []


async def test_a_journal_of_an_unfinished_change_is_not_mixed_with_the_rest(
    shell: Shell, fake: FakeFivetran
) -> None:
    """The plan of the rest is another one: its journal needs another name, as the error reports."""
    words = ("set", "sync_frequency=60", "--group", "blue_id", "--yes")
    fake.fail("connections.update", path="*/crm_id", fault=Fault.status(400))
    assert (await shell(*words, "--journal", "one.jsonl")).code == ExitCode.REFUSED
    mixed = await shell(*words, "--journal", "one.jsonl")
    assert mixed.code == ExitCode.USAGE
    assert "`undo` takes that back, or name another file" in mixed.err
    assert (await shell(*words, "--journal", "two.jsonl")).code == ExitCode.DONE
    assert fake.record("connections", "crm_id")["sync_frequency"] == 60


async def test_what_an_interrupted_clone_left_paused_is_named(
    shell: Shell, fake: FakeFivetran
) -> None:
    """A further clone leaves out what is there, so it lists the copies that do not run."""
    fake.fail("connections.update", fault=Fault.status(400), times=None)
    assert (await shell("clone", "green", "teal", "--yes")).code == ExitCode.REFUSED
    fake.heal()
    again = await shell("clone", "green", "teal", "--yes")
    assert "Already there: connections/teal/sheets.budget (paused)" in again.err


async def test_an_export_names_what_a_run_left_paused(
    shell: Shell, fake: FakeFivetran, folder: Path
) -> None:
    """The files want it paused from then on, so nothing else would resume the connection."""
    write(folder, "connections/green/new", service="postgres", config={"host": "db"})
    fake.fail("connections.update", fault=Fault.status(400), times=None)
    assert (await shell("apply", "account", "--yes")).code == ExitCode.REFUSED
    fake.heal()
    exported = await shell("export", "account", "--force")
    assert "Still paused: connections/green/new: the unfinished run" in exported.err
    assert "Still paused" not in (await shell("export", "other")).err
