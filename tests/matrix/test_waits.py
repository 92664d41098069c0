"""Waits in an account where other syncs start and end at random: no end of theirs is reported."""

from __future__ import annotations

import asyncio
import random
from typing import Final

import pytest

from fivetran_async import AsyncFivetran, FivetranError, Hooks, Quota, RateLimits, RetryPolicy
from fivetran_async.syncs import SyncOutcome, SyncPolicy
from fivetran_async.testing import FakeFivetran
from matrix.tally import TALLY
from support.samples import sample
from syncs.foreign_syncs import World, check

ACCOUNTS: Final = sample(6, 100)
WAITS: Final = 20
POLICY: Final = SyncPolicy(timeout=7200, min_interval=5, max_interval=60)
QUICK: Final = SyncPolicy(timeout=7200, min_interval=0.5, max_interval=5, history=False)


@pytest.mark.parametrize("seed", range(ACCOUNTS))
async def test_no_wait_reports_the_end_of_another_sync(seed: int) -> None:
    """
    Each outcome is that of a sync which ended after its trigger was accepted, and none is lost.

    Syncs of other users start and end between the first read, the trigger and the polls; triggers
    get 429s, wait for quotas and lose their responses; webhook events come late, twice and out of
    order; waits are cancelled and resumed by token.

    Siblings, each by its own case: tests/syncs/test_foreign_ends.py.
    """
    asyncio.get_running_loop().set_debug(False)
    async with FakeFivetran(running=False, seed=seed) as fake:
        world = World(fake, seed)
        limits = RateLimits(quotas={"requests": (Quota(40, 20),)}) if seed % 3 == 0 else None
        async with make_session(world, limits) as fivetran:
            waits = [
                wait(world, fivetran, random.Random(f"{seed}/{number}"))  # noqa: S311
                for number in range(WAITS)
            ]
            await asyncio.gather(*waits)
        TALLY.cases("waits", WAITS, wire_requests=len(fake.requests))


def make_session(world: World, limits: RateLimits | None) -> AsyncFivetran:
    """A session that hears the account's webhook events, and retries for as long as it takes."""
    session = world.fake.client(
        _clock=world.clock,
        rate_limits=limits,
        retry=RetryPolicy(max_attempts=10, max_retry_after=3600),
        hooks=Hooks(on_request=world.before_request),
    )
    world.sessions.append(session)
    return session


async def wait(world: World, fivetran: AsyncFivetran, chance: random.Random) -> None:
    """Wait for one sync in one of several ways, and count what is wrong with its outcome."""
    connection_id = world.add_connection()
    policy = chance.choice([POLICY, QUICK])
    force = chance.random() < 0.2
    resync = not force and chance.random() < 0.1
    try:
        if resync:
            outcome = await fivetran.connections.resync_and_wait(
                connection_id, policy=policy, confirm=True
            )
        elif chance.random() < 0.3:
            async with fivetran.syncs.run_all(
                [connection_id], policy=policy, force=force
            ) as outcomes:
                outcome = await anext(outcomes)
        elif chance.random() < 0.5:
            outcome = await fivetran.connections.sync_and_wait(
                connection_id, force=force, policy=policy
            )
        else:
            outcome = await restarted(world, fivetran, connection_id, policy, chance)
            force = False
    except FivetranError as error:
        if world.triggers_of(connection_id):
            raise AssertionError(f"{connection_id}: {error}") from error
        TALLY.apart("waits that could not be triggered")
        return
    judge(world, outcome, restarts=force or resync)


async def restarted(
    world: World,
    fivetran: AsyncFivetran,
    connection_id: str,
    policy: SyncPolicy,
    chance: random.Random,
) -> SyncOutcome:
    """Wait a while, keep nothing but the token, and go on with that."""
    run = await fivetran.connections.start_sync(connection_id, policy=policy)
    token = run.to_token()
    for _ in range(chance.randrange(1, 4)):
        outcome = await (await fivetran.syncs.resume(token)).wait(timeout=chance.uniform(1, 90))
        if outcome.status != "timed_out":
            return outcome
        token = outcome.token or ""
        await world.clock.sleep(chance.uniform(0, 60))
    return await fivetran.resume_wait(token)


def judge(world: World, outcome: SyncOutcome, *, restarts: bool) -> None:
    """Count what is wrong with an outcome."""
    triggers = world.triggers_of(outcome.connection_id)
    if not triggers:
        assert outcome.error, outcome
        TALLY.apart("waits that could not be triggered")
        return
    finding = check(world, outcome, restarts=restarts, ended_at=world.fake.clock.time())
    if finding.apart:
        TALLY.apart(finding.apart)
    for problem in ("lost", "foreign ends"):
        TALLY.count(problem, finding.problem == problem)
    assert not finding.problem, (finding, outcome)
    TALLY.count("twice", len(triggers) > max(outcome.triggers, 1))
