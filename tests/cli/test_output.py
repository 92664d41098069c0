"""Formats, columns, order, times and the width of terminals."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import pytest

from cli.consoles import Console, Terminal, perform, without_escapes
from fivetran_async import AsyncFivetran
from fivetran_async.cli import ExitCode, main
from fivetran_async.cli._options import CommandOptions
from fivetran_async.cli._output import PlainOutput, choose_output
from fivetran_async.cli._registry import parse
from fivetran_async.cli._session import run_command
from fivetran_async.cli._table import OutputTable, Record, Summary, cell_text, fitted
from fivetran_async.testing import FakeFivetran
from support.fake_clock import FakeClock

TABLE: Final = OutputTable("things", ("id", "name", "count", "a long note"), numbers=(2,))
MOMENT: Final = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


async def call(*words: str) -> int:
    """Call `main()` in a thread, next to the running account."""
    return await asyncio.to_thread(main, words)


@pytest.mark.usefixtures("_berlin")
def test_times_have_their_zone() -> None:
    """Times are local unless UTC is requested, and each names its zone, in summer and winter."""
    assert cell_text(MOMENT, utc=False) == "2026-03-04 06:06 CET"
    assert cell_text(MOMENT.replace(month=7), utc=False) == "2026-07-04 07:06 CEST"
    assert cell_text(MOMENT, utc=True) == "2026-03-04 05:06 UTC"
    last = datetime.max.replace(tzinfo=UTC)
    assert cell_text(last, utc=False) == "9999-12-31 23:59 UTC", "there is no year 10000"


@pytest.mark.usefixtures("_berlin")
async def test_programs_get_utc(fake: FakeFivetran, capsys: pytest.CaptureFixture[str]) -> None:
    """CSV and JSON have ISO 8601 in UTC, whatever the zone of the machine is."""
    fake.add_connection(id="conn_one", schema='say "a,b"', succeeded_at="2026-03-04T05:06:07Z")
    fake.add_connection(id="conn_two", schema="crm", paused=True)
    assert await call("connections", "--csv") == ExitCode.DONE
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["id"] for row in rows] == ["conn_one", "conn_two"]
    assert rows[0]["schema"] == 'say "a,b"'
    assert rows[0]["last_success"] == "2026-03-04T05:06:07Z"
    assert rows[1]["last_success"] == ""
    assert await call("connections", "--jsonl", "--columns", "id,last_success") == ExitCode.DONE
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"id": "conn_one", "last_success": "2026-03-04T05:06:07Z"}
    assert await call("connections", "--utc") == ExitCode.DONE
    assert "2026-03-04 05:06 UTC" in capsys.readouterr().out


async def test_json_keeps_empty_values(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """Null, `[]`, `{}` and false are in the documents, at every depth."""
    fake.add_connection(id="conn_one", paused=False)
    assert await call("connections", "--json") == ExitCode.DONE
    (found,) = json.loads(capsys.readouterr().out)["connections"]
    assert found["failed_at"] is None
    assert found["paused"] is False
    assert found["setup_tests"] == []
    assert found["config"] == {}
    assert found["status"]["tasks"] == []
    assert found["status"]["rescheduled_for"] is None
    assert found["schedule"]["days_of_week"] == []


async def test_columns_and_order(
    fake: FakeFivetran, fivetran: AsyncFivetran, plain: Console[PlainOutput]
) -> None:
    """Columns are headings or paths in the document; several keys sort, missing values last."""
    fake.add_connection(id="b", schema="two", succeeded_at="2026-03-04T05:06:07Z", paused=True)
    fake.add_connection(id="a", schema="one", succeeded_at="2026-03-05T05:06:07Z")
    fake.add_connection(id="c", schema="three")
    words = ["connections", "--columns", "schema,status.sync_state", "--columns", "paused"]
    options = parse([*words, "--sort=-last_success", "--sort", "schema"])
    output = choose_output(plain.stdout, plain.stderr, {}, options)
    assert await perform(fivetran, options, output) == ExitCode.DONE
    assert [line.split() for line in plain.lines] == [
        ["schema", "status.sync_state", "paused"],
        ["three", "scheduled", "no"],
        ["one", "scheduled", "no"],
        ["two", "paused", "yes"],
    ]


async def test_summaries_have_all_formats(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command without a table prints its values as one row, or as one line of JSON."""
    fake.add_connection(id="conn_one")
    assert await call("sync", "conn_one", "--csv") == ExitCode.DONE
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["connection"] == "conn_one"
    assert await call("sync", "conn_one", "--jsonl") == ExitCode.DONE
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["connection_id"] == "conn_one"


async def test_a_repeated_column_is_printed_once(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """Columns are the union of all options, in their order."""
    fake.add_connection(id="conn_one")
    assert await call("connections", "--columns", "id,state", "--columns", "id") == ExitCode.DONE
    assert capsys.readouterr().out.split() == ["id", "state", "conn_one", "scheduled"]


async def test_paths_are_columns_without_a_record(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """A filter that matches nothing does not turn a path into a misspelt heading."""
    fake.add_connection(id="conn_one")
    assert await call("overview", "--columns", "group,broken", "--sort=-broken") == ExitCode.DONE
    words = ("connections", "--state", "broken", "--columns")
    assert await call(*words, "id,status.sync_state") == ExitCode.DONE
    assert await call(*words, "id,stat") == ExitCode.USAGE
    assert "did you mean 'state'?" in capsys.readouterr().err


async def test_values_can_be_chosen(fake: FakeFivetran, capsys: pytest.CaptureFixture[str]) -> None:
    """A command without a table prints the chosen values, also those that are empty this time."""
    fake.add_connection(id="conn_one", service="mysql")
    words = ("show", "conn_one", "--columns", "state,last_failure,status.sync_state")
    assert await call(*words) == ExitCode.DONE
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["state", "scheduled"],
        ["last_failure", "-"],
        ["status.sync_state", "scheduled"],
    ]
    assert await call(*words, "--json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == {
        "state": "scheduled",
        "last_failure": None,
        "status.sync_state": "scheduled",
    }


def test_tables_fit_terminals() -> None:
    """The widest columns shrink first; then columns go, from the right; ids stay whole."""
    rows = [("an_id_that_is_long", "n" * 40, "7", "note " * 20)]
    assert fitted(TABLE, rows, 400) == ([0, 1, 2, 3], [18, 40, 5, 100])
    shown, widths = fitted(TABLE, rows, 60)
    assert shown == [0, 1, 2, 3]
    assert sum(widths) + 6 == 60
    assert widths[0] == 18
    assert abs(widths[1] - widths[3]) <= 1
    assert fitted(TABLE, rows, 33) == ([0, 1, 2], [18, 6, 5])
    assert fitted(TABLE, rows, 5) == ([0], [18])


@pytest.mark.parametrize("plain", [True, False])
def test_lines_are_as_wide_as_the_terminal(plain: bool) -> None:  # noqa: FBT001 - a parameter
    """With rich and without, no line is longer than the terminal, and a note names lost columns."""
    errors = io.StringIO()
    environment = {"TERM": "xterm", "COLUMNS": "40", "NO_COLOR": "1" if plain else ""}
    with Terminal() as terminal:
        options = CommandOptions(command="overview")
        output = choose_output(terminal.stream, errors, environment, options)
        record = Record(("an_id_that_is_long", "n" * 40, 7, "note " * 20), dict)
        output.add(TABLE, [record])
        output.end(Summary())
        lines = without_escapes(terminal.shown()).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 40
    assert any("…" in line for line in lines)
    assert any("an_id_that_is_long" in line for line in lines)
    assert "a long note" in errors.getvalue()


@pytest.mark.parametrize("plain", [True, False])
def test_tables_fill_the_terminal_and_no_more(plain: bool) -> None:  # noqa: FBT001 - a parameter
    """Rules and gaps of a table with many columns are counted as they are printed."""
    table = OutputTable("rows", ("id", *"abcdefgh"))
    environment = {"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1" if plain else ""}
    with Terminal() as terminal:
        options = CommandOptions(command="overview")
        output = choose_output(terminal.stream, io.StringIO(), environment, options)
        output.add(table, [Record(("an_id", *("word " * n for n in range(1, 9))), dict)])
        output.end(Summary((("rows", 1),)))
        lines = without_escapes(terminal.shown()).splitlines()
    assert max(map(len, lines)) <= 80
    assert max(len(line.rstrip()) for line in lines) >= 78
    assert lines[-2].strip() == ""


class Impatient(FakeClock):
    """A clock that interrupts the third sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Return at once, twice."""
        self.slept.append(seconds)
        if len(self.slept) == 3:
            raise KeyboardInterrupt


async def test_watch_repeats_the_command(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--watch` runs the command until Ctrl-C, each time with its time; failures do not end it."""
    fake.add_connection(id="conn_one")
    clock = Impatient()
    with pytest.raises(KeyboardInterrupt):
        await run_command(parse(["connections", "--watch", "5"]), clock=clock)
    assert clock.slept == [5.0] * 3
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["Every", "id", "conn_one"] * 3


async def test_overview_of_a_hundred_groups_is_flat(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """It lists groups once and connections once, whatever their number is."""
    for number in range(100):
        group = fake.add_group(name=f"group {number}")
        for schema in ("a", "b", "c"):
            fake.add_connection(group_id=group, schema=schema)
    assert await call("overview") == ExitCode.DONE
    assert "connections  300: 300 scheduled" in capsys.readouterr().out
    assert len(fake.requests) == 2
