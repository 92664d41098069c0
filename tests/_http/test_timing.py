"""Timeouts and deadlines of several seconds end when they are set to end."""

from __future__ import annotations

import asyncio

import pytest

from fivetran_async import AsyncFivetran, FivetranError
from support import faults
from support.faults import FaultServer
from support.sessions import ONCE, session_at

SECONDS = 5.3


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["timeouts", "deadline"])
async def test_a_long_timeout_is_not_rounded(limit: str) -> None:
    """
    By default aiohttp ends timeouts above five seconds at a whole second of the loop's clock.

    Siblings: `connect`, which aiohttp rounds by the same threshold, and `slow`, made the same way.
    """
    late: list[float] = []
    for _ in range(3):
        # A busy machine may be late once; rounding is late each time, by 0.9 s.
        late.append(await _lateness(limit))
        if late[-1] < 0.5:
            break
    assert late[-1] < 0.5, late


async def _lateness(limit: str) -> float:
    loop = asyncio.get_running_loop()
    async with FaultServer(faults.HANG) as server, session_at(server.url, retry=ONCE) as fivetran:
        view = _view(fivetran, limit)
        # So that the next whole second is 0.9 s after the end.
        await asyncio.sleep((0.8 - loop.time()) % 1)
        started = loop.time()
        with pytest.raises(FivetranError, match="Timed out"):
            await view.groups.get("g")
        return loop.time() - started - SECONDS


def _view(fivetran: AsyncFivetran, limit: str) -> AsyncFivetran:
    if limit == "deadline":
        return fivetran.with_options(deadline=SECONDS)
    return fivetran.with_options(timeouts=SECONDS)
