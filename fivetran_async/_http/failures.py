"""What an exception of one attempt means, and whether the request had left: a table, no I/O."""

from __future__ import annotations

import os
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
    """Stands for a broken connection, so that aiohttp does not send the request again by itself."""


class TooLargeError(Exception):
    """The body passed the session's cap."""


FAILURES: Final = (aiohttp.ClientError, OSError, DroppedError, TooLargeError)
"""What one attempt can raise; anything else is a defect, or a cancellation, and passes."""


class _Meaning(NamedTuple):
    raised: type[Exception]
    error: type[TransportError]
    fate: Fate
    fault: Fault
    text: str


# fmt: off
# The order matters: refused and reset connections share base classes in aiohttp, which also invents
# a status 400 for what its parser refuses.
_MEANINGS: Final = (
    _Meaning(aiohttp.ClientConnectorCertificateError, CertificateError, "not_sent",
             Fault.CERTIFICATE, "The server's certificate was refused (see ssl_context=)"),
    _Meaning(aiohttp.ConnectionTimeoutError, ConnectError, "not_sent",
             Fault.NOT_SENT, "The connection to {server} was not made in time (see timeouts=)"),
    _Meaning(aiohttp.ClientProxyConnectionError, ConnectError, "not_sent",
             Fault.NOT_SENT, "The connection to the proxy could not be made (see proxy=)"),
    _Meaning(aiohttp.ClientConnectorError, ConnectError, "not_sent",
             Fault.NOT_SENT, "The connection to {server} could not be made"),
    _Meaning(aiohttp.ClientHttpProxyError, ConnectError, "not_sent",
             Fault.NOT_SENT, "The proxy refused the connection (see proxy=)"),
    _Meaning(TimeoutError, RequestTimeoutError, "maybe_applied",
             Fault.READ_TIMEOUT, "No whole answer came in time (see timeouts=)"),
    _Meaning(aiohttp.ClientPayloadError, ConnectionLostError, "maybe_applied",
             Fault.TRUNCATED, "The answer broke off"),
    _Meaning(aiohttp.ClientResponseError, ConnectionLostError, "maybe_applied",
             Fault.BAD_FRAMING, "The answer was not valid HTTP"),
    _Meaning(Exception, ConnectionLostError, "maybe_applied",
             Fault.DROPPED, "The connection broke before the answer was whole"),
)
# fmt: on


def failure_of(
    error: Exception, status: int | None, request: Request, base_url: str, *, closed: bool
) -> FivetranError | None:
    """Tell what an exception of one attempt means; None where the status alone says enough."""
    if status is not None and not is_success(status):
        # A refusal needs no text.
        return None
    if isinstance(error, TooLargeError):
        message = "The answer is larger than max_response_bytes."
        return ResponseFormatError(message, status=status, fate="answered", fault=Fault.TOO_LARGE)
    if status is not None and request.operation.retry_class == "delete":
        # A delete that was accepted is done.
        return None
    if closed:
        return SessionClosedError("The session was closed during the call.", fate="maybe_applied")
    meaning = next(row for row in _MEANINGS if isinstance(error, row.raised))
    message = f"{meaning.text.format(server=base_url)}{_reason(error)}."
    return meaning.error(message, status=status, fate=meaning.fate, fault=meaning.fault)


def _reason(error: Exception) -> str:
    """The operating system's own words; never aiohttp's, which can quote a header."""
    cause = getattr(error, "os_error", error)
    words = cause.strerror if isinstance(cause, OSError) else None
    if isinstance(cause, ConnectionError) and cause.errno is not None:
        # asyncio puts "Connect call failed" in place of what the system said.
        words = os.strerror(cause.errno)
    return f": {words}" if words else ""
