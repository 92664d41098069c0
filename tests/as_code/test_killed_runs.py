"""`kill -9` in the middle of a run: the next one does the rest, and the journal has both."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from as_code.folders import plan_of, write
from fivetran_async import as_code
from fivetran_async.as_code import Plan
from fivetran_async.as_code._applying.journal import read_journal
from fivetran_async.testing import FakeFivetran
from support.samples import sample
from support.waiting import until

PROGRAM = Path(__file__).with_name("killed_run.py")
STEPS = 50
KILLS = range(0, STEPS, -(-STEPS // sample(4, STEPS)))
"""The numbers of the steps, from 0, in which a process is killed."""


@attrs.frozen
class Applier:
    """The program that applies plans in processes of their own."""

    program: subprocess.Popen[str]

    async def start(self, fake: FakeFivetran, plan: Path) -> int:
        """Start a process that applies a plan, and return its id."""
        assert self.program.stdin is not None
        self.program.stdin.write(f"{fake.url} {plan}\n")
        self.program.stdin.flush()
        word, pid = await self.read()
        assert word == "started"
        return int(pid)

    async def read(self) -> list[str]:
        """Return the words of its next line."""
        assert self.program.stdout is not None
        return (await asyncio.to_thread(self.program.stdout.readline)).split()


@pytest.fixture(scope="module")
def applier() -> Iterator[Applier]:
    """The program, started once."""
    environment = {name: text for name, text in os.environ.items() if "FIVETRAN" not in name}
    environment["PYTHONPATH"] = str(Path(as_code.__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, str(PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as program:
        yield Applier(program)


def changing_requests(fake: FakeFivetran) -> int:
    """Count the requests that were not reads."""
    return sum(request.verb != "GET" for request in fake.requests)


def write_changes(folder: Path) -> None:
    """Write the files of 50 steps: new groups with connections, and changes of others."""
    for number in range(16):
        write(folder, f"groups/new_{number}", name=f"new_{number}")
        write(
            folder,
            f"connections/new_{number}/ads",
            service="google_ads",
            group_id=f"groups/new_{number}",
            paused=number % 2 == 0,
        )
    for number in range(5):
        write(folder, f"teams/team_{number}", name=f"team_{number}", role="Account Reviewer")
        write(folder, f"users/u{number}@example.com", given_name="U", family_name="V")
    write(folder, "connections/blue/crm", sync_frequency=60)


async def check_done(fake: FakeFivetran, folder: Path) -> None:
    """Nothing remains to be done, and nothing is there twice."""
    async with fake.client() as fivetran:
        plan = await plan_of(fivetran, folder)
        assert not plan.changes, str(plan)
    for family, field in (("groups", "name"), ("teams", "name"), ("users", "email")):
        names = [record[field] for record in fake._account.collection(family)]
        assert len(names) == len(set(names))
    assert len(fake.requests_for("groups.create")) == 16
    assert len(fake.requests_for("connections.create")) == 16


@pytest.mark.slow
@pytest.mark.parametrize("kill", KILLS)
async def test_killed_runs_are_completed(
    fake: FakeFivetran, folder: Path, tmp_path: Path, applier: Applier, kill: int
) -> None:
    """A run of 50 steps that is killed anywhere is completed by the next process."""
    write_changes(folder)
    async with fake.client() as fivetran:
        plan: Plan = await plan_of(fivetran, folder)
    plan.save(tmp_path / "plan.json")
    fake.latency = 0.002
    fake.requests.clear()
    first = await applier.start(fake, tmp_path / "plan.json")
    await until(lambda: changing_requests(fake) > kill)
    os.kill(first, signal.SIGKILL)
    assert await applier.read() == ["ended", str(-signal.SIGKILL)]
    [journal] = (folder / ".fivetran/runs").glob("*.jsonl")
    begun = len(read_journal(journal).entries)
    fake.latency = 0
    await applier.start(fake, tmp_path / "plan.json")
    assert await applier.read() == ["applied", str(len(plan.changes)), "0"]
    assert await applier.read() == ["ended", "0"]
    assert len(list((folder / ".fivetran/runs").glob("*.jsonl"))) == 1
    entries = read_journal(journal).entries
    assert len(entries) > begun
    assert entries[-1] == {"event": "end"}
    await check_done(fake, folder)
    undo = as_code.load_run(journal).undo()
    assert len([change for change in undo.changes if change.action == "delete"]) == 37
