#!/usr/bin/env bash
# anyio 4.16.0 under Starlette 1.10.0 and uvicorn 0.54.0.
# Guess: cancellation arrives once. Code that has to finish some work catches
# CancelledError, goes on waiting behind `asyncio.shield()`, and raises it afterwards.
# A cleanup in `finally` may await.
# Behaviour: a cancelled anyio scope cancels the task again at each turn of the event
# loop until it has left the scope, also while it waits for something that is shielded.
# The patient loop gets thousands of cancellations a second and keeps a core busy, and
# a cleanup that awaits once more is cut off there. Starlette streams responses inside
# such a scope, so a client that disconnects is enough, without anyio in one's own code.
# Consequence: a lease is not given back, a temporary file is deleted while a thread
# still writes to it, or one core is busy for as long as a slow release takes, and no
# test under plain asyncio shows it. Do the cleanup in a task of its own that is
# not awaited, or await it inside `anyio.CancelScope(shield=True)`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    anyio==4.16.0 starlette==1.10.0 uvicorn==0.54.0
"$dir/venv/bin/python" - <<'PY'
import asyncio
from collections.abc import AsyncIterator

import anyio
import uvicorn
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

released: list[str] = []


async def release(name: str) -> None:
    await asyncio.sleep(0.3)
    released.append(name)


async def finish(name: str) -> int:
    """Wait for the release, however often cancelled; return how often that was."""
    work = asyncio.ensure_future(release(name))
    cancellations = 0
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            cancellations += 1
    return cancellations


async def plain() -> tuple[int, list[str]]:
    """A task, cancelled by asyncio while it has work to finish."""
    released.clear()
    count = -1

    async def body() -> None:
        nonlocal count
        try:
            await asyncio.sleep(60)
        finally:
            count = 1 + await finish("patient")
            await release("simple")

    task = asyncio.create_task(body())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])
    return count, list(released)


async def streamed(*, shield: bool) -> tuple[int, list[str]]:
    """The same body in a streaming response, cut off by its client."""
    released.clear()
    count = -1
    ended = asyncio.Event()

    async def rows() -> AsyncIterator[bytes]:
        nonlocal count
        try:
            yield b"row"
            await asyncio.sleep(60)
        finally:
            try:
                with anyio.CancelScope(shield=shield):
                    count = 1 + await finish("patient")
                    await release("simple")
            finally:
                ended.set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(rows())(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="critical"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"row")
    writer.close()
    await asyncio.wait_for(ended.wait(), 10)
    server.should_exit = True
    await serving
    return count, list(released)


async def main() -> None:
    by_asyncio = await plain()
    by_starlette = await streamed(shield=False)
    in_shield = await streamed(shield=True)
    for name, (count, names) in {
        "asyncio": by_asyncio,
        "streaming response": by_starlette,
        "with anyio's shield": in_shield,
    }.items():
        print(f"{name}: {count} cancellations, released: {', '.join(names)}")
    assert by_asyncio == (1, ["patient", "simple"]), by_asyncio
    assert by_starlette[0] > 100, "cancellation arrives once"
    assert by_starlette[1] == ["patient"], "a cleanup may await"
    assert in_shield == (1, ["patient", "simple"]), in_shield


asyncio.run(main())
PY
