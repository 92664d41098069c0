"""
Redis: the account's quotas, seen webhook events and waits, shared by several processes.

`RedisSeenStore` is the store of seen events for `WebhookReceiver(deduplicate=...)`.
`RedisRateLimiter` counts the quotas for all processes that use an API key:

```python
limits = RedisRateLimiter(redis.asyncio.Redis(host="redis.internal"))
async with AsyncFivetran(rate_limits=limits) as fivetran: ...
```

`RedisFleet` has one process trigger each sync and one poll for all, and wakes waits everywhere:

```python
fleet = RedisFleet(redis.asyncio.Redis(host="redis.internal"))
async with AsyncFivetran() as fivetran, fleet.join(fivetran) as member:
    await member.feed(event)  # a webhook event that this process received
```

Needs `pip install fivetran_async[redis]`. Its keys are
`<prefix>:{<SHA-256 of the API key>}:<name>`: neither the key nor what calls carry is
stored. Times are the server's own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, TypeAlias

from fivetran_async._arguments import check_seconds
from fivetran_async._clock import to_the_end
from fivetran_async.errors import InvalidArgumentError, UsageError
from fivetran_async.integrations._redis_client import check_client
from fivetran_async.integrations._redis_fleet import FleetLink
from fivetran_async.integrations._redis_fleet_store import FleetStore
from fivetran_async.integrations._redis_limiter import SharedLimiter
from fivetran_async.integrations._redis_seen import RedisSeenStore
from fivetran_async.integrations._redis_store import Store
from fivetran_async.limits import RateLimits
from fivetran_async.syncs._hub import hub_of

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from fivetran_async._clock import Clock
    from fivetran_async._model import Model
    from fivetran_async.client import AsyncFivetran

__all__ = [
    "FleetMember",
    "OnUnavailable",
    "RedisFleet",
    "RedisRateLimiter",
    "RedisSeenStore",
    "SharedLimiter",
]

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
        InvalidArgumentError: `client` is not asynchronous, or `on_unavailable` is not `local` or
            `refuse`.
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
        check_client(client)
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


class FleetMember:
    """A session that shares its waits: `RedisFleet.join`."""

    def __init__(self, link: FleetLink) -> None:
        self._link = link

    def __repr__(self) -> str:
        state = "polls for all" if self.polls else "awaits" if self.is_shared else "is alone"
        return f"<FleetMember {state}>"

    @property
    def polls(self) -> bool:
        """True if this process polls for the waits of all processes."""
        return self._link.polls

    @property
    def is_shared(self) -> bool:
        """False while the server cannot be used, and this process polls for itself."""
        return self._link.is_up

    async def feed(self, event: Mapping[str, object] | Model) -> bool:
        """
        Give a webhook event to the waits of all processes; see `syncs.feed`.

        Returns:
            True if it concerns a wait of this process, or one that it polls for.
        """
        return await self._link.feed(event if isinstance(event, Mapping) else event.to_dict())


class RedisFleet:
    """
    Lets sessions of many processes trigger each sync once and share their polls.

    - **Triggers.** A process holds the lease of a connection while it reads the record and triggers
      the sync; others that want the same sync join it. A process that lost its lease does not
      trigger. The sync itself goes on, whatever happens to the lease. If a process ends while it
      triggers, the next one joins what may have been sent, and triggers only if nothing begins.
    - **Polls.** One process polls for the waits of all. If it ends, another takes them over within
      `lease` seconds.
    - **Webhook events.** `FleetMember.feed` ends waits in every process.
    - **Without the server.** While Redis is away or refuses, each process reads the record before
      it triggers, and polls for itself. One warning is logged. No wait is lost.
    - **A server that comes back**, with its keys or without: each process stores its leases once
      more within a third of `lease`, and no process that knew them triggers before `lease` has
      passed. So a trigger under way, such as one that is repeated after a 429, starts no second
      sync. A pause of `lease` and a third comes before the first trigger without the server. Two
      processes can start two syncs of a connection only if the server stays away for longer than
      `lease` during a trigger, or if one of them starts in these seconds; and if the sync ends
      before the second trigger, since the vendor joins a sync that runs.

    Args:
        client: Yours, for the event loop of the session; you close it, after `join`. Events are
            read on a connection of their own.
        lease: Seconds after which the work of a process that ended is taken over.
        prefix: The first part of the names of the keys. Only sessions with the same API key and
            prefix share.

    Raises:
        InvalidArgumentError: `client` is not asynchronous, or `lease` is less than a second.
    """

    def __init__(
        self, client: Redis, *, lease: float = 10.0, prefix: str = "fivetran_async"
    ) -> None:
        check_client(client)
        check_seconds("lease", lease, at_least=1)
        self._client = client
        self._lease = lease
        self._prefix = prefix

    @asynccontextmanager
    async def join(self, fivetran: AsyncFivetran) -> AsyncGenerator[FleetMember]:
        """
        Share the waits of a session during the block.

        Raises:
            UsageError: The session shares its waits already.
        """
        transport = fivetran._transport  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        hub = hub_of(transport.core)
        if hub.sharing is not None:
            raise UsageError("This session has joined a fleet already.")
        account = transport.core.credentials.account_key()
        store = FleetStore(self._client, f"{self._prefix}:{{{account}}}:fleet:")
        link = FleetLink(hub, transport, store, self._lease)
        await link.start()
        try:
            yield FleetMember(link)
        finally:
            # To the end: other processes wait for what it withdraws.
            await to_the_end(link.stop())
