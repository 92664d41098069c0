"""A sample of the matrix on other event loops: uvloop, and asyncio's with eager tasks."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import pytest

from fivetran_async import AsyncFivetran
from matrix.cells import PromptServer, no_leaks
from matrix.test_cancellation import SCENARIOS, Scenario, answer, strike_everywhere
from matrix.virtual_time import VirtualTimeLoop
from support.fake_clock import FakeClock
from support.samples import PROOFS
from support.sessions import KEY, SECRET

MakeLoop: TypeAlias = Callable[[], asyncio.AbstractEventLoop]


def uvloop() -> asyncio.AbstractEventLoop:
    """Make a loop of uvloop."""
    package: Any = pytest.importorskip("uvloop", reason="needs uvloop")
    loop: asyncio.AbstractEventLoop = package.new_event_loop()
    return loop


def eager_tasks() -> asyncio.AbstractEventLoop:
    """Make a loop on which every task begins while it is created."""
    factory: Any = getattr(importlib.import_module("asyncio"), "eager_task_factory", None)
    if factory is None:
        pytest.skip("eager tasks came with Python 3.12")
    loop = VirtualTimeLoop()
    loop.set_task_factory(factory)
    return loop


LOOPS: Final[Mapping[str, MakeLoop]] = {"uvloop": uvloop, "eager tasks": eager_tasks}

QUICK: Final = frozenset(
    {"get", "create", "delete", "sync", "raw request", "page", "walk", "walk ahead", "sweep"}
    | {"several", "odd answers", "paginate"}
)
"""The scenarios in which no call waits for a clock."""

SAMPLED: Final = frozenset({"get", "walk ahead", "sweep", "several"})
"""The part of them in the session `tests`; `proofs` has them all."""

COMPARED: Final = [each for each in SCENARIOS if each.quota == 1_000 and each.name != "silence"]
"""The scenarios that do not depend on the clock: neither on a quota nor on a timeout."""


def named(names: frozenset[str]) -> list[Scenario]:
    """Return the scenarios with these names."""
    return [scenario for scenario in SCENARIOS if scenario.name in names]


async def exchanged(scenario: Scenario) -> tuple[list[str], str]:
    """Run a scenario; return its requests, as the server received them, and its outcome."""
    async with (
        no_leaks(),
        PromptServer(answer=answer) as server,
        AsyncFivetran(
            KEY, SECRET, base_url=server.url, rate_limits=None, _clock=FakeClock()
        ) as fivetran,
    ):
        server.script = list(scenario.script)
        try:
            outcome = repr(await scenario.call(fivetran))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the same on every loop
            outcome = f"{type(error).__name__}: {error}"
        # What is sent at once arrives in any order, and the port is another one each time.
        requests = sorted(f"{request.verb} {request.target}" for request in server.requests)
        return requests, outcome.replace(server.url, "")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("scenario", COMPARED, ids=str)
def test_requests_and_outcomes_are_the_same(scenario: Scenario, loop: str) -> None:
    """Calls, walks, fan-outs and retries send what they send on asyncio's loop."""
    with asyncio.Runner() as runner:
        expected = runner.run(exchanged(scenario))
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        assert runner.run(exchanged(scenario)) == expected
    assert expected[0]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("scenario", named(QUICK if PROOFS else SAMPLED), ids=str)
def test_a_cancellation_at_every_wait_of_other_loops(scenario: Scenario, loop: str) -> None:
    """`CancelledError` reaches the caller, nothing is held, and the session goes on."""
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        assert runner.run(strike_everywhere(scenario, None, connected=True)) >= 1
