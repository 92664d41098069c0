"""
Sync several connections, show the progress, and print a table of the outcomes.

    python examples/sync_and_wait.py                          # 20 syncs of an embedded account
    python examples/sync_and_wait.py decent_dropsy tiny_fox   # your own connections

With ids, it triggers syncs in the account of FIVETRAN_API_KEY and FIVETRAN_API_SECRET. Without ids,
it starts an embedded Fivetran with short syncs, which end with every possible outcome.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence

from fivetran_async import AsyncFivetran, FivetranError
from fivetran_async.syncs import SyncOutcome, SyncPolicy, SyncRuns
from fivetran_async.testing import FakeFivetran

HEADINGS = ("connection", "outcome", "finished", "triggers", "reason")
ENDS = ("failed", "broken", "rescheduled", "canceled", "never_starts", "stuck")

# A person is watching, so poll early. The interval grows with the age of a wait.
WATCHED = SyncPolicy(min_interval=1)

# The embedded syncs take a fraction of a second.
SHORT_SYNCS = SyncPolicy(
    timeout=2, start_timeout=1, min_interval=0.1, max_interval=0.1, if_rescheduled="return"
)


def embedded_account() -> tuple[FakeFivetran, list[str]]:
    """Create an account with 20 connections; most of their syncs succeed."""
    fake = FakeFivetran()
    services = ("postgres", "salesforce", "google_ads", "stripe", "jira")
    ids = [
        fake.add_connection(service=services[number % 5], schema=f"{services[number % 5]}_{number}")
        for number in range(19)
    ]
    for number, connection_id in enumerate(ids):
        end = ENDS[number // 3] if number % 3 == 2 else "succeeded"
        reason = "The password has expired" if end in ("failed", "broken") else None
        fake.plan_sync(connection_id, end, duration=0.1 + number * 0.03, reason=reason)
    return fake, [*ids, fake.add_connection(schema="paused_one", paused=True)]


@contextlib.asynccontextmanager
async def open_session(
    ids: Sequence[str],
) -> AsyncGenerator[tuple[AsyncFivetran, Sequence[str], SyncPolicy]]:
    """Open your account if ids are given, otherwise the embedded one."""
    if ids:
        async with AsyncFivetran() as fivetran:
            yield fivetran, ids, WATCHED
    else:
        print("Syncing an embedded account: no connection ids were given.")
        fake, embedded = embedded_account()
        async with fake, fake.client() as fivetran:
            yield fivetran, embedded, SHORT_SYNCS


async def show_progress(runs: SyncRuns) -> None:
    """Update a progress line on the terminal until the task is cancelled."""
    while sys.stderr.isatty():
        progress = runs.progress
        waiting = ", ".join(f"{count} {state}" for state, count in progress.waiting.items())
        line = f"{progress.done} of {progress.total} done, {progress.to_start} to start"
        print(f"\r\033[K{line}; {waiting or 'none waiting'}", end="", file=sys.stderr, flush=True)
        await asyncio.sleep(0.1)


async def sync_all(
    fivetran: AsyncFivetran, ids: Iterable[str], policy: SyncPolicy
) -> list[SyncOutcome]:
    """Start all syncs, print each outcome as it arrives, and return them."""
    ended: list[SyncOutcome] = []
    async with fivetran.syncs.run_all(ids, policy=policy) as runs:
        ticker = asyncio.create_task(show_progress(runs))
        try:
            async for outcome in runs:
                ended.append(outcome)
                clear = "\r\033[K" if sys.stderr.isatty() else ""
                print(clear, end="", file=sys.stderr, flush=True)
                done = f"{len(ended):4} of {runs.progress.total}"
                print(f"{done}  {name_of(outcome)}: {outcome.status}")
        finally:
            ticker.cancel()
    return ended


def name_of(outcome: SyncOutcome) -> str:
    """Return the schema of the connection, or its id if it could not be read."""
    return outcome.connection.schema if outcome.connection else outcome.connection_id


def row_of(outcome: SyncOutcome) -> tuple[str, ...]:
    """Format one outcome as a row."""
    finished = f"{outcome.finished_at:%H:%M:%S}" if outcome.finished_at else "-"
    joined = " (joined)" if outcome.joined else ""
    return (
        name_of(outcome),
        outcome.status + joined,
        finished,
        str(outcome.triggers),
        outcome.reason,
    )


def table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Format rows in aligned columns."""
    cells = [HEADINGS, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


async def main(ids: Sequence[str]) -> int:
    """Sync and print a report; the exit code is 1 if a sync of your account did not succeed."""
    async with open_session(ids) as (fivetran, chosen, policy):
        outcomes = await sync_all(fivetran, chosen, policy)
    print()
    print(*table(map(row_of, sorted(outcomes, key=name_of))), sep="\n")
    counts = collections.Counter(outcome.status for outcome in outcomes).most_common()
    print()
    print(f"{len(outcomes)} syncs: " + ", ".join(f"{count} {status}" for status, count in counts))
    # Some syncs of the embedded account fail on purpose.
    return int(bool(ids) and any(not outcome.succeeded for outcome in outcomes))


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(sys.argv[1:])))
    except FivetranError as error:
        sys.exit(f"Could not run the syncs: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of the output, such as `head`, closed the pipe: exit without a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
