"""Reads one thing until it is as wanted, for waits that no sync is behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

from fivetran_async.errors import FivetranError
from fivetran_async.syncs._policy import SyncPolicy, backoff_delay, is_passing

if TYPE_CHECKING:
    from fivetran_async._clock import Clock

T = TypeVar("T")


@attrs.frozen
class Polled(Generic[T]):
    """What was last read, if anything ever was, and whether it is as wanted."""

    last: T | None
    done: bool


async def poll_until(
    read: Callable[[], Awaitable[T]],
    is_done: Callable[[T], bool],
    *,
    clock: Clock,
    policy: SyncPolicy,
) -> Polled[T]:
    """
    Read until it is as wanted or the time is over.

    Failures that pass are survived; a `Retry-After` is waited for.
    """
    began, failures, last = clock.monotonic(), 0, None
    while True:
        try:
            found = await read()
        except FivetranError as error:
            if not is_passing(error):
                raise
            failures += 1
            delay = backoff_delay(error, failures, policy)
        else:
            if is_done(found):
                return Polled(found, done=True)
            last, failures = found, 0
            delay = policy.interval(clock.monotonic() - began, clock.random())
        left = began + policy.timeout - clock.monotonic()
        if left <= 0:
            return Polled(last, done=False)
        await clock.sleep(min(delay, left))
