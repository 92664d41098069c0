"""Waits for setup tests and for a pause."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from fivetran_async._types import UNSET
from fivetran_async.errors import AmbiguousOutcomeError, WaitTimeoutError
from fivetran_async.syncs._policy import SyncPolicy
from fivetran_async.syncs._polling import poll_until

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async.resources._connection_operations import ConnectionOperations
    from fivetran_async.resources.connection_models import Connection

T = TypeVar("T")


async def set_up(
    connections: ConnectionOperations,
    connection_id: str,
    *,
    trust_certificates: bool,
    trust_fingerprints: bool,
    rounds: int,
    policy: SyncPolicy,
    clock: Clock,
) -> Connection:
    """Run setup tests until the connection is connected, or more of them would change nothing."""
    trusts = trust_certificates or trust_fingerprints
    tested: Connection | None = None
    for done in range(rounds):
        if done:
            await clock.sleep(policy.interval(0.0, clock.random()))
        try:
            tested = await connections.run_setup_tests(
                connection_id,
                trust_certificates=trust_certificates or UNSET,
                trust_fingerprints=trust_fingerprints or UNSET,
            )
        except AmbiguousOutcomeError:
            # The vendor cuts long requests off; the tests go on, and the record tells.
            tested = await connections.get(connection_id)
            if tested.is_connected:
                return tested
            continue
        if tested.is_connected or not (trusts or _may_pass_next_time(tested)):
            return tested
    return tested if tested is not None else await connections.get(connection_id)


def _may_pass_next_time(tested: Connection) -> bool:
    return any(test.status.upper() == "JOB_FAILED" for test in tested.setup_tests)


async def pause_and_wait(
    connections: ConnectionOperations, connection_id: str, *, policy: SyncPolicy, clock: Clock
) -> tuple[Connection, bool]:
    """Pause a connection until nothing runs; also say whether it was paused before."""
    before = await connections.get(connection_id)
    if is_at_rest(before):
        return before, True

    async def look() -> Connection:
        now = await connections.get(connection_id)
        # A pause during a long query answers 500 after a minute, and happens all the same.
        return now if now.is_paused else await connections.pause(connection_id)

    polled = await poll_until(look, is_at_rest, clock=clock, policy=policy)
    last = polled.last
    if last is None or not polled.done:
        raise WaitTimeoutError(
            f"The connection {connection_id} did not come to rest within {policy.timeout:g} s.",
            last,
        )
    return last, before.is_paused


def is_at_rest(connection: Connection) -> bool:
    """Whether it is paused and nothing runs any more."""
    return connection.is_paused and not connection.is_syncing
