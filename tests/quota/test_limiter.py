"""Waiting for quotas: the order of calls on virtual time, and sessions on real sockets."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections import Counter
from typing import Any

import pytest

from fivetran_async import (
    AsyncFivetran,
    ConcurrencyLimiter,
    FivetranError,
    InvalidArgumentError,
    RateLimitedError,
    RetryPolicy,
)
from fivetran_async._clock import SystemClock
from fivetran_async._quota.account import NO_REPORT
from fivetran_async._quota.limiter import InProcessLimiter
from fivetran_async._quota.plans import PAID
from fivetran_async.limits import BudgetState, Quota, QuotaReport, RateLimits
from matrix.virtual_time import EPOCH, LoopClock, run
from quota.rolling import (
    OK,
    REFUSED,
    RollingServer,
    limiter_of,
    one_in,
    pass_through,
    session,
    slowed,
    started,
)
from support.faults import Fault, FaultServer, WireRequest
from support.samples import sample
from support.sessions import KEY, ONE_GROUP, SECRET, refusal, success


def test_a_burst_starts_at_once() -> None:
    """600 calls on a paid account start without a wait."""

    async def main() -> None:
        limiter = limiter_of(RateLimits())
        begun = await asyncio.gather(*(pass_through(limiter) for _ in range(600)))
        assert len(set(begun)) == 1

    run(main)


def test_what_is_too_much_waits_until_it_fits() -> None:
    """Of five calls with two a minute, the third and the fifth wait a minute more."""

    async def main() -> None:
        limiter = limiter_of(one_in(60.0, limit=2))
        now = asyncio.get_running_loop().time()
        begun = await asyncio.gather(*(pass_through(limiter) for _ in range(5)))
        waits = [round(moment - now, 2) for moment in begun]
        assert waits == [0, 0, 60, 60, 120]

    run(main)


def test_first_come_first_served() -> None:
    """Within a priority, calls start in the order of their arrival."""

    async def main() -> None:
        limiter = limiter_of(one_in(10.0))
        tasks = await started(*(pass_through(limiter) for _ in range(5)))
        begun = await asyncio.gather(*tasks)
        assert begun == sorted(begun)
        assert len(set(begun)) == 5

    run(main)


def test_interactive_calls_go_before_bulk_ones_and_repeats_first() -> None:
    """Interactive calls do not wait behind a batch, and retried calls go first."""

    async def main() -> None:
        limiter = limiter_of(one_in(10.0))
        tasks = await started(
            pass_through(limiter),
            pass_through(limiter, priority="bulk"),
            pass_through(limiter, priority="bulk", attempt=2),
            pass_through(limiter),
            pass_through(limiter, attempt=2),
        )
        first, bulk, bulk_again, interactive, again = await asyncio.gather(*tasks)
        assert first < again < interactive < bulk_again < bulk

    run(main)


def test_a_cancelled_waiter_gives_its_place_back() -> None:
    """If all but the last of a hundred waiters are cancelled, the last is next."""

    async def main() -> None:
        limiter = limiter_of(one_in(10.0))
        now = asyncio.get_running_loop().time()
        tasks = await started(*(pass_through(limiter) for _ in range(101)))
        for task in tasks[1:100]:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks[1:100])
        await asyncio.sleep(0)
        assert tasks[100].result() - now == pytest.approx(10, abs=0.1)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main)


def test_a_wait_for_one_budget_holds_up_no_other() -> None:
    """Calls that touch no source pass those that wait for the budget of sources."""

    async def main() -> None:
        limiter = limiter_of(
            RateLimits(quotas={"requests": (Quota(100, 60.0),), "source": (Quota(1, 60.0),)})
        )
        now = asyncio.get_running_loop().time()
        tasks = await started(*(pass_through(limiter, "source") for _ in range(3)))
        assert await pass_through(limiter) == now
        assert limiter.snapshot()["source"].waiting == 2
        begun = await asyncio.gather(*tasks)
        assert [round(moment - now) for moment in begun] == [0, 60, 120]

    run(main)


def test_a_call_draws_on_all_its_budgets() -> None:
    """A setup test counts as a request, as a setup test and as a source interaction."""

    async def main() -> None:
        limiter = limiter_of(RateLimits(plan="paid"))
        await limiter.acquire(("setup_tests", "source"))
        limiter.settle(("setup_tests", "source"), OK, sent=True)
        left = {name: state.remaining for name, state in limiter.snapshot().items()}
        assert left == {
            "requests": 19_999,
            "source": 499,
            "setup_tests": 249,
            "user_creation": 500,
            "private_links": 5,
        }

    run(main)


def test_a_wait_beyond_patience_is_refused_at_once() -> None:
    """The error has the time when the quota is back, and is raised without a sleep."""

    async def main() -> None:
        limiter = limiter_of(one_in(600.0))
        now = await pass_through(limiter)
        with pytest.raises(RateLimitedError, match="next request may start in 600 s") as caught:
            await pass_through(limiter, patience=60)
        assert asyncio.get_running_loop().time() == now
        assert caught.value.retry_after == 600
        assert caught.value.retry_at is not None
        assert caught.value.retry_at.timestamp() == EPOCH + now + 600
        assert caught.value.fate == "not_sent"
        assert limiter.snapshot()["requests"].waiting == 0

    run(main)


def test_those_before_it_count_for_the_patience_of_a_call() -> None:
    """The seventh in line for one every ten seconds is refused if it waits for a minute."""

    async def main() -> None:
        limiter = limiter_of(one_in(10.0))
        tasks = await started(*(pass_through(limiter, patience=55) for _ in range(8)))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [isinstance(result, RateLimitedError) for result in results]
        assert refused == [False] * 6 + [True] * 2

    run(main)


def test_a_pause_ends_waits_that_are_too_short_for_it() -> None:
    """If a 429 asks for a longer pause than waiting calls accept, they fail at once."""

    async def main() -> None:
        limiter = limiter_of(one_in(3_600.0, limit=2))
        await limiter.acquire(())
        now = await pass_through(limiter)
        patient, *others = await started(
            pass_through(limiter),
            pass_through(limiter, patience=60),
            pass_through(limiter, patience=60),
        )
        limiter.settle((), QuotaReport(status=429, retry_after=3_600), sent=True)
        results = await asyncio.gather(*others, return_exceptions=True)
        assert all(isinstance(result, RateLimitedError) for result in results)
        assert asyncio.get_running_loop().time() == now
        assert await patient == pytest.approx(now + 3_600)

    run(main)


def test_spreading_makes_no_call_fail() -> None:
    """Calls for the last part of a trial account's hour are slowed, and each is sent."""

    async def main() -> None:
        limiter = limiter_of(RateLimits(plan="trial"))
        now = asyncio.get_running_loop().time()
        await asyncio.gather(*(pass_through(limiter) for _ in range(475)))
        assert asyncio.get_running_loop().time() == now
        begun = await asyncio.gather(*(pass_through(limiter, patience=60) for _ in range(25)))
        assert max(begun) - now == pytest.approx(60, abs=0.1)
        assert len({moment for moment in begun if moment - now < 59}) >= 5
        with pytest.raises(RateLimitedError):
            await pass_through(limiter, patience=60)

    run(main)


def test_nothing_starts_during_a_pause_and_the_release_is_spread() -> None:
    """A 429 holds all 200 calls for its `Retry-After`; then they start one after the other."""

    async def main() -> None:
        limiter = limiter_of(RateLimits())
        now = await pass_through(limiter, report=REFUSED)
        begun = await asyncio.gather(*(pass_through(limiter) for _ in range(200)))
        assert min(begun) - now == pytest.approx(2, abs=0.01)
        assert max(Counter(round(moment, 3) for moment in begun).values()) == 1
        assert max(begun) - now < 2 + 31

    run(main)


def test_a_refusal_without_a_time_pauses_for_a_second() -> None:
    """A 429 without `Retry-After` pauses for a second."""

    async def main() -> None:
        limiter = limiter_of(RateLimits())
        now = await pass_through(limiter, report=QuotaReport(status=429))
        assert limiter.snapshot()["requests"].paused_for == 1
        assert await pass_through(limiter) - now == pytest.approx(1, abs=0.01)

    run(main)


def test_a_refusal_for_the_source_holds_only_calls_to_sources() -> None:
    """A 429 pauses the budget that it concerns, and no other."""

    async def main() -> None:
        limiter = limiter_of(RateLimits())
        now = await pass_through(limiter, "source", report=REFUSED)
        assert not limiter.is_open(("source",))
        assert limiter.is_open(())
        assert await pass_through(limiter) == now
        assert await pass_through(limiter, "source") == pytest.approx(now + 2, abs=0.01)

    run(main)


def test_a_refusal_with_nothing_left_ends_after_its_retry_after() -> None:
    """`Remaining: 0` beside `Retry-After: 2` closes the budget for two seconds, not for an hour."""

    async def main() -> None:
        limiter = limiter_of(RateLimits())
        report = QuotaReport(status=429, limit=20_000, remaining=0, retry_after=2.0)
        now = await pass_through(limiter, report=report)
        assert await pass_through(limiter, patience=60) == pytest.approx(now + 2, abs=0.01)

    run(main)


def test_a_refusal_costs_nothing() -> None:
    """The one private link an hour of a trial account is not lost to a refused attempt."""

    async def main() -> None:
        limiter = limiter_of(RateLimits(plan="trial"))
        await pass_through(limiter, "private_links", report=REFUSED)
        await pass_through(limiter, "private_links", patience=10)
        with pytest.raises(RateLimitedError):
            await pass_through(limiter, "private_links", patience=10)

    run(main)


def test_what_never_left_is_given_back_to_the_next() -> None:
    """The next in line starts as soon as a request turns out not to have been sent."""

    async def main() -> None:
        limiter = limiter_of(one_in(3_600.0))
        await limiter.acquire(())
        (waiter,) = await started(pass_through(limiter))
        now = asyncio.get_running_loop().time()
        limiter.settle((), NO_REPORT, sent=False)
        assert await waiter == now

    run(main)


def test_a_larger_plan_wakes_the_waiters() -> None:
    """Calls in line start as soon as larger limits allow it."""

    async def main() -> None:
        limiter = limiter_of(one_in(3_600.0))
        await pass_through(limiter)
        (waiter,) = await started(pass_through(limiter))
        now = asyncio.get_running_loop().time()
        limiter.change(PAID, learns=False)
        assert await waiter == now

    run(main)


def test_a_thousand_waiters_are_cheap() -> None:
    """Each of a thousand waiters is woken a few times, not once per other waiter."""

    class CountingClock(LoopClock):
        looks = 0

        def monotonic(self) -> float:
            self.looks += 1
            return super().monotonic()

    async def main() -> None:
        clock = CountingClock()
        limiter = InProcessLimiter(one_in(1.0, limit=100).account(), clock)
        await asyncio.gather(*(pass_through(limiter) for _ in range(1_000)))
        assert clock.looks < 12 * 1_000

    run(main)


def test_snapshot() -> None:
    """The snapshot has the tightest window of each budget that has a quota."""

    async def main() -> None:
        limiter = limiter_of(RateLimits(quotas={"source": (), "requests": (Quota(4, 10.0),)}))
        for _ in range(3):
            await pass_through(limiter)
        snapshot = limiter.snapshot()
        assert "source" not in snapshot
        assert snapshot["requests"] == BudgetState(limit=4, seconds=10.0, remaining=1)
        assert snapshot["setup_tests"] == BudgetState(limit=250, seconds=60.0, remaining=250)

    run(main)


def test_threads_share_a_limiter() -> None:
    """Sessions of one key on the loops of several threads draw from one budget."""
    limiter = InProcessLimiter(one_in(0.2, limit=20).account(), SystemClock())
    failures: list[BaseException] = []

    async def main() -> None:
        await asyncio.gather(*(pass_through_now() for _ in range(15)))

    async def pass_through_now() -> None:
        await limiter.acquire(())
        limiter.settle((), OK, sent=True)

    def work() -> None:
        try:
            asyncio.run(main())
        except Exception as error:  # noqa: BLE001 - the main thread reports it
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    state = limiter.snapshot()["requests"]
    assert state.waiting == 0
    assert state.remaining <= 20


def test_a_closed_loop_blocks_no_other() -> None:
    """A waiter is out of the line once its loop is closed."""
    limiter = InProcessLimiter(one_in(1.0).account(), SystemClock())

    async def wait() -> None:
        await limiter.acquire(())

    dead = asyncio.new_event_loop()
    dead.run_until_complete(wait())
    limiter.settle((), OK, sent=True)
    waiter = dead.create_task(wait())
    dead.run_until_complete(asyncio.sleep(0))
    assert not waiter.done()
    for task in asyncio.all_tasks(dead):
        # It is what this test is about, and no defect of it.
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    dead.close()
    asyncio.run(asyncio.wait_for(wait(), 5))


def test_sessions_of_a_key_share_its_budgets_and_no_others() -> None:
    """The sessions of a key share what one of them spent, also after it was closed."""

    async def main() -> None:
        clock = LoopClock()
        async with FaultServer(answer=lambda _: ONE_GROUP) as server:
            for _ in range(2):
                async with session(server.url, clock, rate_limits=RateLimits()) as fivetran:
                    await fivetran.groups.get("g")
            gc.collect()
            async with (
                session(server.url, clock, rate_limits=RateLimits()) as same,
                session(server.url, clock, rate_limits=RateLimits(), key="other") as other,
            ):
                assert same.limits.snapshot()["requests"].remaining == 19_998
                assert same.with_options().limits is same.limits
                assert other.limits.snapshot()["requests"].remaining == 20_000

    run(main)


def test_limits_given_later_hold_for_all_sessions_of_the_key() -> None:
    """Limits belong to the account: other limits change them and keep the count."""

    async def main() -> None:
        clock = LoopClock()
        async with (
            FaultServer(answer=lambda _: ONE_GROUP) as server,
            session(server.url, clock, rate_limits=RateLimits()) as first,
        ):
            await first.groups.get("g")
            trial = session(server.url, clock, rate_limits=RateLimits(plan="trial"))
            again = session(server.url, clock, rate_limits=RateLimits())
            assert first.limits is trial.limits is again.limits
            assert first.limits.snapshot()["requests"].remaining == 499

    run(main)


def test_a_session_learns_from_answers() -> None:
    """`X-Rate-Limit` and `X-Rate-Limit-Remaining` reach the budgets of the session."""

    async def main() -> None:
        headers = {"X-Rate-Limit": "500", "X-Rate-Limit-Remaining": "77"}
        async with (
            FaultServer(success({}, headers=headers), success({})) as server,
            session(server.url, LoopClock(), rate_limits=RateLimits()) as fivetran,
        ):
            await fivetran.request("GET", "/v1/things")
            state = fivetran.limits.snapshot()["requests"]
            assert (state.limit, state.remaining) == (500, 77)
            await fivetran.request("GET", "/v1/things")
            assert fivetran.limits.snapshot()["requests"].remaining == 76

    run(main)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Rate-Limit": "many", "X-Rate-Limit-Remaining": "-3"},
        {"X-Rate-Limit": "", "X-Rate-Limit-Remaining": "1e9"},
        {"X-Rate-Limit-Remaining": "99999999999999999999"},
        {"X-Rate-Limit": "0", "X-Rate-Limit-Remaining": "0"},
    ],
    ids=str,
)
def test_odd_headers_stop_no_call(headers: dict[str, str]) -> None:
    """Quota headers are hints: missing, negative or garbage ones change no limit."""

    async def main() -> None:
        async with (
            FaultServer(answer=lambda _: success({}, headers=headers)) as server,
            session(server.url, LoopClock(), rate_limits=RateLimits()) as fivetran,
        ):
            impatient = fivetran.with_options(retry=RetryPolicy(max_retry_after=1))
            for _ in range(3):
                await impatient.request("GET", "/v1/things")
            assert fivetran.limits.snapshot()["requests"].limit == 20_000

    run(main)


class Outcome:
    """The figures of a simulation of workers."""

    def __init__(self, server: FaultServer, rolling: RollingServer, minutes: float) -> None:
        self.requests = len(server.requests)
        self.refused = rolling.refused
        self.most_tries = max(Counter(request.target for request in server.requests).values())
        self.minutes = minutes


JOBS = sample(240, 600)


async def simulate(limits: RateLimits, limiter: ConcurrencyLimiter | None) -> Outcome:
    """Let 100 workers do `JOBS` jobs with real sessions; the server admits 60 a minute."""
    clock, rolling = LoopClock(), RollingServer(60, 60.0)
    jobs = iter(range(JOBS))
    async with (
        FaultServer(answer=rolling.answer) as server,
        session(server.url, clock, rate_limits=limits, limiter=limiter) as fivetran,
    ):

        async def work() -> None:
            for job in jobs:
                path = f"/v1/jobs/{job}"
                assert await fivetran.request("GET", path) == {"id": path}

        began = clock.monotonic()
        await asyncio.gather(*(work() for _ in range(100)))
        return Outcome(server, rolling, (clock.monotonic() - began) / 60)


def test_a_hundred_workers_keep_a_quota_they_know() -> None:
    """All jobs are done in the time that the quota takes, and hardly any is refused."""
    outcome = run(lambda: simulate(one_in(60.0, limit=60), None))
    assert outcome.requests <= JOBS + 20
    assert outcome.refused <= 15
    assert outcome.most_tries <= 3
    assert outcome.minutes <= JOBS / 60 - 0.1


def test_a_hundred_workers_find_out_a_quota_by_its_refusals() -> None:
    """A quota that is known only by its refusals costs a few of them a minute, and no job."""
    outcome = run(lambda: simulate(RateLimits(), ConcurrencyLimiter(20)))
    assert outcome.requests <= JOBS + 50
    assert outcome.refused <= 50
    assert outcome.most_tries <= 3
    assert outcome.minutes <= JOBS / 60 - 0.1


def test_no_request_starts_during_a_pause() -> None:
    """200 calls, one 429: a call that has its turn and waits for a slot is held, none is lost."""

    async def main() -> None:
        clock = LoopClock()
        arrivals: list[float] = []
        refused_at: list[float] = []

        def answer(request: WireRequest) -> Fault:
            arrivals.append(clock.monotonic())
            if len(arrivals) == 15:
                refused_at.append(clock.monotonic())
                return refusal(429, headers={"Retry-After": "2"})
            return slowed(success({"id": request.target}), 0.1)

        async with (
            FaultServer(answer=answer) as server,
            session(
                server.url, clock, rate_limits=RateLimits(), limiter=ConcurrencyLimiter(20)
            ) as fivetran,
        ):
            paths = [f"/v1/jobs/{number}" for number in range(200)]
            found = await asyncio.gather(*(fivetran.request("GET", path) for path in paths))
        assert found == [{"id": path} for path in paths]
        assert len(arrivals) == 201
        (pause,) = refused_at
        # Those twenty that were under way cannot be called back.
        after = [moment for moment in arrivals[20:] if moment < pause + 1.99]
        assert after == []

    run(main)


def test_cancelled_calls_stall_no_others() -> None:
    """If 50 of 200 calls in line are cancelled at random, the others are done in time."""

    async def main() -> None:
        clock, rolling = LoopClock(), RollingServer(50, 1.0)
        async with (
            FaultServer(answer=rolling.answer) as server,
            session(server.url, clock, rate_limits=one_in(1.0, limit=50)) as fivetran,
        ):
            tasks = [
                asyncio.create_task(fivetran.request("GET", f"/v1/jobs/{n}")) for n in range(200)
            ]
            await clock.sleep(0.5)
            victims = random.Random(3).sample(tasks[60:], 50)  # noqa: S311 - a simulation
            began = clock.monotonic()
            for victim in victims:
                victim.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 50
            assert sum(isinstance(result, FivetranError) for result in results) == 0
            assert rolling.refused == 0
            assert clock.monotonic() - began < 5
            assert fivetran.limits.snapshot()["requests"].waiting == 0

    run(main)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"plan": "gold"}, "plan must be 'learn', 'trial' or 'paid'"),
        (
            {"quotas": {"request": (Quota(1, 1.0),)}},
            "unknown budget 'request'; the budgets are requests, source",
        ),
        ({"quotas": {"source": Quota(1, 1.0)}}, r"quotas\['source'\] must be a tuple of Quota"),
        ({"quotas": {"source": (5,)}}, r"quotas\['source'\] must be a tuple of Quota"),
    ],
)
def test_limits_that_cannot_be_are_refused(arguments: dict[str, Any], named: str) -> None:
    """The message names the argument and the allowed values."""
    with pytest.raises(InvalidArgumentError, match=named):
        RateLimits(**arguments)


def test_pacing_can_be_turned_off() -> None:
    """With `rate_limits=None` nothing is counted."""
    fivetran = AsyncFivetran(KEY, SECRET, rate_limits=None)
    assert fivetran.limits.snapshot() == {}
