"""
Lets connections sync by their own schedules, at the cost of those that are looked at.

Nothing is planned for a connection that no caller reads: its syncs up to now are worked out when it
is read. Only webhooks need every sync at its time; while one subscribes to syncs, the scheduler
plans the next sync of every connection.
"""

from __future__ import annotations

import heapq
import math
from datetime import datetime
from typing import Final

import attrs

from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._store import Collection
from fivetran_async.testing._timetables import DAY_SECONDS, Every, Timetable, timetable_of
from fivetran_async.testing.clock import stamp
from fivetran_async.testing.families import _syncs

_WATCHED: Final = frozenset({"sync_start", "sync_end"})
_HORIZON: Final = 30 * DAY_SECONDS
"""Syncs that started earlier are not worked out one by one; the history covers seven days."""


@attrs.frozen
class _Stretch:
    """Syncs with the same outcome from `first` until before `last`, which are not stored."""

    timetable: Timetable
    first: float
    last: float
    duration: float
    outcome: str


@attrs.define
class _NextSync:
    timetable: Timetable
    due: float
    stretches: list[_Stretch] = attrs.field(factory=list[_Stretch])


@attrs.define(eq=False)
class Scheduler:
    """Observes the connections of an account, and is a source of events for its clock."""

    account: FakeAccount
    _plans: dict[str, _NextSync] = attrs.field(factory=dict[str, _NextSync], init=False, repr=False)
    _added: dict[str, float] = attrs.field(factory=dict[str, float], init=False, repr=False)
    _heap: list[tuple[float, str]] | None = attrs.field(default=None, init=False, repr=False)
    _busy: bool = attrs.field(default=False, init=False)

    @classmethod
    def attach(cls, account: FakeAccount) -> None:
        """Let the connections of an account follow their schedules."""
        scheduler = cls(account)
        account.collection("connections").observer = scheduler
        account.clock.follow(scheduler)
        account.past_syncs = scheduler.past_syncs

    @property
    def _rows(self) -> Collection:
        return self.account.collection("connections")

    def current(self, record: StoredRecord) -> StoredRecord:
        """Return a connection after its syncs up to now."""
        if self._busy:
            return record
        clock = self.account.clock
        clock.run_due()
        key, now = record["id"], clock.time()
        if clock.in_event:
            # The event of this moment comes first: it can be the end of a sync.
            now = math.nextafter(now, 0)
        if self._plan_of(record).due <= now:
            self._catch_up(key, now)
        return self._rows.stored(key) or record

    def noticed(self, before: StoredRecord | None, record: StoredRecord | None) -> None:
        """Plan the next sync of a connection from now if what it depends on has changed."""
        if record is None:
            if before is not None:
                self._plans.pop(before["id"], None)
                self._added.pop(before["id"], None)
            return
        if before is None:
            self._added[record["id"]] = self.account.clock.time()
        elif _pace(before) == _pace(record):
            return
        else:
            changed = self._plan_from(record, self.account.clock.time())
            plan = self._plan_of(before)
            plan.timetable, plan.due = changed.timetable, changed.due
        if self._heap is not None:
            heapq.heappush(self._heap, (self._plan_of(record).due, record["id"]))

    def past_syncs(self, connection_id: str, first: float, last: float) -> list[StoredRecord]:
        """Return records of the syncs that started between two times and are not stored."""
        plan = self._plans.get(connection_id)
        return [
            self._entry(connection_id, stretch, started)
            for stretch in (plan.stretches if plan is not None else ())
            for started in _moments(stretch, first, last)
        ]

    def next_due(self) -> float:
        """Return the time of the next sync, or infinity if no webhook subscribes to syncs."""
        webhooks = self.account.collection("webhooks")
        if not any(hook["active"] and _WATCHED & {*hook["events"]} for hook in webhooks):
            self._heap = None
            return math.inf
        if self._heap is None:
            self._plan_all()
        heap = self._heap or []
        while heap and self._is_outdated(*heap[0]):
            heapq.heappop(heap)
        return heap[0][0] if heap else math.inf

    def run_next(self) -> None:
        """Start the sync that is due."""
        if self._heap:
            due, key = heapq.heappop(self._heap)
            self._catch_up(key, due)
            heapq.heappush(self._heap, (self._plans[key].due, key))

    def _is_outdated(self, due: float, key: str) -> bool:
        plan = self._plans.get(key)
        return plan is None or plan.due != due

    def _plan_all(self) -> None:
        """Plan the next sync of every connection; those before now cause no webhook events."""
        now = self.account.clock.time()
        self.account.silent, self._heap = True, []
        try:
            for record in list(self._rows):
                if self._plan_of(record).due <= now:
                    self._catch_up(record["id"], now)
        finally:
            self.account.silent = False
        self._heap = [(self._plan_of(record).due, record["id"]) for record in self._rows]
        heapq.heapify(self._heap)

    def _plan_of(self, record: StoredRecord) -> _NextSync:
        plan = self._plans.get(record["id"])
        if plan is None:
            added = self._added.get(record["id"], self.account.clock.time())
            plan = self._plans[record["id"]] = self._plan_from(record, added)
        return plan

    def _plan_from(self, record: StoredRecord, now: float) -> _NextSync:
        ends = [_moment(record.get(name)) for name in ("succeeded_at", "failed_at")]
        anchor = max(*ends, _moment(record.get("created_at")))
        timetable = timetable_of(record, anchor if anchor > -math.inf else now)
        if not _syncs_itself(record):
            return _NextSync(timetable, math.inf)
        # The API starts the first sync when the set-up is complete.
        waits_for_first = record.get("is_historical_sync") and max(ends) == -math.inf
        starts_itself = waits_for_first and timetable.after(now) < math.inf
        return _NextSync(timetable, now if starts_itself else timetable.after(now))

    def _catch_up(self, key: str, now: float) -> None:
        """Work out the syncs of a connection up to now."""
        self._busy = True
        try:
            self.account.clock.replay(_Course(self, key, self._plans[key], now), until=now)
        finally:
            self._busy = False

    def advance(self, key: str, plan: _NextSync, now: float) -> None:
        """Start the sync that is due, or pass over it and those like it."""
        started = self.account.clock.time()
        following = self._skip(key, plan, now)
        if following == started:
            _syncs.start(self.account, key)
            following = plan.timetable.after(started)
        plan.due = following

    def _skip(self, key: str, plan: _NextSync, now: float) -> float:
        """Return the next sync to work out, after those that are like the one that is due."""
        started = self.account.clock.time()
        record = self._rows.stored(key) or {}
        if record.get("sync_state") == "syncing" and not self.account.clock.planned:
            # It ends later than now, or never.
            return plan.timetable.after(now)
        duration = self.account.sync_duration
        if (
            self._heap is not None
            or self.account.plans.get(key)
            or record.get("sync_state") != "scheduled"
            or plan.timetable.until(started) != started
        ):
            return started
        timetable = plan.timetable
        if isinstance(timetable, Every):
            # A sync that is due while another is running does not start.
            step = max(1.0, math.ceil(duration / timetable.step)) * timetable.step
            timetable = Every(started, step)
        elif duration > timetable.shortest_gap:
            horizon = now - _HORIZON
            return timetable.after(horizon) if started < horizon else started
        last = timetable.until(now - duration)
        if last > started:
            outcome = "broken" if record.get("setup_state") == "broken" else "succeeded"
            plan.stretches.append(_Stretch(timetable, started, last, duration, outcome))
        return max(started, last)

    def _entry(self, connection_id: str, stretch: _Stretch, started: float) -> StoredRecord:
        return {
            "sync_id": _syncs.sync_id_of(self.account, connection_id, started),
            "connection_id": connection_id,
            "status": _syncs.HISTORY_STATUSES[stretch.outcome],
            "start": stamp(started, digits=3),
            "started": started,
            "end": stamp(started + stretch.duration, digits=3),
            "stages": _syncs.stages(stretch.duration, stretch.outcome),
        }


@attrs.frozen
class _Course:
    """The syncs of one connection, as a source of events."""

    scheduler: Scheduler
    key: str
    plan: _NextSync
    now: float

    def next_due(self) -> float:
        """Return the time of the next sync."""
        return self.plan.due

    def run_next(self) -> None:
        """Start it, or pass over it."""
        self.scheduler.advance(self.key, self.plan, self.now)


def _pace(record: StoredRecord) -> tuple[object, ...]:
    """Return everything on which the times of the syncs depend."""
    get = record.get
    return (
        get("schedule"),
        get("schedule_type"),
        get("sync_frequency"),
        get("daily_sync_time"),
        _syncs_itself(record),
    )


def _syncs_itself(record: StoredRecord) -> bool:
    return not record.get("paused") and record.get("setup_state", "connected") != "incomplete"


def _moments(stretch: _Stretch, first: float, last: float) -> list[float]:
    end = min(last, stretch.last)
    moment = stretch.first
    if moment < first:
        moment = stretch.timetable.until(first)
        moment = moment if moment >= first else stretch.timetable.after(moment)
    found: list[float] = []
    while moment < end:
        found.append(moment)
        moment = stretch.timetable.after(moment)
    return found


def _moment(text: object) -> float:
    """Return a time of the API in seconds since the epoch; minus infinity without one."""
    if not isinstance(text, str):
        return -math.inf
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return -math.inf
