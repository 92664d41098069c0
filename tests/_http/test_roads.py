"""The quick road of an attempt and the general one: the same requests, outcomes and reports."""

from __future__ import annotations

import asyncio
import itertools
import pickle
from collections.abc import Mapping
from typing import Any, Final

import attrs
import pytest

from fivetran_async import AsyncFivetran, ConcurrencyLimiter, FivetranError, Hooks
from fivetran_async._http.quick_road import QuickRoad
from fivetran_async.events import ResponseEvent
from fivetran_async.limits import BudgetState, RateLimits
from matrix.cells import PromptServer
from matrix.virtual_time import LoopClock, run
from quota.rolling import limiter_of
from support import faults
from support.each import for_each
from support.faults import Fault, FaultServer, WireRequest
from support.samples import sample
from support.sessions import GROUP, KEY, SECRET, STEADY, refusal, session_at, success

NEVER: Final = 1_000_000.0
"""Seconds of a deadline that no call of these tests reaches, and that takes the general road."""

QUOTA: Final = {"X-Rate-Limit": "500", "X-Rate-Limit-Remaining": "321"}
RESPONSES: Final = (
    success(GROUP),
    success(GROUP, headers=QUOTA),
    success(),
    refusal(400, headers=QUOTA),
    refusal(401),
    refusal(404),
    refusal(429, headers={"Retry-After": "3", **QUOTA}),
    refusal(429),
    refusal(500),
    refusal(503, headers={"Retry-After": "1"}),
    Fault("informational", faults.reply(101).play),
)
FAULTS: Final = (
    *RESPONSES,
    *faults.BEFORE_ANSWER,
    faults.HANG,
    *faults.BAD_FRAMING,
    *faults.UNREADABLE_BODY,
    faults.HANG_IN_BODY,
    *faults.NOT_JSON,
    *faults.NOT_AN_OBJECT,
    faults.BYTE_ORDER_MARK,
    faults.GZIP_BOMB,
)


@attrs.frozen
class Course:
    """What happened: on the wire, to the caller, to the hooks and to the quotas."""

    played: list[str]
    requests: list[tuple[object, ...]]
    outcome: object
    events: list[tuple[object, ...]]
    quotas: Mapping[str, BudgetState]


def seen(request: WireRequest) -> tuple[object, ...]:
    """Return a request without the port of its server."""
    headers = {name: text for name, text in request.headers.items() if name != "host"}
    return request.verb, request.target, headers, request.body, request.connection


def noted(event: ResponseEvent) -> tuple[object, ...]:
    """Return an event without what differs between any two calls."""
    error = event.error
    facts = (event.operation, event.path, event.attempt, event.status)
    return *facts, event.bytes_sent, event.bytes_received, type(error), getattr(error, "fate", None)


async def course_of(fault: Fault, verb: str, deadline: float | None, *, warm: bool) -> Course:
    """Meet a fault three times."""
    events: list[ResponseEvent] = []
    limiter = ConcurrencyLimiter(2)
    async with (
        PromptServer(answer=lambda _: success(GROUP)) as server,
        AsyncFivetran(
            KEY,
            SECRET,
            base_url=server.url,
            retry=STEADY,
            timeouts=2,
            max_response_bytes=4_096,
            hooks=Hooks(on_response=events.append),
            limiter=limiter,
            rate_limits=limiter_of(RateLimits()),
            _clock=LoopClock(),
        ) as fivetran,
    ):
        assert isinstance(fivetran._transport._road, QuickRoad)
        if warm:
            await fivetran.groups.get("warm")
        server.script = [fault] * 3
        view = fivetran.with_options(deadline=deadline)
        outcome: Any
        try:
            if verb == "GET":
                outcome = await view.groups.get("some_id")
            elif verb == "DELETE":
                outcome = await view.groups.delete("some_id", confirm=True)
            else:
                outcome = await view.groups.create(name="name")
        except FivetranError as error:
            facts = (error.fate, error.fault, error.attempts, error.status, error.retry_after)
            text = str(error).replace(server.url, "URL")
            outcome = type(error), text, *facts, getattr(error, "advice", ""), error.retryable
        assert (limiter.in_use, limiter.waiting) == (0, 0)
        return Course(
            server.played,
            [seen(request) for request in server.requests],
            outcome,
            [noted(event) for event in events],
            fivetran.limits.snapshot(),
        )


CASES: Final = list(itertools.product(FAULTS, ("GET", "POST", "DELETE"), (False, True)))


@for_each("fault, verb, warm", CASES[:: sample(7, 1)])
def test_both_roads_take_the_same_course(fault: Fault, verb: str, warm: bool) -> None:  # noqa: FBT001 - a column
    """Whatever the server does, a call with a distant deadline ends as one without."""
    quick = run(lambda: course_of(fault, verb, None, warm=warm))
    general = run(lambda: course_of(fault, verb, NEVER, warm=warm))
    assert quick == general
    assert fault.name in quick.played


async def test_an_event_is_as_its_class_makes_it() -> None:
    """Events of attempts are filled one field at a time, and are complete, equal and frozen."""
    events: list[ResponseEvent] = []
    async with (
        FaultServer(answer=lambda _: success(GROUP)) as server,
        session_at(server.url, hooks=Hooks(on_response=events.append)) as fivetran,
    ):
        await fivetran.groups.get("some_id")
    (event,) = events
    fields = {field.name: getattr(event, field.name) for field in attrs.fields(ResponseEvent)}
    made = ResponseEvent(**fields)
    assert type(event) is ResponseEvent
    assert (event, hash(event), repr(event)) == (made, hash(made), repr(made))
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301 - our own
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.path = ""  # type: ignore[misc]


@pytest.mark.parametrize("deadline", [None, NEVER])
async def test_a_request_is_announced_once_before_its_turn(deadline: float | None) -> None:
    """Each request is announced once, on either road, and when one leaves it to the other."""
    limiter = ConcurrencyLimiter(1)
    announced: list[tuple[str, int]] = []
    hooks = Hooks(on_request=lambda event: announced.append((event.path, limiter.waiting)))
    async with (
        FaultServer(answer=lambda _: success(GROUP)) as server,
        session_at(server.url, hooks=hooks, limiter=limiter) as fivetran,
    ):
        view = fivetran.with_options(deadline=deadline)
        assert isinstance(view._transport._road, QuickRoad)
        await asyncio.gather(*(view.groups.get(name) for name in ("one", "two", "three")))
    assert announced == [("/v1/groups/one", 0), ("/v1/groups/two", 0), ("/v1/groups/three", 1)]
