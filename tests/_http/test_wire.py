"""What the exchange with the server keeps to, however cheap it is made."""

from __future__ import annotations

import asyncio
import functools

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from fivetran_async import InvalidArgumentError, RequestTimeoutError, Timeouts
from fivetran_async._http.operation import Operation
from fivetran_async._http.request import Request, query_string
from fivetran_async._http.wire import Wire
from support import faults
from support.faults import FaultServer
from support.samples import sample
from support.sessions import GROUP, ONCE, session_at, success

OPERATION = Operation("things.get", "GET", "/v1/things/{first}/parts/{second}")
IDS = st.text(min_size=1, max_size=20) | st.text("./%:@?#;=+&\\ ~", min_size=1, max_size=8)


@pytest.mark.parametrize("root", ["https://api.fivetran.com:443", "http://[::1]:8080"])
@settings(max_examples=sample(100, 5_000))
@given(first=IDS, second=IDS, query=st.dictionaries(IDS, IDS, max_size=2))
def test_a_path_is_the_same_url_with_and_without_parsing(
    root: str, first: str, second: str, query: dict[str, str]
) -> None:
    """The URL of a request is the one that its text is parsed to, with and without a query."""
    wire = wire_to(root)
    try:
        request = Request(OPERATION, OPERATION.path(first, second), query_string(query))
    except InvalidArgumentError:
        return
    made, parsed = wire.url(request), URL(root + request.target, encoded=True)
    assert made == parsed
    assert str(made) == str(parsed)
    assert made.raw_path_qs == parsed.raw_path_qs == request.target


@functools.cache
def wire_to(root: str) -> Wire:
    """Return the wire of a session."""
    return Wire(session_at(root)._transport.core, Timeouts())


@settings(max_examples=sample(20, 200))
@given(st.lists(IDS, min_size=1, max_size=20))
def test_ids_arrive_as_they_are_encoded(ids: list[str]) -> None:
    """The request line has the encoded path, whatever an id consists of."""
    asyncio.run(_send(ids))


async def _send(ids: list[str]) -> None:
    operation = Operation("groups.get", "GET", "/v1/groups/{group_id}")
    expected: list[str] = []
    async with (
        FaultServer(answer=lambda _: success(GROUP)) as server,
        session_at(server.url) as fivetran,
    ):
        for each in ids:
            try:
                path = operation.path(each)
            except InvalidArgumentError:
                continue
            expected.append(path)
            await fivetran.groups.get(each)
    assert [request.target for request in server.requests] == expected


async def test_a_trace_config_sees_a_timeout() -> None:
    """The hooks of aiohttp get the timeout of a request, not the cancellation behind it."""
    seen: list[BaseException] = []

    async def note(
        _: aiohttp.ClientSession, __: object, params: aiohttp.TraceRequestExceptionParams
    ) -> None:
        seen.append(params.exception)

    trace = aiohttp.TraceConfig()
    trace.on_request_exception.append(note)
    async with (
        FaultServer(faults.HANG) as server,
        session_at(server.url, retry=ONCE, timeouts=0.05, trace_configs=[trace]) as fivetran,
    ):
        with pytest.raises(RequestTimeoutError):
            await fivetran.groups.get("g")
    assert [type(error) for error in seen] == [TimeoutError]
