"""PURE: what a webhook event means for the sync that is awaited."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import attrs

from fivetran_async.resources._sync_statuses import result_of
from fivetran_async.syncs._outcome import SyncVerdict
from fivetran_async.syncs._watch import SECOND, Step, Watch, shifted, without_guess


@attrs.frozen(kw_only=True)
class SyncEvent:
    """What a wait needs of a webhook event."""

    event: str
    connection_id: str
    created: datetime | None = None
    status: str = ""
    reason: str = ""
    sync_id: str | None = None


def event_of(mapping: Mapping[str, object]) -> SyncEvent:
    """Take what waits need of an event; the API still calls connections connectors there."""
    data = mapping.get("data")
    details = cast("Mapping[str, object]", data if isinstance(data, Mapping) else {})
    return SyncEvent(
        event=_text(mapping.get("event")),
        connection_id=_text(mapping.get("connector_id") or mapping.get("connection_id")),
        created=_moment(mapping.get("created")),
        status=_text(details.get("status")),
        reason=_text(details.get("reason")),
        sync_id=_text(mapping.get("sync_id")) or None,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    """Read a time; one without its zone cannot be compared, and one that is not a time is None."""
    if not isinstance(value, datetime):
        try:
            value = datetime.fromisoformat(_text(value))
        except ValueError:
            return None
    try:
        return value.astimezone(UTC) if value.tzinfo else None
    except OverflowError:
        return None


def hear(watch: Watch, event: SyncEvent) -> Step | None:
    """
    Take a webhook event; None if it is not about this sync.

    Events come late, twice and out of order. Only one that was created after the trigger was
    accepted changes what is remembered; one that may be older only brings the next poll forward.
    A success ends the wait. A failure does not: some syncs are repeated at once, and both ends
    are reported; so the record is read, and then believed.
    """
    if event.connection_id != watch.connection_id or event.event not in {"sync_start", "sync_end"}:
        return None
    floor, earliest = watch.floor, watch.doubt_from
    if event.created is not None and earliest is not None and event.created < earliest:
        return None
    if event.created is None or floor is None or event.created < shifted(floor, SECOND):
        return Step(watch=watch)
    if event.event == "sync_end" and watch.unconfirmed:
        # Perhaps of the sync that the trigger was to stop, if it was never accepted.
        return Step(watch=watch)
    result = result_of(event.status)
    if event.event == "sync_end" and result == "succeeded" and watch.kind != "resync":
        ended = attrs.evolve(without_guess(watch), sync_id=event.sync_id)
        return Step(watch=ended, verdict=SyncVerdict(status="succeeded", finished_at=event.created))
    running = attrs.evolve(without_guess(watch), started=True, idle_since=None)
    if event.event == "sync_start":
        return Step(watch=running)
    reported = "failed" if result == "failed" else ""
    return Step(watch=attrs.evolve(running, reported=reported, reason=event.reason or watch.reason))
