"""
A fast server in its own process, so that `getrusage` measures only the client.

- `/v1/groups/{id}` returns one group, the same for every id.
- `/v1/groups` lists 200 groups, 20 per page.
- `/v1/connections?group_id={word}_{pages}_{size}` lists `pages` pages of `size` items.
- `/v1/connections/{number}/schemas` returns a schema config of 2,000 tables with as many columns.
- `/stats` returns the maximum number of requests in flight since the last call.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import re
import subprocess
import sys
from collections.abc import Generator
from urllib.parse import parse_qsl

from payloads import connections, group_body, groups, page_body, schema_config_body

GROUPS = 200
GROUPS_A_PAGE = 20
PAGES_A_GROUP = 3
ITEMS_A_PAGE = 20

_END = b"\r\n\r\n"
_OF_GROUP = b"GET /v1/groups/"
_OF_CONFIG = re.compile(rb"GET /v1/connections/([0-9]+)/schemas")
_CURSOR = b'"next_cursor": "e30"'


def response_with(body: bytes) -> bytes:
    """Return a response with this body, and with quota headers that no benchmark exhausts."""
    head = (
        "HTTP/1.1 200 OK",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "X-Rate-Limit: 1000000",
        "X-Rate-Limit-Remaining: 999999",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


ONE_GROUP = response_with(group_body())


@functools.cache
def items_of(size: int) -> tuple[bytes, bytes]:
    """Return a page of connections twice: up to its cursor, and complete as the last page."""
    items = connections(size)
    before, _, _ = page_body(items).rpartition(_CURSOR)
    return before, page_body(items, cursor=None)


@functools.cache
def page_of_groups(number: int) -> bytes:
    """Return one page of the groups."""
    first = number * GROUPS_A_PAGE
    names = [
        f"g{each}_{PAGES_A_GROUP}_{ITEMS_A_PAGE}" for each in range(first, first + GROUPS_A_PAGE)
    ]
    is_last = first + GROUPS_A_PAGE >= GROUPS
    return response_with(page_body(groups(names), None if is_last else str(number + 1)))


def page_of_connections(group_id: str, number: int) -> bytes:
    """Return one page of the list that a group's id describes."""
    _, pages, size = group_id.rsplit("_", 2)
    before, last = items_of(int(size))
    if number + 1 == int(pages):
        return response_with(last)
    return response_with(b'%b"next_cursor": "%d"}}' % (before, number + 1))


@functools.cache
def config_of(columns: int) -> bytes:
    """Return a schema config with this number of columns per table."""
    return response_with(schema_config_body(columns=columns))


class State:
    """The state that all connections share."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.in_flight = 0
        self.peak = 0

    def stats(self) -> bytes:
        """Return the maximum number of requests in flight since the last call."""
        body, self.peak = json.dumps({"peak": self.peak}).encode(), 0
        return response_with(body)


class BenchmarkProtocol(asyncio.Protocol):
    """Responds to requests without bodies, each after the latency."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond to each complete request."""
        *requests, self._received = (self._received + data).split(_END)
        for request in requests:
            self._respond(request)

    def _respond(self, request: bytes) -> None:
        if request.startswith(b"GET /stats"):
            self._transport.write(self._state.stats())
            return
        response = ONE_GROUP if request.startswith(_OF_GROUP) else _list_for(request)
        state = self._state
        if not state.latency:
            self._transport.write(response)
            return
        state.in_flight += 1
        state.peak = max(state.peak, state.in_flight)
        asyncio.get_running_loop().call_later(state.latency, self._send, response)

    def _send(self, response: bytes) -> None:
        self._state.in_flight -= 1
        self._transport.write(response)


def _list_for(request: bytes) -> bytes:
    config = _OF_CONFIG.match(request)
    if config is not None:
        return config_of(int(config[1]))
    target = request.split(b" ", 2)[1].decode()
    path, _, text = target.partition("?")
    query = dict(parse_qsl(text))
    number = int(query.get("cursor", 0))
    if path == "/v1/groups":
        return page_of_groups(number)
    return page_of_connections(query["group_id"], number)


async def serve(latency: float) -> None:
    """Serve until killed; the first line of output is the URL."""
    state = State(latency)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: BenchmarkProtocol(state), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def server_elsewhere(latency: float = 0.0) -> Generator[str]:
    """Run the server in its own process, and yield its URL."""
    command = [sys.executable, __file__, str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def main() -> None:
    """Serve with the latency in seconds from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("latency", type=float)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().latency))


if __name__ == "__main__":
    main()
