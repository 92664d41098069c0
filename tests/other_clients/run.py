"""
Has clients that this project did not write work on a FakeFivetran; `nox -s clients` runs it.

Each client is a program of its own that gets the address and the credentials by its environment.
What it did is checked here, by what the account holds afterwards.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from fivetran_async.testing import FakeFivetran

HERE = Path(__file__).parent


async def run(fake: FakeFivetran, *command: str) -> None:
    """Run one client to its end."""
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
    """Run every client on an account of its own, and tell what it did."""
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
            answered = {request.operation for request in fake.requests}
            assert {"groups.create", "connections.create", "connections.update"} <= answered
            print(f"{name}: {len(answered)} operations, all as it expected")


asyncio.run(main())
