"""The account as metrics: a sweep in the background, a snapshot for scrapes, and a server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter as Tally
from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING, Final, Self

import attrs
from aiohttp import web

from fivetran_async._arguments import check_port, check_seconds, check_whole_number
from fivetran_async.errors import FivetranError, InvalidArgumentError, UsageError
from fivetran_async.health import HEALTH_STATES, ConnectionHealth, judge
from fivetran_async.integrations._extras import needs
from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs._account import read_account

with needs("prometheus_client", "fivetran_async[prometheus]"):
    from prometheus_client import REGISTRY, CollectorRegistry

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from types import TracebackType

    from prometheus_client import Metric

    from fivetran_async.client import AsyncFivetran

logger: logging.Logger = logging.getLogger("fivetran_async")

_SHORTEST: Final = 10.0
"""Seconds between sweeps, at least: the quota of the account is shared with everything else."""


@attrs.frozen(kw_only=True)
class _Sweep:
    """One reading of all connections; `read_on` is on the session's clock that never steps."""

    health: tuple[tuple[Connection, ConnectionHealth], ...]
    read_on: float
    ended_at: float
    seconds: float


_NO_SWEEP: Final = _Sweep(health=(), read_on=0.0, ended_at=0.0, seconds=0.0)


class AccountExporter(Collector):
    """
    Exports the state and the freshness of all connections: `async with` it.

    It lists the connections at once, and then every `interval` seconds, with one request per
    thousand. Scrapes read the last list; ages go on between the lists. Freshness is judged by the
    server's clock and the schedule of each connection, see `fivetran_async.health`. A list that
    fails is logged and counted, and the last one stays.

    Args:
        fivetran: The session.
        interval: Seconds between two lists, at least 10.
        registry: Where it is registered, from its start to its end; each account needs its own.
        stale_after: Seconds after which data is stale, whatever the schedule.
        most_connections: The number of connections with metrics of their own, those with problems
            first; all others are in the totals only.
    """

    def __init__(
        self,
        fivetran: AsyncFivetran,
        *,
        interval: float = 300.0,
        registry: CollectorRegistry = REGISTRY,
        stale_after: float | None = None,
        most_connections: int = 5_000,
    ) -> None:
        check_seconds("interval", interval)
        if interval < _SHORTEST:
            raise InvalidArgumentError(
                f"interval must be at least {_SHORTEST:g} seconds, not {interval!r}."
            )
        if stale_after is not None:
            check_seconds("stale_after", stale_after)
        check_whole_number("most_connections", most_connections, at_least=0)
        self._fivetran = fivetran
        self._interval = interval
        self._registry = registry
        self._stale_after = stale_after
        self._most_connections = most_connections
        self._sweep: _Sweep | None = None
        self._outcomes = Tally[str](success=0, error=0)
        self._requests = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise UsageError("This AccountExporter was entered before; make another one.")
        try:
            self._registry.register(self)
        except ValueError:
            raise UsageError(
                "This registry has an AccountExporter already; give each account its own registry."
            ) from None
        self._task = asyncio.create_task(self._run(), name="fivetran account exporter")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._registry.unregister(self)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        clock = self._fivetran._transport.core.clock  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        while not self._fivetran.closed:
            try:
                await self.sweep()
            except FivetranError as error:
                logger.warning("The connections could not be listed for metrics: %s", error)
            await clock.sleep(self._interval)

    async def sweep(self) -> None:
        """
        List the connections now, beside the interval.

        GET /v1/connections

        Raises:
            FivetranError: They could not be listed; the last list stays.
        """
        transport = self._fivetran._transport  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        clock = transport.core.clock
        began = clock.monotonic()
        found: list[tuple[Connection, ConnectionHealth]] = []
        try:
            async for connections, now in read_account(transport):
                self._requests += 1
                found += [
                    (each, judge(each, now, stale_after=self._stale_after)) for each in connections
                ]
        except BaseException:
            self._outcomes["error"] += 1
            raise
        self._outcomes["success"] += 1
        ended = clock.monotonic()
        self._sweep = _Sweep(
            health=tuple(found), read_on=ended, ended_at=clock.time(), seconds=ended - began
        )

    def describe(self) -> Iterable[Metric]:
        """Return the names of all metrics, by which a registry finds that it has them already."""
        return (*self._collect_counts(), *self._collect(_NO_SWEEP))

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of the last list; sends no request."""
        yield from self._collect_counts()
        if self._sweep is not None:
            yield from self._collect(self._sweep)

    def _collect_counts(self) -> Iterable[Metric]:
        sweeps = CounterMetricFamily(
            "fivetran_sweeps", "Lists of the connections.", labels=("outcome",)
        )
        for outcome, count in self._outcomes.items():
            sweeps.add_metric((outcome,), count)
        requests = CounterMetricFamily(
            "fivetran_sweep_requests", "Requests for lists of the connections."
        )
        requests.add_metric((), self._requests)
        return sweeps, requests

    def _collect(self, sweep: _Sweep) -> Iterable[Metric]:
        ended = GaugeMetricFamily(
            "fivetran_sweep_timestamp_seconds", "When the connections were last listed."
        )
        ended.add_metric((), sweep.ended_at)
        duration = GaugeMetricFamily(
            "fivetran_sweep_duration_seconds", "How long the last list took."
        )
        duration.add_metric((), sweep.seconds)
        states = Tally(health.state for _, health in sweep.health)
        totals = GaugeMetricFamily(
            "fivetran_connections", "Connections by state.", labels=("state",)
        )
        for state in HEALTH_STATES:
            totals.add_metric((state,), states[state])
        yield from (ended, duration, totals)
        yield from self._collect_connections(sweep)

    def _collect_connections(self, sweep: _Sweep) -> Iterable[Metric]:
        """Return the metrics of single connections, those with problems first."""
        own = ("connection_id",)
        state = GaugeMetricFamily(
            "fivetran_connection_state",
            "1 for the state of the connection.",
            labels=(*own, "service", "group_id", "state"),
        )
        age = GaugeMetricFamily(
            "fivetran_connection_age_seconds", "Seconds since its last success.", labels=own
        )
        allowed = GaugeMetricFamily(
            "fivetran_connection_allowed_age_seconds",
            "Seconds after which its data is stale by its schedule.",
            labels=own,
        )
        tasks = GaugeMetricFamily(
            "fivetran_connection_tasks", "Problems to solve before it can sync.", labels=own
        )
        warnings = GaugeMetricFamily(
            "fivetran_connection_warnings", "Problems that do not stop syncs.", labels=own
        )
        clock = self._fivetran._transport.core.clock  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        since = clock.monotonic() - sweep.read_on
        ranked = sorted(sweep.health, key=lambda pair: pair[1].state in {"healthy", "paused"})
        shown = ranked[: self._most_connections]
        for connection, health in shown:
            labels = (connection.id,)
            state.add_metric(
                (connection.id, connection.service, connection.group_id, health.state), 1
            )
            tasks.add_metric(labels, health.tasks)
            warnings.add_metric(labels, health.warnings)
            if health.age is not None:
                age.add_metric(labels, health.age + since)
            if health.allowed_age is not None:
                allowed.add_metric(labels, health.allowed_age)
        omitted = GaugeMetricFamily(
            "fivetran_connections_omitted", "Connections that are in the totals only."
        )
        omitted.add_metric((), len(ranked) - len(shown))
        return state, age, allowed, tasks, warnings, omitted


@contextlib.asynccontextmanager
async def serve_metrics(
    registry: CollectorRegistry = REGISTRY, *, host: str = "127.0.0.1", port: int = 9400
) -> AsyncGenerator[str]:
    """
    Serve the metrics of a registry at `/metrics` during a block; it yields the URL.

    Args:
        registry: The registry.
        host: The address to listen on.
        port: The port; 0 picks a free one.

    Raises:
        OSError: The port is not available.
        InvalidArgumentError: It is not a port.
    """
    check_port("port", port)

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{bound}/metrics"
    finally:
        await runner.cleanup()
