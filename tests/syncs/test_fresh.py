"""`syncs.ensure_fresh`: only what is too old by the server's clock is synced."""

from __future__ import annotations

from pathlib import Path

import pytest

from fivetran_async import AsyncFivetran, InvalidArgumentError
from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs._verdict import judge_age
from fivetran_async.testing import FakeFivetran
from syncs.account_clock import AccountClock
from syncs.test_journal import outcomes_of, syncs_of, triggers_of

HOUR = 3600.0


def aged(
    fake: FakeFivetran, seconds: float, *, paused: bool = False, setup_state: str = "connected"
) -> str:
    """Add a connection with a last success some seconds ago."""
    succeeded_at = fake.clock.stamp(after=-seconds)
    return fake.add_connection(succeeded_at=succeeded_at, paused=paused, setup_state=setup_state)


async def test_only_what_is_older_is_synced(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The ages are those of the record: this machine's clock is years off."""
    fresh, old, never = aged(fake, 1800), aged(fake, 5400), fake.add_connection()
    paused, broken = aged(fake, 60, paused=True), aged(fake, 5400, setup_state="broken")
    ids = [fresh, old, never, paused, broken]
    outcomes = await outcomes_of(fivetran.syncs.ensure_fresh(ids, max_age=HOUR))
    assert [outcomes[each].status for each in ids] == [*["succeeded"] * 4, "broken"]
    assert [outcomes[each].triggers for each in ids] == [0, 1, 1, 0, 0]
    assert [triggers_of(fake, each) for each in ids] == [0, 1, 1, 0, 0]
    kept = outcomes[fresh]
    assert kept.connection is not None
    assert kept.finished_at == kept.connection.succeeded_at
    assert kept.reason.endswith("s ago; nothing was triggered.")
    assert kept.succeeded
    kept.raise_for_status()
    assert not fake.requests_for("connections.get")


async def test_running_sync_is_joined(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """An old connection that syncs already gets no trigger; a fresh one is not even awaited."""
    old, fresh = aged(fake, 7200), aged(fake, 60)
    fake.sync_duration = 500
    for each in (old, fresh):
        fake.start_sync(each)
    outcomes = await outcomes_of(fivetran.syncs.ensure_fresh([old, fresh], max_age=HOUR))
    assert (outcomes[old].joined, outcomes[old].triggers) == (True, 0)
    assert fake.record("connections", fresh)["sync_state"] == "scheduled"
    assert not fake.requests_for("connections.sync")
    finished = outcomes[fresh].finished_at
    assert finished is not None
    assert finished < fake.clock.now()


async def test_second_call_syncs_nothing(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """What was just synced is fresh, until its time is over."""
    connection_id = fake.add_connection()
    for expected in (1, 1):
        await outcomes_of(fivetran.syncs.ensure_fresh([connection_id], max_age=HOUR))
        assert syncs_of(fake, connection_id) == expected
    clock.advance(HOUR + 1)
    await outcomes_of(fivetran.syncs.ensure_fresh([connection_id], max_age=HOUR))
    assert syncs_of(fake, connection_id) == 2


async def test_journal_compares_ages_when_it_is_resumed(
    fake: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """A batch that was killed before its triggers asks for freshness, not for a sync."""
    journal = tmp_path / "fresh.jsonl"
    old = aged(fake, 7200)
    await outcomes_of(fivetran.syncs.ensure_fresh([old], max_age=HOUR, journal=journal))
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    outcomes = await outcomes_of(fivetran.syncs.resume_all(journal))
    assert (outcomes[old].status, outcomes[old].triggers) == ("succeeded", 0)
    assert syncs_of(fake, old) == 1


@pytest.mark.parametrize("max_age", [-1, float("nan"), "1h", None])
def test_bad_ages(fivetran: AsyncFivetran, max_age: float) -> None:
    """An age is a number of seconds."""
    with pytest.raises(InvalidArgumentError, match="max_age must be"):
        fivetran.syncs.ensure_fresh([], max_age=max_age)


def test_ages_that_prove_nothing(fake: FakeFivetran) -> None:
    """Without the server's time, without a success, or with one far in the future, it is synced."""
    now = fake.clock.now()
    connection = Connection(id="a", succeeded_at=now)
    assert judge_age(connection, now, 0) is not None
    assert judge_age(connection, None, HOUR) is None
    assert judge_age(Connection(id="a"), now, HOUR) is None
    assert judge_age(connection, now.replace(year=now.year - 1), HOUR) is None
