"""The commands about single connections, and the lists of everything else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from cli.consoles import Console, perform
from fivetran_async import AsyncFivetran
from fivetran_async.cli import ExitCode, main
from fivetran_async.cli._context import Context
from fivetran_async.cli._details import history
from fivetran_async.cli._keyboard import Keyboard
from fivetran_async.cli._options import UnusableOptionError
from fivetran_async.cli._output import JsonOutput, PlainOutput
from fivetran_async.cli._registry import parse
from fivetran_async.cli._specs_of_details import HistoryOptions
from fivetran_async.testing import FakeFivetran, Fault
from support.fake_clock import FakeClock

Plain = Console[PlainOutput]
TASK = {"code": "reconnect", "message": "Reconnect", "details": "The password expired"}


@pytest.fixture
def account(fake: FakeFivetran) -> FakeFivetran:
    """An account with a good connection and one with a task."""
    fake.add_group(id="group_one", name="Warehouse")
    fake.add_connection(
        id="good",
        group_id="group_one",
        service="postgres",
        schema="shop",
        succeeded_at=fake.clock.stamp(),
    )
    fake.add_connection(
        id="bad", group_id="group_one", schema="crm", setup_state="broken", tasks=[TASK]
    )
    return fake


async def document(capsys: pytest.CaptureFixture[str], *words: str) -> Any:  # noqa: ANN401 - JSON
    """Run a command with `--json` and return its document."""
    assert await asyncio.to_thread(main, (*words, "--json")) == ExitCode.DONE
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("account")
async def test_show_gathers_a_connection(fivetran: AsyncFivetran, plain: Plain) -> None:
    """State, schedule, tasks and address are labelled lines; empty values are left out."""
    assert await perform(fivetran, parse(["show", "bad"]), plain.output) == ExitCode.DONE
    shown = dict(line.split(maxsplit=1) for line in plain.lines)
    assert shown["connection"] == "bad"
    assert shown["state"] == "broken"
    assert shown["schedule"] == "every 6h 0m"
    assert shown["task"] == "reconnect: Reconnect"
    assert shown["dashboard"].endswith("/connections/bad/status")
    assert not any(line.startswith("last failure") for line in plain.lines)


@pytest.mark.usefixtures("account")
async def test_show_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The document is the connection with its state, and keeps null and empty lists."""
    shown = await document(capsys, "show", "good")
    assert (shown["id"], shown["state"], shown["failed_at"]) == ("good", "scheduled", None)
    assert shown["status"]["warnings"] == []


async def test_errors_of_all_connections_take_one_request(
    account: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """Without ids, tasks and warnings come from the list; with ids, the API's errors are added."""
    assert await perform(fivetran, parse(["errors"]), plain.output) == ExitCode.DONE
    assert [line.split()[:4] for line in plain.lines[1:]] == [["bad", "crm", "task", "reconnect"]]
    assert [request.operation for request in account.requests] == ["connections.list"]
    output = PlainOutput(plain.stdout, plain.stderr)
    assert await perform(fivetran, parse(["errors", "bad"]), output) == ExitCode.DONE
    assert "  error  " in plain.lines[-1]
    account.fail(
        "connections.list_errors",
        fault=Fault.status(404, body={"code": "NotFound", "message": "HTTP 404 Not Found"}),
    )
    output = PlainOutput(plain.stdout, plain.stderr)
    assert await perform(fivetran, parse(["errors", "bad"]), output) == ExitCode.DONE
    assert "  task  " in plain.lines[-1]


async def test_history_lists_and_follows(
    account: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """Each sync is a line, oldest first; `--follow` prints a new one once, when it has ended."""
    account.plan_sync("good", "failed", duration=60, reason="Password expired")
    await fivetran.connections.sync_and_wait("good")

    class Follower(FakeClock):
        rounds = 0

        def time(self) -> float:
            return account.clock.time()

        async def sleep(self, seconds: float) -> None:
            self.rounds += 1
            if self.rounds == 1:
                await fivetran.connections.sync("good")
            account.advance(seconds)
            if self.rounds == 40:
                raise KeyboardInterrupt

    keyboard = Keyboard(None, plain.stderr)
    context = Context(output=plain.output, keyboard=keyboard, session=fivetran, clock=Follower())
    options = HistoryOptions(command="history", ids=("good",), follow=True, interval=60)
    with pytest.raises(KeyboardInterrupt):
        await history(context, options)
    assert [line.split()[8] for line in plain.lines[1:]] == ["FAILURE", "COMPLETED"]
    assert "Password expired" in plain.lines[1]


async def test_wait_triggers_nothing(
    account: FakeFivetran, fivetran: AsyncFivetran, as_json: Console[JsonOutput]
) -> None:
    """`wait` waits for a sync that another client triggered; the code is that of `sync --wait`."""
    account.plan_sync("good", "failed", duration=60)
    account.start_sync("good")
    options = parse(["wait", "good", "--timeout", "900"])
    assert await perform(fivetran, options, as_json.output) == ExitCode.NOT_SUCCEEDED
    assert as_json.document["status"] == "failed"
    assert account.requests_for("connections.sync") == []


async def test_destinations_have_setup_tests_too(
    account: FakeFivetran, fivetran: AsyncFivetran, as_json: Console[JsonOutput]
) -> None:
    """`--destination` tests the destination of a group; the code is 4 if a test fails."""
    group = account.add_group(id="lake", name="Lake")
    account.add("destinations", id=group, group_id=group, service="snowflake")
    account.plan_setup_tests(group, [{"title": "Login", "status": "FAILED", "message": "No"}])
    options = parse(["test", "--destination", group, "--destination", group, "--trust"])
    assert await perform(fivetran, options, as_json.output) == ExitCode.NOT_SUCCEEDED
    (request,) = account.requests_for("destinations.run_setup_tests")
    assert request.body == {"trust_certificates": True, "trust_fingerprints": True}
    (test,) = as_json.document["tests"]
    assert (test["destination_id"], test["title"], test["status"]) == (group, "Login", "FAILED")


async def test_setup_tests_have_an_exit_code(
    account: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """Each test is a row; a failed one gives code 4, an unknown id code 1."""
    assert await perform(fivetran, parse(["test", "good"]), plain.output) == ExitCode.DONE
    assert [line.split()[0] for line in plain.lines] == ["connection", "good", "good", "good"]
    assert all("  PASSED" in line for line in plain.lines[1:])
    account.plan_setup_tests("bad", [{"title": "Login", "status": "FAILED", "message": "No"}])
    output = PlainOutput(plain.stdout, plain.stderr)
    code = await perform(fivetran, parse(["test", "bad", "missing"]), output)
    assert code == ExitCode.NOT_SUCCEEDED
    assert plain.errors[0].startswith("fivetran-async: missing: POST")


@pytest.mark.parametrize(
    ("words", "key", "ids"),
    [
        (("groups",), "groups", ["group_one"]),
        (("destinations",), "destinations", ["group_one"]),
        (("destinations", "--group", "group_one"), "destinations", ["group_one"]),
        (("users", "--sort", "email"), "users", ["ann"]),
        (("users", "--group", "group_one"), "users", ["ann"]),
        (("webhooks",), "webhooks", ["hook"]),
        (("webhooks", "--group", "group_one"), "webhooks", []),
    ],
)
async def test_lists(
    account: FakeFivetran,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    key: str,
    ids: list[str],
) -> None:
    """Each list prints the objects as the API returns them, of some groups if asked."""
    account.add_destination(group_id="group_one")
    account.add("users", id="ann", email="ann@example.com", given_name="Ann")
    account.add("users.groups", user_id="ann", id="group_one", role="Destination Analyst")
    account.add("webhooks", id="hook", type="account", url="https://example.com", events=["x"])
    found = [each["id"] for each in (await document(capsys, *words))[key]]
    # The owner of the account is a user, too.
    assert [each for each in found if each in ("ann", "hook", "group_one")] == ids
    assert await asyncio.to_thread(main, words) == ExitCode.DONE
    assert await asyncio.to_thread(main, (words[0], "--group", "Warehouse")) == ExitCode.USAGE


@pytest.mark.usefixtures("account")
async def test_account_and_limits(capsys: pytest.CaptureFixture[str]) -> None:
    """`account` names the account of the key; `limits` lists the quotas."""
    assert (await document(capsys, "account"))["account_id"] == "perpetual_account"
    found = {each["quota"]: each for each in (await document(capsys, "limits"))["limits"]}
    assert found["requests"]["remaining"] <= found["requests"]["limit"]


async def test_request_reads_any_path(
    account: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """The data is printed as JSON; `--all` follows the cursors; other verbs are refused."""
    account.add_group(id="group_two")
    found = await document(capsys, "request", "get", "/v1/groups", "--query", "limit=1")
    assert len(found["items"]) == 1
    found = await document(capsys, "request", "GET", "/v1/groups", "--query", "limit=1", "--all")
    assert [each["id"] for each in found["items"]] == ["group_one", "group_two"]
    account.requests.clear()
    assert main(["request", "DELETE", "/v1/groups/group_one"]) == ExitCode.USAGE
    assert "'DELETE' is not GET" in capsys.readouterr().err
    assert account.requests == []


async def test_schemas_are_shown_and_compared(
    account: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """Equal settings have equal digests; a difference is a row, with exit code 6."""
    account.add_connection(
        id="twin",
        group_id="group_one",
        service="postgres",
        schema="shop_2",
        succeeded_at=account.clock.stamp(),
    )
    first = await document(capsys, "schema", "show", "good")
    assert first["tables"][0]["synced"] is True
    assert first["digest"] == (await document(capsys, "schema", "show", "twin"))["digest"]
    assert await document(capsys, "schema", "diff", "good", "twin") == {
        "differences": [],
        "first": "good",
        "second": "twin",
    }
    table = first["tables"][0]
    async with account.client() as fivetran:
        await fivetran.connections.schemas.update_table(
            "twin", table["schema"], table["table"], enabled=False
        )
    words = ("schema", "diff", "good", "twin")
    assert await asyncio.to_thread(main, words) == ExitCode.DRIFT
    assert f"{table['schema']}.{table['table']}  synced  blocked" in capsys.readouterr().out


async def test_columns_are_hashed_by_pattern(
    account: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """Matching columns of all synced tables are shown, and hashed in one request."""
    words = ["schema", "hash", "good", "EMAIL", "public.orders.*_at"]
    with pytest.raises(UnusableOptionError, match=r"Hash \d+ columns of good"):
        await perform(fivetran, parse(words), plain.output)
    assert "public.accounts.email" in plain.errors[0]
    assert await perform(fivetran, parse([*words, "--dry-run"]), plain.output) == ExitCode.DONE
    assert {request.verb for request in account.requests} == {"GET"}
    output = PlainOutput(plain.stdout, plain.stderr)
    assert await perform(fivetran, parse([*words, "--yes"]), output) == ExitCode.DONE
    assert len([each for each in account.requests if each.verb == "PATCH"]) == 1
    columns = await fivetran.connections.schemas.get_columns("good", "public", "accounts")
    assert columns.columns["email"].hashed is True
    output = PlainOutput(plain.stdout, plain.stderr)
    assert await perform(fivetran, parse(words), output) == ExitCode.DONE
    assert plain.lines[-1].endswith("already hashed")
    with pytest.raises(UnusableOptionError, match=r"'emial'; did you mean 'email'\?"):
        await perform(fivetran, parse(["schema", "hash", "good", "emial"]), plain.output)
