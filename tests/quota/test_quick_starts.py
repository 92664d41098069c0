"""The quick start and end of a request, with the count of the general road as the oracle."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, TypeAlias

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from fivetran_async import RateLimitedError
from fivetran_async._http.response import LIMIT_HEADER, REMAINING_HEADER, quota_report
from fivetran_async._quota.account import AccountQuotas
from fivetran_async._quota.limiter import InProcessLimiter
from fivetran_async._quota.patience import Patience
from fivetran_async._quota.plans import TRIAL
from fivetran_async._quota.queue import Ticket
from fivetran_async.limits import Quota
from support.fake_clock import FakeClock
from support.samples import sample

QUOTAS: Final[Mapping[str, tuple[Quota, ...]]] = {
    "requests": (Quota(20, 3_600.0),),
    "source": (Quota(3, 60.0), Quota(9, 3_600.0)),
    "setup_tests": (Quota(40, 60.0),),
    "user_creation": (Quota(1, 3_600.0),),
}
BUDGETS: Final = st.sampled_from(
    [(), (), (), ("source",), ("setup_tests", "source"), ("user_creation",)]
)
PATIENCE: Final = Patience(max_pause=None, max_wait=None)


@attrs.frozen
class Pass:
    """Time passes."""

    seconds: float


@attrs.frozen
class Start:
    """Some requests ask to start; `wait` leaves those in line that may not."""

    number: int
    budgets: tuple[str, ...]
    wait: bool


@attrs.frozen
class End:
    """One of the requests in flight ends; without a status there was no response."""

    which: int
    status: int | None
    headers: Mapping[str, str]
    sent: bool


@attrs.frozen
class Leave:
    """One of the waiting requests gives up."""

    which: int


Step: TypeAlias = Pass | Start | End | Leave

TEXTS: Final = st.sampled_from(
    ["0", "1", "2", "5", "19", "20", "60", "500", "", "-1", "1_0", "5.0", "٣", "many", "9" * 11]
)
NO_HEADERS: Final[Mapping[str, str]] = {}
ends = st.one_of(
    st.builds(
        End,
        st.integers(0, 50),
        st.just(200),
        st.dictionaries(st.sampled_from([LIMIT_HEADER, REMAINING_HEADER]), TEXTS),
        st.just(value=True),
    ),
    st.builds(
        End,
        st.integers(0, 50),
        st.sampled_from([429, 429, 500]),
        st.dictionaries(st.sampled_from([REMAINING_HEADER, "Retry-After"]), TEXTS),
        st.just(value=True),
    ),
    st.builds(End, st.integers(0, 50), st.none(), st.just(NO_HEADERS), st.booleans()),
)
steps = st.one_of(
    st.builds(Pass, st.sampled_from([0.001, 0.3, 1.0, 7.0, 59.9, 60.0, 900.0, 3_600.0])),
    *[st.builds(Start, st.sampled_from([1, 1, 2, 4, 10]), BUDGETS, st.booleans())] * 3,
    *[ends] * 2,
    st.builds(Leave, st.integers(0, 50)),
)


class Driver:
    """A limiter on a clock of its own; `quick` starts and ends requests as the quick road does."""

    def __init__(self, *, quick: bool, learns: bool) -> None:
        self._clock = FakeClock()
        self._account = AccountQuotas({**TRIAL, **QUOTAS}, learns=learns)
        self._limiter = InProcessLimiter(self._account, self._clock)
        self._quick = quick
        self._in_flight: list[tuple[str, ...]] = []
        self._waiting: list[Ticket] = []

    def take(self, step: Step) -> object:
        """Take a step, and return all that can be seen of its effects."""
        started: list[bool] = []
        match step:
            case Pass(seconds):
                self._clock.advance(seconds)
            case Start(number, budgets, wait):
                started = [self._start(budgets, wait=wait) for _ in range(number)]
            case End(which, status, given, sent) if self._in_flight:
                budgets = self._in_flight.pop(which % len(self._in_flight))
                if self._quick and status == 200:
                    limit, remaining = given.get(LIMIT_HEADER), given.get(REMAINING_HEADER)
                    self._limiter.settle_success(budgets, limit, remaining)
                else:
                    headers = CIMultiDictProxy(CIMultiDict(given))
                    report = quota_report(status, headers, self._clock.time)
                    self._limiter.settle(budgets, report, sent=sent)
            case Leave(which) if self._waiting:
                self._leave(self._waiting[which % len(self._waiting)])
            case _:
                pass
        for ticket in tuple(self._waiting):
            self._look(ticket)
        counted = [
            (budget.in_flight, budget.last_start, budget.paused_until)
            for budget in self._account.budgets.values()
        ]
        return started, len(self._waiting), counted, self._limiter.snapshot()

    def _start(self, budgets: tuple[str, ...], *, wait: bool) -> bool:
        if self._quick and self._limiter.start_if_free(budgets):
            self._in_flight.append(budgets)
            return True
        ticket = self._limiter.join(budgets, PATIENCE, None, 1)
        self._waiting.append(ticket)
        started = self._look(ticket)
        if not wait and ticket in self._waiting:
            self._leave(ticket)
        return started

    def _look(self, ticket: Ticket) -> bool:
        try:
            starts = self._limiter.look(ticket).seconds == 0
        except RateLimitedError:
            self._leave(ticket)
            return False
        if starts:
            self._in_flight.append(ticket.budgets)
            self._leave(ticket)
        return starts

    def _leave(self, ticket: Ticket) -> None:
        self._waiting.remove(ticket)
        with self._limiter.in_line(ticket):
            pass


@pytest.mark.parametrize("learns", [False, True], ids=["fixed", "learned"])
@example(schedule=[Start(10, ("source",), wait=True), Start(20, (), wait=False)])
@example(
    schedule=[
        Start(10, (), wait=True),
        End(0, 429, {"Retry-After": "8"}, sent=True),
        Pass(9.0),
        Start(2, (), wait=True),
    ]
)
@example(
    schedule=[
        Start(2, (), wait=False),
        End(0, 200, {LIMIT_HEADER: "60"}, sent=True),
        End(0, 200, {LIMIT_HEADER: "500"}, sent=True),
    ]
)
@settings(max_examples=sample(40, 3_000))
@given(schedule=st.lists(steps, min_size=5, max_size=40))
def test_a_quick_start_is_one_of_the_general_road(
    schedule: list[Step],
    learns: bool,  # noqa: FBT001 - a column
) -> None:
    """
    Whatever is in flight, waits, is reported or paused: the same requests start at the same times.

    The oracle joins the line for every request, and reads the headers of every response. With quick
    starts and ends the counts, the pauses and the lines are the same after every step.
    """

    async def compare() -> None:
        quick, oracle = Driver(quick=True, learns=learns), Driver(quick=False, learns=learns)
        for step in schedule:
            assert quick.take(step) == oracle.take(step), step

    asyncio.run(compare())
