"""Check the wheel with the extra `prometheus`: `nox -s install`."""

from __future__ import annotations

import asyncio
import sys

from environment import check_packages
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from fivetran_async.integrations.prometheus import AccountExporter, PrometheusMetrics
from fivetran_async.testing import FakeFivetran


async def main() -> None:
    """Count calls and export an account."""
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(registry)
    async with FakeFivetran() as fake, fake.client(hooks=metrics.hooks) as fivetran:
        fake.add_connection(id="one")
        exporter = AccountExporter(fivetran, registry=registry)
        registry.register(exporter)
        await exporter.sweep()
        text = generate_latest(registry).decode()
    assert 'connection_id="one"' in text, text
    assert 'fivetran_calls_total{operation="connections.list",outcome="success"} 1.0' in text, text
    sys.stdout.write("prometheus: calls and connections are exported\n")


check_packages("prometheus")
asyncio.run(main())
