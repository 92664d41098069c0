"""What the README shows works as it stands there."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import shlex
import sys
import tomllib
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import CodeType

import httpx
import pytest
from fastapi import FastAPI

import fivetran_async
from fivetran_async import AsyncFivetran, syncs, webhooks
from fivetran_async.testing import FakeFivetran
from support.fake_clock import FakeClock

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CI = ROOT / ".ci" / "run"
TEXT = README.read_text()


def blocks(language: str) -> list[str]:
    """Return the code blocks in one language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", TEXT)


SNIPPETS = blocks("python")
PROGRAMS = [snippet for snippet in SNIPPETS if "asyncio.run(" in snippet]
APPLICATIONS = [snippet for snippet in SNIPPETS if "FastAPI(" in snippet]
TEST_FILES = [snippet for snippet in SNIPPETS if "def test_" in snippet]
WHOLE = (*PROGRAMS, *APPLICATIONS, *TEST_FILES)
FRAGMENTS = [each for each in SNIPPETS if each not in WHOLE]
CONSOLE = "".join(blocks("console"))
SHELL = "".join(blocks("shell"))


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
            id="speak_inexpensive",
            group_id="decent_dropsy",
            service="postgres",
            schema="shop",
            succeeded_at=fake.clock.stamp(),
        )
        fake.add("users", id="ann", email="ann@example.com", given_name="Ann", family_name="Lee")
        fake.add("users.groups", user_id="ann", id="decent_dropsy", role="Destination Analyst")
        monkeypatch.setenv("FIVETRAN_API_KEY", fake.api_key)
        monkeypatch.setenv("FIVETRAN_API_SECRET", fake.api_secret)
        monkeypatch.setenv("FIVETRAN_BASE_URL", fake.url)
        yield fake


async def run(fragment: str) -> None:
    """Run a fragment with `fivetran`, an open session."""
    async with AsyncFivetran(_clock=FakeClock()) as fivetran:
        outcome: object = eval(compiled(fragment), {"fivetran": fivetran})  # noqa: S307
        if inspect.isawaitable(outcome):
            await outcome


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("snippet", FRAGMENTS)
async def test_fragments_run(snippet: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each fragment runs where `fivetran` is an open session, and finds something to print."""
    await run(snippet)
    assert bool(capsys.readouterr().out) == ("print(" in snippet)


async def test_one_request_hashes_the_column(fake: FakeFivetran) -> None:
    """The fragment about hashing leaves the column hashed in every table that allows it."""
    (snippet,) = [each for each in FRAGMENTS if '"hashed": True' in each]
    await run(snippet)
    (change,) = [request for request in fake.requests if request.verb == "PATCH"]
    assert change.body == {
        "schemas": {
            "public": {
                "tables": {
                    table: {"columns": {"email": {"hashed": True}}}
                    for table in ("accounts", "orders", "order_items", "events")
                }
            }
        }
    }


@pytest.mark.slow
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
    assert (found.status_code, found.json()["paused"]) == (200, True)
    assert missing.status_code == 404
    assert [request.verb for request in fake.requests] == ["PATCH", "PATCH"]


@pytest.mark.slow
@pytest.mark.parametrize("snippet", TEST_FILES)
async def test_test_files_pass(snippet: str, tmp_path: Path) -> None:
    """Each test file passes in a folder of its own, with the plugin and the mode that are named."""
    (tmp_path / "test_mine.py").write_text(snippet)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *("-p", "pytest_asyncio.plugin"),
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=PIPE,
        stderr=PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert f"{snippet.count('def test_')} passed".encode() in output


def without_times(transcript: str) -> str:
    """Replace the times of a transcript, which differ in each run."""
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "YYYY-MM-DD hh:mm", transcript)


@asynccontextmanager
async def started(*words: str) -> AsyncGenerator[Process]:
    """Start a program; end it after the block."""
    process = await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=STDOUT)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


@pytest.mark.slow
async def test_the_session_on_the_command_line_is_as_recorded() -> None:
    """Every command of the session prints what stands there, but for the times and the port."""
    serve, recorded = CONSOLE.split("\n", 1)
    banner, rest = recorded.split("$ ", 1)
    words = serve.removeprefix("$ fivetran-async ").removesuffix(" &").split()
    command = (sys.executable, "-m", "fivetran_async")
    async with started(*command, *words, "--port", "0") as server:
        assert server.stdout is not None
        served = [(await server.stdout.readline()).decode() for _ in banner.splitlines()]
        url = served[0].split()[-1]
        assert "".join(served) == banner.replace("http://127.0.0.1:8080", url)

        expected = "$ " + rest.replace("http://127.0.0.1:8080", url)
        commands: list[str] = re.findall(r"(?m)^\$ (.*)", expected)
        script = [f'fivetran-async() {{ {shlex.join(command)} "$@"; }}']
        for each in commands:
            script += [f"echo {shlex.quote(f'$ {each}')}", each]
        async with started("bash", "-c", "\n".join(script)) as shell:
            output, _ = await shell.communicate()
    assert without_times(output.decode()) == without_times(expected)


def first_column(head: str) -> set[str]:
    """Return what stands in backticks in the first column of the table with that head."""
    (rows,) = re.findall(rf"(?m)^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT)
    return set(re.findall(r"(?m)^\| `(\w+)`", rows))


def test_commands_name_what_is_there() -> None:
    """Checks are those of nox, extras those of the package, and examples are files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    sessions = r"(?m)^@nox\.session.*\n(?:@.*\n)*def (\w+)"
    checks = re.findall(sessions, (ROOT / "noxfile.py").read_text())
    assert first_column("check") == set(checks)
    assert first_column("extra") == set(project["optional-dependencies"])
    assert [path for path in re.findall(r"\S+\.py", SHELL) if not (ROOT / path).is_file()] == []


@pytest.mark.skipif(not CI.exists(), reason="a source distribution has no .ci")
def test_ci_runs_the_command_for_the_tests() -> None:
    """The command that runs the tests is the very one that CI runs."""
    (command,) = [line for line in SHELL.splitlines() if "nox -s tests" in line]
    assert command in CI.read_text()


def test_links_lead_somewhere() -> None:
    """Links within the repository lead to files or headings that are there."""
    headings = re.findall(r"(?m)^##+ (.*)", TEXT)
    anchors = {"#" + heading.lower().replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\((?!https:)(.*?)\)", TEXT)
    assert links
    assert [each for each in links if each not in anchors and not (ROOT / each).is_file()] == []


def test_errors_are_those_of_the_package() -> None:
    """Every error that is named can be imported."""
    named = set(re.findall(r"`(\w+Error)`", TEXT))
    assert named
    exported = {*fivetran_async.__all__, *syncs.__all__, *webhooks.__all__}
    assert named - {"TypeError"} <= exported


def test_the_operations_are_all() -> None:
    """Their number is that of the inventory, which another test holds against the methods."""
    inventory = (ROOT / "tests" / "meta" / "operations.tsv").read_text().splitlines()
    assert f"All {len(inventory) - 1} operations" in TEXT
