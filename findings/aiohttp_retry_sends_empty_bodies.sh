#!/usr/bin/env bash
# aiohttp-retry 2.9.1 on aiohttp 3.14.5.
# Guess: a body that can be read only once (an asynchronous generator, an open file)
# either raises on the second attempt or is not retried.
# Behaviour: the second attempt sends the request with an empty body, and the call
# returns its 200. A file object fares as badly as a generator: nothing rewinds it.
# Only bytes, strings and forms survive. Besides, the responses of refused attempts
# are never released: with large error pages each attempt costs one pooled connection
# until the garbage collector comes by.
# Consequence: one 503 in front of an upload replaces the file by an empty one, with a
# success in the log. Read the body into bytes first, or build it anew for each
# attempt, and let the server check a length or digest.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    aiohttp==3.14.5 aiohttp-retry==2.9.1
"$dir/venv/bin/python" - <<'PY'
import asyncio
import io
import logging
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from aiohttp_retry import ExponentialRetry, RetryClient

REFUSALS = 2
logging.disable(logging.CRITICAL)  # the reports of unclosed responses


async def main() -> None:
    lengths: list[int] = []

    async def receive(request: web.Request) -> web.Response:
        lengths.append(len(await request.read()))
        if len(lengths) <= REFUSALS:
            return web.Response(status=503, body=b"busy" * 1_000_000)
        return web.Response(text="stored")

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}/"

    async def stream() -> AsyncIterator[bytes]:
        yield b"first half, "
        yield b"second half"

    async def look(body: object) -> tuple[int, list[int], int]:
        """The status, the body lengths that the server saw, connections still held."""
        lengths.clear()
        connector = aiohttp.TCPConnector()
        options = ExponentialRetry(attempts=4, start_timeout=0.01)
        session = aiohttp.ClientSession(connector=connector)
        async with RetryClient(client_session=session, retry_options=options) as client:
            async with client.post(url, data=body) as response:
                await response.read()
                status = response.status
            held = len(connector._acquired)
        return status, list(lengths), held

    form = aiohttp.FormData()
    form.add_field("file", b"first half, second half", filename="f")
    seen = {
        "generator": await look(stream()),
        "file": await look(io.BytesIO(b"first half, second half")),
        "bytes": await look(b"first half, second half"),
        "form": await look(form),
    }
    await runner.cleanup()
    for name, (status, sent, held) in seen.items():
        print(f"{name}: status {status}, body lengths {sent}, connections held {held}")
    assert seen["generator"][:2] == (200, [23, 0, 0]), seen
    assert seen["file"][:2] == (200, [23, 0, 0]), seen
    assert seen["bytes"][:2] == (200, [23, 23, 23]), seen
    assert len(set(seen["form"][1])) == 1, seen
    assert all(held > 0 for _, _, held in seen.values()), "refused responses are released"


asyncio.run(main())
PY
