"""`FakeFivetran.run()`: waits of sessions take time on the fake's clock, and none in reality."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from fivetran_async import (
    AsyncFivetran,
    InvalidArgumentError,
    NotFoundError,
    RequestTimeoutError,
    SessionClosedError,
    Timeouts,
    UsageError,
    fan_out,
)
from fivetran_async.syncs import SyncPolicy
from fivetran_async.testing import FakeFivetran, Fault

HOUR = 3600.0


@pytest.fixture(params=[True, False], ids=["running", "frozen"])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeFivetran]:
    """An account with a clock of either kind."""
    async with FakeFivetran(running=request.param) as fake:
        yield fake


@pytest.fixture
async def fivetran(fake: FakeFivetran) -> AsyncIterator[AsyncFivetran]:
    """A session that waits on the account's clock."""
    async with fake.client(clock=fake.clock) as session:
        yield session


async def test_a_wait_takes_the_time_of_the_clock(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A sync of two hours ends in no real time, and the result is returned."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, duration=2 * HOUR)
    began, really_began = fake.clock.time(), time.monotonic()
    policy = SyncPolicy(max_interval=1200, min_interval=600)
    outcome = await fake.run(fivetran.connections.sync_and_wait(connection_id, policy=policy))
    assert outcome.succeeded
    assert 2 * HOUR <= fake.clock.time() - began <= 2.5 * HOUR
    assert time.monotonic() - really_began < 10


async def test_sleepers_wake_in_their_order(fake: FakeFivetran) -> None:
    """Each wakes at its own time, also those that begin to sleep while others do."""
    woken: list[tuple[str, float]] = []
    began = fake.clock.monotonic()

    async def sleep(name: str, *naps: float) -> None:
        for nap in naps:
            await fake.clock.sleep(nap)
            woken.append((name, round(fake.clock.monotonic() - began)))

    await fake.run(
        _gather(sleep("a", 10, 25), sleep("b", 20, 20), sleep("c", 30), sleep("d", 0, -1))
    )
    assert woken == [
        ("d", 0), ("d", 0), ("a", 10), ("b", 20), ("c", 30), ("a", 35), ("b", 40),
    ]  # fmt: skip


async def _gather(*work: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*work)


@pytest.mark.parametrize("latency", [0.0, 0.03])
async def test_the_clock_stands_still_during_requests(
    fake: FakeFivetran, fivetran: AsyncFivetran, latency: float
) -> None:
    """While any request is under way, a caller that sleeps does not go on."""
    fake.latency = latency
    fake.clock.freeze()
    group_id = fake.add_group()
    seen: list[float] = []

    async def read(naps: int) -> None:
        for _ in range(naps):
            before = fake.clock.monotonic()
            await fivetran.groups.get(group_id)
            seen.append(fake.clock.monotonic() - before)
            await fake.clock.sleep(1)

    await fake.run(_gather(*(read(5) for _ in range(7))))
    assert seen == [0.0] * 35


async def test_the_clock_stands_still_while_a_long_response_is_decoded(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Bodies of several megabytes are decoded in a thread, which counts as the request."""
    fake.clock.freeze()
    body = {"code": "Success", "data": {"items": [{"id": "g" * 40_000}] * 150}}
    fake.fail("groups.list", fault=Fault.status(200, body=body), times=1)

    async def read() -> float:
        before = fake.clock.monotonic()
        await fivetran.groups.list()
        return fake.clock.monotonic() - before

    took, _ = await fake.run(_gather(read(), fake.clock.sleep(1)))
    assert took == 0.0


async def test_other_real_work_can_hold_the_clock(fake: FakeFivetran) -> None:
    """`hold()` keeps the clock still during work that it does not know, in any thread."""
    fake.clock.freeze()

    async def work() -> float:
        before = fake.clock.monotonic()
        with fake.clock.hold("a query"):
            await asyncio.to_thread(time.sleep, 0.05)
        return fake.clock.monotonic() - before

    took, _ = await fake.run(_gather(work(), fake.clock.sleep(1)))
    assert took == 0.0


async def test_tasks_that_poll_do_not_stop_the_clock(fake: FakeFivetran) -> None:
    """A loop around `asyncio.sleep(0)` waits for the clock as well."""
    nap = asyncio.ensure_future(fake.clock.sleep(HOUR))

    async def poll() -> None:
        while not nap.done():  # noqa: ASYNC110 - what users write
            await asyncio.sleep(0)

    await fake.run(poll())


async def test_work_on_the_loop_comes_before_the_clock(fake: FakeFivetran) -> None:
    """Tasks that can run go on for as long as they need, before the clock moves."""
    fake.clock.freeze()
    done: list[str] = []

    async def work() -> None:
        for _ in range(300):
            await asyncio.sleep(0)
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, None)
        await future
        done.append("work")

    async def nap() -> None:
        await fake.clock.sleep(1)
        done.append("nap")

    await fake.run(_gather(nap(), work()))
    assert done == ["work", "nap"]


async def test_a_deadline_is_on_the_clock(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A call that waits for a slot gives up when the clock has reached its deadline."""
    group_id = fake.add_group()
    limiter = _limiter(1)
    bounded = fivetran.with_options(limiter=limiter, deadline=60)
    began = fake.clock.monotonic()

    async def occupy() -> None:
        async with limiter:
            await fake.clock.sleep(HOUR)

    async def read() -> float:
        await asyncio.sleep(0)
        with pytest.raises(RequestTimeoutError, match="waiting for a quota or a free slot"):
            await bounded.groups.get(group_id)
        return fake.clock.monotonic() - began

    gave_up, _ = await fake.run(_gather(read(), occupy()))
    assert gave_up == pytest.approx(60, abs=1)
    assert fake.requests == []


def _limiter(limit: int) -> Any:  # noqa: ANN401
    from fivetran_async import ConcurrencyLimiter  # noqa: PLC0415

    return ConcurrencyLimiter(limit)


async def test_the_timeout_of_an_attempt_is_real(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A request that hangs takes real time until its timeout, and none on the clock."""
    fake.clock.freeze()
    group_id = fake.add_group()
    fake.fail("groups.get", fault=Fault.hang(), times=1)
    began = fake.clock.monotonic()
    hasty = fivetran.with_options(timeouts=Timeouts(total=0.05), deadline=HOUR)
    await fake.run(_gather(hasty.groups.get(group_id), fake.clock.sleep(30)))
    assert fake.clock.monotonic() - began == pytest.approx(30)


async def test_a_wait_for_nothing_is_an_error(fake: FakeFivetran) -> None:
    """A coroutine that waits for what never comes is given up, and the error shows where."""

    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    ended = asyncio.get_running_loop().create_future()

    async def work() -> None:
        try:
            await wait_for_ever()
        finally:
            ended.set_result(None)

    with pytest.raises(UsageError, match=r"not done and for 0\.01 real seconds") as caught:
        await fake.run(work(), patience=0.01)
    assert "wait_for_ever" in str(caught.value)
    assert "test_run.py:" in str(caught.value)
    assert ended.done()


async def test_real_work_is_waited_for(fake: FakeFivetran) -> None:
    """Work that neither sleeps on the clock nor holds it has the patience of the caller."""
    assert await fake.run(asyncio.to_thread(lambda: 5)) == 5
    assert await fake.run(asyncio.sleep(0.02, 7), patience=5) == 7


async def test_an_endless_wait_names_its_sleepers(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Beyond `within`, the error names who sleeps, for how long, and in which task."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")

    async def follow() -> None:
        while True:
            await fake.clock.sleep(1000)

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(follow(), name="follower")
            group.create_task(_wait(fivetran, connection_id))

    began = fake.clock.monotonic()
    with pytest.raises(UsageError, match=r"after 1800 s of the fake's clock") as caught:
        await fake.run(both(), within=1800)
    assert "follow.<locals>" not in str(caught.value)
    assert "follow (" in str(caught.value).replace(
        "test_an_endless_wait_names_its_sleepers.<locals>.", ""
    )
    assert "task 'follower'" in str(caught.value)
    assert "a sync or another job (" in str(caught.value)
    assert fake.clock.monotonic() - began < 1801


async def _wait(fivetran: AsyncFivetran, connection_id: str) -> object:
    policy = SyncPolicy(min_interval=300, max_interval=300)
    return await fivetran.connections.sync_and_wait(connection_id, policy=policy)


async def test_errors_of_the_coroutine_are_raised(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Its own error and its own cancellation pass."""
    with pytest.raises(NotFoundError):
        await fake.run(fivetran.groups.get("missing"))

    async def give_up() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await fake.run(give_up())


async def test_cancelling_ends_the_coroutine(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The coroutine has ended when the cancelled caller goes on."""
    ended: list[str] = []

    async def work() -> None:
        try:
            with fake.clock.hold():
                await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("work")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await fake.run(work())
    assert ended == ["work"]
    group_id = fake.add_group()
    assert (await fake.run(fivetran.groups.get(group_id))).id == group_id


async def test_closing_the_session_ends_a_wait(fake: FakeFivetran) -> None:
    """A session that is closed while a call sleeps on the clock wakes it."""
    fivetran = fake.client(clock=fake.clock)
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, duration=HOUR)

    async def close_later() -> None:
        await fake.clock.sleep(600)
        await fivetran.aclose()

    with pytest.raises(SessionClosedError):
        await fake.run(_gather(fivetran.connections.sync_and_wait(connection_id), close_later()))


async def test_several_sessions_share_a_clock(fake: FakeFivetran) -> None:
    """Their waits end in one order, and so do those of several runs at once."""
    ids = [fake.add_connection() for _ in range(3)]
    for minutes, connection_id in enumerate(ids, 1):
        fake.plan_sync(connection_id, duration=minutes * 600)
    ended: list[str] = []

    async def sync(connection_id: str) -> None:
        async with fake.client(clock=fake.clock) as fivetran:
            policy = SyncPolicy(min_interval=60, history=False)
            await fivetran.connections.sync_and_wait(connection_id, policy=policy)
        ended.append(connection_id)

    await _gather(fake.run(sync(ids[2])), fake.run(_gather(sync(ids[1]), fake.run(sync(ids[0])))))
    assert ended == ids


async def test_a_fan_out_of_syncs(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The waits of a fan-out take as long as the longest of them."""
    ids = [fake.add_connection() for _ in range(12)]
    for number, connection_id in enumerate(ids):
        fake.plan_sync(connection_id, duration=60.0 * number)
    policy = SyncPolicy(min_interval=120, max_interval=120, history=False)
    sync = functools.partial(fivetran.connections.sync_and_wait, policy=policy)
    began = fake.clock.monotonic()

    async def sync_all() -> int:
        async with fan_out(ids, sync) as results:
            return len([outcome async for _, outcome in results if outcome.succeeded])

    assert await fake.run(sync_all()) == 12
    assert 660 <= fake.clock.monotonic() - began <= HOUR


async def test_webhooks_are_delivered_at_their_time(fake: FakeFivetran) -> None:
    """The clock goes on to what the account does by itself, and waits for its deliveries."""
    arrived: list[float] = []
    second = asyncio.Event()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.splitlines()
            if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(length)
        await asyncio.sleep(0.01)
        arrived.append(round(fake.clock.monotonic() - began))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        if len(arrived) == 2:
            second.set()

    fake.clock.freeze()
    async with await asyncio.start_server(receive, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        fake.add(
            "webhooks",
            url=f"http://127.0.0.1:{port}/hook",
            events=["sync_end"],
            active=True,
            type="account",
        )
        for minutes in (10, 20):
            connection_id = fake.add_connection()
            fake.plan_sync(connection_id, duration=minutes * 60)
            fake.start_sync(connection_id)
        began = fake.clock.monotonic()
        await fake.run(second.wait())
    assert arrived == [600, 1200]


async def test_schedules_go_on_while_a_caller_waits() -> None:
    """With schedules, the syncs of the account happen between two polls."""
    async with FakeFivetran(schedules=True, running=False) as fake:
        connection_id = fake.add_connection(sync_frequency=60)
        async with fake.client(clock=fake.clock) as fivetran:

            async def watch() -> set[object]:
                seen: set[object] = set()
                for _ in range(6):
                    seen.add((await fivetran.connections.get(connection_id)).succeeded_at)
                    await fake.clock.sleep(HOUR)
                return seen

            assert len(await fake.run(watch())) >= 5


async def test_advancing_wakes_sleepers(fake: FakeFivetran) -> None:
    """Without `run`, a test moves the clock itself."""
    nap = asyncio.create_task(fake.clock.sleep(60))
    await asyncio.sleep(0)
    fake.advance(59)
    await asyncio.sleep(0)
    assert not nap.done()
    fake.advance(1)
    await nap


async def test_a_running_clock_wakes_sleepers_in_real_time() -> None:
    """Frozen, it does not; and it goes on where it stopped."""
    async with FakeFivetran() as fake:
        await fake.clock.sleep(0.01)
        nap = asyncio.create_task(fake.clock.sleep(0.05))
        await asyncio.sleep(0)
        fake.clock.freeze()
        await asyncio.sleep(0.1)
        assert not nap.done()
        fake.clock.run()
        await nap


async def test_sleepers_of_other_threads() -> None:
    """A session in another thread waits on the same clock, which is moved from here."""
    async with FakeFivetran(running=False) as fake:
        connection_id = fake.add_connection()
        fake.plan_sync(connection_id, duration=HOUR)

        def use() -> str:
            async def sync() -> str:
                async with fake.client(clock=fake.clock) as fivetran:
                    return (await fivetran.connections.sync_and_wait(connection_id)).status

            return asyncio.run(sync())

        assert await fake.run(asyncio.to_thread(use)) == "succeeded"


async def test_arguments_are_checked(fake: FakeFivetran) -> None:
    """The message names the argument."""
    with pytest.raises(InvalidArgumentError, match="clock must be the clock of a FakeFivetran"):
        fake.client(clock=time)  # type: ignore[arg-type]
    arguments: list[dict[str, Any]] = [{"within": -1}, {"patience": "x"}]
    for wrong in arguments:
        nap = fake.clock.sleep(1)
        with pytest.raises(InvalidArgumentError, match=r"within|patience"):
            await fake.run(nap, **wrong)
    with pytest.raises(InvalidArgumentError, match=r"awaitable must be a coroutine, .* not 5"):
        await fake.run(5)  # type: ignore[arg-type]


async def test_jitter_is_the_same_in_every_run() -> None:
    """The fake's clock repeats its random numbers, from 0 to 1."""
    first, second = (FakeFivetran().clock for _ in range(2))
    numbers = [first.random() for _ in range(5)]
    assert numbers == [second.random() for _ in range(5)]
    assert all(0 <= number <= 1 for number in numbers)
