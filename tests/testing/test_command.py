"""`python -m fivetran_async.testing`, started by a person or a script."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

import fivetran_async
from fivetran_async.testing.__main__ import account, main
from testing.wire import basic


async def start(*arguments: str) -> Process:
    """Start the command on a free port, with the package under test."""
    assert fivetran_async.__file__ is not None
    environment = os.environ | {"PYTHONPATH": str(Path(fivetran_async.__file__).parents[1])}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "fivetran_async.testing", "--port", "0"),
        *arguments,
        stdout=PIPE,
        stderr=PIPE,
        env=environment,
    )


async def announced(process: Process) -> dict[str, str]:
    """Return the variables that the command prints when it is ready."""
    assert process.stdout is not None
    found: dict[str, str] = {}
    while line := (await process.stdout.readline()).decode():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals:
            found[name] = value
        if line.startswith("Press"):
            break
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_command_serves_until_interrupted(number: signal.Signals) -> None:
    """It prints URL and credentials, serves the demo, and exits with code 0."""
    process = await start("--groups", "3", "--connections-per-group", "4", "--plan", "trial")
    found = await announced(process)
    pair = basic(found["FIVETRAN_API_KEY"], found["FIVETRAN_API_SECRET"])
    async with (
        aiohttp.ClientSession(headers={"Authorization": pair}) as session,
        session.get(f"{found['FIVETRAN_BASE_URL']}/v1/connections") as response,
    ):
        assert len((await response.json())["data"]["items"]) == 12
        assert response.headers["X-Rate-Limit"] == "500"
    process.send_signal(number)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


def test_port_in_use_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """A port in use gives one line of error and code 1, without a traceback."""
    assert main(["--host", "192.0.2.1", "--port", "0", "--empty"]) == 1
    assert capsys.readouterr().err.startswith("Cannot listen: ")


@pytest.mark.slow
async def test_command_can_be_slow_and_fail() -> None:
    """Options set the duration of syncs, the time of responses, and a share of failures."""
    process = await start(
        *("--groups", "2", "--connections-per-group", "1", "--sync-duration", "0.2"),
        *("--latency", "0.05", "--fail", "429:0.3", "--fail", "503:0.3"),
    )
    found = await announced(process)
    pair = basic(found["FIVETRAN_API_KEY"], found["FIVETRAN_API_SECRET"])
    url = f"{found['FIVETRAN_BASE_URL']}/v1/connections"
    statuses: Counter[int] = Counter()
    items: list[object] = []
    async with aiohttp.ClientSession(headers={"Authorization": pair}) as session:
        for _ in range(40):
            async with session.get(url) as response:
                statuses[response.status] += 1
                if response.status == 200:
                    items = (await response.json())["data"]["items"]
    process.terminate()
    await process.communicate()
    assert len(items) == 2
    assert statuses.keys() == {200, 429, 503}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--latency", "nan"),
        ("--latency", "-1"),
        ("--sync-duration", "soon"),
        ("--fail", "200"),
        ("--fail", "429:2"),
        ("--fail", "429:nan"),
        ("--fail", "often"),
        ("--port", "-1"),
        ("--port", "65536"),
        ("--groups", "-1"),
        ("--connections-per-group", "1_0"),
    ],
)
def test_bad_options_are_reported(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, str]
) -> None:
    """An invalid value ends the command with a message that has the option and the value."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert f"argument {arguments[0]}" in error
    assert repr(arguments[1]) in error


def test_options_reach_the_account() -> None:
    """The options are those of the account."""
    fake = account(("--latency", "0.5", "--sync-duration", "7", "--empty", "--fail", "500"))
    assert (fake.latency, fake.sync_duration) == (0.5, 7.0)
    [script] = fake._server.scripts
    assert (script.fault.code, script.probability, script.times) == (500, 1.0, None)
