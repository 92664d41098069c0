"""The time limit for work of other libraries, which may swallow a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from fivetran_async._clock import at_most


class Stubborn:
    """Work that goes on after each of its first cancellations."""

    def __init__(self, swallowed: int) -> None:
        self.left = swallowed
        self.began = asyncio.Event()
        self.ended = asyncio.Event()

    async def work(self) -> None:
        """Wait for good."""
        try:
            while True:
                try:
                    self.began.set()
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    if not self.left:
                        raise
                    self.left -= 1
        finally:
            self.ended.set()


@pytest.mark.parametrize("swallowed", [0, 1, 3])
async def test_time_limit_needs_no_help_of_the_work(swallowed: int) -> None:
    """The caller goes on in time, and the work is cancelled until it ends."""
    stubborn = Stubborn(swallowed)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError, match=r"timed out after 0\.01 s"):
        await at_most(0.01, stubborn.work())
    assert loop.time() - began < 0.1
    async with asyncio.timeout(5):
        await stubborn.ended.wait()


@pytest.mark.parametrize("swallowed", [0, 2])
async def test_cancellation_of_the_caller_needs_no_help_of_the_work(swallowed: int) -> None:
    """The caller's own cancellation comes through at once."""
    stubborn = Stubborn(swallowed)
    caller = asyncio.create_task(at_most(60, stubborn.work()))
    await stubborn.began.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    async with asyncio.timeout(5):
        await stubborn.ended.wait()


async def test_result_and_error_come_through() -> None:
    """Work that ends in time is as if it had been awaited; its own cancellation is a timeout."""

    async def give() -> int:
        return 7

    async def fail() -> None:
        raise OSError("away")

    async def give_up() -> None:
        raise asyncio.CancelledError

    assert await at_most(5, give()) == 7
    with pytest.raises(OSError, match="away"):
        await at_most(5, fail())
    with pytest.raises(TimeoutError, match="was cancelled"):
        await at_most(5, give_up())
