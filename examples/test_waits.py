"""
Test code that waits for hours, in no time: the session waits on the clock of the embedded Fivetran.

    pip install pytest pytest-asyncio
    pytest examples/test_waits.py

The fixture `fivetran_on_fake_clock` is an open session; retries, polls, quotas and deadlines take
their time on `fake_fivetran.clock`. `fake_fivetran.run()` awaits a coroutine and moves that clock
whenever nothing else is left to do. Requests are real, and the clock stands still during each.
"""

# ruff: noqa: S101 - tests use assert
from __future__ import annotations

import asyncio

import pytest

from fivetran_async import AsyncFivetran, Quota, RateLimits, RetryPolicy, ServerError
from fivetran_async.testing import FakeFivetran, Fault

pytest_plugins = ["fivetran_async.testing.plugin"]

MINUTE = 60.0
HOUR = 3600.0


async def test_a_sync_of_half_an_hour(
    fake_fivetran: FakeFivetran, fivetran_on_fake_clock: AsyncFivetran
) -> None:
    """The wait polls until the sync has succeeded."""
    fake, fivetran = fake_fivetran, fivetran_on_fake_clock
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, duration=30 * MINUTE)
    began = fake.clock.time()

    outcome = await fake.run(fivetran.connections.sync_and_wait(connection_id))

    assert outcome.succeeded
    assert 30 * MINUTE <= fake.clock.time() - began <= 32 * MINUTE


async def test_a_rescheduled_sync(
    fake_fivetran: FakeFivetran, fivetran_on_fake_clock: AsyncFivetran
) -> None:
    """The server postpones the sync for twenty minutes; a second trigger then succeeds."""
    fake, fivetran = fake_fivetran, fivetran_on_fake_clock
    connection_id = fake.add_connection(schedule_type="manual")
    fake.plan_sync(connection_id, "rescheduled", duration=MINUTE, rescheduled_after=20 * MINUTE)
    began = fake.clock.time()

    outcome = await fake.run(fivetran.connections.sync_and_wait(connection_id))

    assert (outcome.succeeded, outcome.triggers) == (True, 2)
    assert fake.clock.time() - began >= 20 * MINUTE


async def test_a_wait_that_times_out(
    fake_fivetran: FakeFivetran, fivetran_on_fake_clock: AsyncFivetran
) -> None:
    """A sync that takes longer than the caller waits is not an error; a token resumes the wait."""
    fake, fivetran = fake_fivetran, fivetran_on_fake_clock
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, duration=20 * MINUTE)

    outcome = await fake.run(fivetran.connections.sync_and_wait(connection_id, timeout=10 * MINUTE))
    assert outcome.status == "timed_out"

    later = await fake.run(fivetran.resume_wait(outcome.token or "", timeout=HOUR))
    assert later.succeeded


async def test_many_syncs(
    fake_fivetran: FakeFivetran, fivetran_on_fake_clock: AsyncFivetran
) -> None:
    """Syncs of one to ten minutes; the outcomes arrive in the order in which they end."""
    fake, fivetran = fake_fivetran, fivetran_on_fake_clock
    ids = [fake.add_connection() for _ in range(10)]
    for minutes, connection_id in enumerate(ids, 1):
        fake.plan_sync(connection_id, duration=minutes * MINUTE)

    async def sync_all() -> list[str]:
        async with fivetran.syncs.run_all(ids) as runs:
            return [outcome.connection_id async for outcome in runs]

    assert await fake.run(sync_all()) == ids


async def test_a_storm_of_429s(
    fake_fivetran: FakeFivetran, fivetran_on_fake_clock: AsyncFivetran
) -> None:
    """A 429 with Retry-After pauses all calls; afterwards each of them succeeds."""
    fake, fivetran = fake_fivetran, fivetran_on_fake_clock
    group_ids = [fake.add_group() for _ in range(40)]
    storm = Fault.status(429, headers={"Retry-After": "30"})
    fake.fail("groups.get", fault=storm, times=20)
    began = fake.clock.time()

    async def read_all() -> list[str]:
        async with fivetran.fan_out(group_ids, fivetran.groups.get) as results:
            return [group_id async for group_id, _ in results]

    assert sorted(await fake.run(read_all())) == sorted(group_ids)
    assert fake.clock.time() - began >= 30


async def test_an_outage(
    fake_fivetran: FakeFivetran, fivetran_on_fake_clock: AsyncFivetran
) -> None:
    """Two responses with 503 are retried, after growing waits."""
    fake, fivetran = fake_fivetran, fivetran_on_fake_clock
    group_id = fake.add_group(name="warehouse")
    fake.fail("groups.get", fault=Fault.status(503), times=2)

    assert (await fake.run(fivetran.groups.get(group_id))).name == "warehouse"

    times = [request.time for request in fake.requests]
    assert [request.status for request in fake.requests] == [503, 503, 200]
    assert 0.5 <= times[1] - times[0] <= 1.1 <= times[2] - times[1] <= 2.1


async def test_a_deadline(
    fake_fivetran: FakeFivetran, fivetran_on_fake_clock: AsyncFivetran
) -> None:
    """A call that may take ten seconds, retries included, does not begin a wait beyond them."""
    fake, fivetran = fake_fivetran, fivetran_on_fake_clock
    fake.fail("account.get_info", fault=Fault.status(503), times=None)
    stubborn = fivetran.with_options(deadline=10, retry=RetryPolicy(max_attempts=100))
    began = fake.clock.time()

    with pytest.raises(ServerError):
        await fake.run(stubborn.account.get_info())

    assert fake.clock.time() - began <= 10
    assert len(fake.requests) >= 3


async def test_a_quota_of_an_hour(fake_fivetran: FakeFivetran) -> None:
    """Calls beyond the quota wait until an hour after the first ones, and none is refused."""
    fake = fake_fivetran
    fake.rate_limit(hourly=60)
    group_id = fake.add_group()
    quotas = RateLimits(quotas={"requests": (Quota(60, HOUR),)})
    began = fake.clock.time()

    async def read_often() -> None:
        async with fake.client(clock=fake.clock, rate_limits=quotas) as fivetran:
            patient = fivetran.with_options(retry=RetryPolicy(max_local_wait=2 * HOUR))
            await asyncio.gather(*(patient.groups.get(group_id) for _ in range(80)))

    await fake.run(read_often())
    assert fake.clock.time() - began >= HOUR
    assert {request.status for request in fake.requests} == {200}


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
