"""Exceptions of aiohttp for broken connections become errors with the fate of the request."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Sequence

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from fivetran_async import (
    CertificateError,
    ConnectError,
    ConnectionLostError,
    FivetranError,
    NotFoundError,
    RequestTimeoutError,
    ResponseFormatError,
    ServerError,
    Timeouts,
    TransportError,
)
from fivetran_async._types import Verb
from fivetran_async.errors import Fault
from support import faults
from support.certificates import Certificates
from support.each import for_each
from support.fake_clock import FakeClock
from support.faults import FaultServer
from support.sessions import ONCE, ONE_GROUP, STEADY, failure_of, refusal, session_at, success
from support.waiting import until

VERBS: Sequence[Verb] = ("GET", "POST", "PATCH", "DELETE")

TRUNCATED = (faults.CUT_CHUNK, faults.SHORT_BODY, faults.BAD_GZIP)


class UnknownHost(AbstractResolver):
    """A resolver that knows no name, without asking any server."""

    async def resolve(
        self,
        host: str,
        port: int = 0,  # noqa: ARG002 - aiohttp's own signature
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        """Know nothing."""
        raise OSError(None, f"Name or service not known: {host}")

    async def close(self) -> None:
        """Hold nothing."""


def assert_ours_alone(error: FivetranError) -> None:
    """No exception of aiohttp's hangs on an error of ours: theirs hold the Authorization header."""
    assert error.__context__ is None
    assert error.__cause__ is None or isinstance(error.__cause__, FivetranError)


@pytest.mark.parametrize("verb", VERBS)
@for_each(
    "fault, kind, row",
    [
        *((fault, ConnectionLostError, (Fault.DROPPED,)) for fault in faults.BEFORE_ANSWER[:4]),
        # Half a status line is a dropped connection or bad framing, as aiohttp's parser was built.
        (faults.HALF_STATUS_LINE, ConnectionLostError, (Fault.DROPPED, Fault.BAD_FRAMING)),
        *(
            # A body that cannot be parsed is found out when the body is read, or before.
            (fault, ConnectionLostError, (Fault.BAD_FRAMING, Fault.TRUNCATED))
            for fault in faults.BAD_FRAMING
        ),
        *((fault, ConnectionLostError, (Fault.TRUNCATED,)) for fault in TRUNCATED),
        (faults.RESET_IN_BODY, ConnectionLostError, (Fault.TRUNCATED, Fault.DROPPED)),
        (faults.HANG, RequestTimeoutError, (Fault.READ_TIMEOUT,)),
        (faults.HANG_IN_BODY, RequestTimeoutError, (Fault.READ_TIMEOUT,)),
    ],
)
async def test_a_lost_answer_says_that_the_request_was_sent(
    verb: Verb, fault: faults.Fault, kind: type[TransportError], row: tuple[Fault, ...]
) -> None:
    """What happens after the request has left is a transport error, `maybe_applied`, sent once."""
    total = 0.25 if "hang" in fault.name else 5
    async with (
        FaultServer(fault) as server,
        session_at(server.url, retry=ONCE, timeouts=total) as fivetran,
    ):
        error = await failure_of(fivetran, verb, retry_class="read")
    assert type(error) is kind
    assert (error.fate, error.attempts) == ("maybe_applied", 1)
    assert error.fault in row
    # A status that the parser invents is not one of the API.
    assert error.status in {None, 200}
    assert (error.verb, error.path) == (verb, "/v1/things")
    assert server.played == [fault.name]
    assert_ours_alone(error)


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
@for_each("fault", [*faults.BEFORE_ANSWER, *faults.BAD_FRAMING])
async def test_wire_requests_are_the_attempts_of_the_policy(
    verb: Verb, fault: faults.Fault
) -> None:
    """Three attempts are three requests on the wire: aiohttp's own repeats are off."""
    clock = FakeClock()
    async with (
        FaultServer(*[fault] * 9) as server,
        session_at(server.url, retry=STEADY, _clock=clock) as fivetran,
    ):
        error = await failure_of(fivetran, verb)
    assert len(server.played) == 3
    assert error.attempts == 3
    assert clock.sleeps == [1, 2]


@pytest.mark.parametrize("verb", VERBS)
async def test_a_refused_connection_was_not_sent(verb: Verb, clock: FakeClock) -> None:
    """A refused connection is a `ConnectError`: nothing was sent, so every class is retried."""
    with faults.refusing() as url:
        async with session_at(url, retry=STEADY, _clock=clock) as fivetran:
            error = await failure_of(fivetran, verb, retry_class="secret")
    assert type(error) is ConnectError
    assert (error.fate, error.fault, error.attempts) == ("not_sent", Fault.NOT_SENT, 3)
    assert "refused" in str(error).lower()
    assert_ours_alone(error)


async def test_an_unknown_host_was_not_sent() -> None:
    """A name that does not resolve is a `ConnectError`."""
    connector = aiohttp.TCPConnector(resolver=UnknownHost())
    async with (
        aiohttp.ClientSession(connector=connector) as own,
        session_at("https://nowhere.invalid", retry=ONCE, session=own) as fivetran,
    ):
        error = await failure_of(fivetran)
    assert type(error) is ConnectError
    assert (error.fate, error.fault) == ("not_sent", Fault.NOT_SENT)
    assert_ours_alone(error)


async def test_a_connection_that_is_not_made_in_time_was_not_sent() -> None:
    """A host that does not respond to the handshake is a `ConnectError`, not ambiguous."""
    with faults.unanswering() as url:
        timeouts = Timeouts(connect=0.05, total=5)
        async with session_at(url, retry=ONCE, timeouts=timeouts) as fivetran:
            error = await failure_of(fivetran, "POST")
    assert type(error) is ConnectError
    assert (error.fate, error.fault) == ("not_sent", Fault.NOT_SENT)
    assert_ours_alone(error)


async def test_an_unknown_authority_is_never_repeated(
    certificates: Certificates, clock: FakeClock
) -> None:
    """A certificate that is not trusted is a `CertificateError`: nothing is sent or retried."""
    async with (
        FaultServer(tls=certificates.server()) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        error = await failure_of(fivetran)
    assert type(error) is CertificateError
    assert (error.fate, error.fault, error.attempts) == ("not_sent", Fault.CERTIFICATE, 1)
    assert (server.requests, clock.sleeps) == ([], [])
    assert_ours_alone(error)


async def test_a_certificate_of_another_host_is_refused(
    certificates: Certificates, clock: FakeClock
) -> None:
    """Trusting the authority is not enough: the name must be the host's."""
    async with (
        FaultServer(tls=certificates.server("other.example")) as server,
        session_at(server.url, ssl_context=certificates.client(), _clock=clock) as fivetran,
    ):
        error = await failure_of(fivetran)
    assert type(error) is CertificateError
    assert server.requests == []
    assert_ours_alone(error)


async def test_a_trusted_certificate_is_accepted(certificates: Certificates) -> None:
    """`ssl_context` is what a server is verified with."""
    async with (
        FaultServer(ONE_GROUP, tls=certificates.server()) as server,
        session_at(server.url, ssl_context=certificates.client()) as fivetran,
    ):
        group = await fivetran.groups.get("decent_dropsy")
    assert group.name == "Warehouse"


async def test_a_cut_handshake_was_not_sent() -> None:
    """A server that hangs up during the TLS handshake saw no request."""
    async with (
        FaultServer(faults.CUT_HANDSHAKE, scheme="https") as server,
        session_at(server.url, retry=ONCE) as fivetran,
    ):
        error = await failure_of(fivetran, "POST")
    assert type(error) is ConnectError
    assert (error.fate, error.fault) == ("not_sent", Fault.NOT_SENT)
    assert_ours_alone(error)


async def test_waiting_for_a_pool_of_the_caller_is_not_sent() -> None:
    """
    A total timeout is ambiguous only if the request left, not while it waits for a connection.

    Siblings: a hanging lookup of the host, and a proxy that does not respond to CONNECT.
    """
    async with (
        FaultServer(faults.HANG) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as own,
        session_at(server.url, retry=ONCE, timeouts=0.3, session=own) as fivetran,
    ):
        holder = asyncio.create_task(own.get(server.url))
        await until(lambda: server.requests)
        error = await failure_of(fivetran, "POST", retry_class="dangerous")
        holder.cancel()
        await asyncio.wait([holder])
    assert type(error) is ConnectError
    assert error.fate == "not_sent"
    assert len(server.requests) == 1


async def test_a_connection_that_was_closed_while_idle_is_not_used_again(clock: FakeClock) -> None:
    """A kept connection that the server has closed costs no failure and no retry."""
    async with (
        FaultServer(faults.CLOSED_IDLE, ONE_GROUP) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        await fivetran.request("GET", "/v1/first")
        await server.hung_up()
        await fivetran.groups.get("decent_dropsy")
    assert [request.connection for request in server.requests] == [1, 2]
    assert clock.sleeps == []


@pytest.mark.parametrize("fault", [faults.CLOSE_AFTER_HEAD, faults.RESET], ids=str)
async def test_a_connection_lost_when_reused_is_one_attempt(
    fault: faults.Fault, clock: FakeClock
) -> None:
    """A kept connection that breaks under the next request is a failed attempt like any other."""
    async with (
        FaultServer(success({}), fault, ONE_GROUP) as server,
        session_at(server.url, retry=STEADY, _clock=clock) as fivetran,
    ):
        await fivetran.request("GET", "/v1/first")
        await fivetran.groups.get("decent_dropsy")
    assert len(server.requests) == 3
    assert clock.sleeps == [1]


async def test_a_made_up_status_is_not_the_apis() -> None:
    """A bad response, for which aiohttp invents a 400, is not an `InvalidRequestError`."""
    async with (
        FaultServer(faults.GARBAGE) as server,
        session_at(server.url, retry=ONCE) as fivetran,
    ):
        error = await failure_of(fivetran)
    assert isinstance(error, ConnectionLostError)
    assert (error.status, error.code) == (None, None)
    assert "400" not in str(error)


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFoundError), (503, ServerError)], ids=["404", "503"]
)
async def test_a_refusal_needs_no_body(status: int, kind: type[FivetranError]) -> None:
    """When the body of an error is cut off, its status still decides."""
    head = f"HTTP/1.1 {status} No\r\nContent-Length: 100\r\n\r\n".encode()
    broken = faults.raw(head + b'{"code"', name="broken-refusal")
    async with FaultServer(broken) as server, session_at(server.url, retry=ONCE) as fivetran:
        error = await failure_of(fivetran)
    assert type(error) is kind
    assert error.status == status
    assert_ours_alone(error)


async def test_an_oversized_refusal_is_still_that_refusal() -> None:
    """The status of an error page over the cap decides, not its size."""
    async with (
        FaultServer(refusal(500, message="x" * 5_000)) as server,
        session_at(server.url, retry=ONCE, max_response_bytes=1_000) as fivetran,
    ):
        error = await failure_of(fivetran)
    assert type(error) is ServerError
    assert error.status == 500


@pytest.mark.parametrize("fault", faults.OVERSIZED, ids=str)
async def test_a_body_over_the_cap_is_left(fault: faults.Fault, clock: FakeClock) -> None:
    """Compressed or not, no more than `max_response_bytes` is read, and nothing is retried."""
    async with (
        FaultServer(fault) as server,
        session_at(server.url, max_response_bytes=2**20, _clock=clock) as fivetran,
    ):
        error = await failure_of(fivetran)
    assert isinstance(error, ResponseFormatError)
    assert (error.fault, error.status, error.fate) == (Fault.TOO_LARGE, 200, "responded")
    assert "max_response_bytes" in str(error)
    assert len(server.requests) == 1
    assert_ours_alone(error)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_the_cap_holds_for_a_body_that_arrives_with_its_headers(encoding: str) -> None:
    """A body that is read without a wait has the same cap, counted after decompression."""
    plain = b'{"data": {"id": "%s"}}' % (b"x" * 2_000)
    body = gzip.compress(plain, mtime=0) if encoding == "gzip" else plain
    response = faults.reply(headers={"Content-Encoding": encoding}, body=body)
    async with FaultServer(response, response) as server:
        async with session_at(server.url, max_response_bytes=len(plain)) as fivetran:
            assert await fivetran.request("GET", "/v1/x") == {"id": "x" * 2_000}
        async with session_at(server.url, max_response_bytes=len(plain) - 1) as fivetran:
            error = await failure_of(fivetran)
    assert (error.fault, error.status) == (Fault.TOO_LARGE, 200)


async def test_a_drip_is_bounded_by_the_total() -> None:
    """A server that always sends one more byte in time does not hold a call beyond its total."""
    loop = asyncio.get_running_loop()
    async with (
        FaultServer(faults.DRIP) as server,
        session_at(server.url, retry=ONCE, timeouts=0.3) as fivetran,
    ):
        started = loop.time()
        error = await failure_of(fivetran)
    assert type(error) is RequestTimeoutError
    assert loop.time() - started < 4


@pytest.mark.parametrize("fault", [*faults.NOT_JSON, *faults.NOT_AN_OBJECT], ids=str)
async def test_a_success_that_is_not_an_answer_names_what_it_is(
    fault: faults.Fault, clock: FakeClock
) -> None:
    """A 200 without a usable body is a `ResponseFormatError`; a read asks once more at most."""
    async with (
        FaultServer(*[fault] * 9) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        with pytest.raises(ResponseFormatError) as caught:
            await fivetran.groups.get("decent_dropsy")
    assert caught.value.status == 200
    assert caught.value.fate == "responded"
    too_deep = caught.value.fault is Fault.TOO_LARGE
    assert len(server.requests) == (1 if too_deep else 2)
    assert_ours_alone(caught.value)


async def test_a_web_page_is_named_by_its_title() -> None:
    """The error of a gateway's page in place of JSON quotes nothing but its title."""
    body = b"<html><head><title>Maintenance\n at noon</title></head><body>secret</body></html>"
    async with (
        FaultServer(faults.reply(headers={"Content-Type": "text/html"}, body=body)) as server,
        session_at(server.url, retry=ONCE) as fivetran,
    ):
        error = await failure_of(fivetran)
    assert str(error) == (
        "GET /v1/things: 200: Unexpected response: a web page (Maintenance  at noon) instead of "
        "JSON."
    )


async def test_a_byte_order_mark_does_not_matter() -> None:
    """A response that begins with a byte order mark is read."""
    async with FaultServer(faults.BYTE_ORDER_MARK) as server, session_at(server.url) as fivetran:
        assert await fivetran.request("GET", "/v1/things") == {}
