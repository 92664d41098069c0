"""
aiohttp's server: a session for the application, and webhooks.

```python
app = web.Application()
app.cleanup_ctx.append(fivetran_context())
app.router.add_post("/webhooks/fivetran", webhook_handler(receiver))
app.on_cleanup.append(receiver.drain)
```

Handlers find the session in `request.app[FIVETRAN]`; in a sub-application, in
`request.config_dict[FIVETRAN]`.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from aiohttp import web

from fivetran_async.client import AsyncFivetran
from fivetran_async.webhooks import (
    DuplicateEventError,
    WebhookEvent,
    WebhookReceiver,
    WebhookRefusedError,
)
from fivetran_async.webhooks._headers import CheckedHeaders

OnError: TypeAlias = Callable[
    [web.Request, WebhookRefusedError], web.StreamResponse | Awaitable[web.StreamResponse]
]
"""Makes the response to a refused delivery."""

FIVETRAN: Final = web.AppKey("FIVETRAN", AsyncFivetran)
"""Key of the session in an application; with two accounts, make a key for each."""

if TYPE_CHECKING or hasattr(web, "RequestKey"):
    FIVETRAN_EVENT: Final = web.RequestKey("FIVETRAN_EVENT", WebhookEvent)
    """Key of the event in a request."""
    RAW_BODY: Final = web.RequestKey("RAW_BODY", bytes)
    """Key of the body in a request."""
else:
    # aiohttp before 3.14 has only plain text as keys of requests.
    FIVETRAN_EVENT, RAW_BODY = "fivetran_event", "raw_body"


def fivetran_context(
    open: Callable[[], AsyncFivetran] = AsyncFivetran,
    key: web.AppKey[AsyncFivetran] = FIVETRAN,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """
    Make a cleanup context that opens a session with the application and closes it at its end.

    Args:
        open: Makes the session; the default takes the credentials from the environment.
        key: Key of the session in the application.
    """

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with open() as session:
            app[key] = session
            yield

    return context


def webhook_handler(
    receiver: WebhookReceiver,
    *,
    event_key: web.RequestKey[WebhookEvent] | str = FIVETRAN_EVENT,
    on_error: OnError | None = None,
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """
    Make the handler that receives webhooks and calls the receiver's handlers.

    It responds with 200 when they have returned: in time if they take less than 10 seconds.
    Middlewares find the event in `request[FIVETRAN_EVENT]` and the body in `request[RAW_BODY]`.
    With `handler_cancellation=True` a handler is cancelled when its sender disconnects, and its
    event is handled at the next delivery.

    Args:
        receiver: Verifies deliveries and knows the handlers.
        event_key: Key of the event in the request.
        on_error: Makes the response to refused deliveries; the default is `{"error": ...}`.
    """

    async def receive_webhook(request: web.Request) -> web.StreamResponse:
        try:
            headers = CheckedHeaders.of(request.headers)
            if request.content.at_eof():
                # A middleware has read the body, and the request keeps it.
                body = await request.read()
            else:
                body = await receiver.read(headers, request.content.iter_any())
            request[RAW_BODY] = body
            delivery = await receiver.claim(headers, body)
        except DuplicateEventError:
            return web.json_response({"status": "duplicate"})
        except WebhookRefusedError as refusal:
            return await _refuse(request, refusal, on_error)
        request[event_key] = delivery.event
        async with delivery as event:
            await receiver.dispatch(event)
        return web.json_response({"status": "ok"})

    return receive_webhook


async def _refuse(
    request: web.Request, refusal: WebhookRefusedError, on_error: OnError | None
) -> web.StreamResponse:
    if on_error is not None:
        made = on_error(request, refusal)
        return made if isinstance(made, web.StreamResponse) else await made
    headers: dict[str, str] = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
    return web.json_response(
        {"error": refusal.message}, status=refusal.http_status, headers=headers
    )
