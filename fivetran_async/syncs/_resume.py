"""Resumes the wait for a sync that another process triggered, or was about to trigger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from fivetran_async.errors import FivetranError, SessionClosedError
from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs._deadline import Deadline, bounded
from fivetran_async.syncs._history import HISTORY_PATIENCE
from fivetran_async.syncs._policy import SyncPolicy, is_passing
from fivetran_async.syncs._reads import LOOK_DEADLINE, Dated, looking, read_connection
from fivetran_async.syncs._run import Pursuit, explain, pursuit_of
from fivetran_async.syncs._verdict import observe
from fivetran_async.syncs._watch import Watch, moved, perhaps_triggered, seconds_between

if TYPE_CHECKING:
    from fivetran_async._http.transport import Transport


async def resume(transport: Transport, token: str, timeout: float | None = None) -> Pursuit:  # noqa: ASYNC109
    """Resume a wait of another process; `timeout` bounds the read, too."""
    pursuit = pursuit_of(token, transport)
    if pursuit.refusal is not None:
        return pursuit
    pursuit.deadline = deadline = pursuit.deadline_of(timeout)
    pursuit.timeout = timeout
    seconds = LOOK_DEADLINE if timeout is None else min(deadline.seconds, LOOK_DEADLINE)
    reading = read_connection(looking(transport), pursuit.watch.connection_id)
    try:
        seen = await bounded(transport.core, reading, seconds)
    except SessionClosedError as error:
        error.token = token
        raise
    except TimeoutError:
        return _unread(pursuit, timeout)
    except FivetranError as error:
        if not is_passing(error):
            error.token = token
            explain(error, pursuit.begun_by, transport.core)
            raise
        return _unread(pursuit, timeout)
    return look_back(pursuit, seen) if timeout is None else judged(pursuit, seen)


def _unread(pursuit: Pursuit, timeout: float | None) -> Pursuit:
    """Leave it to the poller to read the record, and to count the timeout that goes on by it."""
    pursuit.handed_over = timeout is None
    return pursuit


def hand_over(transport: Transport, token: str) -> Pursuit:
    """
    Take over a wait of another process without a request: the poller reads it with all others.

    Raises:
        InvalidArgumentError: The text is not a token.
    """
    pursuit = pursuit_of(token, transport)
    pursuit.handed_over = pursuit.refusal is None
    return pursuit


def look_back(pursuit: Pursuit, seen: Dated) -> Pursuit:
    """Judge by the record as it is now; the timeout counts from the call that triggered."""
    age = seconds_between(pursuit.watch.zero_at, seen.at)
    pursuit.deadline = Deadline(
        pursuit.hub.clock, pursuit.policy.timeout - pursuit.watch.spent - age
    )
    pursuit.history_patience = HISTORY_PATIENCE
    return judged(pursuit, seen)


def judged(pursuit: Pursuit, seen: Dated) -> Pursuit:
    """Judge by the record as it is now."""
    age = seconds_between(pursuit.watch.zero_at, seen.at)
    step = observe(pursuit.watch, seen.connection, age, pursuit.policy, now=seen.at)
    return attrs.evolve(
        pursuit,
        # The poller triggers, if that is what is due.
        watch=pursuit.watch if step.retrigger else step.watch,
        origin=pursuit.hub.clock.monotonic() - age,
        seen=seen.connection,
        verdict=step.verdict,
    )


async def find(transport: Transport, token: str, baseline: Dated | None) -> Pursuit | None:
    """
    Return the wait for a sync that another process triggered, or was about to trigger.

    Args:
        transport: What to send with.
        token: The token of the sync before its trigger.
        baseline: The record, if it was just read.

    Returns:
        None if it surely was not triggered.

    Raises:
        FivetranError: The record cannot be read.
    """
    pursuit = pursuit_of(token, transport)
    if baseline is None:
        reading = read_connection(looking(transport), pursuit.watch.connection_id)
        baseline = await transport.core.until_closed(reading)
    if never_triggered(pursuit.watch, baseline.connection, pursuit.policy):
        return None
    pursuit.watch = perhaps_triggered(pursuit.watch)
    return look_back(pursuit, baseline)


def never_triggered(watch: Watch, connection: Connection, policy: SyncPolicy) -> bool:
    """
    True if a trigger that was about to be sent never was; PURE.

    A paused connection is resumed before its trigger.
    """
    ended = moved(watch.succeeded_at, connection.succeeded_at) or moved(
        watch.failed_at, connection.failed_at
    )
    return connection.is_paused and policy.if_paused == "resume" and not ended
