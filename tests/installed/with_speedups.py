"""Check the wheel with the extra `speedups`: `nox -s install`."""

from __future__ import annotations

import asyncio
import sys

import msgspec
import orjson
from environment import check_packages

from fivetran_async._codec import DirectDecoder, DriftLog
from fivetran_async._codec._json import fastest_loads, stdlib_loads
from fivetran_async.models import Group
from fivetran_async.testing import FakeFivetran


async def main() -> None:
    """Read an account with msgspec and orjson."""
    assert fastest_loads() is not stdlib_loads
    decoder = DirectDecoder(Group, is_page=False)
    body = b'{"data": {"id": "g"}}'
    assert decoder.read(body + b" " * 256 * 1024, DriftLog()) == Group(id="g")
    async with FakeFivetran.demo() as fake, fake.client() as fivetran:
        connections = await fivetran.connections.list().collect()
    assert len(connections) == 216
    sys.stdout.write(
        f"speedups: {len(connections)} connections decoded with msgspec {msgspec.__version__}"
        f" and orjson {orjson.__version__}\n"
    )


check_packages("speedups")
asyncio.run(main())
