"""
A schema config of 200,000 columns: how long it blocks the event loop, and what writing it costs.

A heartbeat measures the pauses of the loop while the config is read, in processor time of this
process: on a busy machine, other processes would lengthen the pauses by the clock. Each config is
read in a process of its own, with all extras, with orjson only, and without extras. The peak of
memory is that of a page, as Python's allocator counts it, in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, cast

from decode import ABSENT, ALL, our_reader
from harness import NONE, Comparison, Row, arguments_of, command_line, finish, turns
from payloads import connections, page_body, patch_values, schema_config_body
from server import server_elsewhere

from fivetran_async import AsyncFivetran
from fivetran_async._http.body import json_body
from fivetran_async.models import Connection, SchemaConfig

LONGEST_PAUSE = 0.100
A_TABLE = 100
COLUMNS = 2_000 * A_TABLE
A_PAGE = 1_000
DUMPS, AGAIN, OURS = "json.dumps", "json.dumps, again", "body of a request"
TO_DICT = "to_dict()"


async def longest_pause(url: str) -> float:
    """Return the longest pause of the event loop while a config is read, in processor seconds."""
    pauses: list[float] = []

    async def beat() -> None:
        while True:
            before = time.process_time()
            await asyncio.sleep(0.001)
            pauses.append(time.process_time() - before)

    async with AsyncFivetran("key", "secret", base_url=url, rate_limits=None) as fivetran:
        # Small: it imports what the first config needs.
        await fivetran.connections.schemas.get("1")
        heart = asyncio.create_task(beat())
        config = await fivetran.connections.schemas.get(str(A_TABLE))
        heart.cancel()
    tables = [table for schema in config.schemas.values() for table in schema.tables.values()]
    assert sum(len(table.columns) for table in tables) == COLUMNS
    return max(pauses)


def pauses_elsewhere(url: str, installed: str, rounds: int) -> list[float]:
    """Measure the pauses with these packages, each time in a process of its own."""
    command = [sys.executable, __file__, "--pause", url, "--installed", installed]
    return sorted(
        float(subprocess.run(command, check=True, capture_output=True).stdout)
        for _ in range(rounds)
    )


def pause_rows(rounds: int) -> Iterator[Row]:
    """Measure the pauses with and without extras."""
    with server_elsewhere() as url:
        for installed in ABSENT:
            found = pauses_elsewhere(url, installed, rounds)
            longest = found[len(found) // 2]
            yield Row(
                measure=f"longest pause of the event loop, {COLUMNS:,} columns, {installed}",
                ours=f"{longest * 1e3:.0f} ms",
                noise=f"{found[0] * 1e3:.0f} to {found[-1] * 1e3:.0f} ms",
                target=f"<= {LONGEST_PAUSE * 1e3:.0f} ms",
                met=longest <= LONGEST_PAUSE,
            )


def write_rows(body: bytes, rounds: int) -> list[Row]:
    """Compare the bytes of a PATCH, and `to_dict`, with `json.dumps` of the PATCH."""
    values = patch_values()
    config = SchemaConfig.from_dict(json.loads(body)["data"])
    runs: dict[str, Callable[[], Any]] = {
        DUMPS: lambda: json.dumps(values),
        AGAIN: lambda: json.dumps(values),
        OURS: lambda: json_body(values),
        TO_DICT: config.to_dict,
    }
    costs: dict[str, list[float]] = {name: [] for name in runs}
    for name in turns(runs, rounds):
        gc.collect()
        start = time.process_time()
        runs[name]()
        costs[name].append(time.process_time() - start)
    comparison = Comparison(costs=costs, scale=1e3, unit="ms", control=(DUMPS, AGAIN))
    print(f"\n### writing {COLUMNS:,} columns: {rounds} rounds\n\n{comparison.details(DUMPS)}")
    return [
        comparison.row(f"PATCH of {COLUMNS:,} columns", OURS, DUMPS, 0.3),
        comparison.row(f"to_dict() of {COLUMNS:,} columns", TO_DICT, DUMPS),
    ]


def peak_of(what: str) -> float:
    """Return the peak of memory per item while a page is read, in bytes."""
    read = importlib.import_module("orjson").loads if what == "orjson" else our_reader([Connection])
    # The structs are made, and learn the unknown field, before they are measured.
    for _ in range(4):
        read(page_body(connections(A_PAGE // 3)))
    body = page_body(connections(A_PAGE))
    tracemalloc.start()
    kept = read(body)
    peak = tracemalloc.get_traced_memory()[1]
    assert kept is not None
    return peak / A_PAGE


def memory_row() -> Row:
    """Compare the peaks of two processes."""
    peaks = {
        what: float(
            subprocess.run(
                [sys.executable, __file__, "--peak", what], check=True, capture_output=True
            ).stdout
        )
        for what in ("ours", "orjson")
    }
    ratio = peaks["ours"] / peaks["orjson"]
    return Row(
        measure=f"peak memory of a page of {A_PAGE:,}, with speedups",
        ours=f"{peaks['ours']:.0f} bytes an item",
        rival=f"orjson.loads: {peaks['orjson']:.0f} bytes an item",
        ratio=f"{ratio:.2f}",
        noise=NONE,
        target="<= 0.25",
        met=ratio <= 0.25,
    )


def main() -> None:
    """Parse the command line, and measure."""
    parser = command_line(__doc__, rounds=7, quick=2)
    parser.add_argument("--peak", choices=("ours", "orjson"), help=argparse.SUPPRESS)
    parser.add_argument("--pause", help=argparse.SUPPRESS)
    parser.add_argument("--installed", choices=ABSENT, default=ALL, help=argparse.SUPPRESS)
    arguments = arguments_of(parser)
    for name in ABSENT[arguments.installed]:
        # None makes the import fail, as if the package were not installed.
        sys.modules[name] = cast("Any", None)
    if arguments.pause is not None:
        print(asyncio.run(longest_pause(arguments.pause)))
        return
    if arguments.peak is not None:
        print(peak_of(arguments.peak))
        return
    body = schema_config_body(columns=A_TABLE)
    rounds: int = arguments.rounds
    rows = [*pause_rows(rounds), *write_rows(body, rounds), memory_row()]
    finish(arguments, rows)


if __name__ == "__main__":
    main()
