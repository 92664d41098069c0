"""
aiohttp's server: a session for the application, and webhooks received.

```python
app = web.Application()
app.cleanup_ctx.append(fivetran_context())
app.router.add_post("/webhooks/fivetran", webhook_handler(receiver))
```

Handlers find the session in `request.app[FIVETRAN]`; in a sub-application, in
`request.config_dict[FIVETRAN]`.
"""

from __future__ import annotations

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

OnError: TypeAlias = Callable[
    [web.Request, WebhookRefusedError], web.StreamResponse | Awaitable[web.StreamResponse]
]
"""Makes the answer to a refused delivery, instead of ours."""

FIVETRAN: Final = web.AppKey("FIVETRAN", AsyncFivetran)
"""Where an application keeps its session; with two accounts, make a key for each."""

if TYPE_CHECKING or hasattr(web, "RequestKey"):
    FIVETRAN_EVENT: Final = web.RequestKey("FIVETRAN_EVENT", WebhookEvent)
    """Where a request keeps the event that it delivered."""
    RAW_BODY: Final = web.RequestKey("RAW_BODY", bytes)
    """Where it keeps the bytes of it."""
else:
    # Before aiohttp 3.14 the keys of requests are plain text.
    FIVETRAN_EVENT, RAW_BODY = "fivetran_event", "raw_body"


def fivetran_context(
    open: Callable[[], AsyncFivetran] = AsyncFivetran,
    key: web.AppKey[AsyncFivetran] = FIVETRAN,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """
    Make a clean-up context: it opens a session with the application, and closes it at its end.

    Args:
        open: Makes the session; without it, the account of the environment.
        key: Where the application keeps it.
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

    It answers 200 once they are done, within 10 seconds if they are quick enough: Fivetran does not
    wait longer. Middlewares find the event in `request[FIVETRAN_EVENT]`, the bytes in
    `request[RAW_BODY]`.

    Args:
        receiver: Verifies deliveries and knows the handlers.
        event_key: The name of the event in the request.
        on_error: Makes the answer to refused deliveries; ours is `{"error": ...}`.
    """

    async def receive_webhook(request: web.Request) -> web.StreamResponse:
        try:
            body = await receiver.read(request.headers, request.content.iter_any())
            request[RAW_BODY] = body
            async with receiver.accept(request.headers, body) as event:
                request[event_key] = event
                await receiver.dispatch(event)
        except DuplicateEventError:
            return web.json_response({"status": "duplicate"})
        except WebhookRefusedError as refusal:
            return await _refuse(request, refusal, on_error)
        return web.json_response({"status": "ok"})

    return receive_webhook


async def _refuse(
    request: web.Request, refusal: WebhookRefusedError, on_error: OnError | None
) -> web.StreamResponse:
    if on_error is None:
        return web.json_response({"error": refusal.message}, status=refusal.http_status)
    made = on_error(request, refusal)
    return made if isinstance(made, web.StreamResponse) else await made
