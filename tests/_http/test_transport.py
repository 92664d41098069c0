"""What a call puts on the wire, and what it holds while it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from fivetran_async import (
    UNSET,
    ActionResult,
    AsyncFivetran,
    ConcurrencyLimiter,
    RawResponse,
    RedirectError,
    RequestTimeoutError,
    SessionClosedError,
    Timeouts,
    TransportError,
)
from fivetran_async._http.operation import Operation
from fivetran_async._http.result import READ_ACTION
from fivetran_async._types import Verb
from fivetran_async.models import Group
from support import faults
from support.fake_clock import FakeClock
from support.faults import FaultServer, reply
from support.sessions import (
    GROUP,
    KEY,
    ONCE,
    ONE_GROUP,
    SECRET,
    STEADY,
    failure_of,
    page,
    refusal,
    session_at,
    success,
)
from support.waiting import until


async def test_a_read_is_one_plain_request(fault_server: FaultServer) -> None:
    """A GET carries what identifies the caller and what it accepts, and no body."""
    fault_server.script = [ONE_GROUP]
    async with session_at(fault_server.url) as fivetran:
        group = await fivetran.groups.get("decent_dropsy")
    assert (group.id, group.name) == ("decent_dropsy", "Warehouse")
    (request,) = fault_server.requests
    assert (request.verb, request.target) == ("GET", "/v1/groups/decent_dropsy")
    assert request.body == b""
    assert request.headers["accept"] == "application/json"
    assert request.headers["authorization"] == "Basic dGVzdC1rZXk6dGVzdC1zZWNyZXQ="
    assert request.headers["user-agent"].startswith("fivetran_async/0.1.0 aiohttp/")
    assert "content-type" not in request.headers
    assert "cookie" not in request.headers


async def test_a_change_carries_what_was_given(fault_server: FaultServer) -> None:
    """A PATCH sends the fields that were given, with null for None, and nothing else."""
    fault_server.script = [success({"id": "c"})]
    async with session_at(fault_server.url) as fivetran:
        await fivetran.connections.update("c", paused=True, private_link_id=None)
    (request,) = fault_server.requests
    assert request.json() == {"paused": True, "private_link_id": None}
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("group_id", "target"),
    [
        ("a/b", "/v1/groups/a%2Fb"),
        ("a b", "/v1/groups/a%20b"),
        ("%2e%2e", "/v1/groups/%252e%252e"),
        ("Straße", "/v1/groups/Stra%C3%9Fe"),
        ("?a=b#c", "/v1/groups/%3Fa%3Db%23c"),
        ("...", "/v1/groups/..."),
    ],
)
async def test_an_id_stays_one_segment_on_the_wire(
    group_id: str, target: str, fault_server: FaultServer
) -> None:
    """The request line has the encoded id, unchanged by any URL library."""
    fault_server.script = [ONE_GROUP]
    async with session_at(fault_server.url) as fivetran:
        await fivetran.groups.get(group_id)
    assert fault_server.requests[0].target == target


async def test_a_query_stays_as_encoded_on_the_wire(fault_server: FaultServer) -> None:
    """Reserved characters of a query value arrive encoded, and None is left out."""
    fault_server.script = [page([])]
    async with session_at(fault_server.url) as fivetran:
        await fivetran.connections.list(schema="a&b=c +é/%", limit=5).page()
    assert fault_server.requests[0].target == (
        "/v1/connections?schema=a%26b%3Dc%20%2B%C3%A9%2F%25&limit=5"
    )


Call = Callable[[AsyncFivetran], Awaitable[object]]

TYPED_CALLS: Sequence[Call] = (
    lambda f: f.connections.list().page(),
    lambda f: f.connections.get("c"),
    lambda f: f.connections.create(group_id="g", service="s"),
    lambda f: f.connections.update("c", paused=True),
    lambda f: f.connections.delete("c", confirm=True),
    lambda f: f.connections.sync("c"),
    lambda f: f.connections.resync("c", confirm=True),
    lambda f: f.connections.run_setup_tests("c"),
    lambda f: f.connections.get_state("c"),
    lambda f: f.connections.update_state("c", state={}, confirm=True),
    lambda f: f.connections.create_connect_card("c", connect_card_config={"redirect_uri": "x"}),
    lambda f: f.destinations.list().page(),
    lambda f: f.destinations.get("d"),
    lambda f: f.destinations.create(group_id="g", service="s"),
    lambda f: f.destinations.update("d", region="AWS_US_EAST_1"),
    lambda f: f.destinations.delete("d", confirm=True),
    lambda f: f.destinations.run_setup_tests("d"),
)


async def test_connections_and_destinations_ask_for_typed_configs() -> None:
    """All of their operations accept version 2, or configs would come as the dashboard's labels."""
    async with (
        FaultServer(answer=lambda _: success({"id": "x", "items": []})) as server,
        session_at(server.url) as fivetran,
    ):
        for call in TYPED_CALLS:
            await call(fivetran)
    assert len(server.requests) == len(TYPED_CALLS)
    assert {request.headers["accept"] for request in server.requests} == {
        "application/json;version=2"
    }


async def test_groups_do_not(fault_server: FaultServer) -> None:
    """The other families accept plain JSON."""
    fault_server.script = [page([]), page([]), success({"public_key": "k"})]
    async with session_at(fault_server.url) as fivetran:
        await fivetran.groups.list()
        await fivetran.groups.users.list("g")
        await fivetran.groups.get_public_key("g")
    assert {request.headers["accept"] for request in fault_server.requests} == {"application/json"}


async def test_a_post_without_fields_still_has_an_object(fault_server: FaultServer) -> None:
    """The setup tests are asked for with `{}`: the API refuses an empty body."""
    fault_server.script = [success({"id": "c"})]
    async with session_at(fault_server.url) as fivetran:
        await fivetran.connections.run_setup_tests("c")
    assert fault_server.requests[0].body == b"{}"


async def test_request_returns_plain_data(fault_server: FaultServer) -> None:
    """`request` unwraps `data`, sends queries and bodies, and decodes where a model is given."""
    fault_server.script = [
        success({"a": [1]}),
        success(GROUP),
        success(message="Done"),
        reply(204, body=b""),
    ]
    async with session_at(fault_server.url) as fivetran:
        data = await fivetran.request("GET", "/v1/things", query={"active": True, "x": None})
        group = await fivetran.request(
            "POST", "/v1/groups", body={"name": "n", "skipped": UNSET}, result=Group
        )
        done = await fivetran.request("POST", "/v1/do", result=ActionResult)
        nothing = await fivetran.request("DELETE", "/v1/things/1")
    assert data == {"a": [1]}
    assert group.id == "decent_dropsy"
    assert (done.message, done.code) == ("Done", "Success")
    assert nothing is None
    assert fault_server.requests[0].target == "/v1/things?active=true"
    assert fault_server.requests[1].json() == {"name": "n"}
    assert fault_server.requests[2].body == b""


async def test_request_raw_returns_the_answer_as_it_came(clock: FakeClock) -> None:
    """`request_raw` returns status, headers in any case, attempts, message and data."""
    made = success({"id": 1}, message="Made", status=201, headers={"X-Rate-Limit-Remaining": "7"})
    async with (
        FaultServer(refusal(429), made) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        answer = await fivetran.request_raw("POST", "/v1/things", accept_version=2)
    assert isinstance(answer, RawResponse)
    assert (answer.status, answer.attempts, answer.message) == (201, 2, "Made")
    assert answer.headers["x-rate-limit-remaining"] == "7"
    assert answer.data == {"id": 1}
    assert server.requests[0].headers["accept"] == "application/json;version=2"


async def test_paginate_walks_any_path(fault_server: FaultServer) -> None:
    """`paginate` decodes the items of any list and sends its query with each page."""
    fault_server.script = [page(["a", "b"], "next"), page(["c"])]
    async with session_at(fault_server.url) as fivetran:
        pager = fivetran.paginate("/v1/things", item=Group, query={"kind": "x"}, limit=2)
        items = await pager.collect()
    assert [item.id for item in items] == ["a", "b", "c"]
    assert [request.target for request in fault_server.requests] == [
        "/v1/things?kind=x&limit=2",
        "/v1/things?kind=x&cursor=next&limit=2",
    ]


async def test_a_success_is_told_by_its_status(fault_server: FaultServer) -> None:
    """Any 2xx is a success, whatever its `code`, and however empty the response is."""
    fault_server.script = [
        reply(200, {"code": "Created", "data": GROUP}),
        reply(202, {"code": "Odd", "message": "later"}),
        reply(204, body=b""),
        reply(200, body=b""),
    ]
    async with session_at(fault_server.url) as fivetran:
        group = await fivetran.groups.get("g")
        results = [await fivetran.connections.sync("c") for _ in range(3)]
    assert group.id == "decent_dropsy"
    assert [result.message for result in results] == ["later", "", ""]


REDIRECTING: Sequence[Verb] = ("GET", "POST", "PATCH", "DELETE")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["same host", "other host"])
async def test_redirects_are_never_followed(status: int, *, elsewhere: bool) -> None:
    """Where a redirect leads, no request arrives: credentials stay with their host."""
    async with FaultServer() as other, FaultServer() as server:
        host = other.url.removeprefix("http://")
        target = f"{other.url if elsewhere else ''}/v1/secret-place?token=abc"
        server.script = [faults.redirect(status, target)] * len(REDIRECTING)
        async with session_at(server.url) as fivetran:
            errors = [await failure_of(fivetran, verb) for verb in REDIRECTING]
        assert (len(server.requests), other.connections) == (len(REDIRECTING), 0)
    for error in errors:
        assert isinstance(error, RedirectError)
        assert (error.status, error.attempts) == (status, 1)
        assert "secret-place" not in str(error)
        assert "abc" not in str(error)
        assert (host in str(error)) is elsewhere


class WatchfulClock(FakeClock):
    """A clock that notes how many slots were held during each sleep."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        super().__init__()
        self.held: list[int] = []
        self._limiter = limiter

    async def sleep(self, seconds: float) -> None:
        """Look, then sleep."""
        self.held.append(self._limiter.in_use)
        await super().sleep(seconds)


@pytest.mark.parametrize("fault", [refusal(503), faults.RESET, faults.SHORT_BODY], ids=str)
async def test_a_slot_is_held_for_an_attempt_and_not_for_a_wait(fault: faults.Fault) -> None:
    """Between attempts a call holds no slot, so others may go meanwhile."""
    limiter = ConcurrencyLimiter(1)
    clock = WatchfulClock(limiter)
    seen: list[int] = []

    def answer(_: faults.WireRequest) -> faults.Fault:
        seen.append(limiter.in_use)
        return ONE_GROUP

    async with (
        FaultServer(fault, fault, answer=answer) as server,
        session_at(server.url, limiter=limiter, _clock=clock) as fivetran,
    ):
        await fivetran.groups.get("g")
        assert limiter.in_use == 0
    assert clock.held == [0, 0]
    assert seen == [1]


async def test_no_more_requests_than_the_limiter_lets() -> None:
    """Of twenty calls at once, a limiter of three lets three be in flight."""
    in_flight: list[int] = []
    now = 0
    crowded = asyncio.Event()

    async def slow(exchange: faults.Exchange) -> bool:
        nonlocal now
        now += 1
        in_flight.append(now)
        if now == 3:
            crowded.set()
        await crowded.wait()
        await asyncio.sleep(0.002)
        now -= 1
        return await ONE_GROUP.play(exchange)

    async with (
        FaultServer(answer=lambda _: faults.Fault("slow", slow)) as server,
        session_at(server.url, limiter=ConcurrencyLimiter(3)) as fivetran,
    ):
        await asyncio.gather(*(fivetran.groups.get(str(number)) for number in range(20)))
    assert len(server.requests) == 20
    assert max(in_flight) == 3


async def test_the_deadline_counts_while_waiting_for_a_turn(clock: FakeClock) -> None:
    """A call that gets no slot before its deadline fails without having sent anything."""
    limiter = ConcurrencyLimiter(1)
    async with (
        FaultServer() as server,
        session_at(server.url, limiter=limiter, _clock=clock) as fivetran,
    ):
        async with limiter:
            error = await failure_of(fivetran.with_options(deadline=0.05))
        assert limiter.in_use == 0
    assert isinstance(error, RequestTimeoutError)
    assert (error.fate, error.path) == ("not_sent", "/v1/things")
    assert server.connections == 0


@pytest.mark.parametrize("fault", [faults.HANG, faults.HANG_IN_BODY], ids=str)
async def test_a_call_can_be_cancelled_at_any_point(fault: faults.Fault) -> None:
    """Wherever a cancellation strikes, it passes on, and neither slot nor socket stays behind."""
    limiter = ConcurrencyLimiter(2)
    async with (
        FaultServer(*[fault] * 100) as server,
        session_at(server.url, limiter=limiter) as fivetran,
    ):
        for steps in range(40):
            task = asyncio.create_task(fivetran.groups.get("g"))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (limiter.in_use, limiter.waiting) == (0, 0)
        assert fivetran._transport.core.pool._session is not None
        connector = fivetran._transport.core.pool._session.connector
        assert connector is not None
        assert not connector._acquired


async def test_a_waiting_call_can_be_cancelled() -> None:
    """A call that is cancelled while it waits for its turn gives its place back."""
    limiter = ConcurrencyLimiter(1)
    async with (
        FaultServer(ONE_GROUP) as server,
        session_at(server.url, limiter=limiter) as fivetran,
    ):
        async with limiter:
            task = asyncio.create_task(fivetran.groups.get("g"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert limiter.waiting == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert limiter.waiting == 0
        await fivetran.groups.get("g")
    assert limiter.in_use == 0


TIMED: Sequence[tuple[Timeouts | float, Call]] = (
    (0.5, lambda f: f.groups.get("g")),
    (Timeouts(total=0.5, slow=30), lambda f: f.groups.get("g")),
    (Timeouts(total=30, slow=0.5), lambda f: f.connections.run_setup_tests("c")),
    (Timeouts(total=30, slow=0.5), lambda f: f.destinations.update("d", region="x")),
)


@pytest.mark.parametrize(("timeouts", "call"), TIMED)
async def test_each_operation_has_its_timeout(timeouts: Timeouts | float, call: Call) -> None:
    """Most calls end by `total`; those that run setup tests by `slow`."""
    async with (
        FaultServer(faults.HANG) as server,
        session_at(server.url, retry=ONCE, timeouts=timeouts) as fivetran,
    ):
        with pytest.raises(TransportError, match="Timed out waiting for the response"):
            async with asyncio.timeout(10):
                await call(fivetran)


async def arrival(server: FaultServer) -> None:
    """Return when the first request has arrived."""
    await until(lambda: server.requests)


async def test_closing_ends_calls_in_flight() -> None:
    """A call in flight when the session closes raises `SessionClosedError`."""
    async with FaultServer(faults.HANG) as server:
        fivetran = session_at(server.url, retry=STEADY)
        task = asyncio.create_task(fivetran.groups.get("g"))
        await arrival(server)
        await fivetran.aclose()
        with pytest.raises(SessionClosedError, match="closed during the call") as caught:
            await task
    assert caught.value.fate == "maybe_applied"
    assert caught.value.__context__ is None
    assert len(server.requests) == 1


async def test_closing_ends_calls_that_wait_for_a_turn() -> None:
    """A call that has not begun when the session closes is not sent."""
    limiter = ConcurrencyLimiter(1)
    async with FaultServer(faults.HANG) as server:
        fivetran = session_at(server.url, limiter=limiter)
        tasks = [asyncio.create_task(fivetran.groups.get(each)) for each in "ab"]
        await arrival(server)
        await fivetran.aclose()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [SessionClosedError] * 2
    assert len(server.requests) == 1
    assert limiter.in_use == 0


class Basket:
    """Takes a body, and discards it when it starts over."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.starts = 0

    async def restart(self) -> None:
        """Forget what was written."""
        self.starts += 1
        self.chunks.clear()

    async def write(self, chunk: bytes) -> None:
        """Take the next part."""
        self.chunks.append(chunk)


async def test_a_streamed_body_starts_anew_with_each_attempt(clock: FakeClock) -> None:
    """A download that was cut off starts over, is not limited by the cap, and arrives complete."""
    whole = bytes(range(256)) * 2_000
    broken = faults.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 512000\r\n\r\nhalf", name="broken")
    basket = Basket()
    async with (
        FaultServer(broken, refusal(503), reply(body=whole)) as server,
        session_at(server.url, max_response_bytes=1_000, _clock=clock) as fivetran,
    ):
        await fivetran._transport.call(
            Operation("file.get", "GET", "/v1/file"), READ_ACTION, sink=basket
        )
    assert b"".join(basket.chunks) == whole
    assert basket.starts == 2
    assert len(server.requests) == 3


async def test_a_body_that_is_not_json_keeps_its_type(fault_server: FaultServer) -> None:
    """An upload is sent byte for byte under its own content type."""
    async with session_at(fault_server.url) as fivetran:
        content = (b"PK\x03\x04", "multipart/form-data; boundary=x")
        await fivetran._transport.call(
            Operation("file.create", "POST", "/v1/file"), READ_ACTION, content=content
        )
    (request,) = fault_server.requests
    assert request.body == b"PK\x03\x04"
    assert request.headers["content-type"] == "multipart/form-data; boundary=x"


async def test_public_paths_can_go_without_credentials(fault_server: FaultServer) -> None:
    """An operation that needs no credentials does not show them."""
    async with session_at(fault_server.url) as fivetran:
        await fivetran._transport.call(
            Operation("public.get", "GET", "/public/x", authorized=False), READ_ACTION
        )
    (request,) = fault_server.requests
    assert "authorization" not in request.headers
    assert KEY.encode() not in request.head
    assert SECRET.encode() not in request.head
