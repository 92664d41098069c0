"""What is logged, and how the environment asks for it."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from fivetran_async._logging import EnvironmentHandler, log_as_environment_says
from support.fake_clock import FakeClock
from support.faults import FaultServer
from support.sessions import ONE_GROUP, refusal, session_at

LOGGER = logging.getLogger("fivetran_async")


@pytest.fixture(autouse=True)
def untouched_logger() -> Iterator[None]:
    """Restore the logger."""
    handlers, level = list(LOGGER.handlers), LOGGER.level
    yield
    LOGGER.handlers[:], LOGGER.level = handlers, level
    LOGGER.setLevel(level)


def own_handlers() -> list[logging.Handler]:
    """The handlers that the variable added."""
    return [handler for handler in LOGGER.handlers if isinstance(handler, EnvironmentHandler)]


@pytest.mark.parametrize(
    ("value", "level"),
    [("debug", logging.DEBUG), ("INFO", logging.INFO), (" Debug ", logging.DEBUG)],
)
def test_the_variable_shows_the_log(value: str, level: int) -> None:
    """`debug` and `info`, in any case, add one handler, however many sessions there are."""
    for _ in range(3):
        log_as_environment_says({"FIVETRAN_LOG": value})
    assert len(own_handlers()) == 1
    assert LOGGER.level == level


@pytest.mark.parametrize("environment", [{}, {"FIVETRAN_LOG": ""}, {"FIVETRAN_LOG": "  "}], ids=str)
def test_without_the_variable_nothing_changes(environment: dict[str, str]) -> None:
    """A library logs nowhere unless it is asked to."""
    level = LOGGER.level
    log_as_environment_says(environment)
    assert (own_handlers(), LOGGER.level) == ([], level)


def test_an_unknown_level_is_a_warning() -> None:
    """Any other value is a warning, and nothing is logged."""
    with pytest.warns(UserWarning, match="FIVETRAN_LOG must be debug or info, not 'verbose'"):
        log_as_environment_says({"FIVETRAN_LOG": "verbose"})
    assert own_handlers() == []


@pytest.mark.slow
def test_a_session_reads_the_variable() -> None:
    """Making a session is enough; what it logs appears on standard error."""
    program = "import fivetran_async, logging; fivetran_async.AsyncFivetran('k', 's');"
    program += "logging.getLogger('fivetran_async').debug('shown')"
    finished = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={"FIVETRAN_LOG": "debug", "PYTHONPATH": ":".join(sys.path)},
    )
    assert finished.stderr.rstrip().endswith("DEBUG fivetran_async: shown")


async def test_requests_are_debug_and_retries_warnings(
    caplog: pytest.LogCaptureFixture, clock: FakeClock
) -> None:
    """Each request is one line with its outcome, each retry one with reason and wait."""
    caplog.set_level(logging.DEBUG, "fivetran_async")
    async with (
        FaultServer(refusal(503, "Busy", "later"), ONE_GROUP) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        await fivetran.groups.get("decent_dropsy")
    lines = [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "fivetran_async"
    ]
    assert lines == [
        ("DEBUG", "GET /v1/groups/decent_dropsy: 503 in 0.000 s"),
        ("WARNING", "GET /v1/groups/decent_dropsy: 503 Busy: later (retry in 0.8 s)"),
        ("DEBUG", "GET /v1/groups/decent_dropsy: 200 in 0.000 s"),
    ]
