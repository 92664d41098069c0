"""The course of a sync, on the account's clock and with the outcome that a test planned."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

from fivetran_async.testing._account import FakeAccount, SyncPlan
from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import Refusal, Result, ServedCall, conflict, invalid, slice_page
from fivetran_async.testing.families.webhooks import emit

OUTCOMES = frozenset(
    {"succeeded", "failed", "broken", "rescheduled", "canceled", "never_starts", "stuck"}
)
"""
The outcomes of a planned sync. `failed` only sets `failed_at`; `broken` also breaks the setup;
`canceled` changes neither time; `never_starts` is accepted and dropped; `stuck` runs until it is
forced, paused or deleted.
"""

MAX_HISTORY = timedelta(days=7)
HISTORY_STATUSES = {
    "succeeded": "COMPLETED",
    "failed": "FAILURE",
    "broken": "FAILURE",
    "rescheduled": "RESCHEDULED",
    "canceled": "CANCELED",
    "paused": "PAUSED",
}
"""The statuses in the sync history; webhook events have other ones."""
_EVENT_STATUSES = {
    "succeeded": "SUCCESSFUL",
    "failed": "FAILURE",
    "broken": "FAILURE_WITH_TASK",
    "rescheduled": "RESCHEDULED",
    "canceled": "CANCELED",
    "paused": "CANCELED",
}
_RECONNECT: StoredRecord = {"code": "reconnect", "message": "Reconnect"}


def start(
    account: FakeAccount, connection_id: str, *, force: bool = False, historical: bool = False
) -> None:
    """
    Trigger a sync.

    It does nothing while a sync is running (unless forced), or if the connection is paused or
    incomplete.
    """
    rows = account.collection("connections")
    record = rows.get(connection_id) or {}
    if record.get("paused") or record.get("setup_state") == "incomplete":
        if historical:
            rows.change(connection_id, is_historical_sync=True)
        return
    if record.get("sync_state") == "syncing":
        if not force:
            return
        cancel(account, connection_id)
    plan = _next_plan(account, connection_id, record, force=force)
    if plan.outcome == "never_starts":
        return
    run = int(record.get("run", 0)) + 1
    changes: StoredRecord = {"run": run, "sync_state": "scheduled", "rescheduled_for": None}
    if historical:
        changes["is_historical_sync"] = True
    rows.change(connection_id, **changes)
    if plan.start_after:
        account.clock.call_later(
            plan.start_after, lambda: _begin(account, connection_id, run, plan)
        )
    else:
        _begin(account, connection_id, run, plan)


def _next_plan(
    account: FakeAccount, connection_id: str, record: StoredRecord, *, force: bool
) -> SyncPlan:
    planned = account.plans.get(connection_id)
    if planned:
        return planned.popleft()
    still_broken = record.get("setup_state") == "broken" and not force
    return SyncPlan("broken" if still_broken else "succeeded")


def _current(account: FakeAccount, connection_id: str, run: int) -> StoredRecord | None:
    record = account.collection("connections").get(connection_id)
    return record if record is not None and record.get("run") == run else None


def _begin(account: FakeAccount, connection_id: str, run: int, plan: SyncPlan) -> None:
    record = _current(account, connection_id, run)
    if record is None:
        return
    sync_id = new_sync_id(account, connection_id)
    account.collection("connections").change(
        connection_id, sync_state="syncing", sync_id=sync_id, stuck=plan.outcome == "stuck"
    )
    account.collection("sync_history").put(
        sync_id,
        {
            "sync_id": sync_id,
            "connection_id": connection_id,
            "status": "INCOMPLETE",
            "start": account.clock.stamp(digits=3),
            "started": account.clock.time(),
            "end": None,
            "stages": {},
        },
    )
    emit(account, "sync_start", record, sync_id=sync_id)
    if plan.outcome != "stuck":
        duration = account.sync_duration if plan.duration is None else plan.duration
        account.clock.call_later(duration, lambda: _end(account, connection_id, run, plan))


def new_sync_id(account: FakeAccount, connection_id: str) -> str:
    """Return the id of a sync that starts now; every run of a test has the same ids."""
    history = account.collection("sync_history")
    number = 0
    while (found := sync_id_of(account, connection_id, account.clock.time(), number)) in history:
        number += 1
    return found


def sync_id_of(account: FakeAccount, connection_id: str, started: float, number: int = 0) -> str:
    """Return the id of a sync by the time of its start, and its number among those of that time."""
    text = f"{account.seed} {connection_id} {started:.6f} {number}"
    digest = hashlib.sha256(text.encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _end(account: FakeAccount, connection_id: str, run: int, plan: SyncPlan) -> None:
    record = _current(account, connection_id, run)
    if record is None:
        return
    now = account.clock.stamp()
    changes: StoredRecord = {"sync_state": "scheduled"}
    if plan.outcome == "succeeded":
        changes |= {"succeeded_at": now, "is_historical_sync": False, "setup_state": "connected"}
        changes |= {"tasks": [], "warnings": [], "update_state": "on_schedule"}
    elif plan.outcome in ("failed", "broken"):
        changes["failed_at"] = now
        if plan.outcome == "broken":
            changes |= {"setup_state": "broken", "tasks": [_RECONNECT]}
    elif plan.outcome == "rescheduled":
        until = account.clock.stamp(after=plan.rescheduled_after)
        changes |= {"sync_state": "rescheduled", "rescheduled_for": until}
    account.collection("connections").change(connection_id, **changes)
    _close(account, record, plan.outcome, plan.reason)
    # The vendor starts a rescheduled sync itself only on an automatic schedule.
    if plan.outcome == "rescheduled" and record.get("schedule_type", "auto") == "auto":
        account.clock.call_later(
            plan.rescheduled_after, lambda: _restart(account, connection_id, run)
        )


def _restart(account: FakeAccount, connection_id: str, run: int) -> None:
    if _current(account, connection_id, run) is not None:
        start(account, connection_id)


def _close(account: FakeAccount, record: StoredRecord, outcome: str, reason: str | None) -> None:
    sync_id = record.get("sync_id", "")
    history = account.collection("sync_history")
    entry = history.get(sync_id)
    if entry is not None:
        changes: StoredRecord = {"status": HISTORY_STATUSES[outcome]}
        changes |= {
            "end": account.clock.stamp(digits=3),
            "stages": stages(account.clock.time() - entry["started"], outcome),
        }
        if reason is not None:
            changes["reason"] = reason
        history.change(sync_id, **changes)
    data: StoredRecord = {"status": _EVENT_STATUSES[outcome]}
    if reason is not None:
        data["reason"] = reason
    emit(account, "sync_end", record, sync_id=sync_id, data=data)


def stages(seconds: float, outcome: str) -> StoredRecord:
    """Return the volume of each stage: half a megabyte per second, if the sync succeeded."""
    volume = round(seconds / 2, 2)
    if outcome != "succeeded":
        return {"extract": {"volume": None}}
    return {stage: {"volume": volume} for stage in ("extract", "process", "load")}


def cancel(account: FakeAccount, connection_id: str, *, outcome: str = "canceled") -> None:
    """Cancel a running sync; `succeeded_at` and `failed_at` do not change."""
    rows = account.collection("connections")
    record = rows.get(connection_id) or {}
    if record.get("sync_state") == "syncing":
        rows.change(connection_id, sync_state="scheduled", run=int(record["run"]) + 1, stuck=False)
        _close(account, record, outcome, None)


def pause(account: FakeAccount, connection_id: str) -> None:
    """Pause a connection; a running sync is canceled."""
    cancel(account, connection_id, outcome="paused")
    rows = account.collection("connections")
    run = int((rows.get(connection_id) or {}).get("run", 0)) + 1
    rows.change(connection_id, paused=True, sync_state="paused", rescheduled_for=None, run=run)


def resume(account: FakeAccount, connection_id: str) -> None:
    """Resume a paused connection, and start its queued re-sync."""
    rows = account.collection("connections")
    record = rows.change(connection_id, paused=False, sync_state="scheduled")
    if record.get("resync_queued"):
        rows.change(connection_id, resync_queued=False)
        start(account, connection_id, historical=True)


def resync(account: FakeAccount, connection_id: str) -> None:
    """Start a historical sync, or queue it if the connection is paused."""
    rows = account.collection("connections")
    record = rows.get(connection_id) or {}
    if record.get("stuck"):
        message = "The running sync could not be completed"
        raise conflict(message)
    if record.get("paused"):
        rows.change(connection_id, is_historical_sync=True, resync_queued=True)
        return
    start(account, connection_id, force=True, historical=True)


def list_history(call: ServedCall) -> Result:
    """Return the syncs that started within a window of at most seven days, newest first."""
    connection_id = _known(call)
    start_time, end_time = _window(call)
    first, last = start_time.timestamp(), end_time.timestamp()
    stored = call.account.collection("sync_history").where("connection_id", connection_id)
    found = [entry for entry in stored if first <= entry["started"] < last]
    found += call.account.past_syncs(connection_id, first, last)
    found.sort(key=lambda entry: float(entry["started"]))
    return slice_page(call, found[::-1])


def _window(call: ServedCall) -> tuple[datetime, datetime]:
    hour = timedelta(hours=1)
    texts = call.query.get("start_time"), call.query.get("end_time")
    first, last = (None if text is None else _moment(text) for text in texts)
    if first is None:
        # Includes the current moment.
        last = last or call.account.clock.now() + timedelta(microseconds=1)
        first = last - hour
    last = last or first + hour
    if last <= first or last - first > MAX_HISTORY:
        message = "end_time must be after start_time, and at most 7 days later"
        raise invalid(message)
    if first < call.account.clock.now() - MAX_HISTORY:
        message = "start_time must be at most 7 days ago"
        raise invalid(message)
    return first, last


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def list_errors(call: ServedCall) -> Result:
    """Return the current errors of a connection; empty if it is healthy."""
    record = call.account.collection("connections").get(_known(call)) or {}
    failed_at = record.get("failed_at") or record["created_at"]
    errors = [
        {
            "type": task["code"],
            "title": task["message"],
            "reason": None,
            # The details of a task can be any JSON value; the message of an error is text.
            "message": details if isinstance(details, str) and details else task["message"],
            "created_at": failed_at,
        }
        for task in [*record.get("tasks", ()), *record.get("warnings", ())]
        for details in [task.get("details")]
    ]
    return slice_page(call, errors)


def _known(call: ServedCall) -> str:
    connection_id = call.path[0]
    if call.account.collection("connections").get(connection_id) is None:
        raise Refusal(
            404, "NotFound_Connection", f"Cannot find connection with id '{connection_id}'"
        )
    return connection_id
