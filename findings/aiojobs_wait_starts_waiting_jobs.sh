#!/usr/bin/env bash
# aiojobs 1.4.0.
# Guess: `job.wait(timeout=...)` bounds the wait and raises TimeoutError; the job goes on.
# Or else the job is cancelled, be it running or still waiting for a slot: in
# each case no more than `limit` jobs run at a time.
# Behaviour: it depends on where the job is. One that runs is cancelled, with a TimeoutError.
# One that has no slot yet is started by the timeout: it runs at once, beside those that
# fill the limit, to its very end, and the caller gets an InvalidStateError. By then the job
# calls itself closed. `asyncio.timeout()` around a plain `wait()` leaves both kinds
# alone, and `close()` drops one without a slot as it should.
# Consequence: under load, when there is a queue, each impatient caller raises the number
# of syncs that run at once, `except TimeoutError` does not see it, and a job that is given up
# and sent again runs twice. Bound waits from outside, and call `close()` by name where the
# job has to end.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check aiojobs==1.4.0
cd "$dir"
"$dir/venv/bin/python" - <<'PY'
import asyncio
from collections.abc import Awaitable, Callable

from aiojobs import Job, Scheduler

GiveUp = Callable[[Job[None]], Awaitable[None]]


async def wait_inside(job: Job[None]) -> None:
    await job.wait(timeout=0.1)


async def wait_outside(job: Job[None]) -> None:
    async with asyncio.timeout(0.1):
        await job.wait()


async def close(job: Job[None]) -> None:
    await job.close()


async def look(give_up: GiveUp, *, has_slot: bool) -> tuple[str, str, int]:
    """The caller's error, what became of the job, and how many ran at once, of one allowed."""
    running: set[str] = set()
    ended: dict[str, str] = {}
    most = 0

    async def work(name: str) -> None:
        nonlocal most
        running.add(name)
        most = max(most, len(running))
        try:
            await asyncio.sleep(0.4)
        except asyncio.CancelledError:
            ended[name] = "cancelled"
            raise
        else:
            ended[name] = "finished"
        finally:
            running.discard(name)

    scheduler = Scheduler(limit=1)
    if not has_slot:
        await scheduler.spawn(work("first"))
    job = await scheduler.spawn(work("job"))
    error = "none"
    try:
        await give_up(job)
    except (TimeoutError, asyncio.InvalidStateError) as raised:
        error = type(raised).__name__
    await asyncio.sleep(1)
    await scheduler.close()
    seen = error, ended.get("job", "never started"), most
    print(f"{give_up.__name__}, {'running' if has_slot else 'waiting for a slot'}: {seen}")
    return seen


async def main() -> None:
    assert await look(wait_inside, has_slot=True) == ("TimeoutError", "cancelled", 1)
    assert await look(wait_inside, has_slot=False) == ("InvalidStateError", "finished", 2)
    assert await look(wait_outside, has_slot=True) == ("TimeoutError", "finished", 1)
    assert await look(wait_outside, has_slot=False) == ("TimeoutError", "finished", 1)
    assert await look(close, has_slot=False) == ("none", "never started", 1)


asyncio.run(main())
PY
