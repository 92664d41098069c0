"""Waits for conditions, and ports for programs."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from support.waiting import free_port, turns, until

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


async def test_until_returns_when_the_condition_holds() -> None:
    """A condition that holds later is waited for."""
    happened = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, happened.set)
    await until(happened.is_set)
    assert happened.is_set()


async def test_turns_let_others_go_on() -> None:
    """A task that needs several turns of the loop, and no time, is done afterwards."""
    await turns(9)
    task = asyncio.create_task(turns(9))
    await turns(12)
    assert task.done()


@pytest.mark.skipif(not EPHEMERAL.exists(), reason="the system does not name its ports")
def test_free_ports_are_not_those_of_the_kernel() -> None:
    """A free port can be bound, and no other socket is given it in between."""
    lowest = int(EPHEMERAL.read_text().split()[0])
    for _ in range(20):
        port = free_port()
        assert port < lowest
        with socket.create_server(("127.0.0.1", port)):
            pass
