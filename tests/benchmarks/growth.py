"""
Whether costs grow: per item of a longer list, per concurrent wait, per turn of the rate limiter.

A cost is the client's processor time divided by the amount of work; a ratio compares the largest
size with the smallest. Items come over HTTP from another process. Syncs end on the stopped clock of
a FakeFivetran in another, uncounted thread. For the rate limiter, all callers are already queued;
`asyncio.Semaphore` is measured as well, because thousands of tasks cost the interpreter time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import gc
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import attrs
from harness import (
    Comparison,
    Row,
    arguments_of,
    command_line,
    finish,
    processor_seconds,
    turns,
)
from server import server_elsewhere

from fivetran_async import AsyncFivetran, Quota, RateLimits
from fivetran_async.events import ResponseEvent
from fivetran_async.limits import QuotaReport
from fivetran_async.options import Hooks
from fivetran_async.syncs import SyncPolicy
from fivetran_async.testing import FakeFivetran

# For the tests' clock.
sys.path.append(str(Path(__file__).parents[1]))
from support.fake_clock import FakeClock

T = TypeVar("T")

FLAT = 1.3
A_PAGE = 1_000
SYNC_SECONDS = 60.0
WAITS = SyncPolicy(history=False)
A_WINDOW = 10

Turn: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
AwaitAll: TypeAlias = Callable[[AsyncFivetran, Sequence[str]], Awaitable[set[str]]]
Cost: TypeAlias = Callable[[int], Awaitable[float]]
"""Returns the seconds per unit of work, for a number of units."""


class HeldClock(FakeClock):
    """A stopped clock until its gate opens; then it wakes sleepers immediately."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait for the gate, then sleep."""
        await self.gate.wait()
        await super().sleep(seconds)


@attrs.frozen
class AccountThread:
    """A FakeFivetran with its own loop, in its own thread."""

    loop: asyncio.AbstractEventLoop
    fake: FakeFivetran

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on its loop, and wait for the result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def advance(self, seconds: float) -> None:
        """Advance the account's clock."""

        async def advance() -> None:
            self.fake.advance(seconds)

        self.run(advance())


@contextlib.contextmanager
def account_thread() -> Generator[AccountThread]:
    """Start an account with a stopped clock."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    account = AccountThread(loop, FakeFivetran(running=False))
    try:
        account.run(account.fake.__aenter__())
        try:
            yield account
        finally:
            account.run(account.fake.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class OpenAfter:
    """A hook that opens the gate after every N triggered syncs."""

    def __init__(self, gate: asyncio.Event, triggers: int) -> None:
        self._gate = gate
        self._triggers = triggers
        self._seen = 0

    def __call__(self, event: ResponseEvent) -> None:
        """Count a trigger."""
        self._seen += event.verb == "POST"
        if self._seen == self._triggers:
            self._seen = 0
            self._gate.set()


class AccountClock(HeldClock):
    """The session's clock, which advances the account's clock, too."""

    def __init__(self, account: AccountThread) -> None:
        super().__init__()
        self._account = account
        self._carried = self.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep, and advance the account's clock by the same time."""
        await super().sleep(seconds)
        # Of concurrent sleepers, the first one advances the account's clock.
        behind, self._carried = self.monotonic() - self._carried, self.monotonic()
        self._account.advance(behind)


async def item_cost(url: str, size: int) -> float:
    """Return the cost per item of a list; short lists are repeated for precision."""
    pages, repeats = size // A_PAGE, max(1, 20_000 // size)
    async with AsyncFivetran("key", "secret", base_url=url) as fivetran:
        await fivetran.connections.list(group_id=f"g_1_{A_PAGE}").collect()
        before = processor_seconds()
        for _ in range(repeats):
            async for _ in fivetran.connections.list(group_id=f"g_{pages}_{A_PAGE}"):
                pass
        return (processor_seconds() - before) / (repeats * size)


async def wait_separately(fivetran: AsyncFivetran, ids: Sequence[str]) -> set[str]:
    """Wait for every sync in its own task, and return the outcomes."""
    async with asyncio.TaskGroup() as group:
        waits = [
            group.create_task(fivetran.connections.sync_and_wait(each, policy=WAITS))
            for each in ids
        ]
    return {wait.result().status for wait in waits}


async def wait_with_run_all(fivetran: AsyncFivetran, ids: Sequence[str]) -> set[str]:
    """Wait for all syncs with `run_all`, and return the outcomes."""
    async with fivetran.syncs.run_all(ids, policy=WAITS) as runs:
        return {outcome.status async for outcome in runs}


async def wait_cost(await_all: AwaitAll, size: int) -> float:
    """Return the cost per sync: triggered, awaited together, and ended after a minute."""
    taken, repeats = 0.0, max(1, 100 // size)
    with account_thread() as account:
        account.fake.sync_duration = SYNC_SECONDS
        ids = [account.fake.add_connection() for _ in range(size)]
        clock = AccountClock(account)
        hooks = Hooks(on_response=OpenAfter(clock.gate, size))
        async with account.fake.client(_clock=clock, rate_limits=None, hooks=hooks) as fivetran:
            await fivetran.connections.list()
            for _ in range(repeats):
                clock.gate.clear()
                before = time.thread_time()
                ends = await await_all(fivetran, ids)
                taken += time.thread_time() - before
                assert ends == {"succeeded"}, ends
    return taken / (repeats * size)


async def drain(turn: Turn, gate: asyncio.Event, size: int) -> float:
    """Queue N callers that start one another, and return the seconds until the last one ends."""
    tasks = [asyncio.create_task(turn()) for _ in range(size)]
    # Until all of them are queued.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    before = time.thread_time()
    gate.set()
    await asyncio.gather(*tasks)
    return time.thread_time() - before


async def limiter_turns(size: int) -> float:
    """Queue N callers at an exhausted quota that recovers ten at a time."""
    clock = HeldClock()
    limits = RateLimits(quotas={"requests": (Quota(A_WINDOW, 1.0),)})
    limiter = limits.for_account(f"key {time.monotonic_ns()}", base_url="", clock=clock)

    async def turn() -> None:
        await limiter.acquire(())
        limiter.settle((), QuotaReport(), sent=True)

    for _ in range(A_WINDOW):
        await turn()
    return await drain(turn, clock.gate, size)


async def semaphore_turns(size: int) -> float:
    """Queue N callers at a semaphore."""
    gate, semaphore = asyncio.Event(), asyncio.Semaphore(1)

    async def hold() -> None:
        async with semaphore:
            await gate.wait()

    async def turn() -> None:
        async with semaphore:
            pass

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    taken = await drain(turn, gate, size)
    await holding
    return taken


async def turn_cost(turns_of: Cost, size: int) -> float:
    """Return the cost per caller in a queue; short queues are repeated for precision."""
    repeats = max(1, 2_000 // size)
    return sum([await turns_of(size) for _ in range(repeats)]) / (repeats * size)


async def compare(cost: Cost, sizes: Sequence[int], rounds: int) -> Comparison:
    """Measure every size in every round, the smallest twice."""
    again = f"{sizes[0]:,}, again"
    variants = {**{f"{size:,}": size for size in sizes}, again: sizes[0]}
    costs: dict[str, list[float]] = {name: [] for name in variants}
    await cost(sizes[0])
    for name in turns(variants, rounds):
        gc.collect()
        costs[name].append(await cost(variants[name]))
    return Comparison(costs=costs, scale=1e6, unit="us", control=(f"{sizes[0]:,}", again))


def row_of(what: str, comparison: Comparison, *, beside: Comparison | None = None) -> Row:
    """Print the cost of every size, and compare the largest with the smallest."""
    first, *_, last, _ = comparison.costs
    print(f"\n### {what}\n")
    print(comparison.details(first), flush=True)
    row = comparison.row(f"{what}: {last} over {first}", last, first, FLAT)
    if beside is None:
        return row
    return attrs.evolve(row, rival=f"{row.rival}; Semaphore: {beside.ratio(last, first)}")


def rows_of(arguments: argparse.Namespace) -> Iterator[Row]:
    """Run all measurements."""
    rounds: int = arguments.rounds
    few = 2 if arguments.quick else 3
    items = (1_000, 10_000, 100_000) if arguments.quick else (1_000, 10_000, 100_000, 1_000_000)
    with server_elsewhere() as url:
        walks = asyncio.run(compare(functools.partial(item_cost, url), items, few))
    yield row_of("processor time per item of a walk", walks)
    for what, await_all in (
        ("sync_and_wait", wait_separately),
        ("syncs.run_all", wait_with_run_all),
    ):
        cost = functools.partial(wait_cost, await_all)
        waits = asyncio.run(compare(cost, (10, 100, 1_000), rounds))
        yield row_of(f"processor time per wait, {what}", waits)
    lines = (10, 100, 1_000, 10_000)
    floor = asyncio.run(compare(functools.partial(turn_cost, semaphore_turns), lines, rounds))
    ours = asyncio.run(compare(functools.partial(turn_cost, limiter_turns), lines, rounds))
    yield row_of("processor time per turn, rate limiter", ours, beside=floor)


def main() -> None:
    """Parse the command line, and measure."""
    arguments = arguments_of(command_line(__doc__, rounds=7, quick=2))
    finish(arguments, list(rows_of(arguments)))


if __name__ == "__main__":
    main()
