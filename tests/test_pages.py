"""The README, the guides and the pages for contributors: what they show works as written."""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import itertools
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
from typing import Any, Final, get_args

import httpx
import pytest
from fastapi import FastAPI

import fivetran_async
from fivetran_async import AsyncFivetran, as_code, syncs, webhooks
from fivetran_async._http.operation import RetryClass
from fivetran_async._http.retry_table import verdict
from fivetran_async.errors import Fault
from fivetran_async.testing import FakeFivetran
from support.fake_clock import FakeClock
from support.pages import (
    CONTRIBUTOR_PAGES,
    GUIDES,
    LANGUAGES,
    PAGES,
    README,
    ROOT,
    Block,
    anchors_of,
    blocks,
    blocks_of,
    commands,
    links_of,
    prose_of,
)
from support.plain_english import texts_of, unplain_words, without_word_list, word_list

PACKAGE = ROOT / "fivetran_async"
CI = ROOT / ".ci" / "run"
CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"
ARCHITECTURE = ROOT / ".github" / "ARCHITECTURE.md"
FAILURES = ROOT / ".github" / "docs" / "failures.md"
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox -s tests"
MOST_WORDS_OF_THE_README = 1_500
RETRY_CLASSES: Final[tuple[RetryClass, ...]] = get_args(RetryClass)
"""Read, set, delete, trigger, dangerous and secret: the order of the columns of both tables."""

SNIPPETS = blocks("python")
PROGRAMS = [
    snippet
    for snippet in SNIPPETS
    if "asyncio.run(" in snippet.text or "with FivetranThread(" in snippet.text
]
FLASK_APPLICATIONS = [snippet for snippet in SNIPPETS if "Flask(" in snippet.text]
APPLICATIONS = [snippet for snippet in SNIPPETS if "FastAPI(" in snippet.text]
TEST_FILES = [snippet for snippet in SNIPPETS if "def test_" in snippet.text]
WHOLE = (*PROGRAMS, *APPLICATIONS, *FLASK_APPLICATIONS, *TEST_FILES)
FRAGMENTS = [each for each in SNIPPETS if each not in WHOLE]
OUTPUTS = {
    before: after
    for page in PAGES
    for all_blocks in [list(blocks_of(page))]
    for before, after in itertools.pairwise(all_blocks)
    if after.is_output
}


def compiled(snippet: Block) -> CodeType:
    """Compile a snippet; `await` is allowed at its top level."""
    code = compile(snippet.text, str(snippet), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(code, CodeType)
    return code


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[FakeFivetran]:
    """An account with the objects that the pages name, its environment, and an empty folder."""
    monkeypatch.chdir(tmp_path)
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


async def run(fragment: Block) -> None:
    """Run a fragment with `fivetran`, an open session."""
    async with AsyncFivetran(_clock=FakeClock()) as fivetran:
        outcome: object = eval(compiled(fragment), {"fivetran": fivetran})  # noqa: S307
        if inspect.isawaitable(outcome):
            await outcome


def test_every_block_is_in_a_language_that_is_executed() -> None:
    """Blocks are Python, shell commands or console sessions; `text` is a picture or an output."""
    found = {block.language for page in PAGES for block in blocks_of(page)}
    assert found <= LANGUAGES
    assert len(GUIDES) >= 6
    assert {page.name for page in CONTRIBUTOR_PAGES} == {
        *("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
    }


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("snippet", FRAGMENTS, ids=str)
async def test_fragments_run(snippet: Block, capsys: pytest.CaptureFixture[str]) -> None:
    """Each fragment runs with an open session, prints if it calls print, and prints as shown."""
    await run(snippet)
    printed = capsys.readouterr().out
    assert bool(printed) == ("print(" in snippet.text)
    if snippet in OUTPUTS:
        assert printed.rstrip() == OUTPUTS[snippet].text.rstrip()


async def test_one_request_hashes_the_column(fake: FakeFivetran) -> None:
    """The fragment about hashing leaves the column hashed in every table that allows it."""
    (snippet,) = [each for each in FRAGMENTS if '"hashed": True' in each.text]
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


@pytest.mark.examples
@pytest.mark.parametrize("snippet", PROGRAMS, ids=str)
async def test_programs_run(snippet: Block, fake: FakeFivetran) -> None:
    """Each whole program succeeds, prints the group or connection and emits no warning."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", snippet.text), stdout=PIPE, stderr=PIPE
    )
    output, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert b"decent_dropsy" in output or b"speak_inexpensive" in output
    assert fake.requests


@pytest.mark.parametrize("snippet", APPLICATIONS, ids=str)
async def test_applications_serve(snippet: Block, fake: FakeFivetran) -> None:
    """The FastAPI application pauses a connection, and responds 404 for an unknown one."""
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


@pytest.mark.parametrize("snippet", FLASK_APPLICATIONS, ids=str)
async def test_flask_applications_serve(snippet: Block, fake: FakeFivetran) -> None:
    """The Flask application pauses a connection, in a thread other than the fake's."""
    pytest.importorskip("flask", reason="needs flask")
    namespace: dict[str, Any] = {"__name__": "snippet"}
    exec(compiled(snippet), namespace)  # noqa: S102
    with namespace["thread"]:
        client = namespace["app"].test_client()
        response = await asyncio.to_thread(client.post, "/connections/speak_inexpensive/pause")
    assert response.get_json() == {"id": "speak_inexpensive", "paused": True}
    assert [request.verb for request in fake.requests] == ["PATCH"]


@pytest.mark.examples
@pytest.mark.parametrize("snippet", TEST_FILES, ids=str)
async def test_test_files_pass(snippet: Block, tmp_path: Path) -> None:
    """Each test file passes in a folder of its own, with the plugin and mode the page names."""
    (tmp_path / "test_mine.py").write_text(snippet.text)
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
    assert f"{snippet.text.count('def test_')} passed".encode() in output


def without_times(transcript: str) -> str:
    """Replace the times of a transcript and the names of runs, which differ in each run."""
    without_runs = re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{6}", "RUN", transcript)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "YYYY-MM-DD hh:mm", without_runs)


@asynccontextmanager
async def started(*words: str) -> AsyncGenerator[Process]:
    """Start a program; terminate it after the block."""
    process = await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=STDOUT)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


@pytest.mark.examples
@pytest.mark.parametrize("session", blocks("console"), ids=str)
async def test_console_sessions_are_as_recorded(session: Block) -> None:
    """Every command of a session prints what the page shows, except for times and the port."""
    serve, recorded = session.text.split("\n", 1)
    banner, rest = recorded.split("$ ", 1)
    words = serve.removeprefix("$ fivetran-async ").removesuffix(" &").split()
    command = (sys.executable, "-m", "fivetran_async")
    async with started(*command, *words, "--port", "0") as server:
        assert server.stdout is not None
        served = [(await server.stdout.readline()).decode() for _ in banner.splitlines()]
        url = served[0].split()[-1]
        assert "".join(served) == banner.replace("http://127.0.0.1:8080", url)

        expected = "$ " + rest.replace("http://127.0.0.1:8080", url)
        typed: list[str] = re.findall(r"(?m)^\$ (.*)", expected)
        script = [f'fivetran-async() {{ {shlex.join(command)} "$@"; }}']
        for each in typed:
            script += [f"echo {shlex.quote(f'$ {each}')}", each]
        async with started("bash", "-c", "\n".join(script)) as shell:
            output, _ = await shell.communicate()
    assert without_times(output.decode()) == without_times(expected)


def table(page: Path, head: str) -> list[list[str]]:
    """Return the cells of the table of a page that has this first heading."""
    (rows,) = re.findall(rf"(?m)^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", page.read_text("utf-8"))
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows.splitlines()]


def first_column(page: Path, head: str) -> set[str]:
    """Return the words in backticks in the first column of a table."""
    return {row[0].strip("` ") for row in table(page, head)}


def nox_sessions() -> set[str]:
    """Return the names of the sessions in the noxfile."""
    text = (ROOT / "noxfile.py").read_text("utf-8")
    sessions = re.findall(r"(?m)^@nox\.session(.*)\n(?:@.*\n)*def (\w+)", text)
    named = re.compile(r'name="([\w-]+)"')
    return {found[1] if (found := named.search(each)) else name for each, name in sessions}


def test_tables_of_sessions_and_extras_are_complete() -> None:
    """CONTRIBUTING lists every nox session, and the README every extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert first_column(CONTRIBUTING, "session") == nox_sessions()
    assert first_column(README, "extra") == set(project["optional-dependencies"])


def test_commands_name_existing_files_and_sessions() -> None:
    """Programs in shell blocks are files of the checkout, and nox sessions exist."""
    text = "".join(block.text for block in blocks("shell"))
    assert [path for path in re.findall(r"\S+\.py\b", text) if not (ROOT / path).is_file()] == []
    everywhere = "".join(page.read_text("utf-8") for page in PAGES)
    named: set[str] = set(re.findall(r"nox -s ([a-z_]+)", everywhere))
    assert named
    assert named <= nox_sessions()


def test_set_up_takes_two_commands() -> None:
    """CONTRIBUTING's first command installs an existing group, and the second runs the checks."""
    install, check = (block.text for block in blocks("shell", CONTRIBUTING))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (group,) = re.findall(r"--group (\w+)", install)
    assert group in project["dependency-groups"]
    assert check.strip() == ".venv/bin/nox -s quick"


def test_commands_are_executed_by_ci() -> None:
    """CI starts with the README's command for the tests, and executes all others of the guides."""
    started_by_ci = [b for b in blocks("shell", README, *GUIDES) if b not in commands()]
    assert [block.text.strip() for block in started_by_ci] == [TEST_COMMAND]
    assert "page_commands.py" in (ROOT / "noxfile.py").read_text("utf-8")
    if CI.exists():  # A source distribution may lack it.
        assert TEST_COMMAND in CI.read_text("utf-8")


def test_the_readme_is_short() -> None:
    """The README has at most 1,500 words, counted as `wc -w` does; details belong to guides."""
    assert len(README.read_text("utf-8").split()) <= MOST_WORDS_OF_THE_README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    """Links within the repository lead to existing files and headings."""
    broken: list[str] = []
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


def test_the_readme_links_every_page_and_example() -> None:
    """No guide, page for contributors or example is hidden from its readers."""
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in (README, *GUIDES)
        for link in links_of(page)
    }
    assert {*GUIDES, *CONTRIBUTOR_PAGES} <= {
        (README.parent / e).resolve() for e in links_of(README)
    }
    assert [
        example.name
        for example in EXAMPLES
        if example not in linked and example.stem != "account_overview"
    ] == []


def test_errors_are_those_of_the_package() -> None:
    """Every error that a page names can be imported, and the guide lists every error."""
    text = "".join(page.read_text("utf-8") for page in PAGES)
    named: set[str] = set(re.findall(r"`(\w+Error)`", text))
    exported = {*fivetran_async.__all__, *as_code.__all__, *syncs.__all__, *webhooks.__all__}
    assert {name for name in named if not hasattr(builtins, name)} <= exported
    abstract = {"StatusError", "TransportError"}
    of_the_package = {each for each in fivetran_async.__all__ if each.endswith("Error")}
    guide = set(re.findall(r"`(\w+Error)`", FAILURES.read_text("utf-8")))
    assert of_the_package - abstract <= guide


WORDS_OF = {
    "retry": "retry",
    "retry once": "retry once",
    "raise": "raise",
    "ambiguous": "ambiguous",
}


def test_the_failure_table_is_the_retry_table() -> None:
    """The guide's table has a row per fault, and every cell is what the client does."""
    header = f"| fault | what happened | {' | '.join(RETRY_CLASSES)} |"
    assert header in FAILURES.read_text("utf-8")
    rows = table(FAILURES, "fault")
    assert [row[0].strip("`") for row in rows] == [fault.name for fault in Fault]
    for name, _, *cells in rows:
        fault = Fault[name.strip("`")]
        assert cells == [WORDS_OF[verdict(fault, each)] for each in RETRY_CLASSES], fault


SUMMARY = {
    "connection refused, 429": [Fault.NOT_SENT, Fault.RATE_LIMITED],
    "503 with `Retry-After`": [Fault.UNAVAILABLE_FOR],
    "timed out, connection lost, 500, 502, 503, 504": [
        *(Fault.READ_TIMEOUT, Fault.DROPPED, Fault.SERVER_ERROR),
        *(Fault.BAD_GATEWAY, Fault.UNAVAILABLE),
    ],
    "401, 403, 404, 409, other 4xx": [Fault.CONFLICT, Fault.OTHER_CLIENT_ERROR],
}


def test_the_readme_sums_the_retry_table_up() -> None:
    """Each cell of the README's short table holds for every fault and class it stands for."""
    words = {"retry": "retried", "raise": "raised", "ambiguous": "`AmbiguousOutcomeError`"}
    rows = table(README, "failure")
    assert [row[0] for row in rows] == list(SUMMARY)
    for row in rows:
        columns = (RETRY_CLASSES[:3], RETRY_CLASSES[3:4], RETRY_CLASSES[4:])
        for cell, classes in zip(row[1:], columns, strict=True):
            found = {verdict(fault, each) for fault in SUMMARY[row[0]] for each in classes}
            assert {words[each] for each in found} == {cell}


def test_the_picture_shows_the_package() -> None:
    """The tree in ARCHITECTURE has a line for each entry of the package, and no other."""
    (picture,) = [
        block.text for block in blocks_of(ARCHITECTURE) if block.text.startswith("fivetran_async/")
    ]
    drawn: set[str] = set(re.findall(r"(?m)^  ([\w.]+)/?", picture))
    there = {entry.name for entry in PACKAGE.iterdir() if entry.name != "__pycache__"}
    assert drawn == there


@pytest.mark.parametrize("page", CONTRIBUTOR_PAGES, ids=lambda page: page.name)
def test_named_files_exist(page: Path) -> None:
    """Paths in backticks are files or folders of the checkout or of the package."""
    named: list[str] = re.findall(r"`(\.?[\w-]+(?:/[\w.-]+)*(?:/|\.\w+))`", page.read_text("utf-8"))
    roots = (ROOT, PACKAGE)
    paths = [path for path in named if "/" in path or path.endswith((".py", ".tsv", ".json"))]
    missing = [path for path in paths if not any((root / path).exists() for root in roots)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_are_in_plain_english(page: Path) -> None:
    """No page uses a word that CONTRIBUTING's list replaces."""
    assert unplain_words(without_word_list(prose_of(page))) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples_are_in_plain_english(example: Path) -> None:
    """Docstrings, comments and printed texts of the examples follow the same list."""
    assert [found for text in texts_of(example) for found in unplain_words(text)] == []


def test_the_word_list_finds_its_words() -> None:
    """Each listed word is found in any letter case and across a line break, and not in others."""
    words = word_list()
    assert len(words) > 15
    assert [word for word in words if not unplain_words(f"It {word}.")] == []
    assert unplain_words("WHOSE") == ["WHOSE"]
    assert unplain_words("so\n    many") == ["so many"]
    assert unplain_words("The response is logged, and foretells nothing.") == []
