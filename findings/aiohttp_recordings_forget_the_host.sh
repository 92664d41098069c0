#!/usr/bin/env bash
# vcrpy 9.4.2 and aioresponses 0.7.9 with aiohttp 3.14.5.
# Guess: a cassette identifies a request by its full address, and a session's client
# middlewares (signing, retries, limits) run on replay as they ran on recording.
# Behaviour: vcrpy steps in above the session's own logic. A session with `base_url`
# is recorded by the relative part alone, so the recording of a staging host is
# replayed for any other host. Middlewares and trace hooks run while recording and not on
# replay, and what they add to a request is not in the cassette. aioresponses, which
# pip installs beside this aiohttp without complaint, raises TypeError at each use.
# Consequence: a replayed test passes with the wrong base URL, with a broken signing
# middleware and with none at all. Test those against a real local server, and use
# absolute URLs where a cassette has to tell hosts apart.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    aiohttp==3.14.5 vcrpy==9.4.2 aioresponses==0.7.9
cd "$dir"
"$dir/venv/bin/python" -W ignore - <<'PY'
import asyncio
from pathlib import Path

import aiohttp
import vcr
from aiohttp import web
from aioresponses import aioresponses

signed: list[str] = []
traced: list[str] = []


async def sign(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    signed.append(str(request.url))
    request.headers["X-Signature"] = "s3al"
    return await handler(request)


async def note(*_: object) -> None:
    traced.append("start")


async def ask(base: str) -> tuple[str, int, int]:
    """The body, and how often the middleware and the trace hook ran."""
    signed.clear()
    traced.clear()
    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(note)
    with vcr.use_cassette("tape.yaml", record_mode="once", match_on=["method", "uri"]):
        async with aiohttp.ClientSession(
            base, middlewares=(sign,), trace_configs=[trace]
        ) as session:
            async with session.get("v1/groups") as response:
                return await response.text(), len(signed), len(traced)


async def main() -> None:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(text=f"signature {request.headers.get('X-Signature')}")

    app = web.Application()
    app.router.add_get("/v1/groups", respond)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    recorded = await ask("http://{}:{}/".format(*runner.addresses[0][:2]))
    await runner.cleanup()
    replayed = await ask("http://production.invalid/")
    tape = Path("tape.yaml").read_text()
    print("recorded:", recorded)
    print("replayed for another host:", replayed)
    print("cassette:", next(line.strip() for line in tape.splitlines() if "uri:" in line))

    with aioresponses() as fake:
        fake.get("http://production.invalid/v1/groups", payload={})
        async with aiohttp.ClientSession() as session:
            try:
                await session.get("http://production.invalid/v1/groups")
            except TypeError as error:
                broken = str(error)
            else:
                broken = ""
    print("aioresponses:", broken)

    assert recorded == ("signature s3al", 1, 1), recorded
    assert replayed == ("signature s3al", 0, 0), replayed
    assert "uri: v1/groups" in tape and "X-Signature" not in tape
    assert "stream_writer" in broken, "aioresponses works with this aiohttp"


asyncio.run(main())
PY
