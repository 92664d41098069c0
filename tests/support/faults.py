"""
A server on loopback that misbehaves byte by byte, and the list of its misdeeds by name.

Raw sockets, because a real server library refuses to send most of this. What it counts are wire
requests: aiohttp repeats some by itself, and only the other end of the wire sees them.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import json as jsonlib
import socket
import struct
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, Self

from multidict import CIMultiDict

from support.waiting import turns, until

if TYPE_CHECKING:
    import ssl

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request as it came off the wire."""

    head: bytes
    body: bytes
    connection: int
    """Which connection brought it, counted from 1: equal numbers mean that it was reused."""

    @property
    def verb(self) -> str:
        """The first word on the wire."""
        return self._request_line[0]

    @property
    def target(self) -> str:
        """Path and query, as sent: nothing is decoded."""
        return self._request_line[1]

    @property
    def headers(self) -> dict[str, str]:
        """The headers, names in lower case."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return {name.lower(): value.strip() for name, _, value in pairs}

    def json(self) -> object:
        """The content of the body; a `ValueError` if it is not JSON."""
        value: object = jsonlib.loads(self.body)
        return value

    @property
    def _request_line(self) -> list[str]:
        return self.head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a fault has in hand while it is played."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Put these bytes on the wire."""
        self.writer.write(data)
        await self.writer.drain()

    async def wait_for_hang_up(self) -> None:
        """Return when the client has closed the connection."""
        while await self.reader.read(65_536):
            pass

    def reset_on_close(self) -> None:
        """Have the kernel end the connection with RST instead of FIN."""
        linger_zero = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger_zero
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One thing that the server does instead of, or as, a response.

    `play` returns whether the connection stays open. `reads` is how much of the request is taken
    off the wire before it is played.
    """

    name: str
    play: Callable[[Exchange], Awaitable[bool]] = field(repr=False)
    reads: Literal["nothing", "head", "request"] = "request"

    def __str__(self) -> str:
        return self.name


class FaultServer:
    """
    Plays a script, one fault per wire request; once it has run out, `answer` decides.

    `async with FaultServer(RESET, reply(503)) as server:` resets the first request, refuses the
    second and serves the others. `script` and `answer` may be changed while it runs.
    """

    def __init__(
        self,
        *script: Fault,
        answer: Callable[[WireRequest], Fault] | None = None,
        tls: ssl.SSLContext | None = None,
        scheme: Literal["http", "https"] | None = None,
    ) -> None:
        self.script: list[Fault] = list(script)
        self.answer: Callable[[WireRequest], Fault] = answer or (lambda _: reply())
        self.requests: list[WireRequest] = []
        """Every request with a complete head."""
        self.played: list[str] = []
        """The name of everything done, in order: its length is the number of attempts seen."""
        self.connections = 0
        self._tls = tls
        self._scheme = scheme or ("https" if tls else "http")
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = socket.socket()

    @property
    def url(self) -> str:
        """Where it listens; no slash at the end."""
        return f"{self._scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    # `asyncio.start_server` is not used: it drops connections that arrive while it closes, and
    # leaves their sockets to the garbage collector. A hunter of leaks may not leak.
    async def __aenter__(self) -> Self:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._listener.setblocking(False)  # noqa: FBT003
        asyncio.get_running_loop().add_reader(self._listener, self._accept)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        # A task that is cancelled before its first step would never close its connection.
        await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def hung_up(self) -> None:
        """Return when every connection is closed, and the clients in this process saw it."""
        await until(lambda: not self._tasks)
        # A look at the sockets: what was sent on loopback is there already.
        await asyncio.sleep(0.005)
        await turns()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            connection, _ = self._listener.accept()
            self.connections += 1
            task = asyncio.create_task(self._serve(connection, self.connections))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket, number: int) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=2**20)
        protocol = asyncio.StreamReaderProtocol(reader)
        # Many tests are about a client that hangs up during the response.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._tls
            )
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            try:
                while await self._exchange(Exchange(reader, writer), number):
                    pass
            finally:
                writer.close()

    async def _exchange(self, exchange: Exchange, connection: int) -> bool:
        if self.script and self.script[0].reads == "nothing":
            return await self._play(self.script.pop(0), exchange)
        head = (await exchange.reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n")
        fault = self.script.pop(0) if self.script else GOOD
        request = WireRequest(head, b"", connection)
        if fault.reads == "request":
            request = WireRequest(head, await _read_body(exchange.reader, request), connection)
        self.requests.append(request)
        return await self._play(self.answer(request) if fault is GOOD else fault, exchange)

    async def _play(self, fault: Fault, exchange: Exchange) -> bool:
        self.played.append(fault.name)
        return await fault.play(exchange)


async def _read_body(reader: asyncio.StreamReader, request: WireRequest) -> bytes:
    headers = request.headers
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = bytearray()
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return bytes(body)


def _message(status: str, headers: Headers, body: bytes) -> bytes:
    pairs = CIMultiDict(headers)
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in pairs.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def reply(
    status: int = 200, json: object = None, headers: Headers = (), *, body: bytes | None = None
) -> Fault:
    """Respond well-formed: `json` (an empty object if left out) or `body`, byte for byte."""
    if body is None:
        body = jsonlib.dumps({} if json is None else json).encode()
    pairs = CIMultiDict(headers)
    pairs.setdefault("Content-Type", "application/json")
    if status != HTTPStatus.NO_CONTENT:
        pairs.setdefault("Content-Length", str(len(body)))
    data = _message(f"{status} Status", pairs, body)
    return raw(data, name=f"reply-{status}", then="keep")


def raw(
    data: bytes, *, name: str, then: Literal["keep", "close", "reset", "hang"] = "close"
) -> Fault:
    """Send exactly these bytes, then keep the connection, end it, or say nothing more."""

    async def play(exchange: Exchange) -> bool:
        if data:
            await exchange.send(data)
        if then == "hang":
            await exchange.wait_for_hang_up()
        elif then == "reset":
            exchange.reset_on_close()
        return then == "keep"

    return Fault(name, play)


def drip(data: bytes, *, interval: float, name: str = "drip") -> Fault:
    """Send one byte every `interval` seconds: no single read is ever late."""

    async def play(exchange: Exchange) -> bool:
        for byte in data:
            await exchange.send(bytes([byte]))
            await asyncio.sleep(interval)
        return True

    return Fault(name, play)


def redirect(status: int, location: str) -> Fault:
    """Send the client elsewhere."""
    return reply(status, headers={"Location": location})


async def _hang_up(_: Exchange) -> bool:
    return False


async def _never_called(_: Exchange) -> bool:
    raise AssertionError("the server's own response stands here")


async def _cut_handshake(exchange: Exchange) -> bool:
    await exchange.reader.read(1)
    return False


async def _gzip_bomb(exchange: Exchange) -> bool:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    packed = _packed_zeros()
    await exchange.send(_message("200 OK", {**headers, "Content-Length": str(len(packed))}, packed))
    return True


@functools.cache
def _packed_zeros() -> bytes:
    return gzip.compress(bytes(64 * 2**20))


async def _big_plain(exchange: Exchange) -> bool:
    megabytes = 64
    headers = {"Content-Type": "application/json", "Content-Length": str(megabytes * 2**20)}
    await exchange.send(_message("200 OK", headers, b""))
    for _ in range(megabytes):
        await exchange.send(b" " * 2**20)
    return True


def _json_head(*headers: tuple[str, str]) -> bytes:
    return _message("200 OK", [("Content-Type", "application/json"), *headers], b"")


GOOD = Fault("good", _never_called)
"""In a script: the response that the server gives when nothing is scripted."""

CLOSE_AFTER_ACCEPT = Fault("close-after-accept", _hang_up, reads="nothing")
CLOSE_AFTER_HEAD = Fault("close-after-head", _hang_up, reads="head")
CLOSE_AFTER_REQUEST = raw(b"", name="close-after-request")
RESET = raw(b"", name="reset", then="reset")
HANG = raw(b"", name="hang", then="hang")
HALF_STATUS_LINE = raw(b"HTTP/1.1 20", name="half-status-line")

BEFORE_ANSWER = (CLOSE_AFTER_ACCEPT, CLOSE_AFTER_HEAD, CLOSE_AFTER_REQUEST, RESET, HALF_STATUS_LINE)
"""The connection ends before any response. `HANG` is apart: it needs a short timeout."""

CLOSED_IDLE = raw(_json_head(("Content-Length", "2")) + b"{}", name="closed-idle")
"""A good response that promises to keep the connection, which is then closed all the same."""

BAD_STATUS_LINE = raw(b"HTTP/1.1 abc OK\r\n\r\n", name="bad-status-line")
GARBAGE = raw(b"\x00\xff\x16\x03 this is not HTTP\r\n\r\n", name="garbage")
LONG_HEADER = raw(_json_head(("X-Long", "x" * 20_000), ("Content-Length", "0")), name="long-header")
TWO_LENGTHS = raw(
    _json_head(("Content-Length", "2"), ("Content-Length", "3")) + b"{}", name="two-lengths"
)
LENGTH_AND_CHUNKED = raw(
    _json_head(("Content-Length", "2"), ("Transfer-Encoding", "chunked")) + b"2\r\n{}\r\n0\r\n\r\n",
    name="length-and-chunked",
)
BAD_CHUNK_SIZE = raw(
    _json_head(("Transfer-Encoding", "chunked")) + b"zz\r\n{}\r\n0\r\n\r\n", name="bad-chunk-size"
)
EXTRA_BYTES = raw(_json_head(("Content-Length", "2")) + b"{}EXTRA", name="extra-bytes", then="keep")

BAD_FRAMING = (
    BAD_STATUS_LINE,
    GARBAGE,
    LONG_HEADER,
    TWO_LENGTHS,
    LENGTH_AND_CHUNKED,
    BAD_CHUNK_SIZE,
    EXTRA_BYTES,
)
"""Not HTTP. aiohttp makes up a status 400 for most of these."""

CUT_CHUNK = raw(_json_head(("Transfer-Encoding", "chunked")) + b'10\r\n{"a"', name="cut-chunk")
SHORT_BODY = raw(_json_head(("Content-Length", "100")) + b'{"code":', name="short-body")
BAD_GZIP = raw(
    _json_head(("Content-Encoding", "gzip"), ("Content-Length", "15")) + b"not gzip at all",
    name="bad-gzip",
    then="keep",
)
RESET_IN_BODY = raw(
    _json_head(("Content-Length", "100")) + b'{"code":', name="reset-in-body", then="reset"
)

UNREADABLE_BODY = (CUT_CHUNK, SHORT_BODY, BAD_GZIP, RESET_IN_BODY)
"""A 2xx without its complete body: the request was obeyed, the response is lost."""

HANG_IN_BODY = raw(_json_head(("Content-Length", "100")) + b"{", name="hang-in-body", then="hang")


def _body(name: str, body: bytes, content_type: str = "application/json") -> Fault:
    return Fault(name, reply(headers={"Content-Type": content_type}, body=body).play)


NOT_JSON = (
    _body("malformed-json", b'{"code": "Success", "data": {'),
    raw(_json_head(("Connection", "close")) + b'{"code": "Succ', name="truncated-no-length"),
    _body("empty", b""),
    _body("html", b"<html><body>502 Bad Gateway</body></html>", "text/html; charset=utf-8"),
    _body("bad-utf-8", b'{"code": "\xff\xfe"}'),
    _body("nan", b'{"code": "Success", "data": {"id": NaN}}'),
    _body("depth-100k", b"[" * 100_000 + b"]" * 100_000),
    _body("integer-of-5000-digits", b'{"data": ' + b"9" * 5_000 + b"}"),
)
"""A 200 that no careful reader accepts as JSON."""

NOT_AN_OBJECT = (
    _body("null", b"null"),
    _body("array", b"[1, 2, 3]"),
    _body("string", b'"Success"'),
    _body("number", b"12"),
)
"""A 200 with JSON that is not an envelope."""

BYTE_ORDER_MARK = _body("byte-order-mark", b'\xef\xbb\xbf{"code": "Success", "data": {}}')

GZIP_BOMB = Fault("gzip-bomb", _gzip_bomb)
BIG_PLAIN = Fault("big-plain", _big_plain)
OVERSIZED = (GZIP_BOMB, BIG_PLAIN)
"""64 MiB of body, over whatever cap the client has; the first takes 64 kB on the wire."""

DRIP = drip(_json_head(("Content-Length", "1000")) + b" " * 1_000, interval=0.005)
"""Never late by its single reads; several seconds in all."""

CUT_HANDSHAKE = Fault("cut-handshake", _cut_handshake, reads="nothing")
"""For a server made with `scheme="https"` and no certificate: hangs up on the client's hello."""


@contextlib.contextmanager
def refusing() -> Generator[str]:
    """Give a URL that refuses connections; its port stays taken meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextlib.contextmanager
def unanswering() -> Generator[str]:
    """Give a URL with a host that ignores connection attempts: the queue of its port is full."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)  # noqa: FBT003
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
