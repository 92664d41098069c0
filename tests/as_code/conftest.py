"""Fixtures for the tests of the account as code."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from as_code.accounts import START, small_account
from fivetran_async import AsyncFivetran, as_code
from fivetran_async.testing import FakeFivetran


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """A small account with objects of most kinds and a stopped clock."""
    async with FakeFivetran(running=False, start=START) as fake:
        small_account(fake)
        yield fake


@pytest.fixture
async def fivetran(fake: FakeFivetran) -> AsyncIterator[AsyncFivetran]:
    """A session with that account."""
    async with fake.client() as fivetran:
        yield fivetran


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported files of the small account, exported once for all tests."""
    folder = tmp_path_factory.mktemp("exported") / "account"

    async def export() -> None:
        async with FakeFivetran(running=False, start=START) as fake, fake.client() as fivetran:
            small_account(fake)
            (await as_code.export(fivetran)).save(folder)

    asyncio.run(export())
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy of the exported files, to edit."""
    return Path(shutil.copytree(exported, tmp_path / "account"))
