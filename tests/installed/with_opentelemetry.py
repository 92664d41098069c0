"""Check the wheel with the extra `opentelemetry`: `nox -s install`."""

from __future__ import annotations

import asyncio
import sys

from environment import check_packages

from fivetran_async.integrations.opentelemetry import OpenTelemetry
from fivetran_async.testing import FakeFivetran


async def main() -> None:
    """Call with the API alone: without an SDK, spans and metrics are dropped."""
    telemetry = OpenTelemetry()
    async with FakeFivetran() as fake, fake.client(hooks=telemetry.hooks) as fivetran:
        telemetry.watch(fivetran)
        group_id = fake.add_group()
        async with fivetran.fan_out([group_id], fivetran.groups.get) as results:
            assert [found.id async for _, found in results] == [group_id]
        assert not any("traceparent" in request.headers for request in fake.requests)
    sys.stdout.write("opentelemetry: the API alone is enough\n")


check_packages("opentelemetry")
asyncio.run(main())
