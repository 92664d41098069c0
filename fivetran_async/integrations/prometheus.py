"""
Prometheus: `pip install fivetran_async[prometheus]`.

A service counts its own calls:

```python
metrics = PrometheusMetrics()
async with AsyncFivetran(hooks=metrics.hooks) as fivetran:
    metrics.watch(fivetran)  # the quotas that are left
```

One process of the fleet exports the account; `fivetran-async exporter --port 9400` is that process:

```python
async with AsyncFivetran() as fivetran, AccountExporter(fivetran, interval=300):
    ...
```

It lists the connections in the background, with one request per thousand and interval. A scrape
sends no request. Label values are operations, states, services and ids of connections and groups,
no queries and no names; `most_connections` bounds their number.

With several processes and `PROMETHEUS_MULTIPROC_DIR`, prometheus_client does not see collectors
such as the quotas and the account: run the exporter as a process of its own.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING, Final

from fivetran_async.integrations._extras import needs
from fivetran_async.options import Hooks

with needs("prometheus_client", "fivetran_async[prometheus]"):
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fivetran_async.integrations._account_exporter import AccountExporter, serve_metrics

if TYPE_CHECKING:
    from prometheus_client import Metric

    from fivetran_async.client import AsyncFivetran
    from fivetran_async.errors import FivetranError
    from fivetran_async.events import (
        ActivityEndEvent,
        CallEndEvent,
        CallStartEvent,
        ResponseEvent,
        RetryEvent,
        WaitEvent,
    )

__all__ = ["AccountExporter", "PrometheusMetrics", "serve_account", "serve_metrics"]

_CALL_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_SYNC_SECONDS: Final = (60, 300, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)


class _Quotas(Collector):
    """The quotas of the watched sessions, read when they are scraped; sends no request."""

    def __init__(self, sessions: weakref.WeakSet[AsyncFivetran]) -> None:
        self._sessions = sessions

    def collect(self) -> Iterable[Metric]:
        """Return the quotas of each account once."""
        labels = ("account", "quota")
        left = GaugeMetricFamily(
            "fivetran_quota_remaining", "Requests that are left.", labels=labels
        )
        limit = GaugeMetricFamily("fivetran_quota_limit", "Requests of the quota.", labels=labels)
        paused = GaugeMetricFamily(
            "fivetran_quota_paused_seconds", "Seconds that a 429 still stops calls.", labels=labels
        )
        waiting = GaugeMetricFamily(
            "fivetran_quota_waiting_calls", "Calls of this process that wait.", labels=labels
        )
        accounts = {session.account_hash: session for session in tuple(self._sessions)}
        for account, session in accounts.items():
            for quota, state in session.limits.snapshot().items():
                values = (account, quota)
                left.add_metric(values, state.remaining)
                limit.add_metric(values, state.limit)
                paused.add_metric(values, state.paused_for)
                waiting.add_metric(values, state.waiting)
        return left, limit, paused, waiting


class PrometheusMetrics:
    """
    Counters and histograms of the calls of sessions: pass its `hooks` to them.

    Args:
        registry: Where the metrics are registered; make one object for each registry.
    """

    hooks: Hooks
    """The hooks for `AsyncFivetran(hooks=...)`; join them with your own by `Hooks.of`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._calls = Counter(
            "fivetran_calls", "Calls that ended.", ("operation", "outcome"), registry=registry
        )
        self._durations = Histogram(
            "fivetran_call_duration_seconds",
            "Duration of calls, with waits and retries.",
            ("operation",),
            buckets=_CALL_SECONDS,
            registry=registry,
        )
        self._in_progress = Gauge(
            "fivetran_calls_in_progress",
            "Calls that have begun and not ended.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._requests = Counter(
            "fivetran_requests",
            "Requests that ended, by HTTP status or error.",
            ("operation", "result"),
            registry=registry,
        )
        self._retries = Counter(
            "fivetran_retries",
            "Requests that failed and were retried, by HTTP status or error.",
            ("operation", "result"),
            registry=registry,
        )
        self._waited = Counter(
            "fivetran_wait_seconds",
            "Seconds that calls waited: for a quota, for a slot, to retry.",
            ("reason",),
            registry=registry,
        )
        self._pauses = Counter(
            "fivetran_quota_pauses",
            "Times that calls began to wait for a quota.",
            ("quota", "cause"),
            registry=registry,
        )
        self._syncs = Histogram(
            "fivetran_sync_duration_seconds",
            "Duration of awaited syncs, by outcome.",
            ("outcome",),
            buckets=_SYNC_SECONDS,
            registry=registry,
        )
        self._sessions: weakref.WeakSet[AsyncFivetran] = weakref.WeakSet()
        registry.register(_Quotas(self._sessions))
        # The children are kept: to look one up by its labels costs more than to count.
        self._call_children: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        self._request_children: dict[tuple[str, str], Counter] = {}
        self._wait_children = {
            reason: self._waited.labels(reason) for reason in ("quota", "slot", "retry")
        }
        self.hooks = Hooks(
            on_call_start=self._start_call,
            on_call_end=self._end_call,
            on_response=self._end_request,
            on_retry=self._retry,
            on_wait=self._wait,
            on_activity_end=self._end_activity,
        )

    def watch(self, fivetran: AsyncFivetran) -> None:
        """Export the quotas of a session, for as long as it is used."""
        self._sessions.add(fivetran)

    def _start_call(self, _: CallStartEvent) -> None:
        self._in_progress.inc()

    def _end_call(self, event: CallEndEvent) -> None:
        self._in_progress.dec()
        labels = event.operation, event.outcome
        children = self._call_children.get(labels)
        if children is None:
            children = self._calls.labels(*labels), self._durations.labels(event.operation)
            self._call_children[labels] = children
        calls, durations = children
        calls.inc()
        durations.observe(event.seconds)
        if event.waited_for_quota:
            self._wait_children["quota"].inc(event.waited_for_quota)
        if event.waited_for_slot:
            self._wait_children["slot"].inc(event.waited_for_slot)
        if event.waited_to_retry:
            self._wait_children["retry"].inc(event.waited_to_retry)

    def _end_request(self, event: ResponseEvent) -> None:
        labels = event.operation, result_word(event.status, event.error)
        child = self._request_children.get(labels)
        if child is None:
            child = self._request_children[labels] = self._requests.labels(*labels)
        child.inc()

    def _retry(self, event: RetryEvent) -> None:
        self._retries.labels(event.operation, result_word(event.error.status, event.error)).inc()

    def _wait(self, event: WaitEvent) -> None:
        self._pauses.labels(event.quota, "429" if event.paused else "quota").inc()

    def _end_activity(self, event: ActivityEndEvent) -> None:
        if event.kind == "sync":
            self._syncs.labels(event.outcome).observe(event.seconds)


def result_word(status: int | None, error: FivetranError | None) -> str:
    """Return the HTTP status of a request as a word, or the class of its error."""
    if error is not None and (status is None or status < 300):
        return type(error).__name__
    return str(status)


@contextlib.asynccontextmanager
async def serve_account(
    fivetran: AsyncFivetran,
    *,
    host: str = "127.0.0.1",
    port: int = 9400,
    interval: float = 300.0,
) -> AsyncGenerator[str]:
    """
    Export an account at `/metrics` during a block; it yields the URL: `fivetran-async exporter`.

    The quotas of the session and its own calls are exported, too, from a registry of their own.

    Args:
        fivetran: The session.
        host: The address to listen on.
        port: The port; 0 picks a free one.
        interval: Seconds between two lists of the connections, at least 10.

    Raises:
        OSError: The port is not available.
    """
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(registry)
    own = fivetran._transport.options.hooks  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    observed = fivetran.with_options(hooks=Hooks.of(own, metrics.hooks))
    metrics.watch(observed)
    async with (
        AccountExporter(observed, interval=interval, registry=registry),
        serve_metrics(registry, host=host, port=port) as url,
    ):
        yield url
