"""Random accounts and edits: plans converge, undo restores, faults neither lose nor repeat."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from typing import Any

import pytest

from as_code.random_accounts import PATIENT, QuickClock, edited, fill, script_faults
from fivetran_async import AsyncFivetran, FivetranError, as_code
from fivetran_async._services import is_mask
from fivetran_async.as_code import AppliedRun, Plan, Snapshot
from fivetran_async.as_code._comparing.leaves import leaves_of
from fivetran_async.testing import FakeFivetran
from support.samples import sample

SEEDS = range(sample(6, 300))
FAULTY_SEEDS = range(1000, 1000 + sample(4, 300))
CONTROLS = {"run_setup_tests", "run_tests", "paused"}


def session(fake: FakeFivetran) -> AsyncFivetran:
    """Return a session on which no wait takes time."""
    return fake.client(retry=PATIENT, _clock=QuickClock())


def check_requests(fake: FakeFivetran, plan: Plan) -> None:
    """Every write changes an object of the plan, sends nothing but its leaves, and no mask."""
    wanted = {
        path[-1] for change in plan.changes for path in change.leaves if change.action != "delete"
    }
    wanted |= {name for change in plan.changes for path in change.leaves for name in path}
    for request in fake.requests:
        if request.verb == "GET":
            continue
        assert request.operation is not None
        body: Any = request.body or {}
        for path, value in leaves_of(body):
            assert not is_mask(value), path
            assert not path or set(path) <= wanted | CONTROLS | {"id", "user_id", "group_id"}, path
        if request.operation in {"connections.update", "connections.create"}:
            assert body["run_setup_tests"] is False
        assert request.operation not in {"connections.sync", "connections.resync"}


def counts(fake: FakeFivetran) -> Counter[str]:
    """Count the objects with the same identity, as creating one twice would leave."""
    found: Counter[str] = Counter()
    for family, fields in {
        "groups": ("name",),
        "connections": ("group_id", "schema"),
        "teams": ("name",),
        "users": ("email",),
        "webhooks": ("url",),
    }.items():
        for record in fake._account.collection(family):
            found[f"{family} {[record.get(field) for field in fields]}"] += 1
    return found


async def applied(fivetran: AsyncFivetran, plan: Plan) -> AppliedRun:
    """Apply a plan that was reviewed."""
    return await as_code.apply(fivetran, plan, confirm=plan.digest)


def rest_of(wanted: Snapshot, live: Snapshot, base: Snapshot) -> Plan:
    """Return what remains to be done."""
    return as_code.plan(wanted, live=live, base=base, conflicts="wanted", revert_drift=True)


@pytest.mark.parametrize("seed", SEEDS)
async def test_plans_converge_and_are_undone(seed: int) -> None:
    """After a run the account is as wanted, and after its undo it is as before."""
    rng = random.Random(seed)  # noqa: S311 - test data
    async with FakeFivetran(seed=seed, running=False) as fake, session(fake) as fivetran:
        fill(fake, rng)
        base = await as_code.export(fivetran)
        wanted = edited(base, rng)
        plan = as_code.plan(wanted, live=base, base=base)
        fake.requests.clear()
        run = await applied(fivetran, plan)
        assert run.succeeded, str(run)
        check_requests(fake, plan)
        assert len(fake.requests) <= plan.cost.requests
        live = await as_code.export(fivetran)
        rest = rest_of(wanted, live, base)
        assert not rest.changes, str(rest)
        assert not run.kept_differently
        back = await applied(fivetran, run.undo())
        assert back.succeeded, str(back)
        restored = await as_code.export(fivetran)
        difference = as_code.plan(base, live=restored)
        assert not difference.changes, str(difference)
        assert set(restored) == set(base)


@pytest.mark.parametrize("seed", FAULTY_SEEDS)
async def test_faults_neither_lose_nor_repeat(seed: int) -> None:
    """Under faults each next plan shows exactly the rest, and nothing is created twice."""
    rng = random.Random(seed)  # noqa: S311 - test data
    async with FakeFivetran(seed=seed, running=False) as fake, session(fake) as fivetran:
        fill(fake, rng)
        base = await as_code.export(fivetran)
        before = counts(fake)
        wanted = edited(base, rng)
        plan = as_code.plan(wanted, live=base, base=base)
        for _ in range(8):
            script_faults(fake, rng)
            fake.requests.clear()
            # Where the account cannot be read, nothing was sent.
            with contextlib.suppress(FivetranError):
                run = await applied(fivetran, plan)
                assert run.succeeded or run.errors
            check_requests(fake, plan)
            fake.heal()
            live = await as_code.export(fivetran)
            plan = rest_of(wanted, live, base)
            if not plan.changes:
                break
        else:
            run = await applied(fivetran, plan)
            assert run.succeeded, str(run)
            plan = rest_of(wanted, await as_code.export(fivetran), base)
        assert not plan.changes, str(plan)
        twice = [name for name, count in counts(fake).items() if count > before.get(name, 1)]
        assert twice == []
