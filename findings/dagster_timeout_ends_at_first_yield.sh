#!/usr/bin/env bash
# dagster 1.13.29.
# Guess: an op or asset that is an asynchronous generator runs as one task in one event
# loop. `async with asyncio.timeout()` around its body bounds the body, and background
# tasks go on while Dagster handles an output.
# Behaviour: Dagster drives the loop for one item at a time, each in a new task, and the
# loop stands still in between. A timeout belongs to the task that entered it, so after
# the first yield it never fires, without an error. A task group whose child
# fails cannot wake its body for the same reason. A background task gets no turn for
# as long as the handling of an output takes.
# Consequence: the limit on a wait for a sync holds in a test of the generator itself
# and is gone in a run, and leases that a background task renews run out while a large
# output is stored. Collect in a coroutine and yield afterwards, or bound each
# await by itself, between two yields.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.29
cd "$dir"
DAGSTER_DISABLE_TELEMETRY=1 DAGSTER_HOME="$dir" "$dir/venv/bin/python" -W ignore - 2>log.txt <<'PY'
import asyncio
import time
from collections.abc import AsyncIterator

import dagster as dg

LIMIT = 0.3
WORK = 1.2
STORE = 0.8
seen: dict[str, object] = {}


class SlowStore(dg.IOManager):
    """Takes its time to store an output, as a warehouse would."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        time.sleep(STORE)

    def load_input(self, context: dg.InputContext) -> object:
        raise NotImplementedError


async def bounded(name: str) -> AsyncIterator[str]:
    """Work that exceeds its time limit after the first item."""
    start = time.monotonic()
    try:
        async with asyncio.timeout(LIMIT):
            yield "first"
            await asyncio.sleep(WORK)
    except TimeoutError:
        seen[name] = "timed out"
    else:
        seen[name] = "no timeout"
    seen[f"{name}, seconds"] = time.monotonic() - start


@dg.op(out=dg.DynamicOut())
async def timed():
    async for item in bounded("in Dagster"):
        yield dg.DynamicOutput(item, "a")


@dg.op(out=dg.DynamicOut(io_manager_key="slow"))
async def renewing():
    renewals: list[float] = []

    async def renew() -> None:
        while True:
            renewals.append(time.monotonic())
            await asyncio.sleep(0.05)

    task = asyncio.create_task(renew())
    await asyncio.sleep(0.2)
    yield dg.DynamicOutput("x", "a")
    await asyncio.sleep(0.2)
    task.cancel()
    pairs = zip(renewals, renewals[1:])
    seen["longest pause"] = max(later - earlier for earlier, later in pairs)


@dg.op(out=dg.DynamicOut())
async def grouped():
    async def fail() -> None:
        await asyncio.sleep(0.1)
        raise ValueError

    start = time.monotonic()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            yield dg.DynamicOutput("x", "a")
            await asyncio.sleep(WORK)
    except* ValueError:
        seen["group ended after"] = time.monotonic() - start


@dg.job(resource_defs={"slow": dg.IOManagerDefinition.hardcoded_io_manager(SlowStore())})
def job() -> None:
    timed()
    renewing()
    grouped()


async def alone() -> None:
    async for _ in bounded("alone"):
        pass


asyncio.run(alone())
result = job.execute_in_process()
for name, value in seen.items():
    print(f"{name}: {value if isinstance(value, str) else format(value, '.2f')}")
assert result.success
assert seen["alone"] == "timed out" and seen["alone, seconds"] < WORK, seen
assert seen["in Dagster"] == "no timeout" and seen["in Dagster, seconds"] >= WORK, seen
assert seen["group ended after"] >= WORK, "a failed child wakes the body"
assert seen["longest pause"] >= STORE, "background tasks go on"
PY
