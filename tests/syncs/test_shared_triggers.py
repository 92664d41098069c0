"""The poller repeats no trigger that a caller or another process has just sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import pytest

from fivetran_async import AsyncFivetran
from fivetran_async.syncs import SyncPolicy
from fivetran_async.syncs._deadline import Deadline
from fivetran_async.syncs._hub import hub_of
from fivetran_async.syncs._sharing import Flight, LastTrigger
from fivetran_async.syncs._wait import Wait
from fivetran_async.testing import FakeFivetran, Fault
from support.fake_clock import FakeClock
from support.waiting import until
from syncs.account_clock import AccountClock

POLICY = SyncPolicy(history=False)


@attrs.define
class OneLease:
    """A fleet with one lease, which is always free."""

    last: LastTrigger | None = None
    told: list[str] = attrs.field(factory=list[str])
    intended: list[str | None] = attrs.field(factory=list["str | None"])
    meanwhile: Callable[[], Awaitable[None]] | None = None
    reports: int | None = None
    """How many triggers can be reported; the next report never ends."""

    @asynccontextmanager
    async def flight(
        self,
        connection_id: str,  # noqa: ARG002
        deadline: Deadline | None,  # noqa: ARG002
    ) -> AsyncGenerator[Flight]:
        """Give the lease, after what another process did with it."""
        if self.meanwhile is not None:
            await self.meanwhile()
        yield self

    async def may_trigger(self, intention: str | None) -> bool:
        """Allow it, and keep what may be sent."""
        self.intended.append(intention)
        return True

    async def triggered(self, token: str) -> None:
        """Keep the token."""
        if len(self.told) == self.reports:
            await asyncio.Event().wait()
        self.told.append(token)
        self.last = LastTrigger(token, 0.0)

    def added(self, wait: Wait) -> None:
        """Poll for oneself."""

    def removed(self, wait: Wait) -> None:
        """Poll for oneself."""


def triggers(fake: FakeFivetran) -> int:
    """Count the triggers that the account got."""
    return len(fake.requests_for("connections.sync"))


@pytest.fixture
def put_off(fake: FakeFivetran) -> str:
    """A connection on a manual schedule with a sync that will be rescheduled for 300 s."""
    connection_id = fake.add_connection(schedule_type="manual")
    fake.plan_sync(connection_id, "rescheduled", rescheduled_after=300)
    return connection_id


async def test_trigger_of_another_process_is_not_repeated(
    fake: FakeFivetran, fivetran: AsyncFivetran, put_off: str
) -> None:
    """What another process triggers between the read and the lease gets no second trigger."""
    fleet = OneLease()
    hub_of(fivetran._transport.core).sharing = fleet
    run = await fivetran.connections.start_sync(put_off, policy=POLICY)

    async def trigger() -> None:
        async with fake.client(_clock=FakeClock()) as other:
            theirs = await other.connections.start_sync(put_off, policy=POLICY)
        fleet.last = LastTrigger(theirs.to_token(), 0.0)

    fleet.meanwhile = trigger
    fake.plan_sync(put_off, start_after=50, duration=10)
    outcome = await run.wait()
    assert (outcome.status, outcome.triggers) == ("succeeded", 1)
    assert triggers(fake) == 2


async def test_trigger_of_a_caller_is_not_repeated(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock, put_off: str
) -> None:
    """What a caller of the same session is about to trigger gets no second trigger."""
    run = await fivetran.connections.start_sync(put_off, policy=POLICY)
    fake.plan_sync(put_off, start_after=50, duration=10)
    waiting = asyncio.create_task(run.wait())
    hub = hub_of(fivetran._transport.core)
    flight = hub.flights[put_off] = asyncio.get_running_loop().create_future()
    await until(lambda: clock.elapsed > 600 or waiting.done())
    assert triggers(fake) == 1
    del hub.flights[put_off]
    flight.set_result(None)
    assert (await waiting).triggers == 2
    assert triggers(fake) == 2


async def test_others_hear_of_a_repeated_trigger(
    fake: FakeFivetran, fivetran: AsyncFivetran, put_off: str
) -> None:
    """The token of a repeated trigger counts from that trigger, so that others join its sync."""
    fleet = OneLease()
    hub_of(fivetran._transport.core).sharing = fleet
    fake.plan_sync(put_off, start_after=100, duration=2000)
    run = await fivetran.connections.start_sync(put_off, policy=POLICY)
    task = asyncio.create_task(run.wait())
    await until(lambda: len(fleet.told) == 2)
    first, again = (json.loads(token)["watch"] for token in fleet.told)
    assert again["accepted_first"] > first["accepted_first"]
    assert (again["triggers"], again["idle_since"], again["retrigger_at"]) == (2, 0.0, None)
    async with fake.client(_clock=AccountClock(fake)) as other:
        hub_of(other._transport.core).sharing = fleet
        joined = await other.connections.start_sync(put_off, policy=POLICY)
    assert not joined.triggered
    assert (await task).succeeded
    assert triggers(fake) == 2


async def test_joiner_of_a_lost_trigger_repeats_it(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A trigger never arrived, and its process ended: the one that joined it triggers in time."""
    connection_id = fake.add_connection()
    fake.fail("connections.sync", fault=Fault.drop("before"))
    run = await fivetran.connections.start_sync(connection_id, policy=POLICY)
    async with fake.client(_clock=AccountClock(fake)) as other:
        hub_of(other._transport.core).sharing = OneLease(last=LastTrigger(run.to_token(), 0.0))
        joined = await other.connections.start_sync(connection_id, policy=POLICY)
        assert not joined.triggered
        outcome = await joined.wait()
    assert (outcome.status, outcome.triggers) == ("succeeded", 1)
    assert outcome.joined is not True
    assert triggers(fake) == 2
    assert fake.record("connections", connection_id)["run"] == 1


async def test_joiners_of_a_lost_trigger_repeat_it_once(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Callers of one session that joined a lost trigger go on without the caller that sent it."""
    connection_id = fake.add_connection()
    fake.fail("connections.sync", fault=Fault.drop("before"))
    first = asyncio.create_task(fivetran.connections.sync_and_wait(connection_id, policy=POLICY))
    await until(lambda: any(hub_of(fivetran._transport.core).waits()))
    runs = [await fivetran.connections.start_sync(connection_id, policy=POLICY) for _ in range(2)]
    waiting = [asyncio.create_task(run.wait()) for run in runs]
    await asyncio.sleep(0)
    first.cancel()
    outcomes = await asyncio.gather(*waiting)
    assert [outcome.status for outcome in outcomes] == ["succeeded"] * 2
    assert triggers(fake) == 2


@pytest.mark.parametrize("rescheduled", [False, True])
async def test_trigger_that_was_not_reported_is_joined(
    fake: FakeFivetran, fivetran: AsyncFivetran, put_off: str, *, rescheduled: bool
) -> None:
    """A process ended after its trigger, before its report: the next one joins what it intended."""
    fleet = OneLease(reports=1)
    hub_of(fivetran._transport.core).sharing = fleet
    connection_id = put_off if rescheduled else fake.add_connection()
    run = await fivetran.connections.start_sync(connection_id, policy=POLICY)
    if rescheduled:
        fake.plan_sync(connection_id, start_after=40, duration=10)
        task = asyncio.create_task(run.wait())
        await until(lambda: len(fleet.intended) == 2)
        await until(lambda: triggers(fake) == 2)
        task.cancel()
    sent, intended = triggers(fake), fleet.intended[-1]
    assert intended is not None
    async with fake.client(_clock=AccountClock(fake)) as other:
        hub_of(other._transport.core).sharing = OneLease(last=LastTrigger(intended, 0.0))
        joined = await other.connections.start_sync(connection_id, policy=POLICY)
        outcome = await joined.wait()
    assert (outcome.status, outcome.triggers) == ("succeeded", 0)
    assert triggers(fake) == sent
