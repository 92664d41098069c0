"""
Read a list in every way: by item, in part, ahead, from a checkpoint, past an error.

    python examples/paginate.py [--limit ITEMS] [--checkpoint FILE]

With FIVETRAN_API_KEY and FIVETRAN_API_SECRET in the environment, it reads that account and changes
nothing. Without them, it starts an embedded Fivetran with a demo account in which one page fails.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import os
import sys
import tempfile
from pathlib import Path

from fivetran_async import AsyncFivetran, FivetranError, RetryPolicy
from fivetran_async.models import Group
from fivetran_async.testing import FakeFivetran, Fault


async def every_item(fivetran: AsyncFivetran) -> None:
    """Iterate over all items; pages of 1,000 items are fetched as needed."""
    ids = [each.id async for each in fivetran.connections.list() if each.is_paused]
    print(f"async for: {len(ids)} connections are paused")


async def in_part(fivetran: AsyncFivetran, limit: int) -> None:
    """Read one page, five items, at most a hundred items, with as few requests as possible."""
    page = await fivetran.connections.list(limit=limit)
    more = "more follow" if page.next_cursor else "the last page"
    print(f"await: a page of {len(page.items)}, {more}")
    print("take(5):", *[each.id for each in await fivetran.connections.list().take(5)])
    hundred = await fivetran.connections.list().collect(max_items=100)
    print(f"collect(max_items=100): {len(hundred)} connections")


async def one_page_ahead(fivetran: AsyncFivetran, limit: int) -> None:
    """Process a page while the next one is fetched; useful if processing takes time."""
    async with fivetran.connections.list(limit=limit).prefetch() as connections:
        services = collections.Counter([each.service async for each in connections])
    print(f"prefetch(): {services.total()} connections of {len(services)} services")


async def from_checkpoint(
    fivetran: AsyncFivetran, checkpoint: Path, limit: int, *, most_pages: int | None = None
) -> int:
    """Continue where the last run stopped; a file holds the cursor of the next page."""
    done = pages = 0
    async for page in fivetran.connections.list(limit=limit, cursor=load(checkpoint)).pages():
        done += len(page.items)  # Do the work here, before saving the cursor.
        save(checkpoint, page.next_cursor)
        pages += 1
        if pages == most_pages:
            break
    return done


def load(checkpoint: Path) -> str | None:
    """Return the saved cursor; None is the first page."""
    return checkpoint.read_text() if checkpoint.exists() else None


def save(checkpoint: Path, cursor: str | None) -> None:
    """Save the cursor of the next page; after the last page, remove the file."""
    if cursor is None:
        checkpoint.unlink(missing_ok=True)
    else:
        checkpoint.write_text(cursor)


async def past_errors(fivetran: AsyncFivetran, patience: int = 3) -> list[Group]:
    """Keep the items before a failed page, and continue at that page."""
    groups: list[Group] = []
    cursor: str | None = None
    while True:
        try:
            async for group in fivetran.groups.list(limit=5, cursor=cursor):
                groups.append(group)  # noqa: PERF401 - a comprehension loses the items when a page fails
        except FivetranError as error:
            print(f"after {len(groups)} groups: {error}")
            patience -= 1
            if not patience:
                raise
            cursor = error.resume_cursor
        else:
            return groups


async def show(fivetran: AsyncFivetran, checkpoint: Path, limit: int) -> None:
    """Read lists in every way."""
    await every_item(fivetran)
    await in_part(fivetran, limit)
    await one_page_ahead(fivetran, limit)
    first = await from_checkpoint(fivetran, checkpoint, limit, most_pages=2)
    rest = await from_checkpoint(fivetran, checkpoint, limit)
    print(f"pages(): {first} connections, then a stop; {rest} more from the checkpoint")
    print(f"resume_cursor: {len(await past_errors(fivetran))} groups in all")


async def main() -> None:
    """Read the account from the environment, or the demo account."""
    parser = argparse.ArgumentParser(description="Read a list in every way.")
    parser.add_argument("--limit", type=int, default=50, help="items per page, 1 to 1000")
    parser.add_argument("--checkpoint", type=Path, help="default: a temporary file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = options.checkpoint or Path(folder) / "cursor"
        if "FIVETRAN_API_KEY" in os.environ:
            print("Reading your Fivetran account: FIVETRAN_API_KEY is set.")
            async with AsyncFivetran(read_only=True) as fivetran:
                await show(fivetran, checkpoint, options.limit)
        else:
            print("Reading an embedded demo account: FIVETRAN_API_KEY is not set.")
            # A retry would hide the failure that this example shows.
            once = RetryPolicy(max_attempts=1)
            async with FakeFivetran.demo() as fake, fake.client(retry=once) as fivetran:
                fake.fail("groups.list", fault=Fault.status(500), nth=2)
                await show(fivetran, checkpoint, options.limit)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except FivetranError as error:
        sys.exit(f"Could not read Fivetran: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
