"""
The processor time of FakeFivetran per request, compared with a bare server of aiohttp.

Each server has a process of its own. Eight clients read a group, or pages of 100 connections; the
bare server sends the same bytes, whatever is requested. The start of a large account is measured
without requests.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import aiohttp
import attrs
from aiohttp import web
from harness import NONE, Comparison, Row, arguments_of, command_line, finish, turns

from fivetran_async.testing import FakeFivetran

CLIENTS = 8
KEY, SECRET = "fake_key", "fake_secret"
BARE, AGAIN, FAKE = "bare aiohttp.web", "bare aiohttp.web, again", "FakeFivetran"
GROUPS = 20
A_GROUP, QUICK_A_GROUP = 10_000, 500
"""Connections per group of the account that is started."""


@attrs.frozen
class Task:
    """
    What the clients do.

    Attributes:
        title: Its description.
        path: The path that they request.
        requests: The number of requests per round.
        target: The largest ratio.
    """

    title: str
    path: str
    requests: int
    target: float | None = None


TASKS = (
    Task("a group", "/v1/groups/decent_dropsy", 2_000, 2.2),
    Task("a page of 100 connections", "/v1/connections?limit=100", 200),
)


async def serve_bare(content: bytes) -> None:
    """Serve the same bytes at every path."""

    async def respond(_: web.BaseRequest) -> web.Response:
        return web.Response(body=content, content_type="application/json")

    runner = web.ServerRunner(web.Server(respond, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}", flush=True)
    await asyncio.Event().wait()


async def serve_fake() -> None:
    """Serve an account with a group and 200 connections."""
    async with FakeFivetran(api_key=KEY, api_secret=SECRET) as fake:
        fake.add_group(id="decent_dropsy", name="Warehouse")
        for _ in range(200):
            fake.add_connection()
        print(fake.url, flush=True)
        await asyncio.Event().wait()


@attrs.frozen
class Server:
    """A server in its own process."""

    url: str
    pid: int

    def processor_seconds(self) -> float:
        """Return the processor time of its process until now."""
        # The number of the clock, as `clock_getcpuclockid` returns it.
        return time.clock_gettime(~self.pid << 3 | 2)


@contextlib.contextmanager
def server_process(*arguments: str) -> Generator[Server]:
    """Run a server in its own process."""
    command = [sys.executable, __file__, "--serve", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(process.stdout.readline().strip(), process.pid)
        finally:
            process.terminate()


def session() -> aiohttp.ClientSession:
    """Return a session with the credentials of the account."""
    headers = {"Authorization": aiohttp.encode_basic_auth(KEY, SECRET)}
    return aiohttp.ClientSession(headers=headers)


async def read(url: str, count: int) -> bytes:
    """Request one URL, and return the last body."""
    body = b""
    async with session() as clients:

        async def client() -> None:
            nonlocal body
            for _ in range(count // CLIENTS):
                async with clients.get(url) as response:
                    response.raise_for_status()
                    body = await response.read()

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return body


def compare(task: Task, fake: Server, rounds: int) -> Comparison:
    """Measure both servers in every round."""
    body = asyncio.run(read(fake.url + task.path, CLIENTS))
    costs: dict[str, list[float]] = {BARE: [], AGAIN: [], FAKE: []}
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(body)
        with server_process(file.name) as bare:
            assert asyncio.run(read(bare.url, 8 * CLIENTS)) == body
            for name in turns(costs, rounds):
                server = fake if name == FAKE else bare
                before = server.processor_seconds()
                asyncio.run(read(server.url + task.path, task.requests))
                costs[name].append((server.processor_seconds() - before) / task.requests)
    return Comparison(costs=costs, scale=1e6, unit="us", control=(BARE, AGAIN))


def start_row(a_group: int) -> Row:
    """Measure the start of an account with many connections."""
    before = time.process_time()
    FakeFivetran.demo(groups=GROUPS, connections_per_group=a_group)
    taken = time.process_time() - before
    return Row(
        measure=f"start of a fake account of {GROUPS * a_group:,} connections",
        ours=f"{taken:.2f} s",
        rival=NONE,
    )


def rows_of(arguments: argparse.Namespace) -> Iterator[Row]:
    """Run all measurements."""
    with server_process() as fake:
        for task in TASKS:
            found = compare(task, fake, arguments.rounds)
            print(f"\n### fake: {arguments.rounds} rounds of {task.requests} requests\n")
            print(found.details(BARE), flush=True)
            yield found.row(f"fake, processor time, {task.title}", FAKE, BARE, task.target)
    yield start_row(QUICK_A_GROUP if arguments.quick else A_GROUP)


def main() -> None:
    """Measure and print, or serve."""
    parser = command_line(__doc__, rounds=9, quick=2)
    parser.add_argument("--serve", nargs="*", type=Path, help=argparse.SUPPRESS)
    arguments = arguments_of(parser)
    if arguments.serve is None:
        finish(arguments, list(rows_of(arguments)))
        return
    with contextlib.suppress(KeyboardInterrupt):
        bodies = [path.read_bytes() for path in arguments.serve]
        asyncio.run(serve_bare(*bodies) if bodies else serve_fake())


if __name__ == "__main__":
    main()
