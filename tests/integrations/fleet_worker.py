"""
A process of a fleet: `fleet_worker.py URL REDIS_PORT JOURNAL IDS...`; without ids it resumes.

It prints a line of JSON when it has joined, and for each outcome.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from redis.asyncio import Redis

from fivetran_async import AsyncFivetran
from fivetran_async.integrations.redis import RedisFleet
from fivetran_async.syncs import SyncPolicy

LEASE = 5.0
"""Longer than a pause of a busy machine."""
BRISK = SyncPolicy(start_timeout=30, min_interval=1, max_interval=3, history=False)
"""A trigger counts as lost after six seconds."""


def report(connection_id: str, status: str) -> None:
    """Print a line for the test."""
    line = {"connection_id": connection_id, "status": status, "at": time.time()}
    print(json.dumps(line), flush=True)  # noqa: T201


async def work(url: str, port: int, journal: str, ids: list[str]) -> None:
    """Sync some connections as a part of a fleet."""
    async with (
        Redis(port=port) as client,
        AsyncFivetran("fake_key", "fake_secret", base_url=url, rate_limits=None) as fivetran,
        RedisFleet(client, lease=LEASE).join(fivetran),
    ):
        report("", "ready")
        runs = (
            fivetran.syncs.run_all(ids, policy=BRISK, journal=journal)
            if ids
            else fivetran.syncs.resume_all(journal)
        )
        async with runs as outcomes:
            async for outcome in outcomes:
                report(outcome.connection_id, outcome.status)


if __name__ == "__main__":
    url, port, journal, *ids = sys.argv[1:]
    asyncio.run(work(url, int(port), journal, ids))
