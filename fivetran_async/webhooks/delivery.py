"""
From a claim to its end: each event is handled at least once, whatever is cancelled or down.

A store call runs in a task of its own, so that neither a cancelled handler nor anyio's level
cancellation cuts it off. The lease of the claim covers what no task can: the end of the process.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import os
from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, TypeVar

from fivetran_async._clock import abandon, at_most
from fivetran_async.errors import FivetranError
from fivetran_async.webhooks.seen import keys_at_hand
from fivetran_async.webhooks.signature import WebhookRefusedError

if TYPE_CHECKING:
    from types import TracebackType

    from fivetran_async._clock import Clock
    from fivetran_async.webhooks.events import WebhookEvent
    from fivetran_async.webhooks.seen import ClaimResult, SeenStore

T = TypeVar("T")

OnStoreFailure: TypeAlias = Literal["refuse", "handle"]
"""What happens to deliveries while the store of seen events fails."""

logger: logging.Logger = logging.getLogger("fivetran_async")

STORE_TIMEOUT: Final = 2.0
"""Seconds for one call of the store; Fivetran waits 10 seconds for a response."""
_REPEATS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between attempts to settle a claim in the background."""
_RETRY_AFTER: Final = 10.0
"""Seconds after which a refused delivery is worth another look."""


_numbers: Final = itertools.count()
"""Tokens of claims in memory, for all receivers: some share a store."""


class DuplicateEventError(WebhookRefusedError):
    """200: the event was handled before, so this delivery needs no handling."""

    http_status = 200


class EventInProgressError(WebhookRefusedError):
    """
    503 with Retry-After: the event is being handled, or the process that handled it has died.

    The repeat is a duplicate if the handling succeeds. Else it is handled, once the claim was
    released or has expired.
    """

    http_status = 503


class SeenStoreUnavailableError(WebhookRefusedError):
    """
    503 with Retry-After: the store of seen events failed or timed out.

    Nothing was handled and nothing is lost: Fivetran repeats the delivery.
    """

    http_status = 503


class _Claim(NamedTuple):
    key: str
    token: str


class Delivery:
    """
    One verified delivery, claimed for handling; `WebhookReceiver.claim` makes it.

    Handle the event in `async with delivery as event:`, or call `settle`. A delivery that is never
    settled is handled again after the lease.

    Attributes:
        event: The event.
    """

    def __init__(self, event: WebhookEvent, claims: Claims | None, claim: _Claim | None) -> None:
        self.event: WebhookEvent = event
        self._claims = claims
        self._claim = claim

    def __repr__(self) -> str:
        return f"<Delivery {self.event.event}>"

    async def settle(self, *, handled: bool) -> None:
        """
        Mark the event as handled, or release it for the next delivery; only the first call counts.

        Returns once the store has it, at the latest after 2 seconds; what a failing store or a
        cancellation cuts off goes on in the background, see `WebhookReceiver.drain`.

        Args:
            handled: True if the response to this delivery is 2xx.
        """
        claim, self._claim = self._claim, None
        if claim is not None and self._claims is not None:
            rest = self._claims.settle(claim, handled=handled)
            if rest is not None:
                await rest

    async def __aenter__(self) -> WebhookEvent:
        return self.event

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.settle(handled=kind is None)


class Claims:
    """The claims of one receiver, on any number of event loops."""

    def __init__(
        self,
        store: SeenStore,
        *,
        lease: float,
        on_failure: OnStoreFailure,
        clock: Clock,
        timeout: float,
    ) -> None:
        self._store = store
        self._at_hand = keys_at_hand(store)
        self._lease = lease
        self._on_failure = on_failure
        self._clock = clock
        self._timeout = timeout
        self._tasks: set[asyncio.Task[object]] = set()

    async def claim(self, event: WebhookEvent, body: bytes) -> Delivery:
        """
        Claim an event; its key is a hash of the body.

        Raises:
            DuplicateEventError: It was handled.
            EventInProgressError: Another delivery of it is being handled.
            SeenStoreUnavailableError: The store failed, and such deliveries are to be refused.
        """
        # Not a quicker hash: in FIPS mode, Python has only approved ones.
        key = hashlib.sha256(body).hexdigest()
        if self._at_hand is not None:
            # No other process sees the token.
            claim = _Claim(key, str(next(_numbers)))
            result = self._at_hand.claim(key, claim.token, self._lease)
        else:
            claim = _Claim(key, os.urandom(16).hex())
            result = await self._ask_store(claim)
        if result == "done":
            raise DuplicateEventError("The event was handled before.")
        if result != "claimed":
            raise EventInProgressError(
                "The event is being handled.", retry_after=min(_RETRY_AFTER, self._lease)
            )
        return Delivery(event, self, claim)

    async def _ask_store(self, claim: _Claim) -> ClaimResult:
        """Return the response of the store, or `claimed` to handle an event without it."""
        asked = self._start(self._store.claim(claim.key, claim.token, seconds=self._lease))
        try:
            await asyncio.wait({asked}, timeout=self._timeout)
        except asyncio.CancelledError:
            # The store may have granted the claim, which no caller will ever settle.
            _ = self._start(self._undo(asked, claim))
            raise
        failure = _failure(asked)
        if failure is not None:
            abandon(asked)
            self._refuse_or_handle(failure, asked, claim)
            return "claimed"
        return asked.result()

    def _refuse_or_handle(
        self, failure: BaseException, asked: asyncio.Task[ClaimResult], claim: _Claim
    ) -> None:
        refuses = self._on_failure == "refuse" or isinstance(failure, FivetranError)
        if refuses:
            _ = self._start(self._undo(asked, claim))
        if isinstance(failure, FivetranError):
            # Not an outage: the store is used in a way that never works.
            raise failure
        logger.warning(
            "The store of seen webhook events failed (%s): %s",
            _text(failure),
            "the delivery gets 503" if refuses else "the event is handled without it",
        )
        if refuses:
            raise SeenStoreUnavailableError(
                "The store of seen events is unavailable.", retry_after=_RETRY_AFTER
            )

    async def _undo(self, asked: asyncio.Task[ClaimResult], claim: _Claim) -> None:
        await asyncio.wait({asked}, timeout=self._timeout)
        failure = _failure(asked)
        abandon(asked)
        if failure is not None or asked.result() == "claimed":
            await self._persist(claim, handled=False)

    def settle(self, claim: _Claim, *, handled: bool) -> Awaitable[object] | None:
        """
        Mark a claim as done or release it; return what is left to await.

        If that takes long, it goes on in the background.
        """
        if self._at_hand is not None:
            store_it = self._at_hand.done if handled else self._at_hand.release
            store_it(claim.key, claim.token)
            return None
        task = self._start(self._persist(claim, handled=handled))
        return asyncio.wait({task}, timeout=self._timeout)

    async def _persist(self, claim: _Claim, *, handled: bool) -> None:
        store_it = self._store.done if handled else self._store.release
        for delay in (*_REPEATS, None):
            try:
                await at_most(self._timeout, store_it(claim.key, claim.token))
            except Exception as error:  # noqa: BLE001 - of the user's store; the claim expires
                logger.warning(
                    "The store of seen webhook events failed (%s): %s",
                    _text(error),
                    "the claim expires by itself" if delay is None else f"retried in {delay:g} s",
                )
            else:
                return
            if delay is not None:
                await self._clock.sleep(delay)

    async def drain(self, seconds: float) -> None:
        """Wait until the store has what this event loop still owes it; give up after a while."""
        loop = asyncio.get_running_loop()
        owed = [task for task in tuple(self._tasks) if task.get_loop() is loop]
        if owed:
            _, late = await asyncio.wait(owed, timeout=seconds)
            for task in late:
                abandon(task)
            if late:
                await asyncio.wait(late, timeout=self._timeout)

    def _start(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Read it, so that asyncio does not report a failure that was handled or logged.
            task.exception()


def _failure(asked: asyncio.Task[ClaimResult]) -> BaseException | None:
    if not asked.done():
        return TimeoutError("timed out")
    if asked.cancelled():
        return TimeoutError("the call was cancelled")
    return asked.exception()


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
