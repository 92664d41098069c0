"""The store of seen webhook events on a Redis server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from fivetran_async._arguments import check_seconds
from fivetran_async.errors import EventLoopError
from fivetran_async.integrations._redis_client import check_client
from fivetran_async.webhooks.seen import SEEN_FOR, ClaimResult

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.commands.core import AsyncScript

# A key holds `done`, or `claimed:` and the token of its claim; both expire by the server's clock.
_CLAIM: Final = """
local mine = 'claimed:' .. ARGV[1]
if redis.call('SET', KEYS[1], mine, 'NX', 'PX', ARGV[2]) then return 'claimed' end
local held = redis.call('GET', KEYS[1])
if held == 'done' then return 'done' end
if held ~= mine then return 'in_progress' end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 'claimed'
"""
_DONE: Final = """
local held = redis.call('GET', KEYS[1])
if not held or held == 'done' or held == 'claimed:' .. ARGV[1] then
  redis.call('SET', KEYS[1], 'done', 'PX', ARGV[2])
end
"""
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == 'claimed:' .. ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class RedisSeenStore:
    """
    Seen webhook events on a Redis server, shared by all processes of a service.

    ```python
    store = RedisSeenStore(redis.asyncio.Redis(host="redis.internal"))
    receiver = WebhookReceiver(secret_env="FIVETRAN_WEBHOOK_SECRET", deduplicate=store)
    ```

    The keys are `<prefix>:<SHA-256 of the body>`: nothing of an event is stored. A server that is
    down, read-only or too slow is handled according to `WebhookReceiver(on_store_failure=...)`. A
    server that loses its keys, by a restart without persistence, `FLUSHALL` or eviction, forgets
    which events were handled: a delivery that is repeated afterwards is handled twice.

    Args:
        client: A client for the event loop of the receiver; you close it, after
            `await receiver.drain()`. After the loop was closed, it moves to the next one.
        prefix: First part of the keys. Services that receive the same events but do different
            things with them need different prefixes.
        seconds: How long to remember a handled event.

    Raises:
        InvalidArgumentError: `client` is not asynchronous, or `seconds` is below 1.
    """

    def __init__(
        self,
        client: Redis,
        *,
        prefix: str = "fivetran_async:webhooks",
        seconds: float = SEEN_FOR,
    ) -> None:
        check_client(client)
        check_seconds("seconds", seconds, at_least=1.0)
        self._client = client
        self._prefix = prefix
        self._seconds = seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._claim, self._done, self._release = (
            client.register_script(script) for script in (_CLAIM, _DONE, _RELEASE)
        )

    async def claim(self, key: str, token: str, *, seconds: float) -> ClaimResult:
        """Claim a key for a number of seconds, unless it is claimed or done."""
        result = await self._run(self._claim, key, token, seconds)
        text = result.decode() if isinstance(result, bytes) else result
        return cast("ClaimResult", text)

    async def done(self, key: str, token: str) -> None:
        """Remember a key as handled, unless another token holds the claim."""
        await self._run(self._done, key, token, self._seconds)

    async def release(self, key: str, token: str) -> None:
        """Forget a claim, if this token holds it."""
        await self._run(self._release, key, token)

    async def _run(self, script: AsyncScript, key: str, token: str, *seconds: float) -> object:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                if not self._loop.is_closed():
                    raise EventLoopError(
                        "This RedisSeenStore is in use on another event loop; make one for each "
                        "loop, with a Redis client of its own."
                    )
                # Not `disconnect`, which needs the loop that was closed.
                reset: Callable[[], None] = self._client.connection_pool.reset
                reset()
            self._loop = loop
        milliseconds = [max(1, int(each * 1000)) for each in seconds]
        result: object = await script(keys=[f"{self._prefix}:{key}"], args=[token, *milliseconds])
        return result
