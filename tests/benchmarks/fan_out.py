"""
How near a fan-out comes to the time that the limit allows: 200 groups, 3 pages each, 20 in flight.

The server takes 50 ms per request and lists the groups on 10 pages. The ideal is the time that one
request takes by hand in the same run, times the requests, over 20; before them the first page of
the listing, which nothing can overlap. Pages are small, 20 items: what is measured is how well the
slots are used, not how fast pages are decoded. Ours runs with quotas on, under an API key of its
own in each round, and the server counts how many requests were in flight at most.
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
TARGET = 1.10

IDEAL, OURS, AGAIN = "ideal", "fan_out", "fan_out, again"
GATHER, SEQUENTIAL = "gather and a semaphore, by hand", "one request after the other, by hand"

Run: TypeAlias = Callable[[str], Coroutine[Any, Any, int]]
Page: TypeAlias = dict[str, Any]


def ideal(latency: float) -> float:
    """Seconds that the requests take at best, if each takes so many."""
    return latency + (REQUESTS - 1) * latency / LIMIT


@contextlib.asynccontextmanager
async def by_hand() -> AsyncGenerator[aiohttp.ClientSession]:
    """A session of aiohttp's, with credentials."""
    headers = {
        "Accept": "application/json",
        "Authorization": aiohttp.encode_basic_auth("key", "secret"),
    }
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        yield session


async def fetch(session: aiohttp.ClientSession, target: str, cursor: str | None) -> Page:
    """One page, by hand."""
    query = {"limit": "1000"} | ({} if cursor is None else {"cursor": cursor})
    async with session.get(target, params=query) as response:
        response.raise_for_status()
        return cast("Page", json.loads(await response.read())["data"])


async def pages(
    session: aiohttp.ClientSession, target: str, slots: asyncio.Semaphore
) -> AsyncIterator[Page]:
    """Every page of a list, by hand."""
    cursor: str | None = None
    while True:
        async with slots:
            page = await fetch(session, target, cursor)
        yield page
        cursor = page.get("next_cursor")
        if cursor is None:
            return


async def gathered(url: str) -> int:
    """What many write: list all groups, then gather a coroutine for each."""
    slots = asyncio.Semaphore(LIMIT)
    async with by_hand() as session:

        async def connections_of(group: Page) -> int:
            target = f"{url}/v1/connections?group_id={group['id']}"
            return sum([len(page["items"]) async for page in pages(session, target, slots)])

        listing = [page async for page in pages(session, f"{url}/v1/groups", slots)]
        groups = [group for page in listing for group in page["items"]]
        return sum(await asyncio.gather(*map(connections_of, groups)))


async def fanned_out(url: str) -> int:
    """The same with ours."""
    # A key of its own: sessions of one key share their quotas, and with them what they cost.
    async with (
        AsyncFivetran(f"key {time.monotonic_ns()}", "secret", base_url=url) as fivetran,
        fivetran.fan_out(
            fivetran.groups.list(),
            lambda group: fivetran.connections.list(group_id=group.id),
            concurrency=LIMIT,
        ) as results,
    ):
        found = 0
        # Counted and let go, as by hand.
        async for _ in results:
            found += 1
        return found


async def request_seconds(url: str) -> float:
    """What one request takes by hand, the median of a few; the connection is there already."""
    target = f"{url}/v1/connections?group_id=g0_{PAGES_A_GROUP}_{ITEMS_A_PAGE}"
    taken: list[float] = []
    async with by_hand() as session:
        for _ in range(SAMPLE + 1):
            start = time.perf_counter()
            await fetch(session, target, None)
            taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


async def peak_of(url: str) -> int:
    """How many requests the server had in flight at most since it was asked last."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/stats") as response:
        return int((await response.json())["peak"])


async def wall_seconds(run: Run, url: str) -> float:
    """How long a sweep of all groups takes."""
    start = time.perf_counter()
    found = await run(url)
    taken = time.perf_counter() - start
    assert found == ITEMS, found
    return taken


@attrs.frozen
class Result:
    """
    What was measured.

    Attributes:
        costs: Seconds by the wall, by variant and round.
        processor: Seconds of the processor, likewise; of those who sweep.
        peaks: How many requests of a variant were in flight at most.
    """

    costs: Costs
    processor: Costs
    peaks: dict[str, int]


async def measure(url: str, rounds: int) -> Result:
    """Have everybody sweep the account, in every round."""
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
            # Scaled from the same sample: nothing would be learned by waiting for the rest.
            costs[SEQUENTIAL].append(latency * REQUESTS)
            await peak_of(url)
            continue
        before = processor_seconds()
        costs[name].append(await wall_seconds(runs[name], url))
        processor[name].append(processor_seconds() - before)
        peaks[name] = max(peaks[name], await peak_of(url))
    return Result(costs, processor, peaks)


def rows_of(result: Result) -> list[Row]:
    """The rows of the table."""
    comparison = Comparison(costs=result.costs, scale=1.0, unit="s", control=(OURS, AGAIN))
    print(comparison.details(IDEAL))
    lines = [
        (name, f"{statistics.median(seconds):.2f}", str(result.peaks[name]))
        for name, seconds in result.processor.items()
    ]
    print(f"\n{markdown([('variant', 'of it processor s', 'most in flight'), *lines])}")
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
    """Read the command line, and measure."""
    arguments: argparse.Namespace = arguments_of(command_line(__doc__, rounds=15, quick=2))
    with server_elsewhere(LATENCY) as url:
        result = asyncio.run(measure(url, arguments.rounds))
    print(f"\n### fan-out: {arguments.rounds} rounds\n")
    finish(arguments, rows_of(result))


if __name__ == "__main__":
    main()
