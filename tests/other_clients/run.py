"""
Runs clients of other projects against a FakeFivetran; `nox -s clients` runs this script.

Each client is a separate program that reads URL and credentials from its environment. Afterwards
this script checks the contents of the account.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from fivetran_async.testing import FakeFivetran

HERE = Path(__file__).parent


async def run(fake: FakeFivetran, *command: str) -> None:
    """Run one client."""
    environment = {
        **os.environ,
        "FIVETRAN_URL": fake.url,
        "FIVETRAN_API_KEY": fake.api_key,
        "FIVETRAN_API_SECRET": fake.api_secret,
    }
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    if await process.wait():
        raise SystemExit(f"{command[-1]} failed")


async def main() -> None:
    """Run every client against its own account, and print what it did."""
    for name, command in (
        ("curl", ("bash", str(HERE / "documented_requests.sh"))),
        ("pyfivetran", (sys.executable, str(HERE / "with_pyfivetran.py"))),
    ):
        async with FakeFivetran() as fake, fake.client() as fivetran:
            await run(fake, *command)
            groups = await fivetran.groups.list().collect()
            connections = await fivetran.connections.list().collect()
            assert [group.name for group in groups] == ["Sales"], groups
            assert [connection.is_paused for connection in connections] == [True], connections
            called = {request.operation for request in fake.requests}
            assert {"groups.create", "connections.create", "connections.update"} <= called
            print(f"{name}: {len(called)} operations, all as expected")


asyncio.run(main())
