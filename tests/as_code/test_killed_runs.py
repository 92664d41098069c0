"""`kill -9` in the middle of a run: the next one does the rest, and the journal has both."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

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
KILLS = sample(2, STEPS)


async def start(fake: FakeFivetran, plan: Path) -> asyncio.subprocess.Process:
    """Start a process that applies a plan."""
    environment = {name: text for name, text in os.environ.items() if "FIVETRAN" not in name}
    environment["PYTHONPATH"] = str(Path(as_code.__file__).parents[2])
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), fake.url, str(plan)),
        stdout=PIPE,
        stderr=PIPE,
        env=environment,
    )


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
@pytest.mark.parametrize("kill", range(KILLS))
async def test_killed_runs_are_completed(
    fake: FakeFivetran, folder: Path, tmp_path: Path, kill: int
) -> None:
    """A run of 50 steps that is killed anywhere is completed by the next process."""
    write_changes(folder)
    async with fake.client() as fivetran:
        plan: Plan = await plan_of(fivetran, folder)
    plan.save(tmp_path / "plan.json")
    fake.latency = 0.005
    fake.requests.clear()
    after = kill if KILLS == STEPS else random.Random(kill).randrange(1, STEPS - 2)  # noqa: S311
    first = await start(fake, tmp_path / "plan.json")
    await until(lambda: changing_requests(fake) > after or first.returncode is not None)
    if first.returncode is None:
        first.send_signal(signal.SIGKILL)
    await first.communicate()
    [journal] = (folder / ".fivetran/runs").glob("*.jsonl")
    begun = len(read_journal(journal).entries)
    second = await start(fake, tmp_path / "plan.json")
    output, errors = await second.communicate()
    assert second.returncode == 0, errors.decode()
    assert output.decode().split() == [str(len(plan.changes)), "0"]
    assert len(list((folder / ".fivetran/runs").glob("*.jsonl"))) == 1
    entries = read_journal(journal).entries
    assert len(entries) > begun
    assert entries[-1] == {"event": "end"}
    fake.latency = 0
    await check_done(fake, folder)
    undo = as_code.load_run(journal).undo()
    assert len([change for change in undo.changes if change.action == "delete"]) == 37
