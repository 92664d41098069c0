"""Runs of plans, and ways in which they are interrupted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest

from as_code.folders import plan_of, write, writes
from fivetran_async import AsyncFivetran, as_code
from fivetran_async.as_code import AppliedRun, Plan
from fivetran_async.testing import FakeFivetran, Fault
from support.waiting import until

CRM: Final = "connections/blue/crm"
SHOP: Final = "connections/blue/shop"
NEW: Final = "connections/blue/new"


async def carry_out(fivetran: AsyncFivetran, plan: Plan, **options: Any) -> AppliedRun:  # noqa: ANN401
    """Apply a plan that was reviewed."""
    return await as_code.apply(fivetran, plan, confirm=plan.digest, **options)


async def interrupted(fake: FakeFivetran, task: asyncio.Task[AppliedRun], requests: int) -> None:
    """Cancel a run once it has sent some changes, and repair the server."""
    await until(lambda: len(writes(fake)) >= requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    fake.heal()


def refuse(fake: FakeFivetran, operation: str, path: str | None = None) -> None:
    """Let the server refuse a change as long as it is not repaired."""
    fake.fail(operation, path=path, fault=Fault.status(400), times=None)


async def plan_while_syncing(fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path) -> Plan:
    """Plan a change of a connection that begins to sync afterwards."""
    write(folder, CRM, sync_frequency=60)
    plan = await plan_of(fivetran, folder)
    fake.start_sync("crm_id")
    fake.requests.clear()
    return plan


async def interrupt_gentle_run(
    fake: FakeFivetran, fivetran: AsyncFivetran, plan: Plan, requests: int
) -> None:
    """Apply a plan with `gently`, and cancel it while it sends the last of some changes."""
    fake.fail("connections.update", fault=Fault.hang(), nth=requests)
    task = asyncio.create_task(carry_out(fivetran, plan, gently=True))
    await interrupted(fake, task, requests)
