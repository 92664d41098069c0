"""Waits for jobs other than syncs: transformations, private links, setup tests, a pause."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fivetran_async import (
    AsyncFivetran,
    AuthenticationError,
    ConcurrencyLimiter,
    NotFoundError,
    PermissionDeniedError,
)
from fivetran_async.errors import WaitFailedError, WaitTimeoutError
from fivetran_async.resources.transformations import Transformation, judge_transformation
from fivetran_async.syncs import SyncPolicy
from fivetran_async.testing import FakeFivetran, Fault
from support.waiting import turns
from syncs.account_clock import AccountClock


def transformation(fake: FakeFivetran, **fields: Any) -> str:  # noqa: ANN401
    """Add a transformation."""
    config = {"package_name": "jira", "connection_ids": [fake.add_connection()]}
    return fake.add("transformations", type="QUICKSTART", transformation_config=config, **fields)


async def test_transformation_is_awaited(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """It is started once and awaited to its end."""
    outcome = await fivetran.transformations.run_and_wait(transformation(fake))
    assert (outcome.status, outcome.succeeded, outcome.joined) == ("succeeded", True, False)
    assert outcome.transformation.last_ended_at
    assert len(fake.requests_for("transformations.run")) == 1


async def test_transformation_survives_bad_weather(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A lost response to the trigger and failing polls change nothing about the outcome."""
    transformation_id = transformation(fake)
    fake.fail("transformations.run", fault=Fault.drop("after"))
    fake.fail("transformations.get", fault=Fault.status(500), nth=2)
    outcome = await fivetran.transformations.run_and_wait(transformation_id, full_refresh=True)
    assert outcome.status == "succeeded"
    assert len(fake.requests_for("transformations.run")) == 1


async def test_running_transformation_is_joined(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """What runs already is awaited, and reported as joined."""
    transformation_id = transformation(fake)
    await fivetran.transformations.run(transformation_id)
    outcome = await fivetran.transformations.run_and_wait(transformation_id)
    assert (outcome.status, outcome.joined) == ("succeeded", True)


async def test_transformation_times_out(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """Its wait ends when the time is over."""
    fake._account.run_duration = 10_000
    outcome = await fivetran.transformations.run_and_wait(transformation(fake), timeout=600)
    assert outcome.status == "timed_out"
    assert clock.elapsed == pytest.approx(600, abs=1)


@pytest.mark.parametrize(("status", "end"), [("BLOCKED", "blocked"), ("NEW", "not_run")])
async def test_transformation_that_does_not_begin(
    fake: FakeFivetran, fivetran: AsyncFivetran, status: str, end: str
) -> None:
    """Blocked, or forgotten: after the start timeout the wait is over."""
    transformation_id = transformation(fake)
    fake.fail(
        "transformations.run", fault=Fault.status(200, body={"code": "Success", "message": "OK"})
    )
    fake.change("transformations", transformation_id, status=status)
    outcome = await fivetran.transformations.run_and_wait(transformation_id)
    assert outcome.status == end


@pytest.mark.parametrize(
    ("status", "ended", "started", "end"),
    [
        ("RUNNING", 0, False, None),
        ("SUCCEEDED", 0, False, None),
        ("SUCCEEDED", 1, False, "succeeded"),
        ("SUCCEEDED", 0, True, "succeeded"),
        ("PARTIALLY_SUCCEEDED", 1, True, "partially_succeeded"),
        ("FAILED", 1, True, "failed"),
        ("CANCELED", 1, True, "canceled"),
        ("TERMINATING", 1, True, None),
        ("SOMETHING_NEW", 1, True, "failed"),
    ],
)
def test_ends_of_transformations(
    status: str,
    ended: int,
    started: bool,  # noqa: FBT001
    end: str | None,
) -> None:
    """A short run shows in the time of its end, a long one in being seen running."""
    times = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]
    before, now = (
        Transformation.from_dict({"id": "one", "status": status, "last_ended_at": times[number]})
        for number in (0, ended)
    )
    assert judge_transformation(before, now, started=started) == end


def link(fake: FakeFivetran, **fields: Any) -> str:  # noqa: ANN401
    """Add a private link that is being created."""
    settings: dict[str, Any] = {"state": "CREATING", "config": {}, "service": "SOURCE_AWS"}
    return fake.add("private_links", name="ours", region="AWS_US_EAST_1", **settings | fields)


async def test_private_link_is_awaited(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """From its creation until it can be used."""
    made = await fivetran.private_links.create(
        name="ours", region="AWS_US_EAST_1", service="SOURCE_AWS", config={}
    )
    fake.fail("private_links.get", fault=Fault.status(503), nth=2)
    ready = await fivetran.private_links.wait_until_ok(made.id)
    assert ready.is_ready
    assert ready.host


async def test_private_link_that_fails(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A link that cannot get ready ends the wait, with what was last known."""
    link_id = link(fake, state="FAIL", state_summary="No quota")
    with pytest.raises(WaitFailedError, match="No quota") as info:
        await fivetran.private_links.wait_until_ok(link_id)
    assert getattr(info.value.last, "state", None) == "FAIL"


async def test_private_link_that_takes_too_long(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """It is an error of ours, and a TimeoutError too."""
    link_id = link(fake)
    with pytest.raises(WaitTimeoutError, match="Timed out after 60 s waiting for link") as info:
        await fivetran.private_links.wait_until_ok(link_id, timeout=60)
    assert isinstance(info.value, TimeoutError)
    with pytest.raises(NotFoundError):
        await fivetran.private_links.wait_until_ok("no_such_link")


async def test_link_that_is_never_read(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """An outage for the whole wait is a timeout, without anything last known."""
    fake.fail("private_links.get", fault=Fault.status(500), times=None)
    with pytest.raises(WaitTimeoutError) as info:
        await fivetran.private_links.wait_until_ok(link(fake), timeout=60)
    assert info.value.last is None


PASSED = [{"title": "Everything", "status": "PASSED"}]
UNTRUSTED = [{"title": "Host fingerprint", "status": "FAILED", "message": "Unknown"}]
BROKE_DOWN = [{"title": "Permissions", "status": "JOB_FAILED"}]


def bodies_of(fake: FakeFivetran) -> list[str]:
    """The bodies of the setup tests that were run."""
    return [r.body_bytes.decode() for r in fake.requests_for("connections.run_setup_tests")]


async def test_connected_at_once(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Tests that pass are run once, and approve nothing unasked."""
    connection_id = fake.add_connection(setup_state="incomplete")
    connection = await fivetran.connections.test_until_connected(connection_id)
    assert connection.is_connected
    assert bodies_of(fake) == ["{}"]


async def test_failure_that_stays_is_not_tested_again(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Without anything to approve, the same tests would fail the same way."""
    connection_id = fake.add_connection(setup_state="incomplete")
    fake.plan_setup_tests(connection_id, UNTRUSTED)
    connection = await fivetran.connections.test_until_connected(connection_id)
    assert not connection.is_connected
    assert [test.status for test in connection.setup_tests] == ["FAILED"]
    assert len(bodies_of(fake)) == 1


@pytest.mark.parametrize("results", [UNTRUSTED, BROKE_DOWN])
async def test_tests_are_repeated_where_that_may_help(
    fake: FakeFivetran, fivetran: AsyncFivetran, results: list[dict[str, str]]
) -> None:
    """After an approval, or when the tests themselves broke down."""
    connection_id = fake.add_connection(setup_state="incomplete")
    fake.plan_setup_tests(connection_id, results)
    fake.clock.call_later(1, lambda: fake.plan_setup_tests(connection_id, PASSED))
    connection = await fivetran.connections.test_until_connected(
        connection_id, trust_fingerprints=results is UNTRUSTED
    )
    assert connection.is_connected
    assert len(bodies_of(fake)) == 2
    trusted = ['"trust_fingerprints"' in body for body in bodies_of(fake)]
    assert trusted == [results is UNTRUSTED] * 2


async def test_rounds_are_bounded(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Tests that never pass are run a limited number of times."""
    connection_id = fake.add_connection(setup_state="incomplete")
    fake.plan_setup_tests(connection_id, BROKE_DOWN)
    connection = await fivetran.connections.test_until_connected(connection_id, rounds=4)
    assert not connection.is_connected
    assert len(bodies_of(fake)) == 4


async def test_tests_that_are_cut_off_are_looked_up(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The vendor ends long requests; the tests go on, and the record shows the result."""
    connection_id = fake.add_connection(setup_state="incomplete")
    fake.fail("connections.run_setup_tests", fault=Fault.drop("after"))
    connection = await fivetran.connections.test_until_connected(connection_id)
    assert connection.is_connected
    assert len(bodies_of(fake)) == 1
    fake.change("connections", connection_id, setup_state="incomplete")
    fake.fail("connections.run_setup_tests", fault=Fault.drop("before"), times=2)
    connection = await fivetran.connections.test_until_connected(connection_id, rounds=2)
    assert not connection.is_connected


async def test_change_while_paused(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A running sync is stopped first; afterwards the connection is resumed."""
    connection_id = fake.add_connection()
    fake.start_sync(connection_id)
    async with fivetran.syncs.paused(connection_id) as connection:
        assert connection.is_paused
        assert not connection.is_syncing
        await fivetran.connections.update(
            connection_id, config={"host": "db"}, run_setup_tests=False
        )
    assert fake.record("connections", connection_id)["paused"] is False


async def test_change_while_paused_keeps_a_pause(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """What was paused before stays so, and nothing is sent for it."""
    connection_id = fake.add_connection(paused=True)
    async with fivetran.syncs.paused(connection_id):
        pass
    assert fake.requests_for("connections.update") == []


async def test_overlapping_blocks_share_a_pause(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The block that began the pause is left first: the connection stays paused for the other."""
    connection_id = fake.add_connection()
    first, second = fivetran.syncs.paused(connection_id), fivetran.syncs.paused(connection_id)
    await first.__aenter__()
    async with second:
        await first.__aexit__(None, None, None)
        assert fake.record("connections", connection_id)["paused"] is True
    assert fake.record("connections", connection_id)["paused"] is False


async def test_block_that_begins_while_another_resumes(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A pause that is about to end is not taken for one that was there before."""
    connection_id, limiter, left = fake.add_connection(), ConcurrencyLimiter(1), asyncio.Event()
    last = fivetran.with_options(limiter=limiter).syncs.paused(connection_id)
    await last.__aenter__()

    async def keep_paused() -> bool:
        async with fivetran.syncs.paused(connection_id):
            await left.wait()
            return bool(fake.record("connections", connection_id)["paused"])

    async with limiter:
        leaving = asyncio.ensure_future(last.__aexit__(None, None, None))
        await turns()
        keeping = asyncio.ensure_future(keep_paused())
        # Enough to read the record.
        await turns(2000)
    await leaving
    left.set()
    assert await keeping
    assert fake.record("connections", connection_id)["paused"] is False


async def test_pause_that_answers_500_works_all_the_same(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """During a long query the API responds with 500, but pauses."""
    connection_id = fake.add_connection()
    fake.start_sync(connection_id)
    fake.fail("connections.update", fault=Fault.status(500, applied=True), times=3)
    async with fivetran.syncs.paused(connection_id) as connection:
        assert connection.is_paused


async def test_change_that_fails_resumes(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """An error in the block passes, and the connection is resumed."""
    connection_id = fake.add_connection()
    with pytest.raises(ZeroDivisionError):
        async with fivetran.syncs.paused(connection_id):
            _ = 1 / 0
    assert fake.record("connections", connection_id)["paused"] is False


async def test_sync_that_will_not_stop(
    fake: FakeFivetran, fivetran: AsyncFivetran, clock: AccountClock
) -> None:
    """The block is not entered when nothing comes to rest in time."""
    connection_id = fake.add_connection()
    fake.fail("connections.update", fault=Fault.status(500), times=None)
    with pytest.raises(WaitTimeoutError, match="Timed out after 300 s"):
        async with fivetran.syncs.paused(connection_id, timeout=300):
            raise AssertionError("entered")
    assert clock.elapsed < 400


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.status(401, applied=True), AuthenticationError),
        (Fault.status(500, applied=True), WaitTimeoutError),
    ],
)
async def test_pause_before_a_failure_is_taken_back(
    fake: FakeFivetran, fivetran: AsyncFivetran, fault: Fault, error: type[Exception]
) -> None:
    """
    A block that is not entered leaves the connection unchanged, although the pause took effect.

    Siblings: an error of a gateway that will not pass, and a time that is over.
    """
    connection_id = fake.add_connection()
    # As many as the attempts of one call.
    fake.fail("connections.update", fault=fault, times=3 if error is WaitTimeoutError else 1)
    with pytest.raises(error):
        async with fivetran.syncs.paused(connection_id, timeout=1):
            raise AssertionError("entered")
    assert fake.record("connections", connection_id)["paused"] is False


async def test_pause_that_is_forbidden(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """What cannot pass is raised at once."""
    connection_id = fake.add_connection()
    fake.fail("connections.update", fault=Fault.status(403))
    with pytest.raises(PermissionDeniedError):
        async with fivetran.syncs.paused(connection_id):
            raise AssertionError("entered")


async def test_policy_sets_the_pace(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The intervals of the policy hold here, too."""
    fake._account.run_duration = 500
    patient = SyncPolicy(min_interval=300, max_interval=300)
    await fivetran.transformations.run_and_wait(transformation(fake), policy=patient)
    assert len(fake.requests_for("transformations.get")) <= 4
