"""Outcomes of syncs as plain JSON, for engines that store what tasks return."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from fivetran_async.syncs import SyncOutcome

PlainOutcome: TypeAlias = dict[str, str | int | bool | None]
"""The fields of a `SyncOutcome` that are JSON, times in ISO 8601; see `plain`."""


def plain(outcome: SyncOutcome) -> PlainOutcome:
    """
    Return an outcome as a dict of plain values.

    An error becomes part of `reason`. The record of the connection is left out: it is large, and a
    config in it is not for other systems.
    """
    return {
        "connection_id": outcome.connection_id,
        "status": outcome.status,
        "reason": outcome.reason,
        "joined": outcome.joined,
        "triggers": outcome.triggers,
        "sync_id": outcome.sync_id,
        "started_at": _text(outcome.started_at),
        "finished_at": _text(outcome.finished_at),
        "token": outcome.token,
        "dashboard_url": outcome.dashboard_url,
    }


def problem(outcome: PlainOutcome) -> str:
    """Return a sentence about a sync that did not succeed."""
    reason = str(outcome["reason"] or "").rstrip(".")
    why = f": {reason}" if reason else ""
    return (
        f"The sync of {outcome['connection_id']} ended as {outcome['status']}{why}. "
        f"See {outcome['dashboard_url']}"
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
