"""The HTTP side: one aiohttp server on a loopback port, the request log and the faults."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from email.utils import formatdate
from typing import Any

import attrs
from aiohttp import web
from multidict import CIMultiDict

from fivetran_async.errors import UsageError
from fivetran_async.testing._deliveries import Deliveries
from fivetran_async.testing._engine import Engine, Incoming, Reply, unreadable_body
from fivetran_async.testing._loop_guard import MESSAGE as LOOP_MESSAGE
from fivetran_async.testing._loop_guard import LoopGuard
from fivetran_async.testing.faults import Fault, Script

_logger = logging.getLogger("fivetran_async.testing")


@attrs.define
class RecordedRequest:
    """
    One received request.

    `path` is still percent-encoded, and `body` is the parsed JSON or None. `status` is None until a
    response is sent, and remains None if a fault suppresses the response. `time` is the account's
    clock, in seconds since the epoch.
    """

    verb: str
    raw_path: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str] = attrs.field(repr=False)
    body_bytes: bytes = attrs.field(repr=False)
    operation: str | None
    time: float
    status: int | None = None

    @property
    def body(self) -> object:
        """The JSON body, or None if the body is empty or not JSON."""
        try:
            return json.loads(self.body_bytes) if self.body_bytes else None
        except (ValueError, RecursionError):
            return None


@attrs.define(eq=False)
class Server:
    """Serves one engine, and records requests."""

    engine: Engine
    deliveries: Deliveries
    host: str = "127.0.0.1"
    port: int = 0
    latency: float = 0.0
    date: str | None = None
    requests: list[RecordedRequest] = attrs.field(factory=list[RecordedRequest], repr=False)
    scripts: list[Script] = attrs.field(factory=list[Script])
    rng: random.Random = attrs.field(factory=lambda: random.Random(0), repr=False)  # noqa: S311
    in_flight: int = 0
    max_in_flight: int = 0
    _runner: web.ServerRunner | None = attrs.field(default=None, init=False, repr=False)
    _guard: LoopGuard | None = attrs.field(default=None, init=False, repr=False)
    _stopping: asyncio.Event = attrs.field(factory=asyncio.Event, init=False, repr=False)

    @property
    def url(self) -> str | None:
        """The root URL of the server, or None while it is stopped."""
        if self._runner is None:
            return None
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self) -> None:
        """Start to listen; port 0 picks a free port."""
        if self._guard is not None:
            if self._guard.loop.is_running():
                return
            if not self._guard.loop.is_closed():
                raise UsageError(LOOP_MESSAGE)
            self._forget(self._guard)
        self._stopping = asyncio.Event()
        # Cancel handlers when their client disconnects, which keeps `in_flight` correct.
        server = web.Server(
            self._handle, handler_cancellation=True, access_log=None, logger=_logger
        )
        runner = web.ServerRunner(server, shutdown_timeout=0.5)
        await runner.setup()
        listener: socket.socket | None = None
        try:
            listener = _listen(self.host, self.port)
            await web.SockSite(runner, listener).start()
        except BaseException:
            await runner.cleanup()
            if listener is not None:
                listener.close()
            raise
        self._runner = runner
        self._guard = LoopGuard(
            asyncio.get_running_loop(),
            listener,
            lambda: (connection.transport for connection in server.connections),
        )
        self._guard.start()
        self.deliveries.start()

    async def stop(self) -> None:
        """
        Close every connection and end the fake's tasks.

        Raises:
            UsageError: The loop on which the fake was started is not running.
        """
        if self._guard is not None and self._guard.loop.is_closed():
            self._forget(self._guard)
        elif self._guard is not None:
            await self.on_own_loop(self._stop)

    async def on_own_loop(self, do: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """
        Await a coroutine function on the loop on which the server was started.

        Raises:
            UsageError: That loop is not running.
        """
        loop = self._guard.loop if self._guard is not None else asyncio.get_running_loop()
        if loop is asyncio.get_running_loop():
            await do()
        elif loop.is_running():
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(do(), loop))
        else:
            raise UsageError(LOOP_MESSAGE)

    def _forget(self, guard: LoopGuard) -> None:
        """Give up a server with a closed loop, on which nothing can be cleaned up."""
        guard.stop()
        guard.listener.close()
        self._runner = self._guard = None
        self.deliveries.forget()

    async def _stop(self) -> None:
        if self._runner is None or self._guard is None:
            return
        runner, self._runner = self._runner, None
        guard, self._guard = self._guard, None
        guard.stop()
        self._stopping.set()
        try:
            await self.deliveries.stop()
        finally:
            # Even if `stop` is cancelled: the listening socket must not outlive the server.
            try:
                await runner.cleanup()
            finally:
                guard.listener.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            return await self._serve(request)
        finally:
            self.in_flight -= 1

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            body = await request.content.read() if request.body_exists else b""
        except web.RequestPayloadError:
            body = None
        incoming = Incoming(
            verb=request.method,
            raw_path=request.raw_path,
            headers=request.headers,
            body=body or b"",
        )
        record = self._record(incoming)
        if body is None:
            return self._respond(record, unreadable_body())
        fault = self._fault(record)
        if fault is None:
            return self._respond(record, await self._reply_to(incoming))
        return await self._apply_fault(request, record, fault, incoming)

    async def _reply_to(self, incoming: Incoming) -> Reply:
        reply = await self.engine.handle(incoming)
        self.deliveries.wake_up()
        if self.latency:
            # After the request took effect: an impatient client has still changed the account.
            await asyncio.sleep(self.latency)
        return reply

    def _record(self, incoming: Incoming) -> RecordedRequest:
        operation = self.engine.operation(incoming)
        record = RecordedRequest(
            verb=incoming.verb,
            raw_path=incoming.raw_path,
            path=incoming.path,
            query=incoming.query,
            headers=incoming.headers,
            body_bytes=incoming.body,
            operation=operation.name if operation else None,
            time=self.engine.account.clock.time(),
        )
        self.requests.append(record)
        return record

    def _fault(self, record: RecordedRequest) -> Fault | None:
        for script in self.scripts:
            if script.strikes(record.operation, record.verb, record.path, self.rng):
                return script.fault
        return None

    async def _apply_fault(
        self,
        request: web.BaseRequest,
        record: RecordedRequest,
        fault: Fault,
        incoming: Incoming,
    ) -> web.StreamResponse:
        if fault.kind == "delay":
            reply = await self._reply_to(incoming)
            await asyncio.sleep(fault.seconds)
            return self._respond(record, reply)
        if fault.kind == "success":
            return self._respond(record, _varied(await self._reply_to(incoming), fault))
        lost = await self._reply_to(incoming) if fault.applied else None
        if fault.kind == "reply":
            record.status = fault.code
            headers = self._dated(record, fault.headers)
            return web.Response(status=fault.code, headers=headers, body=fault.body)
        if fault.kind == "hang":
            await self._stopping.wait()
        elif lost is not None and fault.when != "after":
            record.status = lost.status
            _send_half(request, lost, promise_all=fault.kind == "drop")
        return _close(request)

    def _respond(self, record: RecordedRequest, reply: Reply) -> web.Response:
        record.status = reply.status
        headers = self._dated(record, reply.headers)
        return web.Response(status=reply.status, headers=headers, body=reply.body)

    def _dated(
        self, record: RecordedRequest, headers: Mapping[str, str] | Sequence[tuple[str, str]]
    ) -> CIMultiDict[str]:
        """Add `Date` by the account's clock, unless `date` is what the server is to send."""
        dated = CIMultiDict(headers)
        dated.setdefault("Date", formatdate(record.time, usegmt=True))
        if self.date is not None:
            dated["Date"] = self.date
        return dated


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def _varied(reply: Reply, fault: Fault) -> Reply:
    """Return a success with another status, and without its data if the fault has none."""
    if reply.status >= 300:
        return reply
    # A 204 has no body at all.
    body = b"" if fault.code == 204 else reply.body
    if body and not fault.data and reply.headers.get("Content-Type") == "application/json":
        envelope = json.loads(body)
        envelope.pop("data", None)
        body = json.dumps(envelope).encode()
    return attrs.evolve(reply, status=fault.code, body=body)


def _send_half(request: web.BaseRequest, reply: Reply, *, promise_all: bool) -> None:
    """Write the headers and half of the body; `promise_all` announces the full length."""
    length = [f"Content-Length: {len(reply.body)}"] if promise_all else []
    headers = [f"{name}: {value}" for name, value in reply.headers.items()]
    lines: Sequence[str] = [
        f"HTTP/1.1 {reply.status} Scripted",
        *headers,
        *length,
        "Connection: close",
    ]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    if request.transport is not None:
        request.transport.write(head + reply.body[: len(reply.body) // 2])


def _close(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    # Never sent, because the transport is closed.
    response = web.Response()
    response.force_close()
    return response
