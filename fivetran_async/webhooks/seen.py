"""Stores that remember deliveries: the protocol, and the store in the memory of one process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from fivetran_async._arguments import check_seconds, check_whole_number
from fivetran_async._clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from fivetran_async._clock import Clock

SEEN_FOR: Final = 25 * 3600.0
"""Seconds that handled events are remembered: Fivetran repeats a delivery for 24 hours."""
LEASE: Final = 300.0
"""Seconds that a claim lasts: Fivetran's first repeat comes after some 6 minutes."""

ClaimResult: TypeAlias = Literal["claimed", "in_progress", "done"]
"""
The result of a claim.

`claimed`: the event is yours to handle. `in_progress`: another token holds the claim.
`done`: the event was handled.
"""


class SeenStore(Protocol):
    """
    Remembers which events are being handled and which are done.

    Give one that all processes share to each `WebhookReceiver` as `deduplicate=`; see
    `fivetran_async.integrations.redis.RedisSeenStore`. Every method must be atomic, and safe to
    call twice with the same token: a receiver retries when it got no response.
    """

    async def claim(self, key: str, token: str, *, seconds: float) -> ClaimResult:
        """
        Claim an unknown key for a number of seconds, after which the claim expires.

        A key that this token holds already is `claimed`, and its claim is extended.
        """
        ...

    async def done(self, key: str, token: str) -> None:
        """
        Remember for 25 hours that the event was handled.

        Do nothing if another token holds the claim: this one had expired.
        """
        ...

    async def release(self, key: str, token: str) -> None:
        """
        Forget a claim, so that the next delivery of the event is handled.

        Do nothing unless this token holds the claim.
        """
        ...


class SeenCache:
    """
    A `SeenStore` in the memory of this process, for any number of event loops and threads.

    Args:
        size: How many handled events to remember; beyond, the oldest are forgotten. Claims do not
            count.
        seconds: How long to remember a handled event.

    Raises:
        InvalidArgumentError: `size` or `seconds` is not positive.
    """

    def __init__(
        self, size: int = 10_000, seconds: float = SEEN_FOR, *, _clock: Clock = SYSTEM_CLOCK
    ) -> None:
        check_whole_number("size", size, at_least=1)
        check_seconds("seconds", seconds)
        self._keys = _SeenKeys(size, seconds, _clock)

    def __len__(self) -> int:
        """Return the number of claims and handled events in memory."""
        return len(self._keys)

    async def claim(self, key: str, token: str, *, seconds: float) -> ClaimResult:
        """Claim a key for a number of seconds, unless it is claimed or done."""
        return self._keys.claim(key, token, seconds)

    async def done(self, key: str, token: str) -> None:
        """Remember a key as handled, unless another token holds the claim."""
        self._keys.done(key, token)

    async def release(self, key: str, token: str) -> None:
        """Forget a claim, if this token holds it."""
        self._keys.release(key, token)


def keys_at_hand(store: SeenStore) -> _SeenKeys | None:
    """Return the keys of a store that never waits, so that no call of it needs a task."""
    # Not of a subclass, which may wait.
    return store._keys if type(store) is SeenCache else None  # noqa: SLF001 - of this module


class _SeenKeys:
    """What a `SeenCache` remembers; it does at once what a `SeenStore` does."""

    def __init__(self, size: int, seconds: float, clock: Clock) -> None:
        self._size, self._seconds, self._clock = size, seconds, clock
        self._done: OrderedDict[str, float] = OrderedDict()
        self._claims: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._done) + len(self._claims)

    def claim(self, key: str, token: str, seconds: float) -> ClaimResult:
        """Do what `SeenStore.claim` does."""
        with self._lock:
            now = self._clock.monotonic()
            self._forget_expired(now)
            if key in self._done:
                return "done"
            if self._is_held_by_another(key, token, now):
                return "in_progress"
            self._claims[key] = token, now + seconds
            self._claims.move_to_end(key)
            return "claimed"

    def done(self, key: str, token: str) -> None:
        """Do what `SeenStore.done` does."""
        with self._lock:
            now = self._clock.monotonic()
            if self._is_held_by_another(key, token, now):
                return
            self._claims.pop(key, None)
            self._done[key] = now + self._seconds
            self._done.move_to_end(key)
            if len(self._done) > self._size:
                self._done.popitem(last=False)

    def release(self, key: str, token: str) -> None:
        """Do what `SeenStore.release` does."""
        with self._lock:
            holder, _ = self._claims.get(key, (None, 0.0))
            if holder == token:
                del self._claims[key]

    def _is_held_by_another(self, key: str, token: str, now: float) -> bool:
        holder, until = self._claims.get(key, (token, 0.0))
        return holder != token and until > now

    def _forget_expired(self, now: float) -> None:
        # Entries of a kind last equally long as a rule, so the first in is the first to go.
        while self._done and next(iter(self._done.values())) <= now:
            self._done.popitem(last=False)
        while self._claims and next(iter(self._claims.values()))[1] <= now:
            self._claims.popitem(last=False)
