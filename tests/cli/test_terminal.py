"""Output on terminals: tables, plain text without rich, quiet exits."""

from __future__ import annotations

import asyncio
import io
import os
import signal

import pytest

from cli.consoles import Terminal, perform, start, without_escapes
from fivetran_async import AsyncFivetran
from fivetran_async.cli._options import CommandOptions, ExitCode
from fivetran_async.cli._output import HINT, JsonOutput, Output, PlainOutput, choose_output
from fivetran_async.cli._registry import parse
from fivetran_async.testing import FakeFivetran

pytest.importorskip("rich", reason="needs rich")

NASTY = "shop\x1b]0;owned\x07\x1b[2J[red]:smile:"
HARMLESS = "shop?]0;owned??[2J[red]:smile:"

WITHOUT_RICH = """
import sys
sys.modules["rich"] = None  # makes its import fail
from fivetran_async.cli import main
sys.exit(main(sys.argv[1:]))
"""


PLAIN = CommandOptions(command="overview")
JSON = CommandOptions(command="overview", output_format="json")


def output_on(terminal: Terminal, errors: io.StringIO | Terminal) -> Output:
    """Return the output that a terminal gets."""
    stderr = errors.stream if isinstance(errors, Terminal) else errors
    return choose_output(terminal.stream, stderr, {"TERM": "xterm"}, PLAIN)


async def test_terminals_get_tables(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """States are coloured, ids stay whole on a narrow terminal, and names control nothing."""
    fake.add_group(id="group_with_a_rather_long_id")
    for number in range(3):
        fake.add_connection(
            id=f"connection_with_a_long_id_{number}",
            schema=f"{NASTY}{number}",
            setup_state="broken",
        )
    with Terminal() as terminal:
        output = output_on(terminal, io.StringIO())
        await perform(fivetran, parse(["connections"]), output)
        shown = terminal.shown()
    assert "\x1b[31mbroken\x1b[0m" in shown
    assert not any(steering in shown for steering in ("\x1b]", "\x1b[2J", "\x07"))
    lines = without_escapes(shown).splitlines()
    (heading,) = [line for line in lines if "last success" in line]
    rows = [line for line in lines if "connection_with" in line]
    assert heading.split()[:2] == ["id", "group"]
    assert [row.split()[0] for row in rows] == [f"connection_with_a_long_id_{n}" for n in range(3)]
    assert all(HARMLESS in row for row in rows)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("overview",), "1: 1 scheduled"),
        (("sync", "conn_one"), "conn_one"),
        (("pause", "conn_one"), "paused"),
    ],
)
async def test_terminals_get_every_command(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    words: tuple[str, ...],
    expected: str,
) -> None:
    """Tables and labelled values are printed; an empty table is omitted."""
    fake.add_connection(id="conn_one")
    with Terminal() as terminal:
        output = output_on(terminal, io.StringIO())
        assert await perform(fivetran, parse(words), output) == ExitCode.DONE
        assert expected in without_escapes(terminal.shown())


async def test_waiting_shows_a_spinner(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """During a sync, stderr shows the elapsed time and is then cleared; stdout has the outcome."""
    fake.add_connection(id="conn_one")
    options = parse(["sync", "conn_one", "--wait"])
    with Terminal() as terminal, Terminal() as errors:
        await perform(fivetran, options, output_on(terminal, errors))
        progress, shown = errors.shown(), without_escapes(terminal.shown())
    assert "Waiting for the sync of conn_one" in progress
    assert "syncing" in without_escapes(progress)
    assert "0:00:0" in without_escapes(progress)
    assert "\x1b[2K" in progress.rpartition("syncing")[2]
    assert ["outcome", "succeeded"] in [line.split() for line in shown.splitlines()]


def test_colour_only_on_terminals() -> None:
    """Pipes, NO_COLOR and dumb terminals get plain text without a hint; --json always gets JSON."""
    errors = io.StringIO()
    with Terminal() as terminal:
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            chosen = choose_output(terminal.stream, errors, environment, PLAIN)
            assert type(chosen) is PlainOutput
        assert type(choose_output(io.StringIO(), errors, {}, PLAIN)) is PlainOutput
        assert type(choose_output(terminal.stream, errors, {}, JSON)) is JsonOutput
    assert errors.getvalue() == ""


@pytest.mark.slow
async def test_without_rich_there_is_a_hint(fake: FakeFivetran) -> None:
    """On a terminal without rich, the output is plain text and stderr has a hint."""
    fake.add_connection(id="conn_one", schema=NASTY)
    with Terminal() as terminal:
        process = await start(
            *("connections", "--columns", "id,schema"),
            program=WITHOUT_RICH,
            stdout=terminal.stream.fileno(),
        )
        _, errors = await process.communicate()
        shown = terminal.shown()
    assert (process.returncode, errors.decode()) == (ExitCode.DONE, HINT)
    assert "\x1b" not in shown
    assert HARMLESS in shown.splitlines()[1]


@pytest.mark.slow
async def test_closed_pipe(fake: FakeFivetran) -> None:
    """A closed pipe stops the command after that page, without a message and with code 141."""
    for number in range(1001):
        fake.add_connection(schema=f"a_name_that_helps_to_fill_the_buffer_of_the_pipe_{number}")
    reading, writing = os.pipe()
    process = await start("connections", stdout=writing)
    os.close(writing)
    heading = await asyncio.to_thread(os.read, reading, 10)
    os.close(reading)
    _, errors = await process.communicate()
    assert heading.startswith(b"id ")
    assert (process.returncode, errors) == (ExitCode.BROKEN_PIPE, b"")
    assert len(fake.requests_for("connections.list")) == 1


@pytest.mark.slow
async def test_ctrl_c_stops_waiting(fake: FakeFivetran) -> None:
    """Ctrl-C prints no traceback and no warning of an open session; the code is 130."""
    fake.add_connection(id="conn_one")
    process = await start("sync", "conn_one", "--wait", "--json")
    while not fake.requests_for("connections.sync"):  # noqa: ASYNC110 - the server signals no event
        await asyncio.sleep(0.005)
    process.send_signal(signal.SIGINT)
    output, errors = await process.communicate()
    assert (process.returncode, output, errors) == (ExitCode.INTERRUPTED, b"", b"")
