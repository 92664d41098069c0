"""The check of the Redis client that a user passes."""

from __future__ import annotations

from fivetran_async.errors import InvalidArgumentError
from fivetran_async.integrations._extras import needs

with needs("redis", "redis"):
    from redis import Redis as BlockingRedis


def check_client(client: object) -> None:
    """
    Refuse a client that blocks the event loop.

    Raises:
        InvalidArgumentError: The client is not asynchronous.
    """
    if isinstance(client, BlockingRedis):
        raise InvalidArgumentError("client must be a redis.asyncio.Redis, not a redis.Redis.")
