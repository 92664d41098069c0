"""A Redis server that fails in every way: no process sends more than the quota."""

from __future__ import annotations

import asyncio
import gc
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from fivetran_async import ConnectError, EventLoopError, RateLimitedError, SessionClosedError
from fivetran_async._clock import SystemClock
from fivetran_async._quota.patience import Patience
from fivetran_async.limits import Quota, QuotaReport, RateLimits
from support.faults import refusing
from support.redis_server import HICCUPS, PRESENT, Hiccup, RedisServer, no_retry
from support.sessions import session_at
from support.waiting import PATIENCE

pytest.importorskip("redis", reason="needs redis-server's Python client: the package redis")
if not PRESENT:
    pytest.skip("needs redis-server, the program", allow_module_level=True)

from redis.asyncio import Redis as Client

from fivetran_async.integrations.redis import OnUnavailable, RedisRateLimiter, SharedLimiter

PREFIX = "fivetran_async:{account}:"
LOSSES: tuple[Hiccup, ...] = ("restarted", "evicted", "flushed")


class Later(SystemClock):
    """The machine's time, moved forward."""

    def __init__(self) -> None:
        self.offset = 0.0

    def monotonic(self) -> float:
        """Seconds, moved forward."""
        return super().monotonic() + self.offset


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server for one test, which may ruin it."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


def limiter_of(
    client: Client, limit: int, clock: SystemClock, on_unavailable: OnUnavailable = "local"
) -> SharedLimiter:
    """Return a limiter of `limit` requests an hour, as a process of its own would make it."""
    quotas = {"requests": (Quota(limit, 3_600.0),), "source": (Quota(100, 3_600.0),)}
    shared = RedisRateLimiter(
        client, limits=RateLimits(quotas=quotas), on_unavailable=on_unavailable
    )
    return shared.for_account("account", base_url="http://127.0.0.1", clock=clock)


SAMPLED_HICCUPS = [
    pytest.param(each, marks=() if each in {"flushed", "read-only"} else pytest.mark.slow)
    for each in HICCUPS
]
"""The session `tests` has a store that forgets and one that refuses; `proofs` has them all."""


async def pass_through(limiter: SharedLimiter, *budgets: str) -> bool:
    """Send a request if it may start within seconds; return True if it did."""
    try:
        await limiter.acquire(budgets, patience=Patience(max_pause=5, max_wait=5))
    except RateLimitedError:
        return False
    limiter.settle(budgets, QuotaReport(status=200), sent=True)
    return True


async def counted(client: Client) -> int:
    """Return how many requests the store counts."""
    return int(await client.zcount(PREFIX + "requests", 0, math.inf))


@pytest.mark.parametrize("on_unavailable", ["local", "refuse"])
@pytest.mark.parametrize("hiccup", SAMPLED_HICCUPS)
async def test_a_hiccup_never_lets_a_process_send_too_much(
    server: RedisServer, hiccup: Hiccup, on_unavailable: OnUnavailable
) -> None:
    """
    What the store granted before a hiccup counts during it and after it.

    Siblings: late, restarted, read-only, evicted, flushed, wrong type; both policies. A process
    that had used up its quota started over, by a second count or by an empty store.
    """
    clock = Later()
    async with Client(port=server.port, retry=no_retry()) as client:
        limiter = limiter_of(client, 6, clock, on_unavailable)
        sent = sum([await pass_through(limiter) for _ in range(4)])
        await limiter.aclose()
        server.suffer(hiccup, PREFIX)
        sent += sum([await pass_through(limiter) for _ in range(4)])
        assert sent <= 6
        assert on_unavailable == "refuse" or sent == 6
        server.recover(hiccup, PREFIX)
        clock.offset += 10.0
        await asyncio.sleep(2.5 if hiccup == "late" else 0)
        sent += sum([await pass_through(limiter) for _ in range(4)])
        assert sent == 6
        await limiter.aclose()
        assert await counted(client) == 6


@pytest.mark.slow
@pytest.mark.parametrize("hiccup", HICCUPS)
async def test_the_store_learns_afterwards_what_was_sent_without_it(
    server: RedisServer, hiccup: Hiccup
) -> None:
    """
    Another process finds the requests of the outage in the store, those in flight included.

    Siblings: requests that ended before, during and after the hiccup.
    """
    clock = Later()
    async with Client(port=server.port, retry=no_retry()) as client:
        limiter = limiter_of(client, 8, clock)
        await limiter.acquire(())
        assert await pass_through(limiter)
        await limiter.aclose()
        server.suffer(hiccup, PREFIX)
        await limiter.acquire(())
        assert await pass_through(limiter)
        limiter.settle((), QuotaReport(status=200), sent=True)
        server.recover(hiccup, PREFIX)
        clock.offset += 10.0
        await asyncio.sleep(2.5 if hiccup == "late" else 0)
        assert await pass_through(limiter)
        await limiter.aclose()
        other = limiter_of(client, 8, Later())
        assert (await other.read())["requests"].remaining == 3
        limiter.settle((), QuotaReport(status=200), sent=True)
        await limiter.aclose()
        assert (await other.read())["requests"].remaining == 3


@pytest.mark.slow
@pytest.mark.parametrize("hiccup", LOSSES)
async def test_processes_tell_a_store_that_lost_its_keys(
    server: RedisServer, hiccup: Hiccup
) -> None:
    """After a loss, two processes together still send no more than the quota."""
    async with Client(port=server.port, retry=no_retry()) as client:
        clocks = [Later(), Later()]
        one, other = (limiter_of(client, 10, clock) for clock in clocks)
        for limiter in (one, other):
            assert [await pass_through(limiter) for _ in range(4)] == [True] * 4
            await limiter.aclose()
        server.suffer(hiccup, PREFIX)
        for clock in clocks:
            clock.offset += 10.0
        sent = await asyncio.gather(
            *(pass_through(each) for each in (one, other) for _ in range(6))
        )
        assert sum(sent) == 2
        for limiter in (one, other):
            await limiter.aclose()
        assert await counted(client) == 10


@pytest.mark.slow
async def test_a_late_grant_is_taken_back(server: RedisServer) -> None:
    """What the store granted after the process had given up on it holds no slot for long."""
    clock = Later()
    async with Client(port=server.port, retry=no_retry()) as client:
        limiter = limiter_of(client, 5, clock)
        assert await pass_through(limiter)
        server.suffer("late", PREFIX)
        assert await pass_through(limiter)
        await asyncio.sleep(1)
        clock.offset += 10.0
        assert await pass_through(limiter)
        await limiter.aclose()
        assert await counted(client) == 3


async def test_the_snapshot_counts_the_grant_and_ages(server: RedisServer) -> None:
    """
    `snapshot()` includes the request it just granted, and forgets what has left the window.

    Siblings: requests of this process and of others; `read()` asks the store.
    """
    async with Client(port=server.port, retry=no_retry()) as client:
        clock = Later()
        one, other = limiter_of(client, 50, clock), limiter_of(client, 50, Later())
        await one.acquire(())
        assert one.snapshot()["requests"].remaining == 49
        for _ in range(20):
            assert await pass_through(other)
        await other.aclose()
        assert one.snapshot()["requests"].remaining == 49
        assert (await one.read())["requests"].remaining == 29
        assert one.snapshot()["requests"].remaining == 29
        one.settle((), QuotaReport(status=200), sent=True)
        await one.aclose()
        clock.offset = 1_800.0
        # Of the others' requests, half are assumed to have left the window.
        assert one.snapshot()["requests"].remaining == pytest.approx(39, abs=1)
        clock.offset = 3_601.0
        assert one.snapshot()["requests"].remaining == 50


async def test_reading_without_the_store_is_an_error() -> None:
    """`read()` raises `ConnectError` where the store does not respond; `snapshot()` goes on."""
    with refusing() as url:
        port = int(url.rpartition(":")[2])
        async with Client(port=port, retry=no_retry()) as client:
            limiter = limiter_of(client, 5, Later())
            with pytest.raises(ConnectError, match="cannot be reached"):
                await limiter.read()
            assert limiter.snapshot()["requests"].remaining == 5


async def test_an_absurd_pause_of_another_process_ends(server: RedisServer) -> None:
    """
    Neither a `Retry-After` of 317 years nor a server's clock that was set back stops the fleet.

    Siblings: the pause that a process reports, and one that stands in the store already.
    """
    async with Client(port=server.port, retry=no_retry()) as client:
        one, other = limiter_of(client, 50, Later()), limiter_of(client, 50, Later())
        await one.acquire(())
        one.settle((), QuotaReport(status=429, retry_after=9_999_999_999.0), sent=True)
        await one.aclose()
        assert 3_500 < (await other.read())["requests"].paused_for <= 3_600
        await client.hset(PREFIX + "state", "paused1", str(10**18))
        third = limiter_of(client, 50, Later())
        assert 3_500 < (await third.read())["requests"].paused_for <= 3_600


async def test_an_outage_is_logged_once(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning when the store goes, one line when it is back, however long it took."""
    caplog.set_level("INFO", "fivetran_async")
    clock = Later()
    async with Client(port=server.port, retry=no_retry()) as client:
        limiter = limiter_of(client, 50, clock)
        server.stop()
        for _ in range(3):
            assert await pass_through(limiter)
            clock.offset += 10.0
        server.start()
        assert await pass_through(limiter)
        await limiter.aclose()
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "INFO"]
    assert "each process paces itself" in caplog.text
    assert "is back" in caplog.text


def test_a_second_event_loop_is_an_error_of_ours(server: RedisServer) -> None:
    """
    On another loop, while the first is open, `EventLoopError`; after it was closed, it works.

    Siblings: `acquire` and `read`; Flask's async views and Lambda handlers make a loop per call.
    """
    client = Client(port=server.port, retry=no_retry())
    limiter = limiter_of(client, 50, Later())
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        assert first.run_until_complete(pass_through(limiter))
        for call in (limiter.acquire(()), limiter.read()):
            with pytest.raises(EventLoopError, match="another event loop"):
                second.run_until_complete(call)
        first.run_until_complete(limiter.aclose())
    finally:
        first.close()
    with warnings.catch_warnings():
        # redis-py warns that a connection died with its loop.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            assert second.run_until_complete(pass_through(limiter))
            state = second.run_until_complete(limiter.read())
            assert state["requests"].remaining == 48
            second.run_until_complete(limiter.aclose())
            second.run_until_complete(client.aclose())
            gc.collect()
        finally:
            second.close()


async def test_close_ends_waits_for_a_silent_store() -> None:
    """
    A server that accepts connections and sends nothing does not delay the end of a session.

    Siblings: limiters that users wrote, in `tests/_http/test_closing_calls.py`.
    """
    asked = asyncio.Event()

    async def send_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(send_nothing, "127.0.0.1", 0)
    client = Client(port=silent.sockets[0].getsockname()[1], retry=no_retry())
    async with silent, client:
        limits = RedisRateLimiter(client, on_unavailable="refuse")
        fivetran = session_at("http://127.0.0.1:1", rate_limits=limits)
        call = asyncio.create_task(fivetran.groups.get("g"))
        async with asyncio.timeout(PATIENCE):
            await asked.wait()
        began = asyncio.get_running_loop().time()
        await fivetran.aclose()
        with pytest.raises(SessionClosedError):
            await call
        assert asyncio.get_running_loop().time() - began < 1
        await limits.aclose()
