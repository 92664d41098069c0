"""
Starlette and FastAPI: a session for the application, errors as responses, webhooks.

```python
fivetran = SharedSession()
app = Starlette(
    lifespan=fivetran.lifespan,
    routes=[Route("/webhooks/fivetran", webhook_endpoint(receiver), methods=["POST"])],
)
add_exception_handlers(app)
```
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakKeyDictionary

from fivetran_async.client import AsyncFivetran
from fivetran_async.errors import (
    AuthenticationError,
    ConflictError,
    FivetranError,
    InvalidArgumentError,
    InvalidRequestError,
    NotFoundError,
    OperationUnavailableError,
    PermissionDeniedError,
    RateLimitedError,
    RequestTimeoutError,
    ResponseFormatError,
    StatusError,
    TransportError,
    UsageError,
)
from fivetran_async.integrations._extras import needs
from fivetran_async.webhooks import (
    Delivery,
    DuplicateEventError,
    WebhookReceiver,
    WebhookRefusedError,
)
from fivetran_async.webhooks._headers import CheckedHeaders

with needs("starlette", "starlette"):
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.applications import Starlette

logger: logging.Logger = logging.getLogger("fivetran_async")

OnError: TypeAlias = Callable[[Request, WebhookRefusedError], Response | Awaitable[Response]]
"""Makes the response to a refused delivery."""

EVENT_KEY: Final = "fivetran_event"

_OK: Final = b'{"status":"ok"}'
_OK_HEADERS: Final = Response(_OK, media_type="application/json").raw_headers


class SharedSession:
    """
    One `AsyncFivetran` for an application: opened and closed with it, shared by all requests.

    Pass `lifespan` to the application, or enter it in your own lifespan. For two accounts make two
    of these and enter both. The object itself is the dependency for FastAPI's `Depends`.

    Args:
        open: Makes the session; the default takes the credentials from the environment.
    """

    def __init__(self, open: Callable[[], AsyncFivetran] = AsyncFivetran) -> None:
        self._open = open
        # A session belongs to an event loop, and test clients run the application on their own.
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncFivetran] = (
            WeakKeyDictionary()
        )

    @contextlib.asynccontextmanager
    async def lifespan(self, _: object = None) -> AsyncGenerator[None]:
        """Open the session, and close it when the application stops."""
        loop = asyncio.get_running_loop()
        if loop in self._sessions:
            raise UsageError("This SharedSession is already open on this event loop.")
        async with self._open() as session:
            self._sessions[loop] = session
            try:
                yield
            finally:
                del self._sessions[loop]

    async def __call__(self) -> AsyncFivetran:
        """Return the session, the same one for every request."""
        session = self._sessions.get(asyncio.get_running_loop())
        if session is None:
            raise UsageError(
                "The Fivetran session is not open: pass `lifespan=session.lifespan` to the "
                "application; in tests use `with TestClient(app)`, which runs the lifespan."
            )
        return session


_STATUSES: Final[tuple[tuple[type[FivetranError], int], ...]] = (
    # Not 404, which callers of the service would take for a missing object.
    (OperationUnavailableError, 501),
    (NotFoundError, 404),
    (ConflictError, 409),
    (RateLimitedError, 503),
    (InvalidArgumentError, 400),
    (InvalidRequestError, 400),
    # The service's credentials are wrong, not those of its caller.
    (AuthenticationError, 502),
    (PermissionDeniedError, 502),
    (RequestTimeoutError, 504),
    (StatusError, 502),
    (TransportError, 502),
    (ResponseFormatError, 502),
)


def status_for(error: FivetranError) -> int | None:
    """
    Return the status to respond with when a call to Fivetran failed; None for a bug or misuse.

    404 not found, 409 conflict, 400 refused by Fivetran, 503 rate limited, 504 timed out, 501 for
    an operation that the account lacks, 502 any other failure of Fivetran and an ambiguous outcome.
    """
    if isinstance(error, WebhookRefusedError):
        return error.http_status
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), None)


def add_exception_handlers(app: Starlette) -> None:
    """
    Turn our errors into responses: see `status_for`; the body is `{"detail": ..., "code": ...}`.

    503 carries Retry-After. A fault of the service itself stays an error 500: missing credentials,
    a closed session, a missing `confirm=True`.
    """
    app.add_exception_handler(FivetranError, _respond_to_failure)
    app.add_exception_handler(RefusedDelivery, _respond_to_refusal)


async def _respond_to_failure(_: Request, error: Exception) -> Response:
    status = status_for(error) if isinstance(error, FivetranError) else None
    if status is None or not isinstance(error, FivetranError):
        raise error
    if status >= 500:
        logger.warning("responding with %d: %s", status, error)
    headers: dict[str, str] = {}
    if isinstance(error, RateLimitedError):
        headers["Retry-After"] = str(math.ceil(error.retry_after or 1))
    elif isinstance(error, WebhookRefusedError):
        headers = retry_after(error)
    return JSONResponse({"detail": error.message, "code": error.code}, status, headers)


async def _respond_to_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedDelivery)  # noqa: S101 - it is registered for nothing else
    return await _refuse(request, error.refusal, error.on_error)


class RefusedDelivery(HTTPException):
    """A delivery that a dependency refused; without `add_exception_handlers`, a plain response."""

    def __init__(self, refusal: WebhookRefusedError, on_error: OnError | None) -> None:
        super().__init__(refusal.http_status, refusal.message, retry_after(refusal))
        self.refusal: WebhookRefusedError = refusal
        self.on_error: OnError | None = on_error


def webhook_endpoint(
    receiver: WebhookReceiver,
    *,
    event_key: str = EVENT_KEY,
    on_error: OnError | None = None,
) -> Callable[[Request], Awaitable[Response]]:
    """
    Make the endpoint that receives webhooks and calls the receiver's handlers.

    It responds with 200 when they have returned: in time if they take less than 10 seconds. The
    event is in `request.state` under `event_key`, the body in `request.state.raw_body`. Call
    `await receiver.drain()` when the application stops.

    Args:
        receiver: Verifies deliveries and knows the handlers.
        event_key: Name of the event in `request.state`.
        on_error: Makes the response to refused deliveries; the default is `{"error": ...}`.
    """

    async def receive_webhook(request: Request) -> Response:
        try:
            delivery = await claimed(request, receiver, event_key)
        except WebhookRefusedError as refusal:
            return await _refuse(request, refusal, on_error)
        except ClientDisconnect:
            return Response(status_code=400)
        async with delivery as event:
            await receiver.dispatch(event)
        return _Handled(_OK)

    return receive_webhook


class _Handled(Response):
    """The response to a delivery that was handled."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:  # noqa: ARG002
        """Take the same headers each time: to make them takes as long as the rest."""
        self.raw_headers = _OK_HEADERS.copy()


async def claimed(request: Request, receiver: WebhookReceiver, event_key: str) -> Delivery:
    """
    Read, verify and claim the delivery of a request.

    Raises:
        WebhookRefusedError: There is nothing to handle.
        ClientDisconnect: The sender closed the connection before the body was complete.
    """
    headers = CheckedHeaders.of_asgi(request.headers.raw)
    body = await receiver.read(headers, request.stream())
    # What `request.state` shows, without the objects around it.
    state: dict[str, object] = request.scope.setdefault("state", {})
    state["raw_body"] = body
    delivery = await receiver.claim(headers, body)
    state[event_key] = delivery.event
    return delivery


async def _refuse(
    request: Request, refusal: WebhookRefusedError, on_error: OnError | None
) -> Response:
    if isinstance(refusal, DuplicateEventError):
        return JSONResponse({"status": "duplicate"})
    if on_error is None:
        headers = retry_after(refusal)
        return JSONResponse({"error": refusal.message}, refusal.http_status, headers)
    made = on_error(request, refusal)
    return made if isinstance(made, Response) else await made


def retry_after(error: FivetranError) -> dict[str, str]:
    """Return the header Retry-After of a response with 503, in whole seconds."""
    seconds = error.retry_after
    return {} if seconds is None else {"Retry-After": str(max(1, math.ceil(seconds)))}
