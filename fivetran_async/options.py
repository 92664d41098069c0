"""Options of a session: timeouts and hooks."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, cast

import attrs

from fivetran_async._arguments import accepts, check_seconds, describe
from fivetran_async._codec import Drift, UnknownField
from fivetran_async._quota.patience import Guard, Patience, Priority
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.limits import ConcurrencyLimiter
from fivetran_async.retries import RetryPolicy

if TYPE_CHECKING:
    from fivetran_async.events import (
        ActivityEndEvent,
        ActivityStartEvent,
        CallEndEvent,
        CallStartEvent,
        RequestEvent,
        ResponseEvent,
        RetryEvent,
        WaitEvent,
    )

logger: logging.Logger = logging.getLogger("fivetran_async")

EventT = TypeVar("EventT")
Hook: TypeAlias = Callable[[EventT], Awaitable[None] | None]
PlainHook: TypeAlias = Callable[[EventT], None]


def _positive(owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
    check_seconds(f"{type(owner).__name__}.{attribute.name}", value)


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


def _plain_or_none(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and (not callable(value) or inspect.iscoroutinefunction(value)):
        raise InvalidArgumentError(
            f"Hooks.{attribute.name} must be a plain function, not {value!r:.100}: activities also "
            "end where nothing can be awaited."
        )


_ENDS: Final = frozenset({"on_call_end", "on_response", "on_activity_end"})


@attrs.frozen(kw_only=True)
class Hooks:
    """
    Functions that receive events, sync or async; their errors are logged and never break a call.

    `fivetran_async.events` has the events. An async hook is awaited by the call that it hears of.

    Attributes:
        on_call_start: Before the first request of each call.
        on_call_end: After each call, however it ended.
        on_request: Before each request.
        on_response: After each request, retried ones included, and after a wait for one that was
            refused; not if the call was cancelled meanwhile, which `on_call_end` reports.
        on_retry: Before each wait between two attempts.
        on_wait: When calls wait for a quota of the account; once per pause, not per call.
        on_drift: When a response departs from the documented types; once per model and field.
        on_unknown_field: When a response has a field that its model does not declare, as after an
            addition to the API; once per model and field. Without a hook, `DEBUG` logs show it.
        on_activity_start: When a fan-out, an awaited sync or a poll begins; a plain function.
        on_activity_end: When it ends; a plain function.
    """

    on_call_start: Hook[CallStartEvent] | None = None
    on_call_end: Hook[CallEndEvent] | None = None
    on_request: Hook[RequestEvent] | None = None
    on_response: Hook[ResponseEvent] | None = None
    on_retry: Hook[RetryEvent] | None = None
    on_wait: Hook[WaitEvent] | None = None
    on_drift: Hook[Drift] | None = None
    on_unknown_field: Hook[UnknownField] | None = None
    on_activity_start: PlainHook[ActivityStartEvent] | None = attrs.field(
        default=None, validator=_plain_or_none
    )
    on_activity_end: PlainHook[ActivityEndEvent] | None = attrs.field(
        default=None, validator=_plain_or_none
    )

    @property
    def watch_calls(self) -> bool:
        """True if a hook hears of whole calls."""
        return self.on_call_start is not None or self.on_call_end is not None

    @property
    def watch_attempts(self) -> bool:
        """True if attempts have to be reported, to any of the hooks that need them."""
        hooks = (self.on_call_end, self.on_request, self.on_response, self.on_wait)
        return any(hook is not None for hook in hooks)

    @classmethod
    def of(cls, *all_hooks: Hooks) -> Hooks:
        """
        Return hooks that call those of several, one after the other.

        The end of a call, a request or an activity is reported in the reverse order: what a hook
        made current at the start, such as a span, is current again when it hears of the end.

        ```python
        hooks = Hooks.of(telemetry.hooks, Hooks(on_retry=print))
        ```
        """
        joined: dict[str, object] = {}
        for field in attrs.fields(cls):
            given = [getattr(hooks, field.name) for hooks in all_hooks]
            functions = tuple(function for function in given if function is not None)
            if field.name in _ENDS:
                functions = functions[::-1]
            if len(functions) > 1:
                join = _joined_plain if field.validator is _plain_or_none else _Joined
                joined[field.name] = join(functions)
            elif functions:
                joined[field.name] = functions[0]
        return cls(**joined)  # type: ignore[arg-type]  # by name


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


@attrs.frozen(eq=False)
class _Joined(Generic[EventT]):
    """Several hooks as one, which awaits only if one of them does."""

    functions: tuple[Hook[EventT], ...]

    def __call__(self, event: EventT) -> Awaitable[None] | None:
        functions = iter(self.functions)
        for function in functions:
            rest = begin_hook(function, event)
            if rest is not None:
                return _rest_of(rest, functions, event)
        return None


async def _rest_of(rest: Awaitable[None], functions: Iterator[Hook[EventT]], event: EventT) -> None:
    try:
        await rest
        for function in functions:
            await call_hook(function, event)
    except BaseException:
        # The call is cancelled in a hook that awaits: the others hear of the event all the same.
        for function in functions:
            call_plain_hook(function, event)
        raise


def _joined_plain(functions: tuple[PlainHook[EventT], ...]) -> PlainHook[EventT]:
    def call_all(event: EventT) -> None:
        for function in functions:
            call_plain_hook(function, event)

    return call_all


async def call_hook(hook: Hook[EventT], event: EventT) -> None:
    """Call a user's hook; its errors are logged, because a call must not fail by them."""
    rest = begin_hook(hook, event)
    if rest is not None:
        await rest


def begin_hook(hook: Hook[EventT], event: EventT) -> Awaitable[None] | None:
    """Call a user's hook, and return what is left to await: nothing of most hooks."""
    try:
        result = hook(event)
        # As of most hooks; the test for others is slow.
        if result is None or not inspect.isawaitable(result):
            return None
    except Exception:
        logger.exception("A %s hook failed", type(event).__name__)
        return None
    return _end_hook(result, event)


async def _end_hook(result: Awaitable[None], event: object) -> None:
    try:
        await result
    except Exception:
        logger.exception("A %s hook failed", type(event).__name__)


def call_plain_hook(hook: Callable[[EventT], object], event: EventT) -> None:
    """
    Call a user's hook where nothing can be awaited; its errors are logged.

    What it awaits is left out.
    """
    if isinstance(hook, _Joined):
        for function in cast("_Joined[EventT]", hook).functions:
            call_plain_hook(function, event)
        return
    try:
        result = hook(event)
        if inspect.iscoroutine(result):
            result.close()
    except Exception:
        logger.exception("A %s hook failed", type(event).__name__)
