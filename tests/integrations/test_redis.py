"""The quotas on a real Redis server, started here; without the program these tests are skipped."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import signal
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest

from fivetran_async import AsyncFivetran, RateLimitedError, RetryPolicy
from fivetran_async._clock import SystemClock
from fivetran_async._quota.account import NO_REPORT
from fivetran_async._quota.patience import Patience
from fivetran_async._quota.windows import LONGEST_GAP
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.limits import Quota, QuotaReport, RateLimits
from support.faults import FaultServer, refusing, reply
from support.quota_worker import Orders, Worker, most_in_a_window
from support.redis_server import PRESENT, RedisServer, no_retry
from support.samples import sample
from support.sessions import KEY, ONE_GROUP, SECRET, refusal, success
from support.waiting import until

pytest.importorskip("redis", reason="needs redis-server's Python client: the package redis")
if not PRESENT:
    pytest.skip("needs redis-server, the program", allow_module_level=True)

# After the skips, for these need the client.
from redis.asyncio import Redis as Client

from fivetran_async.integrations._redis_store import Store, StoreVerdict, wish
from fivetran_async.integrations.redis import (
    OnUnavailable,
    RedisRateLimiter,
    SharedLimiter,
)

ACCOUNT = hashlib.sha256(KEY.encode()).hexdigest()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Start one server for the tests of this file."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Client]:
    """Connect a client to an empty server."""
    async with Client(port=server.port) as client:
        await client.flushall()  # pyright: ignore[reportUnknownMemberType]
        yield client


def limiter_of(
    client: Client,
    limits: RateLimits | None = None,
    *,
    account: str = "account",
    on_unavailable: OnUnavailable = "refuse",
) -> SharedLimiter:
    """Return a limiter as another process makes it."""
    limits = RateLimits() if limits is None else limits
    shared = RedisRateLimiter(client, limits=limits, on_unavailable=on_unavailable)
    return shared.for_account(account, base_url="http://127.0.0.1", clock=SystemClock())


def one_in(seconds: float, *, limit: int = 1) -> RateLimits:
    """Return limits of `limit` requests in `seconds` seconds."""
    return RateLimits(quotas={"requests": (Quota(limit, seconds),)})


async def pass_through(
    limiter: SharedLimiter,
    *budgets: str,
    patience: float | None = 5.0,
    report: QuotaReport = NO_REPORT,
    sent: bool = True,
) -> float:
    """Send a request that takes no time, and return when it began."""
    await limiter.acquire(budgets, patience=Patience(max_pause=patience, max_wait=patience))
    limiter.settle(budgets, report, sent=sent)
    return time.monotonic()


async def delivered(limiter: SharedLimiter) -> None:
    """Wait until the store knows what this limiter knows."""
    await limiter.aclose()


async def test_limiters_share_what_is_left(client: Client) -> None:
    """What one process spends is missing in the others."""
    one, other = limiter_of(client), limiter_of(client)
    await pass_through(one, "setup_tests", "source")
    await pass_through(other, "source")
    await delivered(one)
    await delivered(other)
    await pass_through(one)
    await delivered(one)
    await pass_through(other, "setup_tests", "source")
    await delivered(other)
    left = {name: state.remaining for name, state in other.snapshot().items()}
    assert left == {
        "requests": 19_996,
        "source": 497,
        "setup_tests": 248,
        "user_creation": 500,
        "private_links": 5,
    }


async def test_a_budget_can_be_off(client: Client) -> None:
    """A budget without a quota holds no call back and has no state."""
    limiter = limiter_of(client, RateLimits(quotas={"source": ()}))
    await pass_through(limiter, "source", patience=0)
    await delivered(limiter)
    assert "source" not in limiter.snapshot()


async def test_accounts_are_apart(client: Client) -> None:
    """Another API key has its own budgets."""
    one = limiter_of(client, one_in(3_600.0))
    other = limiter_of(client, one_in(3_600.0), account="other")
    await pass_through(one)
    await pass_through(other)
    for limiter in (one, other):
        with pytest.raises(RateLimitedError, match="next request may start in 3600 s"):
            await pass_through(limiter)
        await delivered(limiter)


async def test_a_request_counts_until_a_window_after_its_end(client: Client) -> None:
    """The next request waits until a window after the end of the one before."""
    limiter, other = limiter_of(client, one_in(0.2)), limiter_of(client, one_in(0.2))
    await limiter.acquire(())
    waiter = asyncio.create_task(pass_through(other))
    await asyncio.sleep(0.3)
    assert not waiter.done()
    ended = time.monotonic()
    limiter.settle((), NO_REPORT, sent=True)
    assert await waiter - ended >= 0.2
    await delivered(other)


@pytest.mark.parametrize(("report", "sent"), [(NO_REPORT, False), (QuotaReport(status=429), True)])
async def test_what_the_server_did_not_count_is_given_back(
    client: Client, report: QuotaReport, *, sent: bool
) -> None:
    """A request that never left, or was refused, leaves nothing behind."""
    limiter = limiter_of(client)
    await pass_through(limiter, "private_links", report=report, sent=sent)
    await delivered(limiter)
    assert await client.zcount("fivetran_async:{account}:private_links", 0, math.inf) == 0
    assert await client.zcount("fivetran_async:{account}:requests", 0, math.inf) == 0


@pytest.mark.slow
async def test_a_refusal_pauses_every_process(client: Client) -> None:
    """A 429 holds its budget for all, and no other budget."""
    one, other = limiter_of(client), limiter_of(client)
    before = time.monotonic()
    await pass_through(one, "source", report=QuotaReport(status=429, retry_after=2.0))
    assert not one.is_open(("source",))
    assert one.is_open(())
    await delivered(one)
    await pass_through(other, patience=0.5)
    with pytest.raises(RateLimitedError):
        await pass_through(other, "source", patience=0.05)
    assert await pass_through(other, "source") - before >= 2
    assert other.snapshot()["source"].paused_for == 0
    await delivered(other)


async def test_plan_and_what_others_spent_are_learned_by_all(client: Client) -> None:
    """The limit that one process learns from a response applies in every process."""
    one, other = limiter_of(client), limiter_of(client)
    await pass_through(one, report=QuotaReport(status=200, limit=500, remaining=100))
    await delivered(one)
    await pass_through(other)
    await delivered(other)
    await pass_through(other)
    await delivered(other)
    state = other.snapshot()["requests"]
    assert (state.limit, state.remaining) == (500, 98)
    assert other.snapshot()["source"].limit == 25


async def test_the_last_part_is_spread(client: Client) -> None:
    """Of forty a minute, 38 start at once; the next one is advised to wait."""
    store, plan = Store(client, "prefix:{account}:"), one_in(60.0, limit=40).all_quotas()
    born = (await store.exchange(plan)).born

    async def ask(id: str, left: float) -> StoreVerdict:
        return await store.exchange(plan, want=wish(id, (), born=born, left=left))

    for number in range(38):
        assert (await ask(f"id-{number}", math.inf)).starts
    verdict = await ask("other", math.inf)
    assert not verdict.starts
    assert verdict.cause.seconds == 0
    assert 5 < verdict.advice.seconds <= LONGEST_GAP
    # At the end of its patience a call goes while there is something left.
    assert (await ask("other", 0.0)).starts


async def test_script_that_is_sent_once_more_finds_its_own_grant(client: Client) -> None:
    """
    A request is neither refused nor counted twice when its grant is lost on the way back.

    redis-py sends a script again after a lost reply, and so does the store after a restart.
    """
    store, plan = Store(client, "prefix:{account}:"), one_in(3_600.0).all_quotas()
    born = (await store.exchange(plan)).born
    asked = [
        await store.exchange(plan, want=wish("id-1", (), born=born, left=math.inf))
        for _ in range(3)
    ]
    assert [verdict.starts for verdict in asked] == [True, True, True]
    other = await store.exchange(plan, want=wish("id-2", (), born=born, left=math.inf))
    assert not other.starts
    assert set(other.used.values()) == {1}


async def test_calls_in_line_are_refused_by_the_verdict_on_its_head(client: Client) -> None:
    """A call behind a patient one fails at once if it waits for less."""
    limiter = limiter_of(client, one_in(3_600.0))
    await pass_through(limiter)
    patient = asyncio.create_task(pass_through(limiter, patience=None))
    await asyncio.sleep(0.1)
    before = time.monotonic()
    with pytest.raises(RateLimitedError, match="next request may start in 7200 s"):
        await pass_through(limiter, patience=60)
    assert time.monotonic() - before < 5
    patient.cancel()
    await asyncio.wait((patient,))
    await delivered(limiter)


async def test_a_pause_refuses_calls_in_line(client: Client) -> None:
    """A 429 of this process ends the waits that are too short for its pause."""
    quotas = {"requests": (Quota(1, 1.0), Quota(100, 3_600.0))}
    limiter = limiter_of(client, RateLimits(quotas=quotas))
    await limiter.acquire(())
    tasks = [asyncio.create_task(pass_through(limiter, patience=each)) for each in (None, 30, 30)]
    await until(lambda: limiter.snapshot()["requests"].waiting == 3)
    limiter.settle((), QuotaReport(status=429, retry_after=3_600), sent=True)
    results = await asyncio.gather(*tasks[1:], return_exceptions=True)
    assert all(isinstance(result, RateLimitedError) for result in results)
    tasks[0].cancel()
    await asyncio.wait(tasks)
    await delivered(limiter)


async def test_headers_that_contradict_themselves_are_ignored(client: Client) -> None:
    """More left than the limit is ignored; limits of one's own learn no plan."""
    limiter, fixed = limiter_of(client), limiter_of(client, one_in(3_600.0, limit=9), account="b")
    await pass_through(limiter, report=QuotaReport(status=200, limit=500, remaining=501))
    await pass_through(fixed, report=QuotaReport(status=200, limit=500, remaining=7))
    for each, left in ((limiter, 19_998), (fixed, 6)):
        await delivered(each)
        await pass_through(each)
        await delivered(each)
        assert each.snapshot()["requests"].remaining == left


@pytest.mark.parametrize("limit", [1, 20_000], ids=["in line", "asking"])
async def test_a_cancelled_call_leaves_nothing(client: Client, limit: int) -> None:
    """A call that is cancelled in line, or while it asks, holds neither place nor budget."""
    limiter = limiter_of(client, one_in(3_600.0, limit=limit))
    await pass_through(limiter)
    for steps in range(15):
        tasks = [asyncio.create_task(pass_through(limiter, patience=None, sent=False))
                 for _ in range(3)]  # fmt: skip
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await delivered(limiter)
    assert limiter.snapshot()["requests"].waiting == 0
    assert await client.zcount("fivetran_async:{account}:requests", 0, math.inf) == 1


async def test_a_session_uses_it(client: Client) -> None:
    """Given as `rate_limits=`, it counts the session's requests under a hash of its API key."""
    shared = RedisRateLimiter(client, prefix="mine")
    async with (
        FaultServer(ONE_GROUP, refusal(429), ONE_GROUP) as server,
        AsyncFivetran(KEY, SECRET, base_url=server.url, rate_limits=shared) as fivetran,
        AsyncFivetran(KEY, SECRET, base_url=server.url, rate_limits=shared) as second,
    ):
        assert fivetran.limits is second.limits
        await fivetran.groups.get("g")
        await second.with_options(retry=RetryPolicy(base_delay=0)).groups.get("g")
        assert isinstance(fivetran.limits, SharedLimiter)
        await delivered(fivetran.limits)
    assert await client.zcount(f"mine:{{{ACCOUNT}}}:requests", 0, math.inf) == 2
    keys = cast("list[bytes]", await client.keys())  # pyright: ignore[reportUnknownMemberType]
    assert not any(text.encode() in key for key in keys for text in (KEY, SECRET))
    assert all([await client.pttl(key) > 0 for key in keys])


async def test_without_the_store_each_process_paces_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By default a store that is down is logged once, and the process keeps the quotas."""
    server = RedisServer(tmp_path)
    server.start()
    try:
        async with Client(port=server.port, retry=no_retry()) as client:
            limiter = limiter_of(client, one_in(3_600.0, limit=4), on_unavailable="local")
            await pass_through(limiter)
            await delivered(limiter)
            await limiter.acquire(())
            server.stop()
            limiter.settle((), NO_REPORT, sent=True)
            await delivered(limiter)
            await pass_through(limiter)
            await pass_through(limiter)
            with pytest.raises(RateLimitedError, match="is used up"):
                await pass_through(limiter)
            await delivered(limiter)
    finally:
        server.stop()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "each process paces itself" in warnings[0]


async def test_without_the_store_calls_can_be_refused() -> None:
    """With `on_unavailable="refuse"` nothing is sent without the store."""
    with refusing() as url:
        port = int(url.rpartition(":")[2])
        async with (
            FaultServer(answer=lambda _: reply()) as server,
            Client(port=port, retry=no_retry()) as client,
            AsyncFivetran(
                KEY,
                SECRET,
                base_url=server.url,
                rate_limits=RedisRateLimiter(client, on_unavailable="refuse"),
            ) as fivetran,
        ):
            with pytest.raises(RateLimitedError, match="Redis server") as caught:
                await fivetran.groups.get("g")
            assert server.requests == []
            assert (caught.value.fate, caught.value.attempts) == ("not_sent", 0)
            assert caught.value.__context__ is None


async def test_a_store_that_comes_back_is_used_again(tmp_path: Path) -> None:
    """After an outage the store is used, and learns what it missed."""

    class Later(SystemClock):
        offset = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.offset

    clock, server = Later(), RedisServer(tmp_path)
    server.start()
    try:
        async with Client(port=server.port, retry=no_retry()) as client:
            shared = RedisRateLimiter(client, limits=one_in(3_600.0, limit=3))
            limiter = shared.for_account("account", base_url="", clock=clock)
            await limiter.acquire(())
            server.stop()
            limiter.settle((), NO_REPORT, sent=False)
            await pass_through(limiter)
            server.start()
            clock.offset = 10.0
            await pass_through(limiter, report=QuotaReport(status=200))
            await delivered(limiter)
            assert await client.zcount("fivetran_async:{account}:requests", 0, math.inf) == 2
    finally:
        server.stop()


async def test_responses_do_not_wait_for_the_store(client: Client) -> None:
    """What a session learns from a response reaches the store in the background."""
    shared = RedisRateLimiter(client)
    headers = {"X-Rate-Limit": "20000", "X-Rate-Limit-Remaining": "12"}
    async with (
        FaultServer(success({}, headers=headers)) as server,
        AsyncFivetran(KEY, SECRET, base_url=server.url, rate_limits=shared) as fivetran,
    ):
        await fivetran.request("GET", "/v1/things")
        assert isinstance(fivetran.limits, SharedLimiter)
        await delivered(fivetran.limits)
    state = await client.hgetall(f"fivetran_async:{{{ACCOUNT}}}:state")
    assert int(state[b"foreign"]) == 20_000 - 12 - 1


def test_what_to_do_without_the_store_is_one_of_two() -> None:
    """An unknown policy is refused, with the allowed ones."""
    with pytest.raises(InvalidArgumentError, match="'local' or 'refuse', not 'wait'"):
        RedisRateLimiter(Client(), on_unavailable="wait")  # type: ignore[arg-type]


def granted_in_child(limiter: SharedLimiter) -> int:
    """Return the process id of a forked process, which exits with the number of its grants."""
    with warnings.catch_warnings():
        # Python warns of forking while there are threads: this child needs no other.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    granted = 0

    async def take_all() -> None:
        nonlocal granted
        while True:
            try:
                await limiter.acquire((), patience=Patience(max_wait=10.0))
            except RateLimitedError as error:
                if "cannot be reached" not in error.message:
                    return
                # A busy machine may take longer than the store is given.
                await asyncio.sleep(1.0)
            else:
                granted += 1

    signal.alarm(60)
    outcome = 100
    try:
        asyncio.run(take_all())
        outcome = granted
    finally:
        os._exit(outcome)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("is_used", [False, True])
def test_forked_processes_are_different_ones_for_the_store(
    server: RedisServer, *, is_used: bool
) -> None:
    """
    A limiter that a server makes before it forks its workers grants the quota once, not to each.

    Siblings: one that the parent has used already, on an event loop that it closed.
    """
    server.command("FLUSHALL")
    client = Client(port=server.port)
    limiter = limiter_of(client, one_in(3_600.0, limit=8), account="forked")

    async def use_once() -> None:
        await pass_through(limiter)
        await limiter.aclose()
        await client.aclose()

    if is_used:
        asyncio.run(use_once())
    children = [granted_in_child(limiter) for _ in range(3)]
    exits = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sum(exits) == 8 - is_used


@pytest.mark.slow
def test_four_processes_never_admit_too_many(server: RedisServer) -> None:
    """4 processes of 50 workers: no window holds more than the quota, wherever it begins."""
    server.command("FLUSHALL")
    jobs = sample(45, 240)
    orders = Orders(
        port=server.port, limit=60, window=0.5, jobs=jobs, tasks=50, on_unavailable="refuse"
    )
    workers = [Worker(orders) for _ in range(4)]
    for worker in workers:
        worker.wait_until_ready()
    # A busy machine may take its time: the quota is kept by counting, not by being fast.
    arrivals = [arrival for worker in workers for arrival in worker.result(timeout=300)]
    assert len(arrivals) == 4 * jobs
    assert most_in_a_window(arrivals, 0.5) <= 60
