"""An account that runs its syncs by the session's clock, and a session with it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fivetran_async import AsyncFivetran
from fivetran_async.testing import FakeFivetran
from syncs.account_clock import AccountClock


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An account with a clock that stands still unless it is moved."""
    async with FakeFivetran(running=False) as fake:
        yield fake


@pytest.fixture
def clock(fake: FakeFivetran) -> AccountClock:
    """The clock of the session, which the account follows."""
    return AccountClock(fake)


@pytest.fixture
async def fivetran(fake: FakeFivetran, clock: AccountClock) -> AsyncIterator[AsyncFivetran]:
    """A session with the account."""
    async with fake.client(_clock=clock, rate_limits=None) as fivetran:
        yield fivetran
