"""A read-only session, and the summary of what it read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fivetran_async import AsyncFivetran
from live.account import HOW, NOTES, find_settings


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was read, and where responses differ from their declared types."""
    if NOTES.verbs:
        terminalreporter.section("the account")
        for line in NOTES.summary():
            terminalreporter.write_line(line)


@pytest.fixture
async def fivetran() -> AsyncIterator[AsyncFivetran]:
    """A session of the account that refuses changes and takes notes."""
    settings = find_settings()
    if settings is None:
        pytest.skip(HOW)
    async with AsyncFivetran(
        settings.api_key,
        settings.api_secret,
        base_url=settings.base_url,
        hooks=NOTES.hooks(),
        read_only=True,
    ) as fivetran:
        yield fivetran
    assert set(NOTES.verbs) <= {"GET"}
