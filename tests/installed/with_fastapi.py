"""Check the wheel with the extra `fastapi`: `nox -s install`."""

# No `from __future__ import annotations`: FastAPI resolves them, and `session` is a local name.

import asyncio
import json
import sys
from typing import Annotated, Any

from environment import check_packages
from fastapi import Depends, FastAPI

from fivetran_async import AsyncFivetran
from fivetran_async.integrations.fastapi import (
    SharedSession,
    add_exception_handlers,
    webhook_router,
)
from fivetran_async.models import Group
from fivetran_async.testing import FakeFivetran
from fivetran_async.webhooks import (
    SIGNATURE_HEADER,
    WebhookEvent,
    WebhookReceiver,
    compute_signature,
)

SECRET = "my_secret"
DELIVERY = b'{"event": "sync_end", "connection_id": "speak_inexpensive"}'


def control_plane(session: SharedSession, receiver: WebhookReceiver) -> FastAPI:
    """Build an application as users write it."""
    app = FastAPI(lifespan=session.lifespan)
    app.include_router(webhook_router(receiver))
    add_exception_handlers(app)

    @app.get("/groups/{group_id}")
    async def read_group(
        group_id: str, fivetran: Annotated[AsyncFivetran, Depends(session)]
    ) -> Group:
        return await fivetran.groups.get(group_id)

    return app


async def call(
    app: FastAPI, verb: str, path: str, body: bytes = b"", signature: str = ""
) -> tuple[int, Any]:
    """Call the application without a server, which the extra lacks; return the response."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI messages are untyped
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": verb,
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": [(SIGNATURE_HEADER.lower().encode(), signature.encode())],
    }
    await app(scope, receive, send)
    response = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], json.loads(response)


async def main() -> None:
    """Serve requests and receive a webhook."""
    receiver = WebhookReceiver(SECRET)
    seen: list[str] = []

    @receiver.on("sync_end")
    async def ended(event: WebhookEvent) -> None:
        seen.append(event.connection_id)

    async with FakeFivetran() as fake:
        group_id = fake.add_group(name="warehouse")
        app = control_plane(SharedSession(fake.client), receiver)
        async with app.router.lifespan_context(app):
            status, group = await call(app, "GET", f"/groups/{group_id}")
            assert (status, group["name"]) == (200, "warehouse"), group
            status, failure = await call(app, "GET", "/groups/no_such_group")
            assert (status, failure["code"]) == (404, "NotFound_Group"), failure
            hook = ("POST", "/webhooks/fivetran", DELIVERY)
            signature = compute_signature(DELIVERY, SECRET)
            assert await call(app, *hook, signature) == (200, {"status": "ok"})
            status, _ = await call(app, *hook, compute_signature(DELIVERY, "another"))
            assert status == 401
    assert seen == ["speak_inexpensive"], seen
    sys.stdout.write(
        "fastapi: the session responds 200 and 404, the webhook receiver 200 and 401\n"
    )


check_packages("fastapi")
asyncio.run(main())
