"""Waits that are handed over by token without a request: the poller reads them with all others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fivetran_async import AsyncFivetran, InvalidArgumentError, NotFoundError
from fivetran_async.syncs import MANY_POLICY
from fivetran_async.testing import FakeFivetran, Fault
from support.waiting import until
from syncs.account_clock import AccountClock


async def started(fivetran: AsyncFivetran, connection_id: str) -> str:
    """Trigger a sync and return the token of its wait."""
    return (await fivetran.connections.start_sync(connection_id, policy=MANY_POLICY)).to_token()


def days_earlier(token: str, days: float) -> str:
    """Return a token of a sync that was triggered some days earlier."""
    parts = json.loads(token)
    for name in ("read_at", "accepted_at", "accepted_first"):
        earlier = datetime.fromisoformat(parts["watch"][name]) - timedelta(days=days)
        parts["watch"][name] = earlier.isoformat()
    return json.dumps(parts)


async def test_many_tokens_cost_the_requests_of_one_poller(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Sixty waits of another process are read by pages from the first look on."""
    ids = [fake.add_connection() for _ in range(60)]
    fake.plan_sync(ids[7], "failed")
    tokens = [await started(fivetran, each) for each in ids]
    fake.requests.clear()
    async with fake.client(_clock=AccountClock(fake)) as other:
        runs = [other.syncs.from_token(token) for token in tokens]
        outcomes = await asyncio.gather(*(run.wait() for run in runs))
    assert [outcome.status for outcome in outcomes if not outcome.succeeded] == ["failed"]
    assert {outcome.triggers for outcome in outcomes} == {1}
    assert {request.operation for request in fake.requests} == {"connections.list"}
    assert len(fake.requests) < 20


async def test_end_that_came_in_between_is_seen_at_once(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """A sync that ended while no process waited is reported by the first look."""
    token = await started(fivetran, fake.add_connection())
    clock.advance(3600)
    later = AccountClock(fake)
    async with fake.client(_clock=later) as other:
        outcome = await other.syncs.from_token(token).wait()
    assert (outcome.status, later.elapsed) == ("succeeded", 0)


@pytest.mark.parametrize(("plan", "status"), [("stuck", "timed_out"), ("succeeded", "succeeded")])
async def test_timeout_goes_on_by_the_time_of_the_server(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock, plan: str, status: str
) -> None:
    """Two days after the trigger, one look decides: the sync has ended, or the day is over."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, plan)
    token = days_earlier(await started(fivetran, connection_id), 2)
    clock.advance(120)
    later = AccountClock(fake)
    async with fake.client(_clock=later) as other:
        outcome = await other.syncs.from_token(token).wait()
    assert (outcome.status, later.elapsed) == (status, 0)


async def test_timeout_of_its_own_counts_from_now(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A timeout that is given to `wait` is not shortened by what passed elsewhere."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    token = days_earlier(await started(fivetran, connection_id), 2)
    later = AccountClock(fake)
    async with fake.client(_clock=later) as other:
        run = other.syncs.from_token(token)
        outcome = await run.wait(timeout=90)
        assert outcome.status == "timed_out"
        assert later.elapsed == pytest.approx(90, abs=1)
        assert (await run.wait()).status == "timed_out"
        assert later.elapsed == pytest.approx(90, abs=1)


async def test_timeout_of_a_resumption_is_named(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The reason has the seconds that were waited; the next token has those of the policy still."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    token = await started(fivetran, connection_id)
    outcome = await fivetran.resume_wait(token, timeout=90)
    assert outcome.reason.startswith("Timed out after 90 s;")
    assert outcome.token is not None
    assert json.loads(outcome.token)["policy"] == json.loads(token)["policy"]


async def test_first_look_that_fails_is_repeated(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A server that cannot be reached at first loses neither the wait nor its age."""
    token = await started(fivetran, fake.add_connection())
    fake.fail(fault=Fault.status(503), times=3)
    outcome = await fivetran.syncs.from_token(token).wait()
    assert outcome.status == "succeeded"


async def test_rescheduled_sync_is_triggered_when_it_is_due(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """The poller triggers what was due before the wait was handed over."""
    connection_id = fake.add_connection(schedule_type="manual")
    fake.plan_sync(connection_id, "rescheduled", rescheduled_after=300)
    token = await started(fivetran, connection_id)
    clock.advance(900)
    async with fake.client(_clock=AccountClock(fake)) as other:
        outcome = await other.syncs.from_token(token).wait()
    assert (outcome.status, outcome.triggers) == ("succeeded", 2)


async def test_refused_and_unknown_syncs(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A paused connection is reported without a request, a deleted one raises, a bad token too."""
    paused = await started(fivetran, fake.add_connection(paused=True))
    connection_id = fake.add_connection()
    gone = await started(fivetran, connection_id)
    await fivetran.connections.delete(connection_id, confirm=True)
    fake.requests.clear()
    assert (await fivetran.syncs.from_token(paused).wait()).status == "paused"
    assert not fake.requests
    with pytest.raises(NotFoundError) as caught:
        await fivetran.syncs.from_token(gone).wait()
    assert json.loads(caught.value.token or "")["watch"]["connection_id"] == connection_id
    with pytest.raises(InvalidArgumentError, match=r"token must be one of SyncRun\.to_token"):
        fivetran.syncs.from_token("{}")


@pytest.fixture
async def elsewhere() -> AsyncIterator[FakeFivetran]:
    """Another account, with another API key."""
    async with FakeFivetran(api_key="other_key") as fake:
        yield fake


async def test_token_of_another_account_is_named(
    fake: FakeFivetran, fivetran: AsyncFivetran, elsewhere: FakeFivetran, tmp_path: Path
) -> None:
    """A connection that is not found has its reason in the error: the token is of another key."""
    connection_id, journal = fake.add_connection(), tmp_path / "batch.jsonl"
    fake.plan_sync(connection_id, "stuck")
    async with fivetran.syncs.run_all([connection_id], journal=journal) as outcomes:
        await until(lambda: not outcomes.progress.to_start)
    token = await started(fivetran, connection_id)
    assert fivetran.account_hash in token
    messages: list[str] = []
    async with elsewhere.client() as other:
        with pytest.raises(NotFoundError) as caught:
            await other.syncs.from_token(token).wait()
        messages.append(str(caught.value))
        with pytest.raises(NotFoundError) as caught:
            await other.syncs.resume(token)
        messages.append(str(caught.value))
        for source in (journal, [token]):
            async with other.syncs.resume_all(source) as outcomes:
                messages += [outcome.reason async for outcome in outcomes]
        own = other.account_hash
    assert len(messages) == 4
    for message in messages:
        assert message.count("another API key than that of this session") == 1
        assert f"begin with {fivetran.account_hash[:8]} and {own[:8]}" in message
    assert not elsewhere.requests_for("connections.sync")


async def test_tokens_without_an_account_go_on(
    fake: FakeFivetran, fivetran: AsyncFivetran, elsewhere: FakeFivetran
) -> None:
    """Tokens of earlier releases, and of a key that was replaced, resume their wait."""
    parts = json.loads(await started(fivetran, fake.add_connection()))
    del parts["account"]
    older, replaced = json.dumps(parts), json.dumps({**parts, "account": "0123456789abcdef"})
    for token in (older, replaced):
        assert (await fivetran.syncs.from_token(token).wait()).succeeded
    async with elsewhere.client() as other:
        with pytest.raises(NotFoundError) as caught:
            await other.syncs.resume(older)
    assert "another API key" not in str(caught.value)
    with pytest.raises(InvalidArgumentError, match="its account is 7"):
        fivetran.syncs.from_token(json.dumps({**parts, "account": 7}))
