"""Waits for moves of connections."""

from __future__ import annotations

import asyncio

import pytest

from fivetran_async import AsyncFivetran, NotFoundError, SessionClosedError
from fivetran_async.errors import WaitFailedError, WaitTimeoutError
from fivetran_async.models import ConnectionMoveJob
from fivetran_async.syncs import SyncPolicy
from fivetran_async.testing import FakeFivetran, Fault
from support.waiting import until
from syncs.account_clock import AccountClock


async def started(fake: FakeFivetran, fivetran: AsyncFivetran) -> tuple[str, str]:
    """Start a move with data; return the connection and the job."""
    connection_id = fake.add_connection(paused=True)
    move = await fivetran.connections.move(
        connection_id,
        destination_group_id=fake.add_group(name="new"),
        sync_behavior="CONTINUE_WITH_DATA",
    )
    assert move.job_id is not None
    return connection_id, move.job_id


async def test_move_is_awaited(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Its job is polled until it succeeds, through failures that pass."""
    connection_id, job_id = await started(fake, fivetran)
    fake.fail("connections.get_move", fault=Fault.status(500), nth=1)
    job = await fivetran.connections.wait_for_move(connection_id, job_id)
    assert (job.status, job.is_successful) == ("SUCCESS", True)
    assert len(fake.requests_for("connections.get_move")) < 20
    moved = await fivetran.connections.get(connection_id)
    assert moved.group_id == job.destination_group_id


async def test_move_that_fails(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The error has the reason and the job as last read."""
    connection_id, job_id = await started(fake, fivetran)
    await fivetran.connections.resume(connection_id)
    with pytest.raises(WaitFailedError, match=r"FAILED: The connection was resumed") as caught:
        await fivetran.connections.wait_for_move(connection_id, job_id)
    assert isinstance(caught.value.last, ConnectionMoveJob)
    assert caught.value.last.error_message == "The connection was resumed during the move"


async def test_move_times_out(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """The wait ends at its timeout, and the move goes on."""
    fake.sync_duration = 10_000
    connection_id, job_id = await started(fake, fivetran)
    with pytest.raises(WaitTimeoutError, match=r"Timed out after 600 s .+ PENDING") as caught:
        await fivetran.connections.wait_for_move(connection_id, job_id, timeout=600)
    assert clock.elapsed == pytest.approx(600, abs=1)
    assert isinstance(caught.value.last, ConnectionMoveJob)
    job = await fivetran.connections.wait_for_move(connection_id, job_id)
    assert job.is_successful


async def test_move_that_does_not_exist(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A missing job ends the wait at once."""
    connection_id = fake.add_connection()
    with pytest.raises(NotFoundError, match="no_such_job"):
        await fivetran.connections.wait_for_move(connection_id, "no_such_job")
    assert len(fake.requests) == 1


async def test_session_closes_during_the_wait(fake: FakeFivetran) -> None:
    """A wait of a session that closes ends with `SessionClosedError`."""
    async with fake.client(rate_limits=None) as fivetran:
        connection_id, job_id = await started(fake, fivetran)
        policy = SyncPolicy(min_interval=100.0, max_interval=100.0)
        waiting = asyncio.create_task(
            fivetran.connections.wait_for_move(connection_id, job_id, policy=policy)
        )
        await until(lambda: fake.requests_for("connections.get_move"))
    with pytest.raises(SessionClosedError):
        await waiting
