"""The examples, run as their readers run them: as programs, on the demo and on an account."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path

from faults import Fault, FaultServer, WireRequest, reply

OVERVIEW = Path(__file__).parents[1] / "examples" / "account_overview.py"


async def run(account: Mapping[str, str], stderr: int = PIPE) -> tuple[int | None, str, str]:
    """Run the overview with these credentials and no others; give exit code, output, errors."""
    environment = {key: value for key, value in os.environ.items() if "FIVETRAN" not in key}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(OVERVIEW)),
        stdout=PIPE,
        stderr=stderr,
        env={**environment, **account},
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), (errors or b"").decode()


def credentials_for(server: FaultServer) -> dict[str, str]:
    """Give the environment that leads to this server."""
    return {
        "FIVETRAN_API_KEY": "q7XvTz0aLpYc",
        "FIVETRAN_API_SECRET": "mB4hW9sRkE2d",
        "FIVETRAN_BASE_URL": server.url,
    }


def page(*items: object) -> Fault:
    """Answer with the only page of a list."""
    return reply(json={"code": "Success", "data": {"items": items}})


def two_groups(request: WireRequest) -> Fault:
    """Answer for an account whose second group may not be read."""
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


async def test_without_credentials_it_reads_the_demo() -> None:
    """It says so first, shows at least 12 groups and 200 connections, and warns of nothing."""
    code, output, errors = await run({})
    assert (code, errors) == (0, "")
    assert output.startswith("Reading an embedded demo account")
    counts = re.search(r"\n(\d+) groups \(0 could not be read\), (\d+) connections\n", output)
    assert counts
    groups, connections = map(int, counts.groups())
    assert groups >= 12
    assert connections >= 200


async def test_with_credentials_it_reads_that_account() -> None:
    """A group that fails is a row with its reason, next to the others and their connections."""
    async with FaultServer(answer=two_groups) as server:
        code, output, errors = await run(credentials_for(server))
    assert (code, errors) == (0, "")
    assert output.startswith("Reading your Fivetran account")
    assert "Open (open_group) -> snowflake in AWS_US_EAST_1\n" in output
    assert re.search(
        r"^  postgres +shop\?\[2J +syncing +2026-11-22 21:20 +connected$", output, re.MULTILINE
    )
    assert re.search(r"Shut \(shut_group\).*\n  could not be read: .*Not for this key", output)
    assert "2 groups (1 could not be read), 1 connections" in output
    assert {request.verb for request in server.requests} == {"GET"}


async def test_refused_credentials_are_one_line() -> None:
    """A key that is not accepted ends it with the reason, not with a traceback."""
    refusal = reply(401, {"code": "AuthFailed", "message": "Bad key"})
    async with FaultServer(answer=lambda _: refusal) as server:
        code, _, errors = await run(credentials_for(server))
    assert code == 1
    assert "Bad key" in errors
    assert len(errors.splitlines()) == 1


async def test_progress_is_for_terminals() -> None:
    """On a terminal it counts while it works, and leaves the line empty at the end."""
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
