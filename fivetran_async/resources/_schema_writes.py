"""
Sends changes to schema configs one at a time per connection, and retries them after a collision.

The server refuses a change that overlaps with another change to the same connection (409,
"Optimistic lock"). Changes of one session never overlap; collisions with other clients are retried.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

import attrs

from fivetran_async._http.observing import report_retry
from fivetran_async._http.retry import AttemptFailedError, Run, attempt
from fivetran_async._http.turn import within
from fivetran_async.errors import ConflictError, FivetranError, RequestTimeoutError

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async._http.transport import Transport

T = TypeVar("T")


class _SchemaLocks(WeakValueDictionary[str, asyncio.Lock]):
    """The locks of a session by connection id; a lock exists while a change uses it."""


def is_collision(error: FivetranError) -> bool:
    """Return True if the server refused a change because another one was in progress."""
    return isinstance(error, ConflictError) and "optimistic lock" in error.message.casefold()


@attrs.define(kw_only=True, eq=False)
class _Write(Run):
    """
    One change across its attempts.

    After a collision even a plain update can be retried: the server applied no part of it, and a
    PATCH lists everything that it changes. The transport decides about all other failures.
    """

    def may_retry(self, error: FivetranError) -> bool:
        self.note_doubt(error)
        if is_collision(error):
            # An outer `with_retry` may retry it too.
            error.retryable = True
        return bool(error.retryable)


class SchemaWrites:
    """Sends changes to schema configs for one view of a session."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def run(self, connection_id: str, work: Callable[[Transport], Awaitable[T]]) -> T:
        """
        Run some work while this session runs no other work on the schemas of the connection.

        The lock is held for one attempt only: the transport passed to `work` sends once, and this
        method retries, after a wait without the lock. The deadline of the call includes the wait
        for the lock.
        """
        # Looked up here, on the event loop that the locks belong to.
        locks = self._transport.core.part(_SchemaLocks, _SchemaLocks)
        lock = locks.setdefault(connection_id, asyncio.Lock())

        async def work_alone(run: _Write) -> T:
            await _acquire(lock, run.remaining(), run.clock)
            try:
                return await work(self._for_one_attempt(run))
            finally:
                lock.release()

        write = self._new_write()
        try:
            return await attempt(write, work_alone)
        except AttemptFailedError as failed:
            error = failed.error
        write.note_earlier_attempts(error)
        raise error

    def _new_write(self) -> _Write:
        core, options = self._transport.core, self._transport.options
        longest = options.longest_call
        return _Write(
            policy=options.retry,
            # The calls inside the work refill the bucket.
            refund=0,
            clock=core.clock,
            bucket=core.bucket,
            closing=core.pool.closing,
            deadline_at=None if longest is None else core.clock.monotonic() + longest,
            notify=functools.partial(report_retry, options, core.account),
        )

    def _for_one_attempt(self, run: _Write) -> Transport:
        options = self._transport.options
        retry = attrs.evolve(options.retry, max_attempts=run.attempts)
        options = attrs.evolve(options, retry=retry)
        return self._transport.with_options(options, within=run)


async def _acquire(lock: asyncio.Lock, seconds: float | None, clock: Clock) -> None:
    with contextlib.suppress(TimeoutError):
        async with within(seconds, clock):
            await lock.acquire()
        return
    raise RequestTimeoutError(
        "Timed out waiting for another change to the same connection (see deadline=).",
        fate="not_sent",
    )
