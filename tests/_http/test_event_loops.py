"""A session outlives the event loop that it was used on; two loops at a time share none."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

import aiohttp
import pytest

from fivetran_async import (
    AsyncFivetran,
    ConcurrencyLimiter,
    EventLoopError,
    RateLimits,
    SessionClosedError,
)
from fivetran_async._http.shared_work import SharedWork
from support.faults import FaultServer
from support.sessions import ONE_GROUP, session_at

T = TypeVar("T")


class ServerThread:
    """A server on an event loop of its own, so that the tests' loops can be closed."""

    def __init__(self) -> None:
        self.server = FaultServer(answer=lambda _: ONE_GROUP)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def start(self) -> None:
        """Serve until `stop`."""
        self._thread.start()
        self._run(self.server.__aenter__())

    def stop(self) -> None:
        """Close the server and its loop."""
        self._run(self.server.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


@pytest.fixture
def server() -> Generator[FaultServer]:
    """A server that outlives the loops of a test."""
    thread = ServerThread()
    thread.start()
    yield thread.server
    thread.stop()


def run_abruptly(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a loop that is closed without ending its other tasks."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(make())
    finally:
        loop.close()


def test_a_session_moves_to_the_next_loop(server: FaultServer) -> None:
    """
    Flask's async views, Django and Lambda run each request on a loop of its own.

    Siblings: the limiter of the session and its quotas, the locks and the poll hub of its core.
    """
    fivetran = session_at(server.url, rate_limits=RateLimits())
    for _ in range(3):
        group = asyncio.run(fivetran.groups.get("g"))
        assert group.id == "decent_dropsy"
    assert len(server.requests) == 3
    asyncio.run(fivetran.aclose())
    assert fivetran.closed


def test_sockets_are_closed_with_their_loop(server: FaultServer) -> None:
    """A session that is never closed leaves nothing open: not even asyncio has to warn of it."""
    asyncio.run(session_at(server.url).groups.get("g"))


def test_a_session_is_closed_on_another_loop(server: FaultServer) -> None:
    """Closing it after its loop was closed has nothing to wait for."""
    fivetran = session_at(server.url)
    asyncio.run(fivetran.groups.get("g"))
    asyncio.run(fivetran.aclose())
    assert fivetran.closed


def test_another_running_loop_is_an_error(server: FaultServer) -> None:
    """A loop that still runs keeps its session: two at a time would share sockets."""
    fivetran = session_at(server.url)

    async def main() -> None:
        await fivetran.groups.get("g")
        with pytest.raises(EventLoopError, match="still open"):
            await asyncio.to_thread(asyncio.run, fivetran.groups.get("g"))
        await fivetran.groups.get("g")
        await fivetran.aclose()

    asyncio.run(main())
    assert len(server.requests) == 2


def test_a_given_session_belongs_to_its_loop(server: FaultServer) -> None:
    """It cannot be rebuilt, so it is refused on another loop, before and after the first use."""

    async def make(*, use: bool) -> tuple[AsyncFivetran, aiohttp.ClientSession]:
        own = aiohttp.ClientSession()
        fivetran = session_at(server.url, session=own)
        if use:
            await fivetran.groups.get("g")
        await own.close()
        return fivetran, own

    for use in (False, True):
        fivetran, _ = asyncio.run(make(use=use))
        with pytest.raises(EventLoopError, match="session="):
            asyncio.run(fivetran.groups.get("g"))


def test_slots_of_a_closed_loop_are_free(server: FaultServer) -> None:
    """Calls that a loop took with it do not hold their slots indefinitely."""
    limiter = ConcurrencyLimiter(1)
    fivetran = session_at(server.url, limiter=limiter)
    held: list[asyncio.Task[None]] = []

    async def hold() -> None:
        async with limiter:
            await asyncio.Event().wait()

    async def leave_a_holder() -> None:
        held.append(asyncio.create_task(hold()))
        await asyncio.sleep(0)
        assert limiter.in_use == 1

    run_abruptly(leave_a_holder)
    assert asyncio.run(fivetran.groups.get("g")).id == "decent_dropsy"
    asyncio.run(fivetran.aclose())
    # Python warns of tasks that are destroyed while they wait; this one was abandoned on purpose.
    held[0]._log_destroy_pending = False  # type: ignore[attr-defined]


def test_slots_of_a_closed_loop_that_are_given_back_late_admit_no_one_more() -> None:
    """The garbage collector may end a holder after its slot was taken to be free."""
    limiter = ConcurrencyLimiter(1)
    left: list[Coroutine[Any, Any, None]] = []

    async def hold() -> None:
        async with limiter:
            await asyncio.Event().wait()

    async def leave_a_holder() -> None:
        left.append(hold())
        left[-1].send(None)

    async def use() -> None:
        async with limiter:
            left.pop().close()
        assert (limiter.in_use, limiter.waiting) == (0, 0)

    run_abruptly(leave_a_holder)
    asyncio.run(use())


def test_parts_of_the_core_belong_to_a_loop(server: FaultServer) -> None:
    """Locks and hubs are made once more after their loop was closed, and not before."""
    core = session_at(server.url)._transport.core

    class Part:
        """Something that is bound to a loop."""

    early = core.part(Part, Part)

    async def part() -> Part:
        assert core.part(Part, Part) is core.part(Part, Part)
        return core.part(Part, Part)

    first, second = asyncio.run(part()), asyncio.run(part())
    assert early is first
    assert first is not second


@pytest.mark.parametrize("way", ["release", "close"])
def test_waiters_of_a_closed_loop_are_passed_over(way: str) -> None:
    """
    A slot that is given back late, by the garbage collector, goes to no one of a loop that is gone.

    Siblings: calls that share one `webhooks.ensure`, below.
    """
    limiter = ConcurrencyLimiter(1)
    left: list[Coroutine[Any, Any, None]] = []

    async def hold() -> None:
        async with limiter:
            await asyncio.Event().wait()

    async def begin() -> None:
        for _ in range(3):
            left.append(hold())
            left[-1].send(None)

    run_abruptly(begin)
    assert (limiter.in_use, limiter.waiting) == (1, 2)
    if way == "release":
        limiter.release()
        assert limiter.in_use == 0
    else:
        limiter.close()
    assert limiter.waiting == 0
    for each in reversed(left):
        with contextlib.suppress(asyncio.CancelledError, SessionClosedError):
            each.throw(asyncio.CancelledError)


def test_shared_work_of_a_closed_loop_wakes_no_one() -> None:
    """A call that is thrown away with its loop ends quietly, although others waited for it."""
    fivetran = session_at("http://127.0.0.1:1")
    core = fivetran._transport.core
    shared: SharedWork[int] = SharedWork()
    calls: list[Coroutine[Any, Any, int]] = []

    async def never() -> int:
        await asyncio.Event().wait()
        return 1

    async def begin() -> None:
        calls.append(shared.do(core, "subject", "order", never))
        calls[0].send(None)
        waiting = asyncio.ensure_future(shared.do(core, "subject", "order", never))
        await asyncio.sleep(0)
        waiting.cancel()
        shared._running["subject"].add_done_callback(lambda _: None)

    run_abruptly(begin)
    calls[0].close()
    assert not shared._running
    asyncio.run(fivetran.aclose())
