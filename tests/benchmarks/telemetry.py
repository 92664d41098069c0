"""
The instructions of one call, counted by valgrind: the load of the machine does not change them.

Each variant runs twice in processes of their own, with more and with fewer calls; the difference,
divided by the calls, has no start-up in it. Without the program valgrind there are no rows. To
compare two commits, compare the figures of the call without hooks.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

from calls import (
    AIOHTTP_TELEMETRY,
    FLOOR,
    KEY,
    MOST_OF_TELEMETRY,
    OURS,
    SECRET,
    TELEMETRY,
    Variant,
    asynchronous,
    by_hand,
    with_aiohttp_telemetry,
    with_ours,
    with_telemetry,
)
from harness import NONE, Row, arguments_of, command_line, finish
from server import server_elsewhere

from fivetran_async import AsyncFivetran

FEW: Final = 120
CALLS: Final = 200
"""Calls beyond the few: those that are counted."""
WARM: Final = 10
NO_HOOKS: Final = "groups.get without hooks"

_COUNTED = re.compile(r"Collected : (\d+)")


@contextlib.asynccontextmanager
async def without_hooks(url: str) -> AsyncGenerator[Variant]:
    """Yield the client with its defaults."""
    async with AsyncFivetran(KEY, SECRET, base_url=url) as fivetran:
        yield asynchronous(fivetran.groups.get)


VARIANTS: Final[Mapping[str, Callable[[str], AbstractAsyncContextManager[Variant]]]] = {
    FLOOR: by_hand,
    NO_HOOKS: without_hooks,
    OURS: lambda url: with_ours(url, 20),
    AIOHTTP_TELEMETRY: with_aiohttp_telemetry,
    TELEMETRY: with_telemetry,
}


async def perform(name: str, url: str, calls: int) -> None:
    """Perform calls of a variant, without garbage collection in between."""
    async with VARIANTS[name](url) as variant:
        await variant.times(WARM)
        gc.collect()
        gc.disable()
        await variant.times(calls)


def instructions_of(name: str, url: str, calls: int) -> int:
    """Count the instructions of a process that performs calls of a variant."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *("valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"),
            *(sys.executable, __file__, "--perform", name, url, str(calls)),
        ]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        finished = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
    found = _COUNTED.search(finished.stderr)
    if finished.returncode or found is None:
        raise RuntimeError(f"{name} was not counted: {finished.stderr[-2000:]}")
    return int(found[1])


def count(url: str, calls: int, names: list[str]) -> dict[str, float]:
    """Return the thousands of instructions per call, by variant."""
    costs: dict[str, float] = {}
    for name in names:
        few, many = (instructions_of(name, url, each) for each in (FEW, FEW + calls))
        costs[name] = (many - few) / calls / 1000
        print(f"{costs[name]:8.1f} thousand instructions  {name}", flush=True)
    return costs


def rows_of(costs: Mapping[str, float]) -> list[Row]:
    """Compare the variants that were counted."""
    rows: list[Row] = []
    for ours, rival, target in (
        (NO_HOOKS, FLOOR, None),
        (OURS, NO_HOOKS, None),
        (TELEMETRY, AIOHTTP_TELEMETRY, MOST_OF_TELEMETRY),
    ):
        if {ours, rival} <= costs.keys():
            ratio = costs[ours] / costs[rival]
            rows.append(
                Row(
                    measure=f"instructions: {ours}",
                    ours=f"{costs[ours]:.0f} thousand",
                    rival=f"{rival}: {costs[rival]:.0f} thousand",
                    ratio=f"{ratio:.3f}",
                    target=NONE if target is None else f"<= {target:.2f}",
                    met=None if target is None else ratio <= target,
                )
            )
    return rows


def main() -> None:
    """Count all variants, or those that are named."""
    if sys.argv[1:2] == ["--perform"]:
        name, url, calls = sys.argv[2:]
        asyncio.run(perform(name, url, int(calls)))
        return
    parser = command_line(__doc__, rounds=CALLS, quick=20)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=[*VARIANTS])
    arguments = arguments_of(parser)
    costs: dict[str, float] = {}
    if shutil.which("valgrind") is None:
        print("Instructions are not counted: valgrind is missing.", file=sys.stderr)
    else:
        with server_elsewhere() as url:
            costs = count(url, arguments.rounds, arguments.variants)
    finish(arguments, rows_of(costs))


if __name__ == "__main__":
    main()
