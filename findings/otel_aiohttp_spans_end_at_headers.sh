#!/usr/bin/env bash
# opentelemetry-instrumentation-aiohttp-client 0.66b1 (SDK 1.45.1), aiohttp 3.14.5.
# Guess: a client span covers the request until the body is read, a download that
# breaks off is an error, and a refused request keeps its status code.
# Behaviour: the span ends with the headers. A body that takes half a second more is
# a span of a few milliseconds, and one that breaks off is a span with status 200 and
# no error, even inside `async with`. With `raise_for_status=True` it is the other way
# round: the span has the error, but lost the status code. After redirects it joins
# the first URL to the last status.
# Consequence: latency and error rates from these spans describe headers only. A slow
# or cut page of a long listing is invisible, and with `raise_for_status` a dashboard
# by status code shows no 404 and no 503 at all. Wrap the reading in a span of its own.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5 \
    opentelemetry-sdk==1.45.1 opentelemetry-instrumentation-aiohttp-client==0.66b1
"$dir/venv/bin/python" - <<'PY'
import asyncio
import time

import aiohttp
from aiohttp import web
from opentelemetry.instrumentation.aiohttp_client import create_trace_config
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))


async def respond(request: web.Request) -> web.StreamResponse:
    match request.path:
        case "/slow":
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"first")
            await asyncio.sleep(0.5)
            await response.write(b"last")
            return response
        case "/cut":
            response = web.StreamResponse(headers={"Content-Length": "100"})
            await response.prepare(request)
            await response.write(b"first")
            request.transport.close()
            return response
        case "/moved":
            raise web.HTTPFound("/busy")
        case _:
            return web.Response(status=503)


def attribute(span: ReadableSpan, word: str) -> object:
    return next((v for k, v in span.attributes.items() if word in k), None)


async def main() -> None:
    app = web.Application()
    app.router.add_get("/{path:.*}", respond)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = "http://{}:{}".format(*runner.addresses[0][:2])
    trace = create_trace_config(tracer_provider=provider)
    seen: dict[str, tuple[float, float, object, str, str]] = {}
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        for name, path, strict in (
            ("slow body", "/slow", False),
            ("cut body", "/cut", False),
            ("refused", "/busy", False),
            ("refused, raise_for_status", "/busy", True),
            ("redirected", "/moved", False),
        ):
            exporter.clear()
            start = time.perf_counter()
            error = "none"
            try:
                async with session.get(base + path, raise_for_status=strict) as response:
                    await response.read()
            except aiohttp.ClientError as caught:
                error = type(caught).__name__
            took = time.perf_counter() - start
            (span,) = exporter.get_finished_spans()
            length = (span.end_time - span.start_time) / 1e9
            status, verdict = attribute(span, "status_code"), span.status.status_code.name
            url = str(attribute(span, "url"))
            print(f"{name}: took {took:.2f} s, raised {error}; span {length:.2f} s,"
                  f" status {status}, {verdict}, path /{url.rsplit('/', 1)[1]}")
            seen[name] = took, length, status, verdict, url
    await runner.cleanup()

    took, length, *_ = seen["slow body"]
    assert took > 0.45 and length < 0.3, "the span covers the body"
    assert seen["cut body"][2:4] == (200, "UNSET"), "a cut body is an error"
    assert seen["refused"][2:4] == (503, "ERROR"), seen["refused"]
    assert seen["refused, raise_for_status"][2:4] == (None, "ERROR"), "the status code is kept"
    assert seen["redirected"][2] == 503 and seen["redirected"][4].endswith("/moved")


asyncio.run(main())
PY
