"""Options of a session: timeouts, hooks, and the events that the hooks receive."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar, cast

import attrs

from fivetran_async._arguments import accepts, describe
from fivetran_async._codec import Drift
from fivetran_async._codec._errors import compared_facts
from fivetran_async._codec._serializable import Serializable
from fivetran_async._quota.patience import Guard, Patience, Priority, WaitEvent
from fivetran_async._types import Verb
from fivetran_async.errors import FivetranError, InvalidArgumentError
from fivetran_async.limits import ConcurrencyLimiter
from fivetran_async.retries import RetryPolicy

logger: logging.Logger = logging.getLogger("fivetran_async")

EventT = TypeVar("EventT")
Hook: TypeAlias = Callable[[EventT], Awaitable[None] | None]


def _positive(owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 < value < float("inf")
    ):
        raise InvalidArgumentError(
            f"{type(owner).__name__}.{attribute.name} must be a positive number of seconds, "
            f"not {value!r}."
        )


def _positive_or_none(owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None:
        _positive(owner, attribute, value)


@attrs.frozen
class Timeouts:
    """
    Seconds that one attempt may take; waits for a slot or a quota do not count. None: no limit.

    Attributes:
        connect: To connect to the server, the lookup of its host included.
        total: For the whole attempt.
        slow: The total of setup tests, schema reloads, uploads and others that the vendor documents
            to take minutes.
    """

    connect: float | None = attrs.field(default=10.0, validator=_positive_or_none)
    total: float | None = attrs.field(default=90.0, validator=_positive_or_none)
    slow: float | None = attrs.field(default=900.0, validator=_positive_or_none)

    @classmethod
    def of(cls, value: Timeouts | float | None) -> Timeouts:
        """Return timeouts; a bare number is the total, None switches all timeouts off."""
        if value is None:
            return cls(connect=None, total=None, slow=None)
        return value if isinstance(value, Timeouts) else cls(total=value)


@attrs.frozen(kw_only=True)
class RequestEvent(Serializable):
    """A request is about to be sent."""

    operation: str
    template: str
    verb: Verb
    path: str
    attempt: int


@attrs.frozen(kw_only=True)
class ResponseEvent(Serializable):
    """An attempt ended, with a status or with an error."""

    operation: str
    template: str
    verb: Verb
    path: str
    attempt: int
    seconds: float
    status: int | None = None
    error: FivetranError | None = attrs.field(default=None, eq=compared_facts)


@attrs.frozen(kw_only=True)
class RetryEvent(Serializable):
    """An attempt failed and is retried after `delay` seconds."""

    operation: str
    template: str
    verb: Verb
    path: str
    attempt: int
    delay: float
    error: FivetranError = attrs.field(eq=compared_facts)


@attrs.frozen(kw_only=True)
class Hooks:
    """
    Functions that receive events, sync or async; their errors are logged and never break a call.

    Attributes:
        on_request: Before each request.
        on_response: After each request, retried ones included.
        on_retry: Before each wait.
        on_wait: When calls wait for a quota of the account; once per pause, not per call.
        on_drift: When a response departs from the documented types; once per model and field.
    """

    on_request: Hook[RequestEvent] | None = None
    on_response: Hook[ResponseEvent] | None = None
    on_retry: Hook[RetryEvent] | None = None
    on_wait: Hook[WaitEvent] | None = None
    on_drift: Hook[Drift] | None = None


def is_a(hint: object) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Return a validator of attrs that checks a type."""
    test = accepts(hint)

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not test(value):
            given = "None" if value is None else type(value).__name__
            raise InvalidArgumentError(f"{attribute.alias} must be {describe(hint)}, not {given}.")

    return check


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Options:
    """The options that `with_options` changes for a view of a session; deadline in seconds."""

    timeouts: Timeouts = attrs.field(validator=is_a(Timeouts))
    retry: RetryPolicy = attrs.field(validator=is_a(RetryPolicy))
    hooks: Hooks = attrs.field(validator=is_a(Hooks))
    limiter: ConcurrencyLimiter | None = attrs.field(validator=is_a(ConcurrencyLimiter | None))
    priority: Priority = attrs.field(default="interactive", validator=is_a(Priority))
    deadline: float | None = attrs.field(default=None, validator=_positive_or_none)

    @property
    def longest_call(self) -> float | None:
        """Return the seconds that a call may take: the shorter deadline; None without one."""
        limits = (self.deadline, self.retry.deadline)
        return min((seconds for seconds in limits if seconds is not None), default=None)

    def patience(self, until_closed: Guard | None = None) -> Patience:
        """Return how its calls wait for the account's quotas, until the session closes."""
        return Patience(
            priority=self.priority,
            max_pause=self.retry.max_retry_after,
            max_wait=self.retry.max_local_wait,
            on_wait=self.hooks.on_wait,
            until_closed=until_closed,
        )


async def call_hook(hook: Hook[EventT], event: EventT) -> None:
    """Call a user's hook; its errors are logged, because a call must not fail by them."""
    try:
        result = hook(event)
        if inspect.isawaitable(result):
            await result
    except Exception:
        logger.exception("A %s hook failed", type(event).__name__)


async def report_retry(options: Options, error: FivetranError, attempt: int, delay: float) -> None:
    """Log that an attempt failed and is retried after `delay` seconds, and call the hooks."""
    logger.warning("%s (retry in %.1f s)", error, delay)
    event = RetryEvent(
        # Only errors of operations are retried, and they carry both.
        operation=error.operation or "",
        template=error.template or "",
        verb=cast("Verb", error.verb),
        path=error.path or "",
        attempt=attempt,
        delay=delay,
        error=error,
    )
    on_retry = options.retry.on_retry
    if on_retry is not None:
        await call_hook(lambda retry: on_retry(retry.error, retry.attempt, retry.delay), event)
    if options.hooks.on_retry is not None:
        await call_hook(options.hooks.on_retry, event)
