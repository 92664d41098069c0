"""OpenTelemetry: spans and metrics of calls, fan-outs, syncs and polls, with the real SDK."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import pytest
from opentelemetry import context, trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.aiohttp_client import create_trace_config
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode
from prometheus_client import REGISTRY

from fivetran_async import (
    AmbiguousOutcomeError,
    AsyncFivetran,
    ConcurrencyLimiter,
    ConnectionLostError,
    Hooks,
    NotFoundError,
    Quota,
    RateLimits,
)
from fivetran_async.integrations.opentelemetry import OpenTelemetry
from fivetran_async.syncs import SyncPolicy
from fivetran_async.testing import FakeFivetran, Fault
from support.fake_clock import FakeClock
from support.faults import CLOSE_AFTER_REQUEST, HANG, FaultServer
from support.sessions import KEY, ONCE, ONE_GROUP, SECRET, STEADY, page, refusal, session_at
from support.waiting import until
from syncs.account_clock import AccountClock

GROUPS: Final = 100
POLICY: Final = SyncPolicy(timeout=3600, min_interval=30, max_interval=30, history=False)


class Telemetry:
    """OpenTelemetry with exporters that keep everything in memory."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        meters = MeterProvider(metric_readers=[self.reader])
        self.telemetry = OpenTelemetry(tracer_provider=self.tracers, meter_provider=meters)
        self.hooks = self.telemetry.hooks

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        """Return the finished spans, in the order of their ends."""
        found = self.exporter.get_finished_spans()
        return [span for span in found if name is None or span.name == name]

    def points(self) -> dict[str, list[Any]]:
        """Return the data points of all metrics, by name."""
        data = self.reader.get_metrics_data()
        return {
            metric.name: list(metric.data.data_points)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def otel() -> Telemetry:
    """A fresh SDK."""
    return Telemetry()


def attributes_of(span: ReadableSpan) -> Mapping[str, Any]:
    """Return the attributes of a span."""
    return span.attributes or {}


def parent_of(span: ReadableSpan) -> int | None:
    """Return the id of a span's parent."""
    return span.parent.span_id if span.parent else None


def context_of(span: ReadableSpan) -> SpanContext:
    """Return the ids of a span and of its trace."""
    context = span.get_span_context()
    assert context is not None
    return context


def ids_of(*spans: ReadableSpan) -> set[int]:
    """Return the ids of spans."""
    return {context_of(span).span_id for span in spans}


async def test_a_call_is_one_span(otel: Telemetry, clock: FakeClock) -> None:
    """It is named by its template, and has the operation, the outcome and its attempts."""
    async with (
        FaultServer(refusal(503, "Busy", "later"), ONE_GROUP) as server,
        session_at(server.url, hooks=otel.hooks, retry=STEADY, _clock=clock) as fivetran,
    ):
        url = server.url
        await fivetran.groups.get("decent_dropsy")
    (span,) = otel.spans()
    assert (span.name, span.kind, span.parent) == (
        "GET /v1/groups/{group_id}",
        SpanKind.CLIENT,
        None,
    )
    attributes = attributes_of(span)
    assert attributes["fivetran.operation"] == "groups.get"
    assert attributes["fivetran.outcome"] == "success"
    assert attributes["http.request.method"] == "GET"
    assert attributes["http.response.status_code"] == 200
    assert attributes["http.request.resend_count"] == 1
    assert attributes["server.address"] == "127.0.0.1"
    assert url.endswith(f":{attributes['server.port']}")
    assert span.status.status_code is StatusCode.UNSET
    assert [event.name for event in span.events] == ["attempt", "retry", "attempt"]
    first: Any = span.events[0].attributes
    assert (first["http.response.status_code"], first["error.type"]) == (503, "503")
    assert first["error.message"] == "503 Busy"


@pytest.mark.parametrize("provided", [False, True])
async def test_a_fan_out_is_one_trace(otel: Telemetry, provided: bool) -> None:  # noqa: FBT001 - a column
    """A fan-out over 100 groups, with retries, is one trace, beside aiohttp's own tracing too."""
    tracing = [create_trace_config(tracer_provider=otel.tracers)] if provided else []
    async with FakeFivetran() as fake:
        for number in range(GROUPS):
            group_id = fake.add_group(id=f"group_{number}")
            fake.add_connection(group_id=group_id)
        for nth in range(2, 60, 6):
            fake.fail("connections.list", fault=Fault.status(503), nth=nth)
        clock = FakeClock()
        async with (
            fake.client(hooks=otel.hooks, trace_configs=tracing, _clock=clock) as fivetran,
            fivetran.fan_out(
                fivetran.groups.list(), lambda group: fivetran.connections.list(group_id=group.id)
            ) as results,
        ):
            assert len([each async for each in results]) == GROUPS
        requests = len(fake.requests)
        assert not any("traceparent" in request.headers for request in fake.requests)
    spans = otel.spans()
    assert len(spans) == GROUPS + 2, "a span for each call, and one for the fan-out"
    assert len({context_of(span).trace_id for span in spans}) == 1
    (root,) = otel.spans("fivetran.fan_out")
    assert root.parent is None
    calls = [span for span in spans if span is not root]
    assert {parent_of(span) for span in calls} == ids_of(root)
    for span in spans:
        assert attributes_of(span)["fivetran.outcome"] == "success"
    assert {attributes_of(span)["fivetran.operation"] for span in calls} == {
        "groups.list",
        "connections.list",
    }
    resent = sum(attributes_of(span).get("http.request.resend_count", 0) for span in calls)
    assert resent == requests - GROUPS - 1 == 10


async def test_aiohttp_alone_would_double(otel: Telemetry) -> None:
    """Without the suppression, aiohttp's tracing makes a span with the whole query."""
    tracing = create_trace_config(tracer_provider=otel.tracers)
    async with (
        FaultServer(page(["g"])) as server,
        session_at(server.url, trace_configs=[tracing]) as fivetran,
    ):
        await fivetran.connections.list(group_id="hidden_group")
    (span,) = otel.spans()
    assert "hidden_group" in str(attributes_of(span))


async def test_nothing_secret_is_exported(otel: Telemetry, clock: FakeClock) -> None:
    """No key, no secret, no value of a query, and no message of the server that repeats one."""
    async with (
        FaultServer(
            page(["g"]),
            refusal(503, "Busy", "no hidden_group here"),
            refusal(404, "NotFound_Group", "hidden_group was not found"),
        ) as server,
        session_at(server.url, hooks=otel.hooks, retry=STEADY, _clock=clock) as fivetran,
    ):
        await fivetran.connections.list(group_id="hidden_group", schema="hidden_schema")
        with pytest.raises(NotFoundError):
            await fivetran.connections.list(group_id="hidden_group")
    exported = "".join(span.to_json() for span in otel.spans()) + str(otel.points())
    assert "/v1/connections" in exported
    for hidden in (KEY, SECRET, "hidden_group", "hidden_schema"):
        assert hidden not in exported
    assert otel.spans()[-1].status.description == "404 NotFound_Group"


async def test_a_dropped_connection_has_its_reason(otel: Telemetry) -> None:
    """The span of a failed call is an error, with the class and the reason in words."""
    async with (
        FaultServer(CLOSE_AFTER_REQUEST, CLOSE_AFTER_REQUEST) as server,
        session_at(server.url, hooks=otel.hooks, retry=ONCE) as fivetran,
    ):
        with pytest.raises(ConnectionLostError):
            await fivetran.groups.get("g")
        with pytest.raises(AmbiguousOutcomeError):
            await fivetran.groups.create(name="n")
    read, create = otel.spans()
    for span in (read, create):
        assert span.status.status_code is StatusCode.ERROR
        assert "connection broke before the response" in str(span.status.description)
    assert attributes_of(read)["error.type"] == "ConnectionLostError"
    assert attributes_of(create)["error.type"] == "AmbiguousOutcomeError"
    assert attributes_of(create)["fivetran.outcome"] == "error"


async def test_spans_of_the_caller_are_parents(otel: Telemetry) -> None:
    """A span that is open around a call, also in the function of a fan-out, is its parent."""
    tracer = otel.tracers.get_tracer("caller")

    async def look(group_id: str) -> None:
        with tracer.start_as_current_span("look"):
            await fivetran.groups.get(group_id)

    async with FakeFivetran() as fake, fake.client(hooks=otel.hooks) as fivetran:
        group_id = fake.add_group()
        with tracer.start_as_current_span("job"):
            async with fivetran.fan_out([group_id], look) as results:
                assert len([each async for each in results]) == 1
            await fivetran.groups.get(group_id)
    inner, outer = otel.spans("GET /v1/groups/{group_id}")
    (look_span,), (job,) = otel.spans("look"), otel.spans("job")
    (fan_out,) = otel.spans("fivetran.fan_out")
    assert parent_of(inner) in ids_of(look_span)
    assert {parent_of(outer), parent_of(fan_out), parent_of(look_span)} == ids_of(job)


async def test_the_callers_context_is_restored(otel: Telemetry) -> None:
    """After a call, a failed or a cancelled one, the caller's span is current as before."""
    tracer = otel.tracers.get_tracer("caller")
    async with (
        FaultServer(ONE_GROUP, refusal(404), HANG) as server,
        session_at(server.url, hooks=otel.hooks) as fivetran,
    ):

        async def call_thrice() -> None:
            with tracer.start_as_current_span("job") as job:
                await fivetran.groups.get("g")
                assert trace.get_current_span() is job
                with pytest.raises(NotFoundError):
                    await fivetran.groups.get("g")
                assert trace.get_current_span() is job
                try:
                    await fivetran.groups.get("g")
                finally:
                    assert trace.get_current_span() is job

        task = asyncio.create_task(call_thrice())
        await until(lambda: len(server.requests) == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    outcomes = [attributes_of(span).get("fivetran.outcome") for span in otel.spans()]
    assert outcomes == ["success", "error", "cancelled", None]
    assert [point.value for point in otel.points()["http.client.active_requests"]] == [0]


async def test_the_callers_context_is_restored_after_joined_hooks(otel: Telemetry) -> None:
    """Of two hooks that both open a span around a request, each finds its own at the end."""
    other = Telemetry()
    before = context.get_current()
    async with (
        FaultServer(refusal(503), ONE_GROUP) as server,
        session_at(
            server.url, hooks=Hooks.of(otel.hooks, other.hooks), retry=STEADY, _clock=FakeClock()
        ) as fivetran,
    ):
        await fivetran.groups.get("g")
    assert context.get_current() is before
    assert [len(each.spans()) for each in (otel, other)] == [1, 1]


async def test_spans_of_joined_hooks_end_with_abandoned_calls(otel: Telemetry) -> None:
    """A coroutine that is closed ends its span also where the hooks are joined with others."""
    slot, hooks = ConcurrencyLimiter(1), Hooks.of(otel.hooks, Hooks(on_call_end=print))
    async with FakeFivetran() as fake, fake.client(hooks=hooks, limiter=slot) as fivetran, slot:
        call = fivetran.groups.get("g")
        call.send(None)
        call.close()
    (span,) = otel.spans()
    assert attributes_of(span)["fivetran.outcome"] == "cancelled"


@pytest.mark.parametrize("is_heir", [False, True])
async def test_abandoned_calls_end_their_spans(
    otel: Telemetry,
    caplog: pytest.LogCaptureFixture,
    is_heir: bool,  # noqa: FBT001 - a column
) -> None:
    """A coroutine that is closed elsewhere ends its span, and OpenTelemetry logs no failure."""
    slot = ConcurrencyLimiter(1)
    async with (
        FakeFivetran() as fake,
        fake.client(hooks=otel.hooks, limiter=slot) as fivetran,
        slot,
    ):
        call = fivetran.groups.get("g")

        async def close() -> None:
            call.close()

        async def begin() -> None:
            call.send(None)
            if is_heir:
                # A task that begins now has the context of the request.
                await asyncio.create_task(close())

        await asyncio.create_task(begin())
        call.close()
    (span,) = otel.spans()
    assert attributes_of(span)["fivetran.outcome"] == "cancelled"
    assert caplog.records == []


async def test_polls_are_linked_to_what_caused_them(otel: Telemetry) -> None:
    """Each poll is a root with links to its syncs; each sync has a link to its last poll."""
    async with FakeFivetran(running=False) as fake:
        ids = [fake.add_connection() for _ in range(3)]
        clock = AccountClock(fake)
        async with fake.client(hooks=otel.hooks, _clock=clock, rate_limits=None) as fivetran:
            await asyncio.gather(
                *(fivetran.connections.sync_and_wait(each, policy=POLICY) for each in ids)
            )
    syncs, polls = otel.spans("fivetran.sync"), otel.spans("fivetran.poll")
    assert len(syncs) == 3
    for span in syncs:
        assert attributes_of(span)["fivetran.outcome"] == "succeeded"
        assert {link.context.span_id for link in span.links} == ids_of(polls[-1])
    caused = {link.context.span_id for poll in polls for link in poll.links}
    assert caused == ids_of(*syncs)
    assert {poll.parent for poll in polls} == {None}
    looks = [span for span in otel.spans() if parent_of(span) in ids_of(*polls)]
    assert {attributes_of(span)["fivetran.operation"] for span in looks} <= {
        "connections.get",
        "connections.list",
    }
    others = set(otel.spans()) - {*syncs, *polls, *looks}
    assert {parent_of(span) for span in others} == ids_of(*syncs), "no call is an orphan"


async def test_metrics(otel: Telemetry, clock: FakeClock) -> None:
    """Requests, calls, retries, waits, pauses and quotas are counted, without ids."""
    quotas = RateLimits(quotas={"requests": (Quota(3, 60.0),)})
    async with (
        FaultServer(refusal(503, "Busy"), *[ONE_GROUP] * 4) as server,
        session_at(
            server.url, hooks=otel.hooks, retry=STEADY, rate_limits=quotas, _clock=clock
        ) as fivetran,
    ):
        otel.telemetry.watch(fivetran)
        otel.telemetry.watch(fivetran.with_options(priority="bulk"))
        for number in range(4):
            await fivetran.groups.get(f"group_{number}")
        points = otel.points()
    requests = Counter(
        {
            point.attributes["http.response.status_code"]: point.count
            for point in points["http.client.request.duration"]
        }
    )
    assert requests == {503: 1, 200: 4}
    (call,) = points["fivetran.call.duration"]
    assert (call.count, dict(call.attributes)) == (
        4,
        {"fivetran.operation": "groups.get", "fivetran.outcome": "success"},
    )
    assert [point.value for point in points["fivetran.call.retries"]] == [1]
    waits = {
        point.attributes["fivetran.reason"]: point.sum
        for point in points["fivetran.call.wait.duration"]
    }
    assert waits["retry"] == 1.0
    assert waits["quota"] > 0
    assert sum(point.value for point in points["fivetran.quota.pauses"]) >= 1
    (left,) = [
        point
        for point in points["fivetran.quota.remaining"]
        if point.attributes["fivetran.quota"] == "requests"
    ]
    assert left.value == fivetran.limits.snapshot()["requests"].remaining
    assert left.attributes == {
        "fivetran.account": fivetran.account_hash,
        "fivetran.quota": "requests",
    }
    assert 3 in [point.value for point in points["fivetran.quota.limit"]]
    assert len(points["fivetran.quota.limit"]) == len(fivetran.limits.snapshot())
    assert "group_" not in json.dumps(
        [dict(point.attributes) for found in points.values() for point in found]
    ).replace("{group_id}", "")


@pytest.mark.parametrize("prefix", ["http.client", "fivetran.http.client"])
async def test_prometheus_gets_labels_under_their_names(prefix: str) -> None:
    """Names of their own keep labels apart from those of a library that records the same metric."""
    meters = MeterProvider([PrometheusMetricReader()])
    telemetry = OpenTelemetry(meter_provider=meters, http_metrics=prefix)
    try:
        theirs = meters.get_meter("another library")
        other = theirs.create_histogram(
            "http.client.request.duration", "s", "Duration of HTTP client requests."
        )
        other.record(0.1, {"http.request.method": "PUT", "zone": "eu"})
        async with (
            FaultServer(ONE_GROUP) as server,
            session_at(server.url, hooks=telemetry.hooks) as fivetran,
        ):
            await fivetran.groups.get("group_1")
        samples = [each for metric in REGISTRY.collect() for each in metric.samples]
    finally:
        meters.shutdown()
    labels = [each.labels for each in samples if "_request_duration_seconds" in each.name]
    zones = {(each["otel_scope_name"], each["zone"]) for each in labels if each.get("zone")}
    ours = {each["otel_scope_name"] for each in labels if each.get("url_template")}
    kept = zones == {("another library", "eu")} and ours == {"fivetran_async"}
    # Equality: once the exporter keeps labels apart by itself, the argument may go.
    assert kept is (prefix != "http.client"), labels


async def test_syncs_are_counted_by_outcome(otel: Telemetry) -> None:
    """The durations of awaited syncs have their outcome."""
    async with FakeFivetran(running=False) as fake:
        ids = [fake.add_connection(), fake.add_connection(paused=True)]
        clock = AccountClock(fake)
        async with (
            fake.client(hooks=otel.hooks, _clock=clock, rate_limits=None) as fivetran,
            fivetran.syncs.run_all(ids, policy=POLICY) as outcomes,
        ):
            assert len([each async for each in outcomes]) == 2
    counts = {
        point.attributes["fivetran.outcome"]: point.count
        for point in otel.points()["fivetran.sync.duration"]
    }
    assert counts == {"succeeded": 1, "paused": 1}


async def test_watched_sessions_are_not_kept(otel: Telemetry) -> None:
    """A session that is gone has no gauge; hooks of others can be joined."""
    otel.telemetry.watch(AsyncFivetran("key", "secret", hooks=Hooks.of(otel.hooks, Hooks())))
    assert otel.points().get("fivetran.quota.remaining", []) == []


async def test_pages_that_are_fetched_ahead_are_siblings(otel: Telemetry) -> None:
    """Each page of a walk is a child of the caller's span, also one that is fetched ahead."""
    tracer = otel.tracers.get_tracer("caller")
    async with FakeFivetran() as fake, fake.client(hooks=otel.hooks) as fivetran:
        for _ in range(90):
            fake.add_connection()
        with tracer.start_as_current_span("job"):
            async with fivetran.connections.list(limit=30).prefetch() as items:
                assert len([each async for each in items]) == 90
            async with fivetran.fan_out(
                [1], lambda _: fivetran.connections.list(limit=30)
            ) as results:
                assert len([each async for each in results]) == 90
    (job,), (fan_out,) = otel.spans("job"), otel.spans("fivetran.fan_out")
    pages = otel.spans("GET /v1/connections")
    assert Counter(map(parent_of, pages)) == Counter(
        {context_of(job).span_id: 3, context_of(fan_out).span_id: 3}
    )
