"""A program that runs or resumes a batch with a journal; it can kill itself at any point of it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from collections import Counter

from fivetran_async import AsyncFivetran, Hooks, RequestEvent, ResponseEvent
from fivetran_async.syncs import SyncPolicy, SyncRun

BRISK = SyncPolicy(start_timeout=15, min_interval=0.1, max_interval=0.3, history=False)
"""A trigger counts as lost after three seconds: more than `Date` cuts off."""


class Killer:
    """Sends itself `kill -9` when something happens for the nth time."""

    def __init__(self, point: str, nth: int) -> None:
        self._point = point
        self._nth = nth
        self._counts = Counter[str]()

    def reach(self, point: str) -> None:
        """Count a point, and end if it is the one."""
        self._counts[point] += 1
        if point == self._point and self._counts[point] == self._nth:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_request(self, event: RequestEvent) -> None:
        """The line before the trigger is on disk, and the trigger is not sent."""
        if event.operation == "connections.sync":
            self.reach("request")

    def on_response(self, event: ResponseEvent) -> None:
        """The trigger was accepted, and the line after it is not written."""
        if event.operation == "connections.sync":
            self.reach("response")

    def on_started(self, _: SyncRun) -> None:
        """The line after the trigger is on disk."""
        self.reach("started")


async def main(url: str, journal: str, point: str, nth: int, ids: list[str]) -> None:
    """Run the batch of some connections, or resume that of the journal."""
    killer = Killer(point, nth)
    hooks = Hooks(on_request=killer.on_request, on_response=killer.on_response)
    async with AsyncFivetran(
        "fake_key", "fake_secret", base_url=url, rate_limits=None, hooks=hooks
    ) as fivetran:
        runs = (
            fivetran.syncs.run_all(ids, policy=BRISK, journal=journal, on_started=killer.on_started)
            if ids
            else fivetran.syncs.resume_all(journal, on_started=killer.on_started)
        )
        statuses: dict[str, str] = {}
        async with runs as outcomes:
            async for outcome in outcomes:
                statuses[outcome.connection_id] = outcome.status
                killer.reach("outcome")
    print(json.dumps(statuses))  # noqa: T201 - for the test


if __name__ == "__main__":
    url, journal, point, nth, *ids = itertools.islice(sys.argv, 1, None)
    asyncio.run(main(url, journal, point, int(nth), ids))
