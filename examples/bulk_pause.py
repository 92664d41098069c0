"""
Pause or resume every matching connection; a failure does not stop the others.

    python examples/bulk_pause.py --group GROUP_ID --service postgres        # dry run
    python examples/bulk_pause.py --group GROUP_ID --service postgres --yes  # pauses
    python examples/bulk_pause.py --service postgres --resume --yes

With FIVETRAN_API_KEY and FIVETRAN_API_SECRET in the environment, it changes that account, but only
with `--yes`. Without them, it starts an embedded Fivetran with a demo account and changes it,
except with `--dry-run`. The exit code is 1 if a connection could not be changed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from fivetran_async import AsyncFivetran, FanOutFailure, FivetranError
from fivetran_async.models import Connection
from fivetran_async.testing import FakeFivetran


async def find(
    fivetran: AsyncFivetran, *, group_id: str | None, service: str | None, pause: bool
) -> list[Connection]:
    """List the matching connections that have to change."""
    return [
        connection
        async for connection in fivetran.connections.list(group_id=group_id)
        if service in (None, connection.service) and connection.is_paused != pause
    ]


async def switch(
    fivetran: AsyncFivetran, connections: Sequence[Connection], *, pause: bool
) -> list[FanOutFailure[Connection]]:
    """Pause or resume the connections, ten at a time; return the failures."""
    change = fivetran.connections.pause if pause else fivetran.connections.resume
    failures: list[FanOutFailure[Connection]] = []
    async with fivetran.fan_out(
        connections, lambda connection: change(connection.id), concurrency=10, on_error="yield"
    ) as results:
        async for connection, outcome in results:
            if isinstance(outcome, FanOutFailure):
                failures.append(outcome)
                print(f"  {connection.id}  failed: {outcome.error}")
            else:
                print(f"  {connection.id}  {'paused' if outcome.is_paused else 'resumed'}")
    return failures


async def run(fivetran: AsyncFivetran, options: argparse.Namespace, *, dry_run: bool) -> int:
    """Find the connections, change them and print a summary; return the exit code."""
    found = await find(
        fivetran, group_id=options.group, service=options.service, pause=not options.resume
    )
    verb = "resume" if options.resume else "pause"
    if dry_run:
        for connection in found:
            print(f"  {connection.id}  {connection.service}")
        print(f"Would {verb} {len(found)} connections; nothing was changed.")
        return 0
    failures = await switch(fivetran, found, pause=not options.resume)
    print(f"{verb.capitalize()}d {len(found) - len(failures)} connections, {len(failures)} failed.")
    return int(bool(failures))


async def main() -> int:
    """Pause or resume connections of the account from the environment, or of the demo account."""
    parser = argparse.ArgumentParser(description="Pause every matching connection.")
    parser.add_argument("--group", metavar="GROUP_ID", help="only connections of this group")
    parser.add_argument("--service", help="only connections of this service, such as postgres")
    parser.add_argument("--resume", action="store_true", help="resume instead of pausing")
    parser.add_argument("--dry-run", action="store_true", help="only print what would change")
    parser.add_argument("--yes", action="store_true", help="change the account of FIVETRAN_API_KEY")
    options = parser.parse_args()
    if "FIVETRAN_API_KEY" in os.environ:
        print("Using your Fivetran account: FIVETRAN_API_KEY is set.")
        dry_run = options.dry_run or not options.yes
        async with AsyncFivetran(read_only=dry_run) as fivetran:
            return await run(fivetran, options, dry_run=dry_run)
    print("Using an embedded demo account: FIVETRAN_API_KEY is not set.")
    async with FakeFivetran.demo() as fake, fake.client(read_only=options.dry_run) as fivetran:
        return await run(fivetran, options, dry_run=options.dry_run)


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except FivetranError as error:
        sys.exit(f"Could not list the connections: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
