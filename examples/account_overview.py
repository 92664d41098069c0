"""
Print every connection of an account and its state, group by group.

    python examples/account_overview.py

With FIVETRAN_API_KEY and FIVETRAN_API_SECRET in the environment, it reads that account and changes
nothing. Without them, it starts an embedded Fivetran with a demo account and reads it over HTTP.
"""

from __future__ import annotations

import asyncio
import collections
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import attrs

from fivetran_async import AsyncFivetran, FanOutFailure, FivetranError
from fivetran_async.models import Connection, Destination, Group
from fivetran_async.testing import FakeFivetran

HEADINGS = ("service", "schema", "sync state", "last success", "setup state")


@attrs.define
class GroupReport:
    """The connections of one group, or the error that occurred while reading them."""

    group: Group
    connections: list[Connection] = attrs.field(factory=list[Connection])
    failure: FivetranError | None = None


class Progress:
    """A progress line on the terminal; without a terminal, nothing is printed."""

    def __init__(self) -> None:
        self._visible = sys.stderr.isatty()
        self._next_update = 0.0

    def show(self, reports: Mapping[str, GroupReport]) -> None:
        """Print the counts so far, at most ten times a second."""
        if self._visible and time.monotonic() >= self._next_update:
            self._next_update = time.monotonic() + 0.1
            connections = sum(len(report.connections) for report in reports.values())
            print(
                f"\r{len(reports)} groups, {connections} connections ...", end="", file=sys.stderr
            )

    def clear(self) -> None:
        """Erase the line."""
        if self._visible:
            print("\r\033[K", end="", file=sys.stderr)


async def read_account(fivetran: AsyncFivetran) -> dict[str, GroupReport]:
    """List the connections of all groups concurrently; a failed group does not stop the others."""
    reports: dict[str, GroupReport] = {}
    progress = Progress()
    async with fivetran.fan_out(
        fivetran.groups.list(),
        lambda group: fivetran.connections.list(group_id=group.id),
        on_error="yield",
        empties=True,
    ) as results:
        async for group, found in results:
            report = reports.setdefault(group.id, GroupReport(group))
            if isinstance(found, FanOutFailure):
                report.failure = found.error
            elif found is not None:
                report.connections.append(found)
            progress.show(reports)
    progress.clear()
    return reports


def sync_state(connection: Connection) -> str:
    """Return the sync state, or `paused`."""
    return "paused" if connection.is_paused else connection.status.sync_state or "unknown"


def last_success(moment: datetime | None) -> str:
    """Format a time in UTC, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "never"


def printable(text: str) -> str:
    """Replace control characters, so that a name cannot control the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Format rows in aligned columns."""
    cells = [HEADINGS, *(tuple(map(printable, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(padded)}".rstrip()


def describe(report: GroupReport, destination: Destination | None) -> Iterator[str]:
    """Format one group: its destination, then a line per connection, or the error."""
    target = f"{destination.service} in {destination.region}" if destination else "no destination"
    yield printable(f"{report.group.name} ({report.group.id}) -> {target}")
    if report.connections:
        yield from table(
            (
                connection.service,
                connection.schema,
                sync_state(connection),
                last_success(connection.succeeded_at),
                connection.status.setup_state or "unknown",
            )
            for connection in sorted(report.connections, key=lambda each: each.schema)
        )
    if report.failure is not None:
        yield f"  failed: {printable(str(report.failure))}"
    elif not report.connections:
        yield "  no connections"


def tally(words: Iterable[str]) -> str:
    """Count words, most common first: `3 syncing, 1 paused`."""
    counts = collections.Counter(words).most_common()
    return ", ".join(f"{count} {word}" for word, count in counts) or "none"


def totals(reports: Iterable[GroupReport]) -> Iterator[str]:
    """Format the totals of the account."""
    reports = list(reports)
    connections = [each for report in reports for each in report.connections]
    failed = sum(report.failure is not None for report in reports)
    yield f"{len(reports)} groups ({failed} failed), {len(connections)} connections"
    yield f"  sync:  {tally(map(sync_state, connections))}"
    yield f"  setup: {tally(each.status.setup_state or 'unknown' for each in connections)}"


async def show(fivetran: AsyncFivetran) -> None:
    """Read the account, then print it."""
    destinations = {each.group_id: each async for each in fivetran.destinations.list()}
    reports = await read_account(fivetran)
    for report in sorted(reports.values(), key=lambda each: each.group.name):
        print()
        print(*describe(report, destinations.get(report.group.id)), sep="\n")
    print()
    print(*totals(reports.values()), sep="\n")


async def main() -> None:
    """Show the account from the environment, or the demo account."""
    if "FIVETRAN_API_KEY" in os.environ:
        print("Reading your Fivetran account: FIVETRAN_API_KEY is set.")
        async with AsyncFivetran(read_only=True) as fivetran:
            await show(fivetran)
    else:
        print("Reading an embedded demo account: FIVETRAN_API_KEY is not set.")
        async with FakeFivetran.demo() as fake, fake.client(read_only=True) as fivetran:
            await show(fivetran)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except FivetranError as error:
        sys.exit(f"Could not read Fivetran: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of the output, such as `head`, closed the pipe: exit without a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
