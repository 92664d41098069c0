"""
Fixtures for users' tests, by one line in their `conftest.py`.

```python
pytest_plugins = ["fivetran_async.testing.plugin"]
```

They are asynchronous: pytest-asyncio or anyio has to run them.
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
        # In its strict mode pytest-asyncio only runs fixtures that are marked as its own.
        from pytest_asyncio import fixture as _fixture
    except ImportError:
        _fixture = pytest.fixture


@_fixture
async def fake_fivetran() -> AsyncIterator[FakeFivetran]:
    """An empty account behind a real server; override the fixture to begin with another one."""
    async with FakeFivetran() as fake:
        yield fake


@_fixture
async def fivetran(fake_fivetran: FakeFivetran) -> AsyncIterator[AsyncFivetran]:
    """An open session of the client on `fake_fivetran`."""
    async with fake_fivetran.client() as client:
        yield client
