"""`SeenCache`: two states, claims that expire and are fenced by tokens, bounds, threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fivetran_async import InvalidArgumentError
from fivetran_async.webhooks import SeenCache
from support.fake_clock import FakeClock

DAY = 24 * 3600.0


async def test_a_key_is_claimed_then_done() -> None:
    """A second token finds the key in progress first, then done."""
    cache = SeenCache()
    assert await cache.claim("key", "one", seconds=60) == "claimed"
    assert await cache.claim("key", "two", seconds=60) == "in_progress"
    await cache.done("key", "one")
    assert await cache.claim("key", "two", seconds=60) == "done"
    assert await cache.claim("key", "one", seconds=60) == "done"
    assert len(cache) == 1


async def test_a_released_key_is_free() -> None:
    """After a release the next token gets the claim; releasing an unknown key does nothing."""
    cache = SeenCache()
    await cache.claim("key", "one", seconds=60)
    await cache.release("key", "one")
    await cache.release("unknown", "one")
    assert await cache.claim("key", "two", seconds=60) == "claimed"


async def test_a_claim_is_repeatable_by_its_token() -> None:
    """A receiver that got no response asks once more and gets the same claim, with a new lease."""
    clock = FakeClock()
    cache = SeenCache(_clock=clock)
    await cache.claim("key", "one", seconds=60)
    clock.advance(50)
    assert await cache.claim("key", "one", seconds=60) == "claimed"
    clock.advance(50)
    assert await cache.claim("key", "two", seconds=60) == "in_progress"


async def test_an_expired_claim_changes_nothing_of_the_next() -> None:
    """
    Late words of a claim that expired do not undo the claim of another token.

    Siblings: a late release, a late done, and both after the other token is done.
    """
    clock = FakeClock()
    cache = SeenCache(_clock=clock)
    await cache.claim("key", "slow", seconds=60)
    clock.advance(61)
    assert await cache.claim("key", "next", seconds=60) == "claimed"
    await cache.release("key", "slow")
    assert await cache.claim("key", "third", seconds=60) == "in_progress"
    await cache.done("key", "slow")
    assert await cache.claim("key", "third", seconds=60) == "in_progress"
    await cache.done("key", "next")
    await cache.release("key", "slow")
    assert await cache.claim("key", "third", seconds=60) == "done"


async def test_done_counts_after_the_lease_if_no_other_token_claimed() -> None:
    """A slow handler has handled its event all the same."""
    clock = FakeClock()
    cache = SeenCache(_clock=clock)
    await cache.claim("key", "slow", seconds=60)
    clock.advance(61)
    await cache.done("key", "slow")
    assert await cache.claim("key", "next", seconds=60) == "done"


async def test_the_cache_forgets_after_its_time() -> None:
    """A handled event is remembered for 25 hours, longer than Fivetran repeats it."""
    clock = FakeClock()
    cache = SeenCache(_clock=clock)
    await cache.done("one", "token")
    clock.advance(DAY)
    assert await cache.claim("one", "token", seconds=60) == "done"
    await cache.done("two", "token")
    clock.advance(3600)
    assert await cache.claim("one", "token", seconds=60) == "claimed"
    assert len(cache) == 2


async def test_the_cache_is_bounded() -> None:
    """Beyond its size the oldest handled event is forgotten, but never a claim."""
    cache = SeenCache(size=2)
    await cache.claim("in progress", "one", seconds=60)
    for key in ("one", "two", "three"):
        await cache.done(key, "token")
    assert len(cache) == 3
    assert await cache.claim("in progress", "two", seconds=60) == "in_progress"
    assert await cache.claim("three", "token", seconds=60) == "done"
    assert await cache.claim("one", "token", seconds=60) == "claimed"


async def test_abandoned_claims_are_forgotten() -> None:
    """Claims that were never settled do not pile up."""
    clock = FakeClock()
    cache = SeenCache(_clock=clock)
    for number in range(100):
        await cache.claim(str(number), "token", seconds=60)
        clock.advance(1)
    assert len(cache) == 60


def test_threads_share_a_cache() -> None:
    """Of event loops in several threads, exactly one gets the claim of each key."""
    cache = SeenCache()
    results: list[str] = []

    async def claim_all() -> None:
        token = threading.current_thread().name
        results.extend(
            [await cache.claim(str(number), token, seconds=60) for number in range(2_000)]
        )

    threads = [threading.Thread(target=lambda: asyncio.run(claim_all())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("claimed") == 2_000
    assert results.count("in_progress") == 6_000


@pytest.mark.parametrize(("size", "seconds"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_a_cache_without_room_is_refused(size: int, seconds: float) -> None:
    """A size or a time that remembers nothing is an error at once."""
    with pytest.raises(InvalidArgumentError, match=r"size|seconds"):
        SeenCache(size, seconds)
