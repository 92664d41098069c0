"""
The exceptions of the package, in one tree; none of them holds a credential.

    FivetranError
    +-- InvalidArgumentError          an argument cannot be sent (also a ValueError)
    +-- UsageError                    an object is misused (also a RuntimeError and a TypeError)
    +-- MissingCredentialsError       no API key and secret were found
    +-- ConfirmationRequiredError     a destructive call without confirm=True
    +-- ReadOnlyError                 a call that changes something, on a read_only session
    +-- WrongAccountError             a change, but the API key belongs to another account
    +-- SessionClosedError            the session was closed
    +-- EventLoopError                the session belongs to another event loop or process
    +-- PaginationError               the server returned a cursor twice
    +-- ResponseFormatError           unexpected response: not what the API promises
    +-- ResultMissingError            the change was made, but no response describes its result
    +-- WaitTimeoutError              a wait timed out (also a TimeoutError)
    +-- WaitFailedError               the awaited state cannot be reached
    +-- StatusError                   the API responded with an error status
    |   +-- RedirectError             3xx, never followed
    |   +-- AuthenticationError       401
    |   +-- PermissionDeniedError     403
    |   +-- NotFoundError             404
    |   |   +-- SchemaNotCapturedError
    |   |   +-- OperationUnavailableError
    |   +-- ConflictError             409
    |   +-- RateLimitedError          429, or a wait longer than the call allows
    |   +-- InvalidRequestError       any other 4xx
    |   +-- ServerError               5xx
    +-- TransportError                no complete response
        +-- ConnectError              the connection failed; nothing was sent
        |   +-- CertificateError      the server's certificate is not trusted
        +-- RequestTimeoutError       the request timed out
        +-- ConnectionLostError       the connection broke after the request was sent
        +-- AmbiguousOutcomeError     the request may have been applied; it was not retried

`fivetran_async.syncs` adds SyncFailedError, `fivetran_async.webhooks` WebhookRefusedError and its
subclasses. All are FivetranErrors.
"""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from fivetran_async._types import JSONValue

Fate: TypeAlias = Literal["not_sent", "maybe_applied", "responded"]


_REFERENCES = frozenset({"fan_out_source", "last"})


class Fault(enum.Enum):
    """The failure of one attempt, as a row of the retry table."""

    NOT_SENT = "the connection could not be made"
    CERTIFICATE = "the server's certificate is not trusted"
    DROPPED = "the connection broke before the response"
    READ_TIMEOUT = "the response timed out"
    BAD_FRAMING = "the response was not valid HTTP"
    TRUNCATED = "the response was cut off"
    MALFORMED = "the response was not what the API promises"
    TOO_LARGE = "the response was too large or nested too deep"
    REDIRECT = "the server redirected"
    REQUEST_TIMEOUT = "408"
    CONFLICT = "409"
    TOO_EARLY = "425"
    RATE_LIMITED = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502, 504 or a gateway's own status"
    UNAVAILABLE = "503"
    UNAVAILABLE_FOR = "503 with Retry-After"
    UNSUPPORTED = "501 or 505"
    OTHER_SERVER_ERROR = "another 5xx"
    OTHER_CLIENT_ERROR = "another 4xx"


class FivetranError(Exception):
    """
    The root of the tree: catch it to catch every error that this package raises.

    Attributes:
        message: What went wrong; for a response of the API, its own message.
        status: The HTTP status, if there was a response.
        code: The vendor's code, such as `NotFound_Connection`; an open set. It is never rewritten;
            a code that would reveal a secret is None.
        operation: The method of the operation, such as `connections.get`.
        template: The operation's path with its slots, such as `/v1/connections/{connection_id}`; ""
            for a path that has no method here.
        verb: The HTTP verb of the call.
        path: The path of the call, percent-encoded, without its query.
        attempts: The number of requests that were sent for this call.
        retry_after: Seconds that the server asked to wait.
        fate: What happened to the last request: `maybe_applied`, `responded`, or `not_sent`, which
            also means that no earlier request of the call can have changed anything.
        fault: The failure, as a row of the retry table.
        retryable: True if the call can be retried without harm; None if that is not known.
        resume_cursor: For a failed walk: pass it as `cursor=` to go on; None is the first page.
        collected: For a failed `collect()` or `take()`: the items that had arrived.
        seconds: The duration of the last request, from the moment when it was sent.
        fan_out_source: For a failed fan-out: the source that failed.
        token: For a wait for a sync that broke after the trigger: pass it to `resume_wait` to go
            on.
        call_id: The id of the call, as in events of hooks and in log records.
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
        self.retryable: bool | None = None
        self.seconds: float = 0.0
        self.resume_cursor: str | None = None
        self.collected: tuple[object, ...] = ()
        self.fan_out_source: object = None
        self.token: str | None = None
        self.call_id: str | None = None

    def to_dict(self, *, include_empty: bool = False) -> dict[str, JSONValue]:
        """
        Return the class, the message and the attributes above as JSON values.

        Left out are objects that it refers to: `collected`, `fan_out_source`, `last`, `outcome`.

        Args:
            include_empty: True keeps attributes that have no value.
        """
        # Not at the top: `configs`, the command and every other module import the errors first.
        from datetime import datetime  # noqa: PLC0415

        empty = vars(FivetranError())
        facts: dict[str, JSONValue] = {"type": type(self).__name__, "message": self.message}
        for name, value in vars(self).items():
            plain = value
            if isinstance(value, Fault):
                plain = value.name
            elif isinstance(value, datetime):
                plain = value.isoformat()
            is_fact = isinstance(plain, str | int | float | None) and name not in _REFERENCES
            if is_fact and (include_empty or plain != empty.get(name)):
                facts[name] = plain
        return facts

    def __str__(self) -> str:
        where = f"{self.verb} {self.path}: " if self.verb and self.path else ""
        response = " ".join(str(part) for part in (self.status, self.code) if part is not None)
        text = f"{response}: {self.message}" if response and self.message else response
        after = f" (after {self.attempts} attempts)" if self.attempts > 1 else ""
        return f"{where}{text or self.message}{after}"


class InvalidArgumentError(FivetranError, ValueError):
    """An argument cannot be sent; the message names it. Raised before any I/O."""


class UsageError(FivetranError, RuntimeError, TypeError):
    """
    An object is misused; the message shows what to write instead.

    A block was entered twice, results were walked after their block, two tasks walk one
    `prefetch()`, or a function given to the package returned a value that it cannot use.
    """


class MissingCredentialsError(FivetranError):
    """No API key and secret were given or found in the environment."""


class ConfirmationRequiredError(FivetranError):
    """The call deletes or costs something and needs `confirm=True`. Raised before any I/O."""


class ReadOnlyError(FivetranError):
    """The session was made with `read_only=True`, and the call would change something."""


class WrongAccountError(FivetranError):
    """The session, plan or folder belongs to another account than named; nothing was changed."""


class SessionClosedError(FivetranError):
    """The session was closed before or during the call."""


class EventLoopError(FivetranError):
    """The session belongs to another event loop that is still open, or to another process."""


class PaginationError(FivetranError):
    """The server returned a cursor twice; the walk would not end."""


class ResponseFormatError(FivetranError):
    """
    Unexpected response: it is not what the API promises; the message names the place in it.

    Attributes:
        place: Where in the response, such as `data.items[3].id`.
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


class ResultMissingError(FivetranError):
    """
    The change was made, but its response has no data, and no read can return the result.

    The API responded with a success. Do not repeat the call; `advice` describes how to find what it
    changed or created. If a read was tried, its failure is the `__cause__`.
    """

    advice: str = ""

    def __str__(self) -> str:
        return f"{super().__str__()} {self.advice}".rstrip()


class WaitTimeoutError(FivetranError, TimeoutError):
    """
    A wait for a setup, a private link, a move or a pause timed out.

    Attributes:
        last: The object as last read; None if it was never read.
    """

    def __init__(self, message: str, last: object = None) -> None:
        super().__init__(message)
        self.last = last


class WaitFailedError(FivetranError):
    """
    The awaited state cannot be reached.

    Attributes:
        last: The object as last read.
    """

    def __init__(self, message: str, last: object = None) -> None:
        super().__init__(message)
        self.last = last


class StatusError(FivetranError):
    """The API responded with an error status."""


class RedirectError(StatusError):
    """The server responded with a redirect, which is never followed."""


class AuthenticationError(StatusError):
    """401: the API key or secret is wrong or was revoked."""


class PermissionDeniedError(StatusError):
    """403: the API key does not have the permission."""


class NotFoundError(StatusError):
    """404: the object was not found, or the API key may not see it."""


class SchemaNotCapturedError(NotFoundError):
    """
    404 `NotFound_SchemaConfig`: the connection exists, but its schema is not known yet.

    Sync the connection or reload its schema first.
    """


class OperationUnavailableError(NotFoundError):
    """
    404 `NotFound` for a preview operation: this account has no such operation.

    The 404 is about the operation, not about the ids of the call. A user or a connection that does
    not exist raises a plain `NotFoundError`.
    """

    def __str__(self) -> str:
        return (
            f"{super().__str__().rstrip('.')}. This account has no operation {self.operation}: "
            "it is a preview, which Fivetran enables per account."
        )


class ConflictError(StatusError):
    """409: the name is taken, a sync is running, or another change was faster."""


class InvalidRequestError(StatusError):
    """Any other 4xx: the API refused the request."""


class ServerError(StatusError):
    """5xx: the API failed."""


class RateLimitedError(StatusError):
    """
    429: rate limited; or a quota is used up for longer than the call waits.

    Attributes:
        retry_at: When to retry, in UTC.
        limit: The hourly quota of the account, if the server reported it.
        remaining: The requests left of it, if the server reported them.
    """

    retry_at: datetime | None = None
    limit: int | None = None
    remaining: int | None = None

    def __str__(self) -> str:
        text = super().__str__()
        # The message of a local refusal, before anything is sent, has the time already.
        if self.retry_after is None or self.fate != "responded":
            return text
        return f"{text.rstrip('.')}. Retry after {math.ceil(self.retry_after)} s."


class TransportError(FivetranError):
    """The request failed without a complete response; `fate` shows whether it was sent."""


class ConnectError(TransportError):
    """The connection could not be made; nothing was sent."""


class CertificateError(ConnectError):
    """The server's certificate is not trusted; nothing was sent."""


class RequestTimeoutError(TransportError):
    """The request timed out."""


class ConnectionLostError(TransportError):
    """The connection broke after the request was sent, or in the middle of the response."""


class AmbiguousOutcomeError(TransportError):
    """
    The request may have been applied; a retry could apply it twice, so it was not retried.

    The original failure is its `__cause__`. `advice` describes how to find out.
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
    501: Fault.UNSUPPORTED,
    502: Fault.BAD_GATEWAY,
    503: Fault.UNAVAILABLE,
    504: Fault.BAD_GATEWAY,
    505: Fault.UNSUPPORTED,
    # Statuses that gateways made up for a server that is unreachable, silent or cut off.
    **dict.fromkeys((*range(520, 528), 529, 530, 598, 599), Fault.BAD_GATEWAY),
}


def error_class_for(
    status: int, code: str | None, *, unavailable: bool = False
) -> type[StatusError]:
    """
    Return the class for a status; the vendor's code can only narrow it.

    Args:
        status: The status.
        code: The vendor's code.
        unavailable: True if a 404 is about the operation, not about an object.
    """
    if status == 404 and unavailable:
        return OperationUnavailableError
    if status in _ERROR_OF_STATUS:
        by_status = _ERROR_OF_STATUS[status]
        by_code = _ERROR_OF_CODE.get(code or "", by_status)
        return by_code if issubclass(by_code, by_status) else by_status
    return RedirectError if status < 400 else InvalidRequestError if status < 500 else ServerError


def fault_of_status(status: int, *, asks_to_retry: bool) -> Fault:
    """Return the row of the retry table for a status that is not a success."""
    if status == 503 and asks_to_retry:
        return Fault.UNAVAILABLE_FOR
    if status in _FAULT_OF_STATUS:
        return _FAULT_OF_STATUS[status]
    if status < 400:
        return Fault.REDIRECT
    return Fault.OTHER_CLIENT_ERROR if status < 500 else Fault.OTHER_SERVER_ERROR
