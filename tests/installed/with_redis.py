"""Check the wheel with the extra `redis`: `nox -s install`."""

from __future__ import annotations

import asyncio
import logging
import sys
from logging.handlers import BufferingHandler

from environment import check_packages
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from fivetran_async import Quota, RateLimitedError, RateLimits
from fivetran_async.integrations.redis import RedisRateLimiter
from fivetran_async.testing import FakeFivetran


async def main() -> None:
    """Pace calls without a Redis server: by the same quotas, with a warning."""
    kept = BufferingHandler(100)
    logging.getLogger("fivetran_async").addHandler(kept)
    absent = Redis(unix_socket_path="no_such_socket", retry=Retry(NoBackoff(), 0))
    limits = RateLimits(quotas={"requests": (Quota(2, 3600),)})
    limiter = RedisRateLimiter(absent, limits=limits)
    async with absent, FakeFivetran() as fake, fake.client(rate_limits=limiter) as fivetran:
        group_id = fake.add_group()
        calls = [fivetran.groups.get(group_id) for _ in range(3)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        refused = [result for result in results if isinstance(result, RateLimitedError)]
        assert [error.fate for error in refused] == ["not_sent"], results
        assert len(fake.requests) == 2
    warnings = [record.getMessage() for record in kept.buffer]
    assert len(warnings) == 1, warnings
    assert "each process paces itself" in warnings[0]
    sys.stdout.write("redis: without a server, the process warned once and paced itself\n")


check_packages("redis")
asyncio.run(main())
