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

Models are return annotations, and with `Body()` request bodies, like pydantic's own; configs and
one-time secrets are left out of answers, unless you return `model.to_dict()`. A handler has less
patience than a nightly job; give its session a budget:

```python
async def hurried(fivetran: Fivetran) -> AsyncFivetran:
    return fivetran.with_options(deadline=8, priority="interactive")
```

Webhooks are received by the router, or in an endpoint of your own by a dependency:

```python
webhook = WebhookDependency(receiver)

@app.post("/fivetran-events")
async def on_event(event: Annotated[WebhookEvent, Depends(webhook)]) -> None: ...
```

Fivetran waits 10 seconds for the answer: leave slow work to `BackgroundTasks` or a queue.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from fivetran_async.integrations._extras import needs

with needs("fastapi", "fastapi"):
    from fastapi import APIRouter

from starlette.requests import Request

from fivetran_async.integrations.starlette import (
    EVENT_KEY,
    OnError,
    RefusedDelivery,
    SharedSession,
    accepted,
    add_exception_handlers,
    status_for,
    webhook_endpoint,
)
from fivetran_async.webhooks import WebhookEvent, WebhookReceiver

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


class WebhookDependency:
    """
    Gives an endpoint the event of a verified delivery; others are answered before it is called.

    The event counts as handled once the endpoint returns; if it raises, the event comes again. A
    repeat of a handled event is answered with 200 and does not reach the endpoint.

    Args:
        receiver: Verifies deliveries; its handlers are not called.
        event_key: The name of the event in `request.state`; the bytes are in
            `request.state.raw_body`.
        on_error: Makes the answer to refused deliveries; it needs `add_exception_handlers(app)`.
    """

    def __init__(
        self,
        receiver: WebhookReceiver,
        *,
        event_key: str = EVENT_KEY,
        on_error: OnError | None = None,
    ) -> None:
        self._receiver, self._event_key, self._on_error = receiver, event_key, on_error

    async def __call__(self, request: Request) -> AsyncGenerator[WebhookEvent]:
        """Verify the delivery of a request."""
        async with accepted(request, self._receiver, self._event_key, self._on_error) as event:
            yield event


def webhook_router(
    receiver: WebhookReceiver,
    *,
    path: str = "/webhooks/fivetran",
    event_key: str = EVENT_KEY,
    on_error: OnError | None = None,
) -> APIRouter:
    """
    Make a router with one endpoint, which receives webhooks and calls the receiver's handlers.

    Args:
        receiver: Verifies deliveries and knows the handlers.
        path: Where they are sent to.
        event_key: The name of the event in `request.state`; the bytes are in
            `request.state.raw_body`.
        on_error: Makes the answer to refused deliveries; ours is `{"error": ...}`.
    """
    router = APIRouter()
    router.add_api_route(
        path,
        webhook_endpoint(receiver, event_key=event_key, on_error=on_error),
        methods=["POST"],
        response_model=None,
        summary="Receive a Fivetran webhook",
    )
    return router
