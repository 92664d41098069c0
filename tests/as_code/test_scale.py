"""Large accounts: requests, processor time and memory grow with the account, and no faster."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

import pytest

from as_code.snapshots import CRM, SCHEMA, snapshot_of
from fivetran_async import as_code
from fivetran_async.as_code import Snapshot
from fivetran_async.testing import FakeFivetran
from support.samples import sample

PLANNED = sample(500, 10_000)
EXPORTED = sample(60, 1_000)
GROUPS = sample(3, 12)
"""The groups of the demo account, which has 12."""


def large_account(**more: object) -> Snapshot:
    """Return an account of connections with schema configs, as files have them."""
    objects: dict[str, dict[str, object]] = {}
    for number in range(PLANNED):
        name = f"g{number % 50}"
        objects[f"groups/{name}"] = {"name": name}
        objects[f"connections/{name}/c{number}"] = {**CRM, "group_id": f"groups/{name}", **more}
        objects[f"schemas/{name}/c{number}"] = dict(SCHEMA)
    return snapshot_of(objects, is_live=not more)


def processor_time(work: Callable[[], object]) -> float:
    """Return the processor time of the quickest of nine runs, in seconds."""
    times: list[float] = []
    for _ in range(9):
        gc.collect()
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def test_plans_take_a_few_times_as_long_as_their_files() -> None:
    """Planning takes no longer than writing the files as JSON, and four times that for changes."""
    live, base, wanted = large_account(), large_account(), large_account(sync_frequency=15)
    writing = processor_time(lambda: [json.dumps(each.raw_fields) for each in live.values()])
    nothing = processor_time(lambda: as_code.plan(base, live=live, base=base))
    everything = processor_time(lambda: as_code.plan(wanted, live=live, base=base))
    # Five times the figures; where coverage is measured, three times that, for writing is all in C.
    slower = 1 if sys.gettrace() is None else 3
    assert nothing <= 5 * slower * writing
    assert everything <= 20 * slower * writing
    assert everything < 2 * PLANNED / 10_000 + 0.2
    plan = as_code.plan(wanted, live=live, base=base)
    assert len(plan.changes) == PLANNED
    assert len(str(plan).splitlines()) < 40


def fill(fake: FakeFivetran) -> None:
    """Add connections in ten groups."""
    groups = [fake.add_group(name=f"g{number}") for number in range(10)]
    for number in range(EXPORTED):
        fake.add_connection(group_id=groups[number % 10], service="google_ads", schema=f"c{number}")


PROGRAM = """
import asyncio, resource, sys
from fivetran_async import AsyncFivetran, as_code

def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

async def main():
    async with AsyncFivetran("fake_key", "fake_secret", base_url=sys.argv[1]) as fivetran:
        await as_code.export(fivetran, kinds="connections", only="connections/none/*")
        idle = used()
        live = await as_code.export(fivetran)
        print(len(live), used() - idle)

asyncio.run(main())
"""
"""Exports an account, and prints the objects and by how many MB the process grew."""


@pytest.mark.slow
async def test_exports_of_many_connections_stay_within_their_bound(tmp_path: Path) -> None:
    """A plan after an export is empty; requests and memory are within their bounds."""
    async with FakeFivetran(running=False) as fake, fake.client(rate_limits=None) as fivetran:
        fill(fake)
        live = await as_code.export(fivetran)
        assert len(fake.requests) <= 2 * EXPORTED + 2 * 1 + 20
        live.save(tmp_path / "account")
        files = as_code.load(tmp_path / "account")
        plan = as_code.plan(files, live=live, base=as_code.load_base(tmp_path / "account"))
        assert (plan.changes, plan.drift, plan.refused) == ((), (), {})
        objects, megabytes = (await growth(fake)).split()
    assert int(objects) == len(live)
    assert float(megabytes) < 60


async def growth(fake: FakeFivetran) -> str:
    """Run the program that measures its memory."""
    environment = {name: text for name, text in os.environ.items() if "FIVETRAN" not in name}
    environment["PYTHONPATH"] = str(Path(as_code.__file__).parents[2])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, fake.url), stdout=PIPE, env=environment
    )
    output, _ = await process.communicate()
    return output.decode()


@pytest.mark.slow
async def test_the_demo_account_is_changed_as_it_was_rehearsed(tmp_path: Path) -> None:
    """Two fields of all connections: an empty plan before, a short text, and the same on a copy."""
    async with FakeFivetran.demo(GROUPS, running=False) as fake, fake.client() as fivetran:
        live = await as_code.export(fivetran)
        connections = sum(each.kind == "connections" for each in live.values())
        assert len(fake.requests) <= 2 * connections + 9 + 2 * 4 + 3 * 1 + 20
        live.save(tmp_path / "account")
        base = as_code.load_base(tmp_path / "account")
        assert not as_code.plan(as_code.load(tmp_path / "account"), live=live, base=base).changes
        wanted = live.change(lambda _: True, pause_after_trial=True, sync_frequency=60)
        plan = as_code.plan(wanted, live=live, base=base)
        assert len(plan.changes) == connections == GROUPS * 18
        assert len(str(plan).splitlines()) < 40
        fake.requests.clear()
        rehearsal = await as_code.rehearse(plan)
        assert fake.requests == []
        run = await as_code.apply(fivetran, plan, confirm=plan.digest)
        changes = [each for each in fake.requests if each.verb != "GET"]
    assert sorted(rehearsal.run.done) == sorted(run.done)
    assert (rehearsal.errors, rehearsal.not_converging) == (run.errors, run.kept_differently)
    assert rehearsal.requests == len(fake.requests) <= plan.cost.requests
    assert len(changes) == connections
    assert all(
        each.body == {"pause_after_trial": True, "sync_frequency": 60, "run_setup_tests": False}
        for each in changes
    )
