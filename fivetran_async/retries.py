"""Retries: the policy of a session, and the same loop for your own functions."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import attrs

from fivetran_async._arguments import check_seconds
from fivetran_async._clock import SYSTEM_CLOCK, Clock
from fivetran_async._http.retry import AttemptFailedError, OuterRetry, Run, attempt
from fivetran_async._http.retry_table import verdict
from fivetran_async.errors import AmbiguousOutcomeError, FivetranError, InvalidArgumentError

T = TypeVar("T")

RetryCallback: TypeAlias = Callable[[FivetranError, int, float], Awaitable[None] | None]

_LARGEST_EXPONENT = 32
_LONGEST_PAUSE = 3600.0
"""Seconds of the vendor's longest window: a server that asks to wait longer is wrong."""


def _non_negative(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    check_seconds(attribute.name, value, at_least=0.0)


def _non_negative_or_none(owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None:
        _non_negative(owner, attribute, value)


def at_least_one(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Check a count of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidArgumentError(f"{attribute.name} must be an int of 1 or more, not {value!r}.")


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """
    How often a failed call is retried, and after which waits; all times in seconds.

    The operation decides what is retried at all: a read after any transient failure, a trigger or a
    create only if the request certainly did not arrive.

    Attributes:
        max_attempts: Requests per call, the first included; 1 turns retry off.
        base_delay: The wait before the first retry; it doubles each time.
        max_delay: The longest wait without a `Retry-After`.
        jitter: Spread the waits, so that many clients do not return at once.
        max_retry_after: The longest `Retry-After` that is waited for; beyond it the call fails at
            once. None waits for any, an hour at most: no limit of the vendor lasts longer.
        max_local_wait: The longest wait for the account's quotas as this process counts them;
            beyond it the call fails with `RateLimitedError`, as soon as that is known. None for no
            bound. A call with a deadline waits until then instead, and one with `priority="bulk"`
            longer by the longest window of its quotas, an hour.
        deadline: Seconds for the whole call, waits included; None for no deadline.
        retry_if: Returns False for an error that is not to be retried; it cannot make an error
            retryable.
        on_retry: Called with (error, attempt, delay) before each wait; may be a coroutine function.
    """

    max_attempts: int = attrs.field(default=3, validator=at_least_one)
    base_delay: float = attrs.field(default=1.0, validator=_non_negative)
    max_delay: float = attrs.field(default=30.0, validator=_non_negative)
    jitter: bool = True
    max_retry_after: float | None = attrs.field(default=60.0, validator=_non_negative_or_none)
    max_local_wait: float | None = attrs.field(default=300.0, validator=_non_negative_or_none)
    deadline: float | None = attrs.field(default=None, validator=_non_negative_or_none)
    retry_if: Callable[[FivetranError], bool] | None = None
    on_retry: RetryCallback | None = None

    def delay_for(self, error: BaseException, attempt: int) -> float:
        """
        Return the seconds to wait after a failed attempt (1 is the first), without jitter.

        A `Retry-After` is waited for in full, an hour at most.
        """
        if isinstance(error, FivetranError) and error.retry_after:
            return min(error.retry_after, _LONGEST_PAUSE)
        return min(self.max_delay, self.base_delay * 2.0 ** min(attempt - 1, _LARGEST_EXPONENT))

    def is_retryable(self, error: BaseException) -> bool:
        """Return True if this policy would retry after such an error, attempts permitting."""
        if not isinstance(error, FivetranError) or isinstance(error, AmbiguousOutcomeError):
            return False
        retryable = error.retryable
        if retryable is None:
            retryable = verdict(error.fault, "read") in {"retry", "retry once"}
        return retryable and self.allows(error) and not self.is_too_long(error)

    def allows(self, error: FivetranError) -> bool:
        """Return True if `retry_if` lets this error be retried."""
        return self.retry_if is None or bool(self.retry_if(error))

    def is_too_long(self, error: FivetranError) -> bool:
        """Return True if the server asks for a longer wait than `max_retry_after`."""
        return (
            self.max_retry_after is not None
            and error.retry_after is not None
            and error.retry_after > self.max_retry_after
        )

    def jittered_delay(self, error: FivetranError, attempt: int, chance: float) -> float:
        """Return the wait with jitter, `chance` from 0 to 1; `Retry-After` grows by up to 10 %."""
        delay = self.delay_for(error, attempt)
        if not self.jitter:
            return delay
        return delay * (1 + 0.1 * chance) if error.retry_after else delay * (0.5 + 0.5 * chance)


async def call_back(callback: Callable[..., object], *arguments: object) -> None:
    """Call a user's sync or async callback."""
    result = callback(*arguments)
    if inspect.isawaitable(result):
        await result


async def with_retry(
    func: Callable[[], Awaitable[T]],
    policy: RetryPolicy | None = None,
    *,
    _clock: Clock | None = None,
) -> T:
    """
    Await `func()` until it succeeds or the policy gives up; for a unit of work of several calls.

    The calls inside are sent once each, so that attempts do not multiply; those of a task that
    outlives its attempt are retried as usual. Only errors of this package are retried, and an
    `AmbiguousOutcomeError` never is.

    Example:
        ```python
        group = await with_retry(lambda: find_or_create(fivetran, "Marketing"))
        ```

    Raises:
        FivetranError: The last failure, after the policy gave up.
        SessionClosedError: The session of the calls was closed between two attempts.
    """
    chosen = RetryPolicy() if policy is None else policy
    clock = SYSTEM_CLOCK if _clock is None else _clock

    async def notify(error: FivetranError, attempts: int, delay: float) -> None:
        if chosen.on_retry is not None:
            await call_back(chosen.on_retry, error, attempts, delay)

    async def send(run: Run) -> T:
        with OuterRetry() as inside:
            try:
                return await func()
            finally:
                # A session that `func` opens for each attempt is closed by now.
                is_open = inside.closing is not None and not inside.closing.closed
                run.closing = inside.closing if is_open else None

    run = Run(
        policy=chosen,
        clock=clock,
        notify=notify,
        deadline_at=None if chosen.deadline is None else clock.monotonic() + chosen.deadline,
        # Of several calls, those before the one that failed may have succeeded.
        maybe_applied=True,
    )
    try:
        return await attempt(run, send)
    except AttemptFailedError as failed:
        error = failed.error
    raise error
