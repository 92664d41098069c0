"""
The processor time of a webhook that FastAPI receives, compared with a hand-written endpoint.

By hand: the signature is compared, pydantic reads the event, and a function handles it. The router
also refuses repeated keys and handles each event once. The application is called as a server calls
it, without a socket. Every delivery has another body.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import hmac
import importlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from harness import Comparison, arguments_of, command_line, finish, processor_seconds, turns

from fivetran_async.webhooks import WebhookEvent, WebhookReceiver, compute_signature

SECRET = "a secret of a webhook"
TARGET = 1.2
DELIVERIES = 200
BY_HAND, AGAIN = "by hand with pydantic", "by hand with pydantic, again"
ROUTER, BARE = "webhook_router", "FastAPI alone"

Application: TypeAlias = Any
"""An application of ASGI."""
Request: TypeAlias = tuple[dict[str, object], bytes]
"""The scope of ASGI and the body."""

SCOPE: Mapping[str, object] = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/webhook",
    "raw_path": b"/webhook",
    "query_string": b"",
    "root_path": "",
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
}

_numbers = itertools.count()


def event_body(number: int) -> bytes:
    """Return the body of one delivery."""
    event = {
        "event": "sync_end",
        "created": "2026-11-01T10:11:12.345Z",
        "connector_type": "postgres",
        "connector_id": f"connection_{number}",
        "connector_name": "shop",
        "sync_id": f"sync_{number}",
        "destination_group_id": "decent_dropsy",
        "data": {"status": "SUCCESSFUL"},
    }
    return json.dumps(event).encode()


def headers_of(body: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of one delivery."""
    return [
        (b"host", b"example.com"),
        (b"user-agent", b"Fivetran"),
        (b"accept", b"*/*"),
        (b"accept-encoding", b"gzip"),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-fivetran-signature-256", compute_signature(body, SECRET).encode()),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"x-forwarded-proto", b"https"),
    ]


def router_app() -> Application:
    """Return an application with the package's router, and one handler."""
    fastapi: Any = importlib.import_module("fastapi")
    ours: Any = importlib.import_module("fivetran_async.integrations.fastapi")
    receiver = WebhookReceiver(SECRET)

    @receiver.on("sync_end")
    async def handle(event: WebhookEvent) -> None:
        assert event.succeeded

    app = fastapi.FastAPI()
    app.include_router(ours.webhook_router(receiver, path="/webhook"))
    return app


def app_by_hand() -> Application:
    """Return an application with the same in a hand-written endpoint."""
    fastapi: Any = importlib.import_module("fastapi")
    requests: Any = importlib.import_module("starlette.requests")
    pydantic: Any = importlib.import_module("pydantic")
    text = str | None
    data = pydantic.create_model("Data", status=(text, None), reason=(text, None))
    names = ("connector_id", "connector_name", "connector_type", "sync_id", "destination_group_id")
    moment = importlib.import_module("datetime").datetime
    event_class = pydantic.create_model(
        "Event",
        event=(str, ...),
        created=(moment, ...),
        data=(data, ...),
        **dict.fromkeys(names, (text, None)),
    )
    app = fastapi.FastAPI()
    key = SECRET.encode()

    async def handle(event: Any) -> None:  # noqa: ANN401
        assert event.data.status == "SUCCESSFUL"

    async def endpoint(request: Any) -> Mapping[str, str]:  # noqa: ANN401
        body = await request.body()
        signature = hmac.new(key, body, hashlib.sha256).hexdigest()
        given = request.headers.get("X-Fivetran-Signature-256", "")
        if not hmac.compare_digest(signature, given.lower()):
            raise fastapi.HTTPException(401)
        await handle(event_class.model_validate_json(body))
        return {"status": "ok"}

    endpoint.__annotations__["request"] = requests.Request
    app.post("/webhook")(endpoint)
    return app


def bare_app() -> Application:
    """Return an application with an endpoint that reads the body only."""
    fastapi: Any = importlib.import_module("fastapi")
    requests: Any = importlib.import_module("starlette.requests")
    app = fastapi.FastAPI()

    async def endpoint(request: Any) -> Mapping[str, str]:  # noqa: ANN401
        await request.body()
        return {"status": "ok"}

    endpoint.__annotations__["request"] = requests.Request
    app.post("/webhook")(endpoint)
    return app


def new_requests(count: int) -> list[Request]:
    """Return the requests of deliveries, each with another body."""
    bodies = [event_body(next(_numbers)) for _ in range(count)]
    return [({**SCOPE, "headers": headers_of(body)}, body) for body in bodies]


async def deliver(app: Application, requests: Sequence[Request]) -> None:
    """Call an application with the requests, one after the other."""
    for scope, body in requests:
        status = await respond(app, scope, body)
        assert status == 200, status


async def respond(app: Application, scope: dict[str, object], body: bytes) -> int:
    """Call an application with one request, and return the status of its response."""
    status = 0

    async def receive() -> Mapping[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


async def measure(rounds: int) -> Comparison:
    """Measure every application in every round."""
    by_hand = app_by_hand()
    apps = {BY_HAND: by_hand, AGAIN: by_hand, ROUTER: router_app(), BARE: bare_app()}
    costs: dict[str, list[float]] = {name: [] for name in apps}
    for app in apps.values():
        await deliver(app, new_requests(DELIVERIES))
    for name in turns(apps, rounds):
        requests = new_requests(DELIVERIES)
        gc.collect()
        before = processor_seconds()
        await deliver(apps[name], requests)
        costs[name].append((processor_seconds() - before) / DELIVERIES)
    return Comparison(costs=costs, scale=1e6, unit="us", control=(BY_HAND, AGAIN))


def main() -> None:
    """Measure and print."""
    arguments = arguments_of(command_line(__doc__, rounds=25, quick=3))
    comparison = asyncio.run(measure(arguments.rounds))
    print(f"\n### webhook: {arguments.rounds} rounds of {DELIVERIES}\n")
    print(comparison.details(BY_HAND), flush=True)
    what = "webhook through FastAPI"
    finish(
        arguments,
        [comparison.row(what, ROUTER, BY_HAND, TARGET), comparison.row(what, ROUTER, BARE)],
    )


if __name__ == "__main__":
    main()
