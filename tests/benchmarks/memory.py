"""
The memory growth while a million connections are listed, from item 50,000 to the end.

They come over HTTP from another process, on 1,000 pages of 1.3 MB. Each variant runs in its own
process, which reads its resident memory after every 1,000 items and keeps nothing. The growth is
the maximum after item 50,000, minus the maximum before. For variants that read five pages
concurrently the limit is item 250,000, because each of the five is then as far.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import mmap
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeAlias, cast

import aiohttp
import attrs
from harness import NONE, Row, arguments_of, command_line, finish, markdown
from server import server_elsewhere

from fivetran_async import AsyncFivetran

A_PAGE = 1_000
AT_ONCE = 5
SETTLED = 50_000
ITEMS, QUICK_ITEMS = 1_000_000, 300_000
LIMIT = 2.0
MEGABYTE = 1e6

Page: TypeAlias = dict[str, Any]
Walk: TypeAlias = Callable[[str, int], AsyncIterator[object]]


def resident() -> float:
    """Return the resident memory of this process, in megabytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * mmap.PAGESIZE / MEGABYTE


async def page_by_hand(
    session: aiohttp.ClientSession, url: str, group_id: str, cursor: str | None = None
) -> Page:
    """Return one page."""
    query = {"group_id": group_id, "limit": str(A_PAGE)}
    query |= {} if cursor is None else {"cursor": cursor}
    async with session.get(f"{url}/v1/connections", params=query) as response:
        response.raise_for_status()
        return cast("Page", json.loads(await response.read())["data"])


async def by_hand(url: str, pages: int) -> AsyncIterator[object]:
    """The floor: aiohttp, `json.loads`, and one page at a time."""
    cursor: str | None = None
    async with aiohttp.ClientSession() as session:
        while True:
            page = await page_by_hand(session, url, f"g_{pages}_{A_PAGE}", cursor)
            for item in page["items"]:
                yield item
            cursor = page.get("next_cursor")
            if cursor is None:
                return


async def by_hand_at_once(url: str, pages: int) -> AsyncIterator[object]:
    """The floor of a fan-out: the same number of concurrent pages."""
    group_ids = (f"g{number}_1_{A_PAGE}" for number in range(pages))
    pending: set[asyncio.Task[Page]] = set()
    async with aiohttp.ClientSession() as session:
        while True:
            for group_id in itertools.islice(group_ids, AT_ONCE - len(pending)):
                pending.add(asyncio.create_task(page_by_hand(session, url, group_id)))
            if not pending:
                return
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                for item in task.result()["items"]:
                    yield item


async def with_pager(url: str, pages: int) -> AsyncIterator[object]:
    """`async for` over a list."""
    async with AsyncFivetran("key", "secret", base_url=url) as fivetran:
        async for item in fivetran.connections.list(group_id=f"g_{pages}_{A_PAGE}"):
            yield item


async def with_prefetch(url: str, pages: int) -> AsyncIterator[object]:
    """`async for` with one page prefetched."""
    async with (
        AsyncFivetran("key", "secret", base_url=url) as fivetran,
        fivetran.connections.list(group_id=f"g_{pages}_{A_PAGE}").prefetch() as items,
    ):
        async for item in items:
            yield item


async def with_fan_out(url: str, pages: int) -> AsyncIterator[object]:
    """A fan-out over groups with one page each."""
    async with (
        AsyncFivetran("key", "secret", base_url=url) as fivetran,
        fivetran.fan_out(
            (f"g{number}_1_{A_PAGE}" for number in range(pages)),
            lambda group_id: fivetran.connections.list(group_id=group_id),
            concurrency=AT_ONCE,
        ) as results,
    ):
        async for _, item in results:
            yield item


PAGER, AGAIN, FAN_OUT = "Pager", "Pager, again", f"fan_out, {AT_ONCE} at once"
FLOOR, FLOOR_AT_ONCE = "plain aiohttp and json.loads", f"plain aiohttp, {AT_ONCE} at once"
WALKS: dict[str, Walk] = {
    PAGER: with_pager,
    AGAIN: with_pager,
    "prefetch()": with_prefetch,
    FAN_OUT: with_fan_out,
    FLOOR: by_hand,
    FLOOR_AT_ONCE: by_hand_at_once,
}
NOT_OURS = (AGAIN, FLOOR, FLOOR_AT_ONCE)


@attrs.frozen(kw_only=True)
class Growth:
    """
    The memory during a run, in megabytes.

    Attributes:
        start: Before the run.
        settled: The maximum while memory settles.
        most: The maximum afterwards.
        end: At the end of the run.
    """

    start: float
    settled: float
    most: float
    end: float

    @property
    def figure(self) -> float:
        """The growth."""
        return self.most - self.settled


async def grow(name: str, url: str, items: int) -> Growth:
    """Run a variant, and record the memory."""
    seen, sizes = 0, [resident()]
    async for _ in WALKS[name](url, items // A_PAGE):
        seen += 1
        if seen % A_PAGE == 0:
            sizes.append(resident())
    assert seen == items, seen
    pages_at_once = AT_ONCE if name in {FAN_OUT, FLOOR_AT_ONCE} else 1
    settled = pages_at_once * SETTLED // A_PAGE + 1
    return Growth(
        start=sizes[0], settled=max(sizes[:settled]), most=max(sizes[settled:]), end=sizes[-1]
    )


def measure(name: str, url: str, items: int) -> Growth:
    """Run a variant in its own process."""
    command = [sys.executable, __file__, "--walk", name, "--url", url, "--items", str(items)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    fields: dict[str, Any] = json.loads(output)
    return Growth(**fields)


def rows_of(growths: dict[str, Growth], items: int) -> list[Row]:
    """Return the rows of the table."""
    columns = ("walk", "MB before", "most until settled", "most later", "at the end", "growth")
    lines = [
        (name, *(f"{value:.1f}" for value in attrs.astuple(growth)), f"{growth.figure:.2f}")
        for name, growth in growths.items()
    ]
    print(f"\n### memory: {items:,} items\n")
    print(markdown([columns, *lines]), flush=True)
    return [row_of(name, growths, items) for name in growths if name not in NOT_OURS]


def row_of(name: str, growths: dict[str, Growth], items: int) -> Row:
    """Return the row of one variant of ours, with the floor."""
    growth, floor = growths[name].figure, FLOOR_AT_ONCE if name == FAN_OUT else FLOOR
    noise = growths.get(AGAIN) if name == PAGER else None
    return Row(
        measure=f"memory growth, {items:,} items, {name}",
        ours=f"{growth:.2f} MB",
        rival=f"{floor}: {growths[floor].figure:.2f} MB" if floor in growths else NONE,
        noise=NONE if noise is None else f"repeated: {noise.figure:.2f} MB",
        target=f"<= {LIMIT:.0f} MB",
        met=growth <= LIMIT,
    )


def main() -> None:
    """Parse the command line, and measure."""
    parser = command_line(__doc__, rounds=2, quick=2)
    parser.add_argument("--items", type=int, help=f"{ITEMS:,}, or {QUICK_ITEMS:,} if --quick")
    parser.add_argument("--walk", choices=WALKS, help="run only this variant, and print its memory")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    arguments = arguments_of(parser)
    items: int = arguments.items or (QUICK_ITEMS if arguments.quick else ITEMS)
    if arguments.url is not None:
        growth = asyncio.run(grow(arguments.walk, arguments.url, items))
        print(json.dumps(attrs.asdict(growth)))
        return
    names = [arguments.walk] if arguments.walk else list(WALKS)
    with server_elsewhere() as url:
        growths = {name: measure(name, url, items) for name in names}
    finish(arguments, rows_of(growths, items))


if __name__ == "__main__":
    main()
