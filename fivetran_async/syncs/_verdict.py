"""
PURE: from the record before a sync and the record now, how the sync ended, if it has.

The API knows no run ids: an end shows in `succeeded_at` and `failed_at` moving past where they were
before the trigger. Both are the server's, and are compared with nothing but themselves, so the
clocks of this machine do not matter. `age` is seconds since the trigger, by a clock that never
steps.
"""

from datetime import datetime, timedelta
from typing import Final

import attrs

from fivetran_async.resources.connection_models import Connection, SetupState
from fivetran_async.syncs._outcome import SyncEnd, Verdict
from fivetran_async.syncs._policy import SyncPolicy

UNKNOWN_DELAY: Final = 300.0
"""Seconds to wait for a rescheduled sync of which nobody says when it is due."""


@attrs.frozen(kw_only=True)
class Watch:
    """
    What a wait for one sync remembers; it survives the process as a token.

    Attributes:
        kind: `sync`, `resync`, or `next`: whichever sync ends next, triggered by whom it may.
        read_at: The server's time when the record before the trigger was read.
        succeeded_at: What the record said then; so the next three.
        manual: Whether the schedule is manual, where the record said so.
        joined: Whether the sync was running before it was asked for.
        lost: Whether the answer to the trigger was lost, so that nobody knows if it arrived.
        triggers: How often it was triggered.
        retriggers: How many of those were because it was rescheduled.
        started: Whether it was seen running.
        idle_since: At what age it was neither running nor ended; None while it runs.
        due_for: For when it was rescheduled, as last seen.
        retrigger_at: At what age to trigger a rescheduled sync again.
        told: `failed`, when a webhook said so and the record is still to confirm it.
        reason: What a webhook gave as the reason.
    """

    connection_id: str
    kind: str = "sync"
    read_at: datetime | None = None
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    rescheduled_for: datetime | None = None
    was_broken: bool = False
    manual: bool | None = None
    joined: bool = False
    lost: bool = False
    triggers: int = 0
    retriggers: int = 0
    started: bool = False
    idle_since: float | None = 0.0
    due_for: datetime | None = None
    retrigger_at: float | None = None
    told: str = ""
    reason: str = ""

    @property
    def awaits_start(self) -> bool:
        """Whether it was triggered and not seen running since."""
        return self.triggers > 0 and not self.started and self.retrigger_at is None


@attrs.frozen(kw_only=True)
class Step:
    """What one look changed: the memory, and perhaps that the wait is over or must trigger."""

    watch: Watch
    verdict: Verdict | None = None
    retrigger: bool = False


def settle_time(policy: SyncPolicy) -> float:
    """Seconds after which a sync that stopped without a trace is believed to have stopped."""
    return min(15.0, 3 * policy.min_interval)


def lost_after(policy: SyncPolicy) -> float:
    """Seconds after which a trigger without an answer, and without a sync, counts as lost."""
    return policy.start_timeout / 5


def own_start(policy: SyncPolicy) -> float:
    """Seconds that an automatic schedule gets to begin a rescheduled sync by itself."""
    return policy.start_timeout * 2 / 5


def moved(before: datetime | None, after: datetime | None) -> bool:
    """Whether a time of the server moved on; some answers cut it to milliseconds."""
    if after is None:
        return False
    return before is None or _milliseconds(after) > _milliseconds(before)


def _milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def is_manual(connection: Connection) -> bool | None:
    """Whether it runs only when it is triggered; None where the answer does not say."""
    flexible = connection.schedule.get("schedule_type")
    said = flexible if isinstance(flexible, str) else connection.schedule_type
    return said.casefold() == "manual" if said else None


def watch_for(
    connection: Connection, *, kind: str, force: bool = False, read_at: datetime | None = None
) -> Watch:
    """Remember a record, to compare later ones with it."""
    joined = connection.is_syncing and not force and kind != "resync"
    return Watch(
        connection_id=connection.id,
        kind=kind,
        read_at=read_at,
        succeeded_at=connection.succeeded_at,
        failed_at=connection.failed_at,
        rescheduled_for=connection.status.rescheduled_for,
        was_broken=connection.is_broken,
        manual=is_manual(connection),
        joined=joined,
        started=joined,
        idle_since=None if joined else 0.0,
    )


def judge_before(connection: Connection, policy: SyncPolicy) -> Verdict | None:
    """Say why a connection cannot sync at all, unless the policy tries all the same."""
    if connection.is_paused and policy.if_paused == "return":
        return Verdict(status="paused", reason="The connection is paused; nothing was triggered.")
    if policy.if_broken == "sync":
        return None
    if connection.is_broken:
        why = _tasks(connection) or "The connection is broken."
        return Verdict(status="broken", reason=f"{why} Nothing was triggered.")
    if connection.status.setup_state.casefold() == SetupState.INCOMPLETE:
        return Verdict(status="not_run", reason="The setup is incomplete; nothing was triggered.")
    return None


def observe(
    watch: Watch,
    connection: Connection,
    age: float,
    policy: SyncPolicy,
    *,
    now: datetime | None = None,
) -> Step:
    """
    Compare a record with what is remembered.

    Args:
        watch: What is remembered.
        connection: The record now.
        age: Seconds since the trigger.
        policy: What to do about a rescheduled sync, and how patiently to wait for a start.
        now: The server's time, which says how far off a rescheduled sync is.
    """
    watch = _know_schedule(watch, connection)
    succeeded = moved(watch.succeeded_at, connection.succeeded_at)
    failed = moved(watch.failed_at, connection.failed_at)
    if watch.kind == "resync" and succeeded and connection.status.is_historical_sync:
        # The end of the sync that the resync put an end to; history is still to be read.
        watch = attrs.evolve(watch, succeeded_at=connection.succeeded_at)
        succeeded = False
    # Several syncs may have ended since the last look: the later end counts.
    if succeeded and not (failed and _latest(connection) == connection.failed_at):
        return _end(watch, Verdict(status="succeeded", finished_at=connection.succeeded_at))
    if connection.is_syncing:
        # Even after a failure: the vendor repeats some failed syncs at once.
        running = attrs.evolve(watch, started=True, idle_since=None, retrigger_at=None, told="")
        return Step(watch=running)
    if failed or watch.told == "failed":
        finished_at = connection.failed_at if failed else None
        return _end(watch, _failure(watch, connection, finished_at))
    if connection.is_paused:
        return _end(watch, Verdict(status="paused", reason="The connection was paused."))
    if connection.is_rescheduled and not _is_old_news(watch, connection, age, policy):
        return _rescheduled(watch, connection, age, policy, now)
    if connection.is_broken and not watch.was_broken:
        why = _tasks(connection) or "The connection is broken."
        return _end(watch, Verdict(status="broken", reason=why))
    return _idle(watch, age, policy)


def expire(watch: Watch, connection: Connection | None, policy: SyncPolicy) -> Verdict:
    """Say what a wait comes to whose time is over."""
    if connection is not None and moved(watch.failed_at, connection.failed_at):
        return _failure(watch, connection, connection.failed_at)
    doing = connection.sync_state if connection else ""
    state = f"; its sync state is {doing!r}" if doing else ""
    return Verdict(status="timed_out", reason=f"No end within {policy.timeout:g} seconds{state}.")


def next_age(watch: Watch, age: float, policy: SyncPolicy, chance: float = 0.0) -> float:
    """At what age to look again."""
    marks = [age + policy.interval(age, chance)]
    if watch.idle_since is not None:
        marks.append(
            watch.idle_since + (settle_time(policy) if watch.started else policy.start_timeout)
        )
    if watch.retrigger_at is not None:
        marks.append(watch.retrigger_at)
    return min(mark for mark in marks if mark > age)


def _end(watch: Watch, verdict: Verdict) -> Step:
    return Step(watch=watch, verdict=verdict)


def _latest(connection: Connection) -> datetime | None:
    times = [t for t in (connection.succeeded_at, connection.failed_at) if t is not None]
    return max(times, default=None)


def _tasks(connection: Connection) -> str:
    return " ".join(f"{task.message.rstrip('.')}." for task in connection.status.tasks)


def _failure(watch: Watch, connection: Connection, finished_at: datetime | None) -> Verdict:
    reason = watch.reason or _tasks(connection) or "The sync failed."
    status: SyncEnd = "broken" if connection.is_broken else "failed"
    return Verdict(status=status, reason=reason, finished_at=finished_at)


def _know_schedule(watch: Watch, connection: Connection) -> Watch:
    manual = is_manual(connection)
    return watch if manual in {None, watch.manual} else attrs.evolve(watch, manual=manual)


def _is_old_news(watch: Watch, connection: Connection, age: float, policy: SyncPolicy) -> bool:
    """Whether it was rescheduled before the trigger, which may still take its time to begin."""
    same = connection.status.rescheduled_for == watch.rescheduled_for is not None
    return same and not watch.started and age - (watch.idle_since or 0.0) < policy.start_timeout


def _rescheduled(
    watch: Watch, connection: Connection, age: float, policy: SyncPolicy, now: datetime | None
) -> Step:
    due_for = connection.status.rescheduled_for
    when = f" for {due_for:%Y-%m-%d %H:%M:%S} UTC" if due_for else ""
    put_off = Verdict(status="rescheduled", reason=f"The sync was rescheduled{when}.")
    # What ran has stopped; what comes next is still to begin.
    watch = attrs.evolve(watch, started=False, idle_since=None)
    if policy.if_rescheduled == "return":
        return _end(watch, put_off)
    if policy.if_rescheduled == "wait" or watch.kind == "next":
        # A manual schedule never runs by itself.
        return _end(watch, put_off) if watch.manual else Step(watch=watch)
    if watch.retrigger_at is None or due_for != watch.due_for:
        ahead = (due_for - now).total_seconds() if due_for and now else UNKNOWN_DELAY
        at = age + max(ahead, 0.0) + (0.0 if watch.manual else own_start(policy))
        watch = attrs.evolve(watch, due_for=due_for, retrigger_at=at)
    if watch.retrigger_at is None or age < watch.retrigger_at:
        return Step(watch=watch)
    if watch.retriggers >= policy.max_retriggers:
        return _end(watch, put_off)
    watch = attrs.evolve(watch, retriggers=watch.retriggers + 1)
    return Step(watch=_triggered_again(watch, due_for, age), retrigger=True)


def _triggered_again(watch: Watch, due_for: datetime | None, age: float) -> Watch:
    return attrs.evolve(
        watch,
        triggers=watch.triggers + 1,
        rescheduled_for=due_for,
        retrigger_at=None,
        started=False,
        idle_since=age,
        lost=False,
    )


def _idle(watch: Watch, age: float, policy: SyncPolicy) -> Step:
    """Neither running nor ended nor put off: not begun yet, stopped, or the record lags behind."""
    if watch.idle_since is None:
        return Step(watch=attrs.evolve(watch, idle_since=age, retrigger_at=None))
    idle = age - watch.idle_since
    if watch.started:
        if idle < settle_time(policy):
            return Step(watch=watch)
        reason = watch.reason or "The sync was stopped: it neither succeeded nor failed."
        return _end(watch, Verdict(status="not_run", reason=reason))
    if watch.kind == "next":
        return Step(watch=watch)
    if watch.lost and watch.kind == "sync" and idle >= lost_after(policy):
        return Step(watch=_triggered_again(watch, watch.rescheduled_for, age), retrigger=True)
    if idle < policy.start_timeout:
        return Step(watch=watch)
    return _end(
        watch,
        Verdict(
            status="not_run", reason=f"The sync did not begin within {policy.start_timeout:g} s."
        ),
    )


@attrs.frozen(kw_only=True)
class SyncEvent:
    """What a wait needs of a webhook event."""

    event: str
    connection_id: str
    created: datetime | None = None
    status: str = ""
    reason: str = ""


def hear(watch: Watch, event: SyncEvent) -> Step | None:
    """
    Take a webhook event; None if it is not about this sync.

    A success that surely came after the trigger ends the wait. A failure does not: some are
    repeated at once, and both ends are told; so the record is asked, and then believed.
    """
    if event.connection_id != watch.connection_id:
        return None
    later = False
    if event.created is not None and watch.read_at is not None:
        # The server's time comes in whole seconds.
        if event.created < watch.read_at - timedelta(seconds=1):
            return None
        later = event.created > watch.read_at
    running = attrs.evolve(watch, started=True, idle_since=None)
    if event.event == "sync_start":
        return Step(watch=running)
    if event.event != "sync_end":
        return None
    status = event.status.upper()
    if status == "SUCCESSFUL" and later and watch.kind != "resync":
        return _end(watch, Verdict(status="succeeded", finished_at=event.created))
    told = "failed" if later and status in {"FAILED", "FAILURE", "FAILURE_WITH_TASK"} else ""
    return Step(watch=attrs.evolve(running, told=told, reason=event.reason or watch.reason))
