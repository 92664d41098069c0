"""
Pytest fixtures for your tests; this line in `conftest.py` enables them.

```python
pytest_plugins = ["fivetran_async.testing.plugin"]
```

The fixtures are asynchronous and require pytest-asyncio or anyio.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from fivetran_async.testing.fake import FakeFivetran

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran

    _fixture = pytest.fixture
else:
    try:
        # In strict mode, pytest-asyncio runs only fixtures with its own marker.
        from pytest_asyncio import fixture as _fixture
    except ImportError:
        _fixture = pytest.fixture


@_fixture
async def fake_fivetran() -> AsyncIterator[FakeFivetran]:
    """An empty account, served over HTTP; override the fixture to start with another account."""
    async with FakeFivetran() as fake:
        yield fake


@_fixture
async def fivetran(fake_fivetran: FakeFivetran) -> AsyncIterator[AsyncFivetran]:
    """An open session of the client, connected to `fake_fivetran`."""
    async with fake_fivetran.client() as client:
        yield client


@_fixture
async def fivetran_on_fake_clock(fake_fivetran: FakeFivetran) -> AsyncIterator[AsyncFivetran]:
    """
    An open session that waits on the clock of `fake_fivetran`, not in real time.

    `fake_fivetran.run(...)` awaits a coroutine and moves that clock until it is done.
    """
    async with fake_fivetran.client(clock=fake_fivetran.clock) as client:
        yield client
