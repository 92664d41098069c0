"""A request that hangs before a connection is made for it was not sent."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from fivetran_async import AsyncFivetran, ConnectError, Timeouts
from fivetran_async.errors import Fault
from support import faults
from support.faults import FaultServer
from support.sessions import KEY, ONCE, SECRET, failure_of, session_at


class HangingResolver(AbstractResolver):
    """A name server that never responds."""

    async def resolve(
        self,
        host: str,
        port: int = 0,  # noqa: ARG002 - aiohttp's own signature
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        """Wait until the caller gives up."""
        await asyncio.Event().wait()
        raise AssertionError(host)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("limit", ["total", "deadline"])
async def test_a_hanging_lookup_is_not_sent(limit: str) -> None:
    """A create is a `ConnectError` when its host is never resolved, and may be sent later."""
    connector = aiohttp.TCPConnector(resolver=HangingResolver())
    async with (
        aiohttp.ClientSession(connector=connector) as own,
        session_at("https://api.example", retry=ONCE, session=own) as fivetran,
    ):
        view = fivetran.with_options(
            **{"timeouts": 0.2} if limit == "total" else {"deadline": 0.2}  # type: ignore[arg-type]
        )
        error = await failure_of(view, "POST", retry_class="dangerous")
    assert type(error) is ConnectError
    assert (error.fate, error.fault) == ("not_sent", Fault.NOT_SENT)
    assert "Timed out while connecting" in str(error)


@pytest.mark.parametrize("timeouts", [Timeouts(connect=0.2), Timeouts(total=0.2)])
async def test_a_hanging_proxy_is_not_sent(timeouts: Timeouts) -> None:
    """A proxy that accepts a connection and never responds to CONNECT costs `connect` seconds."""
    async with (
        FaultServer(faults.HANG) as proxy,
        AsyncFivetran(
            KEY,
            SECRET,
            base_url="https://api.example",
            proxy=proxy.url,
            timeouts=timeouts,
            retry=ONCE,
            rate_limits=None,
        ) as fivetran,
        asyncio.timeout(30),
    ):
        error = await failure_of(fivetran, "POST", retry_class="dangerous")
    assert type(error) is ConnectError
    assert error.fate == "not_sent"
    assert [request.verb for request in proxy.requests] == ["CONNECT"]
