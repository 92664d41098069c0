"""A fleet of processes, some are killed: every outcome, no sync twice, few polls."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import fivetran_async
from fivetran_async.testing import FakeFivetran
from support.redis_server import PRESENT, RedisServer
from support.samples import PROOFS, sample
from support.waiting import until

if not PRESENT:
    pytest.skip("needs redis-server, the program", allow_module_level=True)
pytest.importorskip("redis", reason="needs redis-server's Python client: the package redis")

# After the skips, for these need the client.
from redis.asyncio import Redis as Client

from fivetran_async.integrations.redis import RedisFleet
from integrations.fleet_worker import BRISK, LEASE

PROGRAM = Path(__file__).with_name("fleet_worker.py")
PROCESSES = sample(2, 4)
KILLED = sample(1, 2)
SYNCS = sample(24, 500)
COMMON = sample(2, 10)
SHORTEST, LONGEST = sample(4, 30), sample(8, 60)
"""Seconds that the syncs take."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server without keys."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


class Worker:
    """A process of the fleet, and what it printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.statuses: dict[str, str] = {}
        self.times: dict[str, float] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, fake: FakeFivetran, server: RedisServer, journal: Path, ids: Sequence[str]
    ) -> Worker:
        """Start it, and wait until it has joined the fleet."""
        environment = {name: text for name, text in os.environ.items() if "FIVETRAN" not in name}
        environment["PYTHONPATH"] = str(Path(fivetran_async.__file__).parents[1])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROGRAM), fake.url, str(server.port), str(journal), *ids),
            stdout=PIPE,
            env=environment,
        )
        worker = cls(process)
        await until(lambda: "" in worker.statuses or process.returncode is not None)
        return worker

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            report = json.loads(line)
            self.statuses[report["connection_id"]] = report["status"]
            self.times[report["connection_id"]] = report["at"]

    async def end(self) -> int:
        """Return how it ended."""
        code = await self.process.wait()
        await self._reading
        return code


def plan(fake: FakeFivetran) -> list[str]:
    """Add connections with syncs that begin soon and take different times."""
    chance = random.Random(7)  # noqa: S311
    ids = [fake.add_connection() for _ in range(SYNCS)]
    for connection_id in ids:
        lasts = chance.uniform(SHORTEST, LONGEST)
        fake.plan_sync(connection_id, start_after=chance.choice([0, 0, 1]), duration=lasts)
    return ids


def plan_common(fake: FakeFivetran) -> list[str]:
    """Add connections that all processes want; only a webhook event ends their syncs."""
    ids = [fake.add_connection() for _ in range(COMMON)]
    for connection_id in ids:
        fake.plan_sync(connection_id, start_after=1, duration=100_000)
    return ids


def count_polls(fake: FakeFivetran, *, batches: int, decisions: Counter[str]) -> int:
    """
    Count the reads that are neither of a batch before its triggers, nor before one decision.

    `batches` is the number of reads of batches; `decisions` how many processes decided whether a
    connection is triggered.
    """
    read = Counter(
        request.path.rpartition("/")[2] for request in fake.requests_for("connections.get")
    )
    return len(fake.requests_for("connections.list")) - batches + (read - decisions).total()


async def polls_of_one_process(seconds: float) -> int:
    """Count the polls of one session with the same syncs in the same time."""
    async with FakeFivetran() as fake, fake.client(rate_limits=None) as fivetran:
        ids = [*plan_common(fake), *plan(fake)]
        async with fivetran.syncs.run_all(ids, policy=BRISK):
            await asyncio.sleep(seconds)
        return count_polls(fake, batches=-(-len(ids) // 200), decisions=Counter())


def check_triggers(fake: FakeFivetran, lost: set[str]) -> int:
    """Check what was read before each trigger; return the number of triggers that only joined."""
    is_read: set[str] = set()
    triggers = Counter[str]()
    for request in fake.requests:
        if request.operation == "connections.list":
            is_read |= triggers.keys()
        elif request.operation == "connections.get":
            is_read.add(request.path.rpartition("/")[2])
        elif request.operation == "connections.sync":
            connection_id = request.path.split("/")[-2]
            assert request.body == {"force": False}
            assert connection_id in is_read
            is_read.discard(connection_id)
            triggers[connection_id] += 1
    assert {each for each, count in triggers.items() if count > 1} <= lost
    return sum(triggers.values()) - len(triggers)


@pytest.mark.slow
async def test_killed_processes(
    server: RedisServer, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """All outcomes come after the killed processes are restarted; nothing is started twice."""
    async with FakeFivetran() as fake:
        ids = plan(fake)
        common = plan_common(fake)
        part = SYNCS // PROCESSES
        parts = [[*common, *ids[first : first + part]] for first in range(0, SYNCS, part)]
        journals = [tmp_path / f"{number}.jsonl" for number in range(PROCESSES)]
        # The first one polls for all; the others trigger while it is killed.
        starts = [
            Worker.start(fake, server, journal, mine)
            for journal, mine in zip(journals, parts, strict=True)
        ]
        workers = [await starts[0], *await asyncio.gather(*starts[1:])]
        await until(lambda: len(fake.requests_for("connections.sync")) > SYNCS * 2 // 3)
        for worker in workers[:KILLED]:
            worker.process.send_signal(signal.SIGKILL)
        codes = [await worker.end() for worker in workers[:KILLED]]
        assert codes == [-signal.SIGKILL] * KILLED
        for number in range(KILLED):
            workers[number] = await Worker.start(fake, server, journals[number], [])
        await until_ended(workers, [len(mine) - COMMON for mine in parts])
        seconds = time.time() - min(worker.times[""] for worker in workers)
        decisions = Counter([*itertools.chain(*parts), *common * KILLED])
        polls = count_polls(fake, batches=PROCESSES + 2 * KILLED, decisions=decisions)
        fed_at = await feed_events(fake, server, common)
        assert [await worker.end() for worker in workers] == [0] * PROCESSES
    for worker, mine in zip(workers, parts, strict=True):
        assert {each: worker.statuses[each] for each in mine} == dict.fromkeys(mine, "succeeded")
    history = fake._account.collection("sync_history")
    every = [*common, *ids]
    syncs = {each: len(list(history.where("connection_id", each))) for each in every}
    assert syncs == dict.fromkeys(every, 1)
    late = max(worker.times[each] for worker in workers for each in common) - fed_at
    assert late < 1
    joined = check_triggers(fake, lost={each for mine in parts[:KILLED] for each in mine})
    # A poll in a second is what the policy allows at most.
    alone = await polls_of_one_process(seconds) if PROOFS else int(seconds)
    figures = f"polls {polls} for {alone} alone, joined {joined}, event after {late:.3f} s"
    record_property("figures", figures)
    assert polls <= 1.3 * alone, figures


async def until_ended(workers: Sequence[Worker], numbers: Sequence[int]) -> None:
    """Return once each process has printed a number of outcomes."""
    give_up_at = time.monotonic() + LONGEST + 100
    while [len(worker.times) - 1 for worker in workers] != numbers:
        assert time.monotonic() < give_up_at, [len(worker.times) for worker in workers]
        await asyncio.sleep(0.05)


async def feed_events(fake: FakeFivetran, server: RedisServer, ids: Sequence[str]) -> float:
    """Receive webhook events in one more process; return the time."""
    async with (
        Client(port=server.port) as client,
        fake.client(rate_limits=None) as fivetran,
        RedisFleet(client, lease=LEASE).join(fivetran) as member,
    ):
        at = time.time()
        for connection_id in ids:
            await member.feed(
                {
                    "event": "sync_end",
                    "created": fake.clock.now().isoformat(),
                    "connector_id": connection_id,
                    "data": {"status": "SUCCESSFUL"},
                }
            )
    return at
