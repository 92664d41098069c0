"""The events of hooks and the fields of log records: what they have, and when they come."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

import anyio
import pytest

from fivetran_async import (
    AsyncFivetran,
    ConcurrencyLimiter,
    FanOutFailure,
    FivetranError,
    Hooks,
    InvalidArgumentError,
    NotFoundError,
    RateLimitedError,
    RateLimits,
    ReadOnlyError,
    RetryPolicy,
    Serializable,
    SessionClosedError,
)
from fivetran_async._http.observing import new_id
from fivetran_async.events import (
    ActivityEndEvent,
    ActivityStartEvent,
    CallEndEvent,
    CallStartEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    WaitEvent,
)
from fivetran_async.limits import Quota
from fivetran_async.testing import FakeFivetran, Fault
from support.fake_clock import FakeClock
from support.faults import HANG, FaultServer
from support.sessions import KEY, ONE_GROUP, SECRET, STEADY, page, refusal, session_at, success
from support.waiting import until

ACCOUNT: Final = hashlib.sha256(KEY.encode()).hexdigest()[:16]
IMPATIENT: Final = RetryPolicy(max_attempts=1, max_local_wait=0.0)
BUSY: Final = refusal(503, "Busy", "later")


class Heard:
    """Keeps all events in the order in which they came."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        hear = self.events.append
        self.hooks = Hooks(
            on_call_start=hear,
            on_call_end=hear,
            on_request=hear,
            on_response=hear,
            on_retry=hear,
            on_wait=hear,
            on_activity_start=hear,
            on_activity_end=hear,
        )

    @property
    def kinds(self) -> list[str]:
        """The names of the events' classes."""
        return [type(event).__name__.removesuffix("Event") for event in self.events]

    def of(self, kind: type) -> list[Any]:
        """Return the events of exactly one class."""
        return [event for event in self.events if type(event) is kind]


async def test_all_events_of_a_call_belong_together(clock: FakeClock) -> None:
    """They have one call id, the operation, its template and the account; the end adds up."""
    heard = Heard()
    async with (
        FaultServer(BUSY, ONE_GROUP) as server,
        session_at(server.url, hooks=heard.hooks, retry=STEADY, _clock=clock) as fivetran,
    ):
        await fivetran.groups.get("decent_dropsy")
    assert heard.kinds == [
        *("CallStart", "Request", "Response", "Retry", "Request", "Response", "CallEnd")
    ]
    for event in heard.events:
        assert event.operation == "groups.get"
        assert event.template == "/v1/groups/{group_id}"
        assert (event.verb, event.path) == ("GET", "/v1/groups/decent_dropsy")
        assert event.account == ACCOUNT
        assert event.call_id == heard.events[0].call_id
        assert event.activity_id is None
    assert [event.attempt for event in heard.events[1:-1]] == [1, 1, 1, 2, 2]
    first, second = heard.of(ResponseEvent)
    assert (first.status, type(first.error).__name__) == (503, "ServerError")
    assert (second.status, second.error) == (200, None)
    (retry,) = heard.of(RetryEvent)
    assert (retry.delay, retry.error.status) == (1.0, 503)
    (end,) = heard.of(CallEndEvent)
    assert (end.outcome, end.attempts, end.status, end.error) == ("success", 2, 200, None)
    assert (end.seconds, end.waited_to_retry) == (1.0, 1.0)
    assert end.bytes_received == first.bytes_received + second.bytes_received > 0


async def test_calls_have_ids_of_their_own() -> None:
    """Two calls at once have different ids, of 16 hexadecimal digits."""
    heard = Heard()
    async with (
        FaultServer(*[ONE_GROUP] * 5) as server,
        session_at(server.url, hooks=heard.hooks) as fivetran,
    ):
        await asyncio.gather(*(fivetran.groups.get("g") for _ in range(5)))
    ids = {event.call_id for event in heard.events}
    assert len(ids) == 5
    assert all(len(each) == 16 and int(each, 16) for each in ids)


async def test_no_event_has_a_secret_or_a_query() -> None:
    """Neither the key, nor the secret, nor a value of the query is in any event."""
    heard = Heard()
    async with (
        FaultServer(page(["g"])) as server,
        session_at(server.url, hooks=heard.hooks) as fivetran,
    ):
        await fivetran.connections.list(group_id="hidden_group", schema="hidden_schema").collect()
    text = "".join(f"{event!r}{event.to_dict()}" for event in heard.events)
    assert "/v1/connections" in text
    for hidden in (KEY, SECRET, "hidden_group", "hidden_schema"):
        assert hidden not in text


async def test_sizes_are_counted() -> None:
    """The bytes of both bodies are in the events of the request, the response and the call."""
    heard = Heard()
    async with (
        FaultServer(success({"id": "g", "name": "n"})) as server,
        session_at(server.url, hooks=heard.hooks) as fivetran,
    ):
        await fivetran.groups.create(name="n")
    sent = len('{"name":"n"}')
    received = len('{"code": "Success", "data": {"id": "g", "name": "n"}}')
    assert [event.bytes_sent for event in heard.of(RequestEvent)] == [sent]
    for event in (*heard.of(ResponseEvent), *heard.of(CallEndEvent)):
        assert (event.bytes_sent, event.bytes_received) == (sent, received)


async def test_waits_for_a_slot_are_measured() -> None:
    """The second of two calls waits for the slot of the first, and not for a quota."""
    heard = Heard()
    async with (
        FakeFivetran(latency=0.05) as fake,
        fake.client(hooks=heard.hooks, limiter=ConcurrencyLimiter(1)) as fivetran,
    ):
        await asyncio.gather(*(fivetran.account.get_info() for _ in range(2)))
    first, second = heard.of(ResponseEvent)
    assert first.waited_for_slot == 0
    assert second.waited_for_slot > 0.04
    assert second.waited_for_quota < second.waited_for_slot
    assert second.seconds > 0.04
    assert [end.waited_for_slot for end in heard.of(CallEndEvent)] == [0, second.waited_for_slot]


async def test_waits_for_a_quota_are_measured(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The call that waits is in `on_wait` and in the log record; its events have the seconds."""
    heard = Heard()
    caplog.set_level(logging.INFO, "fivetran_async")
    quotas = RateLimits(quotas={"requests": (Quota(1, 60.0),)})
    async with (
        FaultServer(ONE_GROUP, ONE_GROUP) as server,
        session_at(server.url, hooks=heard.hooks, rate_limits=quotas, _clock=clock) as fivetran,
    ):
        for _ in range(2):
            await fivetran.groups.get("g")
    assert heard.kinds.index("Wait") == 6, "between the second request and its response"
    (wait,) = heard.of(WaitEvent)
    assert (wait.quota, wait.waiting, wait.seconds, wait.attempt) == ("requests", 1, 60.0, 1)
    assert wait.call == heard.of(CallStartEvent)[1]
    assert [event.waited_for_quota for event in heard.of(ResponseEvent)] == [0.0, 60.0]
    end = heard.of(CallEndEvent)[1]
    assert (end.waited_for_quota, end.seconds) == (60.0, 60.0)
    (record,) = caplog.records
    assert (
        fields_of(record)
        >= {
            "operation": "groups.get",
            "call_id": wait.call.call_id,
            "account": ACCOUNT,
            "quota": "requests",
            "waiting": 1,
            "seconds": 60.0,
            "paused": False,
            "attempt": 1,
        }.items()
    )


def fields_of(record: logging.LogRecord) -> Any:  # noqa: ANN401
    """Return what a record has beside the attributes of every record."""
    usual = {*vars(logging.makeLogRecord({})), "message", "asctime"}
    return {name: value for name, value in vars(record).items() if name not in usual}.items()


async def test_log_records_have_the_same_fields(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests and retries are logged with the fields of their events, as `extra`."""
    caplog.set_level(logging.DEBUG, "fivetran_async")
    heard = Heard()
    async with (
        FaultServer(BUSY, ONE_GROUP) as server,
        session_at(server.url, hooks=heard.hooks, retry=STEADY, _clock=clock) as fivetran,
    ):
        await fivetran.groups.get("decent_dropsy")
    request, retry, _ = [each for each in caplog.records if each.name == "fivetran_async"]
    response = heard.of(ResponseEvent)[0].to_dict(include_empty=True)
    del response["error"]
    assert fields_of(request) == response.items()
    repeated = heard.of(RetryEvent)[0].to_dict(include_empty=True)
    del repeated["error"]
    assert fields_of(retry) == {**repeated, "status": 503}.items()


async def test_the_log_needs_no_hooks(caplog: pytest.LogCaptureFixture) -> None:
    """Without hooks the records have the fields, too, and so has the error."""
    caplog.set_level(logging.DEBUG, "fivetran_async")
    async with (
        FaultServer(refusal(404, "NotFound_Group")) as server,
        session_at(server.url) as fivetran,
    ):
        with pytest.raises(NotFoundError) as caught:
            await fivetran.groups.get("g")
    (record,) = [each for each in caplog.records if each.name == "fivetran_async"]
    known = dict(fields_of(record))
    assert (known["operation"], known["status"], known["account"]) == ("groups.get", 404, ACCOUNT)
    assert known["call_id"] == caught.value.call_id


async def test_calls_without_hooks_need_no_ids() -> None:
    """A call that no hook and no log hears of gets no id: nothing is made for it."""
    async with FaultServer(*[ONE_GROUP] * 3) as server, session_at(server.url) as fivetran:
        before = int(new_id(), 16)
        for _ in range(3):
            await fivetran.groups.get("g")
        assert int(new_id(), 16) == before + 1


async def test_failures_end_calls() -> None:
    """The end has the error; a call that is refused before any I/O has no events."""
    heard = Heard()
    async with (
        FaultServer(refusal(404, "NotFound_Group")) as server,
        session_at(server.url, hooks=heard.hooks, read_only=True) as fivetran,
    ):
        with pytest.raises(NotFoundError) as caught:
            await fivetran.groups.get("g")
        with pytest.raises(ReadOnlyError):
            await fivetran.groups.create(name="n")
    (end,) = heard.of(CallEndEvent)
    assert (end.outcome, end.status, end.error) == ("error", 404, caught.value)
    assert caught.value.call_id == end.call_id
    assert len(heard.of(CallStartEvent)) == 1


@pytest.mark.parametrize("slow_hook", [False, True])
async def test_cancellation_ends_calls(slow_hook: bool) -> None:  # noqa: FBT001 - a column
    """A cancelled call ends, once, also with a hook that awaits; the cancellation goes on."""
    heard: list[CallEndEvent] = []

    async def hear(event: CallEndEvent) -> None:
        await asyncio.sleep(0.01)
        heard.append(event)

    hooks = Hooks(on_call_end=hear if slow_hook else heard.append)
    async with FaultServer(HANG) as server, session_at(server.url, hooks=hooks) as fivetran:
        task = asyncio.create_task(fivetran.groups.get("g"))
        await until(lambda: server.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [(event.outcome, event.attempts, event.error) for event in heard] == [
        ("cancelled", 1, None)
    ]


async def test_call_that_is_cancelled_in_its_first_hook_ends() -> None:
    """A hook that heard of its start hears of its end, too: no span or gauge stays open."""
    heard: list[str] = []

    async def start(_: CallStartEvent) -> None:
        heard.append("start")
        await asyncio.sleep(60)

    hooks = Hooks(on_call_start=start, on_call_end=lambda event: heard.append(event.outcome))
    async with FaultServer() as server, session_at(server.url, hooks=hooks) as fivetran:
        task = asyncio.create_task(fivetran.groups.get("g"))
        await until(lambda: heard)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert server.requests == []
    assert heard == ["start", "cancelled"]


async def test_hooks_that_await_hear_of_what_anyio_cancels() -> None:
    """Where every `await` of a cancelled task ends at once, a hook runs to its end all the same."""
    heard: list[str] = []

    async def hear(event: CallEndEvent) -> None:
        await asyncio.sleep(0.01)
        heard.append(event.outcome)

    hooks = Hooks(on_call_end=hear)
    async with (
        FaultServer(HANG) as server,
        session_at(server.url, hooks=hooks) as fivetran,
        anyio.create_task_group() as group,
    ):
        group.start_soon(fivetran.groups.get, "g")
        await until(lambda: server.requests)
        group.cancel_scope.cancel()
    assert heard == ["cancelled"]


async def test_abandoned_calls_end() -> None:
    """A coroutine that is closed reports its end without awaiting the hook."""
    heard: list[str] = []

    async def hear(_: CallEndEvent) -> None:
        heard.append("awaited")

    for hooks in (
        Hooks(on_call_end=lambda event: heard.append(event.outcome)),
        Hooks(on_call_end=hear),
    ):
        slot = ConcurrencyLimiter(1)
        async with (
            FakeFivetran() as fake,
            fake.client(hooks=hooks, limiter=slot) as fivetran,
            slot,
        ):
            call = fivetran.groups.get("g")
            call.send(None)
            call.close()
    assert heard == ["cancelled"]


async def test_joined_hooks_hear_of_abandoned_calls() -> None:
    """Of a coroutine that is closed each of several hooks hears, up to its first `await`."""
    heard: list[str] = []

    async def slow(event: CallEndEvent) -> None:
        await asyncio.sleep(0)
        heard.append(event.outcome)

    plain = Hooks(on_call_end=lambda event: heard.append(event.outcome))
    hooks = Hooks.of(plain, Hooks.of(Hooks(on_call_end=slow), plain))
    slot = ConcurrencyLimiter(1)
    async with FakeFivetran() as fake, fake.client(hooks=hooks, limiter=slot) as fivetran, slot:
        call = fivetran.groups.get("g")
        call.send(None)
        call.close()
    assert heard == ["cancelled", "cancelled"]


async def test_joined_hooks_hear_of_a_call_that_is_cancelled_in_one_of_them() -> None:
    """A hook that awaits is cancelled with its call; the hooks after it hear of the event."""
    heard: list[str] = []

    async def slow(_: CallStartEvent) -> None:
        heard.append("slow")
        await asyncio.sleep(60)

    after = Hooks(on_call_start=lambda _: heard.append("start"))
    hooks = Hooks.of(Hooks(on_call_start=slow), after, after)
    async with FaultServer() as server, session_at(server.url, hooks=hooks) as fivetran:
        task = asyncio.create_task(fivetran.groups.get("g"))
        await until(lambda: heard)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert heard == ["slow", "start", "start"]


async def test_requests_that_the_end_of_the_session_ends_have_a_response() -> None:
    """Every request has its response event, also if it waited for a slot or was in flight."""
    heard = Heard()
    async with FaultServer(HANG, HANG) as server:
        fivetran = session_at(server.url, hooks=heard.hooks, limiter=ConcurrencyLimiter(1))
        tasks = [asyncio.create_task(fivetran.groups.get(each)) for each in ("a", "b")]
        await until(lambda: server.requests and len(heard.of(RequestEvent)) == 2)
        await fivetran.aclose()
        await asyncio.gather(*tasks, return_exceptions=True)
    responses = heard.of(ResponseEvent)
    assert [type(event.error) for event in responses] == [SessionClosedError] * 2
    assert {event.call_id for event in responses} == {e.call_id for e in heard.of(RequestEvent)}


async def test_refused_waits_have_a_response() -> None:
    """A request that may not wait for its quota has a response event, with the error."""
    heard = Heard()
    limits = RateLimits(quotas={"requests": (Quota(1, 3600.0),)})
    async with (
        FakeFivetran() as fake,
        fake.client(hooks=heard.hooks, rate_limits=limits, retry=IMPATIENT) as fivetran,
    ):
        await fivetran.groups.list().collect()
        with pytest.raises(RateLimitedError):
            await fivetran.groups.list().collect()
    assert len(heard.of(RequestEvent)) == len(heard.of(ResponseEvent)) == 2
    refused = heard.of(ResponseEvent)[1]
    assert isinstance(refused.error, RateLimitedError)
    assert (refused.status, refused.seconds, refused.bytes_received) == (None, 0.0, 0)


async def test_cancelled_calls_report_how_long_they_were_on_the_wire() -> None:
    """The totals include the request that was in flight, or waited, when the call was cancelled."""
    heard, slot = Heard(), ConcurrencyLimiter(1)
    async with (
        FaultServer(HANG) as server,
        session_at(server.url, hooks=heard.hooks, limiter=slot) as fivetran,
    ):
        sent = asyncio.create_task(fivetran.groups.create(name="g"))
        await until(lambda: server.requests)
        queued = asyncio.create_task(fivetran.groups.get("g"))
        await until(lambda: len(heard.of(RequestEvent)) == 2)
        await asyncio.sleep(0.01)
        for task in (sent, queued):
            task.cancel()
        await asyncio.wait([sent, queued])
    on_wire, waiting = sorted(heard.of(CallEndEvent), key=lambda event: event.seconds_on_wire == 0)
    assert on_wire.seconds_on_wire > 0
    assert on_wire.bytes_sent > 0
    assert waiting.seconds_on_wire == 0
    assert waiting.waited_for_slot > waiting.waited_for_quota


async def test_call_that_is_cancelled_in_a_hook_about_drift_ends() -> None:
    """A hook about drift that awaits is cancelled with the call, which ends once all the same."""
    heard, drifting = list[str](), asyncio.Event()

    async def drift(_: object) -> None:
        drifting.set()
        await asyncio.sleep(60)

    hooks = Hooks(on_unknown_field=drift, on_call_end=lambda event: heard.append(event.outcome))
    odd = success({"id": "g", "name": "g", "created_at": "2026-01-01T00:00:00Z", "shade": "blue"})
    async with FaultServer(odd) as server, session_at(server.url, hooks=hooks) as fivetran:
        task = asyncio.create_task(fivetran.groups.get("g"))
        await drifting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert heard == ["cancelled"]


async def test_hooks_of_several_are_joined(caplog: pytest.LogCaptureFixture) -> None:
    """Each is called, sync or async; one that fails is logged, and the others are called."""
    heard: list[str] = []

    async def slow(event: Serializable) -> None:
        await asyncio.sleep(0)
        heard.append(f"slow {type(event).__name__}")

    def broken(_: object) -> None:
        raise LookupError("no")

    one = Hooks(on_call_start=slow, on_call_end=broken, on_activity_start=broken)
    two = Hooks(
        on_call_start=lambda _: heard.append("two"),
        on_call_end=lambda _: heard.append("two"),
        on_activity_start=lambda _: heard.append("activity"),
    )
    hooks = Hooks.of(one, Hooks(), two, Hooks(on_retry=slow))
    assert hooks.on_retry is slow
    async with (
        FaultServer(ONE_GROUP) as server,
        session_at(server.url, hooks=hooks) as fivetran,
        fivetran.fan_out(["g"], fivetran.groups.get) as results,
    ):
        assert len([each async for each in results]) == 1
    assert heard == ["activity", "slow CallStartEvent", "two", "two"]
    assert [record.getMessage() for record in caplog.records] == [
        "A ActivityStartEvent hook failed",
        "A CallEndEvent hook failed",
    ]


def test_hooks_of_activities_are_plain() -> None:
    """A coroutine function is refused, because activities end where nothing can be awaited."""

    async def slow(_: ActivityEndEvent) -> None:
        """Do nothing."""

    with pytest.raises(InvalidArgumentError, match="on_activity_end must be a plain function"):
        Hooks(on_activity_end=slow)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An account with three groups."""
    async with FakeFivetran() as fake:
        for name in "abc":
            fake.add_group(id=f"group_{name}")
        yield fake


async def sweep(fivetran: AsyncFivetran, **options: Any) -> list[Any]:  # noqa: ANN401
    """Fan out over all groups."""
    session: Any = fivetran

    def read(group: Any) -> Any:  # noqa: ANN401
        return session.groups.get(group.id)

    async with session.fan_out(fivetran.groups.list(), read, **options) as results:
        return [found async for _, found in results]


async def test_a_fan_out_is_an_activity(fake: FakeFivetran) -> None:
    """Its calls, those of the listing included, have its id; it ends after them."""
    heard = Heard()
    async with fake.client(hooks=heard.hooks) as fivetran:
        assert len(await sweep(fivetran)) == 3
        await fivetran.groups.get("group_a")
    (start,) = heard.of(ActivityStartEvent)
    (end,) = heard.of(ActivityEndEvent)
    assert (start.kind, start.parent_id) == ("fan_out", None)
    assert (end.activity_id, end.outcome, end.error) == (start.activity_id, "success", None)
    assert end.seconds > 0
    ids = [event.activity_id for event in heard.of(CallStartEvent)]
    assert ids == [start.activity_id] * 4 + [None], "the call afterwards belongs to none"
    assert heard.events.index(end) > max(map(heard.events.index, heard.of(CallEndEvent)[:4]))


async def test_fan_outs_end_as_they_do(fake: FakeFivetran) -> None:
    """With the error of a source or of the listing, or as left; a yielded failure is a success."""
    heard = Heard()
    async with fake.client(hooks=heard.hooks) as fivetran:
        fake.fail("groups.get", fault=Fault.status(404))
        with pytest.raises(NotFoundError):
            await sweep(fivetran)
        fake.fail("groups.get", fault=Fault.status(404))
        assert FanOutFailure in map(type, await sweep(fivetran, on_error="yield"))
        async with fivetran.fan_out(["group_a"], fivetran.groups.get):
            pass
        fake.fail("groups.list", fault=Fault.status(403))
        with contextlib.suppress(FivetranError):
            await sweep(fivetran)
    ends = [(end.outcome, type(end.error).__name__) for end in heard.of(ActivityEndEvent)]
    assert ends == [
        ("error", "NotFoundError"),
        ("success", "NoneType"),
        ("left", "NoneType"),
        ("error", "PermissionDeniedError"),
    ]


async def test_activities_nest(fake: FakeFivetran) -> None:
    """A fan-out inside of a fan-out belongs to it; the calls belong to the inner one."""
    heard = Heard()
    async with (
        fake.client(hooks=heard.hooks) as fivetran,
        fivetran.fan_out([1], lambda _: sweep(fivetran)) as results,
    ):
        assert len([each async for each in results]) == 1
    outer, inner = heard.of(ActivityStartEvent)
    assert (outer.parent_id, inner.parent_id) == (None, outer.activity_id)
    assert {event.activity_id for event in heard.of(CallStartEvent)} == {inner.activity_id}
