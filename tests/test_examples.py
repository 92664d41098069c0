"""The examples, run as a reader runs them: on the demo, and on an account from the environment."""

from __future__ import annotations

import asyncio
import csv
import importlib.util
import os
import pty
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from fivetran_async import AsyncFivetran, CertificateError, FivetranError
from fivetran_async.testing import FakeFivetran
from fivetran_async.testing import Fault as FakeFault
from support.certificates import Certificates
from support.faults import Fault, FaultServer, WireRequest, reply
from support.sessions import ONCE, session_at

EXAMPLES = Path(__file__).parents[1] / "examples"


async def run(account: Mapping[str, str], stderr: int = PIPE) -> tuple[int | None, str, str]:
    """Run the overview with these credentials only; return exit code, output and errors."""
    environment = {key: value for key, value in os.environ.items() if "FIVETRAN" not in key}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(EXAMPLES / "account_overview.py")),
        stdout=PIPE,
        stderr=stderr,
        env={**environment, **account},
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), (errors or b"").decode()


def load(example: str) -> ModuleType:
    """Import an example without running it."""
    spec = importlib.util.spec_from_file_location(f"example_{example}", EXAMPLES / f"{example}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the account from the environment."""
    for name in ("FIVETRAN_API_KEY", "FIVETRAN_API_SECRET", "FIVETRAN_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def account(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeFivetran]:
    """An account, named by the environment."""
    async with FakeFivetran() as fake:
        monkeypatch.setenv("FIVETRAN_API_KEY", fake.api_key)
        monkeypatch.setenv("FIVETRAN_API_SECRET", fake.api_secret)
        monkeypatch.setenv("FIVETRAN_BASE_URL", fake.url)
        yield fake


async def call(monkeypatch: pytest.MonkeyPatch, example: str, *arguments: str) -> object:
    """Run an example in this process, as from the command line; return the result of its main."""
    monkeypatch.setattr(sys, "argv", [example, *arguments])
    return await load(example).main()


def changes(fake: FakeFivetran) -> list[str]:
    """Return the requests to an account that are not reads."""
    return [f"{each.verb} {each.path}" for each in fake.requests if each.verb != "GET"]


def credentials_for(server: FaultServer) -> dict[str, str]:
    """Return the environment that names this server."""
    return {
        "FIVETRAN_API_KEY": "q7XvTz0aLpYc",
        "FIVETRAN_API_SECRET": "mB4hW9sRkE2d",
        "FIVETRAN_BASE_URL": server.url,
    }


def page(*items: object) -> Fault:
    """Respond with the only page of a list."""
    return reply(json={"code": "Success", "data": {"items": items}})


def two_groups(request: WireRequest) -> Fault:
    """Respond for an account with two groups; reading the second is forbidden."""
    if request.target.startswith("/v1/groups?"):
        return page({"id": "open_group", "name": "Open"}, {"id": "shut_group", "name": "Shut"})
    if request.target.startswith("/v1/destinations"):
        place = {"service": "snowflake", "region": "AWS_US_EAST_1"}
        return page({"id": "open_group", "group_id": "open_group", **place})
    if "shut_group" in request.target:
        return reply(403, {"code": "Forbidden", "message": "Not for this key"})
    status = {"sync_state": "syncing", "setup_state": "connected"}
    return page(
        {
            "id": "one",
            "group_id": "open_group",
            "service": "postgres",
            "schema": "shop\x1b[2J",
            "paused": False,
            "succeeded_at": "2026-11-22T21:20:19Z",
            "status": status,
        }
    )


@pytest.mark.examples
async def test_without_credentials_it_reads_the_demo() -> None:
    """It prints so first, shows at least 12 groups and 200 connections, and emits no warning."""
    code, output, errors = await run({})
    assert (code, errors) == (0, "")
    assert output.startswith("Reading an embedded demo account")
    counts = re.search(r"\n(\d+) groups \(0 failed\), (\d+) connections\n", output)
    assert counts
    groups, connections = map(int, counts.groups())
    assert groups >= 12
    assert connections >= 200


@pytest.mark.examples
async def test_with_credentials_it_reads_that_account() -> None:
    """A group that fails is a row with the error, next to the other groups."""
    async with FaultServer(answer=two_groups) as server:
        code, output, errors = await run(credentials_for(server))
    assert (code, errors) == (0, "")
    assert output.startswith("Reading your Fivetran account")
    assert "Open (open_group) -> snowflake in AWS_US_EAST_1\n" in output
    assert re.search(
        r"^  postgres +shop\?\[2J +syncing +2026-11-22 21:20 +connected$", output, re.MULTILINE
    )
    assert re.search(r"Shut \(shut_group\).*\n  failed: .*Not for this key", output)
    assert "2 groups (1 failed), 1 connections" in output
    assert {request.verb for request in server.requests} == {"GET"}


@pytest.mark.examples
async def test_refused_credentials_are_one_line() -> None:
    """A rejected key ends it with the reason in one line, without a traceback."""
    refusal = reply(401, {"code": "AuthFailed", "message": "Bad key"})
    async with FaultServer(answer=lambda _: refusal) as server:
        code, _, errors = await run(credentials_for(server))
    assert code == 1
    assert "Bad key" in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.examples
async def test_progress_is_for_terminals() -> None:
    """On a terminal, it updates a line of counts and erases it at the end."""
    terminal, end_of_program = pty.openpty()
    try:
        async with FaultServer(answer=two_groups) as server:
            code, _, _ = await run(credentials_for(server), stderr=end_of_program)
        shown = os.read(terminal, 65_536).decode()
    finally:
        os.close(terminal)
        os.close(end_of_program)
    assert code == 0
    assert re.match(r"\r\d groups, \d connections", shown)
    assert shown.endswith("\r\x1b[K")


@pytest.mark.usefixtures("demo")
async def test_every_way_to_read_a_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each way reads every item, past a checkpoint and past a page that fails."""
    await call(monkeypatch, "paginate")
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("Reading an embedded demo account")
    assert printed[2] == "await: a page of 50, more follow"
    assert printed[5] == "prefetch(): 216 connections of 25 services"
    assert printed[6] == "pages(): 100 connections, then a stop; 116 more from the checkpoint"
    assert printed[7].startswith("after 5 groups: GET /v1/groups: 500")
    assert printed[8] == "resume_cursor: 12 groups in all"


async def test_checkpoint(account: FakeFivetran, tmp_path: Path) -> None:
    """The file holds the cursor after the last finished page, and is removed at the end."""
    for _ in range(5):
        account.add_connection()
    paginate, checkpoint = load("paginate"), tmp_path / "cursor"
    async with AsyncFivetran() as fivetran:
        assert await paginate.from_checkpoint(fivetran, checkpoint, 2, most_pages=1) == 2
        saved = checkpoint.read_text()
        assert await paginate.from_checkpoint(fivetran, checkpoint, 2) == 3
    assert [dict(each.query).get("cursor") for each in account.requests[:2]] == [None, saved]
    assert len(account.requests) == 3
    assert not checkpoint.exists()


async def test_walk_past_errors(account: FakeFivetran) -> None:
    """Every group is returned once although two pages fail; a permanent failure is an error."""
    ids = [account.add_group() for _ in range(12)]
    past_errors = load("paginate").past_errors
    async with AsyncFivetran(retry=ONCE) as fivetran:
        account.fail("groups.list", fault=FakeFault.status(500), nth=1)
        account.fail("groups.list", fault=FakeFault.drop(), nth=3)
        assert [group.id for group in await past_errors(fivetran)] == ids
        account.fail("groups.list", fault=FakeFault.status(500), times=None)
        with pytest.raises(FivetranError):
            await past_errors(fivetran)


async def test_pausing_in_your_account_requires_yes(
    account: FakeFivetran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --yes, the matches are printed and nothing is changed."""
    matching = account.add_connection(service="postgres")
    account.add_connection(service="stripe")
    assert await call(monkeypatch, "bulk_pause", "--service", "postgres") == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1:] == [
        f"  {matching}  postgres",
        "Would pause 1 connections; nothing was changed.",
    ]
    assert await call(monkeypatch, "bulk_pause", "--yes", "--dry-run") == 0
    assert changes(account) == []


async def test_pausing_what_matches(
    account: FakeFivetran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten at a time; a failure is printed and sets the exit code, and the others are paused."""
    group_id = account.add_group()
    matching = [account.add_connection(group_id=group_id, service="s3") for _ in range(25)]
    others = [
        account.add_connection(group_id=group_id, service="s3", paused=True),
        account.add_connection(group_id=group_id, service="stripe"),
        account.add_connection(group_id=account.add_group(), service="s3"),
    ]
    account.fail(path=f"*/{matching[7]}", fault=FakeFault.status(403))
    account.latency = 0.01
    command = ("bulk_pause", "--yes", "--group", group_id, "--service", "s3")
    assert await call(monkeypatch, *command) == 1
    output = capsys.readouterr().out
    assert f"{matching[7]}  failed: PATCH" in output
    assert output.endswith("Paused 24 connections, 1 failed.\n")
    assert sorted(changes(account)) == sorted(f"PATCH /v1/connections/{each}" for each in matching)
    assert 1 < account.max_in_flight <= 10
    paused = {
        each for each in (*matching, *others) if account.record("connections", each)["paused"]
    }
    assert paused == {*matching, others[0]} - {matching[7]}

    assert await call(monkeypatch, *command) == 0
    assert await call(monkeypatch, "bulk_pause", "--yes", "--resume") == 0
    assert capsys.readouterr().out.endswith("Resumed 26 connections, 0 failed.\n")


@pytest.mark.usefixtures("demo")
async def test_pausing_the_demo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demo account is paused, except with --dry-run."""
    assert await call(monkeypatch, "bulk_pause", "--service", "stripe") == 0
    assert re.search(r"\nPaused \d+ connections, 0 failed\.\n$", capsys.readouterr().out)
    assert await call(monkeypatch, "bulk_pause", "--service", "stripe", "--dry-run") == 0
    assert "nothing was changed" in capsys.readouterr().out


async def test_hashing_a_column_everywhere(
    account: FakeFivetran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One request per connection, with the columns that are synced without hashing only."""
    synced = {"succeeded_at": account.clock.stamp()}
    first, second = (account.add_connection(**synced) for _ in range(2))
    unread = account.add_connection()
    elsewhere = account.add_connection(group_id=account.add_group(), **synced)
    group_id = account.record("connections", first)["group_id"]
    async with account.client() as fivetran:
        schemas = fivetran.connections.schemas
        await schemas.update_table(first, "public", "events", enabled=False)
        await schemas.update_column(first, "public", "orders", "email", hashed=True)
        await schemas.update_column(first, "public", "accounts", "email", enabled=False)
        account.requests.clear()

        assert await call(monkeypatch, "schema_hash", "EMAIL", "--group", group_id) == 0
        assert changes(account) == []
        assert "Would hash 5 columns; failures: 0." in capsys.readouterr().out

        assert await call(monkeypatch, "schema_hash", "EMAIL", "--group", group_id, "--yes") == 0
        patched = {each.path: each.body for each in account.requests if each.verb == "PATCH"}
        assert sorted(changes(account)) == sorted(f"PATCH {path}" for path in patched)
        email = {"columns": {"email": {"hashed": True}}}
        assert patched == {
            f"/v1/connections/{first}/schemas": {
                "schemas": {"public": {"tables": {"order_items": email}}}
            },
            f"/v1/connections/{second}/schemas": {
                "schemas": {
                    "public": {
                        "tables": dict.fromkeys(
                            ("accounts", "orders", "order_items", "events"), email
                        )
                    }
                }
            },
        }
        columns = (await schemas.get_columns(first, "public", "order_items")).columns
        assert {name for name, column in columns.items() if column.hashed} == {"email"}
        output = capsys.readouterr().out
        assert f"{unread}  has no schema yet" in output
        assert f"{first}  public.order_items.email\n" in output
        assert elsewhere not in output

    assert await call(monkeypatch, "schema_hash", "email", "--group", group_id, "--yes") == 0
    assert len(changes(account)) == len(patched)


async def test_hashing_reports_failures(
    account: FakeFivetran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failed connection stops no other and sets the exit code; --group is required."""
    synced = {"succeeded_at": account.clock.stamp()}
    broken = account.add_connection(setup_state="broken", **synced)
    healthy = account.add_connection(**synced)
    group_id = account.record("connections", broken)["group_id"]
    assert await call(monkeypatch, "schema_hash", "--group", group_id, "--yes") == 1
    assert changes(account) == [f"PATCH /v1/connections/{healthy}/schemas"]
    assert f"{broken}  failed: GET" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        await call(monkeypatch, "schema_hash", "--yes")


@pytest.mark.usefixtures("demo")
async def test_audit_of_the_demo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Roles of every kind are in the table and in the file; the findings follow."""
    file = tmp_path / "roles.csv"
    await call(monkeypatch, "audit_users", "--csv", str(file))
    table, _, findings = capsys.readouterr().out.partition("\n\nFindings:\n")
    with file.open(newline="") as opened:
        heading, *rows = csv.reader(opened)
    assert heading == ["who", "where", "role"]
    assert [re.split("  +", line) for line in table.splitlines()[2:]] == rows
    kim = {(where, role) for who, where, role in rows if who == "kim@example.com"}
    assert {role for where, role in kim if where.startswith("connection ")} == {
        "Connector Administrator"
    }
    assert kim >= {
        ("account", "none"),
        ("group payroll", "Destination Analyst"),
        ("team On Call", "Team Member"),
    }
    assert ["team On Call", "group payroll", "Destination Reviewer"] in rows
    assert ["owner@example.com", "account", "Account Administrator"] in rows
    assert findings.splitlines() == [
        "  kim@example.com administers the account via team On Call",
        "  kim@example.com never logged in",
        "  owner@example.com administers the account",
        "  team On Call administers the account",
    ]


async def test_audit_of_your_account_only_reads(
    account: FakeFivetran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One request per list, and control characters in names are replaced."""
    account.add("teams", name="Red\x1b[2J", role="Account Reviewer")
    await call(monkeypatch, "audit_users")
    output = capsys.readouterr().out
    assert re.search(r"^team Red\?\[2J +account +Account Reviewer$", output, re.MULTILINE)
    assert changes(account) == []
    # Three lists, the members of a team, and the two kinds of memberships of a user and of a team.
    assert len(account.requests) == 3 + 1 + 2 * 2


@pytest.mark.usefixtures("demo")
async def test_own_session_with_a_proxy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every request goes through the proxy, and the session stays open."""
    await call(monkeypatch, "own_session")
    _, summary, ended, *seen = capsys.readouterr().out.splitlines()
    assert summary.endswith(", 12 groups.")
    assert ended == "The client is closed, its session is open."
    assert [line.rpartition("/v1/")[2] for line in seen[1:]] == [
        "account/info",
        "groups?limit=1000",
    ]


async def test_own_session_with_the_proxy_of_the_environment(
    account: FakeFivetran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With trust_env, aiohttp uses the proxy of the environment."""
    example, seen = load("own_session"), list[str]()
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    async with example.local_proxy(seen) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        await call(monkeypatch, "own_session")
    assert len(seen) == len(account.requests) == 2


async def test_own_session_with_an_authority_of_its_own(
    certificates: Certificates, tmp_path: Path
) -> None:
    """A server is trusted with the file of its authority, and refused without it."""
    example, file = load("own_session"), tmp_path / "ca.pem"
    certificates._authority.cert_pem.write_to_path(file)
    answer, tls = page({"id": "ours"}), certificates.server()
    async with FaultServer(answer=lambda _: answer, tls=tls) as server:
        for ca, trusted in ((file, True), (None, False)):
            async with example.own_session(proxy=None, ca=ca, connections=2) as session:
                fivetran = session_at(server.url, session=session, retry=ONCE)
                if trusted:
                    assert [each.id for each in await fivetran.groups.list().collect()] == ["ours"]
                else:
                    with pytest.raises(CertificateError):
                        await fivetran.groups.list()


@pytest.mark.examples
@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        (("account_as_code", "--groups", "3"), "Plan for Fake Account: no changes"),
        (("hash_policy", "--only", "connections/finance_prod/s*"), "0 settings differ now."),
    ],
)
async def test_the_account_as_code_makes_its_trip(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    last: str,
) -> None:
    """The edit and the policy are planned, rehearsed and applied; at the end nothing differs."""
    assert await call(monkeypatch, *arguments) == 0
    printed = capsys.readouterr().out
    assert "0 failed, 0 skipped, 0 not converging" in printed
    assert printed.rstrip().endswith(last)
