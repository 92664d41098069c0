"""What users see of waits for a quota, and what a cancelled wait leaves behind."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from fivetran_async import (
    AsyncFivetran,
    ConcurrencyLimiter,
    Hooks,
    RateLimitedError,
    RateLimits,
    RetryPolicy,
    SessionClosedError,
    WaitEvent,
)
from fivetran_async._http.closing import Closing
from fivetran_async._quota.limiter import InProcessLimiter
from fivetran_async._quota.patience import Patience
from fivetran_async.limits import Quota, QuotaReport
from matrix.virtual_time import EPOCH, LoopClock, run
from quota.rolling import OK, limiter_of, one_in, pass_through, session, started
from support.faults import FaultServer
from support.sessions import ONE_GROUP, refusal

if TYPE_CHECKING:
    from fivetran_async._quota.patience import OnWait


async def call(limiter: InProcessLimiter, *budgets: str, on_wait: OnWait | None = None) -> float:
    """Send a request that takes no time, and return when it began."""
    await limiter.acquire(budgets, patience=Patience(on_wait=on_wait))
    limiter.settle(budgets, OK, sent=True)
    return asyncio.get_running_loop().time()


def records(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the INFO records."""
    return [record.getMessage() for record in caplog.records if record.levelname == "INFO"]


def test_a_pause_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """
    One INFO record and one event per pause, with quota, number waiting, seconds and time.

    Siblings: a quota by the minute, that of all requests, a 429, and the pauses that follow. A wait
    of up to an hour was silent.
    """

    async def main() -> None:
        events: list[WaitEvent] = []
        limiter = limiter_of(RateLimits(quotas={"source": (Quota(10, 60.0),)}))
        now = asyncio.get_running_loop().time()
        await asyncio.gather(*(call(limiter, "source", on_wait=events.append) for _ in range(25)))
        assert [event.quota for event in events] == ["source", "source"]
        assert [event.waiting for event in events] == [15, 5]
        assert [event.seconds for event in events] == pytest.approx([60, 60], abs=0.1)
        assert [event.retry_at.timestamp() - EPOCH - now for event in events] == pytest.approx(
            [60, 120], abs=0.1
        )
        assert not any(event.paused for event in events)

    with caplog.at_level(logging.INFO, "fivetran_async"):
        run(main)
    assert records(caplog) == [
        "Rate limited by the quota 'source': 15 calls waiting, the next starts in 60.0 s",
        "Rate limited by the quota 'source': 5 calls waiting, the next starts in 60.0 s",
    ]


def test_a_pause_of_the_server_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """A 429 that holds other calls is one record and one event, which names it as such."""

    async def main() -> None:
        events: list[WaitEvent] = []
        limiter = limiter_of(RateLimits())
        await pass_through(limiter, report=QuotaReport(status=429, retry_after=30.0))
        await asyncio.gather(*(call(limiter, on_wait=events.append) for _ in range(25)))
        ((name, paused, waiting),) = {(e.quota, e.paused, e.waiting) for e in events}
        assert (name, paused, waiting) == ("requests", True, 25)

    with caplog.at_level(logging.INFO, "fivetran_async"):
        run(main)
    (record,) = records(caplog)
    assert record == (
        "Rate limited by the quota 'requests' (paused by a 429): "
        "25 calls waiting, the next starts in 30.0 s"
    )


def test_calls_that_do_not_wait_report_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Neither a burst within the quota nor pacing of less than a second is a pause."""

    async def main() -> None:
        events: list[WaitEvent] = []
        limiter = limiter_of(one_in(0.5, limit=10))
        await asyncio.gather(*(call(limiter, on_wait=events.append) for _ in range(25)))
        assert events == []

    with caplog.at_level(logging.INFO, "fivetran_async"):
        run(main)
    assert records(caplog) == []


def test_each_hook_hears_of_a_pause_once() -> None:
    """Sessions with hooks of their own each get the event; a coroutine function is awaited."""

    async def main() -> None:
        heard: list[str] = []

        def first(_: WaitEvent) -> None:
            heard.append("first")

        async def second(_: WaitEvent) -> None:
            await asyncio.sleep(1)
            heard.append("second")

        limiter = limiter_of(one_in(60.0))
        await call(limiter)
        await started(*(call(limiter, on_wait=hook) for hook in (first, second, first, second)))
        await asyncio.sleep(30)
        assert heard == ["first", "second"]

    run(main)


@pytest.mark.parametrize("kind", ["raises", "raises later", "hangs"])
def test_a_hook_breaks_no_call(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """An error in a hook is logged; a hook that hangs holds up no call."""

    async def main() -> None:
        def fail(_: WaitEvent) -> None:
            raise RuntimeError("mine")

        async def fail_later(_: WaitEvent) -> None:
            raise RuntimeError("mine")

        async def hang(_: WaitEvent) -> None:
            await asyncio.Event().wait()

        hook = {"raises": fail, "raises later": fail_later, "hangs": hang}[kind]
        limiter = limiter_of(one_in(10.0))
        await call(limiter)
        now = asyncio.get_running_loop().time()
        begun = await asyncio.gather(call(limiter, on_wait=hook), call(limiter))
        assert begun == pytest.approx([now + 10, now + 20], abs=0.1)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            assert kind == "hangs"
            task.cancel()

    run(main)
    assert ("hook failed" in caplog.text) is (kind != "hangs")


def test_the_hook_of_a_session_hears_of_its_waits() -> None:
    """`Hooks.on_wait` gets one event although ten calls wait, through a session and its views."""

    async def main() -> None:
        events: list[WaitEvent] = []
        clock = LoopClock()
        async with (
            FaultServer(answer=lambda _: ONE_GROUP) as server,
            session(
                server.url,
                clock,
                rate_limits=one_in(60.0, limit=10),
                hooks=Hooks(on_wait=events.append),
            ) as fivetran,
        ):
            bulk = fivetran.with_options(priority="bulk")
            await asyncio.gather(
                *(each.groups.get("g") for each in [fivetran, bulk] for _ in range(10))
            )
        assert [(event.quota, event.waiting) for event in events] == [("requests", 10)]

    run(main)


@pytest.mark.parametrize("at", ["the line", "the head", "the grant"])
def test_a_cancelled_wait_gives_everything_back(at: str) -> None:
    """
    A call that is cancelled in line, as its head, or as its turn comes, holds nothing.

    Siblings: a session that closes, a deadline, and the end of the event loop cancel the same way.
    """

    async def main() -> None:
        limiter = limiter_of(one_in(60.0))
        await call(limiter)
        tasks = await started(*(call(limiter) for _ in range(3)))
        if at == "the grant":
            await asyncio.sleep(60)
        victim = tasks[1] if at == "the line" else tasks[0]
        victim.cancel()
        await asyncio.wait((victim,))
        for task in tasks:
            if task is not victim and not task.done():
                await asyncio.wait_for(task, 130)
        assert limiter.snapshot()["requests"].waiting == 0
        assert limiter._account.budgets["requests"].in_flight == 0
        await asyncio.sleep(60)
        assert limiter.snapshot()["requests"].remaining == 1

    run(main)


def test_waits_end_when_the_session_closes() -> None:
    """
    Calls in line and at its head raise `SessionClosedError` at once, and leave no place behind.

    Siblings: a wait for a quota, for a pause of the server, and the last part that is spread out.
    """

    async def main() -> None:
        limiter, closing = limiter_of(one_in(60.0)), Closing()
        patience = Patience(until_closed=closing.until_closed)

        async def wait() -> float:
            await limiter.acquire((), patience=patience)
            raise AssertionError

        now = await call(limiter)
        tasks = await started(wait(), wait(), call(limiter))
        closing.close()
        results = await asyncio.gather(*tasks[:2], return_exceptions=True)
        assert [type(result) for result in results] == [SessionClosedError] * 2
        assert asyncio.get_running_loop().time() == now
        assert await tasks[2] == pytest.approx(now + 60, abs=0.1)

    run(main)


@pytest.mark.parametrize("cause", ["quota", "pause"])
def test_closing_a_session_ends_its_waits(cause: str) -> None:
    """`aclose()` ends calls that wait for a quota, at once; other sessions of the key go on."""

    async def main() -> None:
        limits = one_in(60.0) if cause == "quota" else RateLimits()
        refused = refusal(429, headers={"Retry-After": "50"})
        script = [ONE_GROUP] if cause == "quota" else [refused]
        clock = LoopClock()
        async with (
            FaultServer(*script, answer=lambda _: ONE_GROUP) as server,
            session(server.url, clock, rate_limits=limits) as first,
            session(server.url, clock, rate_limits=limits) as second,
        ):
            once = first.with_options(retry=RetryPolicy(max_attempts=1))
            await asyncio.gather(once.groups.get("g"), return_exceptions=True)
            waiting = [asyncio.create_task(first.groups.get("g")) for _ in range(3)]
            other = asyncio.create_task(second.groups.get("g"))
            await asyncio.sleep(1)
            began = clock.monotonic()
            await first.aclose()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(result) for result in results] == [SessionClosedError] * 3
            assert clock.monotonic() - began < 1
            assert (await other).id

    run(main)


async def test_reading_in_process_is_the_snapshot() -> None:
    """`read()` asks no server where this process has the only count, or no quotas."""
    limits = RateLimits(quotas={"requests": (Quota(3, 60.0),)})
    fivetran = AsyncFivetran("key of reading", "secret", rate_limits=limits)
    assert await fivetran.limits.read() == fivetran.limits.snapshot()
    assert (await fivetran.limits.read())["requests"].remaining == 3
    assert await AsyncFivetran("key", "secret", rate_limits=None).limits.read() == {}


def test_the_error_names_quota_and_bound() -> None:
    """The message has the words that people search for, the quota, its limit, and the option."""

    async def main() -> None:
        async with (
            FaultServer(answer=lambda _: ONE_GROUP) as server,
            session(
                server.url,
                LoopClock(),
                rate_limits=one_in(600.0),
                limiter=ConcurrencyLimiter(2),
                retry=RetryPolicy(max_local_wait=5),
            ) as fivetran,
        ):
            await fivetran.groups.get("g")
            with pytest.raises(RateLimitedError) as caught:
                await fivetran.groups.get("g")
            assert (
                "Rate limited: the account's quota 'requests' is used up (1 requests in 600 s)"
                in (str(caught.value))
            )
            assert "max_local_wait" in str(caught.value)
            assert len(server.requests) == 1

    run(main)
