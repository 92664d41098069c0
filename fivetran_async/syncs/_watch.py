"""PURE: what a wait for one sync remembers."""

from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs._outcome import SyncVerdict

SECOND: Final = timedelta(seconds=1)
"""What the `Date` of a response cuts off."""
SKEW: Final = timedelta(minutes=5)
"""How far the clock of `Date` may differ from the clock of the records before it is distrusted."""

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@attrs.frozen(kw_only=True)
class Watch:
    """
    What a wait for one sync remembers; it survives the process as a token.

    Attributes:
        kind: `sync`, `resync`, or `next`: the sync that ends next, whatever triggered it.
        force: Whether the trigger stopped a running sync.
        read_at: The server's time when the record before the trigger was read, in whole seconds.
        succeeded_at: The value in the record at that time, like the next two. Times that prove to
            belong to other syncs replace these.
        manual: Whether the schedule is manual; None if the record does not state it.
        accepted_at: The server's time when it accepted the latest trigger, in whole seconds; where
            the response was lost, the latest time at which it can have been.
        sent_at: Where the response was lost, the earliest time at which it can have been.
        accepted_first: The server's time when it accepted the first trigger.
        spent: Seconds between the call and age 0.
        joined: True if the sync was running before the trigger, False if it began after, None if
            neither is known.
        repeated_at: The end of the sync that the vendor repeats: `joined` is about that sync, and
            its repeats began after the trigger.
        lost: Whether the response to the trigger was lost.
        triggers: How many times it was triggered.
        retriggers: How many of those were because it was rescheduled.
        started: Whether it was seen running after the trigger.
        historical: Whether the resync was seen running.
        proved: Whether a record that was read after the trigger still showed the times above.
        idle_since: The age at which it was neither running nor ended; None while it runs.
        due_for: When a rescheduled sync is due, as last seen.
        retrigger_at: The age at which to retrigger a rescheduled sync.
        doubt: An end that the record cannot place before or after the trigger.
        doubt_failed: Whether that is the end of a sync that failed.
        asked: How many times the sync history was asked about it.
        reported: `failed` if a webhook event reported it and the record has yet to confirm it.
        reason: The reason that a webhook event gave.
        sync_id: The vendor's id of the sync, where a webhook event gave it.
    """

    connection_id: str
    kind: str = "sync"
    force: bool = False
    read_at: datetime | None = None
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    rescheduled_for: datetime | None = None
    was_broken: bool = False
    manual: bool | None = None
    accepted_at: datetime | None = None
    sent_at: datetime | None = None
    accepted_first: datetime | None = None
    spent: float = 0.0
    joined: bool | None = None
    repeated_at: datetime | None = None
    lost: bool = False
    triggers: int = 0
    retriggers: int = 0
    started: bool = False
    historical: bool = False
    proved: bool = False
    idle_since: float | None = 0.0
    due_for: datetime | None = None
    retrigger_at: float | None = None
    doubt: datetime | None = None
    doubt_failed: bool = False
    asked: int = 0
    reported: str = ""
    reason: str = ""
    sync_id: str | None = None

    @property
    def awaits_start(self) -> bool:
        """True if it was triggered and not seen running since."""
        return self.triggers > 0 and not self.started and self.retrigger_at is None

    @property
    def restarts(self) -> bool:
        """True if a sync that ran before the trigger was stopped by it."""
        return self.force or self.kind == "resync"

    @property
    def unconfirmed(self) -> bool:
        """True if a running sync may be the one that a lost trigger was to stop."""
        return self.lost and self.restarts and not self.historical

    @property
    def zero_at(self) -> datetime | None:
        """The server's time at age 0."""
        return self.accepted_first or self.read_at

    @property
    def floor(self) -> datetime | None:
        """The second before which no end counts; None if the server did not say."""
        if self.triggers or self.accepted_at is not None:
            return self.accepted_at
        return self.read_at

    @property
    def doubt_from(self) -> datetime | None:
        """The second from which on an end may already count."""
        return self.sent_at if self.lost and self.sent_at is not None else self.floor


@attrs.frozen(kw_only=True)
class Step:
    """
    What one record or event changed.

    Attributes:
        watch: What is remembered from here on.
        verdict: How the sync ended, if it has.
        retrigger: Whether it must be retriggered.
        ask: Whether the sync history must decide about `watch.doubt`.
        give_up: Whether the wait is over if the history cannot decide.
    """

    watch: Watch
    verdict: SyncVerdict | None = None
    retrigger: bool = False
    ask: bool = False
    give_up: bool = False


def shifted(moment: datetime, by: timedelta) -> datetime:
    """Return a later or earlier moment; at the edges of the calendar, the edge."""
    try:
        return moment + by
    except OverflowError:
        last = by > timedelta()
        return (_LAST if last else _FIRST).replace(tzinfo=moment.tzinfo)


def after_seconds(moment: datetime | None, seconds: float) -> datetime | None:
    """Return a moment some seconds later, whatever the number; None stays None."""
    if moment is None:
        return None
    try:
        return shifted(moment, timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        return None


def seconds_between(then: datetime | None, now: datetime | None) -> float:
    """Return the seconds from one time of the server to a later one; 0 if one is not known."""
    return max((now - then).total_seconds(), 0.0) if then and now else 0.0


def moved(before: datetime | None, after: datetime | None) -> bool:
    """True if a time of the server moved on; some responses cut it to milliseconds."""
    if after is None:
        return False
    return before is None or _milliseconds(after) > _milliseconds(before)


def _milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def is_manual(connection: Connection) -> bool | None:
    """True if it runs only when it is triggered; None where the record does not say."""
    said = connection.schedule.schedule_type or connection.schedule_type
    return said.casefold() == "manual" if said else None


def watch_for(
    connection: Connection, *, kind: str, force: bool = False, read_at: datetime | None = None
) -> Watch:
    """Remember a record, to compare later ones with it."""
    restarts = force or kind == "resync"
    joined = connection.is_syncing and not restarts
    # What a trigger meets is seen by looking afterwards; what is only watched is seen here.
    started = joined and kind == "next"
    return Watch(
        connection_id=connection.id,
        kind=kind,
        force=force,
        read_at=read_at,
        succeeded_at=connection.succeeded_at,
        failed_at=connection.failed_at,
        rescheduled_for=connection.status.rescheduled_for,
        was_broken=connection.is_broken,
        manual=is_manual(connection),
        joined=joined or (False if restarts else None),
        started=started,
        idle_since=None if started else 0.0,
    )


def joining(connection: Connection, read_at: datetime | None) -> Watch:
    """Remember a sync that runs and is joined without a trigger."""
    watch = watch_for(connection, kind="sync", read_at=read_at)
    return attrs.evolve(watch, started=True, idle_since=None)


def without_guess(watch: Watch) -> Watch:
    """
    Forget that a sync ran before the trigger, unless it was seen running after it as well.

    It may have ended in between, and what ended now may have begun after.
    """
    guessed = watch.joined and watch.triggers and not watch.started
    return attrs.evolve(watch, joined=None) if guessed else watch


def joined_at(watch: Watch, finished_at: datetime | None) -> bool | None:
    """Return True if the sync that ended then ran before the trigger; None if that is unknown."""
    repeat = watch.repeated_at is not None and moved(watch.repeated_at, finished_at)
    return False if repeat and watch.triggers else watch.joined


@attrs.frozen(kw_only=True)
class Acceptance:
    """
    When a trigger was accepted, by the server's clock.

    Attributes:
        at: The second of the response; where that was lost, the latest possible one.
        sent_at: Where the response was lost, the earliest possible second.
        lost: Whether the response was lost.
    """

    at: datetime | None
    sent_at: datetime | None = None
    lost: bool = False


def accepted(watch: Watch, acceptance: Acceptance, *, spent: float) -> Watch:
    """Remember the first trigger, which is age 0."""
    return attrs.evolve(
        watch,
        triggers=1,
        accepted_at=acceptance.at,
        accepted_first=acceptance.at,
        sent_at=acceptance.sent_at,
        lost=acceptance.lost,
        spent=spent,
    )


def accepted_again(watch: Watch, acceptance: Acceptance, age: float) -> Watch:
    """Remember another trigger; its number was counted before."""
    return attrs.evolve(
        watch,
        accepted_at=acceptance.at,
        sent_at=acceptance.sent_at,
        lost=acceptance.lost,
        idle_since=age,
        proved=False,
        doubt=None,
        asked=0,
    )


def perhaps_triggered(watch: Watch) -> Watch:
    """
    Treat a sync that was about to be triggered as one with a lost response.

    Nothing ran when the record was read, so whatever begins later is the awaited sync, by the
    record alone: the clocks of `Date` and of this machine do not matter. If nothing begins in the
    time that a lost trigger gets, the poller triggers; that time counts from the moment before the
    trigger, which may be long after the record was read.
    """
    return attrs.evolve(
        watch,
        triggers=1,
        accepted_first=watch.sent_at or watch.read_at,
        lost=True,
        proved=True,
    )
