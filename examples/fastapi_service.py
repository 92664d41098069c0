"""
A control plane for a Fivetran account: a FastAPI service, with webhooks that end its waits.

    pip install 'fivetran_async[fastapi]' uvicorn
    python examples/fastapi_service.py              # your account, by FIVETRAN_API_KEY and _SECRET
    python examples/fastapi_service.py --demo       # an embedded Fivetran with a demo account
    python examples/fastapi_service.py --selftest   # the demo, tried out over HTTP, then stopped

Without credentials it does the self-test. Deliveries to `POST /webhooks/fivetran` must be signed
with what is in FIVETRAN_WEBHOOK_SECRET.
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
import uvicorn
from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel

from fivetran_async import AsyncFivetran
from fivetran_async.integrations.fastapi import (
    SharedSession,
    add_exception_handlers,
    webhook_router,
)
from fivetran_async.models import Connection
from fivetran_async.testing import FakeFivetran
from fivetran_async.webhooks import WebhookEvent, WebhookReceiver

DEMO_SECRET = "of the demo only"  # noqa: S105 - it signs what we send to ourselves
REQUESTS_AT_ONCE = 200


class SyncAnswer(BaseModel):
    """How a sync ended; while it runs, the token by which to ask again."""

    status: str
    reason: str = ""
    token: str | None = None


class Resume(BaseModel):
    """A sync that was started before."""

    token: str


def create_app(
    receiver: WebhookReceiver, open_session: Callable[[], AsyncFivetran] = AsyncFivetran
) -> FastAPI:
    """Build the service: one session for all requests, opened and closed with it."""
    session = SharedSession(open_session)
    app = FastAPI(title="Fivetran control plane", lifespan=session.lifespan)
    app.include_router(webhook_router(receiver))
    add_exception_handlers(app)

    add_reads(app, session)
    add_syncs(app, session)

    @receiver.on()
    async def end_waits(event: WebhookEvent) -> None:
        """Let waits for a sync hear of its end at once; without webhooks they poll."""
        fivetran = await session()
        fivetran.syncs.feed(event)

    return app


def add_reads(app: FastAPI, session: SharedSession) -> None:
    """Add what only looks."""

    async def hurried(fivetran: Annotated[AsyncFivetran, Depends(session)]) -> AsyncFivetran:
        """Whoever asks us waits: give up after 8 seconds, and go before bulk work."""
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
    """Add what starts syncs, and waits for them."""

    @app.post("/connections/{connection_id}/sync")
    async def sync(
        connection_id: str,
        fivetran: Annotated[AsyncFivetran, Depends(session)],
        wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for its end")] = 0,
    ) -> SyncAnswer:
        run = await fivetran.connections.start_sync(connection_id)
        if wait:
            outcome = await run.wait(timeout=wait)
            if outcome.status != "timed_out":
                return SyncAnswer(status=outcome.status, reason=outcome.reason)
        return SyncAnswer(status="running", token=run.to_token())

    @app.post("/syncs/resume")
    async def resume(
        started: Resume,
        fivetran: Annotated[AsyncFivetran, Depends(session)],
        wait: Annotated[float, Query(gt=0, le=60, description="Seconds to wait for its end")] = 10,
    ) -> SyncAnswer:
        outcome = await fivetran.resume_wait(started.token, timeout=wait)
        if outcome.status == "timed_out":
            return SyncAnswer(status="running", token=started.token)
        return SyncAnswer(status=outcome.status, reason=outcome.reason)


def server_for(app: FastAPI, port: int) -> uvicorn.Server:
    """Make the server; no websockets, and nothing but warnings and errors in its log."""
    return uvicorn.Server(uvicorn.Config(app, port=port, ws="none", log_level="warning"))


@contextlib.asynccontextmanager
async def serving(app: FastAPI) -> AsyncGenerator[str]:
    """Serve on a free port of this machine for as long as the block lasts; give the URL."""
    server = server_for(app, 0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            # uvicorn tells it by an attribute, and by nothing else.
            while not server.started and not task.done():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def self_test() -> None:
    """Try the service out on real sockets, with a Fivetran that delivers signed webhooks."""
    sessions: list[AsyncFivetran] = []

    def open_session() -> AsyncFivetran:
        sessions.append(fake.client())
        return sessions[-1]

    app = create_app(WebhookReceiver(DEMO_SECRET), open_session)
    async with FakeFivetran.demo() as fake, serving(app) as url, many_at_once(url) as client:
        await try_reading(client, fake)
        await try_syncing(client, fake, url)
    check(len(sessions) == 1, "one session served them all")
    check(sessions[0].closed and not fake.in_flight, "clean shutdown")


def many_at_once(url: str) -> aiohttp.ClientSession:
    """Make a client that opens as many connections as it has requests."""
    return aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0))


async def try_reading(client: aiohttp.ClientSession, fake: FakeFivetran) -> None:
    """Ask for health, for what is not there, and for one group by many at once."""
    group_id = fake.add_group(name="self-test")
    fake.add_connection(group_id=group_id, config={"password": "hunter2"})
    check((await fetch(client, "GET", "/health"))[1] == {"status": "ok"}, "healthy")
    status, _ = await fetch(client, "GET", "/groups/nowhere/connections")
    check(status == 404, "a group that is not there is 404")
    path = f"/groups/{group_id}/connections"
    answers = await asyncio.gather(*(fetch(client, "GET", path) for _ in range(REQUESTS_AT_ONCE)))
    statuses = collections.Counter(status for status, _ in answers)
    check(statuses == {200: REQUESTS_AT_ONCE}, f"{REQUESTS_AT_ONCE} requests at once: {statuses}")
    check("hunter2" not in str(answers), "no configuration is shown")


async def try_syncing(client: aiohttp.ClientSession, fake: FakeFivetran, url: str) -> None:
    """Register the service for events, start syncs, and see them end by webhook and by token."""
    async with fake.client() as fivetran:
        await fivetran.webhooks.create_account(
            url=f"{url}/webhooks/fivetran", events=["sync_start", "sync_end"], secret=DEMO_SECRET
        )
    status, _ = await fetch(client, "POST", "/webhooks/fivetran", json={"event": "sync_end"})
    check(status == 400, "an event that is not signed is 400")

    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "succeeded", duration=0.1)
    _, answer = await fetch(client, "POST", f"/connections/{connection_id}/sync?wait=30")
    check(answer["status"] == "succeeded", f"a sync that was waited for: {answer['status']}")

    fake.plan_sync(connection_id, "failed", duration=0.1, reason="bad password")
    _, answer = await fetch(client, "POST", f"/connections/{connection_id}/sync")
    check(answer["status"] == "running", "a sync that was only started gives a token")
    _, answer = await fetch(client, "POST", "/syncs/resume", json={"token": answer["token"]})
    check(answer["status"] == "failed", f"the token tells its end: {answer['status']}")

    await fake.settle()
    met = {status for each in fake.deliveries for status in each.statuses}
    check(met == {200}, f"{len(fake.deliveries)} webhooks delivered, all accepted")


async def fetch(
    client: aiohttp.ClientSession, verb: str, path: str, json: object = None
) -> tuple[int, Any]:
    """Send a request, and give the status and the JSON of its answer."""
    async with client.request(verb, path, json=json) as response:
        return response.status, await response.json()


def check(holds: bool, what: str) -> None:  # noqa: FBT001 - reads like assert
    """Print what was seen to hold; end the program if it does not."""
    print(f"{'ok ' if holds else 'BAD'}  {what}")
    if not holds:
        sys.exit(1)


async def serve_demo(port: int) -> None:
    """Serve the embedded demo account until interrupted."""
    async with FakeFivetran.demo() as fake:
        await server_for(create_app(WebhookReceiver(DEMO_SECRET), fake.client), port).serve()
        # uvicorn hands an interrupt on at its end: it shall not meet the closing of the fake.
        await asyncio.sleep(0)


async def serve_account(port: int) -> None:
    """Serve the account of the environment until interrupted."""
    receiver = WebhookReceiver(secret_env="FIVETRAN_WEBHOOK_SECRET")  # noqa: S106 - its name
    await server_for(create_app(receiver), port).serve()


async def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description="A control plane for a Fivetran account.")
    parser.add_argument("--demo", action="store_true", help="serve an embedded demo account")
    parser.add_argument("--selftest", action="store_true", help="try the service out, and end")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    if options.demo:
        print(f"Serving an embedded demo account: http://127.0.0.1:{options.port}/docs")
        await serve_demo(options.port)
    elif options.selftest or "FIVETRAN_API_KEY" not in os.environ:
        print("Trying the service out on an embedded demo account.")
        await self_test()
    else:
        print(f"Serving your Fivetran account: http://127.0.0.1:{options.port}/docs")
        await serve_account(options.port)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(130)
