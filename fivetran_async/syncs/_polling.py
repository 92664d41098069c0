"""Reads one object until it is as wanted, and retries what fails for a passing reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import attrs

from fivetran_async.errors import FivetranError
from fivetran_async.syncs._deadline import Deadline, bounded
from fivetran_async.syncs._policy import SyncPolicy, backoff_delay, is_passing

if TYPE_CHECKING:
    from fivetran_async._http.session import Core

T = TypeVar("T")

LAST_READ: Final = 0.5
"""Seconds that the last read may take after the deadline."""


@attrs.frozen
class Polled(Generic[T]):
    """What was last read, if anything was, and whether it is as wanted."""

    last: T | None
    done: bool


async def poll_until(
    read: Callable[[], Awaitable[T]],
    is_done: Callable[[T], bool],
    *,
    core: Core,
    policy: SyncPolicy,
    deadline: Deadline | None = None,
) -> Polled[T]:
    """
    Read until the object is as wanted or the time is over.

    Failures that pass are retried; a `Retry-After` is obeyed.

    Args:
        read: Reads the object.
        is_done: Whether it is as wanted.
        core: The session; when it closes, the wait ends.
        policy: How often to read, and for how long.
        deadline: When to end, where part of the time has passed already.

    Raises:
        FivetranError: The object cannot be read.
        SessionClosedError: The session was closed.
    """
    clock, failures, last = core.clock, 0, None
    began, deadline = clock.monotonic(), deadline or Deadline(clock, policy.timeout)
    while True:
        try:
            found = await bounded(core, read(), max(deadline.remaining(), LAST_READ))
        except FivetranError as error:
            if not is_passing(error):
                raise
            failures += 1
            delay = backoff_delay(error, failures, policy)
        except TimeoutError:
            return Polled(last, done=False)
        else:
            if is_done(found):
                return Polled(found, done=True)
            last, failures = found, 0
            delay = policy.interval(clock.monotonic() - began, clock.random())
        left = deadline.remaining()
        if left <= 0:
            return Polled(last, done=False)
        await core.until_closed(clock.sleep(min(delay, left)))


async def patiently(
    call: Callable[[], Awaitable[T]], policy: SyncPolicy, core: Core, deadline: Deadline
) -> T:
    """
    Retry what failed for a passing reason, for as long as the sync itself would be awaited.

    Raises:
        FivetranError: The first failure that will not pass, or the last one before the deadline.
    """
    failures = 0
    while True:
        try:
            return await call()
        except FivetranError as error:
            failures += 1
            delay = backoff_delay(error, failures, policy)
            if not is_passing(error) or delay >= deadline.remaining():
                raise
        await core.until_closed(core.clock.sleep(delay))
