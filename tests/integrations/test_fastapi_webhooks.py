"""`WebhookDependency`: when an event counts as handled, by what the endpoint returns or raises."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, TypeAlias

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel
from starlette.background import BackgroundTask

from fivetran_async.integrations.fastapi import (
    WebhookDependency,
    _Handling,
    _watch,
    webhook_router,
)
from fivetran_async.webhooks import Delivery, DuplicateEventError, WebhookEvent, WebhookReceiver
from fivetran_async.webhooks.events import parse_event
from integrations.servers import asgi_server, post
from support.waiting import until
from webhooks.deliveries import SECRET, SYNC_END, signed
from webhooks.shaky import ShakyStore

Endpoint: TypeAlias = Callable[..., object]


class Numbered(BaseModel):
    """A response with a type."""

    number: int


class Failing:
    """Endpoints that do not succeed at the first delivery, each in another way, then do."""

    def __init__(self) -> None:
        self.calls = 0

    def fails(self) -> bool:
        """True at the first call."""
        self.calls += 1
        return self.calls == 1

    def returns_a_response(self) -> Endpoint:
        """503 as a response object."""

        async def take() -> Response:
            return JSONResponse({}, 503 if self.fails() else 200)

        return take

    def returns_from_a_thread(self) -> Endpoint:
        """500 by a plain function."""

        def take() -> Response:
            return Response(status_code=500 if self.fails() else 204)

        return take

    def has_a_background_task(self) -> Endpoint:
        """502 with a background task of its own."""

        async def take() -> Response:
            task = BackgroundTask(asyncio.sleep, 0)
            return Response(status_code=502 if self.fails() else 202, background=task)

        return take

    def sets_the_status(self) -> Endpoint:
        """503 on the response that FastAPI makes."""

        async def take(response: Response) -> str:
            if self.fails():
                response.status_code = 503
            return "done"

        return take

    def refuses(self) -> Endpoint:
        """409: Fivetran repeats whatever does not get 2xx."""

        async def take() -> Response:
            return Response(status_code=409 if self.fails() else 200)

        return take

    def redirects(self) -> Endpoint:
        """307: Fivetran follows no redirects."""

        async def take() -> Response:
            return Response(status_code=307 if self.fails() else 200)

        return take

    def raises(self) -> Endpoint:
        """An exception for which FastAPI has a handler."""

        async def take() -> None:
            if self.fails():
                raise HTTPException(503)

        return take

    def breaks(self) -> Endpoint:
        """An exception for which it has none."""

        async def take() -> None:
            if self.fails():
                raise OSError("the database is away")

        return take

    def returns_the_wrong_type(self) -> Endpoint:
        """A value that is not the one that the annotation promises."""

        async def take() -> Numbered:
            wrong: Any = {"number": "none"}
            return wrong if self.fails() else Numbered(number=1)

        return take

    def streams(self) -> Endpoint:
        """A stream that breaks off after its first chunk."""

        async def chunks() -> AsyncIterator[str]:
            yield "one"
            if self.fails():
                raise OSError("the database is away")
            yield "two"

        async def take() -> StreamingResponse:
            return StreamingResponse(chunks())

        return take


ENDPOINTS = [
    Failing.returns_a_response,
    Failing.returns_from_a_thread,
    Failing.has_a_background_task,
    Failing.sets_the_status,
    Failing.refuses,
    Failing.redirects,
    Failing.raises,
    Failing.breaks,
    Failing.returns_the_wrong_type,
    Failing.streams,
]


def app_with(receiver: WebhookReceiver, endpoint: Endpoint) -> FastAPI:
    """Make an application with an endpoint behind a dependency."""
    app = FastAPI()
    app.post("/hook", dependencies=[Depends(WebhookDependency(receiver))])(endpoint)
    return app


async def deliver(port: int) -> int:
    """Deliver the event, and return the status; 0 if the response broke off."""
    response = await post(port, SYNC_END, signed(SYNC_END))
    complete = response.headers.get("transfer-encoding") is None or response.body.endswith(
        b"0\r\n\r\n"
    )
    return response.status if complete else 0


@pytest.mark.parametrize("kind", ENDPOINTS, ids=lambda kind: kind.__name__)
async def test_only_a_success_counts_as_handled(kind: Callable[[Failing], Endpoint]) -> None:
    """
    What does not get 2xx reaches the endpoint at the next delivery; what does is a duplicate.

    Siblings: every way in which an endpoint does not succeed, returned or raised.
    """
    failing = Failing()
    async with asgi_server(app_with(WebhookReceiver(SECRET), kind(failing))) as port:
        statuses = [await deliver(port) for _ in range(3)]
    assert not 200 <= statuses[0] < 300
    assert 200 <= statuses[1] < 300
    assert statuses[2] == 200
    assert failing.calls == 2


@pytest.mark.parametrize("own", [True, False], ids=["task of the response", "BackgroundTasks"])
async def test_background_tasks_run_after_the_event_is_done(own: bool) -> None:  # noqa: FBT001
    """A repeat is a duplicate while the background task runs, and also if the task then fails."""
    store = ShakyStore()
    running, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        store.calls.append("release")
        running.set()
        await go_on.wait()

    async def take(tasks: BackgroundTasks) -> Response:
        if own:
            return Response(background=BackgroundTask(slow))
        tasks.add_task(slow)
        return Response()

    async with asgi_server(app_with(WebhookReceiver(SECRET, deduplicate=store), take)) as port:
        first = asyncio.create_task(deliver(port))
        await running.wait()
        assert store.calls == ["claim", "done", "release"]
        assert await deliver(port) == 200
        go_on.set()
        assert await first == 200


async def test_an_event_is_done_before_the_response_is_sent() -> None:
    """A process that dies while it responds has not handled the event for nothing."""
    store = ShakyStore()
    order: list[str] = []

    async def take() -> dict[str, str]:
        return {}

    app = app_with(WebhookReceiver(SECRET, deduplicate=store), take)

    def watching(send: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
        async def note(message: dict[str, Any]) -> None:
            order.append(f"{message['type']} {store.calls[-1]}")
            await send(message)

        return note

    async def watched(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's types
        await app(scope, receive, send if scope["type"] == "lifespan" else watching(send))

    async with asgi_server(watched) as port:
        assert await deliver(port) == 200
    assert order[0] == "http.response.start done"


class NotedDelivery(Delivery):
    """Notes how it is settled."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__(parse_event(SYNC_END), None, None)
        self._seen = seen

    async def settle(self, *, handled: bool) -> None:
        """Note the first time; only that one counts."""
        if not {"done", "release"} & set(self._seen):
            self._seen.append("done" if handled else "release")


async def one_chunk() -> AsyncIterator[str]:
    """A stream that ends by itself."""
    yield "one"


def noting(app: FastAPI, seen: list[str]) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Wrap an application, and note the messages of its responses."""

    async def watched(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's types
        async def passing(message: Any) -> None:  # noqa: ANN401
            is_chunk = message.get("more_body", False)
            seen.append("chunk" if is_chunk else message["type"].rpartition(".")[2])
            await send(message)

        await app(scope, receive, send if scope["type"] == "lifespan" else passing)

    return watched


@pytest.mark.parametrize(
    ("kind", "fails", "expected"),
    [
        ("plain", False, ["endpoint", "done", "start", "body", "task"]),
        ("plain", True, ["endpoint", "release", "start", "body", "task"]),
        ("stream", False, ["endpoint", "start", "chunk", "done", "body", "task"]),
        ("stream", True, ["endpoint", "release", "start", "chunk", "body", "task"]),
    ],
)
async def test_messages_of_a_response_settle_its_event(
    kind: str,
    fails: bool,  # noqa: FBT001
    expected: list[str],
) -> None:
    """
    FastAPI 0.118 to 0.120 end dependencies after the response: there, its messages are watched.

    Tried with every version, for a response with a background task of its own.
    """
    seen: list[str] = []

    async def watch() -> None:
        handling = _Handling()
        handling.add(NotedDelivery(seen))
        assert _watch(handling.follow)

    async def finish() -> None:
        seen.append("task")

    async def take() -> Response:
        seen.append("endpoint")
        status, task = (503 if fails else 200), BackgroundTask(finish)
        if kind == "plain":
            return Response("all", status, background=task)
        return StreamingResponse(one_chunk(), status, background=task)

    app = FastAPI()
    app.post("/hook", dependencies=[Depends(watch)])(take)

    async with asgi_server(noting(app, seen)) as port:
        for _ in range(2):
            seen.clear()
            await deliver(port)
            await until(lambda: "task" in seen)
            assert seen == expected


async def test_what_is_not_a_request_is_not_watched() -> None:
    """Outside of FastAPI there is no response to wait for, and the caller learns of it."""
    assert not _watch(_Handling().follow)


async def test_what_fails_before_the_endpoint_is_not_handled() -> None:
    """A later dependency that refuses the request leaves the event for the next delivery."""
    calls: list[WebhookEvent] = []
    open_gate: list[bool] = []

    async def gate() -> None:
        if not open_gate:
            open_gate.append(True)
            raise HTTPException(503)

    app = FastAPI()
    webhook = WebhookDependency(WebhookReceiver(SECRET))

    @app.post("/hook")
    async def take(
        event: Annotated[WebhookEvent, Depends(webhook)], _: Annotated[None, Depends(gate)]
    ) -> None:
        calls.append(event)

    async with asgi_server(app) as port:
        assert [await deliver(port) for _ in range(3)] == [503, 200, 200]
    assert len(calls) == 1


async def test_a_repeat_in_progress_is_worth_a_retry() -> None:
    """It gets 503 with Retry-After, from the dependency and from the router."""
    receiver = WebhookReceiver(SECRET)
    app = app_with(receiver, lambda: None)
    app.include_router(webhook_router(receiver, path="/router"))
    async with asgi_server(app) as port, receiver.accept(signed(SYNC_END), SYNC_END):
        for path in ("/hook", "/router"):
            response = await post(port, SYNC_END, signed(SYNC_END), path)
            assert (response.status, response.headers["retry-after"]) == (503, "10")


async def test_the_router_drains_its_receiver() -> None:
    """When the application stops, what is still owed to the store is delivered first."""
    store = ShakyStore()
    receiver = WebhookReceiver(SECRET, deduplicate=store, _store_timeout=0.3)
    resume = store.hold("done")
    app = FastAPI()
    app.include_router(webhook_router(receiver, path="/hook"))
    async with asgi_server(app) as port:
        assert await deliver(port) == 200
        resume.set()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(DuplicateEventError):
        await receiver.receive(signed(SYNC_END), SYNC_END)
