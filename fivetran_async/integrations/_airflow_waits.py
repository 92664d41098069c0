"""The waits of a triggerer: loaded in a thread, for it imports the HTTP client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

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
from fivetran_async.options import logger
from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs._policy import JITTER
from fivetran_async.syncs._sync_run import trigger_stopped
from fivetran_async.syncs._tokens import parse_token

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran
    from fivetran_async.syncs import SyncOutcome

WaitEnd: TypeAlias = dict[str, PlainOutcome]
"""What a trigger sends to its task: its `outcome`."""

_STOP_SECONDS: Final = 25.0
"""The longest time for a pause; Airflow allows 30 s."""
_LOOK_SECONDS: Final = 8.0
"""The longest time for one of the two looks before."""
_SLACK: Final = 35.0
"""Seconds from the request to what it does: the server takes long to stop some syncs."""

# The decoder of connections is generated at its first use, which would keep the loop from all else.
decode({"id": "speak_inexpensive", "status": {}}, Connection, place="warm-up")


async def lease_of(
    conn_id: str, find: Callable[[str], Awaitable[AirflowConnection]]
) -> SessionLease:
    """Return the use of the session of an Airflow connection, which `find` reads if necessary."""

    async def open() -> AsyncFivetran:
        return airflow_session(await find(conn_id), conn_id)

    return await SESSIONS.acquire(conn_id, open)


async def event_of_wait(fivetran: AsyncFivetran, token: str, *, follows: bool) -> WaitEnd:
    """
    Wait for the sync of a token, and return the event for its task.

    Args:
        fivetran: The session.
        token: The token.
        follows: An earlier try of the task may still pause the connection.

    Raises:
        FivetranError: The wait cannot go on.
    """
    run = fivetran.syncs.from_token(token)
    clock = fivetran._transport.core.clock  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    # It shows at the next poll.
    interval = parse_token(token).policy.max_interval * (1 + JITTER)
    contested = clock.monotonic() + _STOP_SECONDS + _SLACK + interval
    outcome: SyncOutcome = await run.wait()
    while follows and outcome.status == "paused" and clock.monotonic() < contested:
        logger.warning(
            "%s was paused while an earlier try of this task was ended: resuming it and triggering "
            "its sync",
            run.connection_id,
        )
        triggers = outcome.triggers
        run = await trigger_stopped(run)
        outcome = await run.wait()
        outcome = attrs.evolve(outcome, triggers=triggers + outcome.triggers)
    return {"outcome": plain(outcome)}


async def _within_time(is_over: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Return True if a task is over, also if Airflow does not respond: most that call are."""
    try:
        async with asyncio.timeout(seconds):
            return await is_over()
    except TimeoutError:
        logger.warning("Airflow did not return the state of the task in %g s", seconds)
        return True


async def stop_sync(
    fivetran: AsyncFivetran,
    token: str,
    is_over: Callable[[], Awaitable[bool]],
    *,
    patience: float = _LOOK_SECONDS,
) -> None:
    """
    Pause the connection of a token, if its sync has not ended and its task is over.

    Args:
        fivetran: The session.
        token: The token.
        is_over: Returns True if the task has no try to come, which would wait for this sync.
        patience: Seconds to find out whether the sync has ended, and then whether the task is over.

    Raises:
        FivetranError: The connection cannot be read or paused.
        TimeoutError: It took too long.
    """
    # A task that is cleared after it was found over has a try that allows for this time.
    async with asyncio.timeout(_STOP_SECONDS):
        run = await fivetran.syncs.resume(token, timeout=patience)
        if run.ended:
            logger.info("The sync of %s has ended: nothing is paused", run.connection_id)
        elif await _within_time(is_over, patience):
            await fivetran.connections.pause(run.connection_id)
            logger.info("Paused %s, since its task was ended", run.connection_id)
        else:
            logger.info("The next try of the task waits for the sync of %s", run.connection_id)
