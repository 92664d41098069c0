"""`examples/sync_and_wait.py`, run as a reader runs it."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from fivetran_async.testing import FakeFivetran

pytestmark = pytest.mark.examples

EXAMPLE = Path(__file__).parents[2] / "examples" / "sync_and_wait.py"


async def run(*arguments: str, **account: str) -> tuple[int | None, str, str]:
    """Run it with these credentials only; return exit code, output and errors."""
    environment = {key: value for key, value in os.environ.items() if "FIVETRAN" not in key}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(EXAMPLE), *arguments),
        stdout=PIPE,
        stderr=PIPE,
        env={**environment, **account},
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_embedded_account_shows_every_end() -> None:
    """20 syncs are printed as they end, then in a table; every outcome is among them."""
    code, output, errors = await run()
    assert (code, errors) == (0, "")
    printed = re.findall(r"^ +(\d+) of 20  (\w+): (\w+)$", output, re.MULTILINE)
    assert [int(number) for number, _, _ in printed] == list(range(1, 21))
    assert {status for _, _, status in printed} == {
        *("succeeded", "failed", "broken", "rescheduled", "not_run", "timed_out", "paused")
    }
    rows = output.partition("\nconnection ")[2]
    for _, name, status in printed:
        assert re.search(rf"^{name} +{status}\b", rows, re.MULTILINE)
    assert "20 syncs: 13 succeeded" in rows


async def test_own_connections() -> None:
    """With ids, it syncs connections of the account from the environment and sets the exit code."""
    async with FakeFivetran() as fake:
        fake.sync_duration = 0.1
        ids = [fake.add_connection(schema="ours"), fake.add_connection(paused=True)]
        account = {
            "FIVETRAN_API_KEY": fake.api_key,
            "FIVETRAN_API_SECRET": fake.api_secret,
            "FIVETRAN_BASE_URL": fake.url,
        }
        (good, output, _), (bad, _, _) = await asyncio.gather(
            run(ids[0], **account), run(ids[1], **account)
        )
    assert (good, bad) == (0, 1)
    assert re.search(r"^ours +succeeded", output, re.MULTILINE)
