"""
Runs a client of another project against a FakeFivetran: `nox -s clients` runs each of them.

The client is a separate program, in its own environment, that reads the URL and credentials from
environment variables. It prints how many of its steps it finished. Afterwards this script checks
the contents of the account. The argument is the name of the client.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import attrs

from fivetran_async.testing import FakeFivetran

HERE: Final = Path(__file__).parent


@attrs.frozen
class Client:
    """A program, and the operations that it must have called."""

    program: str
    called: frozenset[str]
    is_paused: bool = True
    has_account: bool = False


WRITES: Final = frozenset({"groups.create", "connections.create", "connections.update"})
CLIENTS: Final = {
    "curl": Client("documented_requests.sh", WRITES | {"webhooks.delete"}),
    "pyfivetran": Client("with_pyfivetran.py", WRITES),
    "deploy": Client("deploy_requests.py", WRITES | {"connector_sdk_packages.update"}),
    "dagster": Client(
        "dagster_requests.py",
        frozenset({"connections.sync", "connections.resync", "connections.schemas.get"}),
        is_paused=False,
        has_account=True,
    ),
}


def fill(fake: FakeFivetran) -> str:
    """Add what a client expects to find; the second of its syncs fails."""
    fake.sync_duration = 0.2
    group_id = fake.add_group(name="Sales")
    fake.add_destination(group_id=group_id, service="snowflake")
    connection_id = fake.add_connection(group_id=group_id, succeeded_at=fake.clock.stamp())
    fake.plan_sync(connection_id)
    fake.plan_sync(connection_id, "failed")
    return connection_id


async def main(name: str) -> None:
    """Run one client, and check what it did."""
    client = CLIENTS[name]
    interpreter = "bash" if client.program.endswith(".sh") else sys.executable
    async with FakeFivetran() as fake, fake.client() as fivetran:
        environment = {
            **os.environ,
            "FIVETRAN_URL": fake.url,
            "FIVETRAN_API_KEY": fake.api_key,
            "FIVETRAN_API_SECRET": fake.api_secret,
        }
        if client.has_account:
            environment["CONNECTION_ID"] = fill(fake)
        process = await asyncio.create_subprocess_exec(
            interpreter, str(HERE / client.program), env=environment
        )
        if await process.wait():
            raise SystemExit(f"{client.program} failed")
        called = {request.operation for request in fake.requests}
        groups = await fivetran.groups.list().collect()
        connections = await fivetran.connections.list().collect()
    assert [group.name for group in groups] == ["Sales"], groups
    own = [each for each in connections if each.service != "fivetran_log"]
    assert [each.is_paused for each in own] == [client.is_paused], connections
    assert client.called <= called, called
    assert not any(request.status and request.status >= 500 for request in fake.requests)


asyncio.run(main(*sys.argv[1:]))
