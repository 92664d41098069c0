"""Applications on real sockets, and a client that sends raw bytes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import attrs
import uvicorn
from aiohttp import web


@attrs.frozen
class Reply:
    """The response of a server."""

    status: int
    headers: dict[str, str]
    body: bytes


@contextlib.asynccontextmanager
async def asgi_server(app: Any) -> AsyncGenerator[int]:  # noqa: ANN401 - any ASGI application
    """Serve an ASGI application by uvicorn on a free port, with its lifespan."""
    config = uvicorn.Config(app, log_level="warning", ws="none", lifespan="on")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            # uvicorn has only this attribute.
            while not server.started and not task.done():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@contextlib.asynccontextmanager
async def aiohttp_server(
    app: web.Application, *, handler_cancellation: bool = False
) -> AsyncGenerator[int]:
    """Serve an aiohttp application on a free port, with its cleanup contexts."""
    runner = web.AppRunner(app, handler_cancellation=handler_cancellation)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def post(
    port: int, body: bytes, headers: Iterable[tuple[str, str]] = (), path: str = "/hook"
) -> Reply:
    """Send a POST byte for byte, and read the whole response."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers)]
    request = "\r\n".join([*lines, "", ""]).encode() + body
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        # A server that refuses by the headers may close before it has read a large body.
        with contextlib.suppress(ConnectionError):
            writer.write(request)
            await writer.drain()
        return _parse(await _read(reader))
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            received += chunk
    return received


def _parse(received: bytes) -> Reply:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Reply(int(first.split()[1]), headers, body)
