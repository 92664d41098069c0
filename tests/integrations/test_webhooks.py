"""Webhooks with each framework: the same options, the same statuses."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated, Any, TypeAlias

import pytest
from aiohttp import web
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from fivetran_async.integrations import aiohttp as for_aiohttp
from fivetran_async.integrations.fastapi import (
    WebhookDependency,
    add_exception_handlers,
    webhook_router,
)
from fivetran_async.integrations.starlette import webhook_endpoint
from fivetran_async.testing import FakeFivetran
from fivetran_async.webhooks import (
    DuplicateEventError,
    InvalidSignatureError,
    WebhookEvent,
    WebhookReceiver,
    WebhookRefusedError,
)
from integrations.servers import aiohttp_server, asgi_server, post
from support.fake_clock import FakeClock
from webhooks.deliveries import BAD_FORMS, CREATED, PROBE, SECRET, SYNC_END, signed

Serving: TypeAlias = contextlib.AbstractAsyncContextManager[int]
Mount: TypeAlias = Callable[[WebhookReceiver], Serving]


def on_fastapi(receiver: WebhookReceiver) -> Serving:
    """Serve the router."""
    app = FastAPI()
    app.include_router(webhook_router(receiver, path="/hook"))
    return asgi_server(app)


def on_fastapi_dependency(receiver: WebhookReceiver) -> Serving:
    """Serve an endpoint with the dependency."""
    app = FastAPI()
    webhook = WebhookDependency(receiver)

    @app.post("/hook")
    async def take(event: Annotated[WebhookEvent, Depends(webhook)]) -> dict[str, str]:
        await receiver.dispatch(event)
        return {"status": "ok"}

    return asgi_server(app)


def on_starlette(receiver: WebhookReceiver) -> Serving:
    """Serve the endpoint."""
    return asgi_server(
        Starlette(routes=[Route("/hook", webhook_endpoint(receiver), methods=["POST"])])
    )


def on_aiohttp(receiver: WebhookReceiver) -> Serving:
    """Serve the handler."""
    app = web.Application()
    app.router.add_post("/hook", for_aiohttp.webhook_handler(receiver))
    return aiohttp_server(app)


on_each = pytest.mark.parametrize(
    "mount", [on_fastapi, on_fastapi_dependency, on_starlette, on_aiohttp]
)


@on_each
async def test_the_bad_forms_are_refused(mount: Mount) -> None:
    """Over real sockets, each gets its status and reaches no handler."""
    receiver = WebhookReceiver(SECRET, max_age=25 * 3600, _clock=FakeClock(epoch=CREATED))
    handled: list[WebhookEvent] = []
    receiver.on()(handled.append)
    async with mount(receiver) as port:
        responses = [(await post(port, form.body, form.headers)).status for form in BAD_FORMS]
    assert responses == [form.status for form in BAD_FORMS]
    assert handled == []


@on_each
async def test_a_genuine_delivery_reaches_its_handler_once(mount: Mount) -> None:
    """The delivery and its repeat get 200; the repeat is not handled."""
    receiver = WebhookReceiver(SECRET)
    handled: list[WebhookEvent] = []
    receiver.on("sync_end")(handled.append)
    async with mount(receiver) as port:
        responses = [await post(port, body, signed(body)) for body in (SYNC_END, PROBE, SYNC_END)]
    assert [answer.status for answer in responses] == [200, 200, 200]
    assert [event.connection_id for event in handled] == ["iodize_impressive"]


@on_each
async def test_a_handler_that_fails_is_called_again(mount: Mount) -> None:
    """The first delivery gets 500; the second is handled."""
    receiver = WebhookReceiver(SECRET)
    tries: list[WebhookEvent] = []

    @receiver.on()
    def fail_once(event: WebhookEvent) -> None:
        tries.append(event)
        if len(tries) == 1:
            raise OSError("the database is away")

    async with mount(receiver) as port:
        responses = [await post(port, SYNC_END, signed(SYNC_END)) for _ in range(3)]
    assert [answer.status for answer in responses] == [500, 200, 200]
    assert len(tries) == 2


@on_each
async def test_an_error_of_ours_in_a_handler_is_not_a_refusal(mount: Mount) -> None:
    """
    What a handler raises never makes the response 200, or the event would be lost.

    Siblings: the refusals that a handler gets from a second receiver, 200 and 401 among them.
    """
    receiver = WebhookReceiver(SECRET)
    errors = [DuplicateEventError("of another receiver"), InvalidSignatureError("of another")]
    handled: list[WebhookEvent] = []

    @receiver.on()
    def fail_twice(event: WebhookEvent) -> None:
        if errors:
            raise errors.pop()
        handled.append(event)

    async with mount(receiver) as port:
        statuses = [(await post(port, SYNC_END, signed(SYNC_END))).status for _ in range(3)]
    assert statuses == [500, 500, 200]
    assert len(handled) == 1


@on_each
async def test_a_sender_that_disconnects_does_no_harm(mount: Mount) -> None:
    """A truncated body is not an event, and the next delivery is handled."""
    receiver = WebhookReceiver(SECRET)
    handled: list[WebhookEvent] = []
    receiver.on()(handled.append)
    (name, value), *_ = signed(SYNC_END)
    async with mount(receiver) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST /hook HTTP/1.1\r\nHost: a\r\n{name}: {value}\r\n".encode())
        writer.write(f"Content-Length: {len(SYNC_END)}\r\n\r\n".encode() + SYNC_END[:50])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await post(port, SYNC_END, signed(SYNC_END))).status == 200
    assert len(handled) == 1


@on_each
async def test_webhooks_of_the_api_arrive(mount: Mount) -> None:
    """The fake delivers the test event at the creation, then the events of a sync."""
    receiver = WebhookReceiver(SECRET)
    heard: list[str] = []

    @receiver.on()
    def hear(event: WebhookEvent) -> None:
        heard.append(f"{event.event} {event.status}".rstrip())

    async with FakeFivetran() as fake, mount(receiver) as port, fake.client() as fivetran:
        connection_id = fake.add_connection()
        webhook = await fivetran.webhooks.create_account(
            url=f"http://127.0.0.1:{port}/hook", events=["sync_start", "sync_end"], secret=SECRET
        )
        assert (await fivetran.webhooks.test(webhook.id, event="sync_end")).succeed
        heard.clear()
        fake.plan_sync(connection_id, "failed", duration=60, reason="bad password")
        await fivetran.connections.sync(connection_id)
        fake.advance(60)
        await fake.settle()
    assert heard == ["sync_start", "sync_end FAILURE"]
    assert {status for each in fake.deliveries for status in each.statuses} == {200}


async def test_asgi_responses_can_be_replaced() -> None:
    """`on_error`, plain or async, makes the response; `event_key` names the event."""
    receiver = WebhookReceiver(SECRET, deduplicate=False)
    kept: list[tuple[object, bytes]] = []

    def plainly(_: Request, refusal: WebhookRefusedError) -> Response:
        return PlainTextResponse(type(refusal).__name__, 418)

    async def later(request: Request, refusal: WebhookRefusedError) -> Response:
        await asyncio.sleep(0)
        return plainly(request, refusal)

    def keeping(endpoint: Callable[[Request], Awaitable[Response]]) -> Any:  # noqa: ANN401
        async def keep(request: Request) -> Response:
            response = await endpoint(request)
            if response.status_code == 200:
                kept.append((request.state.mine, request.state.raw_body))
            return response

        return keep

    for on_error in (plainly, later):
        endpoint = webhook_endpoint(receiver, event_key="mine", on_error=on_error)
        app = Starlette(routes=[Route("/hook", keeping(endpoint), methods=["POST"])])
        async with asgi_server(app) as port:
            refused = await post(port, SYNC_END)
            accepted = await post(port, SYNC_END, signed(SYNC_END))
        assert (refused.status, refused.body) == (418, b"MissingSignatureError")
        assert accepted.status == 200
    assert kept == [(await receiver.verify(signed(SYNC_END), SYNC_END), SYNC_END)] * 2


async def test_the_response_of_a_dependency_can_be_replaced() -> None:
    """With the exception handlers added, `on_error` and `event_key` work there too."""
    kept: list[object] = []
    webhook = WebhookDependency(
        WebhookReceiver(SECRET),
        event_key="mine",
        on_error=lambda _, refusal: PlainTextResponse(str(refusal.http_status), 418),
    )
    app = FastAPI()
    add_exception_handlers(app)

    @app.post("/hook")
    async def take(
        request: Request, event: Annotated[WebhookEvent, Depends(webhook)]
    ) -> WebhookEvent:
        kept.append((request.state.mine == event, request.state.raw_body))
        return event

    async with asgi_server(app) as port:
        refused = await post(port, SYNC_END)
        accepted = await post(port, SYNC_END, signed(SYNC_END))
        repeated = await post(port, SYNC_END, signed(SYNC_END))
    assert (refused.status, refused.body) == (418, b"400")
    assert json.loads(accepted.body)["connection_id"] == "iodize_impressive"
    assert (repeated.status, repeated.body) == (200, b'{"status":"duplicate"}')
    assert kept == [(True, SYNC_END)]


async def test_on_error_of_a_dependency_needs_the_exception_handlers() -> None:
    """Without them the dependency raises, since `on_error` would never be called."""
    webhook = WebhookDependency(
        WebhookReceiver(SECRET), on_error=lambda _, __: PlainTextResponse("never")
    )
    app = FastAPI()

    @app.post("/hook")
    async def take(_: Annotated[WebhookEvent, Depends(webhook)]) -> None: ...

    async with app_that_fails(app) as failures, asgi_server(app) as port:
        assert (await post(port, SYNC_END, signed(SYNC_END))).status == 500
    assert "add_exception_handlers" in str(failures[0])


@contextlib.asynccontextmanager
async def app_that_fails(app: FastAPI) -> AsyncGenerator[list[Exception]]:
    """Collect the errors to which an application responds with 500."""
    failures: list[Exception] = []

    async def note(_: Request, error: Exception) -> Response:
        failures.append(error)
        return PlainTextResponse("failed", 500)

    app.add_exception_handler(Exception, note)
    yield failures


async def test_aiohttp_responses_can_be_replaced() -> None:
    """`on_error`, plain or async, makes the response; middlewares find the event and the body."""
    kept: list[tuple[WebhookEvent, bytes]] = []

    @web.middleware
    async def keep(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        response = await handler(request)
        if response.status == 200:
            kept.append((request[for_aiohttp.FIVETRAN_EVENT], request[for_aiohttp.RAW_BODY]))
        return response

    def plainly(_: web.Request, refusal: WebhookRefusedError) -> web.Response:
        return web.Response(text=type(refusal).__name__, status=418)

    async def later(request: web.Request, refusal: WebhookRefusedError) -> web.Response:
        await asyncio.sleep(0)
        return plainly(request, refusal)

    receiver = WebhookReceiver(SECRET, deduplicate=False)
    for on_error in (plainly, later):
        app = web.Application(middlewares=[keep])
        handler = for_aiohttp.webhook_handler(receiver, on_error=on_error)
        app.router.add_post("/hook", handler)
        async with aiohttp_server(app) as port:
            refused = await post(port, SYNC_END)
            accepted = await post(port, SYNC_END, signed(SYNC_END))
        assert (refused.status, refused.body) == (418, b"MissingSignatureError")
        assert accepted.status == 200
    assert kept == [(await receiver.verify(signed(SYNC_END), SYNC_END), SYNC_END)] * 2
