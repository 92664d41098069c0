"""
A control plane for a Fivetran account: a FastAPI service in which webhooks end the waits for syncs.

    pip install '.[fastapi]' uvicorn
    python examples/fastapi_service.py              # the account from the environment
    python examples/fastapi_service.py --demo       # an embedded Fivetran with a demo account
    python examples/fastapi_service.py --selftest   # tests the demo over HTTP, then exits

Without FIVETRAN_API_KEY and FIVETRAN_API_SECRET, it runs the self-test. FIVETRAN_WEBHOOK_SECRET is
the secret that signs the deliveries to `POST /webhooks/fivetran`.
"""

import argparse
import asyncio
import collections
import contextlib
import os
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from typing import Annotated, Any

import aiohttp

try:
    import uvicorn
    from fastapi import Depends, FastAPI, Query
    from pydantic import BaseModel
except ImportError:
    sys.exit("This example requires FastAPI and uvicorn: pip install '.[fastapi]' uvicorn")

from fivetran_async import AsyncFivetran
from fivetran_async.integrations.fastapi import (
    SharedSession,
    add_exception_handlers,
    webhook_router,
)
from fivetran_async.models import Connection
from fivetran_async.testing import FakeFivetran
from fivetran_async.webhooks import WebhookEvent, WebhookReceiver

DEMO_SECRET = "of the demo only"  # noqa: S105 - signs deliveries of the embedded Fivetran
REQUESTS_AT_ONCE = 200


class SyncStatus(BaseModel):
    """The outcome of a sync, or `running` with a token for `POST /syncs/resume`."""

    status: str
    reason: str = ""
    token: str | None = None


class Resume(BaseModel):
    """The token of a running sync."""

    token: str


def create_app(
    receiver: WebhookReceiver, open_session: Callable[[], AsyncFivetran] = AsyncFivetran
) -> FastAPI:
    """Build the service; one session, opened and closed with it, serves all requests."""
    session = SharedSession(open_session)
    app = FastAPI(title="Fivetran control plane", lifespan=session.lifespan)
    app.include_router(webhook_router(receiver))
    add_exception_handlers(app)

    add_reads(app, session)
    add_syncs(app, session)

    @receiver.on()
    async def end_waits(event: WebhookEvent) -> None:
        """End the waits for a sync when its event arrives; without webhooks, they poll."""
        fivetran = await session()
        fivetran.syncs.feed(event)

    return app


def add_reads(app: FastAPI, session: SharedSession) -> None:
    """Add the routes that only read."""

    async def hurried(fivetran: Annotated[AsyncFivetran, Depends(session)]) -> AsyncFivetran:
        """Give up after 8 seconds and go before bulk work, because a client is waiting."""
        return fivetran.with_options(deadline=8, priority="interactive")

    @app.get("/health")
    async def health(fivetran: Annotated[AsyncFivetran, Depends(session)]) -> dict[str, str]:
        return {"status": "closing" if fivetran.closed else "ok"}

    @app.get("/groups/{group_id}/connections")
    async def list_connections(
        group_id: str, fivetran: Annotated[AsyncFivetran, Depends(hurried)]
    ) -> list[Connection]:
        return await fivetran.groups.list_connections(group_id).collect()


def add_syncs(app: FastAPI, session: SharedSession) -> None:
    """Add the routes that start syncs and wait for them."""

    @app.post("/connections/{connection_id}/sync")
    async def sync(
        connection_id: str,
        fivetran: Annotated[AsyncFivetran, Depends(session)],
        wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the end")] = 0,
    ) -> SyncStatus:
        run = await fivetran.connections.start_sync(connection_id)
        if wait:
            outcome = await run.wait(timeout=wait)
            if outcome.status != "timed_out":
                return SyncStatus(status=outcome.status, reason=outcome.reason)
        return SyncStatus(status="running", token=run.to_token())

    @app.post("/syncs/resume")
    async def resume(
        started: Resume,
        fivetran: Annotated[AsyncFivetran, Depends(session)],
        wait: Annotated[float, Query(gt=0, le=60, description="Seconds to wait for the end")] = 10,
    ) -> SyncStatus:
        outcome = await fivetran.resume_wait(started.token, timeout=wait)
        if outcome.status == "timed_out":
            return SyncStatus(status="running", token=started.token)
        return SyncStatus(status=outcome.status, reason=outcome.reason)


def server_for(app: FastAPI, port: int) -> uvicorn.Server:
    """Create the server, without websockets; it logs warnings and errors only."""
    return uvicorn.Server(uvicorn.Config(app, port=port, ws="none", log_level="warning"))


@contextlib.asynccontextmanager
async def serving(app: FastAPI) -> AsyncGenerator[str]:
    """Serve on a free local port during the block; yield the URL."""
    server = server_for(app, 0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            # uvicorn has no event for this, only the attribute.
            while not server.started and not task.done():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def self_test() -> None:
    """Test the service on real sockets with a Fivetran that delivers signed webhooks."""
    sessions: list[AsyncFivetran] = []

    def open_session() -> AsyncFivetran:
        sessions.append(fake.client())
        return sessions[-1]

    app = create_app(WebhookReceiver(DEMO_SECRET), open_session)
    async with FakeFivetran.demo() as fake, serving(app) as url, many_at_once(url) as client:
        await try_reading(client, fake)
        await try_syncing(client, fake, url)
    check(len(sessions) == 1, "one session served all requests")
    check(sessions[0].closed and not fake.in_flight, "clean shutdown")


def many_at_once(url: str) -> aiohttp.ClientSession:
    """Create a client without a limit on connections."""
    return aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0))


async def try_reading(client: aiohttp.ClientSession, fake: FakeFivetran) -> None:
    """Request the health, an unknown group, and one group many times concurrently."""
    group_id = fake.add_group(name="self-test")
    fake.add_connection(group_id=group_id, config={"password": "hunter2"})
    check((await fetch(client, "GET", "/health"))[1] == {"status": "ok"}, "healthy")
    status, _ = await fetch(client, "GET", "/groups/nowhere/connections")
    check(status == 404, "an unknown group is 404")
    path = f"/groups/{group_id}/connections"
    responses = await asyncio.gather(*(fetch(client, "GET", path) for _ in range(REQUESTS_AT_ONCE)))
    statuses = collections.Counter(status for status, _ in responses)
    check(statuses == {200: REQUESTS_AT_ONCE}, f"{REQUESTS_AT_ONCE} requests at once: {statuses}")
    check("hunter2" not in str(responses), "the config of a connection is not returned")


async def try_syncing(client: aiohttp.ClientSession, fake: FakeFivetran, url: str) -> None:
    """Register the service for events, start syncs, and wait for them by request and by token."""
    async with fake.client() as fivetran:
        await fivetran.webhooks.create_account(
            url=f"{url}/webhooks/fivetran", events=["sync_start", "sync_end"], secret=DEMO_SECRET
        )
    status, _ = await fetch(client, "POST", "/webhooks/fivetran", json={"event": "sync_end"})
    check(status == 400, "an unsigned event is 400")

    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "succeeded", duration=0.1)
    _, body = await fetch(client, "POST", f"/connections/{connection_id}/sync?wait=30")
    check(body["status"] == "succeeded", f"a sync with a wait: {body['status']}")

    fake.plan_sync(connection_id, "failed", duration=0.1, reason="bad password")
    _, body = await fetch(client, "POST", f"/connections/{connection_id}/sync")
    check(body["status"] == "running", "a sync without a wait returns a token")
    _, body = await fetch(client, "POST", "/syncs/resume", json={"token": body["token"]})
    check(body["status"] == "failed", f"the token resumes the wait: {body['status']}")

    await fake.settle()
    statuses = {status for each in fake.deliveries for status in each.statuses}
    check(statuses == {200}, f"{len(fake.deliveries)} webhooks delivered, all accepted")


async def fetch(
    client: aiohttp.ClientSession, verb: str, path: str, json: object = None
) -> tuple[int, Any]:
    """Send a request; return the status and the JSON of the response."""
    async with client.request(verb, path, json=json) as response:
        return response.status, await response.json()


def check(holds: bool, what: str) -> None:  # noqa: FBT001 - reads like assert
    """Print the result of a check; exit if it failed."""
    print(f"{'ok ' if holds else 'BAD'}  {what}")
    if not holds:
        sys.exit(1)


async def serve_demo(port: int) -> None:
    """Serve the embedded demo account until interrupted."""
    async with FakeFivetran.demo() as fake:
        await server_for(create_app(WebhookReceiver(DEMO_SECRET), fake.client), port).serve()
        # uvicorn re-raises an interrupt at its end; let it arrive before the fake closes.
        await asyncio.sleep(0)


async def serve_account(port: int) -> None:
    """Serve the account from the environment until interrupted."""
    receiver = WebhookReceiver(secret_env="FIVETRAN_WEBHOOK_SECRET")  # noqa: S106 - its name
    await server_for(create_app(receiver), port).serve()


async def main() -> None:
    """Serve the account, serve the demo, or run the self-test."""
    parser = argparse.ArgumentParser(description="A control plane for a Fivetran account.")
    parser.add_argument("--demo", action="store_true", help="serve an embedded demo account")
    parser.add_argument("--selftest", action="store_true", help="test the service, then exit")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    if options.demo:
        print(f"Serving an embedded demo account: http://127.0.0.1:{options.port}/docs")
        await serve_demo(options.port)
    elif options.selftest or "FIVETRAN_API_KEY" not in os.environ:
        print("Testing the service with an embedded demo account.")
        await self_test()
    else:
        print(f"Serving your Fivetran account: http://127.0.0.1:{options.port}/docs")
        await serve_account(options.port)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(130)
