"""Responses with absurd figures: no header switches a process off."""

from __future__ import annotations

import asyncio
from email.utils import formatdate

import pytest

from fivetran_async import FivetranError, RateLimitedError, RetryPolicy
from fivetran_async._quota.account import AccountQuotas
from fivetran_async._quota.patience import Patience
from fivetran_async._quota.plans import HOUR, PAID, REQUESTS
from fivetran_async.limits import Quota, QuotaReport, RateLimits
from matrix.virtual_time import EPOCH, LoopClock, run
from quota.rolling import limiter_of, pass_through, session
from support.each import for_each
from support.faults import Fault, FaultServer, WireRequest
from support.sessions import GROUP, refusal, success

CLOSE = {"Connection": "close"}
"""A kept connection has a timer of its own, which would stop at each of its steps."""
A_GROUP = success(GROUP, headers=CLOSE)
DECADES = 40 * 365 * 24 * 3600.0

ABSURD: dict[str, dict[str, str]] = {
    "317 years": {"Retry-After": "9999999999"},
    "a date decades off": {"Retry-After": formatdate(EPOCH + DECADES, usegmt=True)},
    "the year 9999": {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"},
    "a server's clock at 1970": {
        "Retry-After": formatdate(EPOCH, usegmt=True),
        "Date": "Thu, 01 Jan 1970 00:00:00 GMT",
    },
    "two hours": {"Retry-After": "7200"},
    "with an absurd quota": {
        "Retry-After": "9999999999",
        "X-Rate-Limit": "1",
        "X-Rate-Limit-Remaining": "0",
    },
}


class WrongClock(LoopClock):
    """A clock with a wall time decades behind."""

    def time(self) -> float:
        """Seconds since the epoch, wrong by decades."""
        return super().time() - DECADES


@pytest.mark.parametrize("clock_class", [LoopClock, WrongClock])
@pytest.mark.parametrize("headers", ABSURD.values(), ids=ABSURD)
def test_no_pause_is_longer_than_the_longest_window(
    headers: dict[str, str], clock_class: type[LoopClock]
) -> None:
    """
    One 429 with an absurd `Retry-After` pauses for an hour at most; then one request goes first.

    Siblings: seconds, dates, a wrong clock on either side, absurd quota headers beside it. Each
    stopped all sessions of the key in the process until it was restarted.
    """

    async def main() -> None:
        clock, arrived = clock_class(), list[float]()

        def answer(_: WireRequest) -> Fault:
            arrived.append(clock.monotonic())
            return refusal(429, headers=headers | CLOSE) if len(arrived) == 1 else A_GROUP

        async with (
            FaultServer(answer=answer) as server,
            session(server.url, clock, rate_limits=RateLimits(), retry=RetryPolicy()) as fivetran,
        ):
            began = clock.monotonic()
            with pytest.raises(RateLimitedError):
                await fivetran.groups.get("g")
            with pytest.raises(RateLimitedError) as caught:
                await fivetran.groups.get("g")
            assert caught.value.retry_at is not None
            assert caught.value.retry_at.timestamp() <= clock.time() + HOUR
            patient = fivetran.with_options(retry=RetryPolicy(max_retry_after=None))
            await asyncio.gather(*(patient.groups.get("g") for _ in range(20)))
        first, probe, *others = arrived
        assert first == began
        assert probe - began <= HOUR + 1
        assert len(others) == 19
        assert max(others) - probe < 31

    run(main)


def test_a_call_that_obeys_any_pause_sleeps_no_longer_than_an_hour() -> None:
    """
    With `max_retry_after=None` the refused call itself tries again after an hour.

    Siblings: 429 and 503, seconds and dates.
    """

    async def main() -> None:
        for status in (429, 503):
            clock = LoopClock()
            absurd = refusal(status, headers={"Retry-After": "9999999999"} | CLOSE)
            async with (
                FaultServer(absurd, A_GROUP) as server,
                session(
                    server.url, clock, rate_limits=RateLimits(), key=f"key of {status}"
                ) as fivetran,
            ):
                began = clock.monotonic()
                await fivetran.groups.get("g")
                assert clock.monotonic() - began <= 1.1 * HOUR + 1

    run(main)


def test_after_a_pause_one_request_goes_first() -> None:
    """The others wait for its response: a server that still refuses meets one request."""

    async def main() -> None:
        limiter = limiter_of(RateLimits())
        now = await pass_through(limiter, report=QuotaReport(status=429, retry_after=10.0))
        begun: list[float] = []

        async def call(report: QuotaReport) -> None:
            await limiter.acquire(())
            begun.append(asyncio.get_running_loop().time() - now)
            await asyncio.sleep(1)
            limiter.settle((), report, sent=True)

        again = QuotaReport(status=429, retry_after=10.0)
        tasks = [asyncio.create_task(call(again))]
        await asyncio.sleep(0)
        tasks += [asyncio.create_task(call(QuotaReport(status=200))) for _ in range(50)]
        await asyncio.gather(*tasks)
        assert begun[:3] == pytest.approx([10, 21, 22], abs=0.3)
        assert max(begun) < 21 + 31

    run(main)


def test_a_probe_that_hangs_holds_the_others_for_seconds_only() -> None:
    """Without a response to the first request, the others go one after the other."""

    async def main() -> None:
        limiter = limiter_of(RateLimits())
        now = await pass_through(limiter, report=QuotaReport(status=429, retry_after=10.0))
        await limiter.acquire(())
        assert await pass_through(limiter) == pytest.approx(now + 15, abs=0.3)
        limiter.settle((), QuotaReport(status=200), sent=True)

    run(main)


@for_each(
    "headers",
    [
        {"X-Rate-Limit": limit, "X-Rate-Limit-Remaining": remaining}
        for limit in ("0", "1", "-1", "-20000", "9999999999", "1e3", "", "many", "20000")
        for remaining in ("0", "-1", "9999999999", "none")
    ],
)
def test_no_quota_header_switches_a_process_off(headers: dict[str, str]) -> None:
    """
    Whatever a success reports as quota, the next call is sent within seconds.

    Siblings: 0, 1, negative, huge and junk figures, for the limit and for what remains of it.
    """

    async def main() -> None:
        clock = LoopClock()
        success_with = success(GROUP, headers=headers)
        async with (
            FaultServer(answer=lambda _: success_with) as server,
            session(
                server.url, clock, rate_limits=RateLimits(), retry=RetryPolicy(max_local_wait=10)
            ) as fivetran,
        ):
            for _ in range(3):
                await fivetran.groups.get("g")
            assert fivetran.limits.snapshot()["requests"].limit == 20_000

    run(main)


@pytest.mark.parametrize("limit", [0, 1, 49, 1_000_001, 9_999_999_999])
def test_a_limit_that_no_account_has_is_ignored(limit: int) -> None:
    """Neither the plan nor what is left is learned from it."""
    account = AccountQuotas(PAID, learns=True)
    account.learn(limit, 0, 0.0)
    budget = account.budgets[REQUESTS]
    assert budget.windows[0].quota == Quota(20_000, HOUR)
    assert budget.is_free(0.0)


def test_a_pause_of_a_budget_without_quota_ends_too() -> None:
    """A budget that is turned off is paused for an hour at most."""

    async def main() -> None:
        limiter = limiter_of(RateLimits(quotas={"requests": ()}))
        absurd = QuotaReport(status=429, retry_after=DECADES)
        now = await pass_through(limiter, report=absurd)
        with pytest.raises(FivetranError):
            await limiter.acquire((), patience=Patience())
        assert await pass_through(limiter) == pytest.approx(now + HOUR)

    run(main)
