"""
Change an account by its files: export, edit, plan, rehearse, apply, drift, undo.

    python examples/account_as_code.py
    python examples/account_as_code.py --groups 3  # a smaller account

It works on an embedded Fivetran with a demo account of 216 connections, whatever is in the
environment, and prints each step. The exit code is 1 if the account is not as before at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from fivetran_async import AsyncFivetran, as_code
from fivetran_async.as_code import AppliedRun, Plan, Snapshot
from fivetran_async.testing import FakeFivetran


def say(step: str, text: object) -> None:
    """Print what a step did, indented."""
    lines = str(text).splitlines()
    print(f"{step}:", *lines, sep="\n    ")


async def export(fake: FakeFivetran, folder: Path) -> Snapshot:
    """Write one file per object, without secrets; a read-only session suffices."""
    async with fake.client(read_only=True) as fivetran:
        live = await as_code.export(fivetran)
    live.save(folder)
    say("Export", f"{len(live)} objects, {len(fake.requests)} requests")
    return live


def edit(folder: Path) -> None:
    """Let every PostgreSQL connection sync once an hour, as an editor or a script would."""
    edited = 0
    for path in sorted(folder.glob("connections/*/*.json")):
        fields = json.loads(path.read_text("utf-8"))
        if fields["service"] == "postgres":
            fields["sync_frequency"] = 60
            path.write_text(json.dumps(fields, indent=2) + "\n", "utf-8")
            edited += 1
    say("Edit", f"{edited} files: sync_frequency is 60")


async def plan(fivetran: AsyncFivetran, folder: Path) -> Plan:
    """Compare what the files want with what they were and with what is live."""
    return as_code.plan(
        as_code.load(folder),
        live=await as_code.export(fivetran),
        base=as_code.load_base(folder),
    )


async def apply(fivetran: AsyncFivetran, reviewed: Plan) -> AppliedRun:
    """Carry out a plan that was read; the digest names it."""
    return await as_code.apply(
        fivetran, reviewed, confirm=reviewed.digest, secrets=as_code.references()
    )


async def main() -> int:
    """Make the whole trip, and check that the undo restores what the export found."""
    parser = argparse.ArgumentParser(description="Change a demo account by its files.")
    parser.add_argument("--groups", type=int, default=12, help="the groups of the demo account")
    groups: int = parser.parse_args().groups
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "account"
        async with (
            FakeFivetran.demo(groups=groups, running=False) as fake,
            fake.client() as fivetran,
        ):
            before = await export(fake, folder)
            edit(folder)

            reviewed = await plan(fivetran, folder)
            say("Plan", reviewed)

            fake.requests.clear()
            rehearsal = await as_code.rehearse(reviewed)
            say("Rehearsal", rehearsal)
            say("Requests to the account so far", len(fake.requests))

            run = await apply(fivetran, reviewed)
            say("Apply", run)

            # Someone pauses a connection in the dashboard.
            behind = next(iter(await fivetran.connections.list(limit=1).collect()))
            await fivetran.connections.pause(behind.id)
            later = await plan(fivetran, folder)
            say("Drift", later)
            await fivetran.connections.resume(behind.id)

            undone = await apply(fivetran, run.undo())
            say("Undo", undone)
            after = await as_code.export(fivetran)

    left = as_code.plan(before, live=after)
    say("Difference from before", left)
    return 0 if run.succeeded and undone.succeeded and not left.changes else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
