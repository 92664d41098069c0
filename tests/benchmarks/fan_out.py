"""
The wall time of a fan-out, compared with the optimum: 200 groups, 3 pages each, 20 in flight.

The server takes 50 ms per request and lists the groups on 10 pages. The optimum is the time of one
request by hand in the same run, times the requests, divided by 20, plus the first page of the
listing, which cannot overlap. Pages are small, 20 items, because the benchmark measures the use of
the slots, not decoding. The client runs with quotas, with a new API key in each round. The server
counts the maximum number of requests in flight.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import Any, TypeAlias, cast

import aiohttp
import attrs
from harness import (
    Comparison,
    Costs,
    Row,
    arguments_of,
    command_line,
    finish,
    markdown,
    processor_seconds,
    turns,
)
from server import GROUPS, GROUPS_A_PAGE, ITEMS_A_PAGE, PAGES_A_GROUP, server_elsewhere

from fivetran_async import AsyncFivetran

LATENCY = 0.050
LIMIT = 20
LISTING = GROUPS // GROUPS_A_PAGE
REQUESTS = LISTING + GROUPS * PAGES_A_GROUP
ITEMS = GROUPS * PAGES_A_GROUP * ITEMS_A_PAGE
SAMPLE = 24
TARGET = 1.05

IDEAL, OURS, AGAIN = "ideal", "fan_out", "fan_out, again"
GATHER, SEQUENTIAL = "gather and a semaphore, by hand", "one request after the other, by hand"

Run: TypeAlias = Callable[[str], Coroutine[Any, Any, int]]
Page: TypeAlias = dict[str, Any]


def ideal(latency: float) -> float:
    """Return the optimal time, in seconds, for a latency in seconds."""
    return latency + (REQUESTS - 1) * latency / LIMIT


@contextlib.asynccontextmanager
async def by_hand() -> AsyncGenerator[aiohttp.ClientSession]:
    """Yield an aiohttp session with credentials."""
    headers = {
        "Accept": "application/json",
        "Authorization": aiohttp.encode_basic_auth("key", "secret"),
    }
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        yield session


async def fetch(session: aiohttp.ClientSession, target: str, cursor: str | None) -> Page:
    """Return one page, by hand."""
    query = {"limit": "1000"} | ({} if cursor is None else {"cursor": cursor})
    async with session.get(target, params=query) as response:
        response.raise_for_status()
        return cast("Page", json.loads(await response.read())["data"])


async def pages(
    session: aiohttp.ClientSession, target: str, slots: asyncio.Semaphore
) -> AsyncIterator[Page]:
    """Yield every page of a list, by hand."""
    cursor: str | None = None
    while True:
        async with slots:
            page = await fetch(session, target, cursor)
        yield page
        cursor = page.get("next_cursor")
        if cursor is None:
            return


async def gathered(url: str) -> int:
    """List all groups, then gather a coroutine for each: a common solution."""
    slots = asyncio.Semaphore(LIMIT)
    async with by_hand() as session:

        async def connections_of(group: Page) -> int:
            target = f"{url}/v1/connections?group_id={group['id']}"
            return sum([len(page["items"]) async for page in pages(session, target, slots)])

        listing = [page async for page in pages(session, f"{url}/v1/groups", slots)]
        groups = [group for page in listing for group in page["items"]]
        return sum(await asyncio.gather(*map(connections_of, groups)))


async def fanned_out(url: str) -> int:
    """Do the same with `fan_out`."""
    # Sessions with the same key share their quotas, so each round has its own key.
    async with (
        AsyncFivetran(f"key {time.monotonic_ns()}", "secret", base_url=url) as fivetran,
        fivetran.fan_out(
            fivetran.groups.list(),
            lambda group: fivetran.connections.list(group_id=group.id),
            concurrency=LIMIT,
        ) as results,
    ):
        found = 0
        # Counted and dropped, as by hand.
        async for _ in results:
            found += 1
        return found


async def request_seconds(url: str) -> float:
    """Return the median time of a few requests by hand, on an open connection."""
    target = f"{url}/v1/connections?group_id=g0_{PAGES_A_GROUP}_{ITEMS_A_PAGE}"
    taken: list[float] = []
    async with by_hand() as session:
        for _ in range(SAMPLE + 1):
            start = time.perf_counter()
            await fetch(session, target, None)
            taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


async def peak_of(url: str) -> int:
    """Return the maximum number of requests in flight since the last call."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/stats") as response:
        return int((await response.json())["peak"])


async def wall_seconds(run: Run, url: str) -> float:
    """Return the time to read all groups."""
    start = time.perf_counter()
    found = await run(url)
    taken = time.perf_counter() - start
    assert found == ITEMS, found
    return taken


@attrs.frozen
class Result:
    """
    The results.

    Attributes:
        costs: Wall seconds by variant and round.
        processor: The client's processor seconds by variant and round.
        peaks: The maximum number of requests in flight by variant.
    """

    costs: Costs
    processor: Costs
    peaks: dict[str, int]


async def measure(url: str, rounds: int) -> Result:
    """Measure every variant in every round."""
    runs: dict[str, Run] = {OURS: fanned_out, AGAIN: fanned_out, GATHER: gathered}
    costs: dict[str, list[float]] = {name: [] for name in (IDEAL, *runs, SEQUENTIAL)}
    processor: dict[str, list[float]] = {name: [] for name in runs}
    peaks = dict.fromkeys(runs, 0)
    for run in runs.values():
        await run(url)
    await peak_of(url)
    for name in turns((IDEAL, *runs), rounds):
        if name == IDEAL:
            latency = await request_seconds(url)
            costs[IDEAL].append(ideal(latency))
            # Scaled from the same sample; running it in full would add no information.
            costs[SEQUENTIAL].append(latency * REQUESTS)
            await peak_of(url)
            continue
        before = processor_seconds()
        costs[name].append(await wall_seconds(runs[name], url))
        processor[name].append(processor_seconds() - before)
        peaks[name] = max(peaks[name], await peak_of(url))
    return Result(costs, processor, peaks)


def rows_of(result: Result) -> list[Row]:
    """Return the rows of the table."""
    comparison = Comparison(costs=result.costs, scale=1.0, unit="s", control=(OURS, AGAIN))
    print(comparison.details(IDEAL))
    lines = [
        (name, f"{statistics.median(seconds):.2f}", str(result.peaks[name]))
        for name, seconds in result.processor.items()
    ]
    print(f"\n{markdown([('variant', 'processor s', 'most in flight'), *lines])}")
    peak = max(result.peaks[OURS], result.peaks[AGAIN])
    what = f"fan-out of {REQUESTS} requests"
    return [
        comparison.row(f"{what}, wall", OURS, IDEAL, TARGET),
        comparison.row(f"{what}, wall", OURS, GATHER),
        comparison.row(f"{what}, wall", OURS, SEQUENTIAL),
        Row(
            measure=f"{what}, most in flight",
            ours=str(peak),
            rival=f"{GATHER}: {result.peaks[GATHER]}",
            target=f"<= {LIMIT}",
            met=peak <= LIMIT,
        ),
    ]


def main() -> None:
    """Parse the command line, and measure."""
    arguments: argparse.Namespace = arguments_of(command_line(__doc__, rounds=15, quick=2))
    with server_elsewhere(LATENCY) as url:
        result = asyncio.run(measure(url, arguments.rounds))
    print(f"\n### fan-out: {arguments.rounds} rounds\n")
    finish(arguments, rows_of(result))


if __name__ == "__main__":
    main()
