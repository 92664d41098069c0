"""A small account, an environment with its credentials, and outputs that record what they print."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import pytest

from cli.consoles import Console
from fivetran_async import AsyncFivetran
from fivetran_async.cli._output import JsonOutput, PlainOutput
from fivetran_async.testing import FakeFivetran
from syncs.account_clock import AccountClock


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeFivetran]:
    """An account with a stopped clock; the environment has its URL and credentials."""
    monkeypatch.delenv("FIVETRAN_LOG", raising=False)
    async with FakeFivetran(running=False) as fake:
        monkeypatch.setenv("FIVETRAN_BASE_URL", fake.url)
        monkeypatch.setenv("FIVETRAN_API_KEY", fake.api_key)
        monkeypatch.setenv("FIVETRAN_API_SECRET", fake.api_secret)
        yield fake


@pytest.fixture
async def fivetran(fake: FakeFivetran) -> AsyncIterator[AsyncFivetran]:
    """A session that waits without real time and advances the account's clock."""
    async with fake.client(_clock=AccountClock(fake), rate_limits=None) as fivetran:
        yield fivetran


@pytest.fixture
def plain() -> Console[PlainOutput]:
    """A plain text output."""
    stdout, stderr = io.StringIO(), io.StringIO()
    return Console(PlainOutput(stdout, stderr), stdout, stderr)


@pytest.fixture
def as_json() -> Console[JsonOutput]:
    """A JSON output."""
    stdout, stderr = io.StringIO(), io.StringIO()
    return Console(JsonOutput(stdout, stderr), stdout, stderr)
