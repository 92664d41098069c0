"""How long calls wait for the account's quotas, on virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from fivetran_async import ConcurrencyLimiter, RateLimitedError, RetryPolicy
from fivetran_async._quota.patience import Patience, Priority
from fivetran_async.limits import Quota, QuotaReport, RateLimits
from matrix.virtual_time import EPOCH, LoopClock, run
from quota.rolling import RollingServer, limiter_of, one_in, pass_through, session, started
from support.faults import FaultServer
from support.samples import sample


@pytest.mark.parametrize("priority", ["interactive", "bulk"])
def test_520_reads_of_columns_wait_for_the_source_quota(priority: Priority) -> None:
    """
    520 concurrent `get_columns` on a source quota of 500 a minute all succeed after a minute.

    Siblings: every quota of the account, setup tests and schema reloads, both priorities; a hash
    of many connections. Each was a `RateLimitedError` at once for the calls beyond the quota,
    because a wait of our own was bounded by `max_retry_after`.
    """

    async def main() -> None:
        clock, rolling = LoopClock(), RollingServer(500, 60.0, data={"columns": {}})
        async with (
            FaultServer(answer=rolling.answer) as server,
            session(
                server.url,
                clock,
                rate_limits=RateLimits(),
                limiter=ConcurrencyLimiter(20),
                retry=RetryPolicy(),
            ) as fivetran,
        ):
            schemas = fivetran.with_options(priority=priority).connections.schemas
            began = clock.monotonic()
            await asyncio.gather(
                *(schemas.get_columns("c", "public", f"t{number}") for number in range(520))
            )
            assert 55 < clock.monotonic() - began < 75
        assert rolling.refused == 0

    run(main)


@pytest.mark.parametrize("priority", ["interactive", "bulk"])
@pytest.mark.parametrize("name", ["source", "requests"])
def test_1100_calls_take_the_time_that_the_quota_needs(priority: Priority, name: str) -> None:
    """
    1,100 concurrent calls on 500 a minute: no error, in at most 1.05 of the time it needs.

    Siblings: the quota by the minute and the quota of all requests, both priorities.
    """

    async def main() -> None:
        quotas = {name: (Quota(500, 60.0),)}
        limiter = limiter_of(RateLimits(quotas=quotas))
        budgets = () if name == "requests" else (name,)
        patience = Patience(priority=priority)
        began = asyncio.get_running_loop().time()

        async def call() -> float:
            await limiter.acquire(budgets, patience=patience)
            await asyncio.sleep(0.2)
            limiter.settle(budgets, QuotaReport(status=200), sent=True)
            return asyncio.get_running_loop().time() - began

        ended = await asyncio.gather(*(call() for _ in range(1_100)))
        # 500 at once, 500 after a minute, 100 after two.
        assert max(ended) <= 1.05 * 120.2
        by_minute = Counter(int((moment - 0.2) // 60.2) for moment in ended)
        assert by_minute[0] <= 500
        assert by_minute[1] <= 500

    run(main)


@pytest.mark.parametrize(
    ("calls", "limit"), [(sample(300, 3_000), 100), (sample(130, 1_300), 40), (240, 240)]
)
def test_bursts_of_any_size_lose_no_call(calls: int, limit: int) -> None:
    """Whatever the ratio of calls and quota, bulk calls all succeed in about the least time."""

    async def main() -> None:
        quotas = {"source": (Quota(limit, 60.0), Quota(2 * calls, 3_600.0))}
        limiter = limiter_of(RateLimits(quotas=quotas))
        bulk = Patience(priority="bulk")
        began = asyncio.get_running_loop().time()

        async def call() -> float:
            await limiter.acquire(("source",), patience=bulk)
            limiter.settle(("source",), QuotaReport(status=200), sent=True)
            return asyncio.get_running_loop().time() - began

        ended = await asyncio.gather(*(call() for _ in range(calls)))
        # The last part of the quota by the minute is spread over its window.
        assert max(ended) <= 60 * ((calls - 1) // limit + 1)

    run(main)


def test_an_interactive_call_waits_no_longer_than_max_local_wait() -> None:
    """
    Beyond `max_local_wait` a call fails at once, with the time when the quota is back.

    Siblings: the bound of bulk calls, of calls with a deadline, and of the server's pauses.
    """

    async def main() -> None:
        limiter = limiter_of(one_in(600.0))
        now = await pass_through(limiter)
        with pytest.raises(RateLimitedError, match="max_local_wait") as caught:
            await limiter.acquire((), patience=Patience(max_pause=None))
        assert asyncio.get_running_loop().time() == now
        assert caught.value.retry_at is not None
        assert caught.value.retry_at.timestamp() == EPOCH + now + 600
        assert caught.value.fate == "not_sent"

    run(main)


def test_a_bulk_call_waits_for_the_longest_window() -> None:
    """A bulk call waits for 600 s where an interactive one gives up; two windows are too long."""

    async def main() -> None:
        limiter = limiter_of(one_in(600.0))
        now = await pass_through(limiter)
        first, second = await started(
            pass_through(limiter, priority="bulk", patience=300),
            pass_through(limiter, priority="bulk", patience=300),
        )
        with pytest.raises(RateLimitedError, match="may start in 1200 s"):
            await second
        assert asyncio.get_running_loop().time() == now
        assert await first == pytest.approx(now + 600)

    run(main)


@pytest.mark.parametrize("duration", [0.0, 0.3, 40.0])
def test_bulk_calls_that_join_while_a_quota_is_in_flight_are_not_refused(duration: float) -> None:
    """
    80 bulk calls with 60 an hour all succeed, whatever their requests take.

    A window begins at the end of a request, so it ends later than an hour after a call joined.
    """

    async def main() -> None:
        quotas = {"requests": (Quota(60, 3_600.0),)}
        limiter = limiter_of(RateLimits(quotas=quotas))
        bulk, began = Patience(priority="bulk"), asyncio.get_running_loop().time()

        async def call() -> float:
            await limiter.acquire((), patience=bulk)
            await asyncio.sleep(duration)
            limiter.settle((), QuotaReport(status=200), sent=True)
            return asyncio.get_running_loop().time() - began

        ended = await asyncio.gather(*(call() for _ in range(80)))
        assert max(ended) <= 3_600 + 2 * duration + 1

    run(main)


@pytest.mark.parametrize("priority", ["interactive", "bulk"])
def test_a_deadline_takes_the_place_of_both_bounds(priority: Priority) -> None:
    """A call with a deadline waits until then: longer than 300 s, or not even a minute."""

    async def main() -> None:
        limiter = limiter_of(one_in(600.0))
        now = await pass_through(limiter)
        (patient,) = await started(
            pass_through(limiter, priority=priority, patience=1, deadline=700)
        )
        with pytest.raises(RateLimitedError, match="deadline"):
            await pass_through(limiter, priority=priority, deadline=500)
        assert asyncio.get_running_loop().time() == now
        assert await patient == pytest.approx(now + 600)

    run(main)


def test_a_pause_of_the_server_is_bounded_by_max_retry_after_alone() -> None:
    """
    A pause longer than `max_retry_after` fails calls at once; `max_local_wait` plays no part.

    Siblings: `max_retry_after=None` with a short `max_local_wait`, and a bulk call.
    """

    async def main() -> None:
        limiter = limiter_of(RateLimits())
        now = await pass_through(limiter, report=QuotaReport(status=429, retry_after=120.0))
        for priority in ("interactive", "bulk"):
            with pytest.raises(RateLimitedError, match="max_retry_after"):
                await limiter.acquire((), patience=Patience(priority=priority, max_pause=60))
        assert asyncio.get_running_loop().time() == now
        await limiter.acquire((), patience=Patience(max_pause=None, max_wait=1))
        assert asyncio.get_running_loop().time() == pytest.approx(now + 120)
        limiter.settle((), QuotaReport(status=200), sent=True)

    run(main)


def test_a_line_longer_than_the_quota_knows_its_rounds() -> None:
    """The seventh of one a minute is refused at once if it waits for five minutes only."""

    async def main() -> None:
        limiter = limiter_of(one_in(60.0))
        now = asyncio.get_running_loop().time()
        tasks = await started(*(pass_through(limiter, patience=300) for _ in range(8)))
        refused = [task.done() and task.exception() is not None for task in tasks]
        assert refused == [False] * 6 + [True] * 2
        begun = await asyncio.gather(*tasks[:6])
        assert [round(moment - now) for moment in begun] == [0, 60, 120, 180, 240, 300]
        with pytest.raises(RateLimitedError, match="may start in 360 s"):
            await tasks[6]
        with pytest.raises(RateLimitedError, match="may start in 360 s"):
            await tasks[7]

    run(main)
