"""
Redis: the account's quotas, and seen webhook events, shared by several processes.

`RedisSeenStore` is the store of seen events for `WebhookReceiver(deduplicate=...)`.
`RedisRateLimiter` counts the quotas for all processes that use an API key:

```python
limits = RedisRateLimiter(redis.asyncio.Redis(host="redis.internal"))
async with AsyncFivetran(rate_limits=limits) as fivetran: ...
```

Needs `pip install fivetran_async[redis]`. Its keys are
`<prefix>:{<SHA-256 of the API key>}:<name>`: neither the key nor what calls carry is
stored. Times are the server's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from fivetran_async.errors import InvalidArgumentError
from fivetran_async.integrations._redis_limiter import SharedLimiter
from fivetran_async.integrations._redis_seen import RedisSeenStore
from fivetran_async.integrations._redis_store import Store
from fivetran_async.limits import RateLimits

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from fivetran_async._clock import Clock

__all__ = ["OnUnavailable", "RedisRateLimiter", "RedisSeenStore", "SharedLimiter"]

OnUnavailable: TypeAlias = Literal["local", "refuse"]


class RedisRateLimiter:
    """
    Quotas that are counted on a Redis server: pass it to every session as `rate_limits=`.

    Within a process calls keep their order and priority; between processes the first to ask goes
    first. Each process also keeps its own count: if the server is late, restarted, read-only, or
    loses its keys, no process sends more than the quota, and each reports what it has sent as soon
    as the server responds. Sessions of the same key without this limiter share that count.

    Args:
        client: Yours, for the event loop of the sessions; you close it, after them.
        limits: The quotas; the same in every process.
        on_unavailable: While the server cannot be used, `local` lets each process pace itself by
            the same quotas, with a warning, so that several together may be refused by the vendor;
            `refuse` fails calls with `RateLimitedError` before they are sent.
        prefix: The first part of the names of the keys.

    Raises:
        InvalidArgumentError: `on_unavailable` is not `local` or `refuse`.
    """

    def __init__(
        self,
        client: Redis,
        *,
        limits: RateLimits = RateLimits(),
        on_unavailable: OnUnavailable = "local",
        prefix: str = "fivetran_async",
    ) -> None:
        if on_unavailable not in {"local", "refuse"}:
            raise InvalidArgumentError(
                f"on_unavailable must be 'local' or 'refuse', not {on_unavailable!r}."
            )
        self._client = client
        self._limits = limits
        self._on_unavailable: OnUnavailable = on_unavailable
        self._prefix = prefix
        self._limiters: dict[str, SharedLimiter] = {}

    def for_account(self, account_key: str, *, base_url: str, clock: Clock) -> SharedLimiter:
        """Return the limiter of an API key, however its host is reached."""
        if account_key not in self._limiters:
            self._limiters[account_key] = SharedLimiter(
                Store(self._client, f"{self._prefix}:{{{account_key}}}:"),
                self._limits.for_account(account_key, base_url=base_url, clock=clock),
                clock,
                refuses=self._on_unavailable == "refuse",
            )
        return self._limiters[account_key]

    async def aclose(self) -> None:
        """Report to the server what it does not know yet; call it before you close the client."""
        for limiter in self._limiters.values():
            await limiter.aclose()
