"""
The only user of backoff: whether a failed attempt is repeated, and after how long.

backoff drives the loop and nothing else. Its waits are 0 and our own sleep runs in `on_backoff`,
because its jitter undercuts Retry-After, its `max_time` truncates waits, its clock is wall time and
its sleep cannot be replaced.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

import attrs

from fivetran_async._http.retry_table import ADVICE, verdict
from fivetran_async.errors import AmbiguousOutcomeError, Fault, FivetranError, NotFoundError

if TYPE_CHECKING:
    from backoff._typing import Details

    from fivetran_async._clock import Clock
    from fivetran_async._http.operation import RetryClass

T = TypeVar("T")
R = TypeVar("R", bound="Run")

inside_with_retry: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "fivetran_async.inside_with_retry", default=False
)
"""True inside `with_retry`, where the calls' own retry is off: one layer, not two multiplied."""


class Policy(Protocol):
    """What a run asks of the user's `RetryPolicy`."""

    @property
    def max_attempts(self) -> int:
        """Requests per call, the first included."""
        ...

    def is_retryable(self, error: BaseException) -> bool:
        """Whether the error may be retried at all."""
        ...

    def is_too_long(self, error: FivetranError) -> bool:
        """Whether the server asks for a longer wait than is accepted."""
        ...

    def allows(self, error: FivetranError) -> bool:
        """Whether the user's own test lets the error be retried."""
        ...

    def jittered_delay(self, error: FivetranError, attempt: int, chance: float) -> float:
        """Seconds to wait after a failed attempt."""
        ...


class RetryBucket:
    """
    Tokens that every retry of a session costs, so that a dead API is not hammered.

    A retry takes more than a success gives back: once the bucket is empty, calls against an API
    that answers nothing but errors are sent once.
    """

    CAPACITY: Final = 500
    COST: Final = 14
    COST_WHEN_THROTTLED: Final = 5

    def __init__(self) -> None:
        self.tokens: int = self.CAPACITY

    def take(self, fault: Fault | None) -> int:
        """Pay for one retry; 0 when there is not enough left."""
        cost = self.COST_WHEN_THROTTLED if fault is Fault.RATE_LIMITED else self.COST
        if cost > self.tokens:
            return 0
        self.tokens -= cost
        return cost

    def refund(self, amount: int) -> None:
        """Give back after a success: what its last retry cost, or one token for a clean call."""
        self.tokens = min(self.CAPACITY, self.tokens + amount)


@attrs.define(kw_only=True, eq=False, repr=False)
class Run:
    """One unit of work across its attempts: what was tried, and when it must stop."""

    policy: Policy
    clock: Clock
    bucket: RetryBucket | None = None
    deadline_at: float | None = None
    notify: Callable[[FivetranError, int, float], Awaitable[None]] | None = None
    attempts: int = 0
    delay: float = 0.0
    first_failure: AttemptFailedError | None = None
    maybe_applied: bool = False
    refund: int = 1

    def may_repeat(self, error: FivetranError) -> bool:
        """Whether doing the same again is harmless; here, as the error itself says."""
        return self.policy.is_retryable(error)

    def note_doubt(self, error: FivetranError) -> None:
        """Remember whether an attempt may have been applied though it failed."""
        # What is ambiguous for a dangerous call leaves any call in doubt.
        self.maybe_applied |= verdict(error.fault, "dangerous") == "ambiguous"

    def remaining(self) -> float | None:
        """Seconds until the deadline; None without one."""
        return None if self.deadline_at is None else self.deadline_at - self.clock.monotonic()

    def continue_from(self, outer: Run) -> None:
        """Be part of the attempt of another run that is under way, and of its deadline."""
        self.attempts = outer.attempts - 1
        self.maybe_applied = outer.maybe_applied
        self.deadline_at = outer.deadline_at

    def gives_up(self, error: FivetranError) -> bool:
        """Decide about one failed attempt; when it is repeated, `delay` says after how long."""
        if not self.may_repeat(error) or self.policy.is_too_long(error):
            return True
        if inside_with_retry.get() or self.attempts >= self.policy.max_attempts:
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
        """Tell who wants to know, then sleep."""
        if self.notify is not None:
            await self.notify(error, self.attempts, self.delay)
        await self.clock.sleep(self.delay)

    def succeeded(self) -> None:
        """Give the bucket back what the last repeat took."""
        if self.bucket is not None:
            self.bucket.refund(self.refund)


@attrs.define(kw_only=True, eq=False, repr=False)
class OperationRun(Run):
    """One call of an operation, whose retry class says what may be repeated."""

    retry_class: RetryClass

    def advise(self) -> str:
        """Say how to find out what an ambiguous failure has done; "" for the general advice."""
        return ""

    def may_repeat(self, error: FivetranError) -> bool:
        """Judge by the retry table, and remember it on the error for an outer `with_retry`."""
        # A call that ran out of patience before it was sent made one request less than attempts.
        error.attempts = self.attempts - (error.fault is None and error.fate == "not_sent")
        self.note_doubt(error)
        judged = verdict(error.fault, self.retry_class)
        error.repeatable = judged == "repeat" or (judged == "repeat once" and self.attempts == 1)
        return error.repeatable

    def found_gone(self, error: FivetranError) -> bool:
        """Whether a delete's repeat found nothing, because an earlier attempt had done it."""
        return (
            self.retry_class == "delete"
            and self.attempts > 1
            and self.maybe_applied
            and isinstance(error, NotFoundError)
        )

    def final_error(self, error: FivetranError) -> FivetranError:
        """What the caller sees: the failure itself, or that nobody can tell what it did."""
        if verdict(error.fault, self.retry_class) != "ambiguous":
            return error
        accepted = error.status is not None and 200 <= error.status < 300
        summary = (
            "The request was accepted, but its answer could not be read"
            if accepted
            else "The request may have been applied"
        )
        ambiguous = AmbiguousOutcomeError(
            f"{error.message.rstrip('.')}. {summary}; it was not sent again.",
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
        ambiguous.repeatable = False
        ambiguous.seconds = error.seconds
        ambiguous.advice = self.advise() or ADVICE[self.retry_class]
        ambiguous.__cause__ = error
        return ambiguous


class AttemptFailedError(Exception):
    """What backoff sees of a failed attempt: its `giveup` is told the exception and no more."""

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
    # backoff's own type of `details` knows no exception.
    failed = cast("AttemptFailedError", cast("dict[str, object]", details)["exception"])
    await failed.run.wait(failed.error)


async def attempt(run: R, send: Callable[[R], Awaitable[T]]) -> T:
    """
    Send until it succeeds or `run` gives up; then the error is inside `AttemptFailedError`.

    The first attempt is made outside of backoff, whose loop costs more than all else of a call.
    """
    run.attempts += 1
    try:
        result = await send(run)
    except FivetranError as error:
        run.first_failure = AttemptFailedError(run, error)
    else:
        run.succeeded()
        return result
    return cast("T", await _repeat()(run, send))


@functools.cache
def _repeat() -> Callable[[Run, Callable[[Any], Awaitable[Any]]], Awaitable[Any]]:
    # Loaded by the first failure: nearly all processes never see one.
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
