"""
The processor time of one call, compared with the same call by hand.

The floor is careful code with aiohttp alone: one session, the same headers and credentials, the
status checked, the whole body read and parsed. The client runs with its defaults: retries, quotas,
the limit of requests in flight, and a hook. Every call requests another id, so that no cache of
URLs distorts the result.

The same code differs by a quarter from process to process. So each of seven processes measures all
variants, and a ratio is the median of its ratio in each of them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib
import itertools
import json
import statistics
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import aiohttp
import attrs
from harness import (
    Comparison,
    Row,
    arguments_of,
    command_line,
    finish,
    processor_seconds,
    turns,
)
from peers import pydantic_reader
from server import server_elsewhere

from fivetran_async import AsyncFivetran, ConcurrencyLimiter, Hooks
from fivetran_async.resources.groups import Group

AT_ONCE = 50
KEY, SECRET = "key", "secret"
FLOOR, AGAIN, OURS = "plain aiohttp and json.loads", "plain aiohttp, again", "groups.get"
DEFAULT_LIMITER = "groups.get, limiter of 20"
TELEMETRY = "groups.get with OpenTelemetry"
AIOHTTP_TELEMETRY = "groups.get with aiohttp's instrumentation"
MOST_OF_TELEMETRY = 1.25
"""The maximum ratio of the two."""
MODES = ("one after the other", f"{AT_ONCE} at once")
MOST_OF_FLOOR = 1.12
"""The maximum ratio to the floor's time."""
PROCESSES, QUICK_PROCESSES = 7, 2

Call: TypeAlias = Callable[[str], Awaitable[object]]

_numbers = itertools.count()


def unused_id() -> str:
    """Return an id that was not requested recently."""
    return f"decent_{next(_numbers)}"


@attrs.frozen
class Variant:
    """
    A way to call.

    Attributes:
        times: Performs N calls sequentially.
        at_once: Performs N calls, `AT_ONCE` of them concurrently.
        share: The share of the calls that it performs; slow variants would take all the time.
    """

    times: Callable[[int], Awaitable[None]]
    at_once: Callable[[int], Awaitable[None]] | None
    share: float = 1.0


def asynchronous(call: Call, share: float = 1.0) -> Variant:
    """Return a variant of an asynchronous call."""

    async def times(count: int) -> None:
        for _ in range(count):
            await call(unused_id())

    async def at_once(count: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(times(count // AT_ONCE))

    return Variant(times, at_once, share)


def synchronous(
    call: Callable[[str], object], pool: ThreadPoolExecutor, share: float = 1.0
) -> Variant:
    """Return a variant of a blocking call, concurrent through threads."""

    def times(count: int) -> None:
        for _ in range(count):
            call(unused_id())

    async def one_thread(count: int) -> None:
        # In this thread, to exclude the cost of the event loop.
        times(count)

    async def many_threads(count: int) -> None:
        loop = asyncio.get_running_loop()
        parts = (loop.run_in_executor(pool, times, count // AT_ONCE) for _ in range(AT_ONCE))
        await asyncio.gather(*parts)

    return Variant(one_thread, many_threads, share)


@contextlib.asynccontextmanager
async def by_hand(url: str) -> AsyncGenerator[Variant]:
    """Yield the variant with plain aiohttp."""
    headers = {
        "Accept": "application/json",
        "Authorization": aiohttp.encode_basic_auth(KEY, SECRET),
        "User-Agent": "by-hand/1.0",
    }
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:

        async def get(group_id: str) -> object:
            async with session.get(f"{url}/v1/groups/{group_id}") as response:
                response.raise_for_status()
                return json.loads(await response.read())

        yield asynchronous(get)


@contextlib.asynccontextmanager
async def with_ours(url: str, limiter: int) -> AsyncGenerator[Variant]:
    """Yield the variant with this client."""
    hooks = Hooks(on_response=lambda _: None)
    async with AsyncFivetran(
        KEY, SECRET, base_url=url, limiter=ConcurrencyLimiter(limiter), hooks=hooks
    ) as fivetran:
        yield asynchronous(fivetran.groups.get)


def _tracers() -> Any:  # noqa: ANN401
    """Return a provider that makes spans and drops them."""
    return importlib.import_module("opentelemetry.sdk.trace").TracerProvider()


@contextlib.asynccontextmanager
async def with_telemetry(url: str) -> AsyncGenerator[Variant]:
    """Yield the variant with the package's own spans and metrics."""
    ours: Any = importlib.import_module("fivetran_async.integrations.opentelemetry")
    meters: Any = importlib.import_module("opentelemetry.sdk.metrics")
    telemetry = ours.OpenTelemetry(
        tracer_provider=_tracers(), meter_provider=meters.MeterProvider()
    )
    async with AsyncFivetran(KEY, SECRET, base_url=url, hooks=telemetry.hooks) as fivetran:
        yield asynchronous(fivetran.groups.get)


@contextlib.asynccontextmanager
async def with_aiohttp_telemetry(url: str) -> AsyncGenerator[Variant]:
    """Yield the variant with the instrumentation of aiohttp: spans and metrics of requests."""
    theirs: Any = importlib.import_module("opentelemetry.instrumentation.aiohttp_client")
    meters: Any = importlib.import_module("opentelemetry.sdk.metrics")
    tracing = theirs.create_trace_config(
        tracer_provider=_tracers(), meter_provider=meters.MeterProvider()
    )
    async with AsyncFivetran(KEY, SECRET, base_url=url, trace_configs=[tracing]) as fivetran:
        yield asynchronous(fivetran.groups.get)


@contextlib.asynccontextmanager
async def with_httpx(url: str) -> AsyncGenerator[Variant]:
    """Yield the variant with httpx, and pydantic for the responses."""
    httpx: Any = importlib.import_module("httpx")
    read = pydantic_reader(Group)
    headers, limits = {"Accept": "application/json"}, httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(auth=(KEY, SECRET), headers=headers, limits=limits) as client:

        async def get(group_id: str) -> object:
            response = await client.get(f"{url}/v1/groups/{group_id}")
            response.raise_for_status()
            return read(response.content)

        yield asynchronous(get, share=0.25)


@contextlib.asynccontextmanager
async def with_requests(url: str) -> AsyncGenerator[Variant]:
    """Yield the variant with `requests`: one session with a connection per thread."""
    requests: Any = importlib.import_module("requests")
    with requests.Session() as session, ThreadPoolExecutor(AT_ONCE) as pool:
        session.auth = (KEY, SECRET)
        session.headers["Accept"] = "application/json"
        session.mount(url, requests.adapters.HTTPAdapter(pool_maxsize=AT_ONCE))

        def get(group_id: str) -> object:
            response = session.get(f"{url}/v1/groups/{group_id}")
            response.raise_for_status()
            return response.json()

        yield synchronous(get, pool, share=0.5)


@contextlib.asynccontextmanager
async def with_pyfivetran(url: str) -> AsyncGenerator[Variant]:
    """Yield the variant with `pyfivetran`, which is synchronous and not thread-safe."""
    httpx: Any = importlib.import_module("httpx")
    pyfivetran: Any = importlib.import_module("pyfivetran")
    address = httpx.URL(url)
    transport = httpx.HTTPTransport()
    send = transport.handle_request

    def send_here(request: Any) -> Any:  # noqa: ANN401
        # The client has no setting for the host.
        request.url = request.url.copy_with(
            scheme=address.scheme, host=address.host, port=address.port
        )
        return send(request)

    transport.handle_request = send_here
    client = pyfivetran.FivetranClient(KEY, SECRET, transport=transport)
    with ThreadPoolExecutor(1) as pool:
        blocking = synchronous(client.group_endpoint.get_group, pool, share=0.25)
        yield attrs.evolve(blocking, at_once=None)


async def all_variants(url: str, stack: contextlib.AsyncExitStack) -> dict[str, Variant]:
    """Return all installed variants."""
    floor = await stack.enter_async_context(by_hand(url))
    found = {
        FLOOR: floor,
        AGAIN: floor,
        OURS: await stack.enter_async_context(with_ours(url, AT_ONCE)),
        DEFAULT_LIMITER: await stack.enter_async_context(with_ours(url, 20)),
    }
    for name, rival in (
        (TELEMETRY, with_telemetry),
        (AIOHTTP_TELEMETRY, with_aiohttp_telemetry),
        ("httpx and pydantic", with_httpx),
        ("requests", with_requests),
        ("pyfivetran", with_pyfivetran),
    ):
        try:
            found[name] = await stack.enter_async_context(rival(url))
        except ImportError as error:
            print(f"{name} is not measured: {error}", file=sys.stderr)
    return found


async def measure(
    runs: dict[str, tuple[Callable[[int], Awaitable[None]], int]], rounds: int
) -> dict[str, list[float]]:
    """Return the processor seconds per call, for each variant and round."""
    costs: dict[str, list[float]] = {name: [] for name in runs}
    for run, count in runs.values():
        await run(count)
    for name in turns(runs, rounds):
        run, count = runs[name]
        gc.collect()
        before = processor_seconds()
        await run(count)
        costs[name].append((processor_seconds() - before) / count)
    return costs


async def costs_here(url: str, rounds: int, calls: int) -> list[dict[str, float]]:
    """Return the median cost of each variant in this process, for each mode."""
    found: list[dict[str, float]] = []
    async with contextlib.AsyncExitStack() as stack:
        variants = await all_variants(url, stack)
        for mode in MODES:
            sequential = mode == MODES[0]
            runs = {
                name: (run, max(AT_ONCE, int(calls * variant.share)))
                for name, variant in variants.items()
                if (run := variant.times if sequential else variant.at_once) is not None
            }
            if sequential:
                del runs[DEFAULT_LIMITER]
            costs = await measure(runs, rounds)
            found.append({name: statistics.median(each) for name, each in costs.items()})
    return found


def costs_elsewhere(url: str, rounds: int, calls: int) -> list[dict[str, float]]:
    """Return the same, measured in a new process."""
    command = [sys.executable, __file__, str(rounds), "--calls", str(calls), "--url", url]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: list[dict[str, float]] = json.loads(output)
    return found


def compare(url: str, processes: int, rounds: int, calls: int) -> list[Row]:
    """Measure both modes in each process."""
    found = [costs_elsewhere(url, rounds, calls) for _ in range(processes)]
    rows: list[Row] = []
    for number, mode in enumerate(MODES):
        costs = {name: [each[number][name] for each in found] for name in found[0][number]}
        comparison = Comparison(costs=costs, scale=1e6, unit="us", control=(FLOOR, AGAIN))
        print(f"\n### {mode}: {processes} processes, {rounds} rounds of {calls} calls each\n")
        print(comparison.details(FLOOR), flush=True)
        rows += rows_of(comparison, mode)
    return rows


def rows_of(comparison: Comparison, mode: str) -> Iterator[Row]:
    """Compare ours with the floor, with a target, and with all others."""
    for name in comparison.costs:
        if name in {OURS, DEFAULT_LIMITER}:
            yield comparison.row(f"call, {mode}: {name}", name, FLOOR, MOST_OF_FLOOR)
        elif name == TELEMETRY:
            label = f"call, {mode}: {TELEMETRY}"
            yield comparison.row(label, TELEMETRY, AIOHTTP_TELEMETRY, MOST_OF_TELEMETRY)
        elif name not in {FLOOR, AGAIN, AIOHTTP_TELEMETRY}:
            yield comparison.row(f"call, {mode}: {OURS}", OURS, name)


def main() -> None:
    """Parse the command line, and measure."""
    parser = command_line(__doc__, rounds=10, quick=2)
    parser.add_argument("--calls", type=int, default=100, help="per round and variant")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    arguments: argparse.Namespace = arguments_of(parser)
    if arguments.url is not None:
        print(json.dumps(asyncio.run(costs_here(arguments.url, arguments.rounds, arguments.calls))))
        return
    processes = QUICK_PROCESSES if arguments.quick else PROCESSES
    with server_elsewhere() as url:
        rows = compare(url, processes, arguments.rounds, arguments.calls)
    finish(arguments, rows)


if __name__ == "__main__":
    main()
