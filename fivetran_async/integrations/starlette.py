"""
Starlette, and so FastAPI: a session for the application, errors as answers, webhooks received.

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
from collections.abc import AsyncGenerator, Awaitable, Callable
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
    PermissionDeniedError,
    RateLimitedError,
    RequestTimeoutError,
    ResponseFormatError,
    StatusError,
    TransportError,
)
from fivetran_async.integrations._extras import needs
from fivetran_async.webhooks import (
    DuplicateEventError,
    WebhookEvent,
    WebhookReceiver,
    WebhookRefusedError,
)

with needs("starlette", "starlette"):
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.applications import Starlette

logger: logging.Logger = logging.getLogger("fivetran_async")

OnError: TypeAlias = Callable[[Request, WebhookRefusedError], Response | Awaitable[Response]]
"""Makes the answer to a refused delivery, instead of ours."""

EVENT_KEY: Final = "fivetran_event"


class SharedSession:
    """
    One `AsyncFivetran` for a whole application: opened and closed with it, shared by all requests.

    Pass `lifespan` to the application, or enter it in a lifespan of your own; with two accounts,
    make two of these and enter both. The object itself is the dependency for FastAPI's `Depends`.

    Args:
        open: Makes the session; without it, the account of the environment.
    """

    def __init__(self, open: Callable[[], AsyncFivetran] = AsyncFivetran) -> None:
        self._open = open
        # A session belongs to an event loop, and test clients run the application on their own.
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncFivetran] = (
            WeakKeyDictionary()
        )

    @contextlib.asynccontextmanager
    async def lifespan(self, _: object = None) -> AsyncGenerator[None]:
        """Open the session, and close it when the application ends."""
        loop = asyncio.get_running_loop()
        if loop in self._sessions:
            raise RuntimeError("This SharedSession is already open on this event loop.")
        async with self._open() as session:
            self._sessions[loop] = session
            try:
                yield
            finally:
                del self._sessions[loop]

    async def __call__(self) -> AsyncFivetran:
        """Return the session; the same for every request."""
        session = self._sessions.get(asyncio.get_running_loop())
        if session is None:
            raise RuntimeError(
                "The Fivetran session is not open: pass `lifespan=session.lifespan` to the "
                "application; in tests use `with TestClient(app)`, which runs the lifespan."
            )
        return session


_STATUSES: Final[tuple[tuple[type[FivetranError], int], ...]] = (
    (NotFoundError, 404),
    (ConflictError, 409),
    (RateLimitedError, 503),
    (InvalidArgumentError, 400),
    (InvalidRequestError, 400),
    # Our credentials are at fault, not those of whoever asks us.
    (AuthenticationError, 502),
    (PermissionDeniedError, 502),
    (RequestTimeoutError, 504),
    (StatusError, 502),
    (TransportError, 502),
    (ResponseFormatError, 502),
)


def status_for(error: FivetranError) -> int | None:
    """
    The status to answer with when a call to Fivetran failed; None if the fault is in the service.

    404 for what is not there, 409 for a conflict, 400 for what Fivetran refused, 503 for a quota
    that is used up, 504 when there was no answer in time, 502 for any other failure of Fivetran's
    and for an outcome that nobody knows.
    """
    if isinstance(error, WebhookRefusedError):
        return error.http_status
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), None)


def add_exception_handlers(app: Starlette) -> None:
    """
    Turn our errors into answers: see `status_for`; the body is `{"detail": ..., "code": ...}`.

    503 carries Retry-After. What is a fault of the service itself stays an error 500: no
    credentials, a closed session, a missing `confirm=True`.
    """
    app.add_exception_handler(FivetranError, _answer_failure)
    app.add_exception_handler(RefusedDelivery, _answer_refused)


async def _answer_failure(_: Request, error: Exception) -> Response:
    status = status_for(error) if isinstance(error, FivetranError) else None
    if status is None or not isinstance(error, FivetranError):
        raise error
    if status >= 500:
        logger.warning("answered with %d: %s", status, error)
    headers: dict[str, str] = {}
    if isinstance(error, RateLimitedError):
        headers["Retry-After"] = str(math.ceil(error.retry_after or 1))
    return JSONResponse({"detail": error.message, "code": error.code}, status, headers)


async def _answer_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedDelivery)  # noqa: S101 - it is registered for nothing else
    return await _refuse(request, error.refusal, error.on_error)


class RefusedDelivery(HTTPException):
    """A webhook delivery that a dependency refused; without any handler, an answer by itself."""

    def __init__(self, refusal: WebhookRefusedError, on_error: OnError | None) -> None:
        super().__init__(refusal.http_status, refusal.message)
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

    It answers 200 once they are done, within 10 seconds if they are quick enough: Fivetran does not
    wait longer. The event is in `request.state` under `event_key`, the bytes in
    `request.state.raw_body`.

    Args:
        receiver: Verifies deliveries and knows the handlers.
        event_key: The name of the event in `request.state`.
        on_error: Makes the answer to refused deliveries; ours is `{"error": ...}`.
    """

    async def receive_webhook(request: Request) -> Response:
        try:
            body = await receiver.read(request.headers, request.stream())
            request.state.raw_body = body
            async with receiver.accept(request.headers, body) as event:
                setattr(request.state, event_key, event)
                await receiver.dispatch(event)
        except WebhookRefusedError as refusal:
            return await _refuse(request, refusal, on_error)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse({"status": "ok"})

    return receive_webhook


@contextlib.asynccontextmanager
async def accepted(
    request: Request, receiver: WebhookReceiver, event_key: str, on_error: OnError | None
) -> AsyncGenerator[WebhookEvent]:
    """Verify a delivery and handle its event in the block; refuse by an `HTTPException`."""
    if on_error is not None and RefusedDelivery not in request.app.exception_handlers:
        raise RuntimeError("on_error of a webhook dependency needs add_exception_handlers(app).")
    try:
        body = await receiver.read(request.headers, request.stream())
        request.state.raw_body = body
        async with receiver.accept(request.headers, body) as event:
            setattr(request.state, event_key, event)
            yield event
    except WebhookRefusedError as error:
        refusal = error
    except ClientDisconnect:
        raise HTTPException(400) from None
    else:
        return
    raise RefusedDelivery(refusal, on_error)


async def _refuse(
    request: Request, refusal: WebhookRefusedError, on_error: OnError | None
) -> Response:
    if isinstance(refusal, DuplicateEventError):
        return JSONResponse({"status": "duplicate"})
    if on_error is None:
        return JSONResponse({"error": refusal.message}, refusal.http_status)
    made = on_error(request, refusal)
    return made if isinstance(made, Response) else await made
