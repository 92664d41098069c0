"""Filters: values that exist nowhere are wrong arguments, and repeated options add values."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import re

import pytest

from cli.consoles import Console, perform
from fivetran_async import AsyncFivetran
from fivetran_async.cli import ExitCode, main
from fivetran_async.cli._filters import ids_of
from fivetran_async.cli._keyboard import Keyboard
from fivetran_async.cli._options import UnusableOptionError
from fivetran_async.cli._output import PlainOutput
from fivetran_async.cli._registry import parse
from fivetran_async.testing import FakeFivetran


@pytest.fixture
def account(fake: FakeFivetran) -> FakeFivetran:
    """An account with two groups of connections, and an empty group."""
    for id, name in (("group_one", "Warehouse"), ("group_two", "Lake"), ("group_three", "Attic")):
        fake.add_group(id=id, name=name)
    fake.add_connection(id="conn_one", group_id="group_one", service="postgres", schema="a")
    fake.add_connection(id="conn_two", group_id="group_one", service="mysql", paused=True)
    fake.add_connection(id="conn_three", group_id="group_two", setup_state="broken", schema="b")
    return fake


async def call(*words: str) -> int:
    """Call `main()` in a thread, next to the running account."""
    return await asyncio.to_thread(main, words)


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--state", "brokne"), "'brokne' is not a state; did you mean 'broken'?"),
        (("--state", "xyzzy"), "'xyzzy' is not a state. States are paused, broken"),
        (("--service", "postgress"), "did you mean 'postgres'?"),
        (("--group", "Warehouse"), "'Warehouse' is a name: use --group group_one"),
        (("--group", "group_oen"), "no group 'group_oen'; did you mean 'group_one'?"),
        (("--group", "group_one", "--group", "Lake"), "use --group group_two"),
        (("--columns", "id,stat"), "'stat' is not a column; did you mean 'state'?"),
        (("--sort", "skhema"), "'skhema' is not a column; did you mean 'schema'?"),
    ],
)
async def test_values_that_exist_nowhere_are_wrong_arguments(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    """The message names the value and what to write instead; the code is 2, never 0."""
    assert await call("connections", *words) == ExitCode.USAGE
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("--state", "broken", "--state", "Paused"), ["conn_two", "conn_three"]),
        (("--group", "group_one", "--group", "group_two"), ["conn_one", "conn_two", "conn_three"]),
        (("--service", "mysql", "--service", "postgres", "--state", "paused"), ["conn_two"]),
        (("--group", "group_three"), []),
        (("--state", "syncing"), []),
        (("--service", "s3"), []),
    ],
)
async def test_repeated_options_add_values(
    account: FakeFivetran,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    ids: list[str],
) -> None:
    """A connection matches any value of each filter; nothing found is a success."""
    assert await call("connections", *words, "--json") == ExitCode.DONE
    assert [each["id"] for each in json.loads(capsys.readouterr().out)["connections"]] == ids
    assert {request.verb for request in account.requests} == {"GET"}


@pytest.mark.parametrize(
    "text",
    [
        "one\ntwo\n",
        "id   group  state\none  g      paused\n\ntwo  g      broken\none\n",
        "id,group\none,g\ntwo,g\n",
        '{"id": "one"}\n{"id": "two"}\n',
        '{"connections": [{"id": "one"}, {"id": "two"}]}',
        "# of the finance team\n  one\n\n# of sales\ntwo  # until May\n",
        "connection  schema\none         a\ntwo         b\n",
        "one  group_one  two words, and a comma\ntwo  group_two  2026-11-28 21:42 UTC\n",
        '[{"id": "one"}, {"id": "two"}]',
        '{"findings": [{"connection_id": "one"}, {"connection_id": "two"}], "connections": 2}',
    ],
    ids=[
        *("ids", "table", "csv", "json lines", "json"),
        *("comments", "errors", "lines of a table", "json list", "findings"),
    ],
)
def test_ids_come_from_the_output_of_connections(text: str) -> None:
    """Every format of `connections` can be piped into a command; ids are read once each."""
    assert ids_of(text) == ("one", "two")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stdin has no ids"),
        ("id  group\n", "stdin has no ids"),
        ('{"schema": "x"}', 'JSON without an id: {"schema": "x"}'),
        ('{"id": "one"}\n{"id": \n', "line 2 of stdin is not JSON"),
        ("schema  id\nshop    one\n", "with 'schema' as its first column"),
        ("# nothing\n", "stdin has no ids"),
        ("[" * 100_000, "line 1 of stdin is not JSON"),
        ("one two\n", "several words, 'one two': pass one id per line"),
        ("one\ntwo, three\n", "several words, 'two, three': pass one id per line"),
        ("one,two\n", "several words, 'one,two': pass one id per line"),
        ("one\ttwo\n", "several words"),
    ],
)
def test_stdin_without_ids_is_a_wrong_argument(text: str, message: str) -> None:
    """The message names what is wrong with the input."""
    with pytest.raises(UnusableOptionError, match=re.escape(message)):
        ids_of(text)


async def test_filters_and_pipes_ask_before_they_change(
    account: FakeFivetran, fivetran: AsyncFivetran, plain: Console[PlainOutput]
) -> None:
    """Without a terminal, `--yes` is required; the selected connections are shown before."""
    options = parse(["pause", "--group", "group_one"])
    with pytest.raises(UnusableOptionError, match=r"Pause 2 connections of the account.*--yes"):
        await perform(fivetran, options, plain.output)
    assert plain.errors == ["Pause: conn_one, conn_two"]
    assert account.requests_for("connections.update") == []
    options = parse(["pause", "--yes", "-"])
    assert await perform(fivetran, options, plain.output, stdin="conn_one\n") == ExitCode.DONE
    assert account.record("connections", "conn_one")["paused"] is True
    assert account.record("connections", "conn_three")["paused"] is not True


async def test_many_syncs_report_each_outcome(
    account: FakeFivetran, fivetran: AsyncFivetran, plain: Console[PlainOutput]
) -> None:
    """`sync` with filters triggers each; with `--wait`, the code is 4 if one has no success."""
    account.plan_sync("conn_one", "failed", duration=60)
    options = parse(["sync", "--group", "group_one", "--wait", "--yes"])
    assert await perform(fivetran, options, plain.output) == ExitCode.NOT_SUCCEEDED
    outcomes = {line.split()[0]: line.split()[1] for line in plain.lines[1:]}
    assert outcomes == {"conn_one": "failed", "conn_two": "paused"}
    assert len(account.requests_for("connections.sync")) == 1
    dry = parse(["sync", "conn_one", "conn_two", "--dry-run", "--columns", "result"])
    nothing = PlainOutput(plain.stdout, plain.stderr)
    assert await perform(fivetran, dry, nothing) == ExitCode.DONE
    assert "would be synced" in plain.lines[-2]
    assert "paused: no sync would run" in plain.lines[-1]
    assert len(account.requests_for("connections.sync")) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("pause", "conn_one", "--json", "conn_three"),
        ("pause", "--json", "conn_one", "conn_three"),
        ("pause", "conn_one", "conn_three", "--json", "conn_one"),
    ],
)
async def test_ids_can_stand_between_options(account: FakeFivetran, words: tuple[str, ...]) -> None:
    """Ids before, between and after options are all taken, once each."""
    assert await call(*words) == ExitCode.DONE
    assert [each.path.rpartition("/")[2] for each in account.requests] == ["conn_one", "conn_three"]


async def test_a_wrong_column_is_found_before_a_change(
    account: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt column stops a command that changes connections before its first request."""
    for words in (
        ("pause", "conn_one", "--columns", "nope"),
        ("sync", "conn_one", "--columns", "nope"),
        ("sync", "conn_one", "--wait", "--columns", "nope"),
        ("test", "conn_one", "--sort", "nope"),
        ("schema", "hash", "conn_one", "email", "--columns", "nope"),
    ):
        assert await call(*words) == ExitCode.USAGE
        assert "'nope' is not a column" in capsys.readouterr().err
    assert account.requests == []
    assert await call("pause", "conn_one", "--columns", "id,connection.paused") == ExitCode.DONE
    assert capsys.readouterr().out.split() == ["id", "connection.paused", "conn_one", "yes"]


async def test_typed_ids_need_no_question(account: FakeFivetran) -> None:
    """Ids in the arguments were chosen one by one, so scripts go on to work without `--yes`."""
    assert await call("pause", "conn_one", "conn_three") == ExitCode.DONE
    assert len(account.requests_for("connections.update")) == 2


@pytest.mark.parametrize("command", ["errors", "test"])
async def test_reading_commands_take_ids_from_stdin_too(
    account: FakeFivetran, fivetran: AsyncFivetran, plain: Console[PlainOutput], command: str
) -> None:
    """A `-` is never sent as an id: lists can be piped into every command with several ids."""
    options = parse([command, "-"])
    stdin = "id,state\nconn_one,paused\nconn_two,broken\n"
    assert await perform(fivetran, options, plain.output, stdin=stdin) == ExitCode.DONE
    named = {request.path.split("/")[3] for request in account.requests}
    assert named == {"conn_one", "conn_two"}


async def test_stdin_is_read_by_the_command(
    account: FakeFivetran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `-` reads the ids from the process's stdin."""
    monkeypatch.setattr("sys.stdin", io.StringIO("conn_one\n"))
    assert await call("resume", "-", "--yes") == ExitCode.DONE
    assert [each.path for each in account.requests] == ["/v1/connections/conn_one"]


@pytest.mark.parametrize(
    ("typed", "code"),
    [("y\n", ExitCode.DONE), ("\n", ExitCode.REFUSED), ("\x04", ExitCode.REFUSED)],
)
async def test_a_terminal_is_asked(
    account: FakeFivetran,
    fivetran: AsyncFivetran,
    plain: Console[PlainOutput],
    typed: str,
    code: ExitCode,
) -> None:
    """On a terminal, only `y` changes the account; other replies decline, with code 1."""
    writing, reading = pty.openpty()
    os.write(writing, typed.encode())
    with os.fdopen(reading) as stdin:
        keyboard = Keyboard(stdin, plain.stderr)
        options = parse(["pause", "--service", "mysql", "--service", "postgres"])
        found = await perform(fivetran, options, plain.output, keyboard=keyboard)
    os.close(writing)
    assert found == code
    assert "of the account? [y/N]" in plain.stderr.getvalue()
    assert bool(account.requests_for("connections.update")) == (code == ExitCode.DONE)
