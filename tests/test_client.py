"""The session: lazy, bound to one loop, closed once, shared by its views, watched by hooks."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import aiohttp
import pytest

from fivetran_async import (
    UNSET,
    AmbiguousOutcomeError,
    AsyncFivetran,
    ConcurrencyLimiter,
    Drift,
    EventLoopError,
    FivetranError,
    Hooks,
    NotFoundError,
    ReadOnlyError,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    RetryPolicy,
    SessionClosedError,
    Timeouts,
    Unset,
)
from fivetran_async._types import Verb
from support import faults
from support.fake_clock import FakeClock
from support.faults import FaultServer, reply
from support.sessions import (
    GROUP,
    KEY,
    ONE_GROUP,
    SECRET,
    STEADY,
    failure_of,
    refusal,
    session_at,
    success,
)


def test_making_a_session_needs_no_loop() -> None:
    """Outside of any event loop a session can be made, shown, and given options."""
    fivetran = AsyncFivetran(KEY, SECRET)
    view = fivetran.with_options(timeouts=5)
    assert repr(fivetran) == "<AsyncFivetran https://api.fivetran.com open>"
    assert repr(view) == "<AsyncFivetran https://api.fivetran.com view>"
    assert not fivetran.closed


async def test_nothing_is_opened_before_the_first_call(fault_server: FaultServer) -> None:
    """Entering a session and building pagers does no I/O."""
    async with session_at(fault_server.url) as fivetran:
        pagers = (fivetran.groups.list(), fivetran.connections.list(group_id="g"))
        assert "GET /v1/groups" in repr(pagers)
        assert fivetran._transport.core.pool._session is None
    assert fault_server.connections == 0


def test_a_session_of_one_run_serves_one_loop() -> None:
    """What was made before `asyncio.run` works inside it."""
    fivetran = AsyncFivetran(KEY, SECRET, base_url="http://127.0.0.1:1", retry=STEADY)

    async def use() -> None:
        async with fivetran:
            view = fivetran.with_options(retry=RetryPolicy(max_attempts=1))
            assert (await failure_of(view)).fate == "not_sent"

    asyncio.run(use())
    assert fivetran.closed


async def test_a_second_loop_is_refused(fault_server: FaultServer) -> None:
    """A session in use on one loop raises `EventLoopError` on another, and sends nothing."""
    fault_server.script = [ONE_GROUP]
    async with session_at(fault_server.url) as fivetran:
        await fivetran.groups.get("g")
        with pytest.raises(EventLoopError, match="one AsyncFivetran per event loop"):
            await asyncio.to_thread(asyncio.run, fivetran.groups.get("g"))
    assert len(fault_server.requests) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
async def test_after_a_fork_it_is_refused(fault_server: FaultServer) -> None:
    """A child process does not use its parent's sockets: the session names the way out."""
    fault_server.script = [ONE_GROUP, ONE_GROUP]
    async with session_at(fault_server.url) as fivetran:
        await fivetran.groups.get("g")
        call = fivetran.groups.get("g")
        with warnings.catch_warnings():
            # Python warns of forking while there are threads; this child only looks and ends.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            outcome = 1
            try:
                call.send(None)
            except EventLoopError as error:
                outcome = 0 if "in the child process" in str(error) else 2
            finally:
                os._exit(outcome)
        _, status = os.waitpid(child, 0)  # noqa: ASYNC222 - it ends at once
        assert os.waitstatus_to_exitcode(status) == 0
        assert (await call).id == "decent_dropsy"
    assert len(fault_server.requests) == 2


async def test_a_closed_session_refuses_calls(fault_server: FaultServer) -> None:
    """After close every call raises before any I/O, on views too; a second close is harmless."""
    fivetran = session_at(fault_server.url)
    view = fivetran.with_options(timeouts=5)
    await fivetran.aclose()
    await fivetran.aclose()
    for closed in (fivetran, view):
        with pytest.raises(SessionClosedError, match="make a new AsyncFivetran"):
            await closed.groups.get("g")
        with pytest.raises(SessionClosedError):
            await closed.groups.list().collect()
        assert closed.closed
    assert repr(fivetran).endswith(" closed>")
    assert fault_server.connections == 0


async def test_closing_a_view_does_nothing(fault_server: FaultServer) -> None:
    """A view may be used with `async with`; the session goes on."""
    fault_server.script = [ONE_GROUP, ONE_GROUP]
    async with session_at(fault_server.url) as fivetran:
        async with fivetran.with_options(timeouts=5) as view:
            await view.groups.get("g")
        await fivetran.groups.get("g")
    assert [request.connection for request in fault_server.requests] == [1, 1]


async def test_a_view_changes_only_what_it_was_told(fault_server: FaultServer) -> None:
    """Views share the session's core and keep the options that were not given."""
    limiter = ConcurrencyLimiter(3)
    policy = RetryPolicy(max_attempts=7)
    async with session_at(fault_server.url, retry=policy, limiter=limiter) as fivetran:
        view = fivetran.with_options(deadline=9, priority="bulk")
        view = view.with_options(timeouts=Timeouts(total=4))
        unlimited = view.with_options(limiter=None, deadline=None)
    options = view._transport.options
    assert view._transport.core is fivetran._transport.core
    assert options.retry is policy
    assert options.limiter is limiter
    assert (options.deadline, options.priority, options.timeouts.total) == (9, "bulk", 4)
    assert unlimited._transport.options.limiter is None
    assert unlimited._transport.options.deadline is None
    assert fivetran._transport.options.deadline is None


def test_a_family_is_one_object() -> None:
    """A family is made on first use and kept; `connectors` is `connections`."""
    fivetran = AsyncFivetran(KEY, SECRET)
    assert fivetran.groups is fivetran.groups
    assert fivetran.connectors is fivetran.connections
    assert fivetran.with_options().groups is not fivetran.groups


async def own_middleware(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A middleware of the caller's, which must not run."""
    request.headers["X-Middleware"] = "ran"
    return await handler(request)


async def test_a_given_session_stays_open_and_itself(clock: FakeClock) -> None:
    """Its middlewares, `raise_for_status`, base and timeout do not matter; it stays open."""
    async with (
        FaultServer(refusal(503), ONE_GROUP, refusal(404), success({})) as server,
        aiohttp.ClientSession(
            "http://127.0.0.1:1/elsewhere/",
            headers={"Authorization": "Basic other", "X-Own": "kept"},
            raise_for_status=True,
            middlewares=(own_middleware,),
            timeout=aiohttp.ClientTimeout(total=0.000_1),
        ) as own,
    ):
        async with session_at(server.url, session=own, _clock=clock) as fivetran:
            group = await fivetran.groups.get("g")
            assert (await failure_of(fivetran)).status == 404
        assert not own.closed
        assert fivetran.closed
        with pytest.raises(SessionClosedError):
            await fivetran.groups.get("g")
    assert group.id == "decent_dropsy"
    first = server.requests[0].headers
    assert first["authorization"] == "Basic dGVzdC1rZXk6dGVzdC1zZWNyZXQ="
    assert first["x-own"] == "kept"
    assert "x-middleware" not in first


async def test_a_given_session_s_own_credentials_are_not_sent() -> None:
    """Neither its `auth` nor its netrc file stands in the place of the API key, or beside it."""
    with warnings.catch_warnings():
        # `auth` is deprecated since aiohttp 3.14.
        warnings.simplefilter("ignore", DeprecationWarning)
        own = aiohttp.ClientSession(auth=aiohttp.BasicAuth("someone", "else"))
    async with (
        FaultServer(ONE_GROUP, success([])) as server,
        own,
        session_at(server.url, session=own) as fivetran,
    ):
        await fivetran.groups.get("g")
        await fivetran.connector_types.list_public()
    assert server.requests[0].headers["authorization"] == "Basic dGVzdC1rZXk6dGVzdC1zZWNyZXQ="
    assert "authorization" not in server.requests[1].headers


async def test_a_given_session_s_netrc_file_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session with `trust_env` reads a netrc file; its credentials for the host are not sent."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with (
        FaultServer(ONE_GROUP) as server,
        aiohttp.ClientSession(trust_env=True) as own,
        session_at(server.url.replace("127.0.0.1", "localhost"), session=own) as fivetran,
    ):
        await fivetran.groups.get("g")
    assert server.requests[0].headers["authorization"] == "Basic dGVzdC1rZXk6dGVzdC1zZWNyZXQ="


async def test_a_given_session_that_was_closed_is_named(fault_server: FaultServer) -> None:
    """When the owner closes the given session, the errors of calls name that session."""
    own = aiohttp.ClientSession()
    await own.close()
    async with session_at(fault_server.url, session=own) as fivetran:
        with pytest.raises(SessionClosedError, match="given as session= was closed"):
            await fivetran.groups.get("g")


async def test_our_own_session_keeps_no_cookies() -> None:
    """What a server sets is not sent back."""
    cookie = reply(200, {"data": GROUP}, {"Set-Cookie": "track=me; Path=/"})
    async with (
        FaultServer(cookie, ONE_GROUP) as server,
        # By name, for no cookie jar takes cookies of a bare address.
        session_at(server.url.replace("127.0.0.1", "localhost")) as fivetran,
    ):
        await fivetran.groups.get("g")
        await fivetran.groups.get("g")
    assert "cookie" not in server.requests[1].headers


async def test_our_own_session_reads_no_netrc_and_no_proxy(
    fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies and passwords of the environment are not used."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    fault_server.script = [ONE_GROUP]
    async with session_at(fault_server.url) as fivetran:
        await fivetran.groups.get("g")
    assert fault_server.requests[0].target == "/v1/groups/g"


async def test_a_user_agent_stands_before_ours(fault_server: FaultServer) -> None:
    """A service can name itself."""
    fault_server.script = [ONE_GROUP]
    async with session_at(fault_server.url, user_agent="audit/1.2 (team data)") as fivetran:
        await fivetran.groups.get("g")
    agent = fault_server.requests[0].headers["user-agent"]
    assert agent.startswith("audit/1.2 (team data) fivetran_async/0.1.0 aiohttp/")


async def test_read_only_refuses_changes(fault_server: FaultServer) -> None:
    """With `read_only=True` every call but GET is refused before any I/O, views included."""
    fault_server.script = [ONE_GROUP]
    async with session_at(fault_server.url, read_only=True) as fivetran:
        for session in (fivetran, fivetran.with_options()):
            for call in (
                session.groups.create(name="n"),
                session.groups.delete("g", confirm=True),
                session.connections.pause("c"),
                session.connections.sync("c"),
                session.request("DELETE", "/v1/groups/g"),
                session.request_raw("POST", "/v1/groups"),
            ):
                with pytest.raises(ReadOnlyError, match="read_only=True") as caught:
                    await call
                assert caught.value.path is not None
        assert fault_server.requests == []
        await fivetran.groups.get("g")
    assert len(fault_server.requests) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_hooks_hear_of_everything(kind: str, clock: FakeClock) -> None:
    """Sync and async hooks receive each request, response, wait and drift, in order."""
    told: list[object] = []

    async def note_later(event: object) -> None:
        await asyncio.sleep(0)
        told.append(event)

    note: Callable[[object], None] = told.append
    hook = note if kind == "sync" else note_later
    hooks = Hooks(on_request=hook, on_response=hook, on_retry=hook, on_drift=hook)
    drifted = success({**GROUP, "created_at": "soon"})
    async with (
        FaultServer(refusal(503), faults.RESET, drifted) as server,
        session_at(server.url, retry=STEADY, hooks=hooks, _clock=clock) as fivetran,
    ):
        await fivetran.groups.get("g")
    assert [type(event) for event in told] == [
        RequestEvent,
        ResponseEvent,
        RetryEvent,
        RequestEvent,
        ResponseEvent,
        RetryEvent,
        RequestEvent,
        ResponseEvent,
        Drift,
    ]
    answers = [event for event in told if isinstance(event, ResponseEvent)]
    assert [answer.status for answer in answers] == [503, None, 200]
    assert [answer.error is None for answer in answers] == [False, False, True]
    assert [answer.attempt for answer in answers] == [1, 2, 3]
    assert {(answer.verb, answer.path) for answer in answers} == {("GET", "/v1/groups/g")}
    waits = [event for event in told if isinstance(event, RetryEvent)]
    assert [(wait.attempt, wait.delay) for wait in waits] == [(1, 1), (2, 2)]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_failing_hook_breaks_nothing(
    kind: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """An error in a hook is logged; the call goes on and gives what it would have given."""

    def fail(_: object) -> None:
        raise RuntimeError("mine")

    async def fail_later(_: object) -> None:
        raise RuntimeError("mine")

    hook = fail if kind == "sync" else fail_later
    hooks = Hooks(on_request=hook, on_response=hook, on_retry=hook, on_drift=hook)
    drifted = success({**GROUP, "created_at": "soon"})
    async with (
        FaultServer(refusal(503), drifted) as server,
        session_at(server.url, hooks=hooks, _clock=clock) as fivetran,
    ):
        group = await fivetran.groups.get("g")
    assert group.id == "decent_dropsy"
    logged = [record.getMessage() for record in caplog.records if record.exc_info]
    assert [text.split()[1] for text in logged] == [
        "RequestEvent",
        "ResponseEvent",
        "RetryEvent",
        "RequestEvent",
        "ResponseEvent",
        "Drift",
    ]


async def test_sessions_do_not_share_credentials() -> None:
    """Two sessions in one process each send their own key."""
    async with (
        FaultServer(ONE_GROUP, ONE_GROUP) as server,
        AsyncFivetran("one", "x", base_url=server.url) as first,
        AsyncFivetran("two", "x", base_url=server.url) as second,
    ):
        await asyncio.gather(first.groups.get("g"), second.groups.get("g"))
    sent = {request.headers["authorization"] for request in server.requests}
    assert len(sent) == 2


async def test_a_connection_is_kept_between_calls() -> None:
    """Calls one after another use one connection."""
    async with (
        FaultServer(answer=lambda _: ONE_GROUP) as server,
        session_at(server.url) as fivetran,
    ):
        for _ in range(5):
            await fivetran.groups.get("g")
    assert server.connections == 1


async def test_trace_configs_are_the_callers_own() -> None:
    """The tracing of aiohttp can be switched on for the session that we make."""
    seen: list[str] = []
    trace = aiohttp.TraceConfig()

    async def note(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append(params.url.path)

    trace.on_request_start.append(note)
    async with (
        FaultServer(ONE_GROUP) as server,
        session_at(server.url, trace_configs=[trace]) as fivetran,
    ):
        await fivetran.groups.get("g")
    assert seen == ["/v1/groups/g"]


def test_every_option_is_documented() -> None:
    """The docstring of the session explains each argument by its name."""
    described = inspect.getdoc(AsyncFivetran) or ""
    for name in inspect.signature(AsyncFivetran).parameters:
        assert name.startswith("_") or f"\n    {name}:" in described


@pytest.mark.parametrize(
    ("verb", "path", "body", "expected"),
    [
        ("PATCH", "/v1/hybrid-deployment-agents/a/re-auth", UNSET, "secret"),
        ("PATCH", "/v1/connections/c", {"is_historical_sync": True}, "dangerous"),
        ("PATCH", "/v1/hybrid-deployment-agents/a/%72e-auth", UNSET, "secret"),
        ("PATCH", "/v1/hybrid%2Ddeployment-agents/a/RE-AUTH", UNSET, "secret"),
        ("PATCH", "/v1/%63onnections/c", {"is_historical_sync": True}, "dangerous"),
        ("PATCH", "/v1/connectors/c", {"is_historical_sync": True}, "dangerous"),
        ("PATCH", "/v1/connections/c", {"is_historical_sync": "true"}, "dangerous"),
        ("PATCH", "/v1/connections/c", {"is_historical_sync": 1}, "dangerous"),
        ("PATCH", "/v1/connections/c", {"is_historical_sync": False}, "set"),
        ("PATCH", "/v1/connections/connectors", {"paused": True}, "set"),
        ("PATCH", "/v1/connections/c", {"paused": True}, "set"),
        ("POST", "/v1/connections/c/sync", {"force": False}, "trigger"),
        ("POST", "/v1/transformations/t/cancel", UNSET, "set"),
        ("POST", "/v1/things", UNSET, "dangerous"),
    ],
)
async def test_own_request_has_the_retry_class_of_its_operation(
    verb: Verb, path: str, body: Mapping[str, object] | Unset, expected: str, clock: FakeClock
) -> None:
    """
    A path that has a method is retried no more boldly than the method retries it.

    Siblings: words that are percent-encoded, in capitals or of former names; values that a lenient
    server takes for true.
    """
    repeated = expected in {"read", "set", "delete"}
    async with (
        FaultServer(answer=lambda _: refusal(500)) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        with pytest.raises(FivetranError) as failure:
            await fivetran.request(verb, path, body=body)
    assert len(server.requests) == (3 if repeated else 1)
    assert isinstance(failure.value, AmbiguousOutcomeError) is not repeated


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["GET", "PATCH"])
def test_own_request_loads_the_family_of_its_path_only(verb: str) -> None:
    """The first request of a process does not wait until all 20 families are imported."""
    program = (
        "import asyncio, sys\n"
        "from fivetran_async import AsyncFivetran, FivetranError\n"
        "async def main():\n"
        "    async with AsyncFivetran('k', 's', base_url='http://127.0.0.1:1', retry=ONCE) as it:\n"
        "        for path in ('/v1/hvr', '/v1/things', '/v1/proxy/p'):\n"
        "            try:\n"
        f"                await it.request({verb!r}, path)\n"
        "            except FivetranError as error:\n"
        "                print(error.operation)\n"
        "from fivetran_async import RetryPolicy\n"
        "ONCE = RetryPolicy(max_attempts=1)\n"
        "asyncio.run(main())\n"
        "print([n for n in sys.modules if n.startswith('fivetran_async.resources.')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    *operations, modules = done.stdout.splitlines()
    known = "proxy_agents.get" if verb == "GET" else "request"
    assert operations == ["request", "request", known]
    families = {name.rpartition(".")[2] for name in ast.literal_eval(modules)}
    assert {name for name in families if not name.startswith("_")} == {"hvr", "proxy_agents"}


async def test_errors_and_hooks_name_the_operation() -> None:
    """The method and the template of the path are the same for every connection."""
    named: list[tuple[str, str]] = []
    hooks = Hooks(
        on_request=lambda event: named.append((event.operation, event.template)),
        on_response=lambda event: named.append((event.operation, event.template)),
    )
    expected = ("connections.get", "/v1/connections/{connection_id}")
    async with FaultServer(refusal(404)) as server, session_at(server.url, hooks=hooks) as fivetran:
        with pytest.raises(NotFoundError) as failure:
            await fivetran.connections.get("some_connection")
    assert named == [expected, expected]
    assert (failure.value.operation, failure.value.template) == expected


async def test_an_option_that_is_none_is_switched_off() -> None:
    """`None` switches every option off that can be; what is not given stays unchanged."""
    async with AsyncFivetran("key", "secret") as fivetran:
        off = fivetran.with_options(
            timeouts=None, retry=None, limiter=None, deadline=None, hooks=None
        )._transport.options
        kept = fivetran.with_options()._transport.options
        given = fivetran._transport.options
    assert off.timeouts == Timeouts(connect=None, total=None, slow=None)
    assert off.retry.max_attempts == 1
    assert (off.limiter, off.deadline, off.hooks) == (None, None, Hooks())
    assert (kept.timeouts, kept.retry, kept.limiter, kept.hooks) == (
        given.timeouts,
        given.retry,
        given.limiter,
        given.hooks,
    )
