"""What an exception of one attempt means, and whether the request was sent: a table, no I/O."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import aiohttp

from fivetran_async._http.response import is_success
from fivetran_async.errors import (
    CertificateError,
    ConnectError,
    ConnectionLostError,
    Fate,
    Fault,
    FivetranError,
    RequestTimeoutError,
    ResponseFormatError,
    SessionClosedError,
    TransportError,
)

if TYPE_CHECKING:
    from fivetran_async._http.request import Request


class DroppedError(Exception):
    """Stands for a broken connection, so that aiohttp does not send the request a second time."""


class TooLargeError(Exception):
    """The body is larger than the session's cap."""


class BadEncodingError(Exception):
    """The body is not compressed as its headers state, or in an unsupported way."""


FAILURES: Final = (aiohttp.ClientError, OSError, DroppedError, TooLargeError, BadEncodingError)
"""What one attempt can raise; any other exception is a defect or a cancellation, and passes."""


class _Meaning(NamedTuple):
    raised: type[Exception]
    error: type[TransportError]
    fate: Fate
    fault: Fault
    text: str


# fmt: off
_TIMED_OUT: Final = _Meaning(
    aiohttp.ConnectionTimeoutError, ConnectError, "not_sent",
    Fault.NOT_SENT, "Timed out while connecting to {server} (see timeouts=)",
)

# The order matters: refused and reset connections share base classes in aiohttp, which also invents
# a status 400 for what its parser refuses.
_MEANINGS: Final = (
    _Meaning(aiohttp.ClientConnectorCertificateError, CertificateError, "not_sent",
             Fault.CERTIFICATE, "The server's certificate is not trusted (see ssl_context=)"),
    _TIMED_OUT,
    _Meaning(aiohttp.ClientProxyConnectionError, ConnectError, "not_sent",
             Fault.NOT_SENT, "Could not connect to the proxy (see proxy=)"),
    _Meaning(aiohttp.ClientConnectorError, ConnectError, "not_sent",
             Fault.NOT_SENT, "Could not connect to {server}"),
    _Meaning(aiohttp.ClientHttpProxyError, ConnectError, "not_sent",
             Fault.NOT_SENT, "The proxy refused the connection (see proxy=)"),
    _Meaning(TimeoutError, RequestTimeoutError, "maybe_applied",
             Fault.READ_TIMEOUT, "Timed out waiting for the response (see timeouts=)"),
    _Meaning(aiohttp.ClientPayloadError, ConnectionLostError, "maybe_applied",
             Fault.TRUNCATED, "The response was cut off"),
    _Meaning(BadEncodingError, ConnectionLostError, "maybe_applied",
             Fault.TRUNCATED, "The response was cut off, or compressed in an unsupported way"),
    _Meaning(aiohttp.ClientResponseError, ConnectionLostError, "maybe_applied",
             Fault.BAD_FRAMING, "The response was not valid HTTP"),
    _Meaning(Exception, ConnectionLostError, "maybe_applied",
             Fault.DROPPED, "The connection broke before the response was complete"),
)
# fmt: on


def failure_of(
    error: Exception,
    status: int | None,
    request: Request,
    base_url: str,
    *,
    sent: bool,
    closed: bool,
    clean: Callable[[str], str],
) -> FivetranError | None:
    """
    Return what an exception of one attempt means; None if the status alone decides.

    Args:
        error: The exception.
        status: The status of the response, if there is one.
        request: The request.
        base_url: The root of the server.
        sent: False if the request was certainly not sent.
        closed: True if the session was closed meanwhile.
        clean: Takes secrets out of a text.
    """
    if status is not None and not is_success(status):
        # An error status needs no body.
        return None
    if isinstance(error, TooLargeError):
        message = "Unexpected response: larger than max_response_bytes."
        return ResponseFormatError(message, status=status, fate="responded", fault=Fault.TOO_LARGE)
    if status is not None and request.operation.retry_class == "delete":
        # A delete that was accepted is done.
        return None
    if closed:
        fate: Fate = "maybe_applied" if sent else "not_sent"
        return SessionClosedError("The session was closed during the call.", fate=fate)
    meaning = next(row for row in _MEANINGS if isinstance(error, row.raised))
    if isinstance(error, TimeoutError) and not sent:
        # A timeout of the whole attempt, which ended a lookup of the host, a proxy's CONNECT or a
        # wait for a connection of the caller's own session.
        meaning = _TIMED_OUT
    message = f"{meaning.text.format(server=base_url)}{clean(_reason(error))}."
    return meaning.error(message, status=status, fate=meaning.fate, fault=meaning.fault)


def _reason(error: Exception) -> str:
    """Return the operating system's own words; never aiohttp's, which can quote a header."""
    cause = getattr(error, "os_error", error)
    words = cause.strerror if isinstance(cause, OSError) else None
    if isinstance(cause, ConnectionError) and cause.errno is not None:
        # asyncio puts "Connect call failed" in place of the system's words.
        words = os.strerror(cause.errno)
    return f": {words}" if words else ""
