"""`Fivetrex.WebhookPlug` and `Fivetrex.WebhookSignature`: receiving webhooks."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

import pytest
from aiohttp import web
from aiohttp.typedefs import Middleware

from fivetran_async import AsyncFivetran
from fivetran_async.integrations.aiohttp import FIVETRAN_EVENT, RAW_BODY, webhook_handler
from fivetran_async.testing import FakeFivetran
from fivetran_async.webhooks import (
    SIGNATURE_HEADER,
    InvalidSignatureError,
    MissingSignatureError,
    WebhookEvent,
    WebhookReceiver,
    compute_signature,
    verify_signature,
)
from integrations.servers import aiohttp_server, post
from parity.seed import seed, seed_pure

SECRET: Final = "my_webhook_secret"
BODY: Final = b'{"event":"sync_end","connector_id":"abc123"}'


def receiver_of(handler: Callable[[WebhookEvent], None]) -> WebhookReceiver:
    """Return a receiver that looks up its secret at each delivery."""
    receiver = WebhookReceiver(lambda: SECRET)
    receiver.on()(handler)
    return receiver


@contextlib.asynccontextmanager
async def hook(receiver: WebhookReceiver, *middlewares: Middleware) -> AsyncGenerator[str, None]:
    """Serve a receiver on this machine, and yield its URL."""
    app = web.Application(middlewares=middlewares)
    app.router.add_post("/hook", webhook_handler(receiver))
    async with aiohttp_server(app) as port:
        yield f"http://127.0.0.1:{port}/hook"


@seed("Fivetrex.WebhookPlug.cache_raw_body/2")
async def keeps_the_raw_body(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A valid delivery has its event and exact bytes; invalid ones get 400, 401 and 422."""
    kept: list[tuple[bytes, str]] = []

    @web.middleware
    async def keep(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        response = await handler(request)
        if FIVETRAN_EVENT in request:
            kept.append((request[RAW_BODY], request[FIVETRAN_EVENT].connection_id))
        return response

    deliveries: dict[int, tuple[bytes, list[tuple[str, str]]]] = {
        200: (BODY, [(SIGNATURE_HEADER, compute_signature(BODY, SECRET))]),
        400: (BODY, []),
        401: (BODY, [(SIGNATURE_HEADER, compute_signature(BODY, "wrong"))]),
        422: (b"no JSON", [(SIGNATURE_HEADER, compute_signature(b"no JSON", SECRET))]),
    }
    async with hook(receiver_of(lambda _: None), keep) as url:
        port = int(url.removesuffix("/hook").rpartition(":")[2])
        for status, (body, headers) in deliveries.items():
            assert (await post(port, body, headers)).status == status
    assert kept == [(BODY, "abc123")]


@seed_pure("Fivetrex.WebhookSignature.compute_signature/2")
def signs_as_fivetran_does() -> None:
    """A signature is HMAC-SHA256 in upper-case hex; the expected one was made with OpenSSL."""
    assert (
        compute_signature(b'{"event":"sync_end"}', "my_secret")
        == "26A5F9D67C8A738EF02FE545BB1147E10AE6D66BDEC41C82D31605493686DBA5"
    )


@seed_pure("Fivetrex.WebhookSignature.signature_header/0")
def names_the_header() -> None:
    """The header is the documented one; HTTP ignores its letter case."""
    assert SIGNATURE_HEADER.lower() == "x-fivetran-signature-256"


@seed_pure("Fivetrex.WebhookSignature.verify/3")
def verifies_a_signature() -> None:
    """The right signature passes; wrong and missing ones raise different errors."""
    signature = compute_signature(BODY, SECRET)
    verify_signature(BODY, signature, SECRET)
    verify_signature(BODY, signature.lower(), SECRET)
    with pytest.raises(InvalidSignatureError):
        verify_signature(BODY, "wrong_signature", SECRET)
    with pytest.raises(InvalidSignatureError):
        verify_signature(BODY + b" ", signature, SECRET)
    for missing in (None, ""):
        with pytest.raises(MissingSignatureError):
            verify_signature(BODY, missing, SECRET)
