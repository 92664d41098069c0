"""An account in which other syncs start and end at random, and the truth about each wait in it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from fivetran_async import AsyncFivetran, RequestEvent
from fivetran_async.syncs import SyncOutcome
from fivetran_async.testing import FakeFivetran, Fault, RecordedRequest
from syncs.account_clock import AccountClock

ENDS: Final = {"COMPLETED": "succeeded", "FAILURE": "failed"}
"""The words of the history that move a time of the record."""
REPEAT: Final = 60.0
_SHORT: Final = 2.0
"""Seconds: jumps of the clock that do no harm to work in between."""
_QUIET_TURNS: Final = 40
"""Turns of the loop that a request and its response take, and some more."""
_EVENTS: Final = {"COMPLETED": "SUCCESSFUL", "FAILURE": "FAILURE", "RESCHEDULED": "RESCHEDULED"}


@attrs.frozen(kw_only=True)
class Sync:
    """What really happened, in seconds since the epoch."""

    start: float
    end: float
    status: str
    sync_id: str


class RestlessClock(AccountClock):
    """A clock on which the account's events are looked for whenever time has passed."""

    def __init__(self, fake: FakeFivetran) -> None:
        super().__init__(fake)
        self.on_change: Callable[[], None] = lambda: None

    def advance(self, seconds: float) -> None:
        """Let time pass for both, and emit events of what happened."""
        super().advance(seconds)
        self.on_change()

    def turns_before(self, seconds: float) -> int:
        """Let requests in flight arrive, and those that were woken look, before time jumps."""
        return 0 if seconds < _SHORT else _QUIET_TURNS

    def _carry(self) -> None:
        super()._carry()
        self.on_change()


class World:
    """An account, its sessions, its webhook events, and its other users."""

    def __init__(self, fake: FakeFivetran, seed: int) -> None:
        self.fake = fake
        self.clock = RestlessClock(fake)
        self.clock.on_change = self._look
        self.chance = random.Random(seed)  # noqa: S311
        self.sessions: list[AsyncFivetran] = []
        self.has_history = self.chance.random() < 0.7
        self._told: set[tuple[str, str]] = set()
        self._never_arrived: set[str] = set()
        if not self.has_history:
            fake.fail("connections.list_sync_history", fault=Fault.status(404), times=None)
        for operation in ("connections.get", "connections.list"):
            fake.fail(operation, fault=Fault.status(500), times=None, probability=0.03)

    def before_request(self, event: RequestEvent) -> None:
        """Let time pass before some triggers: what a quota or a slow network does."""
        if event.verb == "POST" and self.chance.random() < 0.7:
            self.clock.advance(self.chance.choice([0.3, 0.9, 2.0, 45.0]) * self.chance.random())

    def add_connection(self) -> str:
        """Add a connection with a past, plans for its next syncs, and other users of it."""
        chance, fake = self.chance, self.fake
        past: dict[str, Any] = {"schedule_type": chance.choice(["auto", "manual"])}
        if chance.random() < 0.7:
            past["succeeded_at"] = "2026-01-02T03:04:05.678Z"
        if chance.random() < 0.4:
            past["failed_at"] = "2026-01-02T03:04:06Z"
        connection_id = fake.add_connection(**past)
        for _ in range(12):
            fake.plan_sync(
                connection_id,
                chance.choice(["succeeded"] * 5 + ["failed"] * 3 + ["rescheduled"]),
                start_after=chance.choice([0.0, 0.0, 0.0, 3.0, 30.0]),
                duration=chance.choice([0.05, 0.4, 0.9, 2.0, 8.0, 40.0, 120.0]),
                rescheduled_after=chance.choice([30.0, 200.0]),
            )
        if chance.random() < 0.25:
            fake.start_sync(connection_id)
            self.clock.advance(chance.random())
        # Some of them at about the time of the trigger, some between two polls.
        for _ in range(chance.randrange(5)):
            moment = chance.choice([0.5, 3.0, 30.0, 300.0]) * chance.random()
            fake.clock.call_later(moment, lambda: fake.start_sync(connection_id))
        self._trouble(connection_id)
        return connection_id

    def _trouble(self, connection_id: str) -> None:
        chance = self.chance
        path = f"/v1/connections/{connection_id}/*sync"
        for _ in range(chance.choice([0, 0, 1, 2])):
            headers = {"Retry-After": str(chance.choice([1, 5, 40]))}
            self.fake.fail(path=path, verb="POST", fault=Fault.status(429, headers=headers))
        if chance.random() < 0.1:
            arrives = chance.random() < 0.5
            if not arrives:
                self._never_arrived.add(connection_id)
            drop = Fault.drop("after" if arrives else "before")
            self.fake.fail(path=path, verb="POST", fault=drop)

    def _look(self) -> None:
        """Emit webhook events of what has happened: late, twice, out of order, or never."""
        for entry in self.fake._account.collection("sync_history"):
            for name, status in (("sync_start", "begun"), ("sync_end", entry["status"])):
                key = (entry["sync_id"], status)
                if (name == "sync_end" and entry["end"] is None) or key in self._told:
                    continue
                self._told.add(key)
                event: dict[str, object] = {
                    "event": name,
                    "connector_id": entry["connection_id"],
                    "created": entry["start" if name == "sync_start" else "end"],
                    "sync_id": entry["sync_id"],
                    "data": {"status": _EVENTS.get(status, "CANCELED")},
                }
                for _ in range(self.chance.choice([0, 0, 1, 2])):
                    delay = self.chance.choice([0.0, 0.5, 20.0, 400.0]) * self.chance.random()
                    self.fake.clock.call_later(delay, self._teller(event))

    def _teller(self, event: dict[str, object]) -> Callable[[], None]:
        def tell() -> None:
            for session in self.sessions:
                if not session.closed:
                    session.syncs.feed(event)

        return tell

    def syncs_of(self, connection_id: str) -> list[Sync]:
        """All syncs of a connection that have ended, in order."""
        entries = self.fake._account.collection("sync_history").where(
            "connection_id", connection_id
        )
        return [
            Sync(
                start=seconds(entry["start"]),
                end=seconds(entry["end"]),
                status=entry["status"],
                sync_id=entry["sync_id"],
            )
            for entry in entries
            if entry["end"] is not None
        ]

    def triggers_of(self, connection_id: str) -> list[float]:
        """When the account accepted triggers of ours, whether or not the response arrived."""
        sent = [
            request
            for request in self.requests_of_triggers()
            if f"/{connection_id}/" in request.path and request.status != 429
        ]
        if connection_id in self._never_arrived:
            # Where another sync ran, it was not repeated: then it counts as sent.
            arrived = [request for request in sent if request.status is not None]
            sent = arrived or sent
        return [request.time for request in sent]

    def lost_response(self, connection_id: str) -> bool:
        """Whether the response to a trigger was lost."""
        return any(
            request.status is None and f"/{connection_id}/" in request.path
            for request in self.requests_of_triggers()
        )

    def has_others(self, connection_id: str) -> bool:
        """Whether syncs of others ran, beside those of the triggers that arrived."""
        arrived = len(self.triggers_of(connection_id))
        if connection_id in self._never_arrived:
            arrived = len(self._arrived(connection_id))
        return len(self.syncs_of(connection_id)) > arrived

    def _arrived(self, connection_id: str) -> list[RecordedRequest]:
        return [
            request
            for request in self.requests_of_triggers()
            if request.status == 200 and f"/{connection_id}/" in request.path
        ]

    def requests_of_triggers(self) -> list[RecordedRequest]:
        """The triggers that were sent."""
        names = {"connections.sync", "connections.resync"}
        return [request for request in self.fake.requests if request.operation in names]


def seconds(stamp: str) -> float:
    """Read a time of the API."""
    return datetime.fromisoformat(stamp).timestamp()


@attrs.frozen(kw_only=True)
class Finding:
    """What is wrong with an outcome: "" or a problem; and what cannot be decided."""

    problem: str = ""
    apart: str = ""


def check(world: World, outcome: SyncOutcome, *, restarts: bool, ended_at: float) -> Finding:
    """Compare an outcome with what really happened."""
    triggers = world.triggers_of(outcome.connection_id)
    syncs = world.syncs_of(outcome.connection_id)
    accepted = triggers[-1]
    second = float(int(accepted))

    def counts(sync: Sync) -> bool:
        return sync.end > accepted - 0.0011 and (not restarts or sync.start > accepted - 0.0011)

    # Syncs that look alike in the record cannot be distinguished.
    apart = ""
    if not world.has_history and any(second <= sync.end < second + 1 for sync in syncs):
        apart = "in the second of the trigger, without history"
    elif world.lost_response(outcome.connection_id) and (
        world.has_others(outcome.connection_id) or (restarts and not world.has_history)
    ):
        apart = "other syncs while the response to the trigger was lost"
    due = [
        sync for sync in syncs if counts(sync) and sync.status in ENDS and sync.end < ended_at - 90
    ]
    problem = _problem(outcome, syncs, due, counts, triggers[0])
    return Finding(apart=apart) if apart else Finding(problem=problem)


def _problem(
    outcome: SyncOutcome,
    syncs: Sequence[Sync],
    due: Sequence[Sync],
    counts: Callable[[Sync], bool],
    accepted: float,
) -> str:
    if outcome.finished_at is None or outcome.status in {"not_run", "rescheduled", "timed_out"}:
        return "lost" if due and outcome.status != "rescheduled" else ""
    finished_at = outcome.finished_at.timestamp()
    shown = [sync for sync in syncs if abs(sync.end - finished_at) < 0.002]
    if not shown or not counts(shown[0]):
        return "foreign ends"
    if ENDS.get(shown[0].status) != outcome.status:
        return "wrong status"
    if outcome.sync_id is not None and outcome.sync_id != shown[0].sync_id:
        return "wrong id"
    # Whether it was joined is known to the second; without history, of the sync that was met.
    first = float(int(accepted))
    met = any(sync.start < first + 1 and sync.end > accepted for sync in syncs)
    # A sync that stopped before the trigger and moved no time looks as if it still ran.
    met = met or any(sync.status not in ENDS and sync.end < first + 1 for sync in syncs)
    late = outcome.joined is False and shown[0].start < first
    early = outcome.joined is True and shown[0].start >= first + 1
    return "wrong about joining" if late or (early and not met) else ""
