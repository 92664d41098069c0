"""The fault server does to a plain aiohttp client what its names say."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
import pytest
from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientOSError,
    ClientPayloadError,
    ClientResponseError,
    ConnectionTimeoutError,
    ServerDisconnectedError,
    SocketTimeoutError,
)

from support import faults
from support.certificates import Certificates
from support.faults import Fault, FaultServer, reply


async def fetch(url: str, *, verb: str = "POST", **timeout: float) -> bytes:
    """Ask once with plain aiohttp; POST, which it never repeats by itself."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(**timeout)) as session,
        session.request(verb, url, json={"a": 1}, allow_redirects=False) as response,
    ):
        return await response.read()


async def test_records_what_arrived_on_the_wire(fault_server: FaultServer) -> None:
    """A request is kept with its raw target, its headers and its body."""
    await fetch(f"{fault_server.url}/v1/groups?limit=2")
    (request,) = fault_server.requests
    assert (request.verb, request.target) == ("POST", "/v1/groups?limit=2")
    assert request.headers["content-type"] == "application/json"
    assert request.json() == {"a": 1}


async def test_chunked_request_bodies_are_put_together(fault_server: FaultServer) -> None:
    """A body that came in chunks is recorded without them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(fault_server.url[17:]))
    writer.write(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    writer.write(b"2\r\n{}\r\n1\r\n \r\n0\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n{}")
    writer.close()
    await writer.wait_closed()
    assert fault_server.requests[0].body == b"{} "


async def test_plays_the_script_then_its_own_answer() -> None:
    """Scripted replies come first, `GOOD` and everything after the script is `answer`."""
    async with (
        FaultServer(reply(503), faults.GOOD, answer=lambda _: reply(201)) as server,
        aiohttp.ClientSession() as session,
    ):
        statuses = [(await session.post(server.url)).status for _ in range(3)]
    assert statuses == [503, 201, 201]
    assert server.played == ["reply-503", "reply-201", "reply-201"]


async def test_a_kept_connection_is_reused(fault_server: FaultServer) -> None:
    """Replies leave the connection open, and requests record their connection."""
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            await (await session.post(fault_server.url)).read()
    assert [request.connection for request in fault_server.requests] == [1, 1, 1]


async def test_sees_the_get_that_aiohttp_repeats_by_itself() -> None:
    """One call of aiohttp's on a dropping server is two wire requests."""
    async with FaultServer(faults.CLOSE_AFTER_REQUEST, faults.CLOSE_AFTER_REQUEST) as server:
        with pytest.raises(ServerDisconnectedError):
            await fetch(server.url, verb="GET")
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.CLOSE_AFTER_HEAD, (ServerDisconnectedError, ClientOSError)),
        (faults.CLOSE_AFTER_REQUEST, ServerDisconnectedError),
        (faults.RESET, ClientOSError),
        (faults.HALF_STATUS_LINE, (ServerDisconnectedError, ClientResponseError)),
        *((fault, (ClientResponseError, ClientPayloadError)) for fault in faults.BAD_FRAMING),
        *((fault, (ClientPayloadError, ClientOSError)) for fault in faults.UNREADABLE_BODY),
    ],
    ids=str,
)
async def test_fault_reaches_the_client_as_told(
    fault: Fault, error: type[Exception] | tuple[type[Exception], ...]
) -> None:
    """Each fault is the error that its group stands for, and one wire request."""
    async with FaultServer(fault) as server:
        with pytest.raises(error) as caught:
            await fetch(server.url)
    assert not isinstance(caught.value, ClientConnectorError)
    assert len(server.requests) == 1
    assert server.played == [fault.name]


async def test_closing_on_accept_leaves_no_request() -> None:
    """A connection that is closed at once counts as played, not as a request."""
    async with FaultServer(faults.CLOSE_AFTER_ACCEPT) as server:
        with pytest.raises((ServerDisconnectedError, ClientOSError)):
            await fetch(server.url)
    assert (server.played, server.requests) == (["close-after-accept"], [])


@pytest.mark.parametrize("fault", [faults.HANG, faults.HANG_IN_BODY], ids=str)
async def test_hanging_is_a_read_timeout(fault: Fault) -> None:
    """A server that goes silent causes a timeout after the time allowed for a read."""
    async with FaultServer(fault) as server:
        with pytest.raises(SocketTimeoutError):
            await fetch(server.url, sock_read=0.05)


async def test_dripping_outlives_the_read_timeout() -> None:
    """Single bytes are never late; only the total timeout ends it."""
    async with FaultServer(faults.DRIP) as server:
        with pytest.raises(TimeoutError) as caught:
            await fetch(server.url, sock_read=0.5, total=0.8)
    assert not isinstance(caught.value, SocketTimeoutError)


async def test_an_idle_connection_is_closed_by_the_server() -> None:
    """After a good response the connection is gone, so that the next request needs a new one."""
    async with FaultServer(faults.CLOSED_IDLE) as server, aiohttp.ClientSession() as session:
        await (await session.post(server.url)).read()
        await server.hung_up()
        await (await session.post(server.url)).read()
    assert server.connections == 2


@pytest.mark.parametrize(
    "fault",
    [*faults.NOT_JSON, *faults.NOT_AN_OBJECT, faults.BYTE_ORDER_MARK],
    ids=str,
)
async def test_odd_bodies_arrive_whole(fault: Fault) -> None:
    """What is odd about these is the text: HTTP itself delivers them."""
    async with FaultServer(fault) as server:
        await fetch(server.url)
    assert server.played == [fault.name]


@pytest.mark.parametrize("fault", faults.OVERSIZED, ids=str)
async def test_oversized_bodies_unfold_to_64_mebibytes(fault: Fault) -> None:
    """Whatever their size on the wire, these fill the memory of a client that reads on."""
    async with FaultServer(fault) as server:
        assert len(await fetch(server.url)) == 64 * 2**20


async def test_redirects_carry_their_target() -> None:
    """A redirect names where to go."""
    target = "http://127.0.0.1:9/x"
    async with (
        FaultServer(faults.redirect(307, target)) as server,
        aiohttp.ClientSession() as session,
        session.post(server.url, allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (307, target)


async def test_repeated_headers_are_sent_as_given() -> None:
    """Headers given as pairs may carry a name twice."""
    pairs = [("Retry-After", "1"), ("Retry-After", "2")]
    async with (
        FaultServer(reply(429, headers=pairs)) as server,
        aiohttp.ClientSession() as session,
        session.post(server.url) as response,
    ):
        assert response.headers.getall("Retry-After") == ["1", "2"]


async def test_refused_connections() -> None:
    """A port without a listener refuses."""
    with faults.refusing() as url, pytest.raises(ClientConnectorError):
        await fetch(url)


async def test_unanswered_connections() -> None:
    """A port with a full queue lets the connection attempt time out."""
    with faults.unanswering() as url, pytest.raises(ConnectionTimeoutError):
        await fetch(url, sock_connect=0.05)


async def test_certificates_decide(certificates: Certificates) -> None:
    """Trusted authority and right host: served. Unknown authority, or another host: refused."""

    async def status(host: str, client: ssl.SSLContext) -> int:
        async with (
            FaultServer(tls=certificates.server(host)) as server,
            aiohttp.ClientSession() as session,
            session.post(server.url, ssl=client) as response,
        ):
            return response.status

    assert await status("127.0.0.1", certificates.client()) == 200
    with pytest.raises(ClientConnectorCertificateError):
        await status("127.0.0.1", ssl.create_default_context())
    with pytest.raises(ClientConnectorCertificateError):
        await status("fivetran.test", certificates.client())


async def test_a_cut_handshake_is_a_connection_error() -> None:
    """A server that hangs up on the hello was never connected to."""
    async with FaultServer(faults.CUT_HANDSHAKE, scheme="https") as server:
        with pytest.raises(ClientOSError):
            await fetch(server.url)
