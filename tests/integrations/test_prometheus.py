"""Prometheus: the metrics of calls, the account exporter, its command, and a real server."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fivetran_async import (
    AsyncFivetran,
    Hooks,
    InvalidArgumentError,
    NotFoundError,
    UsageError,
)
from fivetran_async.integrations.prometheus import (
    AccountExporter,
    PrometheusMetrics,
    serve_account,
    serve_metrics,
)
from fivetran_async.syncs import SyncPolicy
from fivetran_async.testing import FakeFivetran, Fault
from support.fake_clock import FakeClock
from support.pages import ROOT
from support.prometheus_server import PRESENT, PrometheusServer, promtool
from support.samples import sample
from support.sessions import KEY, SECRET
from support.waiting import until
from syncs.account_clock import AccountClock

RULES: Final = ROOT / "examples" / "prometheus_alerts.yml"
DASHBOARD: Final = ROOT / "examples" / "grafana_dashboard.json"
CALLS: Final = sample(400, 10_000)
CONNECTIONS: Final = 500
POLICY: Final = SyncPolicy(timeout=3600, min_interval=30, max_interval=30, history=False)

needs_prometheus = pytest.mark.skipif(not PRESENT, reason="needs prometheus and promtool")


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry of its own."""
    return CollectorRegistry()


def samples_of(registry: CollectorRegistry, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of a metric, by the values of their labels in alphabetical order."""
    return {
        tuple(value for _, value in sorted(found.labels.items())): found.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for found in family.samples
        if found.name == name
    }


async def test_calls_are_counted(registry: CollectorRegistry) -> None:
    """Calls by outcome, requests by result, retries, waits, and none in progress afterwards."""
    metrics = PrometheusMetrics(registry)
    async with (
        FakeFivetran() as fake,
        fake.client(hooks=metrics.hooks, _clock=FakeClock()) as fivetran,
    ):
        group_id = fake.add_group()
        fake.fail("groups.get", fault=Fault.status(503))
        await fivetran.groups.get(group_id)
        with pytest.raises(NotFoundError):
            await fivetran.groups.get("no_such_group")
    assert samples_of(registry, "fivetran_calls_total") == {
        ("groups.get", "success"): 1,
        ("groups.get", "error"): 1,
    }
    assert samples_of(registry, "fivetran_requests_total") == {
        ("groups.get", "503"): 1,
        ("groups.get", "200"): 1,
        ("groups.get", "404"): 1,
    }
    assert samples_of(registry, "fivetran_retries_total") == {("groups.get", "503"): 1}
    assert samples_of(registry, "fivetran_call_duration_seconds_count") == {("groups.get",): 2}
    assert samples_of(registry, "fivetran_wait_seconds_total")[("retry",)] > 0
    assert samples_of(registry, "fivetran_calls_in_progress") == {(): 0}


async def test_quotas_are_read_when_scraped(registry: CollectorRegistry) -> None:
    """The quotas of a watched session are exported once per account, and vanish with it."""
    metrics = PrometheusMetrics(registry)
    async with FakeFivetran() as fake, fake.client(hooks=metrics.hooks) as fivetran:
        metrics.watch(fivetran)
        metrics.watch(fivetran.with_options(priority="bulk"))
        fake.add_group(id="g")
        await fivetran.groups.get("g")
        sent = len(fake.requests)
        left = samples_of(registry, "fivetran_quota_remaining")
        assert left[(fivetran.account_hash, "requests")] == (
            fivetran.limits.snapshot()["requests"].remaining
        )
        assert len(fake.requests) == sent, "a scrape sends no request"
    metrics.watch(AsyncFivetran("key", "secret"))
    assert "requests" not in {quota for _, quota in samples_of(CollectorRegistry(), "none")}


async def test_syncs_are_counted_by_outcome(registry: CollectorRegistry) -> None:
    """The durations of awaited syncs have their outcome as label."""
    metrics = PrometheusMetrics(registry)
    async with FakeFivetran(running=False) as fake:
        ids = [fake.add_connection(), fake.add_connection(paused=True)]
        async with fake.client(
            hooks=metrics.hooks, _clock=AccountClock(fake), rate_limits=None
        ) as fivetran:
            for connection_id in ids:
                await fivetran.connections.sync_and_wait(connection_id, policy=POLICY)
    counts = samples_of(registry, "fivetran_sync_duration_seconds_count")
    assert counts == {("succeeded",): 1, ("paused",): 1}


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An account with a clock that stands still, and connections in several states."""
    async with FakeFivetran(running=False) as fake:
        now = fake.clock.stamp()
        fake.add_connection(id="fresh", service="postgres", succeeded_at=now)
        fake.add_connection(id="old", service="mysql", succeeded_at="2025-01-02T03:04:05Z")
        fake.add_connection(id="paused", paused=True, succeeded_at=now)
        fake.add_connection(id="broken", setup_state="broken", succeeded_at=now)
        yield fake


async def test_the_account_is_exported(fake: FakeFivetran, registry: CollectorRegistry) -> None:
    """State, age, allowed age, tasks and totals, by one request, however often it is scraped."""
    async with fake.client() as fivetran, AccountExporter(fivetran, registry=registry):
        await until(lambda: samples_of(registry, "fivetran_connections"))
        scrapes = [samples_of(registry, "fivetran_connections") for _ in range(5)]
        assert len(fake.requests) == 1
        assert dict(fake.requests[0].query)["limit"] == "1000"
        assert {state: count for (state,), count in scrapes[-1].items() if count} == {
            "healthy": 1,
            "stale": 1,
            "paused": 1,
            "broken": 1,
        }
        states = {
            labels[0]: labels[-1] for labels in samples_of(registry, "fivetran_connection_state")
        }
        assert {"fresh", "old", "paused", "broken"} == states.keys()
        ages = samples_of(registry, "fivetran_connection_age_seconds")
        assert ages[("old",)] > 365 * 86_400
        allowed = samples_of(registry, "fivetran_connection_allowed_age_seconds")
        assert allowed[("old",)] == 2 * 360 * 60
        assert samples_of(registry, "fivetran_sweeps_total") == {("success",): 1, ("error",): 0}
    assert generate_latest(registry) == b"", "it unregisters itself"


async def test_ages_are_those_of_the_server(
    fake: FakeFivetran, registry: CollectorRegistry, clock: FakeClock
) -> None:
    """The age is judged by the server's clock, and goes on between two lists."""
    async with fake.client(_clock=clock) as fivetran:
        exporter = AccountExporter(fivetran, registry=registry)
        registry.register(exporter)
        await exporter.sweep()
        before = samples_of(registry, "fivetran_connection_age_seconds")
        assert before[("fresh",)] < 2, "though the session's clock is months ahead"
        clock.advance(100)
        after = samples_of(registry, "fivetran_connection_age_seconds")
        assert after[("fresh",)] - before[("fresh",)] == pytest.approx(100)


async def test_it_lists_at_each_interval(
    fake: FakeFivetran,
    registry: CollectorRegistry,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A list that fails is logged and counted, the last one stays; another one follows."""
    fake.fail("connections.list", fault=Fault.status(403), nth=2)
    with caplog.at_level(logging.WARNING, "fivetran_async"):
        async with (
            fake.client(_clock=clock) as fivetran,
            AccountExporter(fivetran, interval=60, registry=registry),
        ):
            await until(lambda: samples_of(registry, "fivetran_sweeps_total")[("success",)] >= 2)
            assert samples_of(registry, "fivetran_sweeps_total")[("error",)] == 1
            assert 60.0 in clock.sleeps
    assert "could not be listed" in caplog.text


async def test_a_large_account_is_bounded(registry: CollectorRegistry) -> None:
    """It takes a request per thousand; connections with problems keep metrics of their own."""
    async with FakeFivetran(running=False) as fake:
        for number in range(1_100):
            fake.add_connection(
                id=f"c{number}",
                paused=number >= 3,
                setup_state="broken" if number < 3 else "connected",
            )
        async with fake.client() as fivetran:
            exporter = AccountExporter(fivetran, registry=registry, most_connections=5)
            registry.register(exporter)
            await exporter.sweep()
            assert len(fake.requests) == 2
    own = samples_of(registry, "fivetran_connection_state")
    assert len(own) == 5
    assert {"c0", "c1", "c2"} <= {labels[0] for labels in own}
    assert samples_of(registry, "fivetran_connections")[("paused",)] == 1_097
    assert samples_of(registry, "fivetran_connections_omitted") == {(): 1_095}


async def test_arguments_are_checked(fake: FakeFivetran, registry: CollectorRegistry) -> None:
    """A short interval would use up the quota; an exporter is entered once."""
    wrong: list[dict[str, Any]] = [{"stale_after": "1h"}, {"stale_after": -1}, {"interval": "1h"}]
    async with fake.client() as fivetran:
        for options in wrong:
            # Found later, it would end the sweeps without a word.
            with pytest.raises(InvalidArgumentError, match=f"{min(options)} must be"):
                AccountExporter(fivetran, **options)
        with pytest.raises(InvalidArgumentError, match="interval must be at least 10 seconds"):
            AccountExporter(fivetran, interval=1)
        with pytest.raises(InvalidArgumentError, match="most_connections"):
            AccountExporter(fivetran, most_connections=-1)
        exporter = AccountExporter(fivetran, registry=registry)
        async with exporter:
            with pytest.raises(UsageError, match="entered before"):
                await exporter.__aenter__()


@pytest.mark.parametrize("auto_describe", [False, True])
async def test_a_registry_has_one_exporter(fake: FakeFivetran, *, auto_describe: bool) -> None:
    """Two of them would export the same series twice, and Prometheus would drop one."""
    registry = CollectorRegistry(auto_describe=auto_describe)
    async with fake.client() as fivetran:
        async with AccountExporter(fivetran, registry=registry) as first:
            await first.sweep()
            with pytest.raises(UsageError, match="give each account its own registry"):
                async with AccountExporter(fivetran, registry=registry):
                    """Not reached."""
            assert len(samples_of(registry, "fivetran_sweeps_total")) == 2
        async with AccountExporter(fivetran, registry=registry) as second:
            await second.sweep()
            assert len(samples_of(registry, "fivetran_connection_state")) == 4


async def test_the_hooks_of_the_session_hear_of_sweeps(fake: FakeFivetran) -> None:
    """The server counts the calls of its sweeps beside the hooks that the session has."""
    heard: list[str] = []
    hooks = Hooks(on_call_end=lambda event: heard.append(event.operation))
    async with (
        fake.client(hooks=hooks) as fivetran,
        serve_account(fivetran, port=0) as url,
        aiohttp.ClientSession() as http,
    ):
        await until(lambda: heard)
        async with http.get(url) as response:
            assert 'operation="connections.list"' in await response.text()
    assert heard == ["connections.list"]


async def test_nothing_secret_is_exported(fake: FakeFivetran, registry: CollectorRegistry) -> None:
    """No key and no query value is in the metrics."""
    metrics = PrometheusMetrics(registry)
    async with (
        AsyncFivetran(KEY, SECRET, base_url=fake.url, hooks=metrics.hooks) as fivetran,
        fake.client(hooks=metrics.hooks) as allowed,
    ):
        metrics.watch(fivetran)
        await allowed.connections.list(schema="hidden_schema")
        with pytest.raises(Exception, match="401"):
            await fivetran.groups.list(cursor="hidden_cursor")
    text = generate_latest(registry).decode()
    assert "connections.list" in text
    for hidden in (KEY, SECRET, fake.api_key, fake.api_secret, "hidden_schema", "hidden_cursor"):
        assert hidden not in text


@pytest.mark.slow
def test_the_command_serves_metrics(tmp_path: Path) -> None:
    """`fivetran-async exporter --port 0` prints its address, serves, and ends by SIGTERM."""

    async def main() -> None:
        async with FakeFivetran() as fake:
            fake.add_connection(id="one")
            environment = {
                **os.environ,
                "FIVETRAN_BASE_URL": fake.url,
                "FIVETRAN_API_KEY": fake.api_key,
                "FIVETRAN_API_SECRET": fake.api_secret,
                "PYTHONPATH": os.pathsep.join(sys.path),
            }
            program = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "fivetran_async", "exporter", "--port", "0"),
                stderr=subprocess.PIPE,
                env=environment,
                cwd=tmp_path,
            )
            try:
                assert program.stderr is not None
                line = (await program.stderr.readline()).decode()
                url = next(word for word in line.split() if word.startswith("http"))
                text = ""
                async with aiohttp.ClientSession() as session:
                    while 'connection_id="one"' not in text:
                        async with session.get(url) as response:
                            text = await response.text()
                            assert response.status == 200
                assert "fivetran_quota_remaining" in text
                program.send_signal(signal.SIGTERM)
                assert await program.wait() == 0
            finally:
                if program.returncode is None:
                    program.kill()
                    await program.wait()

    asyncio.run(main())


def expressions() -> list[str]:
    """Return the queries of the dashboard, with a fixed interval."""
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    return [
        target["expr"].replace("$__rate_interval", "1m")
        for panel in dashboard["panels"]
        for target in panel["targets"]
    ]


def test_the_dashboard_is_complete() -> None:
    """Each panel has a title, a place and one query, and no two panels overlap."""
    panels: list[Any] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    assert len(panels) > 10
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(panel["title"] and len(panel["targets"]) == 1 for panel in panels)
    assert max(x for x, _ in cells) < 24


@pytest.mark.slow
@needs_prometheus
async def test_a_real_prometheus_scrapes(tmp_path: Path) -> None:
    """
    Prometheus scrapes a service with many calls, and the exporter, twice; `promtool` agrees.

    It accepts the metrics and the alert rules, every query of the dashboard returns series, and
    the alerts of a broken and a stale connection are pending. The number of series is bounded.
    """
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(registry)
    async with FakeFivetran() as fake:
        for number in range(CONNECTIONS):
            fake.add_connection(
                id=f"c{number}", service="postgres", succeeded_at=fake.clock.stamp()
            )
        fake.add_connection(id="broken", setup_state="broken")
        fake.add_connection(id="old", succeeded_at="2025-01-02T03:04:05Z")
        fake.sync_duration = 0.1
        clock = FakeClock()
        async with (
            fake.client(hooks=metrics.hooks, rate_limits=None, _clock=clock) as quick,
            fake.client(hooks=metrics.hooks) as fivetran,
            AccountExporter(fivetran, registry=registry),
            serve_metrics(registry, port=0) as url,
        ):
            metrics.watch(fivetran)
            address = url.removeprefix("http://").removesuffix("/metrics")
            with PrometheusServer(tmp_path, {"fivetran": address}, RULES) as prometheus:
                await prometheus.until("fivetran_connections")
                fake.fail("connections.get", fault=Fault.status(503))
                ids = (f"c{number % CONNECTIONS}" for number in range(CALLS))
                async with quick.fan_out(ids, quick.connections.get) as results:
                    assert len([each async for each in results]) == CALLS
                await fivetran.connections.sync_and_wait("c1", policy=SyncPolicy(min_interval=0.1))
                for expression in expressions():
                    assert await prometheus.until(expression), expression
                scrapes = "count_over_time(up{job='fivetran'}[1m]) >= 2"
                assert await prometheus.until(scrapes)
                for alert in ("FivetranConnectionBroken", "FivetranConnectionStale"):
                    assert await prometheus.until(f'ALERTS{{alertname="{alert}"}}')
            text = generate_latest(registry).decode()
            promtool("check", "config", str(prometheus.config))
    promtool("check", "rules", str(RULES))
    assert promtool("check", "metrics", text=text) == ""
    series = sum(1 for line in text.splitlines() if not line.startswith("#"))
    print(f"{series} series for {CONNECTIONS + 2} connections and {CALLS} calls")  # noqa: T201
    assert series < 6 * CONNECTIONS
