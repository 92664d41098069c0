"""
PURE: whether the end of a sync is the end of the one that was triggered.

The API knows no run ids where syncs are triggered. An end counts only if it was after the server
accepted the trigger, by the server's own clock: the `Date` of its response, which is cut to whole
seconds. Inside that second the sync history decides.
"""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias, cast

import attrs

from fivetran_async.resources._sync_statuses import result_of
from fivetran_async.resources.connection_models import SyncHistoryEntry
from fivetran_async.syncs._outcome import SyncOutcome
from fivetran_async.syncs._watch import SECOND, SKEW, Watch, moved, shifted

Whose: TypeAlias = Literal["none", "ours", "other", "doubt"]
"""No new end; an end that counts; an end of another sync; an end that the record cannot decide."""

SAME_END: Final = timedelta(minutes=2)
"""How far the end in the history may be from the end in the record of the same sync."""
REPEAT: Final = timedelta(minutes=1)
"""A sync that begins so soon after one that failed or was stopped is its repeat."""

_STOPPED: Final = frozenset({"CANCELED", "INCOMPLETE", "PAUSED", "TRUNCATED"})


def whose_end(
    watch: Watch, before: datetime | None, end: datetime | None, now: datetime | None
) -> Whose:
    """
    Judge a time of the record.

    Args:
        watch: What is remembered.
        before: The same time as it is remembered.
        end: The time that the record shows.
        now: The server's time when the record was read.
    """
    if end is None or not moved(before, end):
        return "none"
    floor = watch.floor
    ahead = now is not None and end > shifted(now, SKEW)
    if floor is None or ahead:
        # Without a clock to compare with, only an earlier look proves that the end is new.
        return "ours" if watch.proved or not watch.triggers else "doubt"
    if watch.unconfirmed and end >= (watch.doubt_from or floor):
        return "doubt"
    if end >= shifted(floor, SECOND):
        return "ours"
    if end >= min(floor, watch.doubt_from or floor):
        return "ours" if watch.accepted_at is None or watch.proved else "doubt"
    recent = before is not None or (
        watch.read_at is not None and end >= shifted(watch.read_at, -SKEW)
    )
    # It was seen running and then ended before it began: one of the server's clocks is wrong.
    return "doubt" if watch.started and watch.proved and recent else "other"


def decide(watch: Watch, entries: Sequence[SyncHistoryEntry]) -> tuple[Whose, bool | None]:
    """
    Judge `watch.doubt` by the sync history.

    Returns:
        The verdict, and True if that sync was joined. `none`: The sync was running in the
        second of the trigger, and it is the one unless another begins.
    """
    floor, end = watch.doubt_from, watch.doubt
    entry = None if end is None else entry_near(end, entries)
    if floor is None or entry is None or entry.start is None or entry.end is None:
        return "doubt", None
    others = [each for each in entries if each is not entry]
    if any(each.start is None or each.start >= max(entry.end, floor) for each in others):
        return "other", None
    if entry.start >= floor:
        # Where the response was lost, it may have begun before the trigger was accepted.
        return "ours", None if watch.lost else False
    if watch.restarts:
        return "other", None
    return ("other", None) if entry.end < floor else ("none", True)


def entry_near(end: datetime, entries: Sequence[SyncHistoryEntry]) -> SyncHistoryEntry | None:
    """Return the entry that ended nearest to a time, if any ended near it."""
    ended = [entry for entry in entries if entry.end is not None]
    nearest = min(ended, key=lambda each: abs(cast("datetime", each.end) - end), default=None)
    if nearest is None or abs(cast("datetime", nearest.end) - end) > SAME_END:
        return None
    return nearest


def can_be_decided(watch: Watch) -> bool:
    """True if the sync history can decide about `watch.doubt`: it has no other clock."""
    floor, end, earliest = watch.accepted_at, watch.doubt, watch.doubt_from
    if floor is None or end is None or earliest is None or end < earliest:
        return False
    return watch.unconfirmed or end < shifted(floor, SECOND)


def with_history(
    outcome: SyncOutcome, entries: Sequence[SyncHistoryEntry], watch: Watch
) -> SyncOutcome:
    """
    Complete an outcome by the sync history, which has ids.

    Where several syncs ended since the last poll, the record shows the latest end, and the history
    the end of the one that was triggered.
    """
    shown = _shown(outcome, entries, watch)
    if shown is None:
        # Entries disappear within hours: a missing one proves nothing.
        return outcome
    entry = _triggered(entries, watch, shown) or shown
    status = result_of(entry.status)
    if entry is not shown or outcome.finished_at is None:
        if status is not None and not (status == "failed" and outcome.status == "broken"):
            outcome = attrs.evolve(outcome, status=status, reason="")
        outcome = attrs.evolve(outcome, finished_at=entry.end)
    return attrs.evolve(
        outcome,
        sync_id=entry.sync_id or outcome.sync_id,
        started_at=entry.start,
        reason=entry.reason or outcome.reason,
        joined=_joined(outcome, entry, watch),
    )


def _joined(outcome: SyncOutcome, entry: SyncHistoryEntry, watch: Watch) -> bool | None:
    accepted, start = watch.accepted_first, entry.start
    if accepted is None or start is None or watch.restarts or not watch.triggers:
        return outcome.joined
    if watch.lost and watch.sent_at is not None and watch.sent_at <= start < accepted:
        # The trigger was accepted at some moment in between.
        return None
    if accepted <= start < shifted(accepted, SECOND):
        # It began in that second: by the trigger, unless it was running before.
        return watch.joined is True
    return start < accepted


def _shown(
    outcome: SyncOutcome, entries: Sequence[SyncHistoryEntry], watch: Watch
) -> SyncHistoryEntry | None:
    """Find the entry of the end that the record or an event showed."""
    if outcome.finished_at is not None:
        same = (each for each in entries if watch.sync_id and each.sync_id == watch.sync_id)
        return next(same, None) or entry_near(outcome.finished_at, entries)
    floor = watch.floor
    if floor is None:
        return None
    surely = floor if watch.accepted_at is None else shifted(floor, SECOND)
    ended = [each for each in entries if each.end is not None and each.end >= surely]
    return max(ended, key=lambda each: cast("datetime", each.end), default=None)


def _triggered(
    entries: Sequence[SyncHistoryEntry], watch: Watch, found: SyncHistoryEntry
) -> SyncHistoryEntry | None:
    """Follow the sync that was triggered, through its repeats, to its end; None if not found."""
    floor = watch.floor
    if floor is None or found.start is None:
        return None
    after = [each for each in entries if each.start and each.end and each.end >= floor]
    chain = sorted(after, key=lambda each: cast("datetime", each.start))
    if watch.restarts:
        chain = [each for each in chain if cast("datetime", each.start) >= floor]
    elif watch.triggers and chain and cast("datetime", chain[0].end) < shifted(floor, SECOND):
        # One that ended inside the second of the trigger is judged where the record shows it.
        chain = [each for each in chain if each is found or each is not chain[0]]
    for entry, following in itertools.zip_longest(chain, chain[1:]):
        if entry is found or not _is_repeated(entry, following):
            return entry if result_of(entry.status) else None
    return None


def _is_repeated(entry: SyncHistoryEntry, following: SyncHistoryEntry | None) -> bool:
    status = entry.status.upper()
    if following is None:
        return False
    if status == "RESCHEDULED":
        return True
    if result_of(status) != "failed" and status not in _STOPPED:
        return False
    begins, ended = cast("datetime", following.start), cast("datetime", entry.end)
    return begins - ended <= REPEAT
