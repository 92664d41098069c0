"""Each command against an account, in plain text and in JSON."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TextIO

import pytest

from cli.consoles import Console, perform
from fivetran_async import AsyncFivetran, InvalidArgumentError, NotFoundError
from fivetran_async.cli._options import CommandOptions, ExitCode
from fivetran_async.cli._output import JsonOutput, PlainOutput, ShowProgress
from fivetran_async.cli._specs_of_connections import FilterOptions, SelectionOptions, SyncOptions
from fivetran_async.cli._views import SWITCHED, failed_record
from fivetran_async.testing import FakeFivetran, Fault

Plain = Console[PlainOutput]
Json = Console[JsonOutput]


class Progress(PlainOutput):
    """Plain text output that also signals progress."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        super().__init__(stdout, stderr)
        self.advanced = asyncio.Event()

    def working(self, text: str) -> AbstractContextManager[ShowProgress]:
        """Signal each change of the text."""
        del text
        return contextlib.nullcontext(lambda _: self.advanced.set())


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Print times in UTC."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def two_groups(fake: FakeFivetran) -> None:
    """Add a group with three connections, and an empty group."""
    group = fake.add_group(name="Warehouse", id="group_one")
    fake.add_group(name="Attic", id="group_two")
    fake.add_connection(group_id=group, id="conn_one", schema="shop")
    fake.add_connection(group_id=group, id="conn_two", schema="crm", paused=True)
    fake.add_connection(group_id=group, id="conn_three", service="mysql", setup_state="broken")


async def test_overview_counts_by_state(
    fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """The overview prints a line per group, by name and with empty ones, and the totals."""
    two_groups(fake)
    code = await perform(fivetran, CommandOptions(command="overview"), plain.output)
    assert code == ExitCode.DONE
    assert plain.lines == [
        "group      id         connections  scheduled  paused  broken",
        "Attic      group_two            0          -       -       -",
        "Warehouse  group_one            3          1       1       1",
        "",
        "groups       2",
        "connections  3: 1 scheduled, 1 paused, 1 broken",
    ]
    assert plain.errors == []


async def test_overview_is_json(fake: FakeFivetran, fivetran: AsyncFivetran, as_json: Json) -> None:
    """The JSON document has the same counts, and each group as the API returns it."""
    two_groups(fake)
    await perform(fivetran, CommandOptions(command="overview"), as_json.output)
    assert [group["id"] for group in as_json.document["groups"]] == ["group_two", "group_one"]
    assert as_json.document["groups"][1]["states"] == {"scheduled": 1, "paused": 1, "broken": 1}
    assert as_json.document["totals"] == {
        "groups": 2,
        "unread_groups": 0,
        "connections": 3,
        "states": {"scheduled": 1, "paused": 1, "broken": 1},
    }


async def test_overview_survives_a_group_that_fails(
    fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """If the key may not list all connections, groups are read one by one; one may fail."""
    two_groups(fake)
    fake.fail("connections.list", fault=Fault.status(403), times=2)
    code = await perform(fivetran, CommandOptions(command="overview"), plain.output)
    assert code == ExitCode.REFUSED
    assert "groups       2 (1 could not be read)" in plain.lines
    (error,) = plain.errors
    assert error.startswith("fivetran-async: group group_")
    assert " 403 " in error


async def test_connections_are_listed(
    fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """Each connection is one line with its most important fields."""
    two_groups(fake)
    fake.change("connections", "conn_one", succeeded_at="2026-03-04T05:06:07.000000Z")
    code = await perform(fivetran, FilterOptions(command="connections"), plain.output)
    assert code == ExitCode.DONE
    assert plain.lines == [
        "id          group      service   schema   state      last success",
        "conn_one    group_one  postgres  shop     scheduled  2026-03-04 05:06 UTC",
        "conn_two    group_one  postgres  crm      paused     -",
        "conn_three  group_one  mysql     mysql_3  broken     -",
    ]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (FilterOptions(command="connections", group=("group_two",)), []),
        (
            FilterOptions(command="connections", group=("group_one",), state=("Paused",)),
            ["conn_two"],
        ),
        (FilterOptions(command="connections", service=("mysql",)), ["conn_three"]),
    ],
)
async def test_connections_are_filtered(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    as_json: Json,
    options: FilterOptions,
    ids: list[str],
) -> None:
    """The API filters by group, the command by the rest; an empty result is a success."""
    two_groups(fake)
    code = await perform(fivetran, options, as_json.output)
    assert code == ExitCode.DONE
    assert [connection["id"] for connection in as_json.document["connections"]] == ids
    first = dict(fake.requests_for("connections.list")[0].query)
    assert first.get("group_id") == (options.group[0] if options.group else None)
    assert as_json.errors == []


async def test_empty_results_print_a_note(
    fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """An empty result prints a note on stderr and nothing on stdout."""
    two_groups(fake)
    options = FilterOptions(command="connections", state=("syncing",))
    await perform(fivetran, options, plain.output)
    assert plain.lines == []
    assert plain.errors == ["None of the 3 connections matches the filters."]


async def test_connections_come_page_by_page(
    fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """A page is printed before the next is requested, so that a failure does not lose it."""
    for number in range(1001):
        fake.add_connection(schema=f"schema_{number}")
    fake.fail("connections.list", fault=Fault.status(404), nth=2)
    with pytest.raises(NotFoundError):
        await perform(fivetran, FilterOptions(command="connections"), plain.output)
    assert len(plain.lines) == 1 + 1000


def test_pages_have_one_heading(plain: Plain) -> None:
    """Later pages follow below the first heading, in the same or wider columns."""
    for connection_id in ("one", "a_longer_one"):
        plain.output.add(SWITCHED, [failed_record(connection_id, ValueError("no"))])
    plain.output.add(SWITCHED, [])
    assert plain.lines == [
        "id   schema  result",
        "one  -       failed",
        "a_longer_one  -       failed",
    ]


async def test_sync_triggers(fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain) -> None:
    """Without --wait it returns immediately, with the API's message and the dashboard's address."""
    two_groups(fake)
    options = SyncOptions(command="sync", ids=("conn_one",))
    assert await perform(fivetran, options, plain.output) == ExitCode.DONE
    assert plain.lines[0] == "connection  conn_one"
    assert plain.lines[2].endswith("https://fivetran.com/dashboard/connections/conn_one/status")
    assert [request.operation for request in fake.requests] == ["connections.sync"]


@pytest.mark.parametrize(
    ("end", "status", "code"),
    [
        ("succeeded", "succeeded", ExitCode.DONE),
        ("failed", "failed", ExitCode.NOT_SUCCEEDED),
        ("broken", "broken", ExitCode.NOT_SUCCEEDED),
        ("canceled", "not_run", ExitCode.NOT_SUCCEEDED),
        ("never_starts", "not_run", ExitCode.NOT_SUCCEEDED),
        ("stuck", "timed_out", ExitCode.TIMED_OUT),
    ],
)
async def test_sync_waits_for_every_end(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    as_json: Json,
    *,
    end: str,
    status: str,
    code: int,
) -> None:
    """The outcome is always printed; the code distinguishes success, failure and timeout."""
    two_groups(fake)
    fake.plan_sync("conn_one", end, duration=60)
    options = SyncOptions(command="sync", ids=("conn_one",), wait=True, timeout=1800)
    assert await perform(fivetran, options, as_json.output) == code
    assert as_json.document["status"] == status
    assert as_json.document["connection_id"] == "conn_one"
    assert as_json.document["connection"]["schema"] == "shop"
    assert as_json.errors == []


async def test_outcome_is_printed_for_people(
    fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """Status, reason, duration and address are separate lines, and a note announces the wait."""
    two_groups(fake)
    fake.plan_sync("conn_one", "failed", duration=312, reason="Password\x1b[2J expired")
    options = SyncOptions(command="sync", ids=("conn_one",), wait=True)
    await perform(fivetran, options, plain.output)
    lines = plain.lines
    # In real time, unlike the account's.
    assert re.fullmatch(r"waited      \d+s", lines.pop(4))
    assert lines == [
        "connection  conn_one",
        "outcome     failed",
        "reason      Password?[2J expired",
        "duration    5m 12s",
        "dashboard   https://fivetran.com/dashboard/connections/conn_one/status",
    ]
    assert plain.errors == ["Waiting for the sync of conn_one; Ctrl-C stops waiting, not the sync."]


@pytest.mark.parametrize(("command", "result"), [("pause", "paused"), ("resume", "resumed")])
async def test_switching_goes_on_after_a_failure(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    plain: Plain,
    command: str,
    result: str,
) -> None:
    """An unknown id is reported, the others are changed once each, and the code is 1."""
    for connection_id in ("conn_one", "conn_two"):
        fake.add_connection(
            id=connection_id, schema=f"of_{connection_id}", paused=command == "resume"
        )
    options = SelectionOptions(command=command, ids=("conn_one", "missing", "conn_two", "conn_one"))
    assert await perform(fivetran, options, plain.output) == ExitCode.REFUSED
    assert [line.split() for line in plain.lines] == [
        ["id", "schema", "result"],
        ["conn_one", "of_conn_one", result],
        ["missing", "-", "failed"],
        ["conn_two", "of_conn_two", result],
    ]
    assert "missing: PATCH /v1/connections/missing: 404" in plain.errors[0]
    assert fake.record("connections", "conn_two")["paused"] is (command == "pause")
    assert len(fake.requests_for("connections.update")) == 3


@pytest.mark.parametrize(
    ("command", "results"),
    [
        ("pause", ["would be paused", "already paused"]),
        ("resume", ["not paused", "would be resumed"]),
    ],
)
async def test_dry_run_changes_nothing(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    as_json: Json,
    command: str,
    results: list[str],
) -> None:
    """A dry run reads the connections and reports which would change."""
    fake.add_connection(id="conn_one", paused=False)
    fake.add_connection(id="conn_two", paused=True)
    options = SelectionOptions(command=command, ids=("conn_one", "conn_two"), dry_run=True)
    assert await perform(fivetran, options, as_json.output) == ExitCode.DONE
    assert [each["result"] for each in as_json.document["connections"]] == results
    assert {request.verb for request in fake.requests} == {"GET"}


async def test_switching_is_json(
    fake: FakeFivetran, fivetran: AsyncFivetran, as_json: Json
) -> None:
    """Each id has a result, with the current connection or the error."""
    fake.add_connection(id="conn_one")
    options = SelectionOptions(command="pause", ids=("conn_one", "missing"))
    await perform(fivetran, options, as_json.output)
    done, failed = as_json.document["connections"]
    assert (done["result"], done["connection"]["paused"]) == ("paused", True)
    assert (failed["id"], failed["result"]) == ("missing", "failed")
    assert "404" in failed["error"]


@pytest.mark.parametrize(
    ("dry_run", "result", "doubt"),
    [(False, "paused", "; it may have taken effect"), (True, "would be paused", "")],
)
async def test_interrupted_switching_prints_what_was_done(
    fake: FakeFivetran, plain: Plain, *, dry_run: bool, result: str, doubt: str
) -> None:
    """An interrupted command prints the paused connections, and those that may be paused."""
    ids = ("conn_one", "conn_two", "conn_three")
    for connection_id in ids:
        fake.add_connection(id=connection_id, schema="shop")
    operation = "connections.get" if dry_run else "connections.update"
    fake.fail(operation, fault=Fault.hang(), path="*/conn_two")
    output = Progress(plain.stdout, plain.stderr)
    options = SelectionOptions(command="pause", ids=(*ids, "conn_one"), dry_run=dry_run)
    async with fake.client() as fivetran:
        running = asyncio.ensure_future(perform(fivetran, options, output))
        await output.advanced.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert plain.lines[1:] == [f"conn_one  shop    {result}"]
    assert plain.errors == [
        f"fivetran-async: {connection_id}: interrupted before the response arrived{doubt}"
        for connection_id in ids[1:]
    ]


async def test_wrong_ids_are_refused_before_any_request(
    fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """An id that would change the path is never sent."""
    options = SyncOptions(command="sync", ids=("..",))
    with pytest.raises(InvalidArgumentError):
        await perform(fivetran, options, plain.output)
    assert fake.requests == []
