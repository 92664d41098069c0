"""The number of coroutines between a caller and aiohttp while a request is in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from types import CoroutineType
from typing import Any

import fivetran_async
from fivetran_async import AsyncFivetran
from support.faults import HANG, FaultServer
from support.sessions import session_at
from support.waiting import PATIENCE

PACKAGE = str(Path(fivetran_async.__file__).parent)


def frames_of_ours(coroutine: object) -> list[str]:
    """List the coroutines of the package that await each other, from the caller to aiohttp."""
    found: list[str] = []
    while isinstance(coroutine, CoroutineType):
        code = coroutine.cr_code
        if code.co_filename.startswith(PACKAGE):
            found.append(code.co_qualname)
        elif found:
            # Frames of aiohttp; below them its middleware is part of the package.
            break
        coroutine = coroutine.cr_await
    return found


async def in_flight(server: FaultServer, work: Coroutine[Any, Any, object]) -> list[str]:
    """Run some work until its request has arrived, and list its coroutines."""
    task = asyncio.create_task(work)
    async with asyncio.timeout(PATIENCE):
        while not server.requests:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.005)
    frames = frames_of_ours(task.get_coro())
    task.cancel()
    await asyncio.wait([task])
    return frames


async def walk(fivetran: AsyncFivetran) -> None:
    """Iterate over a list."""
    async for _ in fivetran.connections.list():
        pass


async def test_a_call_is_four_frames() -> None:
    """From `connections.get` to aiohttp: the method, the call, the retry and the attempt."""
    async with FaultServer(HANG) as server, session_at(server.url) as fivetran:
        frames = await in_flight(server, fivetran.connections.get("connection"))
    assert len(frames) == 4, frames


async def test_a_walk_is_six_frames() -> None:
    """From `async for` to aiohttp: two frames more than a call has."""
    async with FaultServer(HANG) as server, session_at(server.url) as fivetran:
        frames = await in_flight(server, walk(fivetran))
    assert len(frames) <= 6, frames
