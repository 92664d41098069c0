"""Fixtures for the tests of the fake."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from fivetran_async.testing import FakeFivetran
from testing.wire import Api


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An empty account with a stopped clock."""
    async with FakeFivetran(running=False) as fake:
        yield fake


@pytest.fixture
async def api(fake: FakeFivetran) -> AsyncIterator[Api]:
    """A plain HTTP client of that account."""
    async with aiohttp.ClientSession() as session:
        yield Api(fake, session)
