"""The pytest plugin and the fake's client, used like in users' tests."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

import fivetran_async
from fivetran_async.testing import FakeFivetran

USERS_TEST = """
import pytest
from fivetran_async import NotFoundError

async def test_reads(fake_fivetran, fivetran):
    group_id = fake_fivetran.add_group(name="warehouse")
    assert (await fivetran.groups.get(group_id)).name == "warehouse"
    assert fake_fivetran.requests[-1].operation == "groups.get"

async def test_starts_empty(fivetran):
    assert await fivetran.groups.list().collect() == []
    with pytest.raises(NotFoundError):
        await fivetran.groups.get("missing_id")
"""


@pytest.mark.parametrize("mode", ["auto", pytest.param("strict", marks=pytest.mark.slow)])
async def test_fixtures_by_one_line(tmp_path: Path, mode: str) -> None:
    """One line in a conftest provides both fixtures, in both modes of pytest-asyncio."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["fivetran_async.testing.plugin"]\n')
    mark = "pytestmark = pytest.mark.asyncio\n" if mode == "strict" else ""
    test = USERS_TEST.replace("import NotFoundError\n", f"import NotFoundError\n{mark}")
    (tmp_path / "test_users.py").write_text(test)
    code, output = await run_pytest(tmp_path, mode)
    assert code == 0, output
    assert "2 passed" in output


async def run_pytest(folder: Path, mode: str) -> tuple[int | None, str]:
    """Run pytest on a folder; return its exit code and its output."""
    assert fivetran_async.__file__ is not None
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-W", "error", "-o", f"asyncio_mode={mode}"),
        *("-p", "pytest_asyncio.plugin"),
        *("-o", "asyncio_default_fixture_loop_scope=function", "--rootdir", ".", "."),
        cwd=folder,
        stdout=PIPE,
        stderr=STDOUT,
        env=os.environ
        | {
            "PYTHONPATH": str(Path(fivetran_async.__file__).parents[1]),
            # Other installed plugins only take time to load.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_client_is_bound_to_the_account(fake: FakeFivetran) -> None:
    """`client()` needs no arguments, and accepts those of the session."""
    group_id = fake.add_group(name="warehouse")
    async with fake.client(user_agent="mine/1.0") as fivetran:
        group = await fivetran.groups.get(group_id)
    assert group.name == "warehouse"
    assert "mine/1.0" in fake.requests[-1].headers["User-Agent"]
