"""
PURE: from the record before a sync and the record now, how the sync ended, if it has.

The API knows no run ids: an end shows in `succeeded_at` and `failed_at` moving past where they were
before the trigger, and counts by the rules of `_ends`. All times are the server's, so the clocks of
this machine do not matter. `age` is seconds since the trigger, by a clock that never steps.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import attrs

from fivetran_async.resources.connection_models import Connection, SetupState, SyncHistoryEntry
from fivetran_async.syncs._ends import Whose, can_be_decided, decide, whose_end
from fivetran_async.syncs._outcome import SyncEnd, SyncVerdict
from fivetran_async.syncs._policy import SyncPolicy
from fivetran_async.syncs._watch import SKEW, Step, Watch, is_manual, without_guess

UNKNOWN_DELAY: Final = 300.0
"""Seconds to wait for a rescheduled sync that has no due time."""
MOST_QUESTIONS: Final = 3
"""How many times the history is asked about one end before the sync counts as not begun."""


def is_to_begin(
    watch: Watch,
    connection: Connection,
    age: float,
    policy: SyncPolicy,
    *,
    now: datetime | None,
) -> bool:
    """True if a sync that was triggered has neither begun nor failed to begin, by a record."""
    step = observe(watch, connection, age, policy, now=now)
    goes_on = step.verdict is None and not step.retrigger and not step.ask
    due_for = connection.status.rescheduled_for
    # One that was put off before the trigger is to begin all the same: its record lags behind.
    put_off = connection.is_rescheduled and (due_for is None or due_for != watch.rescheduled_for)
    return goes_on and watch.awaits_start and not put_off


def settle_time(policy: SyncPolicy) -> float:
    """Seconds after which a sync that stopped without a trace is believed to have stopped."""
    return min(15.0, max(3 * policy.min_interval, 5.0))


def stopped_after(watch: Watch, policy: SyncPolicy) -> float:
    """Seconds after which a sync that was seen running, and ended without a trace, has stopped."""
    # What ran may have been the sync that the trigger was to stop: ours may be still to begin.
    is_another = watch.restarts and not watch.historical and watch.doubt is None
    return policy.start_timeout if is_another else settle_time(policy)


def lost_after(policy: SyncPolicy) -> float:
    """Seconds after which a trigger without a response, and without a sync, counts as lost."""
    return policy.start_timeout / 5


def own_start(policy: SyncPolicy) -> float:
    """Seconds that an automatic schedule gets to begin a rescheduled sync by itself."""
    return policy.start_timeout * 2 / 5


def judge_before(connection: Connection, policy: SyncPolicy) -> SyncVerdict | None:
    """Return why a connection cannot sync, unless the policy tries anyway."""
    if connection.is_paused and policy.if_paused == "return":
        return SyncVerdict(
            status="paused", reason="The connection is paused; nothing was triggered."
        )
    if policy.if_broken == "sync":
        return None
    if connection.is_broken:
        why = _tasks(connection) or "The connection is broken."
        return SyncVerdict(status="broken", reason=f"{why} Nothing was triggered.")
    if connection.status.setup_state.casefold() == SetupState.INCOMPLETE:
        return SyncVerdict(
            status="not_run", reason="The setup is incomplete; nothing was triggered."
        )
    return None


def judge_age(connection: Connection, now: datetime | None, max_age: float) -> SyncVerdict | None:
    """
    Return that no sync is needed, if the last success is recent enough.

    Args:
        connection: The record.
        now: The server's time; without it the age is unknown, and a sync is needed.
        max_age: Seconds.
    """
    succeeded_at = connection.succeeded_at
    if now is None or succeeded_at is None:
        return None
    age = now - succeeded_at
    # The record of a success in the future proves nothing.
    if age.total_seconds() > max_age or age < -SKEW:
        return None
    seconds = max(age.total_seconds(), 0.0)
    return SyncVerdict(
        status="succeeded",
        reason=f"The last sync succeeded {seconds:.0f} s ago; nothing was triggered.",
        finished_at=succeeded_at,
    )


def observe(
    watch: Watch,
    connection: Connection,
    age: float,
    policy: SyncPolicy,
    *,
    now: datetime | None = None,
) -> Step:
    """
    Compare a record that was read after the trigger with what is remembered.

    Args:
        watch: What is remembered.
        connection: The record now.
        age: Seconds since the trigger.
        policy: What to do about a rescheduled sync, and how patiently to wait for a start.
        now: The server's time, by which ends are judged and the delay of a rescheduled sync.
    """
    watch = _know_schedule(watch, connection)
    succeeded, failed = _new_ends(watch, connection, now)
    watch = _forget_others(watch, connection, succeeded, failed, age)
    # Several syncs may have ended since the last poll: the later end counts.
    is_failure = failed == "ours" and _latest(connection) == connection.failed_at
    if succeeded == "ours" and not is_failure:
        verdict = SyncVerdict(status="succeeded", finished_at=connection.succeeded_at)
        return _end(without_guess(watch), verdict)
    if connection.is_syncing:
        # Even after a failure: the vendor repeats some failed syncs at once.
        return Step(watch=_running(watch, connection, repeats=failed == "ours"))
    if failed == "ours" or watch.reported == "failed":
        finished_at = connection.failed_at if failed == "ours" else None
        return _end(without_guess(watch), _failure(watch, connection, finished_at))
    watch = _doubting(watch, connection, succeeded, failed)
    return _observe_rest(watch, connection, age, policy, now)


def _new_ends(watch: Watch, connection: Connection, now: datetime | None) -> tuple[Whose, Whose]:
    """Judge both times of the record."""
    succeeded = whose_end(watch, watch.succeeded_at, connection.succeeded_at, now)
    failed = whose_end(watch, watch.failed_at, connection.failed_at, now)
    if watch.kind == "resync" and succeeded != "none" and connection.status.is_historical_sync:
        # The end of the sync that the resync put an end to; history is still to be read.
        succeeded = "other"
    if connection.is_syncing:
        return _settled(succeeded), _settled(failed)
    return succeeded, failed


def _observe_rest(
    watch: Watch, connection: Connection, age: float, policy: SyncPolicy, now: datetime | None
) -> Step:
    """Judge a record that shows neither an end that counts nor a running sync."""
    if connection.is_paused:
        return _end(watch, SyncVerdict(status="paused", reason="The connection was paused."))
    if connection.is_rescheduled and not _is_old_news(watch, connection, age, policy):
        return _rescheduled(watch, connection, age, policy, now)
    if connection.is_broken and not watch.was_broken:
        why = _tasks(connection) or "The connection is broken."
        return _end(watch, SyncVerdict(status="broken", reason=why))
    unchanged = watch.doubt is None and not connection.is_rescheduled
    return _idle(attrs.evolve(watch, proved=watch.proved or unchanged), age, policy)


def _settled(whose: Whose) -> Whose:
    """Judge an end in doubt of a connection that syncs: the sync that runs is ours."""
    return "other" if whose == "doubt" else whose


def _forget_others(
    watch: Watch, connection: Connection, succeeded: Whose, failed: Whose, age: float
) -> Watch:
    """Take ends of other syncs for where the times were before the trigger."""
    if "other" not in {succeeded, failed}:
        return watch
    if not watch.restarts and not watch.started:
        # What ran before the trigger may be what ended.
        watch = attrs.evolve(watch, joined=None)
    if not watch.proved:
        watch = attrs.evolve(watch, was_broken=connection.is_broken)
    if succeeded == "other":
        watch = attrs.evolve(watch, succeeded_at=connection.succeeded_at)
    if failed == "other":
        watch = attrs.evolve(watch, failed_at=connection.failed_at)
    if watch.restarts and watch.started and not connection.is_syncing:
        # That was the sync which the trigger stopped; ours is still to begin.
        watch = attrs.evolve(watch, started=False, idle_since=age)
    return attrs.evolve(watch, doubt=None)


def _running(watch: Watch, connection: Connection, *, repeats: bool) -> Watch:
    # What had not begun when the trigger was accepted was not joined.
    began_later = watch.joined is None and watch.proved and not watch.started
    historical = watch.kind == "resync" and connection.status.is_historical_sync
    return attrs.evolve(
        watch,
        joined=False if began_later and watch.triggers else watch.joined,
        repeated_at=watch.repeated_at or (connection.failed_at if repeats else None),
        started=True,
        historical=watch.historical or historical,
        proved=True,
        idle_since=None,
        retrigger_at=None,
        reported="",
        doubt=None,
    )


def _doubting(watch: Watch, connection: Connection, succeeded: Whose, failed: Whose) -> Watch:
    if "doubt" not in {succeeded, failed}:
        return attrs.evolve(watch, doubt=None)
    times = [
        moment
        for whose, moment in (
            (succeeded, connection.succeeded_at),
            (failed, connection.failed_at),
        )
        if whose == "doubt" and moment is not None
    ]
    doubt, by_failure = max(times), failed == "doubt" and max(times) == connection.failed_at
    asked = watch.asked if doubt == watch.doubt else 0
    # What is broken may be so by that end, and what is to come may mend it.
    broken = watch.was_broken or (by_failure and connection.is_broken)
    return attrs.evolve(watch, doubt=doubt, doubt_failed=by_failure, asked=asked, was_broken=broken)


def settle_doubt(
    watch: Watch,
    connection: Connection,
    entries: Sequence[SyncHistoryEntry] | None,
    policy: SyncPolicy,
    *,
    give_up: bool,
) -> Step:
    """
    Decide about an end in doubt by the sync history.

    Args:
        watch: What is remembered.
        connection: The record that shows the end.
        entries: The history; None if it could not be read.
        policy: How long the sync may take to begin.
        give_up: Whether the sync has had all its time to begin.
    """
    asked = attrs.evolve(watch, asked=watch.asked + 1)
    whose, joined = ("doubt", None) if entries is None else decide(watch, entries)
    if whose == "ours" or (whose == "none" and give_up):
        # Nothing began after the trigger: it met the sync that was running.
        asked = attrs.evolve(asked, joined=joined)
        return _end(asked, _of_doubt(asked, connection))
    if whose == "other":
        known = attrs.evolve(
            asked,
            doubt=None,
            started=watch.started and not watch.restarts,
            succeeded_at=watch.succeeded_at if watch.doubt_failed else watch.doubt,
            failed_at=watch.doubt if watch.doubt_failed else watch.failed_at,
        )
        return Step(watch=known)
    return _end(asked, _not_begun(asked, policy)) if give_up else Step(watch=asked)


def _of_doubt(watch: Watch, connection: Connection) -> SyncVerdict:
    if watch.doubt_failed:
        return _failure(watch, connection, watch.doubt)
    return SyncVerdict(status="succeeded", finished_at=watch.doubt)


def expire(watch: Watch, connection: Connection | None, policy: SyncPolicy) -> SyncVerdict:
    """Return the verdict of a wait that timed out."""
    if connection is not None:
        whose = whose_end(watch, watch.failed_at, connection.failed_at, None)
        if whose == "ours":
            return _failure(watch, connection, connection.failed_at)
    doing = connection.sync_state if connection else ""
    state = f"; its sync state is {doing!r}" if doing else ""
    reason = f"Timed out after {policy.timeout:g} s{state}.{_about_doubt(watch)}"
    return SyncVerdict(status="timed_out", reason=reason)


def next_age(watch: Watch, age: float, policy: SyncPolicy, chance: float = 0.0) -> float:
    """Return the age at which to poll next."""
    marks = [age + policy.interval(age, chance)]
    if watch.idle_since is not None:
        marks.append(
            watch.idle_since
            + (stopped_after(watch, policy) if watch.started else policy.start_timeout)
        )
    if watch.retrigger_at is not None:
        marks.append(watch.retrigger_at)
    return min((mark for mark in marks if mark > age), default=marks[0])


def _end(watch: Watch, verdict: SyncVerdict) -> Step:
    return Step(watch=watch, verdict=verdict)


def _about_doubt(watch: Watch) -> str:
    if watch.doubt is None:
        return ""
    if watch.lost:
        why = "but the response to the trigger was lost"
    elif can_be_decided(watch):
        why = "in the second in which the trigger was accepted"
    else:
        why = "and the server did not report when it accepted the trigger"
    return f" A sync ended at {watch.doubt.isoformat()}, {why}: it may be another one."


def _latest(connection: Connection) -> datetime | None:
    times = [t for t in (connection.succeeded_at, connection.failed_at) if t is not None]
    return max(times, default=None)


def _tasks(connection: Connection) -> str:
    return " ".join(f"{task.message.rstrip('.')}." for task in connection.status.tasks)


def _failure(watch: Watch, connection: Connection, finished_at: datetime | None) -> SyncVerdict:
    reason = watch.reason or _tasks(connection) or "The sync failed."
    status: SyncEnd = "broken" if connection.is_broken else "failed"
    return SyncVerdict(status=status, reason=reason, finished_at=finished_at)


def _know_schedule(watch: Watch, connection: Connection) -> Watch:
    manual = is_manual(connection)
    return watch if manual in {None, watch.manual} else attrs.evolve(watch, manual=manual)


def _is_old_news(watch: Watch, connection: Connection, age: float, policy: SyncPolicy) -> bool:
    """True if it may have been rescheduled before the trigger, and the sync is still to begin."""
    if watch.started or watch.retrigger_at is not None:
        return False
    idle = age - (watch.idle_since or 0.0)
    due_for = connection.status.rescheduled_for
    if due_for is not None and due_for == watch.rescheduled_for:
        return idle < policy.start_timeout
    unproved = watch.triggers > 0 and not watch.proved
    return unproved and idle < lost_after(policy)


def _rescheduled(
    watch: Watch, connection: Connection, age: float, policy: SyncPolicy, now: datetime | None
) -> Step:
    due_for = connection.status.rescheduled_for
    when = f" for {due_for:%Y-%m-%d %H:%M:%S} UTC" if due_for else ""
    put_off = SyncVerdict(status="rescheduled", reason=f"The sync was rescheduled{when}.")
    # What ran has stopped; what comes next is still to begin.
    joined = False if watch.triggers else watch.joined
    watch = attrs.evolve(watch, started=False, idle_since=None, joined=joined)
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
        # What another caller triggered is not joined any longer.
        joined=watch.joined if watch.triggers else None,
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
        ask = can_be_decided(watch) and watch.asked < MOST_QUESTIONS
        stopped = idle >= stopped_after(watch, policy) and not ask
        return _end(watch, _stopped(watch)) if stopped else Step(watch=watch, ask=ask)
    return Step(watch=watch) if watch.kind == "next" else _not_running_yet(watch, idle, age, policy)


def _not_running_yet(watch: Watch, idle: float, age: float, policy: SyncPolicy) -> Step:
    decidable = can_be_decided(watch)
    if decidable and watch.asked < MOST_QUESTIONS:
        return Step(watch=watch, ask=True)
    if watch.lost and watch.kind == "sync" and idle >= lost_after(policy):
        return Step(watch=_triggered_again(watch, watch.rescheduled_for, age), retrigger=True)
    if idle < policy.start_timeout:
        return Step(watch=watch)
    if decidable:
        return Step(watch=watch, ask=True, give_up=True)
    return _end(watch, _not_begun(watch, policy))


def _stopped(watch: Watch) -> SyncVerdict:
    if watch.doubt is not None and not can_be_decided(watch):
        # It was seen running and it ended; only the clocks of the server contradict each other.
        status: SyncEnd = "failed" if watch.doubt_failed else "succeeded"
        return SyncVerdict(status=status, reason=watch.reason, finished_at=watch.doubt)
    reason = watch.reason or "The sync was stopped: it neither succeeded nor failed."
    return SyncVerdict(status="not_run", reason=f"{reason}{_about_doubt(watch)}")


def _not_begun(watch: Watch, policy: SyncPolicy) -> SyncVerdict:
    limit = f"{policy.start_timeout:g} s"
    return SyncVerdict(
        status="not_run", reason=f"The sync did not begin within {limit}.{_about_doubt(watch)}"
    )
