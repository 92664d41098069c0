"""
The only user of backoff: whether a failed attempt is retried, and after how long.

backoff drives the loop and nothing else. Its waits are 0 and the sleep runs in `on_backoff`,
because its jitter undercuts Retry-After, its `max_time` truncates waits, its clock is wall time and
its sleep cannot be replaced.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar, cast

import attrs

from fivetran_async._http.retry_table import ADVICE, verdict
from fivetran_async.errors import (
    AmbiguousOutcomeError,
    Fault,
    FivetranError,
    NotFoundError,
    OperationUnavailableError,
    SessionClosedError,
)

if TYPE_CHECKING:
    from backoff._typing import Details

    from fivetran_async._clock import Clock
    from fivetran_async._http.closing import Closing
    from fivetran_async._http.operation import RetryClass

T = TypeVar("T")
R = TypeVar("R", bound="Run")


class OuterRetry:
    """
    One attempt of a `with_retry`: calls inside it are sent once, so that attempts do not multiply.

    Tasks inherit it from the task that made them; a task that outlives the attempt retries its
    calls itself, because nothing else does.

    Attributes:
        closing: The end of the session of a call that failed inside: the wait for the next attempt
            ends with it.
    """

    __slots__ = ("_token", "closing", "is_over", "outer")

    _token: contextvars.Token[OuterRetry | None]

    def __init__(self) -> None:
        self.outer = _outer_retry.get()
        self.is_over = False
        self.closing: Closing | None = None

    def __enter__(self) -> Self:
        self._token = _outer_retry.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over = True
        _outer_retry.reset(self._token)


_outer_retry: contextvars.ContextVar[OuterRetry | None] = contextvars.ContextVar(
    "fivetran_async.outer_retry", default=None
)


def outer_retry() -> OuterRetry | None:
    """Return the attempt of a `with_retry` that this is inside of, and that is still made."""
    attempt = _outer_retry.get()
    while attempt is not None and attempt.is_over:
        attempt = attempt.outer
    return attempt


class Policy(Protocol):
    """The parts of the user's `RetryPolicy` that a run needs."""

    @property
    def max_attempts(self) -> int:
        """Requests per call, the first included."""
        ...

    def is_retryable(self, error: BaseException) -> bool:
        """Return True if the error may be retried at all."""
        ...

    def is_too_long(self, error: FivetranError) -> bool:
        """Return True if the server asks for a longer wait than is accepted."""
        ...

    def allows(self, error: FivetranError) -> bool:
        """Return True if the user's own test lets the error be retried."""
        ...

    def jittered_delay(self, error: FivetranError, attempt: int, chance: float) -> float:
        """Return the seconds to wait after a failed attempt."""
        ...


class RetryBucket:
    """
    Tokens that every retry of a session costs, so that a dead API is not hammered.

    A retry takes more than a success gives back: once the bucket is empty, calls to an API that
    responds with errors only are sent once.
    """

    CAPACITY: Final = 500
    COST: Final = 14
    COST_WHEN_THROTTLED: Final = 5

    def __init__(self) -> None:
        self.tokens: int = self.CAPACITY

    def take(self, fault: Fault | None) -> int:
        """Pay for one retry; return the price, or 0 if too few tokens are left."""
        cost = self.COST_WHEN_THROTTLED if fault is Fault.RATE_LIMITED else self.COST
        if cost > self.tokens:
            return 0
        self.tokens -= cost
        return cost

    def refund(self, amount: int) -> None:
        """Give back after a success: the price of its last retry, or one token for a clean call."""
        self.tokens = min(self.CAPACITY, self.tokens + amount)


@attrs.define(kw_only=True, eq=False, repr=False)
class Run:
    """One unit of work across its attempts: what was tried, and when to give up."""

    policy: Policy
    clock: Clock
    bucket: RetryBucket | None = None
    closing: Closing | None = None
    deadline_at: float | None = None
    notify: Callable[[FivetranError, int, float], Awaitable[None]] | None = None
    attempts: int = 0
    delay: float = 0.0
    waited: float = 0.0
    first_failure: AttemptFailedError | None = None
    maybe_applied: bool = False
    refund: int = 1

    def may_retry(self, error: FivetranError) -> bool:
        """Return True if a retry is harmless; here, the error itself knows."""
        return self.policy.is_retryable(error)

    def note_doubt(self, error: FivetranError) -> None:
        """Remember that an attempt may have been applied though it failed."""
        # A failure that is ambiguous for a dangerous call leaves any call in doubt.
        self.maybe_applied |= verdict(error.fault, "dangerous") == "ambiguous"

    def note_earlier_attempts(self, error: FivetranError) -> None:
        """Complete the error of a last attempt that was not sent: an earlier one was."""
        if error.fate == "not_sent" and self.maybe_applied:
            error.fate = "maybe_applied"

    def remaining(self) -> float | None:
        """Return the seconds until the deadline; None without one."""
        return None if self.deadline_at is None else self.deadline_at - self.clock.monotonic()

    def continue_from(self, outer: Run) -> None:
        """Become a part of another run's current attempt, with its deadline."""
        self.attempts = outer.attempts - 1
        self.maybe_applied = outer.maybe_applied
        self.deadline_at = outer.deadline_at

    def gives_up(self, error: FivetranError) -> bool:
        """Decide whether a failed attempt is the last; if not, set `delay`."""
        outer = outer_retry()
        if outer is not None:
            outer.closing = self.closing or outer.closing
        if not self.may_retry(error) or self.policy.is_too_long(error):
            return True
        if outer is not None or self.attempts >= self.policy.max_attempts:
            return True
        if not self.policy.allows(error):
            return True
        self.delay = self.policy.jittered_delay(error, self.attempts, self.clock.random())
        remaining = self.remaining()
        if remaining is not None and self.delay >= remaining:
            return True
        if self.bucket is None:
            return False
        self.refund = self.bucket.take(error.fault)
        return not self.refund

    async def wait(self, error: FivetranError) -> None:
        """Report the failure, then sleep until the retry."""
        if self.notify is not None:
            await self.notify(error, self.attempts, self.delay)
        self.waited += self.delay
        if self.closing is None:
            await self.clock.sleep(self.delay)
            return
        try:
            await self.closing.until_closed(self.clock.sleep(self.delay))
        except SessionClosedError as error_of_closing:
            closed = error_of_closing
        else:
            return
        closed.fate = "maybe_applied" if self.maybe_applied else "not_sent"
        closed.attempts = self.attempts
        closed.__cause__ = error
        raise AttemptFailedError(self, closed)

    def succeeded(self) -> None:
        """Give the price of the last retry back to the bucket."""
        bucket = self.bucket
        if bucket is not None and bucket.tokens < bucket.CAPACITY:
            bucket.refund(self.refund)


@attrs.define(kw_only=True, eq=False, repr=False)
class OperationRun(Run):
    """One call of an operation: its retry class decides what is retried."""

    retry_class: RetryClass

    def advise(self) -> str:
        """Return how to find out what an ambiguous failure did; "" for the general advice."""
        return ""

    def may_retry(self, error: FivetranError) -> bool:
        """Look up the retry table, and keep the result on the error for an outer `with_retry`."""
        # A call that gave up before it was sent made one request less than attempts.
        error.attempts = self.attempts - (error.fault is None and error.fate == "not_sent")
        self.note_doubt(error)
        found = verdict(error.fault, self.retry_class)
        error.retryable = found == "retry" or (found == "retry once" and self.attempts == 1)
        return error.retryable

    def found_gone(self, error: FivetranError) -> bool:
        """Return True if a retried delete found nothing, because an earlier attempt had done it."""
        return (
            self.retry_class == "delete"
            and self.attempts > 1
            and self.maybe_applied
            and isinstance(error, NotFoundError)
            # A 404 of the operation itself does not show that an earlier attempt had found it.
            and not isinstance(error, OperationUnavailableError)
        )

    def final_error(self, error: FivetranError) -> FivetranError:
        """Return the error for the caller: the failure, or that its outcome is ambiguous."""
        if isinstance(error, SessionClosedError) and error.fate is None:
            # It ended the wait of this attempt.
            error.fate = "not_sent"
        self.note_earlier_attempts(error)
        if verdict(error.fault, self.retry_class) != "ambiguous":
            return error
        accepted = error.status is not None and 200 <= error.status < 300
        summary = (
            "The request was accepted, but its response could not be read"
            if accepted
            else "The request may have been applied"
        )
        ambiguous = AmbiguousOutcomeError(
            f"{error.message.rstrip('.')}. {summary}; it was not retried.",
            status=error.status,
            code=error.code,
            verb=error.verb,
            path=error.path,
            operation=error.operation,
            template=error.template,
            attempts=error.attempts,
            retry_after=error.retry_after,
            fate="maybe_applied",
            fault=error.fault,
        )
        ambiguous.retryable = False
        ambiguous.seconds, ambiguous.call_id = error.seconds, error.call_id
        ambiguous.advice = self.advise() or ADVICE[self.retry_class]
        ambiguous.__cause__ = error
        return ambiguous


class AttemptFailedError(Exception):
    """A failed attempt for backoff, which passes nothing but the exception to its `giveup`."""

    def __init__(self, run: Run, error: FivetranError) -> None:
        super().__init__()
        self.run = run
        self.error = error


def _no_wait() -> Generator[float, Any, None]:
    while True:
        yield 0


def _gives_up(failed: Exception) -> bool:
    assert isinstance(failed, AttemptFailedError)  # noqa: S101 - the only class backoff catches here
    return failed.run.gives_up(failed.error)


async def _wait(details: Details) -> None:
    # backoff's own type of `details` lacks the exception.
    failed = cast("AttemptFailedError", cast("dict[str, object]", details)["exception"])
    await failed.run.wait(failed.error)


async def attempt(run: R, send: Callable[[R], Awaitable[T]]) -> T:
    """
    Send until it succeeds or `run` gives up; then the error is inside `AttemptFailedError`.

    The first attempt is made outside of backoff: its loop costs more than the rest of a call.
    """
    run.attempts += 1
    try:
        result = await send(run)
    except FivetranError as error:
        run.first_failure = AttemptFailedError(run, error)
    else:
        run.succeeded()
        return result
    return await next_attempts(run, send)


async def next_attempts(run: R, send: Callable[[R], Awaitable[T]]) -> T:
    """Do the same after `run.first_failure`, the failure of an attempt that was made already."""
    return cast("T", await _retry()(run, send))


@functools.cache
def _retry() -> Callable[[Run, Callable[[Any], Awaitable[Any]]], Awaitable[Any]]:
    # Loaded by the first failure, which most processes never see.
    import backoff  # noqa: PLC0415

    decorate = backoff.on_exception(
        _no_wait,
        AttemptFailedError,
        giveup=_gives_up,
        on_backoff=_wait,
        jitter=None,
        logger=None,
    )
    return decorate(_next_attempt)


async def _next_attempt(run: R, send: Callable[[R], Awaitable[T]]) -> T:
    first, run.first_failure = run.first_failure, None
    if first is not None:
        raise first
    run.attempts += 1
    try:
        result = await send(run)
    except FivetranError as error:
        failure = error
    else:
        run.succeeded()
        return result
    raise AttemptFailedError(run, failure)
