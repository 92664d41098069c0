"""`RedisSeenStore` on a real server: states, leases, fences, hiccups; skipped without Redis."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Iterator

import pytest

from fivetran_async import EventLoopError, InvalidArgumentError
from fivetran_async.webhooks import (
    SIGNATURE_HEADER,
    DuplicateEventError,
    EventInProgressError,
    SeenStoreUnavailableError,
    WebhookEvent,
    WebhookReceiver,
)
from support.redis_server import PRESENT, RedisServer, no_retry
from webhooks.deliveries import SECRET, SIGNATURE, SYNC_END

if not PRESENT:
    pytest.skip("needs redis-server, the program", allow_module_level=True)
pytest.importorskip("redis", reason="needs redis-server's Python client: the package redis")

# After the skips, for these need the client.
from redis import Redis as BlockingClient
from redis.asyncio import Redis as Client

from fivetran_async.integrations.redis import RedisSeenStore

GENUINE = {SIGNATURE_HEADER: SIGNATURE}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for the tests of this file."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=[False, True], ids=["bytes", "str"])
async def client(request: pytest.FixtureRequest, server: RedisServer) -> AsyncIterator[Client]:
    """A client of an empty server, which returns bytes or text."""
    server.command("FLUSHALL")
    text: bool = request.param
    async with Client(port=server.port, retry=no_retry(), decode_responses=text) as client:
        yield client


async def test_a_key_is_claimed_then_done(client: Client) -> None:
    """A second token finds the key in progress first, then done; its own token may repeat."""
    store = RedisSeenStore(client)
    assert await store.claim("key", "one", seconds=60) == "claimed"
    assert await store.claim("key", "one", seconds=60) == "claimed"
    assert await store.claim("key", "two", seconds=60) == "in_progress"
    await store.done("key", "one")
    await store.done("key", "one")
    assert await store.claim("key", "two", seconds=60) == "done"
    assert 24 * 3600 < await client.ttl("fivetran_async:webhooks:key") <= 25 * 3600


async def test_a_released_key_is_free(client: Client) -> None:
    """After a release the next token gets the claim; releasing an unknown key does nothing."""
    store = RedisSeenStore(client, prefix="mine")
    await store.claim("key", "one", seconds=60)
    await store.release("key", "one")
    await store.release("key", "one")
    assert await store.claim("key", "two", seconds=60) == "claimed"
    assert await client.exists("mine:key") == 1


async def test_an_expired_claim_changes_nothing_of_the_next(client: Client) -> None:
    """
    Late words of a claim that expired do not undo the claim of another token.

    Siblings: a late release, a late done, and a late release after the other token is done.
    """
    store = RedisSeenStore(client)
    await store.claim("key", "slow", seconds=0.02)
    await asyncio.sleep(0.05)
    assert await store.claim("key", "next", seconds=60) == "claimed"
    await store.release("key", "slow")
    await store.done("key", "slow")
    assert await store.claim("key", "third", seconds=60) == "in_progress"
    await store.done("key", "next")
    await store.release("key", "slow")
    assert await store.claim("key", "third", seconds=60) == "done"


async def test_a_slow_handler_is_done_if_no_other_claimed(client: Client) -> None:
    """Its event was handled, even though its lease is over."""
    store = RedisSeenStore(client)
    await store.claim("key", "slow", seconds=0.02)
    await asyncio.sleep(0.05)
    await store.done("key", "slow")
    assert await store.claim("key", "next", seconds=60) == "done"


async def test_claims_of_many_at_once(client: Client) -> None:
    """Of forty simultaneous deliveries of one event exactly one is handled."""
    receivers = [WebhookReceiver(SECRET, deduplicate=RedisSeenStore(client)) for _ in range(40)]
    handled: list[WebhookEvent] = []
    for receiver in receivers:
        receiver.on()(handled.append)
    results = await asyncio.gather(
        *(receiver.receive(GENUINE, SYNC_END) for receiver in receivers), return_exceptions=True
    )
    assert len(handled) == 1
    refused = [each for each in results if not isinstance(each, WebhookEvent)]
    assert {type(each) for each in refused} <= {DuplicateEventError, EventInProgressError}


async def test_services_with_different_prefixes_both_handle(client: Client) -> None:
    """An event that one service has handled is news to the other."""
    for prefix in ("alerts", "reports"):
        store = RedisSeenStore(client, prefix=prefix)
        receiver = WebhookReceiver(SECRET, deduplicate=store)
        assert (await receiver.receive(GENUINE, SYNC_END)).is_sync_end


async def test_hiccups_lose_no_event(server: RedisServer) -> None:
    """
    A server with a hiccup refuses deliveries with 503, and the next delivery is handled.

    Siblings: down at the claim, read-only at the claim, read-only at the release, restarted
    between, which also forgets the scripts.
    """
    server.command("FLUSHALL")
    async with Client(port=server.port, retry=no_retry()) as client:
        receiver = WebhookReceiver(SECRET, deduplicate=RedisSeenStore(client), lease=1)
        server.stop()
        with pytest.raises(SeenStoreUnavailableError):
            await receiver.receive(GENUINE, SYNC_END)
        server.start()
        server.command("REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(SeenStoreUnavailableError):
            await receiver.receive(GENUINE, SYNC_END)
        server.command("REPLICAOF", "NO", "ONE")
        delivery = await receiver.claim(GENUINE, SYNC_END)
        server.command("REPLICAOF", "127.0.0.1", "1")
        await delivery.settle(handled=False)
        server.command("REPLICAOF", "NO", "ONE")
        await receiver.drain(seconds=20)
        assert (await receiver.receive(GENUINE, SYNC_END)).is_sync_end
        with pytest.raises(DuplicateEventError):
            await receiver.receive(GENUINE, SYNC_END)


def test_a_second_event_loop(server: RedisServer) -> None:
    """While the first loop is open, the error names it; after it was closed, the store moves."""
    server.command("FLUSHALL")
    client = Client(port=server.port)
    receiver = WebhookReceiver(SECRET, deduplicate=RedisSeenStore(client))
    with warnings.catch_warnings():
        # Sockets of a loop that was closed cannot be closed on it.
        warnings.simplefilter("ignore", ResourceWarning)
        with asyncio.Runner() as first, asyncio.Runner() as second:
            first.run(receiver.receive(GENUINE, SYNC_END))
            with pytest.raises(EventLoopError, match="another event loop"):
                second.run(receiver.receive(GENUINE, SYNC_END))
        with asyncio.Runner() as third:
            with pytest.raises(DuplicateEventError):
                third.run(receiver.receive(GENUINE, SYNC_END))
            third.run(client.aclose())
        gc.collect()


def test_useless_arguments_are_refused() -> None:
    """A blocking client would stop the event loop; a time below a second remembers nothing."""
    with pytest.raises(InvalidArgumentError, match=r"redis\.asyncio\.Redis"):
        RedisSeenStore(BlockingClient())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidArgumentError, match=r"1 or more seconds, not 0\.5"):
        RedisSeenStore(Client(), seconds=0.5)
