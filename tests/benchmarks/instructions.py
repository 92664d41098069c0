"""
The instructions of calls, of decoding and of webhooks, compared with others.

callgrind counts them in one process, the part of the kernel left out. The counts differ by less
than 1 % from run to run, whatever else the machine does; times on a shared machine differ by 25 %.
It needs valgrind and a C compiler. Without them, the program prints what is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeAlias

import attrs
from calls import (
    AIOHTTP_TELEMETRY,
    AT_ONCE,
    FLOOR,
    KEY,
    MOST_OF_TELEMETRY,
    SECRET,
    TELEMETRY,
    Variant,
    asynchronous,
    by_hand,
    with_aiohttp_telemetry,
    with_ours,
    with_telemetry,
)
from decode import MSGSPEC, OURS, PYDANTIC, Read, our_reader
from harness import NONE, Row, machine, table
from payloads import (
    connections,
    full_connections,
    lean_connections,
    newer_connections,
    page_body,
    schema_config_body,
)
from peers import msgspec_reader, pydantic_reader
from server import server_elsewhere
from webhook import BY_HAND, ROUTER, app_by_hand, deliver, new_requests, router_app

from fivetran_async import AsyncFivetran, ConcurrencyLimiter
from fivetran_async.resources.connection_models import Connection
from fivetran_async.resources.connection_schema_models import SchemaConfig

HERE = Path(__file__).parent
A_PAGE = 300
"""Items of a page: enough for structs, and quick to count."""
SCHEMAS = 5
COLUMNS = SCHEMAS * 40 * 20
WARM_UP = 150
"""Calls, or deliveries, before the count: msgspec is imported after 64 responses."""
READ_BEFORE = 4
"""Reads of a body before the count: the first ones make structs."""

ONE_BY_ONE, CONCURRENT = "one after the other", f"{AT_ONCE} at once"
HOOKED, PLAIN = "groups.get with a hook", "groups.get"

Counts: TypeAlias = Mapping[str, int]


@attrs.frozen
class Figure:
    """
    A ratio of two counts.

    Attributes:
        measure: What is measured.
        ours: The name of our count, and of its variant.
        rival: The name of the other.
        per: The units that were counted.
        target: The largest ratio.
    """

    measure: str
    ours: str
    rival: str
    per: int
    target: float | None = None

    def row(self, counts: Counts) -> Row:
        """Return the row of the table."""
        ours, rival = (counts[key_of(self.measure, name)] for name in (self.ours, self.rival))
        ratio = ours / rival
        return Row(
            measure=f"instructions, {self.measure}",
            ours=f"{self.ours}: {ours / self.per / 1e3:.1f}k",
            rival=f"{self.rival}: {rival / self.per / 1e3:.1f}k",
            ratio=f"{ratio:.3f}",
            target=NONE if self.target is None else f"<= {self.target:.2f}",
            met=None if self.target is None else ratio <= self.target,
        )


def key_of(measure: str, variant: str) -> str:
    """Return the name of a count."""
    return f"{measure} | {variant}"


def pages() -> Iterator[tuple[str, bytes, Mapping[str, float]]]:
    """Yield pages of several shapes, each with the largest ratios."""
    for title, make, targets in (
        ("27 of 31 fields, one unknown", connections, {MSGSPEC: 1.5, PYDANTIC: 0.42}),
        ("all fields, one unknown", full_connections, {}),
        ("26 fields, one unknown, a warning", lean_connections, {MSGSPEC: 2.6, PYDANTIC: 0.60}),
        ("27 fields, 13 unknown", newer_connections, {}),
    ):
        yield f"an item of a page, {title}", page_body(make(A_PAGE)), targets


def figures(calls: int) -> Iterator[Figure]:
    """Yield all figures in the order of the table."""
    for mode in (ONE_BY_ONE, CONCURRENT):
        for variant in (HOOKED, PLAIN):
            yield Figure(f"a call, {mode}", variant, FLOOR, calls, 1.06)
    telemetry = f"a call, {ONE_BY_ONE}"
    yield Figure(telemetry, TELEMETRY, AIOHTTP_TELEMETRY, calls, MOST_OF_TELEMETRY)
    for title, _, targets in pages():
        for rival in (MSGSPEC, PYDANTIC):
            yield Figure(title, OURS, rival, A_PAGE, targets.get(rival))
    yield Figure(CONFIG, OURS, PYDANTIC, COLUMNS, 0.20)
    yield Figure(WEBHOOK, ROUTER, BY_HAND, calls, 1.2)


CONFIG = "a column of a schema config"
WEBHOOK = "a webhook through FastAPI"


class Counter:
    """Counts instructions; it belongs to the process that valgrind runs."""

    def __init__(self, library: str) -> None:
        self._library = ctypes.CDLL(library)

    @contextmanager
    def counting(self, measure: str, variant: str) -> Generator[None]:
        """Count the instructions of a block."""
        gc.collect()
        self._library.begin()
        yield
        self._library.end(key_of(measure, variant).encode())


@asynccontextmanager
async def without_hook(url: str) -> AsyncGenerator[Variant]:
    """Yield the variant with this client, as most sessions are made."""
    limiter = ConcurrencyLimiter(AT_ONCE)
    async with AsyncFivetran(KEY, SECRET, base_url=url, limiter=limiter) as fivetran:
        yield asynchronous(fivetran.groups.get)


async def count_calls(counter: Counter, url: str, calls: int) -> None:
    """Count calls by hand and with this client."""
    opened = {FLOOR: by_hand(url), HOOKED: with_ours(url, AT_ONCE), PLAIN: without_hook(url)}
    opened |= {TELEMETRY: with_telemetry(url), AIOHTTP_TELEMETRY: with_aiohttp_telemetry(url)}
    for name, opening in opened.items():
        async with opening as variant:
            for mode, run in ((ONE_BY_ONE, variant.times), (CONCURRENT, variant.at_once)):
                assert run is not None
                await run(WARM_UP)
                with counter.counting(f"a call, {mode}", name):
                    await run(calls)


def count_reads(counter: Counter, measure: str, body: bytes, readers: Mapping[str, Read]) -> None:
    """Count the decoding of a body by each library."""
    for name, read in readers.items():
        for _ in range(READ_BEFORE):
            read(body)
        with counter.counting(measure, name):
            read(body)


async def count_webhooks(counter: Counter, deliveries: int) -> None:
    """Count webhooks that two applications receive."""
    for name, app in ((ROUTER, router_app()), (BY_HAND, app_by_hand())):
        await deliver(app, new_requests(WARM_UP))
        requests = new_requests(deliveries)
        with counter.counting(WEBHOOK, name):
            await deliver(app, requests)


def count_all(library: str, url: str, calls: int) -> None:
    """Count everything; valgrind writes a file for each count."""
    counter = Counter(library)
    asyncio.run(count_calls(counter, url, calls))
    ours, pydantic = our_reader([Connection]), pydantic_reader([Connection])
    readers = {OURS: ours, MSGSPEC: msgspec_reader([Connection]), PYDANTIC: pydantic}
    for title, body, _ in pages():
        count_reads(counter, title, body, readers)
    readers = {OURS: our_reader(SchemaConfig), PYDANTIC: pydantic_reader(SchemaConfig)}
    count_reads(counter, CONFIG, schema_config_body(schemas=SCHEMAS), readers)
    asyncio.run(count_webhooks(counter, calls))


def missing_programs() -> list[str]:
    """Return the names of the programs that are needed and not installed."""
    return [name for name in ("valgrind", "cc") if shutil.which(name) is None]


def counts_of(folder: Path, calls: int) -> dict[str, int]:
    """Run this file in valgrind, and return the counts."""
    library = folder / "callgrind.so"
    compile_it = ("cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "callgrind.c"))
    subprocess.run(compile_it, check=True)
    valgrind = ("valgrind", "--tool=callgrind", "--instr-atstart=no")
    with server_elsewhere() as url:
        subprocess.run(
            [
                *(
                    *valgrind,
                    f"--callgrind-out-file={folder / 'counts'}",
                    f"--log-file={os.devnull}",
                ),
                *(sys.executable, __file__, "--counted", str(library), url),
                *("--calls", str(calls)),
            ],
            check=True,
            # The same order of sets and dicts in every run.
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
    texts = (path.read_text(encoding="utf-8") for path in folder.glob("counts.*"))
    found = (
        re.search(r"Client Request: (.+)\n(?s:.*?)^totals: (\d+)", text, re.MULTILINE)
        for text in texts
    )
    return {match[1]: int(match[2]) for match in found if match is not None}


def main() -> None:
    """Count, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200, help="calls and deliveries per count")
    parser.add_argument("--counted", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.counted is not None:
        library, url = arguments.counted
        count_all(library, url, arguments.calls)
        return
    if missing := missing_programs():
        print(f"Nothing was counted: {' and '.join(missing)} not found on the PATH.")
        return
    with tempfile.TemporaryDirectory() as folder:
        counts = counts_of(Path(folder), arguments.calls)
    print(f"{machine()}\n\n{table(each.row(counts) for each in figures(arguments.calls))}")


if __name__ == "__main__":
    main()
