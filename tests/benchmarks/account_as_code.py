"""
The account as code: planning 10,000 connections, and exporting 1,000 with their schemas.

Planning is compared with `json.dumps` of the same files, in processor time. The export reads a
FakeFivetran in another process with a latency of 150 ms; it is compared with plain requests of the
same paths, at the same concurrency. Its memory is the growth of the resident memory over an open
session.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import mmap
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Literal

import attrs
from harness import NONE, Row, arguments_of, command_line, finish

from fivetran_async import AsyncFivetran, as_code
from fivetran_async._fan_out.api import fan_out
from fivetran_async.as_code import ManagedObject, Snapshot
from fivetran_async.events import ResponseEvent
from fivetran_async.options import Hooks
from fivetran_async.testing import FakeFivetran

PLANNED, QUICK_PLANNED = 10_000, 1_000
EXPORTED, QUICK_EXPORTED = 1_000, 50
FAKE_SECRET = "fake_secret"
LATENCY, AT_ONCE = 0.15, 20
MOST_UNCHANGED, MOST_CHANGED, MOST_SECONDS = 8.0, 16.0, 2.0
MOST_OF_REQUESTS, MOST_MEGABYTES = 1.15, 60.0


def account_of(count: int) -> Snapshot:
    """Return a live snapshot with connections in groups of 100."""
    objects: dict[str, ManagedObject] = {}
    for number in range(count):
        group = f"groups/g{number // 100}"
        objects[group] = ManagedObject(group, "groups", group[7:], {"name": group[7:]})
        address = f"connections/g{number // 100}/db_{number}"
        fields: dict[str, object] = {
            "service": "postgres",
            "group_id": group,
            "paused": False,
            "pause_after_trial": False,
            "sync_frequency": 360,
            "schedule_type": "auto",
            "data_delay_sensitivity": "LOW",
            "networking_method": "Directly",
            "destination_schema_names": "FIVETRAN_NAMING",
            "config": {
                "host": f"db{number}.example.com",
                "port": 5432,
                "database": "app",
                "user": "fivetran",
                "password": {"$secret": "keep"},
                "update_method": "XMIN",
                "schema_prefix": f"db_{number}",
            },
        }
        status = {"setup_state": "connected", "sync_state": "scheduled"}
        objects[address] = ManagedObject(
            address, "connections", f"c{number}", fields, {"status": status}
        )
    ids = {address: str(each.id) for address, each in objects.items()}
    return Snapshot(dict(sorted(objects.items())), account_id="a", ids=ids, is_live=True)


def copy_of(snapshot: Snapshot) -> Snapshot:
    """Return an equal snapshot that shares no value, as files have none in common with it."""
    objects = {
        address: attrs.evolve(each, raw_fields=json.loads(json.dumps(each.raw_fields)))
        for address, each in snapshot.items()
    }
    return Snapshot(objects, account_id=snapshot.account_id, ids=snapshot.ids)


def planning(count: int, rounds: int) -> list[Row]:
    """Measure plans without changes, and plans that change every connection."""
    live = account_of(count)
    same = copy_of(live)
    changed = same.change(
        lambda each: each.kind == "connections", sync_frequency=60, config={"port": 5433}
    )
    base = copy_of(live)
    costs: dict[str, list[float]] = {"json": [], "same": [], "changed": []}
    for _ in range(rounds):
        gc.collect()
        started = time.process_time()
        for each in live.values():
            json.dumps(each.raw_fields, sort_keys=True)
        costs["json"].append(time.process_time() - started)
        for name, wanted, expected in (("same", same, 0), ("changed", changed, count)):
            gc.collect()
            started = time.process_time()
            plan = as_code.plan(wanted, live=live, base=base)
            costs[name].append(time.process_time() - started)
            assert len(plan.changes) == expected
    rows: list[Row] = []
    for name, measure, most in (
        ("same", "nothing changed", MOST_UNCHANGED),
        ("changed", "everything changed", MOST_CHANGED),
    ):
        seconds = statistics.median(costs[name])
        ratio = statistics.median(a / b for a, b in zip(costs[name], costs["json"], strict=True))
        rows.append(
            Row(
                measure=f"plan of {count:,} connections, {measure}",
                ours=f"{seconds:.2f} s",
                rival=f"json.dumps: {statistics.median(costs['json']):.2f} s",
                ratio=f"{ratio:.2f}",
                target=f"<= {most:g}, <= {MOST_SECONDS:g} s",
                met=ratio <= most and seconds <= MOST_SECONDS,
            )
        )
    return rows


async def serve(count: int) -> None:
    """Serve an account with connections that have schema configs, until the input ends."""
    async with FakeFivetran(running=False) as fake:
        for number in range(count):
            if number % 100 == 0:
                group = fake.add_group(name=f"g{number // 100}", id=f"g{number // 100}")
                fake.add_destination(group_id=group, service="snowflake", config={"host": "x"})
            fake.add_connection(
                group_id=f"g{number // 100}",
                service="postgres",
                schema=f"db_{number}",
                id=f"c{number}",
                config={"host": f"db{number}", "port": 5432, "password": "secret"},
                succeeded_at="2026-01-01T00:00:00.000000Z",
            )
        print(fake.url, flush=True)
        fake.latency = LATENCY
        await asyncio.to_thread(sys.stdin.read)


@contextlib.contextmanager
def account_elsewhere(count: int) -> Generator[str]:
    """Run a fake account in its own process, and yield its URL."""
    command = [sys.executable, __file__, "--serve", str(count)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait()


def resident() -> float:
    """Return the resident memory of this process, in megabytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * mmap.PAGESIZE / 1e6


@attrs.frozen
class Export:
    """What one export took."""

    seconds: float
    floor: float
    requests: int
    megabytes: float


async def exporting(url: str) -> Export:
    """Export an account, and send its requests once more without reading them."""
    paths: list[tuple[str, Literal[1, 2]]] = []

    def note(event: ResponseEvent) -> None:
        paths.append((event.path, 2 if event.path.startswith("/v1/connections/c") else 1))

    hooks = Hooks(on_response=note)
    async with AsyncFivetran(
        api_key="fake_key", api_secret=FAKE_SECRET, base_url=url, hooks=hooks
    ) as fivetran:
        await fivetran.account.get_info()
        paths.clear()
        gc.collect()
        before = resident()
        started = time.perf_counter()
        live = await as_code.export(fivetran)
        seconds = time.perf_counter() - started
        held = resident() - before
        assert sum(each.kind == "schemas" for each in live.values()) > 0
        listed = list(paths)

        async def read(each: tuple[str, Literal[1, 2]]) -> object:
            with contextlib.suppress(Exception):
                return await fivetran.request("GET", each[0], accept_version=each[1])
            return None

        started = time.perf_counter()
        async with fan_out(listed, read, concurrency=AT_ONCE) as results:
            async for _ in results:
                pass
        return Export(seconds, time.perf_counter() - started, len(listed), held)


def export_rows(count: int, rounds: int) -> list[Row]:
    """Measure exports."""
    with account_elsewhere(count) as url:
        found = [asyncio.run(exporting(url)) for _ in range(rounds)]
    ratio = statistics.median(each.seconds / each.floor for each in found)
    floor = statistics.median(each.floor for each in found)
    return [
        Row(
            measure=f"export of {count:,} connections, {found[0].requests:,} requests",
            ours=f"{statistics.median(each.seconds for each in found):.1f} s",
            rival=f"the same requests, {AT_ONCE} at once: {floor:.1f} s",
            ratio=f"{ratio:.2f}",
            target=f"<= {MOST_OF_REQUESTS:g}",
            met=ratio <= MOST_OF_REQUESTS,
        ),
        Row(
            measure=f"memory of an export of {count:,} connections",
            ours=f"{found[0].megabytes:.0f} MB",
            rival=NONE,
            target=f"<= {MOST_MEGABYTES:g} MB",
            met=found[0].megabytes <= MOST_MEGABYTES,
        ),
    ]


def main() -> None:
    """Parse the command line, and measure; `--serve` is for the process with the account."""
    parser = command_line(__doc__, rounds=5, quick=2)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    arguments = arguments_of(parser)
    if arguments.serve is not None:
        asyncio.run(serve(arguments.serve))
        return
    quick = arguments.quick
    print(f"\n### the account as code: {arguments.rounds} rounds\n")
    rows = planning(QUICK_PLANNED if quick else PLANNED, arguments.rounds)
    rows += export_rows(QUICK_EXPORTED if quick else EXPORTED, 1 if quick else 2)
    finish(arguments, rows)


if __name__ == "__main__":
    main()
