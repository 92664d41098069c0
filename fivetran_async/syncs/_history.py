"""Reads the sync history, where the account has it; a wait never fails by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from fivetran_async.errors import (
    FivetranError,
    NotFoundError,
    OperationUnavailableError,
    SessionClosedError,
)
from fivetran_async.options import logger
from fivetran_async.pagination import MAX_LIMIT
from fivetran_async.resources.connection_models import SyncHistoryEntry
from fivetran_async.syncs._deadline import bounded
from fivetran_async.syncs._reads import connections_of, looking
from fivetran_async.syncs._watch import Watch

if TYPE_CHECKING:
    from fivetran_async._http.transport import Transport

HISTORY_PATIENCE: Final = 10.0
"""Seconds that the history may take: it is a detail of an outcome that is known."""
_REACH: Final = timedelta(days=6, hours=23)
"""How far back to ask; the API refuses a start more than 7 days ago, and a longer window."""
_AHEAD: Final = timedelta(minutes=1)


class HistoryAccess:
    """True if the account has the operation; a session finds out once."""

    def __init__(self) -> None:
        self.missing = False


def history_window(
    zero_at: datetime | None, age: float, finished_at: datetime | None
) -> tuple[datetime, datetime] | None:
    """
    Return from when to when to ask for past syncs, within what the API allows; PURE.

    The API judges the window by its own clock, so only times of the server are used.

    Args:
        zero_at: The server's time at age 0, if it sent one.
        age: Seconds since then.
        finished_at: When the sync ended, if that is known.

    Returns:
        None if the server's time is unknown or the sync ended too long ago to be found.
    """
    try:
        now = None if zero_at is None else zero_at + timedelta(seconds=age)
        if finished_at is not None and (now is None or finished_at > now):
            now = finished_at
        if now is None:
            return None
        start, end = now - _REACH, now + _AHEAD
    except (OverflowError, ValueError):
        # Dates at the edge of the calendar.
        return None
    return None if finished_at is not None and finished_at < start else (start, end)


async def read_history(
    transport: Transport, watch: Watch, age: float, finished_at: datetime | None, patience: float
) -> Sequence[SyncHistoryEntry] | None:
    """
    Return the latest syncs of a connection.

    Args:
        transport: What to send with.
        watch: The sync that is looked for.
        age: Seconds since its trigger.
        finished_at: When it ended, if that is known.
        patience: Seconds to wait for the response, 10 at most.

    Returns:
        None if the account lacks the operation, or there was no response in time.
    """
    access = transport.core.part(HistoryAccess, HistoryAccess)
    seconds = min(patience, HISTORY_PATIENCE)
    window = history_window(watch.zero_at, age, finished_at)
    if window is None or access.missing or seconds <= 0:
        return None
    entries = connections_of(looking(transport)).list_sync_history(
        watch.connection_id, start_time=window[0], end_time=window[1], limit=MAX_LIMIT
    )
    try:
        return (await bounded(transport.core, entries.page(), seconds)).items
    except NotFoundError as error:
        # A gateway that does not know the path responds without a code.
        access.missing = isinstance(error, OperationUnavailableError) or error.code is None
    except SessionClosedError:
        logger.debug("The session was closed before the sync history was read")
    except (FivetranError, TimeoutError) as error:
        logger.debug("No sync history of %s: %s", watch.connection_id, error)
    return None
