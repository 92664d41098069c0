"""The examples that are servers or test files, run as programs; every warning is an error."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest

from support.waiting import PATIENCE, free_port

pytestmark = pytest.mark.examples

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextlib.asynccontextmanager
async def started(example: str, *arguments: str) -> AsyncGenerator[Process]:
    """Start an example without an account; kill it after the block."""
    environment = {key: value for key, value in os.environ.items() if "FIVETRAN" not in key}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-u", str(EXAMPLES / example), *arguments),
        stdout=PIPE,
        stderr=PIPE,
        env=environment,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def outcome(process: Process) -> tuple[int | None, str, str]:
    """Wait for the end of a process; return exit code, output and errors."""
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_the_service_tests_itself() -> None:
    """200 concurrent requests, syncs ended by signed webhooks, one session, a clean shutdown."""
    async with started("fastapi_service.py", "--selftest") as process:
        code, output, errors = await outcome(process)
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert lines[-1] == "ok   clean shutdown"
    assert [line for line in lines[1:] if not line.startswith("ok ")] == []
    assert "ok   200 requests at once: Counter({200: 200})" in lines


async def test_the_service_serves_until_interrupted() -> None:
    """The demo account is served until an interrupt, which ends it without output."""
    port = free_port()
    async with started("fastapi_service.py", "--demo", f"--port={port}") as process:
        assert process.stdout is not None
        assert str(port).encode() in await process.stdout.readline()
        assert await health(f"http://127.0.0.1:{port}/health") == {"status": "ok"}
        process.send_signal(signal.SIGINT)
        code, _, errors = await outcome(process)
    assert (code, errors) == (130, "")


async def health(url: str) -> object:
    """Request the health until the server responds."""
    async with aiohttp.ClientSession() as client, asyncio.timeout(PATIENCE):
        while True:
            try:
                async with client.get(url) as response:
                    return await response.json()
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)


async def test_the_receiver_reports_how_syncs_ended() -> None:
    """It accepts the vendor's test and three signed events, and prints a line for each."""
    async with started("webhook_receiver.py") as process:
        code, output, errors = await outcome(process)
    assert (code, errors) == (0, "")
    _, tested, shop, crm, ads = output.splitlines()
    assert tested.startswith("Fivetran tested this receiver")
    assert shop.startswith("shop: succeeded, sync ")
    assert crm == "crm: failed, the password was changed"
    assert ads == "ads: rescheduled"


@pytest.mark.parametrize(("file", "tests"), [("test_my_pipeline.py", 4), ("test_waits.py", 8)])
async def test_the_test_files_run_by_themselves(
    file: str, tests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each requires pytest-asyncio only, and uses the settings in its folder."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_asyncio.plugin")
    async with started(file) as process:
        code, output, errors = await outcome(process)
    assert (code, errors) == (0, "")
    assert "configfile: pytest.ini" in output
    assert f"{tests} passed" in output
