"""The quotas on a real Redis server, started here; without the program these tests are skipped."""

from __future__ import annotations

import asyncio
import bisect
import hashlib
import json
import math
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import cast

import pytest

from fivetran_async import AsyncFivetran, RateLimitedError, RetryPolicy
from fivetran_async._clock import SystemClock
from fivetran_async._quota.limiter import NOTHING_TOLD
from fivetran_async._quota.windows import LONGEST_GAP
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.limits import Quota, RateLimits, Told
from support.faults import FaultServer, refusing, reply
from support.samples import sample
from support.sessions import KEY, ONE_GROUP, SECRET, refusal, success
from support.waiting import PATIENCE, free_port, until

SERVER = shutil.which("redis-server")
if SERVER is None:
    pytest.skip("needs redis-server, the program", allow_module_level=True)
pytest.importorskip("redis", reason="needs redis-server's Python client: the package redis")

# After the skips, for these need the client.
from redis.asyncio import Redis as Client  # noqa: E402
from redis.asyncio.retry import Retry  # noqa: E402
from redis.backoff import NoBackoff  # noqa: E402

from fivetran_async.integrations.redis import (  # noqa: E402
    OnUnavailable,
    RedisRateLimiter,
    SharedLimiter,
)

AT_ONCE = Retry(NoBackoff(), 0)
"""What a client does when the server is gone: nothing more."""
ACCOUNT = hashlib.sha256(KEY.encode()).hexdigest()


class RedisServer:
    """A Redis server on loopback that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly no --dir {self._folder}"
        assert SERVER is not None
        self._process = subprocess.Popen(
            [SERVER, *options.split(), "--save", ""],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        give_up_at = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < give_up_at, "redis-server did not start"
                time.sleep(0.01)
            else:
                return

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for the tests of this file."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Client]:
    """A client of an empty server."""
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
    """A limiter, as a process of its own would make it."""
    limits = RateLimits() if limits is None else limits
    shared = RedisRateLimiter(client, limits=limits, on_unavailable=on_unavailable)
    return shared.for_account(account, base_url="http://127.0.0.1", clock=SystemClock())


def one_in(seconds: float, *, limit: int = 1) -> RateLimits:
    """Limits of so many requests in a time."""
    return RateLimits(quotas={"requests": (Quota(limit, seconds),)})


async def pass_through(
    limiter: SharedLimiter,
    *budgets: str,
    patience: float | None = 5.0,
    told: Told = NOTHING_TOLD,
    sent: bool = True,
) -> float:
    """Send a request that takes no time, and say when it began."""
    await limiter.acquire(budgets, priority="interactive", patience=patience)
    limiter.settle(budgets, told, sent=sent)
    return time.monotonic()


async def delivered(limiter: SharedLimiter) -> None:
    """Wait until the store knows what this limiter knows."""
    while limiter._courier is not None and not limiter._courier.done():
        await limiter._courier


async def test_limiters_share_what_is_left(client: Client) -> None:
    """What one process spends, another one has not."""
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
    # As it was when the last request asked.
    assert left == {
        "requests": 19_997,
        "source": 498,
        "setup_tests": 249,
        "user_creation": 500,
        "private_links": 5,
    }


async def test_a_budget_can_be_off(client: Client) -> None:
    """Without a quota nothing is held back, and nothing is told."""
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
    """Whoever comes later waits for the window that began when the request before was over."""
    limiter, other = limiter_of(client, one_in(0.2)), limiter_of(client, one_in(0.2))
    await limiter.acquire((), priority="interactive", patience=5)
    waiter = asyncio.create_task(pass_through(other))
    await asyncio.sleep(0.3)
    assert not waiter.done()
    ended = time.monotonic()
    limiter.settle((), NOTHING_TOLD, sent=True)
    assert await waiter - ended >= 0.2
    await delivered(other)


@pytest.mark.parametrize(("told", "sent"), [(NOTHING_TOLD, False), (Told(status=429), True)])
async def test_what_the_server_did_not_count_is_given_back(
    client: Client, told: Told, *, sent: bool
) -> None:
    """A request that never left, or was refused, leaves nothing behind."""
    limiter = limiter_of(client)
    await pass_through(limiter, "private_links", told=told, sent=sent)
    await delivered(limiter)
    assert await client.zcard("fivetran_async:{account}:private_links") == 0
    assert await client.zcard("fivetran_async:{account}:requests") == 0


@pytest.mark.slow
async def test_a_refusal_pauses_every_process(client: Client) -> None:
    """A 429 holds its budget for all, and no other budget."""
    one, other = limiter_of(client), limiter_of(client)
    before = time.monotonic()
    await pass_through(one, "source", told=Told(status=429, retry_after=2.0))
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
    """What the answers of one process tell holds for every process."""
    one, other = limiter_of(client), limiter_of(client)
    await pass_through(one, told=Told(status=200, limit=500, remaining=100))
    await delivered(one)
    await pass_through(other)
    await delivered(other)
    await pass_through(other)
    await delivered(other)
    state = other.snapshot()["requests"]
    assert (state.limit, state.remaining) == (500, 99)
    assert other.snapshot()["source"].limit == 25


async def test_the_last_part_is_spread(client: Client) -> None:
    """Of forty a minute, 38 go at once; the next one could, but had better wait a little."""
    limiter = limiter_of(client, one_in(60.0, limit=40))
    for number in range(38):
        verdict = await limiter._ask((), f"id-{number}", math.inf)
        assert verdict.starts
    verdict = await limiter._ask((), "other", math.inf)
    assert not verdict.starts
    assert verdict.needed == 0
    assert 5 < verdict.wait <= LONGEST_GAP
    # At the end of its patience a call goes while there is something left.
    assert (await limiter._ask((), "other", 0.0)).starts


async def test_those_in_line_are_refused_for_what_its_head_was_told(client: Client) -> None:
    """Who stands behind a patient call learns at once that its own patience is too short."""
    limiter = limiter_of(client, one_in(3_600.0))
    await pass_through(limiter)
    patient = asyncio.create_task(pass_through(limiter, patience=None))
    await asyncio.sleep(0.1)
    before = time.monotonic()
    with pytest.raises(RateLimitedError, match="next request may start in 3600 s"):
        await pass_through(limiter, patience=60)
    assert time.monotonic() - before < 5
    patient.cancel()
    await asyncio.wait((patient,))
    await delivered(limiter)


async def test_a_pause_refuses_those_in_line(client: Client) -> None:
    """A refusal that this process was told ends the waits that are too short for it."""
    limiter = limiter_of(client, one_in(1.0))
    await limiter.acquire((), priority="interactive", patience=None)
    tasks = [asyncio.create_task(pass_through(limiter, patience=each)) for each in (None, 30, 30)]
    await until(lambda: limiter.snapshot()["requests"].waiting == 3)
    limiter.settle((), Told(status=429, retry_after=3_600), sent=True)
    results = await asyncio.gather(*tasks[1:], return_exceptions=True)
    assert all(isinstance(result, RateLimitedError) for result in results)
    tasks[0].cancel()
    await asyncio.wait(tasks)
    await delivered(limiter)


async def test_headers_that_contradict_themselves_are_ignored(client: Client) -> None:
    """More left than there is, or no limit at all, is no news; own limits learn no plan."""
    limiter, fixed = limiter_of(client), limiter_of(client, one_in(3_600.0, limit=9), account="b")
    await pass_through(limiter, told=Told(status=200, limit=500, remaining=501))
    await pass_through(fixed, told=Told(status=200, limit=500, remaining=7))
    for each, left in ((limiter, 19_999), (fixed, 7)):
        await delivered(each)
        await pass_through(each)
        await delivered(each)
        assert each.snapshot()["requests"].remaining == left


@pytest.mark.parametrize("limit", [1, 20_000], ids=["in line", "asking"])
async def test_whoever_is_cancelled_leaves_nothing(client: Client, limit: int) -> None:
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
    assert await client.zcard("fivetran_async:{account}:requests") == 1


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
    assert await client.zcard(f"mine:{{{ACCOUNT}}}:requests") == 2
    keys = cast("list[bytes]", await client.keys())  # pyright: ignore[reportUnknownMemberType]
    assert not any(text.encode() in key for key in keys for text in (KEY, SECRET))
    assert all([await client.pttl(key) > 0 for key in keys])


async def test_without_the_store_each_process_paces_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By default a store that is down is told once, and the same quotas hold in the process."""
    server = RedisServer(tmp_path)
    server.start()
    try:
        async with Client(port=server.port, retry=AT_ONCE) as client:
            limiter = limiter_of(client, one_in(3_600.0, limit=2), on_unavailable="local")
            await pass_through(limiter)
            await delivered(limiter)
            await limiter.acquire((), priority="interactive", patience=5)
            server.stop()
            limiter.settle((), NOTHING_TOLD, sent=True)
            await delivered(limiter)
            await pass_through(limiter)
            await pass_through(limiter)
            with pytest.raises(RateLimitedError, match="quota is used up"):
                await pass_through(limiter)
            await delivered(limiter)
    finally:
        server.stop()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "each process paces itself" in warnings[0]


async def test_without_the_store_calls_can_be_refused() -> None:
    """With `on_unavailable="refuse"` nothing is sent that nobody counts."""
    with refusing() as url:
        port = int(url.rpartition(":")[2])
        async with (
            FaultServer(answer=lambda _: reply()) as server,
            Client(port=port, retry=AT_ONCE) as client,
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
    """After an outage the store counts again, and learns what it missed."""

    class Later(SystemClock):
        offset = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.offset

    clock, server = Later(), RedisServer(tmp_path)
    server.start()
    try:
        async with Client(port=server.port, retry=AT_ONCE) as client:
            shared = RedisRateLimiter(client, limits=one_in(3_600.0, limit=3))
            limiter = shared.for_account("account", base_url="", clock=clock)
            await limiter.acquire((), priority="interactive", patience=5)
            server.stop()
            limiter.settle((), NOTHING_TOLD, sent=False)
            await pass_through(limiter)
            server.start()
            clock.offset = 10.0
            await pass_through(limiter, told=Told(status=200))
            await delivered(limiter)
            assert await client.zcard("fivetran_async:{account}:requests") == 1
    finally:
        server.stop()


async def test_the_sessions_answers_do_not_wait_for_the_store(client: Client) -> None:
    """What a session learns from a call arrives at the store by itself, soon after."""
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
    """A policy that does not exist is refused."""
    with pytest.raises(InvalidArgumentError, match="'local' or 'refuse', not 'wait'"):
        RedisRateLimiter(Client(), on_unavailable="wait")  # type: ignore[arg-type]


LIMIT, WINDOW, JOBS = 60, 0.5, sample(45, 240)

WORKERS = f"""
import asyncio, json, random, sys, time
from redis.asyncio import Redis
from fivetran_async._clock import SystemClock
from fivetran_async.integrations.redis import RedisRateLimiter
from fivetran_async.limits import Quota, RateLimits, Told

async def main():
    limits = RateLimits(quotas={{"requests": (Quota({LIMIT}, {WINDOW}),)}})
    arrivals, jobs = [], iter(range({JOBS}))
    # All begin together, however long each process takes to start.
    print("ready", flush=True)
    sys.stdin.readline()
    async with Redis(port=int(sys.argv[1])) as client:
        shared = RedisRateLimiter(client, limits=limits, on_unavailable="refuse")
        limiter = shared.for_account("account", base_url="", clock=SystemClock())
        async def work():
            for _ in jobs:
                await limiter.acquire((), priority="interactive", patience=None)
                await asyncio.sleep(random.random() * 0.03)
                arrivals.append(time.time())
                await asyncio.sleep(random.random() * 0.03)
                limiter.settle((), Told(status=200), sent=True)
        await asyncio.gather(*(work() for _ in range(50)))
        await limiter._courier
    print(json.dumps(arrivals))

asyncio.run(main())
"""


@pytest.mark.slow
def test_four_processes_never_admit_too_many(server: RedisServer) -> None:
    """4 processes of 50 workers: no window holds more than the quota, wherever it begins."""
    command = [sys.executable, "-c", WORKERS, str(server.port)]
    processes = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    arrivals: list[float] = []
    for process in processes:
        output, _ = process.communicate()
        assert process.returncode == 0
        arrivals += json.loads(output)
    arrivals.sort()
    assert len(arrivals) == 4 * JOBS
    fullest = max(
        bisect.bisect_left(arrivals, begin + WINDOW) - index for index, begin in enumerate(arrivals)
    )
    assert fullest <= LIMIT
    # Slow is safe too: it must also be of use.
    assert arrivals[-1] - arrivals[0] < 5 * len(arrivals) / LIMIT * WINDOW
