"""Waits end in time, each with an error of its own, and with the token to resume them."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import math
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from fivetran_async import (
    AsyncFivetran,
    AuthenticationError,
    FanOutFailure,
    FivetranError,
    InvalidArgumentError,
    SessionClosedError,
    fan_out,
)
from fivetran_async._clock import SYSTEM_CLOCK
from fivetran_async._http.shared_work import own_copy
from fivetran_async.syncs import SyncOutcome, SyncPolicy
from fivetran_async.testing import FakeFivetran, Fault
from syncs.account_clock import AccountClock

SHORT = 0.8
LATE = 8.0
"""Seconds after which a wait of 0.8 s has surely outlived its timeout, on any machine."""
HANG = Fault.hang()


@pytest.fixture
async def live() -> Any:  # noqa: ANN401
    """An account that runs by the machine's clock."""
    async with FakeFivetran() as fake:
        yield fake


def hanging(fake: FakeFivetran, operation: str, nth: int = 1) -> None:
    """Have an operation hang from its nth request on."""
    if nth > 1:
        fake.fail(operation, fault=Fault.delay(0), times=nth - 1)
    fake.fail(operation, fault=HANG, times=None)


@pytest.mark.parametrize(
    ("operation", "nth", "triggered"),
    [
        ("connections.get", 1, False),
        ("connections.sync", 1, True),
        ("connections.get", 2, True),
        ("connections.list_sync_history", 1, True),
    ],
    ids=["first read", "trigger", "poll", "history"],
)
async def test_timeout_covers_every_request(
    live: FakeFivetran,
    operation: str,
    nth: int,
    triggered: bool,  # noqa: FBT001
) -> None:
    """
    Whichever request hangs, `timeout` is kept, and after the trigger there is a token.

    Siblings: `run_all`, `wait_for_sync`, `resume_wait`, transformations, private links, pauses.
    """
    connection_id = live.add_connection()
    live.plan_sync(connection_id, duration=0.0 if "history" in operation else 3600)
    hanging(live, operation, nth)
    began = time.monotonic()
    async with live.client() as fivetran:
        outcome = await fivetran.connections.sync_and_wait(
            connection_id, timeout=SHORT, policy=SyncPolicy(min_interval=0.1, max_interval=0.1)
        )
    assert time.monotonic() - began < LATE
    assert outcome.status == "timed_out"
    assert (outcome.token is not None) == triggered
    assert outcome.triggers == int(triggered)


async def test_history_that_hangs_costs_only_the_id(live: FakeFivetran) -> None:
    """The end is known, so the outcome is there by the timeout, without the sync's id."""
    connection_id = live.add_connection()
    live.plan_sync(connection_id, duration=1.2)
    hanging(live, "connections.list_sync_history")
    began = time.monotonic()
    policy = SyncPolicy(min_interval=0.1, max_interval=0.1)
    async with live.client() as fivetran:
        outcome = await fivetran.connections.sync_and_wait(
            connection_id, timeout=2.5, policy=policy
        )
    assert time.monotonic() - began < 2.5 + LATE
    assert (outcome.status, outcome.sync_id) == ("succeeded", None)


async def run_all(fivetran: AsyncFivetran, connection_id: str, policy: SyncPolicy) -> object:
    """Wait for many."""
    async with fivetran.syncs.run_all([connection_id], policy=policy) as outcomes:
        return await anext(outcomes)


async def wait_for_sync(fivetran: AsyncFivetran, connection_id: str, policy: SyncPolicy) -> object:
    """Wait without a trigger."""
    return await fivetran.connections.wait_for_sync(connection_id, policy=policy)


async def resume(fivetran: AsyncFivetran, connection_id: str, policy: SyncPolicy) -> object:
    """Wait by a token."""
    watch = {"connection_id": connection_id, "triggers": 1}
    token = json.dumps({"version": 1, "watch": watch, "policy": {}})
    return await fivetran.resume_wait(token, timeout=policy.timeout)


async def pause(fivetran: AsyncFivetran, connection_id: str, policy: SyncPolicy) -> object:
    """Wait for a pause."""
    async with fivetran.syncs.paused(connection_id, timeout=policy.timeout):
        return None


async def private_link(fivetran: AsyncFivetran, _: str, policy: SyncPolicy) -> object:
    """Wait for a private link."""
    return await fivetran.private_links.wait_until_ok("link", policy=policy)


async def transformation(fivetran: AsyncFivetran, _: str, policy: SyncPolicy) -> object:
    """Wait for a transformation."""
    return await fivetran.transformations.run_and_wait("transformation", policy=policy)


async def setup_tests(fivetran: AsyncFivetran, connection_id: str, _: SyncPolicy) -> object:
    """Wait for setup tests."""
    return await fivetran.connections.test_until_connected(connection_id)


async def sync_and_wait(fivetran: AsyncFivetran, connection_id: str, policy: SyncPolicy) -> object:
    """Wait for one sync."""
    return await fivetran.connections.sync_and_wait(connection_id, policy=policy)


OTHERS = [run_all, wait_for_sync, resume, pause, private_link, transformation]
Way = Callable[[AsyncFivetran, str, SyncPolicy], Awaitable[object]]


@pytest.mark.parametrize("wait", OTHERS)
async def test_timeout_covers_the_first_read_of_every_wait(live: FakeFivetran, wait: Way) -> None:
    """A server that accepts requests and never responds delays no wait beyond its timeout."""
    connection_id = live.add_connection()
    live.fail(fault=HANG, times=None)
    policy = SyncPolicy(timeout=SHORT, min_interval=0.1, max_interval=0.1)
    began = time.monotonic()
    async with live.client() as fivetran:
        try:
            ended = await wait(fivetran, connection_id, policy)
        except FivetranError as error:
            ended = error
    assert time.monotonic() - began < LATE
    assert isinstance(ended, FivetranError | SyncOutcome)


@pytest.mark.parametrize("given", [False, True], ids=["own session", "given session"])
@pytest.mark.parametrize("wait", [sync_and_wait, setup_tests, *OTHERS])
async def test_closing_ends_every_wait(
    live: FakeFivetran,
    wait: Way,
    given: bool,  # noqa: FBT001
) -> None:
    """
    `aclose()` ends reads, sleeps and polls at once, also on an aiohttp session that stays open.

    Siblings: single syncs, setup tests, `run_all`, spectators, tokens, pauses, private links,
    transformations.
    """
    connection_id = live.add_connection()
    live.fail(fault=HANG, times=None)
    async with aiohttp.ClientSession() as session:
        options: dict[str, Any] = {"session": session} if given else {}
        fivetran = live.client(**options)
        waiting = asyncio.ensure_future(_ended(wait(fivetran, connection_id, SyncPolicy())))
        while not live.requests:  # noqa: ASYNC110 - the server has no event
            await asyncio.sleep(0.001)
        await fivetran.aclose()
        ended = await asyncio.wait_for(waiting, LATE)
    error = ended.error if isinstance(ended, SyncOutcome) else ended
    assert isinstance(error, SessionClosedError)


async def _ended(wait: Awaitable[object]) -> object:
    try:
        return await wait
    except FivetranError as error:
        return error


@pytest.mark.parametrize("wait", [sync_and_wait, run_all])
@pytest.mark.parametrize("moment", ["trigger", "sleep"])
async def test_closed_wait_can_be_resumed(live: FakeFivetran, wait: Way, moment: str) -> None:
    """After the trigger was sent, the error carries the token that resumes the wait."""
    connection_id = live.add_connection()
    live.sync_duration = 0.5
    if moment == "trigger":
        live.fail("connections.sync", fault=Fault.hang(applied=True))
    fivetran = live.client()
    policy = SyncPolicy(min_interval=0.2, max_interval=0.2)
    waiting = asyncio.ensure_future(_ended(wait(fivetran, connection_id, policy)))
    while not live.requests_for("connections.sync"):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    if moment == "sleep":
        await asyncio.sleep(0.1)
    await fivetran.aclose()
    ended = await asyncio.wait_for(waiting, LATE)
    assert isinstance(ended, FivetranError | SyncOutcome)
    token = ended.token
    assert token is not None
    async with live.client() as other:
        outcome = await other.resume_wait(token, timeout=30)
    assert outcome.status == "succeeded"
    assert len(live.requests_for("connections.sync")) == 1


async def test_closing_ends_a_batch_with_a_token_for_each(
    fake: FakeFivetran, clock: AccountClock
) -> None:
    """Outcomes that are left come at once, with the error and what resumes the wait."""
    fivetran = fake.client(_clock=clock, rate_limits=None)
    ids = [fake.add_connection() for _ in range(5)]
    for each in ids:
        fake.plan_sync(each, "stuck")
    async with fivetran.syncs.run_all(ids) as outcomes:
        while outcomes.progress.to_start:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.001)
        await fivetran.aclose()
        ended = [outcome async for outcome in outcomes]
    assert {type(outcome.error) for outcome in ended} == {SessionClosedError}
    assert len({id(outcome.error) for outcome in ended}) == 5
    assert all(outcome.token for outcome in ended)


async def test_closed_session_refuses_new_waits(fake: FakeFivetran, clock: AccountClock) -> None:
    """A run that is awaited after its session was closed keeps its token."""
    fivetran = fake.client(_clock=clock, rate_limits=None)
    run = await fivetran.connections.start_sync(fake.add_connection())
    await fivetran.aclose()
    for _ in range(2):
        with pytest.raises(SessionClosedError) as info:
            await run.wait()
        assert info.value.token == run.to_token()


async def test_failing_poll_raises_an_error_of_its_own(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """200 waits that break together share no exception: each has its source and short traceback."""
    ids = [fake.add_connection() for _ in range(200)]
    runs = [await fivetran.connections.start_sync(each) for each in ids]
    fake.fail("connections.list", fault=Fault.status(401), times=None)
    fake.fail("connections.get", fault=Fault.status(401), times=None)
    failures = await asyncio.gather(*(run.wait() for run in runs), return_exceptions=True)
    errors = [error for error in failures if isinstance(error, AuthenticationError)]
    assert len({id(error) for error in errors}) == 200
    assert all(len(traceback.extract_tb(error.__traceback__)) < 10 for error in errors)
    assert {json.loads(error.token or "")["watch"]["connection_id"] for error in errors} == set(ids)
    assert {error.status for error in errors} == {401}


async def test_failing_poll_in_a_fan_out_names_its_source(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The error of a wait inside a fan-out belongs to its own connection."""
    ids = [fake.add_connection() for _ in range(20)]
    runs = {each: await fivetran.connections.start_sync(each) for each in ids}
    fake.fail("connections.*", fault=Fault.status(401), times=None)
    found: dict[str, object] = {}
    async with fan_out(
        ids, lambda each: runs[each].wait(), concurrency=20, on_error="yield"
    ) as results:
        async for source, result in results:
            assert isinstance(result, FanOutFailure)
            assert isinstance(result.error, FivetranError)
            found[source] = result.error.fan_out_source
    assert found == {each: each for each in ids}


def test_copies_of_errors() -> None:
    """A copy keeps all but the traceback, for itself; an error that cannot be copied stays."""
    original = FivetranError("broken", status=500, retry_after=3.0)
    original.add_note("of all")
    original.__cause__ = ValueError("why")
    try:
        raise original
    except FivetranError as error:
        twin = own_copy(error)
    assert twin is not original
    assert (str(twin), twin.retry_after) == (str(original), 3.0)
    assert (twin.__cause__, twin.__traceback__) == (original.__cause__, None)
    twin.add_note("of one")
    assert original.__notes__ == ["of all"]
    assert twin.__notes__ == ["of all", "of one"]

    class OddError(Exception):
        def __init__(self, first: str, second: str) -> None:
            super().__init__(first)
            self.second = second

    odd = OddError("one", "two")
    assert own_copy(odd) is odd


ODD_REFUSAL = json.dumps(
    {
        "version": 1,
        "watch": {"connection_id": "one"},
        "policy": {},
        "refusal": {"status": "odd", "reason": ""},
    }
)
EDGES = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00"]
DATES = [
    "Mon, 01 Jan 0001 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Mon, 23 Nov 99999999999999999999 12:00:00 GMT",
    "Mon, 23 Nov 2026 12:00:00 +99999999999999999999",
    "Mon, 23 Nov 2026",
    "not a date",
    "",
]


@pytest.mark.parametrize("date", DATES)
async def test_absurd_dates_of_the_server(
    fake: FakeFivetran, fivetran: AsyncFivetran, date: str
) -> None:
    """Without a clock of the server, a sync that is seen running is still judged right."""
    for end in ("succeeded", "failed"):
        connection_id = fake.add_connection(succeeded_at="2026-01-02T03:04:05Z")
        fake.plan_sync(connection_id, end)
        fake._server.date = date
        outcome = await fivetran.connections.sync_and_wait(connection_id)
        assert outcome.status == end


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("name", ["succeeded_at", "failed_at", "rescheduled_for"])
async def test_times_at_the_edges_of_the_calendar(
    fake: FakeFivetran, fivetran: AsyncFivetran, edge: str, name: str
) -> None:
    """A record with a time of year 1 or 9999, before or after the trigger, ends in an outcome."""
    for moment in (0.0, 30.0):
        connection_id = fake.add_connection()
        fake.clock.call_later(
            moment,
            lambda: fake.change("connections", connection_id, **{name: edge}),  # noqa: B023
        )
        if not moment:
            fake.clock.run_due()
        outcome = await fivetran.connections.sync_and_wait(connection_id, timeout=7200)
        assert isinstance(outcome, SyncOutcome)
        event = {"event": "sync_end", "connector_id": connection_id, "created": edge}
        fivetran.syncs.feed(event)


@pytest.mark.parametrize("edge", EDGES)
async def test_tokens_and_events_at_the_edges_of_the_calendar(
    fake: FakeFivetran, fivetran: AsyncFivetran, edge: str
) -> None:
    """A token or an event with such a time is taken or refused, and breaks nothing."""
    run = await fivetran.connections.start_sync(fake.add_connection())
    token = json.loads(run.to_token())
    for name in ("read_at", "accepted_at", "accepted_first", "sent_at", "succeeded_at", "doubt"):
        token["watch"][name] = edge
    try:
        resumed = await fivetran.syncs.resume(json.dumps(token), timeout=600)
    except InvalidArgumentError:
        # A time before year 1 in UTC cannot be read at all.
        assert edge.endswith("+14:00")
        return
    waiting = asyncio.ensure_future(resumed.wait())
    await asyncio.sleep(0)
    for name in ("sync_start", "sync_end"):
        event = {"event": name, "connector_id": run.connection_id, "created": edge}
        fivetran.syncs.feed(event)
        fivetran.syncs.feed(event | {"created": edge.rstrip("Z")})
    assert isinstance(await waiting, SyncOutcome)


@pytest.mark.parametrize(
    "token",
    [
        "[" * 100_000,
        '{"version": 1, "watch": {"connection_id": "one"}, "policy": {"timeout": 1e999}}',
        '{"version": 1, "watch": {"connection_id": "one"}, "policy": {"timeout": '
        + "9" * 400
        + "}}",
        '{"version": 1, "watch": {"connection_id": "one"}, "policy": {}, "refusal": {"status": 7}}',
        '{"version": 1, "watch": {"connection_id": "one"}, "policy": {}, "refusal": []}',
        ODD_REFUSAL,
        '{"version": 1, "watch": 7, "policy": {}}',
        '{"version": 1, "watch": ["told"], "policy": {}}',
        '{"version": 1, "watch": {"connection_id": "one"}, "policy": []}',
        '{"version": 1, "watch": {"connection_id": "one"}, "policy": {"min_interval": 0.01}}',
    ],
)
async def test_unreadable_tokens(fake: FakeFivetran, fivetran: AsyncFivetran, token: str) -> None:
    """A text that is not a token is refused as an argument, whatever is wrong with it."""
    with pytest.raises(InvalidArgumentError, match="token"):
        await fivetran.resume_wait(token)
    assert not fake.requests


async def test_token_of_an_earlier_release(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """What a webhook event had reported is kept, under the name that it had in the token."""
    connection_id = fake.add_connection(sync_state="scheduled")
    watch = {"connection_id": connection_id, "triggers": 1, "started": True, "told": "failed"}
    token = json.dumps({"version": 1, "watch": watch, "policy": {}})
    run = await fivetran.syncs.resume(token)
    written = json.loads(run.to_token())["watch"]
    assert (written["reported"], "told" in written) == ("failed", False)


async def test_shortest_interval_is_honoured(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Ten polls a second are polls every 0.1 s, and not every second."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, duration=0.45)
    run = await fivetran.connections.start_sync(
        connection_id, policy=SyncPolicy(min_interval=0.1, max_interval=0.1)
    )
    fake.requests.clear()
    await run.wait()
    times = [request.time for request in fake.requests_for("connections.get")]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(gaps) >= 3
    assert all(0.099 <= gap <= 0.13 for gap in gaps)


@pytest.mark.parametrize("seconds", [0.0999, 1e-9, 0, -1, math.nan])
def test_shorter_intervals_are_refused(seconds: float) -> None:
    """A value that would not be honoured is an error that names what is allowed."""
    with pytest.raises(InvalidArgumentError, match=r"min_interval must be .*0\.1|positive"):
        SyncPolicy(min_interval=seconds)


@pytest.mark.parametrize("seconds", [10**400, 1e300, math.inf])
def test_endless_timeouts_are_refused(seconds: float) -> None:
    """Numbers beyond any date are refused, also those too large for a float."""
    with pytest.raises(InvalidArgumentError, match="timeout must be a positive number of seconds"):
        SyncPolicy(timeout=seconds)


async def test_slow_trigger_does_not_use_up_the_time_to_begin(
    fake: FakeFivetran, clock: AccountClock, fivetran: AsyncFivetran
) -> None:
    """A trigger that is accepted after 400 s leaves the sync all of its 300 s to begin."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, start_after=200)
    limited = Fault.status(429, headers={"Retry-After": "20"})
    fake.fail("connections.sync", fault=limited, times=2)
    clock.advance(1.0)
    outcome = await fivetran.connections.sync_and_wait(connection_id)
    assert outcome.status == "succeeded"


async def test_waits_outlive_their_event_loop_in_no_way(fake: FakeFivetran) -> None:
    """Deadlines measure by both clocks, and a poller leaves nothing behind when it is collected."""
    async with fake.client(_clock=SYSTEM_CLOCK, rate_limits=None) as fivetran:
        connection_id = fake.add_connection()
        fake.plan_sync(connection_id, "stuck")
        outcome = await fivetran.connections.sync_and_wait(connection_id, timeout=0.2)
        assert outcome.status == "timed_out"
    gc.collect()
