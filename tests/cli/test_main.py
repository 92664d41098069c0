"""`main()`: arguments in, exit code out, for whoever calls it from synchronous code."""

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
from fivetran_async.testing import FakeFivetran, Fault
from support.certificates import Certificates
from support.faults import FaultServer

FULL_DISK = Path("/dev/full")


async def call(*words: str) -> int:
    """Call it beside the running account, as another thread may."""
    return await asyncio.to_thread(main, words)


async def test_commands_run_on_the_account_of_the_environment(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """Key, secret and address are read from the library's own variables; the code is 0."""
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
    """With --json, stdout is JSON, and nothing else."""
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
    """4 for a sync that did not succeed, 5 for one whose end was not seen in time."""
    fake.add_connection(id="conn_one", paused=True)
    fake.add_connection(id="conn_two")
    assert await call("sync", "conn_one", "--wait") == ExitCode.NOT_SUCCEEDED
    assert await call("sync", "conn_two", "--wait", "--timeout", "0.1") == ExitCode.TIMED_OUT
    assert "timed_out" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("overview",), ("overview", "--json"), ("sync", "conn_one")])
async def test_refusals_are_told(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """What the API says goes to stderr, harmless and without credentials; the code is 1."""
    fake.add_connection(id="conn_one")
    said = {"code": "Unauthorized", "message": f"No\x1b[2J {fake.api_secret}"}
    fake.fail(fault=Fault.status(401, body=said), times=None)
    assert await call(*words) == ExitCode.REFUSED
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("fivetran-async: ")
    assert "401" in output.err
    assert "\x1b" not in output.err
    assert fake.api_secret not in output.err


@pytest.mark.usefixtures("fake")
async def test_network_failure_is_told(
    certificates: Certificates,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that cannot be trusted gives a message and code 1."""
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
        (["sync", "one", "two"], "unrecognized arguments"),
        (["sync", "one", "--timeout", "5"], "--timeout needs --wait"),
        (["sync", "one", "--wait", "--timeout", "0"], "'0' is no number of seconds"),
        (["sync", "one", "--wait", "--timeout", "nan"], "'nan' is no number of seconds"),
        (["sync", "one", "--wait", "--timeout", "soon"], "'soon' is no number of seconds"),
        (["pause"], "required: ID"),
        (["pause", "one", ""], "an id must not be empty"),
        (["resume", ""], "an id must not be empty"),
        (["sync", ""], "an id must not be empty"),
        (["connections", "--group", ""], "an id must not be empty"),
        (["fake", "--nonsense"], "unrecognized arguments"),
        ([], "exit codes:"),
    ],
)
def test_wrong_usage_is_told(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """Wrong arguments, or none, give an explanation on stderr, and code 2."""
    assert main(words) == ExitCode.USAGE
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err


@pytest.mark.usefixtures("fake")
async def test_unusable_arguments_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """An id that cannot be one gives code 2, as the parser's own errors do."""
    assert await call("sync", "..") == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("fivetran-async: connection_id must not be '..'")


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_missing_credentials_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, as_json: tuple[str, ...]
) -> None:
    """Without a key it says what to set, and gives code 3."""
    monkeypatch.delenv("FIVETRAN_API_KEY", raising=False)
    monkeypatch.delenv("FIVETRAN_API_SECRET", raising=False)
    assert main(["overview", *as_json]) == ExitCode.NO_CREDENTIALS
    output = capsys.readouterr()
    assert output.out == ""
    assert "set FIVETRAN_API_KEY and FIVETRAN_API_SECRET" in output.err


def test_version_and_help_are_no_errors(capsys: pytest.CaptureFixture[str]) -> None:
    """Both go to stdout, with code 0; the help has every exit code, `fake` its own help."""
    assert main(["--version"]) == ExitCode.DONE
    assert capsys.readouterr().out == f"fivetran-async {__version__}\n"
    assert main(["--help"]) == ExitCode.DONE
    told = capsys.readouterr().out.partition("exit codes:")[2].splitlines()
    assert [int(line.split()[0]) for line in told if line] == list(ExitCode)
    assert main(["fake", "--help"]) == ExitCode.DONE
    assert "--connections-per-group" in capsys.readouterr().out


def test_arguments_of_the_process_are_the_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script calls it without arguments."""
    monkeypatch.setattr("sys.argv", ["fivetran-async", "--version"])
    assert main() == ExitCode.DONE
    assert capsys.readouterr().out


def test_fake_tells_of_a_taken_port(capsys: pytest.CaptureFixture[str]) -> None:
    """`fake` is the command of `fivetran_async.testing`, with its options and its code 1."""
    assert main(["fake", "--host", "192.0.2.1", "--port", "0", "--empty"]) == ExitCode.REFUSED
    assert capsys.readouterr().err.startswith("Cannot listen: ")


@pytest.mark.skipif(not FULL_DISK.exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Output that cannot be written is an error like others: one line, code 1, no traceback."""
    with FULL_DISK.open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main(["--version"]) == ExitCode.REFUSED
    errors = capsys.readouterr().err
    assert errors.startswith("fivetran-async: ")
    assert errors.count("\n") == 1


async def test_without_stdout_nothing_is_done(
    fake: FakeFivetran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Python has for a stdout that the shell closed gives the code of a reader who left."""
    fake.add_connection(id="conn_one")
    monkeypatch.setattr("sys.stdout", None)
    assert await call("pause", "conn_one") == ExitCode.NOBODY_READS
    assert await call("--version") == ExitCode.NOBODY_READS
    assert fake.requests == []


async def test_without_stderr_the_code_tells(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors that can be written nowhere change neither the output nor the code."""
    fake.add_connection(id="conn_one")
    with monkeypatch.context() as closed:
        closed.setattr("sys.stderr", None)
        assert await call("pause", "conn_one", "nobody") == ExitCode.REFUSED
        assert await call("connections", "--state", "broken") == ExitCode.DONE
        assert await call("sync", "--nonsense") == ExitCode.USAGE
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in shown] == ["id", "conn_one", "nobody"]


@contextlib.contextmanager
def no_log_set_up() -> Generator[logging.Logger]:
    """The library's logger as in a process that set up no log: without the handlers of pytest."""
    logger = logging.getLogger("fivetran_async")
    handlers, level = logger.handlers, logger.level
    logger.propagate, logger.handlers = False, []
    try:
        yield logger
    finally:
        logger.propagate, logger.handlers = True, handlers
        logger.setLevel(level)


def skips_an_item(fake: FakeFivetran) -> None:
    """Have the library warn of the next list: of an item that is no connection."""
    answer = {"code": "Success", "data": {"items": [7]}}
    fake.fail("connections.list", fault=Fault.status(200, body=answer))


async def test_warnings_of_the_library_look_like_errors(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are told once, below the program's name, and the process logs as before afterwards."""
    skips_an_item(fake)
    with no_log_set_up() as logger:
        assert await call("connections", "--json") == ExitCode.DONE
        assert logger.handlers == []
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("fivetran-async: skipped ")


async def test_warnings_are_harmless(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """What they quote of an answer steers no terminal."""
    busy = Fault.status(
        503, body={"code": "Busy", "message": "No\u202e"}, headers={"Retry-After": "0"}
    )
    fake.fail("connections.list", fault=busy, times=1)
    with no_log_set_up():
        assert await call("connections", "--json") == ExitCode.DONE
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("fivetran-async: GET /v1/connections: 503 Busy: No")
    assert "trying again" in error
    assert error.isprintable()


async def test_logs_of_the_process_stay_its_own(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where somebody handles the library's log, stderr gets no second copy."""
    skips_an_item(fake)
    kept = BufferingHandler(100)
    with no_log_set_up() as logger:
        logger.addHandler(kept)
        assert await call("connections", "--json") == ExitCode.DONE
        assert logger.handlers == [kept]
    assert any("skipped" in record.getMessage() for record in kept.buffer)
    assert capsys.readouterr().err == ""


async def test_a_log_that_was_asked_for_is_not_doubled(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With FIVETRAN_LOG each warning comes once, as the log writes it."""
    skips_an_item(fake)
    monkeypatch.setenv("FIVETRAN_LOG", "info")
    with no_log_set_up():
        assert await call("connections", "--json") == ExitCode.DONE
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if "skipped" in line]
    assert " WARNING fivetran_async: " in warning


@pytest.fixture
def full_disk() -> Iterator[TextIO]:
    """A file that takes no line."""
    full = FULL_DISK.open("w", buffering=1)
    yield full
    # What could not be written is tried once more.
    with contextlib.suppress(OSError):
        full.close()


@pytest.mark.skipif(not FULL_DISK.exists(), reason="needs a device that is always full")
async def test_a_warning_that_cannot_be_written_stops_nothing(
    fake: FakeFivetran,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    full_disk: TextIO,
) -> None:
    """The command goes on, and its result is whole."""
    skips_an_item(fake)
    monkeypatch.setattr("sys.stderr", full_disk)
    with no_log_set_up():
        assert await call("connections", "--json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == {"connections": []}
