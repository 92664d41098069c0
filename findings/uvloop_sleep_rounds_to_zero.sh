#!/usr/bin/env bash
# uvloop 0.23.0 (CPython's asyncio beside it).
# Guess: a timer never fires early. `await asyncio.sleep(0.0004)` takes at least
# 0.4 ms, and two timers fire in the order of their deadlines.
# Behaviour: uvloop keeps timers in whole milliseconds and rounds to the nearest one.
# A delay below half a millisecond is no delay at all, 1.4 ms is 1 ms, and timers
# that share a millisecond fire in the order in which they were scheduled.
# Consequence: a rate limiter that sleeps until the next slot wakes before the slot.
# With one check after the sleep it sends too early, with a loop around the sleep it
# spins for the last half millisecond. Pace by a clock, ask for whole milliseconds
# rounded up, and never use the order of close deadlines as a queue.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check uvloop==0.23.0
"$dir/venv/bin/python" - <<'PY'
import asyncio
import time

import uvloop


async def early(delay: float) -> int:
    """How many of 50 sleeps ended before their delay was over."""
    count = 0
    for _ in range(50):
        start = time.perf_counter()
        await asyncio.sleep(delay)
        count += time.perf_counter() - start < delay
    return count


async def wake_ups() -> int:
    """How often a pacer wakes for 20 slots of 1.4 ms."""
    wakes = 0
    due = time.perf_counter()
    for _ in range(20):
        due += 0.0014
        while (left := due - time.perf_counter()) > 0:
            await asyncio.sleep(left)
            wakes += 1
    return wakes


async def order() -> list[int]:
    """Five timers, scheduled latest deadline first, 0.05 ms apart."""
    loop = asyncio.get_running_loop()
    fired: list[int] = []
    base = loop.time() + 0.0202
    for late in (4, 3, 2, 1, 0):
        loop.call_at(base + late * 0.00005, fired.append, late)
    await asyncio.sleep(0.05)
    return fired


async def look() -> tuple[int, int, int, list[int]]:
    return await early(0.0004), await early(0.0014), await wake_ups(), await order()


plain = asyncio.run(look())
fast = uvloop.run(look())
for name, (short, long, wakes, fired) in (("asyncio", plain), ("uvloop", fast)):
    print(f"{name}: of 50 sleeps, early at 0.4 ms: {short}, at 1.4 ms: {long};"
          f" wake-ups for 20 slots: {wakes}; timers fired {fired}")

assert plain[0] == 0 and plain[1] == 0 and plain[3] == [0, 1, 2, 3, 4], plain
assert fast[0] >= 40, "uvloop keeps sleeps below half a millisecond"
assert fast[1] >= 5, "uvloop does not round 1.4 ms down"
assert fast[2] >= 5 * plain[2], "the pacer does not spin"
assert fast[3] != [0, 1, 2, 3, 4], "close deadlines fire in their order"
PY
