"""Five processes, one Redis, random kills and hiccups: each event is handled at least once."""

from __future__ import annotations

import asyncio
import bisect
import collections
import contextlib
import itertools
import os
import random
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Final

import aiohttp
import attrs
import pytest

from matrix.tally import TALLY
from support.redis_server import PRESENT, RedisServer
from support.samples import sample
from webhooks.deliveries import SYNC_END, signed

if not PRESENT:
    pytest.skip("needs redis-server, the program", allow_module_level=True)
pytest.importorskip("redis", reason="needs redis-server's Python client: the package redis")

EVENTS: Final = sample(60, 2_000)
KILLS: Final = sample(1, 20)
HICCUPS: Final = sample(3, 24)
PROCESSES: Final = sample(3, 5)
AT_ONCE: Final = 40
TESTS: Final = Path(__file__).parents[1]


@attrs.frozen
class Handling:
    """One line of the ledger: a handler that succeeded, with the times of its begin and end."""

    event: str
    pid: int
    begin: float
    end: float


@attrs.define
class Service:
    """The processes that receive, and what was done to them."""

    redis: RedisServer
    ledger: Path
    chance: random.Random
    processes: dict[Process, int] = attrs.field(factory=dict[Process, int])
    """With their ports."""
    killed: dict[int, float] = attrs.field(factory=dict[int, float])
    """Processes, and when."""
    lost: list[tuple[float, float]] = attrs.field(factory=list[tuple[float, float]])
    """When the store lost its keys: from and to."""
    hiccups: int = 0
    starting: list[asyncio.Task[None]] = attrs.field(factory=list[asyncio.Task[None]])

    async def start(self) -> None:
        """Start one more process, and wait until it serves."""
        arguments = (str(self.redis.port), str(self.ledger), str(self.chance.random()))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(TESTS / "webhooks" / "process.py"), *arguments),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=PIPE,
            stderr=DEVNULL,
        )
        assert process.stdout is not None
        self.processes[process] = int(await process.stdout.readline())

    async def kill_one(self) -> None:
        """Kill a process in the middle of its work, and start another one."""
        process = self.chance.choice(list(self.processes))
        del self.processes[process]
        process.kill()
        await process.wait()
        self.killed[process.pid] = time.monotonic()
        self.starting.append(asyncio.create_task(self.start()))
        if len(self.processes) < 2:
            await asyncio.gather(*self.starting)

    async def hiccup(self) -> None:
        """Let the store be late, read-only, flushed, or restarted without its keys."""
        begin = time.monotonic()
        kind = self.chance.choice(["late", "read-only", "flushed", "restarted"])
        if kind == "late":
            await asyncio.to_thread(self.redis.command, "CLIENT", "PAUSE", "700", "ALL")
            await asyncio.sleep(0.7)
        elif kind == "read-only":
            await asyncio.to_thread(self.redis.command, "REPLICAOF", "127.0.0.1", "1")
            await asyncio.sleep(0.7)
            await asyncio.to_thread(self.redis.command, "REPLICAOF", "NO", "ONE")
        elif kind == "flushed":
            await asyncio.to_thread(self.redis.command, "FLUSHALL")
        else:
            await asyncio.to_thread(self.redis.stop)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(self.redis.start)
        if kind in {"flushed", "restarted"}:
            self.lost.append((begin, time.monotonic()))
        self.hiccups += 1

    async def trouble(self, vendor: Vendor) -> None:
        """Kill and disturb in a random order, each while some events are being delivered."""
        troubles = [self.kill_one] * KILLS + [self.hiccup] * HICCUPS
        self.chance.shuffle(troubles)
        for trouble in troubles:
            vendor.release(EVENTS // len(troubles))
            await asyncio.sleep(self.chance.random() / 10)
            await trouble()
        vendor.release(EVENTS)

    async def stop(self) -> None:
        """Kill all processes."""
        await asyncio.gather(*self.starting)
        for process in self.processes:
            process.kill()
            await process.wait()

    def reason_to_repeat(self, earlier: Handling, later: Handling) -> str:
        """Return why an event was handled a second time; empty if there is no excuse."""
        # A kill is noted when the process is gone, a moment after it; so a moment of grace.
        if self.killed.get(earlier.pid, float("inf")) <= later.begin + 0.5:
            return "kill"
        loss = bisect.bisect_left(self.lost, earlier.begin, key=lambda times: times[1])
        if loss < len(self.lost) and self.lost[loss][0] <= later.begin:
            return "loss of keys"
        return ""


class Vendor:
    """Delivers events until they get 2xx, as Fivetran does, only faster."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._chance = service.chance
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._released = asyncio.Semaphore(0)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.deliveries = 0

    def release(self, number: int) -> None:
        """Let a number of events happen."""
        for _ in range(number):
            self._released.release()

    async def deliver_all(self, events: list[str]) -> None:
        """Deliver events when they are released, many at a time, until all have got 2xx."""
        async with self._session, asyncio.TaskGroup() as group:
            for event in events:
                group.create_task(self._deliver(event))

    async def _deliver(self, event: str) -> None:
        body = SYNC_END.replace(b"b4703f73-6315-4e22-8d7a-3bfb18b2fed2", event.encode())
        await self._released.acquire()
        async with self._slots:
            while not await self._is_taken(body):  # noqa: ASYNC110 - that is what the vendor does
                await asyncio.sleep(0.05 + self._chance.random() / 5)

    async def _is_taken(self, body: bytes) -> bool:
        self.deliveries += 1
        port = self._chance.choice(list(self._service.processes.values()))
        # Some responses are awaited for a moment only, and come too late.
        seconds = 0.02 if self._chance.random() < 0.05 else 10
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, ConnectionError):
            async with self._session.post(
                f"http://127.0.0.1:{port}/hook",
                data=body,
                headers=dict(signed(body)),
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                return 200 <= response.status < 300
        return False


def handlings(ledger: Path) -> dict[str, list[Handling]]:
    """Read the ledger: what was done for each event, in order."""
    by_event = collections.defaultdict[str, list[Handling]](list)
    for line in ledger.read_text().splitlines():
        event, pid, begin, end = line.split()
        by_event[event].append(Handling(event, int(pid), float(begin), float(end)))
    return by_event


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_each_event_is_handled_at_least_once(tmp_path: Path) -> None:
    """
    Events are handled twice only after a kill, or after a store that lost its keys.

    Processes are killed, the store is late, read-only, flushed and restarted, handlers fail, and
    some responses come too late; each event is delivered until it gets 2xx.
    """
    redis = RedisServer(tmp_path)
    redis.start()
    chance = random.Random(11)  # noqa: S311 - to repeat it, not to hide it
    service = Service(redis, tmp_path / "ledger", chance)
    events = [f"event-{number}" for number in range(EVENTS)]
    try:
        await asyncio.gather(*(service.start() for _ in range(PROCESSES)))
        vendor = Vendor(service)
        await asyncio.gather(service.trouble(vendor), vendor.deliver_all(events))
    finally:
        await service.stop()
        redis.stop()
    done = handlings(service.ledger)
    reasons = collections.Counter(
        service.reason_to_repeat(earlier, later)
        for each in done.values()
        for earlier, later in itertools.pairwise(each)
    )
    TALLY.cases("events", len(events), wire_requests=vendor.deliveries)
    TALLY.cases("kills", len(service.killed))
    TALLY.cases("store hiccups", service.hiccups)
    TALLY.apart("twice after a kill", reasons["kill"])
    TALLY.apart("twice after a store lost its keys", reasons["loss of keys"])
    TALLY.count("lost", len(set(events) - set(done)))
    TALLY.count("twice", reasons[""])
