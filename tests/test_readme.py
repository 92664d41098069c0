"""What the README shows works as it stands there."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from types import CodeType

import httpx
import pytest
from fastapi import FastAPI

from fake_clock import FakeClock
from fivetran_async import AsyncFivetran
from fivetran_async.testing import FakeFivetran

README = Path(__file__).parents[1] / "README.md"
SNIPPETS: list[str] = re.findall(r"(?ms)^```python\n(.*?)^```", README.read_text())
PROGRAMS = [snippet for snippet in SNIPPETS if "asyncio.run(" in snippet]
APPLICATIONS = [snippet for snippet in SNIPPETS if "FastAPI(" in snippet]
TEST_FILES = [snippet for snippet in SNIPPETS if "def test_" in snippet]
WHOLE = (*PROGRAMS, *APPLICATIONS, *TEST_FILES)
FRAGMENTS = [each for each in SNIPPETS if each not in WHOLE]


def compiled(snippet: str) -> CodeType:
    """Compile a snippet; `await` may stand at its top."""
    code = compile(snippet, str(README), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(code, CodeType)
    return code


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeFivetran]:
    """An account with what the README names, and the environment that leads to it."""
    async with FakeFivetran() as fake:
        fake.sync_duration = 0.1
        fake.add_group(id="decent_dropsy", name="Warehouse")
        fake.add_connection(
            id="speak_inexpensive", group_id="decent_dropsy", service="postgres", schema="shop"
        )
        monkeypatch.setenv("FIVETRAN_API_KEY", fake.api_key)
        monkeypatch.setenv("FIVETRAN_API_SECRET", fake.api_secret)
        monkeypatch.setenv("FIVETRAN_BASE_URL", fake.url)
        yield fake


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("snippet", FRAGMENTS)
async def test_fragments_run(snippet: str) -> None:
    """Each fragment runs where `fivetran` is an open session."""
    async with AsyncFivetran(_clock=FakeClock()) as fivetran:
        outcome: object = eval(compiled(snippet), {"fivetran": fivetran})  # noqa: S307
        if inspect.isawaitable(outcome):
            await outcome


@pytest.mark.parametrize("snippet", PROGRAMS)
async def test_programs_run(snippet: str, fake: FakeFivetran) -> None:
    """Each whole program finishes well, says something, and warns of nothing."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", snippet), stdout=PIPE, stderr=PIPE
    )
    output, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert b"decent_dropsy" in output
    assert fake.requests


@pytest.mark.parametrize("snippet", APPLICATIONS)
async def test_applications_serve(snippet: str, fake: FakeFivetran) -> None:
    """The FastAPI application pauses a connection, and answers 404 for one that is not there."""
    namespace: dict[str, object] = {}
    exec(compiled(snippet), namespace)  # noqa: S102
    app = namespace["app"]
    assert isinstance(app, FastAPI)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client,
    ):
        found = await client.post("/connections/speak_inexpensive/pause")
        missing = await client.post("/connections/no_such_thing/pause")
    assert (found.status_code, found.json()) == (200, {"paused": True})
    assert missing.status_code == 404
    assert [request.verb for request in fake.requests] == ["PATCH", "PATCH"]


@pytest.mark.parametrize("snippet", TEST_FILES)
async def test_test_files_pass(snippet: str, tmp_path: Path) -> None:
    """Each test file passes in a folder of its own, with the settings that the text names."""
    (tmp_path / "test_mine.py").write_text(snippet)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        cwd=tmp_path,
        stdout=PIPE,
        stderr=PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert f"{snippet.count('def test_')} passed".encode() in output
