"""
A process that sends requests by a quota on a Redis server: `python -m support.quota_worker`.

It gets one JSON object on the command line, and prints the times at which its requests "arrived".
Jobs end when all are done, or when standard input is closed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict

if TYPE_CHECKING:
    from fivetran_async.integrations.redis import OnUnavailable

_TESTS: Final = Path(__file__).parent.parent
_LONGEST: Final = 0.03
"""Seconds that a request takes on its way there, and on its way back."""


class Orders(TypedDict):
    """What a worker does."""

    port: int
    limit: int
    window: float
    jobs: int
    tasks: int
    on_unavailable: OnUnavailable


class Worker:
    """A worker process, started here."""

    def __init__(self, orders: Orders) -> None:
        program = f"import sys; sys.path.insert(0, {str(_TESTS)!r})\n"
        program += "from support.quota_worker import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, json.dumps(orders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def wait_until_ready(self) -> None:
        """Wait until it is about to send: on a busy machine it takes a while to start."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def finish(self, timeout: float) -> list[float]:
        """Stop it, and return the times of its requests."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self.result(timeout)

    def result(self, timeout: float) -> list[float]:
        """Wait until it is done, and return the times of its requests."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        assert self._process.stdout is not None
        assert self._process.returncode == 0
        with self._process.stdout as output:
            arrivals: list[float] = json.loads(output.read())
        if self._process.stdin is not None:
            self._process.stdin.close()
        return arrivals


def most_in_a_window(arrivals: Sequence[float], window: float) -> int:
    """Return the largest number of arrivals in any window, wherever it begins."""
    ordered, most, first = sorted(arrivals), 0, 0
    for index, arrival in enumerate(ordered):
        while ordered[first] <= arrival - window:
            first += 1
        most = max(most, index - first + 1)
    return most


async def work(orders: Orders) -> list[float]:
    """Send requests until all jobs are done or the input ends."""
    from redis.asyncio import Redis  # noqa: PLC0415 - not everywhere installed

    from fivetran_async._clock import SystemClock  # noqa: PLC0415
    from fivetran_async.errors import RateLimitedError  # noqa: PLC0415
    from fivetran_async.integrations.redis import RedisRateLimiter  # noqa: PLC0415
    from fivetran_async.limits import Quota, QuotaReport, RateLimits  # noqa: PLC0415

    limits = RateLimits(quotas={"requests": (Quota(orders["limit"], orders["window"]),)})
    arrivals, stopped = list[float](), asyncio.Event()
    jobs = iter(range(orders["jobs"]))
    asyncio.get_running_loop().add_reader(sys.stdin, stopped.set)
    async with Redis(port=orders["port"]) as client:
        shared = RedisRateLimiter(client, limits=limits, on_unavailable=orders["on_unavailable"])
        limiter = shared.for_account("account", base_url="", clock=SystemClock())

        async def send() -> None:
            try:
                await limiter.acquire(())
            except RateLimitedError:
                await asyncio.sleep(0.05)
                return
            await asyncio.sleep(random.random() * _LONGEST)  # noqa: S311 - a simulation
            arrivals.append(time.time())
            await asyncio.sleep(random.random() * _LONGEST)  # noqa: S311
            limiter.settle((), QuotaReport(status=200), sent=True)

        async def loop() -> None:
            for _ in jobs:
                done = len(arrivals)
                while len(arrivals) == done:
                    await send()

        sys.stdout.write("ready\n")
        sys.stdout.flush()
        workers = [asyncio.create_task(loop()) for _ in range(orders["tasks"])]
        stop = asyncio.create_task(stopped.wait())
        everything = asyncio.gather(*workers, return_exceptions=True)
        await asyncio.wait((everything, stop), return_when=asyncio.FIRST_COMPLETED)
        for task in (stop, *workers):
            task.cancel()
        await asyncio.wait((stop, *workers))
        await shared.aclose()
    return arrivals


def main() -> None:
    """Follow the orders on the command line."""
    logging.disable(logging.WARNING)
    sys.stdout.write(json.dumps(asyncio.run(work(json.loads(sys.argv[1])))))
