"""The sessions that the triggers of a triggerer share; Airflow is not needed for them."""

from __future__ import annotations

import asyncio

import pytest

from fivetran_async import AsyncFivetran
from fivetran_async.integrations._airflow_sessions import SharedSessions


class Opening:
    """An opening that ends a moment after its cancellation, with a session."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.end = asyncio.Event()
        self.session = AsyncFivetran("key", "secret")

    async def __call__(self) -> AsyncFivetran:
        """Return the session, however often the task is cancelled."""
        self.began.set()
        while not self.end.is_set():
            try:
                await self.end.wait()
            except asyncio.CancelledError:
                continue
        return self.session


@pytest.mark.parametrize("cancellations", [1, 2, 3])
async def test_session_of_a_cancelled_opening_is_closed(cancellations: int) -> None:
    """However often the last user is cancelled while the session opens, it leaves none open."""
    opening = Opening()
    user = asyncio.create_task(SharedSessions().acquire("fivetran", opening))
    await opening.began.wait()
    for _ in range(cancellations):
        user.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    assert not user.done()
    opening.end.set()
    with pytest.raises(asyncio.CancelledError):
        await user
    assert opening.session.closed


def test_session_is_closed_at_the_end_of_the_loop() -> None:
    """`asyncio.run` cancels every task at its end, also the one that closes the session."""
    opened: list[Opening] = []

    async def triggerer() -> None:
        opening = Opening()
        opened.append(opening)
        user = asyncio.create_task(SharedSessions().acquire("fivetran", opening))
        await opening.began.wait()
        user.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.01, opening.end.set)

    asyncio.run(triggerer())
    assert opened[0].session.closed


@pytest.mark.parametrize("cancellations", [0, 1, 2])
async def test_last_release_closes_the_session(cancellations: int) -> None:
    """The last user closes it, also if it is cancelled meanwhile; the others leave it open."""
    sessions = SharedSessions()
    opening = Opening()
    opening.end.set()
    leases = [await sessions.acquire("fivetran", opening) for _ in range(2)]
    await leases[0].release()
    assert not opening.session.closed
    releasing = asyncio.create_task(leases[1].release())
    await asyncio.sleep(0)
    for _ in range(cancellations):
        releasing.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(releasing, return_exceptions=True)
    assert opening.session.closed
