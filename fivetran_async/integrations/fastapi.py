"""
FastAPI: `pip install fivetran_async[fastapi]`.

```python
session = SharedSession()
receiver = WebhookReceiver(secret_env="FIVETRAN_WEBHOOK_SECRET")
app = FastAPI(lifespan=session.lifespan)
app.include_router(webhook_router(receiver))
add_exception_handlers(app)

Fivetran = Annotated[AsyncFivetran, Depends(session)]

@app.get("/groups/{group_id}/connections")
async def connections(group_id: str, fivetran: Fivetran) -> list[Connection]:
    return await fivetran.connections.list(group_id=group_id).collect()
```

Models work as return annotations, and with `Body()` as request bodies, like pydantic's own. Configs
and one-time secrets are left out of responses, unless you return `model.to_dict()`. A request has
less time than a nightly job; give its session a deadline:

```python
async def hurried(fivetran: Fivetran) -> AsyncFivetran:
    return fivetran.with_options(deadline=8, priority="interactive")
```

The router receives webhooks. To receive them in your own endpoint, use the dependency:

```python
webhook = WebhookDependency(receiver)

@app.post("/fivetran-events")
async def on_event(event: Annotated[WebhookEvent, Depends(webhook)]) -> None: ...
```

Fivetran waits 10 seconds for a response: leave slow work to a queue. `BackgroundTasks` run after
the event counts as handled, so an event is lost if the process dies before they have run.
"""

# Without `annotations` from `__future__`: FastAPI below 0.122 does not resolve them for objects.

import contextlib
import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterator, Mapping
from types import FrameType, FunctionType
from typing import Annotated, Final

from fivetran_async.errors import UsageError
from fivetran_async.integrations._extras import needs

with needs("fastapi", "fastapi"):
    import fastapi
    from fastapi import APIRouter, BackgroundTasks, Depends

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Send

from fivetran_async.integrations.starlette import (
    EVENT_KEY,
    OnError,
    RefusedDelivery,
    SharedSession,
    add_exception_handlers,
    claimed,
    status_for,
    webhook_endpoint,
)
from fivetran_async.webhooks import Delivery, WebhookEvent, WebhookReceiver, WebhookRefusedError

__all__ = [
    "EVENT_KEY",
    "OnError",
    "RefusedDelivery",
    "SharedSession",
    "WebhookDependency",
    "add_exception_handlers",
    "status_for",
    "webhook_endpoint",
    "webhook_router",
]

logger: logging.Logger = logging.getLogger("fivetran_async")


class _Handling:
    """The deliveries of one request, until its response decides whether they are handled."""

    def __init__(self) -> None:
        self._deliveries: list[Delivery] = []

    def add(self, delivery: Delivery) -> None:
        self._deliveries.append(delivery)

    async def end(self, *, sent: bool = False) -> None:
        """Settle by the response, which is about to be sent or was sent."""
        if not self._deliveries:
            return
        response = _outgoing_response()
        if response is None:
            logger.warning(
                "FastAPI's response to a webhook is not accessible: its repeat would be handled "
                "too; use webhook_router"
            )
        handled = response is not None and 200 <= response.status_code < 300
        if handled and not sent and isinstance(response, StreamingResponse):
            # A generator does its work while it is sent, and may still fail.
            response.body_iterator = self._while_sending(response.body_iterator)
        else:
            await self.settle(handled=handled)

    async def follow(self, message: Message) -> None:
        """Settle by the messages of the response, each before it is sent."""
        if message["type"] == "http.response.start":
            handled = 200 <= message["status"] < 300
            # Streams are sent by a task of their own, without FastAPI's frames.
            response = _outgoing_response()
            is_stream = response is None or isinstance(response, StreamingResponse)
            if not handled or not is_stream:
                await self.settle(handled=handled)
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            await self.settle(handled=True)

    async def settle(self, *, handled: bool) -> None:
        for delivery in self._deliveries:
            await delivery.settle(handled=handled)

    async def _while_sending(
        self, chunks: AsyncIterable[str | bytes | memoryview]
    ) -> AsyncGenerator[str | bytes | memoryview]:
        handled = False
        try:
            async for chunk in chunks:
                yield chunk
            handled = True
        finally:
            await self.settle(handled=handled)


async def _handling(tasks: BackgroundTasks) -> AsyncGenerator[_Handling]:
    """Settle the deliveries of a request when its endpoint has returned or raised."""
    handling = _Handling()
    is_watched = _ENDS_LATE and _watch(handling.follow)
    if _ENDS_LATE and not is_watched:
        # After the background tasks, unless the response has its own: be the first of them.
        tasks.tasks.insert(0, BackgroundTask(handling.end, sent=True))
    try:
        yield handling
    except BaseException:
        await handling.settle(handled=False)
        raise
    if not is_watched:
        await handling.end(sent=_ENDS_LATE)


def _watch(on_message: Callable[[Message], Awaitable[None]]) -> bool:
    """
    Call a function before each message of the response in progress; return False if it cannot be.

    A dependency is not shown the `send` of ASGI, but FastAPI's frames have it: a function of
    Starlette, made for this request, which passes each message on to the next `send`.
    """
    for variables in _frames_of_fastapi():
        sender = variables.get("send")
        names = sender.__code__.co_freevars if isinstance(sender, FunctionType) else ()
        if isinstance(sender, FunctionType) and "send" in names:
            cell = (sender.__closure__ or ())[names.index("send")]
            cell.cell_contents = _watched(cell.cell_contents, on_message)
            return True
    return False


def _watched(send: Send, on_message: Callable[[Message], Awaitable[None]]) -> Send:
    async def call_first(message: Message) -> None:
        await on_message(message)
        await send(message)

    return call_first


def _outgoing_response() -> Response | None:
    """
    Find the response of the request in progress among the local variables of FastAPI's frames.

    FastAPI shows a dependency the exceptions of the endpoint, but not its response. Only the
    response distinguishes a 503 that the endpoint *returned* from a success.
    """
    found = (variables.get("response") for variables in _frames_of_fastapi())
    return next((response for response in found if isinstance(response, Response)), None)


def _frames_of_fastapi() -> Iterator[Mapping[str, object]]:
    """Iterate over the local variables of FastAPI's frames, the innermost first."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == "fastapi":
            yield frame.f_locals
        frame = frame.f_back


# Before the response is sent is when dependencies ended before FastAPI 0.118, and when they end
# since 0.121 if they have this scope; in between they end after it.
_HAS_SCOPES: Final = "scope" in inspect.signature(Depends).parameters
_ENDS_LATE: Final = not _HAS_SCOPES and not fastapi.__version__.startswith(
    ("0.115.", "0.116.", "0.117.")
)
_ENDS_FIRST: Final = Depends(_handling, scope="function") if _HAS_SCOPES else Depends(_handling)


class WebhookDependency:
    """
    Gives an endpoint the event of a verified delivery; refused deliveries do not reach it.

    The event is handled if the response is 2xx. It is marked as handled when the endpoint has
    returned, before the response is sent and before background tasks run; a streaming response
    counts when it was sent. If the endpoint raises, or returns or sets another status, the event
    is not handled, and its repeat reaches the endpoint. The repeat of a handled event gets 200, the
    repeat of an event in progress gets 503; neither reaches the endpoint. A middleware that changes
    the status afterwards is not noticed.

    Call `await receiver.drain()` when the application stops.

    Args:
        receiver: Verifies deliveries; its handlers are not called.
        event_key: Name of the event in `request.state`; the body is in `request.state.raw_body`.
        on_error: Makes the response to refused deliveries; it needs `add_exception_handlers(app)`.
    """

    def __init__(
        self,
        receiver: WebhookReceiver,
        *,
        event_key: str = EVENT_KEY,
        on_error: OnError | None = None,
    ) -> None:
        self._receiver, self._event_key, self._on_error = receiver, event_key, on_error

    async def __call__(
        self, request: Request, handling: Annotated[_Handling, _ENDS_FIRST]
    ) -> WebhookEvent:
        """Verify and claim the delivery of a request."""
        on_error = self._on_error
        if on_error is not None and RefusedDelivery not in request.app.exception_handlers:
            raise UsageError("on_error of a WebhookDependency needs add_exception_handlers(app).")
        try:
            delivery = await claimed(request, self._receiver, self._event_key)
        except WebhookRefusedError as error:
            refusal = error
        except ClientDisconnect:
            raise HTTPException(400) from None
        else:
            handling.add(delivery)
            return delivery.event
        raise RefusedDelivery(refusal, on_error)


def webhook_router(
    receiver: WebhookReceiver,
    *,
    path: str = "/webhooks/fivetran",
    event_key: str = EVENT_KEY,
    on_error: OnError | None = None,
) -> APIRouter:
    """
    Make a router with one endpoint, which receives webhooks and calls the receiver's handlers.

    When the application stops, it waits up to 5 seconds for the store: see `receiver.drain`.

    Args:
        receiver: Verifies deliveries and knows the handlers.
        path: Path of the endpoint.
        event_key: Name of the event in `request.state`; the body is in `request.state.raw_body`.
        on_error: Makes the response to refused deliveries; the default is `{"error": ...}`.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await receiver.drain()

    router = APIRouter(lifespan=lifespan)
    router.add_api_route(
        path,
        webhook_endpoint(receiver, event_key=event_key, on_error=on_error),
        methods=["POST"],
        response_model=None,
        summary="Receive a Fivetran webhook",
    )
    return router
