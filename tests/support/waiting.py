"""Ways to wait for what a test needs, instead of for a time that is long enough on most days."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 60.0
"""Seconds: far more than anything here takes, less than the timeout of a test."""

GRACE: Final = 5.0
"""Seconds that a closing connection or an ending task gets to be gone."""


async def until(condition: Callable[[], object]) -> None:
    """Return once a condition holds; fail after a minute."""
    give_up_at = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up_at, "timed out waiting for a condition"
        await asyncio.sleep(0.001)


async def turns(number: int = 50) -> None:
    """Let other tasks go on as far as they get without sockets and timers."""
    for _ in range(number):
        await asyncio.sleep(0)


def free_port() -> int:
    """
    Find a port on loopback where nothing listens, for a program that cannot choose one itself.

    It is below those that the kernel gives to other sockets: so nothing takes it in between.
    """
    # Not the generator that pytest-randomly seeds: two processes would choose the same port.
    generator = random.SystemRandom()
    while True:
        port = generator.randrange(15_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
