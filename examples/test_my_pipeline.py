"""
Test your own code against an embedded Fivetran, with the pytest plugin of the package.

    pip install pytest pytest-asyncio
    pytest examples/test_my_pipeline.py

The fixture `fake_fivetran` is an empty account on a real local server, and `fivetran` is an open
session with it. Credentials in the environment are not used.
"""

# ruff: noqa: S101 - tests use assert
from __future__ import annotations

import pytest

from fivetran_async import AsyncFivetran, FanOutFailure, PermissionDeniedError
from fivetran_async.testing import FakeFivetran, Fault

pytest_plugins = ["fivetran_async.testing.plugin"]


async def pause_broken(fivetran: AsyncFivetran) -> list[str]:
    """Pause every broken connection. Replace this with your own code."""
    broken = [each.id async for each in fivetran.connections.list() if each.is_broken]
    async with fivetran.fan_out(broken, fivetran.connections.pause, on_error="yield") as results:
        return [
            connection_id
            async for connection_id, outcome in results
            if not isinstance(outcome, FanOutFailure)
        ]


async def test_only_broken_connections_are_paused(
    fake_fivetran: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A broken connection is paused with one request; a healthy one is not touched."""
    broken = fake_fivetran.add_connection(schema="crm", setup_state="broken")
    healthy = fake_fivetran.add_connection(schema="shop")

    assert await pause_broken(fivetran) == [broken]

    assert fake_fivetran.record("connections", broken)["paused"]
    assert not fake_fivetran.record("connections", healthy)["paused"]
    assert [request.verb for request in fake_fivetran.requests] == ["GET", "PATCH"]


async def test_a_failure_does_not_stop_the_others(
    fake_fivetran: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A connection that the key cannot change is left out of the result."""
    ids = [fake_fivetran.add_connection(setup_state="broken") for _ in range(3)]
    fake_fivetran.fail(path=f"/v1/connections/{ids[1]}", verb="PATCH", fault=Fault.status(403))

    assert set(await pause_broken(fivetran)) == {ids[0], ids[2]}


async def test_an_unreadable_list_is_an_error(
    fake_fivetran: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A failed list raises an error; it does not look like an empty account."""
    fake_fivetran.fail("connections.list", fault=Fault.status(403))

    with pytest.raises(PermissionDeniedError):
        await pause_broken(fivetran)


async def test_a_sync_can_fail(fake_fivetran: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Syncs run on the fake's clock, which the test advances by an hour at once."""
    connection_id = fake_fivetran.add_connection(schema="shop")
    fake_fivetran.plan_sync(connection_id, "failed", duration=1800, reason="bad password")

    await fivetran.connections.sync(connection_id)
    assert (await fivetran.connections.get_sync_status(connection_id)).is_syncing

    fake_fivetran.advance(3600)  # seconds
    assert (await fivetran.connections.get(connection_id)).failed_at is not None


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
