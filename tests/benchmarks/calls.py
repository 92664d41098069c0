"""
What one call costs the caller's processor, beside the same call in plain aiohttp.

The server is a process of its own, so that `getrusage` sees the client alone. Variants take turns
in random order within a round, and ratios are taken within a round: the machine may be as noisy as
it likes. "plain aiohttp, again" is the control; a ratio closer to 1 than its own says nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import random
import resource
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator

import aiohttp

from fivetran_async import AsyncFivetran

BODY = json.dumps(
    {
        "code": "Success",
        "message": "Operation performed.",
        "data": {
            "id": "decent_dropsy",
            "name": "Warehouse",
            "created_at": "2026-01-02T03:04:05.678901Z",
        },
    }
).encode()
# A quota that no benchmark uses up, told as the vendor tells it.
HEAD = (
    "HTTP/1.1 200 OK",
    "Content-Type: application/json",
    f"Content-Length: {len(BODY)}",
    "X-Rate-Limit: 1000000000",
    "X-Rate-Limit-Remaining: 999999999",
)
ANSWER = "\r\n".join([*HEAD, "", ""]).encode() + BODY
AT_ONCE = 50

Call = Callable[[], Awaitable[object]]


class Answering(asyncio.Protocol):
    """Says the same to every request; takes as little time as Python can."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that ends here; they have no bodies."""
        self._transport.write(ANSWER * data.count(b"\r\n\r\n"))


async def serve() -> None:
    """Serve until killed; the first line of output is the URL."""
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def server_elsewhere() -> Generator[str]:
    """Run the server in a process of its own, and give its URL."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def sequentially(call: Call, times: int) -> None:
    """One call after the other."""
    for _ in range(times):
        await call()


async def at_once(call: Call, times: int) -> None:
    """As many calls in flight as `AT_ONCE` says."""
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(sequentially(call, times // AT_ONCE))


def processor_seconds() -> float:
    """Time that this process has had of a processor, the kernel's part for it included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure(
    variants: dict[str, Call],
    run: Callable[[Call, int], Awaitable[None]],
    *,
    rounds: int,
    times: int,
) -> dict[str, list[float]]:
    """Give, for each variant, the processor seconds per call of every round."""
    order = list(variants)
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for call in variants.values():
        await run(call, times)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            gc.collect()
            before = processor_seconds()
            await run(variants[name], times)
            seconds[name].append((processor_seconds() - before) / times)
    return seconds


def report(title: str, seconds: dict[str, list[float]]) -> None:
    """Print a Markdown table; ratios are to the first variant, each within its round."""
    first = next(iter(seconds.values()))
    print(f"\n### {title}\n")
    print("| variant | CPU per call, us | ratio | middle half of the ratios |")
    print("|---|---:|---:|---:|")
    for name, own in seconds.items():
        ratios = [mine / base for mine, base in zip(own, first, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(
            f"| {name} | {statistics.median(own) * 1e6:.0f} "
            f"| {middle:.2f} | {low:.2f} to {high:.2f} |",
            flush=True,
        )


async def compare(url: str, rounds: int, times: int) -> None:
    """Measure plain aiohttp twice, and the client."""
    address = f"{url}/v1/groups/decent_dropsy"
    headers = {"Accept": "application/json", "Authorization": aiohttp.encode_basic_auth("k", "s")}
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(headers=headers, connector=connector) as session,
        AsyncFivetran("k", "s", base_url=url) as fivetran,
        AsyncFivetran("k", "s", base_url=url, limiter=None, rate_limits=None) as unlimited,
    ):

        async def plain() -> object:
            async with session.get(address) as response:
                return json.loads(await response.read())

        variants: dict[str, Call] = {
            "plain aiohttp and json": plain,
            "plain aiohttp, again": plain,
            "groups.get": lambda: fivetran.groups.get("decent_dropsy"),
            "groups.get, no limits": lambda: unlimited.groups.get("decent_dropsy"),
        }
        for title, run in (("One after the other", sequentially), (f"{AT_ONCE} at once", at_once)):
            seconds = await measure(variants, run, rounds=rounds, times=times)
            report(f"{title}: {rounds} rounds of {times} calls", seconds)


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=25)
    parser.add_argument("--calls", type=int, default=200, help="per round and variant")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve())
        return
    with server_elsewhere() as url:
        asyncio.run(compare(url, arguments.rounds, arguments.calls))


if __name__ == "__main__":
    main()
