"""The commands `health` and `why`: tables, documents, exit codes, and the page of a connection."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator

import pytest

from cli.consoles import Console, perform
from fivetran_async import AsyncFivetran, NotFoundError
from fivetran_async.cli._options import ExitCode, UnusableOptionError
from fivetran_async.cli._output import CsvOutput, JsonOutput, PlainOutput
from fivetran_async.cli._registry import parse
from fivetran_async.cli._specs_of_health import (
    FINDING_WORDS,
    ExporterOptions,
    HealthOptions,
    WhyOptions,
)
from fivetran_async.health import FINDING_KINDS
from fivetran_async.testing import FakeFivetran, Fault

Plain = Console[PlainOutput]
Json = Console[JsonOutput]


@pytest.fixture
def _unwell(fake: FakeFivetran) -> None:
    """One healthy connection, and several with a problem."""
    now = fake.clock.stamp()
    fake.add_connection(id="well", schema="shop", succeeded_at=now)
    fake.add_connection(id="off", paused=True, succeeded_at="2025-01-02T03:04:05Z")
    fake.add_connection(
        id="bad",
        service="postgres",
        schema="crm",
        setup_state="broken",
        succeeded_at=now,
        tasks=[{"code": "reconnect", "message": "Reconnect", "details": "password expired"}],
    )
    fake.add_connection(id="old", succeeded_at="2025-01-02T03:04:05Z")


@pytest.mark.usefixtures("_unwell")
async def test_health_lists_findings(fivetran: AsyncFivetran, plain: Plain) -> None:
    """The worst first, with age, reason and link, and a summary; findings are exit code 7."""
    assert await perform(fivetran, HealthOptions(command="health"), plain.output) == 7
    rows = [line.split() for line in plain.lines]
    assert [row[:2] for row in rows[1:5]] == [
        ["broken", "bad"],
        ["stale", "old"],
        ["task", "bad"],
        ["paused", "off"],
    ]
    assert "reconnect: Reconnect: password expired" in plain.lines[3]
    assert rows[2][-1] == "https://fivetran.com/dashboard/connections/old/status"
    assert plain.lines[-2:] == [
        "connections  4",
        "findings     4: 1 broken, 1 stale, 1 task, 1 paused",
    ]


@pytest.mark.usefixtures("_unwell")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], ExitCode.FINDINGS),
        (["--fail-on", "broken"], ExitCode.FINDINGS),
        (["--fail-on", "never-synced,warning"], ExitCode.DONE),
        (["--fail-on", "delayed", "--fail-on", "paused"], ExitCode.FINDINGS),
        (["--fail-on", "stale", "--stale", "3650d"], ExitCode.DONE),
    ],
)
async def test_exit_codes(
    fivetran: AsyncFivetran, plain: Plain, words: list[str], code: ExitCode
) -> None:
    """Exit code 7 is for any finding, or for those that `--fail-on` names."""
    assert await perform(fivetran, parse(["health", *words]), plain.output) == code


async def test_a_healthy_account(fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain) -> None:
    """Without findings there is only the summary, and exit code 0."""
    fake.add_connection(id="well", succeeded_at=fake.clock.stamp())
    assert await perform(fivetran, HealthOptions(command="health"), plain.output) == 0
    assert plain.lines == ["connections  1", "findings     0"]


@pytest.mark.usefixtures("_unwell")
async def test_health_for_programs(fivetran: AsyncFivetran, as_json: Json) -> None:
    """JSON has all fields and counts; CSV has ages in seconds."""
    options = HealthOptions(command="health")
    await perform(fivetran, options, as_json.output)
    assert as_json.document["counts"] == {"broken": 1, "stale": 1, "task": 1, "paused": 1}
    assert as_json.document["connections"] == 4
    stale = as_json.document["findings"][1]
    assert stale["kind"] == "stale"
    assert stale["allowed_age"] == 12 * 3600
    assert stale["age"] > 365 * 86_400
    table = io.StringIO()
    await perform(fivetran, options, CsvOutput(table, io.StringIO()))
    rows = list(csv.DictReader(io.StringIO(table.getvalue())))
    assert float(rows[1]["age"]) == pytest.approx(stale["age"], abs=2)


@pytest.mark.usefixtures("_unwell")
@pytest.mark.parametrize(
    ("words", "found", "count"),
    [
        (["--service", "MySQL"], ["bad", "bad"], 1),
        (["--group", "GROUP"], ["off"], 1),
        (["--group", "GROUP", "--group", "OTHER"], ["bad", "old", "bad", "off"], 4),
        (["--group", "GROUP", "--service", "mysql"], [], 0),
        (["--state", "paused"], ["off"], 1),
    ],
)
async def test_health_of_a_part(
    fake: FakeFivetran,
    as_json: Json,
    words: list[str],
    *,
    found: list[str],
    count: int,
) -> None:
    """Filters select the connections that are judged and counted, with one request."""
    group = fake.add_group(name="part")
    others = fake.record("connections", "bad")["group_id"]
    fake.change("connections", "off", group_id=group)
    fake.change("connections", "bad", service="mysql")
    known = {"GROUP": group, "OTHER": others}
    options = parse(["health", *(known.get(word, word) for word in words)])
    async with fake.client() as fivetran:
        code = await perform(fivetran, options, as_json.output)
    assert code == (ExitCode.FINDINGS if found else ExitCode.DONE)
    assert [each["connection_id"] for each in as_json.document["findings"]] == found
    assert as_json.document["connections"] == count
    assert [request.operation for request in fake.requests] == ["connections.list"]


@pytest.mark.usefixtures("_unwell")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--group", "nowhere"], "--group: there is no group 'nowhere'"),
        (["--service", "postgras"], "--service: 'postgras' is neither a known service"),
    ],
)
async def test_health_of_nothing(
    fivetran: AsyncFivetran, plain: Plain, words: list[str], message: str
) -> None:
    """A misspelt filter is an error, not a healthy account."""
    with pytest.raises(UnusableOptionError) as caught:
        await perform(fivetran, parse(["health", *words]), plain.output)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["health", "--stale", "24 hours"], "must be a time such as 24h, 90m or 2d"),
        (["health", "--stale", "0h"], "must be a time"),
        (
            ["health", "--fail-on", "brokn"],
            "'brokn' is not a kind of finding; did you mean 'broken'?",
        ),
        (["why"], "the following arguments are required: ID"),
        (["exporter", "--port", "70000"], "must be a port from 0 to 65535, not '70000'"),
        (["exporter", "--port", "x"], "must be a port"),
    ],
)
def test_wrong_arguments(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """Wrong arguments are exit code 2, with what is allowed."""
    with pytest.raises(SystemExit, match="2"):
        parse(words)
    assert message in capsys.readouterr().err


def test_arguments() -> None:
    """Times have units, ports are numbers, and the kinds are those of findings."""
    assert FINDING_WORDS == FINDING_KINDS
    for text, seconds in (("24h", 86_400), ("90m", 5_400), ("2d", 172_800), ("1.5", 1.5)):
        assert parse(["health", "--stale", text]) == HealthOptions(command="health", stale=seconds)
    assert parse(["exporter", "--port", "0"]) == ExporterOptions(command="exporter", port=0)
    assert not parse(["why", "bad"]).changes
    assert parse(["why", "bad", "--run-tests"]).changes


PAGE = """\
bad: postgres to crm
  https://fivetran.com/dashboard/connections/bad/status

Findings
  The setup does not work; the last success was 0 seconds ago.

Status
  setup         broken
  sync          scheduled
  schedule      on_schedule
  last success  TIME, 0 seconds ago

Tasks
  reconnect: Reconnect: password expired

Warnings
  none

Last syncs
  none in 7 days

Errors
  TIME  Reconnect: password expired

Setup tests
  not run; `fivetran-async why bad --run-tests` runs them
"""


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Print times in UTC."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_unwell")
async def test_the_page_of_a_connection(
    fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """The page has all parts; it is read with four requests, and changes nothing."""
    assert await perform(fivetran, parse(["why", "bad"]), plain.output) == ExitCode.DONE
    now = f"{fake.clock.now():%Y-%m-%d %H:%M} UTC"
    assert plain.stdout.getvalue() == PAGE.replace("TIME", now)
    assert {request.verb for request in fake.requests} == {"GET"}
    assert len(fake.requests) == 4


@pytest.mark.usefixtures("_unwell")
async def test_the_page_has_times_in_utc(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    plain: Plain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`--utc` prints the times of the page in UTC, as those of lists, wherever it is read."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    options = parse(["why", "bad", "--utc"])
    assert await perform(fivetran, options, plain.output) == ExitCode.DONE
    now = f"{fake.clock.now():%Y-%m-%d %H:%M} UTC"
    assert plain.stdout.getvalue() == PAGE.replace("TIME", now)


async def test_the_last_syncs(fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain) -> None:
    """The newest five syncs, of the last day or of the last week, with their reasons."""
    fake.add_connection(id="busy", succeeded_at=fake.clock.stamp())
    for _ in range(7):
        await fivetran.connections.sync_and_wait("busy")
        fake.advance(86_400)
    assert await perform(fivetran, parse(["why", "busy"]), plain.output) == ExitCode.DONE
    start = plain.lines.index("Last syncs")
    syncs = plain.lines[start + 1 : plain.lines.index("Errors") - 1]
    assert len(syncs) == 5
    assert syncs == sorted(syncs, reverse=True)
    assert all("COMPLETED" in line for line in syncs)


@pytest.mark.usefixtures("_unwell")
async def test_unread_parts_have_their_reason(
    fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain, as_json: Json
) -> None:
    """A part that the account lacks does not hide the others."""
    fake.fail("connections.list_sync_history", fault=Fault.status(403), times=None)
    fake.fail("connections.list_errors", fault=Fault.status(404), times=None)
    assert await perform(fivetran, parse(["why", "bad"]), plain.output) == ExitCode.DONE
    assert "403" in plain.lines[plain.lines.index("Last syncs") + 1]
    assert "404" in plain.lines[plain.lines.index("Errors") + 1]
    await perform(fivetran, parse(["why", "bad"]), as_json.output)
    page = as_json.document
    assert (page["syncs"], page["errors"], page["setup_tests"]) == (None, None, [])
    assert page["unread"].keys() == {"syncs", "errors"}
    assert [each["kind"] for each in page["findings"]] == ["broken", "task"]
    assert page["connection"]["status"]["warnings"] == []


@pytest.mark.usefixtures("_unwell")
async def test_setup_tests_run_if_requested(
    fake: FakeFivetran, fivetran: AsyncFivetran, plain: Plain
) -> None:
    """`--run-tests` runs the setup tests, and the page has their results."""
    fake.plan_setup_tests(
        "bad", [{"title": "Connecting", "status": "FAILED", "message": "no route\nto host"}]
    )
    await perform(fivetran, parse(["why", "bad", "--run-tests"]), plain.output)
    assert plain.lines[plain.lines.index("Setup tests") + 1] == (
        "  FAILED   Connecting: no route to host"
    )


async def test_a_missing_connection_is_an_error(fivetran: AsyncFivetran, plain: Plain) -> None:
    """Without the connection there is no page."""
    with pytest.raises(NotFoundError):
        await perform(fivetran, WhyOptions(command="why", connection_id="nix"), plain.output)
    assert plain.lines == []
