"""
The wall time of a walk of 20 pages of 1,000 connections, compared with the round trips alone.

The server takes 50 ms per request. By hand, the bytes of a page are read and its cursor is cut out:
no page is decoded. `prefetch()` sends the next request before it decodes a page.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import aiohttp
from harness import Comparison, Row, arguments_of, command_line, finish, turns
from server import server_elsewhere

from fivetran_async import AsyncFivetran

LATENCY = 0.050
PAGES, A_PAGE = 20, 1_000
GROUP = f"g_{PAGES}_{A_PAGE}"
TARGET = 1.10

FLOOR, PREFETCH, AGAIN, PLAIN = "round trips alone", "prefetch()", "prefetch(), again", "async for"
Run: TypeAlias = Callable[[AsyncFivetran, str], Coroutine[Any, Any, None]]


async def round_trips(_: AsyncFivetran, url: str) -> None:
    """Read the bytes of every page."""
    async with aiohttp.ClientSession() as session:
        for number in range(PAGES):
            query = {"group_id": GROUP, "limit": str(A_PAGE), "cursor": str(number)}
            async with session.get(f"{url}/v1/connections", params=query) as response:
                await response.read()


async def prefetched(fivetran: AsyncFivetran, _: str) -> None:
    """Walk with the next page being fetched."""
    async with fivetran.connections.list(group_id=GROUP).prefetch() as items:
        assert sum([1 async for _ in items]) == PAGES * A_PAGE


async def plain(fivetran: AsyncFivetran, _: str) -> None:
    """Walk page after page."""
    assert sum([1 async for _ in fivetran.connections.list(group_id=GROUP)]) == PAGES * A_PAGE


RUNS: dict[str, Run] = {FLOOR: round_trips, PREFETCH: prefetched, AGAIN: prefetched, PLAIN: plain}


async def measure(url: str, rounds: int) -> Comparison:
    """Run every variant in every round."""
    costs: dict[str, list[float]] = {name: [] for name in RUNS}
    async with AsyncFivetran("key", "secret", base_url=url, rate_limits=None) as fivetran:
        for run in RUNS.values():
            await run(fivetran, url)
        for name in turns(RUNS, rounds):
            start = time.perf_counter()
            await RUNS[name](fivetran, url)
            costs[name].append(time.perf_counter() - start)
    return Comparison(costs=costs, scale=1.0, unit="s", control=(PREFETCH, AGAIN))


def rows_of(comparison: Comparison) -> list[Row]:
    """Return the rows of the table."""
    what = f"walk of {PAGES} pages of {A_PAGE:,} at 50 ms"
    return [
        comparison.row(f"{what}, prefetch()", PREFETCH, FLOOR, TARGET),
        comparison.row(f"{what}, async for", PLAIN, FLOOR),
    ]


def main() -> None:
    """Measure and print."""
    arguments = arguments_of(command_line(__doc__, rounds=7, quick=2))
    with server_elsewhere(LATENCY) as url:
        comparison = asyncio.run(measure(url, arguments.rounds))
    print(f"\n### walk: {arguments.rounds} rounds\n\n{comparison.details(FLOOR)}")
    finish(arguments, rows_of(comparison))


if __name__ == "__main__":
    main()
