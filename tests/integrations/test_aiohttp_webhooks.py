"""aiohttp's server: handlers that are cancelled, and servers that stop, lose no event."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from fivetran_async.integrations.aiohttp import webhook_handler
from fivetran_async.webhooks import DuplicateEventError, WebhookEvent, WebhookReceiver
from integrations.servers import aiohttp_server, post
from webhooks.deliveries import SECRET, SYNC_END, signed
from webhooks.shaky import ShakyStore


async def disconnect_when(port: int, when: asyncio.Event) -> None:
    """Deliver the event, and close the connection when the time has come, as a timeout does."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    (name, value), *_ = signed(SYNC_END)
    head = f"POST /hook HTTP/1.1\r\nHost: a\r\nContent-Length: {len(SYNC_END)}\r\n{name}: {value}"
    writer.write(f"{head}\r\n\r\n".encode() + SYNC_END)
    await when.wait()
    writer.close()
    await writer.wait_closed()


async def test_a_handler_whose_sender_disconnects_is_called_at_the_next_delivery() -> None:
    """With `handler_cancellation=True` aiohttp cancels it: the event is not handled."""
    receiver = WebhookReceiver(SECRET)
    calls: list[WebhookEvent] = []
    started = asyncio.Event()
    cancelled = asyncio.Event()

    @receiver.on()
    async def wait_once(event: WebhookEvent) -> None:
        calls.append(event)
        started.set()
        if len(calls) == 1:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

    app = web.Application()
    app.router.add_post("/hook", webhook_handler(receiver))
    async with aiohttp_server(app, handler_cancellation=True) as port:
        await disconnect_when(port, started)
        await cancelled.wait()
        assert (await post(port, SYNC_END, signed(SYNC_END))).status == 200
        assert (await post(port, SYNC_END, signed(SYNC_END))).status == 200
    assert len(calls) == 2


async def test_a_sender_that_disconnects_while_the_store_claims_is_served_next_time() -> None:
    """The claim that was granted to the cancelled handler is released."""
    store = ShakyStore()
    receiver = WebhookReceiver(SECRET, deduplicate=store)
    handled: list[WebhookEvent] = []
    receiver.on()(handled.append)
    resume = store.hold("claim")
    app = web.Application()
    app.router.add_post("/hook", webhook_handler(receiver))
    async with aiohttp_server(app, handler_cancellation=True) as port:
        await disconnect_when(port, store.reached)
        while "release" not in store.calls:
            await asyncio.sleep(0.01)
            resume.set()
        assert (await post(port, SYNC_END, signed(SYNC_END))).status == 200
    assert len(handled) == 1


async def test_a_repeat_in_progress_is_worth_a_retry() -> None:
    """It gets 503 with Retry-After."""
    receiver = WebhookReceiver(SECRET)
    app = web.Application()
    app.router.add_post("/hook", webhook_handler(receiver))
    async with aiohttp_server(app) as port, receiver.accept(signed(SYNC_END), SYNC_END):
        response = await post(port, SYNC_END, signed(SYNC_END))
    assert (response.status, response.headers["retry-after"]) == (503, "10")


async def test_an_application_drains_its_receiver() -> None:
    """With `on_cleanup`, what is still owed to the store is delivered before the process ends."""
    store = ShakyStore()
    receiver = WebhookReceiver(SECRET, deduplicate=store, _store_timeout=0.3)
    resume = store.hold("done")
    app = web.Application()
    app.router.add_post("/hook", webhook_handler(receiver))
    app.on_cleanup.append(receiver.drain)
    async with aiohttp_server(app) as port:
        assert (await post(port, SYNC_END, signed(SYNC_END))).status == 200
        resume.set()
    with pytest.raises(DuplicateEventError):
        await receiver.receive(signed(SYNC_END), SYNC_END)


@pytest.mark.parametrize("size", [0, 200_000])
async def test_a_body_that_a_middleware_has_read_is_received(size: int) -> None:
    """A middleware that logs bodies empties the stream: the request keeps what it read."""
    receiver = WebhookReceiver(SECRET)
    handled: list[WebhookEvent] = []
    receiver.on()(handled.append)
    body = SYNC_END[:-1] + b" " * size + SYNC_END[-1:]

    @web.middleware
    async def read_first(request: web.Request, handler: Handler) -> web.StreamResponse:
        assert await request.read() == body
        return await handler(request)

    app = web.Application(middlewares=[read_first])
    app.router.add_post("/hook", webhook_handler(receiver))
    async with aiohttp_server(app) as port:
        assert (await post(port, body, signed(body))).status == 200
        assert (await post(port, body, signed(body + b" "))).status == 401
    assert len(handled) == 1
