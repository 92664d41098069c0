"""The judgement: from the record before a sync and the record now to how it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs._events import SyncEvent, hear
from fivetran_async.syncs._policy import SyncPolicy
from fivetran_async.syncs._verdict import (
    expire,
    judge_before,
    lost_after,
    next_age,
    observe,
    own_start,
    settle_doubt,
    settle_time,
)
from fivetran_async.syncs._watch import (
    Acceptance,
    Step,
    Watch,
    accepted,
    is_manual,
    joined_at,
    moved,
    watch_for,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
POLICY = SyncPolicy()
RETURN = SyncPolicy(if_rescheduled="return")
WAIT = SyncPolicy(if_rescheduled="wait")
SETTLE, LOST_TRIGGER, OWN_START = settle_time(POLICY), lost_after(POLICY), own_start(POLICY)


def at(seconds: float) -> datetime:
    """A time some seconds after the record before the trigger was read."""
    return NOON + timedelta(seconds=seconds)


def record(
    sync_state: str = "scheduled",
    *,
    succeeded: float | None = -3600,
    failed: float | None = None,
    setup_state: str = "connected",
    rescheduled_for: float | None = None,
    historical: bool = False,
    schedule_type: str | None = "auto",
    tasks: tuple[str, ...] = (),
) -> Connection:
    """A connection as the API shows it; times in seconds from noon."""
    return Connection.from_dict(
        {
            "id": "one",
            "schedule_type": schedule_type,
            "succeeded_at": at(succeeded).isoformat() if succeeded is not None else None,
            "failed_at": at(failed).isoformat() if failed is not None else None,
            "status": {
                "sync_state": sync_state,
                "setup_state": setup_state,
                "is_historical_sync": historical,
                "rescheduled_for": None
                if rescheduled_for is None
                else at(rescheduled_for).isoformat(),
                "tasks": [{"code": "some_task", "message": task} for task in tasks],
            },
        }
    )


def watched(before: Connection | None = None, *, kind: str = "sync") -> Watch:
    """What is remembered right after a trigger."""
    watch = watch_for(before or record(), kind=kind, read_at=NOON)
    return accepted(watch, Acceptance(at=NOON), spent=0.0)


def walk(
    watch: Watch, *looks: tuple[float, Connection], policy: SyncPolicy = POLICY
) -> tuple[Step, ...]:
    """Poll several times, each at an age, with the server's time to match."""
    steps: list[Step] = []
    for age, connection in looks:
        step = observe(watch, connection, age, policy, now=at(age))
        watch = step.watch
        steps.append(step)
    return tuple(steps)


def status_of(step: Step) -> str | None:
    """How it ended, if it has."""
    return step.verdict.status if step.verdict else None


@pytest.mark.parametrize(
    ("after", "status"),
    [
        (record(), None),
        (record("syncing"), None),
        (record(succeeded=10), "succeeded"),
        (record("syncing", succeeded=10), "succeeded"),
        (record("paused", succeeded=10), "succeeded"),
        (record(succeeded=10, setup_state="broken"), "succeeded"),
        (record(failed=10), "failed"),
        (record(failed=10, setup_state="broken"), "broken"),
        (record("syncing", failed=10), None),
        (record("rescheduled", failed=10, rescheduled_for=900), "failed"),
        (record(succeeded=10, failed=20), "failed"),
        (record(succeeded=20, failed=10), "succeeded"),
        (record(succeeded=10, failed=10), "failed"),
        (record("paused"), "paused"),
        (record(setup_state="broken"), "broken"),
        (record("a_new_state"), None),
    ],
)
def test_one_look(after: Connection, status: str | None) -> None:
    """What each record means 30 seconds after the trigger."""
    (step,) = walk(watched(), (30, after))
    assert status_of(step) == status


def test_times_are_compared_to_the_millisecond() -> None:
    """A list that cuts or keeps microseconds is not the end of a sync."""
    exact = NOON.replace(microsecond=123_456)
    cut = NOON.replace(microsecond=123_000)
    assert not moved(exact, cut)
    assert not moved(cut, exact)
    assert moved(cut, NOON.replace(microsecond=124_000))
    assert moved(None, cut)
    assert not moved(exact, None)
    assert not moved(None, None)


@given(before=st.datetimes(), after=st.datetimes())
def test_time_moves_one_way(before: datetime, after: datetime) -> None:
    """Of two times at most one is after the other."""
    first, second = before.replace(tzinfo=UTC), after.replace(tzinfo=UTC)
    assert not (moved(first, second) and moved(second, first))


def test_stopped_without_a_trace_is_believed_after_a_while() -> None:
    """Neither time moved and it runs no longer: not at once, for the record may lag."""
    steps = walk(
        watched(), (10, record("syncing")), (20, record()), (30, record()), (20 + SETTLE, record())
    )
    assert [status_of(step) for step in steps] == [None, None, None, "not_run"]


def test_lagging_record_is_waited_for() -> None:
    """The times may move a moment after the state."""
    steps = walk(watched(), (10, record("syncing")), (20, record()), (25, record(succeeded=19)))
    assert [status_of(step) for step in steps] == [None, None, "succeeded"]


def test_never_begun_is_believed_after_start_timeout() -> None:
    """A sync may be queued for minutes, but not indefinitely."""
    steps = walk(watched(), (20, record()), (299, record()), (300, record()))
    assert [status_of(step) for step in steps] == [None, None, "not_run"]


def test_failure_while_the_vendor_repeats_it_is_no_end() -> None:
    """A failure is not the end while the connection syncs."""
    steps = walk(watched(), (10, record("syncing", failed=9)), (20, record(failed=9, succeeded=19)))
    assert [status_of(step) for step in steps] == [None, "succeeded"]


@pytest.mark.parametrize("joined", [True, None])
def test_repeats_are_not_joined(joined: bool | None) -> None:  # noqa: FBT001
    """The end of a repeat is not that of a joined sync; the failure before it may be."""
    watch = attrs.evolve(watched(), joined=joined, started=True)
    step = observe(watch, record("syncing", failed=9), 10, POLICY)
    assert joined_at(step.watch, at(9)) is joined
    assert joined_at(step.watch, None) is joined
    assert joined_at(step.watch, at(19)) is False
    again = observe(step.watch, record("syncing", failed=14), 15, POLICY)
    assert joined_at(again.watch, at(14)) is False


def test_rescheduled_returns() -> None:
    """With `return` the wait ends, and the reason names the time."""
    put_off = record("rescheduled", rescheduled_for=900)
    _, step = walk(watched(), (5, record("syncing")), (30, put_off), policy=RETURN)
    assert status_of(step) == "rescheduled"
    assert step.verdict
    assert "2026-11-23 12:15:00 UTC" in step.verdict.reason


def test_rescheduled_waits_for_an_automatic_schedule() -> None:
    """With `wait` it goes on, for the schedule reruns it."""
    put_off = record("rescheduled", rescheduled_for=900)
    steps = walk(
        watched(), (30, put_off), (5000, put_off), (5030, record(succeeded=5020)), policy=WAIT
    )
    assert [status_of(step) for step in steps] == [None, None, "succeeded"]


def test_rescheduled_does_not_wait_for_a_manual_schedule() -> None:
    """With `wait` a manual schedule ends the wait: it would never run by itself."""
    put_off = record("rescheduled", rescheduled_for=900, schedule_type="manual")
    _, step = walk(watched(), (5, record("syncing")), (30, put_off), policy=WAIT)
    assert status_of(step) == "rescheduled"


def test_manual_schedule_is_remembered() -> None:
    """Lists may leave the schedule out; the record before the trigger had it."""
    before = record(schedule_type="manual")
    put_off = record("rescheduled", rescheduled_for=900, schedule_type=None)
    running = record("syncing", schedule_type=None)
    _, step = walk(watched(before), (5, running), (30, put_off), policy=WAIT)
    assert status_of(step) == "rescheduled"


@pytest.mark.parametrize(("schedule_type", "at_age"), [("manual", 900), ("auto", 900 + OWN_START)])
def test_rescheduled_is_triggered_again_when_due(schedule_type: str, at_age: float) -> None:
    """A manual schedule when the time has come; an automatic one gets a chance to begin itself."""
    put_off = record("rescheduled", rescheduled_for=900, schedule_type=schedule_type)
    running = record("syncing", schedule_type=schedule_type)
    _, early, due = walk(watched(), (5, running), (30, put_off), (at_age - 1, put_off))
    assert not early.retrigger
    assert not due.retrigger
    (step,) = walk(due.watch, (at_age, put_off))
    assert step.retrigger
    assert step.watch.triggers == 2


def test_rescheduled_sync_may_take_its_time_to_begin_again() -> None:
    """Between being rescheduled and running it is scheduled: that is not an end."""
    steps = walk(
        watched(),
        (30, record("syncing")),
        (60, record("rescheduled", rescheduled_for=900)),
        (905, record()),
        (965, record()),
        (985, record("syncing")),
    )
    assert [status_of(step) for step in steps] == [None] * 5


def test_trigger_of_a_rescheduled_sync_is_not_repeated_at_once() -> None:
    """After a new trigger the same record is old news for a while."""
    put_off = record("rescheduled", rescheduled_for=900, schedule_type="manual")
    steps = walk(watched(), (30, put_off), (900, put_off), (960, put_off))
    assert [step.retrigger for step in steps] == [False, True, False]
    assert status_of(steps[-1]) is None


def test_triggers_are_bounded() -> None:
    """A sync that is rescheduled many times ends as rescheduled."""
    watch = watched()
    ends: list[str | None] = []
    for number in range(1, 20):
        age = number * 900.0
        put_off = record("rescheduled", rescheduled_for=age, schedule_type="manual")
        step = observe(watch, put_off, age, POLICY, now=at(age))
        ends.append("again" if step.retrigger else status_of(step))
        if step.verdict:
            break
        watch = observe(step.watch, record("syncing"), age + 5, POLICY).watch
    assert ends == ["again"] * POLICY.max_retriggers + ["rescheduled"]


def test_rescheduled_without_a_date_is_triggered_again_some_time() -> None:
    """Without a due time it is triggered after a while."""
    put_off = record("rescheduled", schedule_type="manual")
    _, first, later = walk(watched(), (5, record("syncing")), (30, put_off), (400, put_off))
    assert (first.retrigger, later.retrigger) == (False, True)


def test_rescheduled_before_the_trigger_is_old_news() -> None:
    """A record that has not changed since the trigger gets time to change."""
    before = record("rescheduled", rescheduled_for=900)
    steps = walk(watched(before), (5, before), (60, record("syncing")), policy=RETURN)
    assert [status_of(step) for step in steps] == [None, None]


def test_broken_before_the_trigger_is_old_news() -> None:
    """A connection that was broken when it was triggered is judged by how the sync ends."""
    before = record(setup_state="broken")
    steps = walk(
        watched(before), (5, before), (10, record("syncing", setup_state="broken")), (20, before)
    )
    assert [status_of(step) for step in steps] == [None, None, None]
    (step,) = walk(steps[-1].watch, (40, record(succeeded=30)))
    assert status_of(step) == "succeeded"


def test_broken_tells_the_tasks() -> None:
    """The vendor's tasks are the reason."""
    (step,) = walk(
        watched(), (9, record(failed=8, setup_state="broken", tasks=("Reconnect", "Hurry.")))
    )
    assert step.verdict
    assert step.verdict.reason == "Reconnect. Hurry."


def test_resync_is_not_done_by_the_sync_before_it() -> None:
    """While history is still to be read, a success is another sync's."""
    steps = walk(
        watched(kind="resync"),
        (10, record("syncing", succeeded=5, historical=True)),
        (20, record("syncing", succeeded=5, historical=True)),
        (900, record(succeeded=880)),
    )
    assert [status_of(step) for step in steps] == [None, None, "succeeded"]


def test_running_sync_is_joined() -> None:
    """What runs before the trigger is the sync that is awaited, unless it is forced to restart."""
    running = record("syncing")
    assert watch_for(running, kind="sync").joined
    assert not watch_for(running, kind="sync", force=True).joined
    assert not watch_for(running, kind="resync").joined
    assert not watch_for(record(), kind="sync").joined


def test_lost_trigger_is_repeated_once() -> None:
    """A lost response, and no sync in sight: the trigger never arrived."""
    lost = attrs.evolve(watched(), lost=True)
    steps = walk(lost, (30, record()), (LOST_TRIGGER, record()), (LOST_TRIGGER + 300, record()))
    assert [step.retrigger for step in steps] == [False, True, False]
    assert status_of(steps[-1]) == "not_run"


def test_lost_resync_is_never_repeated() -> None:
    """Reading all history twice is worse than not knowing."""
    lost = attrs.evolve(watched(kind="resync"), lost=True)
    steps = walk(lost, (LOST_TRIGGER, record()), (300, record()))
    assert [step.retrigger for step in steps] == [False, False]
    assert status_of(steps[-1]) == "not_run"


def test_waiting_for_the_next_sync_has_no_start_timeout() -> None:
    """Without a trigger the next sync may be hours away."""
    watch = watch_for(record(), kind="next", read_at=NOON)
    steps = walk(watch, (10, record()), (20_000, record()), (20_100, record(succeeded=20_090)))
    assert [status_of(step) for step in steps] == [None, None, "succeeded"]


def test_waiting_for_the_next_sync_never_triggers() -> None:
    """A wait that was asked to watch leaves a rescheduled sync alone."""
    watch = watch_for(record(), kind="next", read_at=NOON)
    put_off = record("rescheduled", rescheduled_for=900, schedule_type=None)
    steps = walk(watch, (10, put_off), (5000, put_off))
    assert not any(step.retrigger for step in steps)


@pytest.mark.parametrize(
    ("connection", "policy", "status"),
    [
        (record(), POLICY, None),
        (record("paused"), POLICY, "paused"),
        (record("paused"), SyncPolicy(if_paused="resume"), None),
        (record(setup_state="BROKEN"), POLICY, "broken"),
        (record(setup_state="broken"), SyncPolicy(if_broken="sync"), None),
        (record(setup_state="incomplete"), POLICY, "not_run"),
        (record("paused", setup_state="broken"), SyncPolicy(if_paused="resume"), "broken"),
    ],
)
def test_before_the_trigger(connection: Connection, policy: SyncPolicy, status: str | None) -> None:
    """A connection that cannot sync is not triggered, unless the policy asks for it."""
    verdict = judge_before(connection, policy)
    assert (verdict.status if verdict else None) == status


@pytest.mark.parametrize(
    ("answer", "manual"),
    [
        ({"id": "one"}, None),
        ({"id": "one", "schedule_type": "auto"}, False),
        ({"id": "one", "schedule_type": "manual"}, True),
        ({"id": "one", "schedule_type": "auto", "schedule": {"schedule_type": "MANUAL"}}, True),
        ({"id": "one", "schedule_type": "manual", "schedule": {"schedule_type": "CRON"}}, False),
        ({"id": "one", "schedule_type": "manual", "schedule": {}}, True),
    ],
)
def test_manual_schedules(answer: dict[str, object], manual: bool | None) -> None:  # noqa: FBT001
    """The flexible schedule overrides the older field; a list may have neither."""
    assert is_manual(Connection.from_dict(answer)) is manual


def test_expiry_tells_a_failure_that_was_seen() -> None:
    """A failure that the vendor was still repeating is one when the time is over."""
    assert expire(watched(), record("syncing", failed=9), POLICY).status == "failed"
    late = expire(watched(), record("syncing"), POLICY)
    assert late.status == "timed_out"
    assert "syncing" in late.reason
    assert expire(watched(), None, POLICY).status == "timed_out"


def event(
    status: str = "", created: float | None = 60, name: str = "sync_end", reason: str = ""
) -> SyncEvent:
    """A webhook event of the connection."""
    return SyncEvent(
        event=name,
        connection_id="one",
        created=None if created is None else at(created),
        status=status,
        reason=reason,
    )


def test_success_by_webhook_ends_the_wait() -> None:
    """An event that was surely created after the trigger needs no poll."""
    step = hear(watched(), event("SUCCESSFUL"))
    assert step
    assert step.verdict
    assert (step.verdict.status, step.verdict.finished_at) == ("succeeded", at(60))


@pytest.mark.parametrize("created", [None, 0])
def test_success_that_may_be_older_is_looked_into(created: float | None) -> None:
    """Without a date, or from the very second, it may be the sync before."""
    step = hear(watched(), event("SUCCESSFUL", created))
    assert step
    assert step.verdict is None


def test_event_of_an_older_sync_is_ignored() -> None:
    """Webhook events are delivered late and more than once."""
    assert hear(watched(), event("SUCCESSFUL", -30)) is None
    assert hear(watched(), event("FAILURE", -30)) is None


def test_events_of_others_are_ignored() -> None:
    """Other connections, and events that end no sync, are nothing to this wait."""
    assert hear(watched(record()), attrs.evolve(event("SUCCESSFUL"), connection_id="two")) is None
    assert hear(watched(), event(name="edit_connector")) is None


@pytest.mark.parametrize("status", ["FAILED", "FAILURE", "FAILURE_WITH_TASK", "failure"])
def test_failure_by_webhook_is_confirmed_by_the_record(status: str) -> None:
    """It is believed once the record shows that the sync is not being repeated."""
    step = hear(watched(), event(status, reason="No disk"))
    assert step
    assert step.verdict is None
    repeated, over = observe(step.watch, record("syncing"), 61, POLICY), None
    over = observe(step.watch, record(), 61, POLICY)
    assert status_of(repeated) is None
    assert over.verdict
    assert (over.verdict.status, over.verdict.reason) == ("failed", "No disk")


@pytest.mark.parametrize("status", ["RESCHEDULED", "CANCELED", "NO_STATUS", "", "SOMETHING_NEW"])
def test_other_ends_by_webhook_are_looked_into(status: str) -> None:
    """The event shows that it ran; the record shows how it ended."""
    step = hear(watched(), event(status))
    assert step
    assert step.verdict is None
    assert step.watch.started
    steps = walk(step.watch, (61, record()), (61 + SETTLE, record()))
    assert [status_of(each) for each in steps] == [None, "not_run"]


def test_start_by_webhook_is_remembered() -> None:
    """A short sync that no poll saw running has begun."""
    step = hear(watched(), event(name="sync_start", created=2))
    assert step
    assert step.watch.started


def test_resync_is_not_ended_by_the_event_of_another_sync() -> None:
    """For a resync, only the record shows which sync succeeded."""
    step = hear(watched(kind="resync"), event("SUCCESSFUL"))
    assert step
    assert step.verdict is None


def test_looks_grow_rarer() -> None:
    """The next poll comes after a fifth of the time so far, between 5 and 60 seconds."""
    running = attrs.evolve(watched(), started=True, idle_since=None)
    ages = [next_age(running, age, POLICY) - age for age in (0, 10, 50, 100, 1000, 80_000)]
    assert ages == [5, 5, 10, 20, 60, 60]
    assert next_age(running, 100, POLICY, chance=1.0) == pytest.approx(124)


@pytest.mark.parametrize(
    ("watch", "mark"),
    [
        (attrs.evolve(watched(), idle_since=None, retrigger_at=1010.0), 1010.0),
        (attrs.evolve(watched(), started=True, idle_since=1000.0), 1000.0 + SETTLE),
        (attrs.evolve(watched(), idle_since=720.0), 1020.0),
        (attrs.evolve(watched(), idle_since=0.0), 1060.0),
    ],
)
def test_looks_come_when_something_is_due(watch: Watch, mark: float) -> None:
    """A decision that only time makes is made as soon as it is due."""
    assert next_age(watch, 1000.0, POLICY) == mark


@given(
    age=st.floats(0, 1e6),
    idle=st.none() | st.floats(0, 1e6),
    retrigger=st.none() | st.floats(0, 1e6),
    started=st.booleans(),
    chance=st.floats(0, 1),
)
def test_next_look_is_never_past(
    age: float,
    idle: float | None,
    retrigger: float | None,
    started: bool,  # noqa: FBT001
    chance: float,
) -> None:
    """Whatever is remembered, the next poll lies ahead, at most 72 seconds."""
    watch = attrs.evolve(watched(), idle_since=idle, retrigger_at=retrigger, started=started)
    assert age < next_age(watch, age, POLICY, chance) <= age + 72


_STATES = st.sampled_from(["scheduled", "syncing", "paused", "rescheduled", "odd", ""])
_RECORDS = st.builds(
    record,
    _STATES,
    succeeded=st.none() | st.integers(-100, 5000),
    failed=st.none() | st.integers(-100, 5000),
    setup_state=st.sampled_from(["connected", "broken", "incomplete", ""]),
    rescheduled_for=st.none() | st.integers(0, 5000),
    historical=st.booleans(),
    schedule_type=st.sampled_from(["auto", "manual", None]),
)


@given(before=_RECORDS, after=_RECORDS)
def test_success_needs_a_new_success(before: Connection, after: Connection) -> None:
    """A record without a newer success is never taken for a success."""
    step = observe(watched(before), after, 600, POLICY, now=at(600))
    if status_of(step) == "succeeded":
        assert moved(before.succeeded_at, after.succeeded_at)


@given(before=_RECORDS, after=_RECORDS)
@example(before=record(), after=record(failed=0))
def test_record_that_stays_the_same_ends_every_wait_but_a_running_one(
    before: Connection, after: Connection
) -> None:
    """Polling an unchanged record comes to an end, unless it is `syncing`."""
    watch, age = watched(before), 0.0
    for _ in range(1000):
        age = next_age(watch, age, POLICY)
        step = observe(watch, after, age, POLICY, now=at(age))
        if step.ask:
            # The account has no sync history that could decide.
            step = settle_doubt(step.watch, after, None, POLICY, give_up=step.give_up)
        watch = step.watch
        if step.verdict:
            return
    assert after.is_syncing
