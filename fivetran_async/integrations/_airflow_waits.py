"""The waits of a triggerer: loaded in a thread, for it imports the HTTP client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

# Loaded here, so that no wait imports them on the event loop.
import fivetran_async.resources.connections as _connections  # noqa: F401 # pyright: ignore[reportUnusedImport]
import fivetran_async.retries as _retries  # noqa: F401 # pyright: ignore[reportUnusedImport]
from fivetran_async._codec import decode
from fivetran_async.integrations._airflow_sessions import (
    SESSIONS,
    AirflowConnection,
    SessionLease,
    airflow_session,
)
from fivetran_async.integrations._plain_outcomes import PlainOutcome, plain
from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs._sync_run import find_sync as _find_sync  # noqa: F401 # pyright: ignore[reportUnusedImport]

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran
    from fivetran_async.syncs import SyncOutcome

WaitEnd: TypeAlias = dict[str, PlainOutcome]
"""What a trigger sends to its task: its `outcome`."""

# The decoder of connections is generated at its first use, which would keep the loop from all else.
decode({"id": "speak_inexpensive", "status": {}}, Connection, place="warm-up")


async def lease_of(
    conn_id: str, find: Callable[[str], Awaitable[AirflowConnection]]
) -> SessionLease:
    """Return the use of the session of an Airflow connection, which `find` reads if necessary."""

    async def open() -> AsyncFivetran:
        return airflow_session(await find(conn_id), conn_id)

    return await SESSIONS.acquire(conn_id, open)


async def event_of_wait(fivetran: AsyncFivetran, token: str) -> WaitEnd:
    """
    Wait for the sync of a token, and return the event for its task.

    Raises:
        FivetranError: The wait cannot go on.
    """
    outcome: SyncOutcome = await fivetran.syncs.from_token(token).wait()
    return {"outcome": plain(outcome)}
