"""Waits for setup tests, for a pause and for moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fivetran_async._types import UNSET
from fivetran_async.errors import (
    AmbiguousOutcomeError,
    ResultMissingError,
    WaitFailedError,
    WaitTimeoutError,
)
from fivetran_async.syncs._deadline import Deadline
from fivetran_async.syncs._policy import SyncPolicy
from fivetran_async.syncs._polling import poll_until

if TYPE_CHECKING:
    from fivetran_async._http.session import Core
    from fivetran_async.resources._connection_operations import ConnectionOperations
    from fivetran_async.resources.connection_models import Connection, ConnectionMoveJob


async def set_up(
    connections: ConnectionOperations,
    connection_id: str,
    *,
    trust_certificates: bool,
    trust_fingerprints: bool,
    rounds: int,
    policy: SyncPolicy,
    core: Core,
) -> Connection:
    """Run setup tests until the connection is connected, or more of them would change nothing."""
    trusts = trust_certificates or trust_fingerprints
    # A connection that was connected before is so whatever becomes of tests that are cut off.
    tested = await core.until_closed(connections.get(connection_id))
    for done in range(rounds):
        if done:
            clock = core.clock
            await core.until_closed(clock.sleep(policy.interval(0.0, clock.random())))
        was_connected = tested.is_connected
        running = connections.run_setup_tests(
            connection_id,
            trust_certificates=trust_certificates or UNSET,
            trust_fingerprints=trust_fingerprints or UNSET,
        )
        try:
            tested = await core.until_closed(running)
        except (AmbiguousOutcomeError, ResultMissingError):
            # The vendor cuts long requests off; the tests go on, and the record shows their result.
            tested = await core.until_closed(connections.get(connection_id))
            if tested.is_connected and not was_connected:
                return tested
            continue
        if tested.is_connected or not (trusts or _may_pass_next_time(tested)):
            return tested
    return tested


def _may_pass_next_time(tested: Connection) -> bool:
    return any(test.status.upper() == "JOB_FAILED" for test in tested.setup_tests)


async def pause_and_wait(
    connections: ConnectionOperations, connection_id: str, *, policy: SyncPolicy, core: Core
) -> tuple[Connection, bool]:
    """Pause a connection until nothing runs; also return whether it was paused before."""
    deadline = Deadline(core.clock, policy.timeout)
    before: Connection | None = None

    async def look() -> Connection:
        nonlocal before
        now = await connections.get(connection_id)
        before = before or now
        # A pause during a long query returns 500 after a minute, and happens all the same.
        return now if now.is_paused else await connections.pause(connection_id)

    polled = await poll_until(look, is_at_rest, core=core, policy=policy, deadline=deadline)
    last = polled.last
    if last is None or before is None or not polled.done:
        raise WaitTimeoutError(
            f"Timed out after {policy.timeout:g} s waiting for the connection {connection_id} to "
            "come to rest.",
            last,
        )
    return last, before.is_paused


def is_at_rest(connection: Connection) -> bool:
    """True if it is paused and nothing runs."""
    return connection.is_paused and not connection.is_syncing


async def await_move(
    connections: ConnectionOperations,
    connection_id: str,
    job_id: str,
    *,
    policy: SyncPolicy,
    core: Core,
) -> ConnectionMoveJob:
    """Read a move until it has ended, and return it if it succeeded."""
    polled = await poll_until(
        lambda: connections.get_move(connection_id, job_id),
        lambda job: job.is_done,
        core=core,
        policy=policy,
    )
    job = polled.last
    if job is not None and job.is_successful:
        return job
    named = f"move {job_id} of the connection {connection_id}"
    if job is not None and polled.done:
        reason = f": {job.error_message}" if job.error_message else "."
        raise WaitFailedError(f"The {named} ended as {job.status or 'unknown'}{reason}", job)
    state = f", last seen as {job.status}" if job is not None else ""
    raise WaitTimeoutError(
        f"Timed out after {policy.timeout:g} s waiting for the {named}{state}.", job
    )
