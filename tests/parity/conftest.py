"""An account with a stopped clock, and a session that never waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import pytest

from fivetran_async import AsyncFivetran
from fivetran_async.testing import FakeFivetran
from support.fake_clock import FakeClock

START: Final = datetime(2026, 5, 21, 8, 15, 30, tzinfo=UTC)
"""The account's time, in whole seconds, because some of the API's times have no fractions."""


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An empty account with a stopped clock."""
    async with FakeFivetran(running=False, start=START) as fake:
        yield fake


@pytest.fixture
async def fivetran(fake: FakeFivetran, clock: FakeClock) -> AsyncIterator[AsyncFivetran]:
    """A session of that account that waits without real time."""
    async with fake.client(_clock=clock, rate_limits=None) as fivetran:
        yield fivetran
