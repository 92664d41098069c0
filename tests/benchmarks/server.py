"""
A server in a process of its own, so that `getrusage` sees the client alone; it costs very little.

- `/v1/groups/{id}` is one group, the same for every id.
- `/v1/groups` lists 200 groups, 20 a page.
- `/v1/connections?group_id={word}_{pages}_{size}` is a list of so many pages of so many items.
- `/stats` tells how many requests were in flight at most, and counts anew.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import subprocess
import sys
from collections.abc import Generator
from urllib.parse import parse_qsl

from payloads import connections, group_body, groups, page_body

GROUPS = 200
GROUPS_A_PAGE = 20
PAGES_A_GROUP = 3
ITEMS_A_PAGE = 20

_END = b"\r\n\r\n"
_OF_GROUP = b"GET /v1/groups/"
_CURSOR = b'"next_cursor": "e30"'


def answer_with(body: bytes) -> bytes:
    """The body with its head, and a quota that no benchmark uses up, told as the vendor does."""
    head = (
        "HTTP/1.1 200 OK",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "X-Rate-Limit: 1000000000",
        "X-Rate-Limit-Remaining: 999999999",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


ONE_GROUP = answer_with(group_body())


@functools.cache
def items_of(size: int) -> tuple[bytes, bytes]:
    """A page of so many connections, without what follows it, and as the last of its list."""
    items = connections(size)
    before, _, _ = page_body(items).rpartition(_CURSOR)
    return before, page_body(items, cursor=None)


@functools.cache
def page_of_groups(number: int) -> bytes:
    """One page of the listing."""
    first = number * GROUPS_A_PAGE
    names = [
        f"g{each}_{PAGES_A_GROUP}_{ITEMS_A_PAGE}" for each in range(first, first + GROUPS_A_PAGE)
    ]
    is_last = first + GROUPS_A_PAGE >= GROUPS
    return answer_with(page_body(groups(names), None if is_last else str(number + 1)))


def page_of_connections(group_id: str, number: int) -> bytes:
    """One page of the list that a group's id describes."""
    _, pages, size = group_id.rsplit("_", 2)
    before, last = items_of(int(size))
    if number + 1 == int(pages):
        return answer_with(last)
    return answer_with(b'%b"next_cursor": "%d"}}' % (before, number + 1))


class State:
    """What all connections share."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.in_flight = 0
        self.peak = 0

    def stats(self) -> bytes:
        """How many requests were in flight at most since this was asked last."""
        body, self.peak = json.dumps({"peak": self.peak}).encode(), 0
        return answer_with(body)


class Answering(asyncio.Protocol):
    """Answers requests without bodies, each after the latency."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that ends here."""
        *requests, self._received = (self._received + data).split(_END)
        for request in requests:
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if request.startswith(b"GET /stats"):
            self._transport.write(self._state.stats())
            return
        answer = ONE_GROUP if request.startswith(_OF_GROUP) else _list_for(request)
        state = self._state
        if not state.latency:
            self._transport.write(answer)
            return
        state.in_flight += 1
        state.peak = max(state.peak, state.in_flight)
        asyncio.get_running_loop().call_later(state.latency, self._send, answer)

    def _send(self, answer: bytes) -> None:
        self._state.in_flight -= 1
        self._transport.write(answer)


def _list_for(request: bytes) -> bytes:
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
    server = await loop.create_server(lambda: Answering(state), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def server_elsewhere(latency: float = 0.0) -> Generator[str]:
    """Run the server in a process of its own, and give its URL."""
    command = [sys.executable, __file__, str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def main() -> None:
    """Serve with the latency that the command line names, in seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("latency", type=float)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().latency))


if __name__ == "__main__":
    main()
