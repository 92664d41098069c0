"""
Every exception of the package, in one tree; none of them holds a credential.

    FivetranError
    +-- InvalidArgumentError          an argument that cannot be sent (also a ValueError)
    +-- MissingCredentialsError       no API key and secret were found
    +-- ConfirmationRequiredError     a destructive call without confirm=True
    +-- ReadOnlyError                 a changing call on a read_only session
    +-- SessionClosedError            the session was closed
    +-- EventLoopError                the session belongs to another event loop or process
    +-- PaginationError               the server repeated a cursor
    +-- ResponseFormatError           the answer is not what the API promises
    +-- WaitTimeoutError              a wait timed out (also a TimeoutError)
    +-- WaitFailedError               the awaited state cannot be reached
    +-- StatusError                   the API answered with an error
    |   +-- RedirectError             3xx, never followed
    |   +-- AuthenticationError       401
    |   +-- PermissionDeniedError     403
    |   +-- NotFoundError             404
    |   |   +-- SchemaNotCapturedError
    |   +-- ConflictError             409
    |   +-- RateLimitedError          429, or a wait that is longer than the call's patience
    |   +-- InvalidRequestError       any other 4xx
    |   +-- ServerError               5xx
    +-- TransportError                no (whole) answer came back
        +-- ConnectError              nothing was sent
        |   +-- CertificateError      the server's certificate was refused
        +-- RequestTimeoutError       no answer in time
        +-- ConnectionLostError       the connection broke after the request left
        +-- AmbiguousOutcomeError     may have been applied; not repeated

`fivetran_async.syncs` adds SyncFailedError, `fivetran_async.webhooks` WebhookRefusedError and its
subclasses. All are FivetranErrors.
"""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

Fate: TypeAlias = Literal["not_sent", "maybe_applied", "answered"]


class Fault(enum.Enum):
    """What went wrong with one attempt, in the words of the retry table."""

    NOT_SENT = "the connection could not be made"
    CERTIFICATE = "the server's certificate was refused"
    DROPPED = "the connection broke before an answer"
    READ_TIMEOUT = "no answer in time"
    BAD_FRAMING = "the answer was not valid HTTP"
    TRUNCATED = "the answer broke off"
    MALFORMED = "the answer was not what the API promises"
    TOO_LARGE = "the answer was too large or too deep"
    REDIRECT = "the server redirected"
    REQUEST_TIMEOUT = "408"
    CONFLICT = "409"
    TOO_EARLY = "425"
    RATE_LIMITED = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502 or 504"
    UNAVAILABLE = "503"
    UNAVAILABLE_FOR = "503 with Retry-After"
    OTHER_SERVER_ERROR = "another 5xx"
    OTHER_CLIENT_ERROR = "another 4xx"


class FivetranError(Exception):
    """
    The root: catch it to catch everything this package raises on purpose.

    Attributes:
        message: What went wrong; the vendor's own words where the vendor spoke.
        status: The HTTP status, if there was an answer.
        code: The vendor's code, such as `NotFound_Connection`; an open set.
        operation: The method of the operation, such as `connections.get`.
        template: The operation's path with its slots, such as `/v1/connections/{connection_id}`; ""
            for a path that has no method here.
        verb: The HTTP verb of the call.
        path: The path of the call, percent-encoded, without its query.
        attempts: How many requests were sent for this call.
        retry_after: Seconds the server asked to wait.
        fate: Whether the last request left this machine: `not_sent`, `maybe_applied`, `answered`.
        fault: What went wrong, as the retry table names it.
        repeatable: Whether the same call may be sent again without harm, where that was judged.
        resume_cursor: For a failed walk: pass it as `cursor=` to go on; None is the first page.
        collected: For a failed `collect()` or `take()`: what had already been received.
        seconds: How long the last request took, from the moment when it was sent.
        fan_out_source: For a failed fan-out: the source whose call failed.
        token: For a wait for a sync that broke after the trigger: pass it to `resume_wait` to go
            on.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        operation: str | None = None,
        template: str | None = None,
        verb: str | None = None,
        path: str | None = None,
        attempts: int = 0,
        retry_after: float | None = None,
        fate: Fate | None = None,
        fault: Fault | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.operation = operation
        self.template = template
        self.verb = verb
        self.path = path
        self.attempts = attempts
        self.retry_after = retry_after
        self.fate: Fate | None = fate
        self.fault = fault
        self.repeatable: bool | None = None
        self.seconds: float = 0.0
        self.resume_cursor: str | None = None
        self.collected: tuple[object, ...] = ()
        self.fan_out_source: object = None
        self.token: str | None = None

    def __str__(self) -> str:
        where = f"{self.verb} {self.path}: " if self.verb and self.path else ""
        answered = " ".join(str(part) for part in (self.status, self.code) if part is not None)
        said = f"{answered}: {self.message}" if answered and self.message else answered
        after = f" (after {self.attempts} attempts)" if self.attempts > 1 else ""
        return f"{where}{said or self.message}{after}"


class InvalidArgumentError(FivetranError, ValueError):
    """An argument cannot be sent; the message names it. Raised before any I/O."""


class MissingCredentialsError(FivetranError):
    """No API key and secret were given or found in the environment."""


class ConfirmationRequiredError(FivetranError):
    """The call destroys or costs something and needs `confirm=True`. Raised before any I/O."""


class ReadOnlyError(FivetranError):
    """The session was made with `read_only=True`, and the call would change something."""


class SessionClosedError(FivetranError):
    """The session was closed before or during the call."""


class EventLoopError(FivetranError):
    """The session is used on another event loop, or in another process, than its own."""


class PaginationError(FivetranError):
    """The server sent a cursor twice; going on would loop for ever."""


class ResponseFormatError(FivetranError):
    """
    The answer is not what the API promises; the message names the place in it.

    Attributes:
        place: Where in the answer, such as `data.items[3].id`.
    """

    def __init__(
        self,
        message: str = "",
        *,
        place: str | None = None,
        status: int | None = None,
        fate: Fate | None = None,
        fault: Fault | None = Fault.MALFORMED,
    ) -> None:
        super().__init__(message, status=status, fate=fate, fault=fault)
        self.place = place


class WaitTimeoutError(FivetranError, TimeoutError):
    """
    A wait for a setup, a private link or a pause timed out.

    Attributes:
        last: The object as it was last read; None if it was never read.
    """

    def __init__(self, message: str, last: object = None) -> None:
        super().__init__(message)
        self.last = last


class WaitFailedError(FivetranError):
    """
    The awaited state cannot be reached.

    Attributes:
        last: The object as it was last read.
    """

    def __init__(self, message: str, last: object = None) -> None:
        super().__init__(message)
        self.last = last


class StatusError(FivetranError):
    """The API answered with a status that is not a success."""


class RedirectError(StatusError):
    """The server answered with a redirect, which is never followed."""


class AuthenticationError(StatusError):
    """401: the API key or secret is wrong or was revoked."""


class PermissionDeniedError(StatusError):
    """403: the API key may not do this."""


class NotFoundError(StatusError):
    """404: there is no such thing, or the API key may not see it."""


class SchemaNotCapturedError(NotFoundError):
    """
    404 `NotFound_SchemaConfig`: the connection exists, but its schema was not read yet.

    Sync the connection or reload its schema first.
    """


class ConflictError(StatusError):
    """409: the name is taken, a sync is running, or another change came first."""


class InvalidRequestError(StatusError):
    """Any other 4xx: the API refused the request."""


class ServerError(StatusError):
    """5xx: the API failed."""


class RateLimitedError(StatusError):
    """
    429: a quota is used up, or waiting for it would take longer than the call allows.

    Attributes:
        retry_at: When to come back, in UTC.
        limit: The hourly quota of the account, where the server told it.
        remaining: What is left of it, where the server told it.
    """

    retry_at: datetime | None = None
    limit: int | None = None
    remaining: int | None = None

    def __str__(self) -> str:
        text = super().__str__()
        # A refusal of our own, before anything is sent, says in its message when to come back.
        if self.retry_after is None or self.fate != "answered":
            return text
        return f"{text.rstrip('.')}. Come back after {math.ceil(self.retry_after)} s."


class TransportError(FivetranError):
    """No whole answer came back; `fate` tells whether the request was sent."""


class ConnectError(TransportError):
    """The connection could not be made; nothing was sent."""


class CertificateError(ConnectError):
    """The server's certificate was refused; nothing was sent."""


class RequestTimeoutError(TransportError):
    """There was no answer within the time allowed."""


class ConnectionLostError(TransportError):
    """The connection broke after the request was sent, or in the middle of the answer."""


class AmbiguousOutcomeError(TransportError):
    """
    The request may have been applied; repeating it could apply it twice, so it was not repeated.

    The original failure is its `__cause__`. `advice` says how to find out.
    """

    advice: str = ""

    def __str__(self) -> str:
        return f"{super().__str__()} {self.advice}".rstrip()


_ERROR_OF_STATUS: dict[int, type[StatusError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitedError,
}

_ERROR_OF_CODE: dict[str, type[StatusError]] = {"NotFound_SchemaConfig": SchemaNotCapturedError}

_FAULT_OF_STATUS = {
    408: Fault.REQUEST_TIMEOUT,
    409: Fault.CONFLICT,
    425: Fault.TOO_EARLY,
    429: Fault.RATE_LIMITED,
    500: Fault.SERVER_ERROR,
    502: Fault.BAD_GATEWAY,
    504: Fault.BAD_GATEWAY,
    503: Fault.UNAVAILABLE,
}


def error_class_for(status: int, code: str | None) -> type[StatusError]:
    """The class that stands for a status; the vendor's code only ever narrows it."""
    if status in _ERROR_OF_STATUS:
        by_status = _ERROR_OF_STATUS[status]
        by_code = _ERROR_OF_CODE.get(code or "", by_status)
        return by_code if issubclass(by_code, by_status) else by_status
    return RedirectError if status < 400 else InvalidRequestError if status < 500 else ServerError


def fault_of_status(status: int, *, told_to_wait: bool) -> Fault:
    """The row of the retry table for a status that is not a success."""
    if status == 503 and told_to_wait:
        return Fault.UNAVAILABLE_FOR
    if status in _FAULT_OF_STATUS:
        return _FAULT_OF_STATUS[status]
    if status < 400:
        return Fault.REDIRECT
    return Fault.OTHER_CLIENT_ERROR if status < 500 else Fault.OTHER_SERVER_ERROR
