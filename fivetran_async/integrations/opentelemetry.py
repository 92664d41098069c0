"""
OpenTelemetry: `pip install fivetran_async[opentelemetry]`.

```python
telemetry = OpenTelemetry()
async with AsyncFivetran(hooks=telemetry.hooks) as fivetran:
    telemetry.watch(fivetran)  # the quotas that are left, as a gauge
```

Spans: one per call, named by verb and template, with its attempts, retries and waits as events; one
per fan-out and per awaited sync, around its calls; one per poll, linked to the syncs that caused
it. A sync is linked to the poll that saw its end. A span that you open in the function of a fan-out
is the parent of the calls in it.

Metrics follow the semantic conventions for HTTP clients; names that begin with `fivetran.` are
those of this package.

Spans and metrics have no query, no body and no credential. Metrics have no ids. aiohttp's own
instrumentation may be on: it is suppressed for the requests of this package, which it would report
a second time, with their queries.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from fivetran_async._version import __version__
from fivetran_async.errors import AmbiguousOutcomeError, FivetranError, TransportError
from fivetran_async.integrations._extras import needs
from fivetran_async.options import Hooks

with needs("opentelemetry", "fivetran_async[opentelemetry]"):
    from opentelemetry import context as otel_context
    from opentelemetry import metrics, trace

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, SpanContext, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from fivetran_async.client import AsyncFivetran
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

Attributes = dict[str, "AttributeValue"]

_SUPPRESS: Final[str | None] = getattr(otel_context, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", None)
"""Switches off instrumentations of HTTP clients, for the context that has it; a private name."""
_DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Seconds: the boundaries that the semantic conventions advise for requests."""
_LONG_DURATIONS: Final = (1, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)
_SIZES: Final = (0, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_MOST_POLLS: Final = 256
"""Polls that are remembered for links; a sync is reported right after the poll that ended it."""
_FAILED: Final = frozenset({"error", "failed", "broken"})
"""Outcomes of activities that make their span an error."""


@attrs.define(eq=False)
class _CallSpan:
    """The span of a call under way, its parent, and the context of the request in flight."""

    span: Span
    parent: Context
    attached: Context | None = None
    token: Token[Context] | None = None
    task: asyncio.Task[object] | None = None


@attrs.define(eq=False)
class _ActivitySpan:
    """The span of an activity under way, and the span around it when it began."""

    span: Span
    outer: SpanContext


class OpenTelemetry:
    """
    Spans and metrics for sessions: pass its `hooks` to them.

    Args:
        tracer_provider: Makes the spans; the global one by default.
        meter_provider: Makes the metrics; the global one by default.
        http_metrics: What the names of the HTTP metrics begin with. Choose one of your own, such as
            `"fivetran.http.client"`, where OpenTelemetry's exporter for Prometheus (0.66b2) meets
            another library that records `http.client.*`, as aiohttp's own instrumentation does for
            your other requests: it exports the labels of the one under names of the other.
    """

    hooks: Hooks
    """The hooks for `AsyncFivetran(hooks=...)`; join them with your own by `Hooks.of`."""

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        http_metrics: str = "http.client",
    ) -> None:
        self._tracer = trace.get_tracer("fivetran_async", __version__, tracer_provider)
        self._calls: dict[str, _CallSpan] = {}
        self._by_span: dict[int, _CallSpan] = {}
        self._activities: dict[str, _ActivitySpan] = {}
        self._polls: OrderedDict[str, SpanContext] = OrderedDict()
        self._sessions: weakref.WeakSet[AsyncFivetran] = weakref.WeakSet()
        meter = metrics.get_meter("fivetran_async", __version__, meter_provider)
        self._requests = meter.create_histogram(
            f"{http_metrics}.request.duration",
            "s",
            "Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self._active = meter.create_up_down_counter(
            f"{http_metrics}.active_requests",
            "{request}",
            "Requests in flight or waiting for a turn.",
        )
        self._sent = meter.create_histogram(
            f"{http_metrics}.request.body.size",
            "By",
            "Size of HTTP client request bodies.",
            explicit_bucket_boundaries_advisory=_SIZES,
        )
        self._received = meter.create_histogram(
            f"{http_metrics}.response.body.size",
            "By",
            "Size of HTTP client response bodies, decompressed.",
            explicit_bucket_boundaries_advisory=_SIZES,
        )
        self._durations = meter.create_histogram(
            "fivetran.call.duration",
            "s",
            "Duration of calls, with waits and retries.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self._retries = meter.create_counter(
            "fivetran.call.retries", "{retry}", "Requests that failed and were retried."
        )
        self._waits = meter.create_histogram(
            "fivetran.call.wait.duration",
            "s",
            "Seconds that calls waited for a quota, for a slot, or to retry.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self._pauses = meter.create_counter(
            "fivetran.quota.pauses", "{pause}", "Times that calls began to wait for a quota."
        )
        self._syncs = meter.create_histogram(
            "fivetran.sync.duration",
            "s",
            "Duration of awaited syncs, by outcome.",
            explicit_bucket_boundaries_advisory=_LONG_DURATIONS,
        )
        meter.create_observable_gauge(
            "fivetran.quota.remaining",
            [self._observe_remaining],
            "{request}",
            "Requests that are left of a quota.",
        )
        meter.create_observable_gauge(
            "fivetran.quota.limit", [self._observe_limit], "{request}", "Requests of a quota."
        )
        self.hooks = Hooks(
            on_call_start=self._start_call,
            on_call_end=self._end_call,
            on_request=self._start_request,
            on_response=self._end_request,
            on_retry=self._retry,
            on_wait=self._wait,
            on_activity_start=self._start_activity,
            on_activity_end=self._end_activity,
        )

    def watch(self, fivetran: AsyncFivetran) -> None:
        """Report the quotas of a session, for as long as it is used."""
        self._sessions.add(fivetran)

    def _start_call(self, event: CallStartEvent) -> None:
        attributes: Attributes = {
            **_http_attributes(event),
            "url.path": event.path,
            "fivetran.call_id": event.call_id,
            "fivetran.account": event.account,
        }
        parent = self._parent(event.activity_id)
        span = self._tracer.start_span(
            f"{event.verb} {event.template}" if event.template else event.verb,
            parent,
            SpanKind.CLIENT,
            attributes,
        )
        call = self._calls[event.call_id] = _CallSpan(span, parent)
        if span.is_recording():
            self._by_span[span.get_span_context().span_id] = call

    def _parent(self, activity_id: str | None) -> Context:
        """
        Return a context with the activity's span, unless another span was opened within it.

        A page that is fetched ahead begins in the context of the call for the page before it: it
        has the same parent, and does not belong to that call.
        """
        current = trace.get_current_span().get_span_context()
        call = self._by_span.get(current.span_id)
        if call is not None:
            return call.parent
        activity = None if activity_id is None else self._activities.get(activity_id)
        if activity is None or current != activity.outer:
            return otel_context.get_current()
        return trace.set_span_in_context(activity.span)

    def _start_request(self, event: RequestEvent) -> None:
        self._active.add(1, _http_attributes(event))
        call = self._calls.get(event.call_id)
        if call is not None:
            attached = trace.set_span_in_context(call.span)
            if _SUPPRESS is not None:
                attached = otel_context.set_value(_SUPPRESS, value=True, context=attached)
            call.attached, call.token = attached, otel_context.attach(attached)
            call.task = _running_task()

    def _leave_request(self, event: CallStartEvent, call: _CallSpan | None) -> None:
        self._active.add(-1, _http_attributes(event))
        if call is not None and call.token is not None:
            # Of an abandoned call, the end is reported in the context of the garbage collector, or
            # of a task that has only inherited the request.
            if otel_context.get_current() is call.attached and _running_task() is call.task:
                otel_context.detach(call.token)
            call.attached = call.token = call.task = None

    def _end_request(self, event: ResponseEvent) -> None:
        call = self._calls.get(event.call_id)
        self._leave_request(event, call)
        attributes = {**_http_attributes(event), **_result_of(event.status, event.error)}
        self._requests.record(event.seconds, attributes)
        if event.bytes_sent:
            self._sent.record(event.bytes_sent, attributes)
        if event.bytes_received:
            self._received.record(event.bytes_received, attributes)
        if call is not None and call.span.is_recording():
            described: Attributes = {
                "fivetran.attempt": event.attempt,
                "fivetran.seconds": event.seconds,
                "fivetran.waited_for_quota": event.waited_for_quota,
                "fivetran.waited_for_slot": event.waited_for_slot,
                **_result_of(event.status, event.error),
            }
            if event.error is not None:
                described["error.message"] = _reason_of(event.error)
            call.span.add_event("attempt", described)

    def _retry(self, event: RetryEvent) -> None:
        error_type = _type_of(event.error)
        self._retries.add(1, {"fivetran.operation": event.operation, "error.type": error_type})
        call = self._calls.get(event.call_id)
        if call is not None:
            call.span.add_event(
                "retry", {"fivetran.attempt": event.attempt, "fivetran.delay": event.delay}
            )

    def _wait(self, event: WaitEvent) -> None:
        attributes: Attributes = {"fivetran.quota": event.quota, "fivetran.paused": event.paused}
        self._pauses.add(1, attributes)
        call = None if event.call is None else self._calls.get(event.call.call_id)
        if call is not None:
            call.span.add_event(
                "wait",
                {
                    **attributes,
                    "fivetran.seconds": event.seconds,
                    "fivetran.calls_waiting": event.waiting,
                },
            )

    def _end_call(self, event: CallEndEvent) -> None:
        call = self._calls.pop(event.call_id, None)
        if call is not None and call.token is not None:
            # Cancelled while a request was in flight.
            self._leave_request(event, call)
        outcome: Attributes = {
            "fivetran.operation": event.operation,
            "fivetran.outcome": event.outcome,
        }
        self._durations.record(event.seconds, outcome)
        for reason, seconds in (
            ("quota", event.waited_for_quota),
            ("slot", event.waited_for_slot),
            ("retry", event.waited_to_retry),
        ):
            if seconds > 0:
                described: Attributes = {"fivetran.operation": event.operation}
                self._waits.record(seconds, {**described, "fivetran.reason": reason})
        if call is None:
            return
        span = call.span
        self._by_span.pop(span.get_span_context().span_id, None)
        if span.is_recording():
            span.set_attributes({**outcome, **_result_of(event.status, event.error)})
            if event.attempts > 1:
                span.set_attribute("http.request.resend_count", event.attempts - 1)
            if event.error is not None:
                span.set_status(Status(StatusCode.ERROR, _reason_of(event.error)))
        span.end()

    def _start_activity(self, event: ActivityStartEvent) -> None:
        attributes: Attributes = {
            "fivetran.account": event.account,
            "fivetran.activity_id": event.activity_id,
        }
        if event.connection_id is not None:
            attributes["fivetran.connection_id"] = event.connection_id
        causes = [
            self._activities[cause].span.get_span_context()
            for cause in event.caused_by
            if cause in self._activities
        ]
        outer = trace.get_current_span().get_span_context()
        span = self._tracer.start_span(
            f"fivetran.{event.kind}",
            # A poll serves all waits of a session: it belongs to none of them.
            otel_context.Context() if event.kind == "poll" else self._parent(event.parent_id),
            SpanKind.INTERNAL,
            attributes,
            [Link(cause) for cause in causes],
        )
        self._activities[event.activity_id] = _ActivitySpan(span, outer)
        if event.kind == "poll":
            self._polls[event.activity_id] = span.get_span_context()
            if len(self._polls) > _MOST_POLLS:
                self._polls.popitem(last=False)

    def _end_activity(self, event: ActivityEndEvent) -> None:
        if event.kind == "sync":
            self._syncs.record(event.seconds, {"fivetran.outcome": event.outcome})
        activity = self._activities.pop(event.activity_id, None)
        if activity is None:
            return
        span = activity.span
        span.set_attribute("fivetran.outcome", event.outcome)
        ended_by = None if event.ended_by is None else self._polls.get(event.ended_by)
        if ended_by is not None:
            span.add_link(ended_by)
        if event.error is not None:
            span.set_attribute("error.type", _type_of(event.error))
        if event.outcome in _FAILED:
            reason = None if event.error is None else _reason_of(event.error)
            span.set_status(Status(StatusCode.ERROR, reason))
        span.end()

    def _observe_remaining(self, _: CallbackOptions) -> Iterable[Observation]:
        for attributes, remaining, _limit in self._quotas():
            yield Observation(remaining, attributes)

    def _observe_limit(self, _: CallbackOptions) -> Iterable[Observation]:
        for attributes, _remaining, limit in self._quotas():
            yield Observation(limit, attributes)

    def _quotas(self) -> Iterable[tuple[Attributes, int, int]]:
        # Sessions of one key have one count.
        accounts = {session.account_hash: session for session in self._sessions}
        for account, session in accounts.items():
            for quota, state in session.limits.snapshot().items():
                attributes: Attributes = {"fivetran.account": account, "fivetran.quota": quota}
                yield attributes, state.remaining, state.limit


def _running_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        # Of an abandoned call, the end is also reported where no event loop is running.
        return None


def _http_attributes(event: CallStartEvent) -> Attributes:
    attributes: Attributes = {
        "http.request.method": event.verb,
        "server.address": event.host,
        "url.template": event.template,
        "fivetran.operation": event.operation,
    }
    if event.port is not None:
        attributes["server.port"] = event.port
    return attributes


def _result_of(status: int | None, error: FivetranError | None) -> Mapping[str, AttributeValue]:
    attributes: Attributes = {}
    if status is not None:
        attributes["http.response.status_code"] = status
    if error is not None:
        attributes["error.type"] = _type_of(error)
    return attributes


def _type_of(error: FivetranError) -> str:
    """Return the status of an error response, otherwise the class: a bounded number of words."""
    if error.status is not None and error.status >= 300:
        return str(error.status)
    return type(error).__name__


def _reason_of(error: FivetranError) -> str:
    """
    Return why a call failed, in words of this package or the vendor's code.

    A message of the server can repeat what was sent: it is left out.
    """
    cause = error.__cause__
    if isinstance(error, AmbiguousOutcomeError) and isinstance(cause, FivetranError):
        return _reason_of(cause)
    if isinstance(error, TransportError):
        return error.message
    words = (str(word) for word in (error.status, error.code) if word is not None)
    return " ".join(words) or type(error).__name__
