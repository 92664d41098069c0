"""An account that stands still and a session that never waits; and the count at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import pytest

from fivetran_async import AsyncFivetran
from fivetran_async.testing import FakeFivetran
from parity.seed import EXECUTED, summary
from support.fake_clock import FakeClock

START: Final = datetime(2026, 5, 21, 8, 15, 30, tzinfo=UTC)
"""The account's time: whole seconds, since some of the API's times are no finer than that."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many of the functions of fivetrex were executed."""
    if EXECUTED:
        terminalreporter.section("parity")
        terminalreporter.write_line(summary())


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An empty account whose time stands still."""
    async with FakeFivetran(running=False, start=START) as fake:
        yield fake


@pytest.fixture
async def fivetran(fake: FakeFivetran, clock: FakeClock) -> AsyncIterator[AsyncFivetran]:
    """A session with it, whose waits take no time."""
    async with fake.client(_clock=clock, rate_limits=None) as fivetran:
        yield fivetran
