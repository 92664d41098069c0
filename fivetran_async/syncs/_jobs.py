"""Waits for setup tests, for a pause and for moves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import attrs

from fivetran_async._clock import to_the_end
from fivetran_async._types import UNSET
from fivetran_async.errors import (
    AmbiguousOutcomeError,
    FivetranError,
    ResultMissingError,
    WaitFailedError,
    WaitTimeoutError,
)
from fivetran_async.options import logger
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


@attrs.define(eq=False)
class _SharedPause:
    """
    The pause of one connection, which all blocks of a session share: the last one ends it.

    Attributes:
        before: The record before the pause; None until it was read.
        blocks: The number of blocks that are entered, or about to be.
        ending: Done when the pause has ended; None while it lasts.
    """

    before: Connection | None = None
    blocks: int = 0
    ending: asyncio.Future[None] | None = None


class _Pauses(dict[str, _SharedPause]):
    """The pauses of a session, by connection."""


@attrs.define(eq=False)
class _Pause:
    """One block of a pause, which ends unless the connection was paused before."""

    connections: ConnectionOperations
    connection_id: str
    pauses: _Pauses
    shared: _SharedPause | None = None

    async def begin(self) -> Connection:
        """Pause the connection, if it is not paused, and return its record."""
        shared = self.shared = self.shared or await self._join()
        now = await self.connections.get(self.connection_id)
        shared.before = shared.before or now
        # A pause during a long query returns 500 after a minute, and happens all the same.
        return now if now.is_paused else await self.connections.pause(self.connection_id)

    async def _join(self) -> _SharedPause:
        # A record that is read while another block resumes the connection can show either state.
        while (
            shared := self.pauses.setdefault(self.connection_id, _SharedPause())
        ).ending is not None:
            await asyncio.wait([shared.ending])
        shared.blocks += 1
        return shared

    async def end(self) -> None:
        """Resume the connection after its last block, however often the caller is cancelled."""
        shared, self.shared = self.shared, None
        if shared is None:
            return
        shared.blocks -= 1
        if shared.blocks:
            return
        shared.ending = asyncio.get_running_loop().create_future()
        try:
            if shared.before is not None and not shared.before.is_paused:
                await to_the_end(self.connections.resume(self.connection_id))
        finally:
            del self.pauses[self.connection_id]
            shared.ending.set_result(None)

    async def end_if_possible(self) -> None:
        """Do the same, and log a failure: another error is more important."""
        try:
            await self.end()
        except FivetranError as error:
            logger.warning("Could not resume %s: %s", self.connection_id, error)

    @contextlib.asynccontextmanager
    async def ended_by_cancellation(self) -> AsyncGenerator[None]:
        """Resume the connection if the caller is cancelled in the block."""
        try:
            yield
        except asyncio.CancelledError:
            await self.end_if_possible()
            raise


@contextlib.asynccontextmanager
async def kept_paused(
    connections: ConnectionOperations, connection_id: str, *, policy: SyncPolicy, core: Core
) -> AsyncGenerator[Connection]:
    """Pause a connection until nothing runs; after the block, resume it unless it was paused."""
    deadline = Deadline(core.clock, policy.timeout)
    pause = _Pause(connections, connection_id, core.part(_Pauses, _Pauses))
    async with pause.ended_by_cancellation():
        try:
            polled = await poll_until(
                pause.begin, is_at_rest, core=core, policy=policy, deadline=deadline
            )
        except FivetranError:
            # It may be paused all the same: only the response may be unusable.
            await pause.end_if_possible()
            raise
        last = polled.last
        if last is None or not polled.done:
            await pause.end_if_possible()
            raise WaitTimeoutError(
                f"Timed out after {policy.timeout:g} s waiting for the connection "
                f"{connection_id} to come to rest.",
                last,
            )
        try:
            yield last
        except asyncio.CancelledError:
            raise
        except BaseException:
            await pause.end()
            raise
        await pause.end()


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
