"""`main()` for synchronous callers: arguments in, exit code out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Generator, Iterator
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import TextIO

import pytest

from fivetran_async import __version__
from fivetran_async.cli import ExitCode, main
from fivetran_async.cli._options import MEANINGS
from fivetran_async.cli._registry import _LISTS, COMMANDS
from fivetran_async.testing import FakeFivetran, Fault
from support.certificates import Certificates
from support.faults import FaultServer
from support.pages import ROOT

FULL_DISK = Path("/dev/full")


async def call(*words: str) -> int:
    """Call `main()` in a thread, next to the running account."""
    return await asyncio.to_thread(main, words)


async def test_commands_run_on_the_account_of_the_environment(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """Key, secret and URL come from the library's environment variables; the code is 0."""
    fake.add_connection(id="conn_one")
    assert await call("connections", "--json") == ExitCode.DONE
    output = capsys.readouterr()
    assert [each["id"] for each in json.loads(output.out)["connections"]] == ["conn_one"]
    assert output.err == ""


@pytest.mark.parametrize(
    "words",
    [
        ("overview",),
        ("connections", "--group", "group_one", "--service", "mysql", "--state", "paused"),
        ("sync", "conn_one"),
        ("pause", "conn_one", "conn_two"),
        ("resume", "--dry-run", "conn_one"),
    ],
)
async def test_every_command_prints_one_document(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """With --json, stdout contains only JSON."""
    fake.add_group(id="group_one")
    for connection_id in ("conn_one", "conn_two"):
        fake.add_connection(id=connection_id, group_id="group_one")
    assert await call(*words, "--json") == ExitCode.DONE
    output = capsys.readouterr()
    assert isinstance(json.loads(output.out), dict)
    assert output.err == ""


async def test_waiting_has_codes_of_its_own(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code is 4 for a sync without success, and 5 for a timeout."""
    fake.add_connection(id="conn_one", paused=True)
    fake.add_connection(id="conn_two")
    assert await call("sync", "conn_one", "--wait") == ExitCode.NOT_SUCCEEDED
    assert await call("sync", "conn_two", "--wait", "--timeout", "0.1") == ExitCode.TIMED_OUT
    assert "timed_out" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("overview",), ("overview", "--json"), ("sync", "conn_one")])
async def test_refusals_are_reported(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """The API's message goes to stderr, without escapes and credentials; the code is 1."""
    fake.add_connection(id="conn_one")
    body = {"code": "Unauthorized", "message": f"No\x1b[2J {fake.api_secret}"}
    fake.fail(fault=Fault.status(401, body=body), times=None)
    assert await call(*words) == ExitCode.REFUSED
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("fivetran-async: ")
    assert "401" in output.err
    assert "\x1b" not in output.err
    assert fake.api_secret not in output.err


@pytest.mark.usefixtures("fake")
async def test_network_failures_are_reported(
    certificates: Certificates,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An untrusted certificate prints a message; the code is 1."""
    async with FaultServer(tls=certificates.server()) as server:
        monkeypatch.setenv("FIVETRAN_BASE_URL", server.url)
        assert await call("overview") == ExitCode.REFUSED
    assert "certificate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nonsense"], "invalid choice"),
        (["connections", "--nonsense"], "unrecognized arguments"),
        (["sync"], "required: ID"),
        (["sync", "one", "--group", "two"], "pass ids or the filters"),
        (["pause", "one", "-"], "pass ids or - to read them from stdin"),
        (["conections"], "did you mean 'connections'?"),
        (["connections", "--colums", "id"], "did you mean '--columns'?"),
        (["connections", "--columns", "id,,state"], "names with commas between them"),
        (["connections", "--watch", "0.1"], "at least 1 second, not '0.1'"),
        (["connections", "--json", "--csv"], "not allowed with argument --json"),
        (["connections", "--state", "brokne"], "did you mean 'broken'?"),
        (["sync", "one", "--timeout", "5"], "--timeout requires --wait"),
        (["sync", "one", "--wait", "--timeout", "0"], "number of seconds, not '0'"),
        (["sync", "one", "--wait", "--timeout", "nan"], "number of seconds, not 'nan'"),
        (["sync", "one", "--wait", "--timeout", "soon"], "number of seconds, not 'soon'"),
        (["pause"], "required: ID"),
        (["pause", "one", ""], "an ID must not be empty"),
        (["resume", ""], "an ID must not be empty"),
        (["sync", ""], "an ID must not be empty"),
        (["connections", "--group", ""], "an ID must not be empty"),
        (["fake", "--nonsense"], "unrecognized arguments"),
        ([], "exit codes:"),
    ],
)
def test_wrong_arguments_are_reported(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """Wrong or missing arguments print an explanation on stderr; the code is 2."""
    assert main(words) == ExitCode.USAGE
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err


@pytest.mark.usefixtures("fake")
async def test_invalid_ids_are_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """An invalid id has code 2, like the parser's own errors."""
    assert await call("sync", "..") == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("fivetran-async: connection_id must not be '..'")


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_missing_credentials_are_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, as_json: tuple[str, ...]
) -> None:
    """Without a key, the message names the variables to set; the code is 3."""
    monkeypatch.delenv("FIVETRAN_API_KEY", raising=False)
    monkeypatch.delenv("FIVETRAN_API_SECRET", raising=False)
    assert main(["overview", *as_json]) == ExitCode.NO_CREDENTIALS
    output = capsys.readouterr()
    assert output.out == ""
    assert "set FIVETRAN_API_KEY and FIVETRAN_API_SECRET" in output.err


def test_version_and_help_succeed(capsys: pytest.CaptureFixture[str]) -> None:
    """Both print on stdout with code 0; the help lists the exit codes; `fake` has its own help."""
    assert main(["--version"]) == ExitCode.DONE
    assert capsys.readouterr().out == f"fivetran-async {__version__}\n"
    assert main(["--help"]) == ExitCode.DONE
    listed = capsys.readouterr().out.partition("exit codes:")[2].splitlines()
    assert [int(line.split()[0]) for line in listed if line] == list(ExitCode)
    assert main(["fake", "--help"]) == ExitCode.DONE
    assert "--connections-per-group" in capsys.readouterr().out


def test_command_names_are_unique() -> None:
    """No list of commands hides a command of another list."""
    assert len(COMMANDS) == sum(map(len, _LISTS))


def test_the_guide_lists_the_exit_codes() -> None:
    """The table of the guide is the table of the help."""
    text = (ROOT / ".github" / "docs" / "command_line.md").read_text("utf-8")
    for code in ExitCode:
        assert f"| {code.value} | {MEANINGS[code]} |\n" in text


def test_arguments_of_the_process_are_the_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installed script calls `main()` without arguments."""
    monkeypatch.setattr("sys.argv", ["fivetran-async", "--version"])
    assert main() == ExitCode.DONE
    assert capsys.readouterr().out


def test_fake_reports_a_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    """`fake` runs the command of `fivetran_async.testing`; a port in use gives code 1."""
    assert main(["fake", "--host", "192.0.2.1", "--port", "0", "--empty"]) == ExitCode.REFUSED
    assert capsys.readouterr().err.startswith("Cannot listen: ")


@pytest.mark.skipif(not FULL_DISK.exists(), reason="needs a device that is always full")
def test_a_full_disk_is_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed write is an error like others: one line, code 1, no traceback."""
    with FULL_DISK.open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main(["--version"]) == ExitCode.REFUSED
    errors = capsys.readouterr().err
    assert errors.startswith("fivetran-async: ")
    assert errors.count("\n") == 1


async def test_closed_stdout(fake: FakeFivetran, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stdout that the shell has closed, the code is that of a closed pipe."""
    fake.add_connection(id="conn_one")
    monkeypatch.setattr("sys.stdout", None)
    assert await call("pause", "conn_one") == ExitCode.BROKEN_PIPE
    assert await call("--version") == ExitCode.BROKEN_PIPE
    assert fake.requests == []


async def test_closed_stderr(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a closed stderr, output and code are unchanged."""
    fake.add_connection(id="conn_one")
    with monkeypatch.context() as closed:
        closed.setattr("sys.stderr", None)
        assert await call("pause", "conn_one", "missing") == ExitCode.REFUSED
        assert await call("connections", "--state", "broken") == ExitCode.DONE
        assert await call("sync", "--nonsense") == ExitCode.USAGE
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in shown] == ["id", "conn_one", "missing"]


@contextlib.contextmanager
def without_logging() -> Generator[logging.Logger]:
    """The library's logger without pytest's handlers, as in a process without logging."""
    logger = logging.getLogger("fivetran_async")
    handlers, level = logger.handlers, logger.level
    logger.propagate, logger.handlers = False, []
    try:
        yield logger
    finally:
        logger.propagate, logger.handlers = True, handlers
        logger.setLevel(level)


def add_invalid_item(fake: FakeFivetran) -> None:
    """Make the library log a warning: the next list contains an item that is not a connection."""
    body = {"code": "Success", "data": {"items": [7]}}
    fake.fail("connections.list", fault=Fault.status(200, body=body))


async def test_warnings_of_the_library_look_like_errors(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning is printed once, with the program's name; afterwards logging is as before."""
    add_invalid_item(fake)
    with without_logging() as logger:
        assert await call("connections", "--json") == ExitCode.DONE
        assert logger.handlers == []
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("fivetran-async: Skipped ")


async def test_warnings_have_no_control_characters(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """Control characters that a warning quotes from a response are replaced."""
    busy = Fault.status(
        503, body={"code": "Busy", "message": "No\u202e"}, headers={"Retry-After": "0"}
    )
    fake.fail("connections.list", fault=busy, times=1)
    with without_logging():
        assert await call("connections", "--json") == ExitCode.DONE
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("fivetran-async: GET /v1/connections: 503 Busy: No")
    assert "retry in" in error
    assert error.isprintable()


async def test_configured_logging_is_used(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the process handles the library's log, stderr has no copy of it."""
    add_invalid_item(fake)
    kept = BufferingHandler(100)
    with without_logging() as logger:
        logger.addHandler(kept)
        assert await call("connections", "--json") == ExitCode.DONE
        assert logger.handlers == [kept]
    assert any("Skipped" in record.getMessage() for record in kept.buffer)
    assert capsys.readouterr().err == ""


async def test_fivetran_log_is_not_duplicated(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With FIVETRAN_LOG, each warning is printed once, in the log's format."""
    add_invalid_item(fake)
    monkeypatch.setenv("FIVETRAN_LOG", "info")
    with without_logging():
        assert await call("connections", "--json") == ExitCode.DONE
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if "Skipped" in line]
    assert " WARNING fivetran_async: " in warning


@pytest.fixture
def full_disk() -> Iterator[TextIO]:
    """A file on a full disk."""
    full = FULL_DISK.open("w", buffering=1)
    yield full
    # Closing tries to write the rest of the buffer.
    with contextlib.suppress(OSError):
        full.close()


@pytest.mark.skipif(not FULL_DISK.exists(), reason="needs a device that is always full")
async def test_unwritable_warnings_are_ignored(
    fake: FakeFivetran,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    full_disk: TextIO,
) -> None:
    """The command continues, and its result is complete."""
    add_invalid_item(fake)
    monkeypatch.setattr("sys.stderr", full_disk)
    with without_logging():
        assert await call("connections", "--json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == {"connections": []}
