#!/usr/bin/env bash
# dramatiq 2.2.1, actors that are `async def`, with its own middleware.
# Guess: at its time limit an actor is cancelled, its `finally` blocks run, and then the
# message is retried: attempts of one message never overlap in one worker.
# Behaviour: the coroutine is cancelled and the worker does not wait for it. The message is
# retried after its backoff while the first attempt is still in its `finally` block. What
# the first attempt returns or raises from there on is lost.
# Consequence: a cleanup that awaits, such as releasing a lease or pausing what was
# started, meets the next attempt: it releases the lease of that one, or pauses its work.
# Tie what a cleanup takes back to the attempt, by a token of its own.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check dramatiq==2.2.1
"$dir/venv/bin/python" - <<'PY'
import asyncio
import logging
import time

import dramatiq
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AsyncIO, Retries, TimeLimit

logging.disable(logging.CRITICAL)
middleware = [
    TimeLimit(interval=100),
    Retries(max_retries=1, min_backoff=100, max_backoff=200),
    AsyncIO(),
]
broker = StubBroker(middleware=middleware)
dramatiq.set_broker(broker)
events: list[str] = []
attempts = 0


@dramatiq.actor(time_limit=1000)
async def wait_for_sync() -> None:
    global attempts
    attempts += 1
    attempt = attempts
    events.append(f"attempt {attempt} begins")
    try:
        await asyncio.sleep(60 if attempt == 1 else 0.1)
        events.append(f"attempt {attempt} succeeds")
    finally:
        if attempt == 1:
            await asyncio.sleep(2)  # gives something back
            events.append("attempt 1 has given back what it held")


worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
broker.emit_after("process_boot")
worker.start()
wait_for_sync.send()
end = time.monotonic() + 20
while time.monotonic() < end and "attempt 1 has given back what it held" not in events:
    time.sleep(0.1)
worker.stop()
print("\n".join(events))
assert events == [
    "attempt 1 begins",
    "attempt 2 begins",
    "attempt 2 succeeds",
    "attempt 1 has given back what it held",
], events
PY
