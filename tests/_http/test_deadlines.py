"""The shared timer of attempts ends blocks as `asyncio.timeout` does, each at its own time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivetran_async import EventLoopError
from fivetran_async._http.deadlines import Deadlines
from matrix.virtual_time import run
from support.samples import sample

UNIT: Final = 0.02
"""Virtual seconds; short, because each jump of the clock looks for traffic first."""


class Block(NamedTuple):
    """One block, in units of time from its start; no two of its moments are the same."""

    start: int
    work: float
    limit: float | None
    cancelled_after: float | None
    swallows: bool
    """Whether the work goes on after a cancellation."""
    was_cancelled: bool
    """Whether the task went on after a cancellation before the block."""


Within: TypeAlias = Callable[[float | None], AbstractAsyncContextManager[object]]
Outcome: TypeAlias = tuple[str, float, int]


def moments(fraction: float) -> st.SearchStrategy[float]:
    """Draw numbers of units that none of the other moments of a block is equal to."""
    return st.integers(0, 12).map(lambda units: units + fraction)


blocks = st.builds(
    Block,
    start=st.integers(0, 12),
    work=moments(0.25),
    limit=st.none() | moments(0.5),
    cancelled_after=st.none() | moments(0.75),
    swallows=st.booleans(),
    was_cancelled=st.booleans(),
)


async def outcomes_of(plan: list[Block], within: Within) -> list[Outcome]:
    """Run all blocks at once: how each ended, when, and how often its task was still cancelled."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def perform(block: Block) -> Outcome:
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(block.start * UNIT)
        if block.was_cancelled:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        if block.cancelled_after is not None:
            loop.call_later(block.cancelled_after * UNIT, task.cancel)
        name = "done"
        try:
            async with within(None if block.limit is None else block.limit * UNIT):
                if block.swallows:
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.sleep(block.work * UNIT)
                else:
                    await asyncio.sleep(block.work * UNIT)
        except (TimeoutError, asyncio.CancelledError) as error:
            name = type(error).__name__
        return name, round(loop.time() - began, 6), task.cancelling()

    tasks = [asyncio.create_task(perform(block)) for block in plan]
    await asyncio.wait(tasks)
    return [task.result() for task in tasks]


@settings(max_examples=sample(30, 2_000))
@given(st.lists(blocks, min_size=1, max_size=6))
def test_ends_blocks_as_asyncio_does(plan: list[Block]) -> None:
    """However deadlines, ends and cancellations follow each other, each block ends the same way."""

    async def compare() -> None:
        deadlines = Deadlines(asyncio.get_running_loop())

        @contextlib.asynccontextmanager
        async def within(seconds: float | None) -> AsyncGenerator[None]:
            with deadlines.within(seconds):
                yield

        assert await outcomes_of(plan, within) == await outcomes_of(plan, asyncio.timeout)

    run(compare)


def test_the_timer_follows_the_earliest_deadline() -> None:
    """A shorter deadline that begins later is exact, as is a longer one after it was met."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(loop)
        began = loop.time()

        async def until_late(seconds: float) -> float:
            with pytest.raises(TimeoutError), deadlines.within(seconds):
                await asyncio.sleep(60)
            return round(loop.time() - began, 6)

        late = [asyncio.create_task(until_late(0.5)), asyncio.create_task(until_late(0.2))]
        with deadlines.within(0.1):
            await asyncio.sleep(0)
        assert await asyncio.gather(*late) == [0.5, 0.2]

    run(main)


def test_a_closed_timer_serves_blocks_that_are_under_way_and_later_ones() -> None:
    """Closing cancels a timer that no block needs, and no other."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(loop)
        for _ in range(2):
            loop.call_soon(deadlines.close)
            with pytest.raises(TimeoutError), deadlines.within(0.1):
                await asyncio.sleep(1)
            deadlines.close()

    run(main)


def test_outside_of_a_task_it_raises() -> None:
    """Without a task there is nothing to cancel: the block is refused, as in asyncio."""
    loop = asyncio.new_event_loop()
    refused: list[BaseException] = []

    def enter() -> None:
        try:
            with Deadlines(loop).within(1):
                pass
        except EventLoopError as error:
            refused.append(error)
        loop.stop()

    loop.call_soon(enter)
    loop.run_forever()
    loop.close()
    assert [str(error) for error in refused] == [
        "A call must be awaited inside a task of the event loop."
    ]
