"""Reports calls and activities to hooks and to the log: their ids, and what they add up to."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import os
from collections.abc import Awaitable, Generator, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TypedDict, cast

import attrs

from fivetran_async._clock import SYSTEM_CLOCK, shielded
from fivetran_async.errors import FivetranError
from fivetran_async.options import Hooks, Options, begin_hook, call_hook, call_plain_hook, logger

if TYPE_CHECKING:
    from types import ModuleType

    from fivetran_async._clock import Clock
    from fivetran_async._http.call import Call
    from fivetran_async._http.exchange import Exchange
    from fivetran_async._http.session import Core
    from fivetran_async._quota.patience import Patience
    from fivetran_async._types import Verb
    from fivetran_async.events import (
        ActivityKind,
        ActivityStartEvent,
        ResponseEvent,
    )

_MOST_CAUSES: Final = 100
"""OpenTelemetry's SDK keeps 128 links of a span."""


_BYTES: Final = tuple(f"{byte:02x}" for byte in range(256))


class _Ids:
    """Makes ids that are unique among processes, forked ones included."""

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        # The format of a 64-bit id: many systems for logs and traces show it well. A number is not
        # formatted, which would take three times as long.
        serials = itertools.product((os.urandom(4).hex(),), *[_BYTES] * 4)
        self._ids = map("".join, serials)

    def next(self) -> str:
        """Return another id: 16 hexadecimal digits."""
        for each in self._ids:
            return each
        # After four thousand million, with another prefix.
        self._renew()
        return next(self._ids)


new_id: Final = _Ids().next

current_activity: Final[ContextVar[Activity | None]] = ContextVar(
    "fivetran_async.activity", default=None
)
"""The fan-out, the awaited sync or the poll that the running task works for."""


def activity_id() -> str | None:
    """Return the id of the activity that the running task works for."""
    activity = current_activity.get()
    return None if activity is None else activity.id


class AccountFacts(TypedDict):
    """What all calls of a session have in common."""

    account: str
    host: str
    port: int | None


@attrs.define(eq=False, repr=False)
class CallTotals:
    """What the attempts of a call add up to, for `on_call_end`."""

    began: float
    seconds_on_wire: float = 0.0
    waited_for_quota: float = 0.0
    waited_for_slot: float = 0.0
    bytes_sent: int = 0
    bytes_received: int = 0
    status: int | None = None

    def add(
        self, run: Call, exchange: Exchange, seconds: float, for_quota: float, for_slot: float
    ) -> None:
        """Count an attempt, with the seconds on the wire and of its two waits."""
        self.seconds_on_wire += seconds
        self.waited_for_quota += for_quota
        self.waited_for_slot += for_slot
        self.bytes_sent += run.request.size
        self.bytes_received += exchange.poured or len(exchange.body)
        self.status = exchange.status


class Activity:
    """
    A fan-out, an awaited sync or a poll under way.

    Attributes:
        ended_by: For a sync: the poll that saw its end.
    """

    __slots__ = ("_began", "_is_over", "_observer", "_start", "ended_by")

    ended_by: str | None

    def __init__(self, observer: ActivityObserver, start: ActivityStartEvent) -> None:
        self._observer = observer
        self._start = start
        self._began = observer.clock.monotonic()
        self._is_over = False
        self.ended_by = None

    @property
    def id(self) -> str:
        """Its id, which the events of its calls have."""
        return self._start.activity_id

    @contextlib.contextmanager
    def current(self) -> Generator[None]:
        """Let the calls in the block belong to it."""
        token = current_activity.set(self)
        try:
            yield
        finally:
            current_activity.reset(token)

    @property
    def is_poll(self) -> bool:
        """True for a poll."""
        return self._start.kind == "poll"

    def fail(self, error: BaseException) -> None:
        """Report that it ended with an error, or was left."""
        self.end("error" if isinstance(error, Exception) else "left", error=error)

    def end(self, outcome: str, *, error: BaseException | None = None) -> None:
        """Report its end, once."""
        on_end = self._observer.hooks.on_activity_end
        if self._is_over or on_end is None:
            return
        from fivetran_async.events import ActivityEndEvent  # noqa: PLC0415 - most sessions have no hooks

        self._is_over = True
        start = self._start
        event = ActivityEndEvent(
            kind=start.kind,
            activity_id=start.activity_id,
            account=start.account,
            parent_id=start.parent_id,
            caused_by=start.caused_by,
            connection_id=start.connection_id,
            outcome=outcome,
            seconds=self._observer.clock.monotonic() - self._began,
            error=error if isinstance(error, FivetranError) else None,
            ended_by=self.ended_by,
        )
        call_plain_hook(on_end, event)


@attrs.frozen(eq=False, repr=False)
class ActivityObserver:
    """Reports activities to the hooks of one view of a session."""

    hooks: Hooks
    account: str
    clock: Clock

    def begin(
        self, kind: ActivityKind, *, connection_id: str | None = None, causes: Iterable[str] = ()
    ) -> Activity:
        """Begin an activity, within the one that the running task works for."""
        from fivetran_async.events import ActivityStartEvent  # noqa: PLC0415 - loads all events

        start = ActivityStartEvent(
            kind=kind,
            activity_id=new_id(),
            account=self.account,
            parent_id=activity_id(),
            caused_by=tuple(itertools.islice(causes, _MOST_CAUSES)),
            connection_id=connection_id,
        )
        if self.hooks.on_activity_start is not None:
            call_plain_hook(self.hooks.on_activity_start, start)
        return Activity(self, start)


UNOBSERVED: Final = ActivityObserver(Hooks(), "", SYSTEM_CLOCK)
"""For a fan-out without a session."""


class _RetryFacts(AccountFacts):
    """What the event and the log record of a retry have."""

    operation: str
    template: str
    verb: Verb
    path: str
    call_id: str
    activity_id: str | None
    attempt: int
    delay: float


async def report_retry(
    options: Options, account: AccountFacts, error: FivetranError, attempt: int, delay: float
) -> None:
    """Log that an attempt failed and is retried after `delay` seconds, and call the hooks."""
    facts: _RetryFacts = {
        # Only errors of operations are retried, and they carry these.
        "operation": error.operation or "",
        "template": error.template or "",
        "verb": cast("Verb", error.verb),
        "path": error.path or "",
        "call_id": error.call_id or "",
        **account,
        "activity_id": activity_id(),
        "attempt": attempt,
        "delay": delay,
    }
    logger.warning("%s (retry in %.1f s)", error, delay, extra={**facts, "status": error.status})
    on_retry, hook = options.retry.on_retry, options.hooks.on_retry
    if on_retry is None and hook is None:
        return
    from fivetran_async.events import RetryEvent  # noqa: PLC0415 - most sessions have no hooks

    event = RetryEvent(**facts, error=error)
    if on_retry is not None:
        await call_hook(lambda retry: on_retry(retry.error, retry.attempt, retry.delay), event)
    if hook is not None:
        await call_hook(hook, event)


class CallReports:
    """Reports the calls of one view of a session to its hooks and to the log."""

    __slots__ = ("_core", "_hooks")

    def __init__(self, core: Core, options: Options) -> None:
        self._core = core
        self._hooks = options.hooks

    async def start(self, run: Call) -> None:
        """Report that a call begins."""
        on_call_start = self._hooks.on_call_start
        if self._hooks.on_call_end is not None:
            run.totals = CallTotals(self._core.clock.monotonic())
        if on_call_start is not None:
            await call_hook(on_call_start, _events().call_start_event(run))

    async def end(self, run: Call, failure: BaseException | None) -> None:
        """Report drift, and that a call ended."""
        if isinstance(failure, FivetranError):
            failure.call_id = failure.call_id or run.call_id
        core = self._core
        # A coroutine that is closed cannot await anything.
        if (core.unreported or core.unknown_fields) and not isinstance(failure, GeneratorExit):
            try:
                await self._drift()
            except BaseException as interruption:
                # Of a hook that awaits: the call was cancelled in it.
                await self._end(run, failure or interruption)
                raise
        await self._end(run, failure)

    async def _end(self, run: Call, failure: BaseException | None) -> None:
        core, is_abandoned = self._core, isinstance(failure, GeneratorExit)
        totals, on_call_end = run.totals, self._hooks.on_call_end
        if totals is None or on_call_end is None:
            return
        event = _events().call_end_event(run, totals, failure, core.clock.monotonic())
        if is_abandoned:
            call_plain_hook(on_call_end, event)
        elif (rest := begin_hook(on_call_end, event)) is not None:
            # anyio cancels a task at each turn of the loop.
            is_cancelled = isinstance(failure, asyncio.CancelledError)
            with shielded() if is_cancelled else contextlib.nullcontext():
                await rest

    async def _drift(self) -> None:
        core, hooks = self._core, self._hooks
        # Without a hook the reports stay: another view of the session may have one.
        while core.unreported and hooks.on_drift is not None:
            await call_hook(hooks.on_drift, core.unreported.popleft())
        while core.unknown_fields and hooks.on_unknown_field is not None:
            await call_hook(hooks.on_unknown_field, core.unknown_fields.popleft())

    async def request(self, run: Call) -> None:
        """Report that a request is about to wait for its turn, and then to be sent."""
        on_request = self._hooks.on_request
        if on_request is not None:
            await call_hook(on_request, _events().request_event(run))

    def patience(self, run: Call, patience: Patience) -> Patience:
        """Return how a request waits for its turn, such that waits name its call."""
        if patience.on_wait is None and not logger.isEnabledFor(logging.INFO):
            return patience
        return patience.of_call(_events().call_start_event(run), run.attempts)

    def attempt(
        self, run: Call, exchange: Exchange, *, joined: float | None, waited_for_slot: float
    ) -> Awaitable[None] | None:
        """
        Report an attempt that ended, and return what is left to await of it.

        Args:
            run: The call.
            exchange: The attempt.
            joined: When it joined the line for its turn; None if it got none.
            waited_for_slot: The seconds of its turn that it waited for a slot.
        """
        on_response = self._hooks.on_response
        is_logged = logger.isEnabledFor(logging.DEBUG)
        seconds, waited_for_quota = _times(exchange, joined, waited_for_slot)
        if run.totals is not None:
            run.totals.add(run, exchange, seconds, waited_for_quota, waited_for_slot)
        if on_response is None and not is_logged:
            return None
        event = _events().response_event(run, exchange, seconds, waited_for_quota, waited_for_slot)
        if is_logged:
            log_attempt(event)
        return None if on_response is None else begin_hook(on_response, event)

    def interrupted(
        self, run: Call, exchange: Exchange, *, joined: float | None, waited_for_slot: float
    ) -> None:
        """Count an attempt that was cancelled, or left, for `on_call_end`."""
        if run.totals is not None:
            exchange.seconds = self._core.clock.monotonic() - exchange.started
            seconds, waited_for_quota = _times(exchange, joined, waited_for_slot)
            run.totals.add(run, exchange, seconds, waited_for_quota, waited_for_slot)


def _times(exchange: Exchange, joined: float | None, waited_for_slot: float) -> tuple[float, float]:
    """Return the seconds of an attempt on the wire, and those that it waited for quotas."""
    seconds, waited = 0.0, exchange.seconds
    if joined is not None:
        seconds, waited = waited, exchange.started - joined
    return seconds, waited - waited_for_slot if waited > waited_for_slot else 0.0


@functools.cache
def _events() -> ModuleType:
    from fivetran_async._http import call_events  # noqa: PLC0415 - most sessions have no hooks

    return call_events


def log_attempt(event: ResponseEvent) -> None:
    """Log an attempt at DEBUG, with its facts as fields of the record."""
    extra = event.to_dict(include_empty=True)
    # The record of a failure is the one of its retry, or the exception.
    del extra["error"]
    logger.debug(
        "%s %s: %s in %.3f s", event.verb, event.path, event.status, event.seconds, extra=extra
    )
