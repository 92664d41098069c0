"""Each event is handled at least once: handlers that fail, cancellations, stores that fail."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import anyio
import pytest

from fivetran_async import EventLoopError, InvalidArgumentError
from fivetran_async.webhooks import (
    SIGNATURE_HEADER,
    ClaimResult,
    DuplicateEventError,
    EventInProgressError,
    SeenCache,
    SeenStoreUnavailableError,
    WebhookEvent,
    WebhookReceiver,
)
from support.fake_clock import FakeClock
from webhooks.deliveries import PROBE, SECRET, SIGNATURE, SYNC_END, signed
from webhooks.shaky import ShakyStore, Step

GENUINE = {SIGNATURE_HEADER: SIGNATURE}
OUTAGE = ConnectionError("connection refused")

Work: TypeAlias = Callable[[], Awaitable[object]]
Interrupt: TypeAlias = Callable[[Work, asyncio.Event], Awaitable[None]]


def _only_approved(*_: object, **__: object) -> None:
    raise ValueError("unsupported hash type")


@pytest.mark.parametrize("store", [True, ShakyStore()])
async def test_deliveries_need_only_hashes_of_fips(
    monkeypatch: pytest.MonkeyPatch,
    store: bool | ShakyStore,  # noqa: FBT001 - as the argument
) -> None:
    """In FIPS mode, Python refuses the quicker hashes: no delivery could be claimed with them."""
    for name in ("blake2b", "blake2s", "md5", "sha1"):
        monkeypatch.setattr(hashlib, name, _only_approved)
    receiver = WebhookReceiver(SECRET, deduplicate=store)
    await receiver.receive(GENUINE, SYNC_END)
    with pytest.raises(DuplicateEventError):
        await receiver.receive(GENUINE, SYNC_END)


async def run(work: Work) -> None:
    """Do some work, as a coroutine."""
    await work()


async def cancel_task(work: Work, when: asyncio.Event) -> None:
    """Cancel a task once, as asyncio does."""
    task = asyncio.create_task(run(work))
    await when.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancel_scope(work: Work, when: asyncio.Event) -> None:
    """Cancel a scope, after which anyio cancels every `await` in it."""
    async with anyio.create_task_group() as group:
        group.start_soon(run, work)
        await when.wait()
        group.cancel_scope.cancel()


either_cancellation = pytest.mark.parametrize("interrupt", [cancel_task, cancel_scope])


async def handled_once_more(receiver: WebhookReceiver) -> bool:
    """True if the next delivery of the event is handled, after all background work."""
    await receiver.drain()
    try:
        await receiver.receive(GENUINE, SYNC_END)
    except (DuplicateEventError, EventInProgressError):
        return False
    return True


async def test_what_failed_is_handled_at_the_next_delivery() -> None:
    """If a handler raises, its error propagates and the repeat is handled."""
    receiver = WebhookReceiver(SECRET)
    tries: list[WebhookEvent] = []

    @receiver.on("sync_end")
    def fail_once(event: WebhookEvent) -> None:
        tries.append(event)
        if len(tries) == 1:
            raise OSError("the database is away")

    with pytest.raises(OSError, match="away"):
        await receiver.receive(GENUINE, SYNC_END)
    await receiver.receive(GENUINE, SYNC_END)
    assert len(tries) == 2


async def test_a_store_derived_from_the_one_in_memory_may_wait() -> None:
    """Only `SeenCache` itself is known to respond at once; what users derive is awaited."""

    class SlowCache(SeenCache):
        async def claim(self, key: str, token: str, *, seconds: float) -> ClaimResult:
            await asyncio.sleep(0)
            return await super().claim(key, token, seconds=seconds)

    receiver = WebhookReceiver(SECRET, deduplicate=SlowCache())
    await receiver.receive(GENUINE, SYNC_END)
    with pytest.raises(DuplicateEventError):
        await receiver.receive(GENUINE, SYNC_END)


@either_cancellation
async def test_what_was_cancelled_is_handled_at_the_next_delivery(interrupt: Interrupt) -> None:
    """A handler that is cancelled has not handled the event, however slow the store is."""
    store = ShakyStore()
    receiver = WebhookReceiver(SECRET, deduplicate=store)
    started = asyncio.Event()

    async def handle() -> None:
        async with receiver.accept(GENUINE, SYNC_END):
            started.set()
            await asyncio.Event().wait()

    await interrupt(handle, started)
    assert await handled_once_more(receiver)


@either_cancellation
@pytest.mark.parametrize("step", ["claim", "release"])
async def test_a_cancellation_while_the_store_responds_loses_nothing(
    interrupt: Interrupt, step: Step
) -> None:
    """
    The store has granted the claim, or is asked to release it, when the handler is cancelled.

    Siblings: both kinds of cancellation at both calls; for `done` see the next test.
    """
    store = ShakyStore()
    receiver = WebhookReceiver(SECRET, deduplicate=store)
    resume = store.hold(step)

    async def fail() -> None:
        async with receiver.accept(GENUINE, SYNC_END):
            raise OSError("the database is away")

    async def ignore_failure() -> None:
        try:
            await fail()
        except OSError:
            pytest.fail("the cancellation was swallowed")

    await interrupt(ignore_failure, store.reached)
    resume.set()
    assert await handled_once_more(receiver)


@either_cancellation
async def test_a_cancellation_while_an_event_is_marked_changes_nothing(
    interrupt: Interrupt,
) -> None:
    """The handler has returned, so the event is done, and the cancellation is not swallowed."""
    store = ShakyStore()
    receiver = WebhookReceiver(SECRET, deduplicate=store)
    resume = store.hold("done")

    async def receive() -> None:
        await receiver.receive(GENUINE, SYNC_END)
        pytest.fail("the cancellation was swallowed")

    await interrupt(receive, store.reached)
    resume.set()
    assert not await handled_once_more(receiver)


async def test_cancelled_at_every_step() -> None:
    """
    Wherever a delivery is cancelled, its event is handled, or still deliverable.

    The task is cancelled after each number of turns of the event loop, until it runs through.
    """
    ran_through = False
    for turns in range(60):
        receiver = WebhookReceiver(SECRET, deduplicate=ShakyStore())
        handled: list[WebhookEvent] = []

        @receiver.on()
        async def handle(event: WebhookEvent, handled: list[WebhookEvent] = handled) -> None:
            await asyncio.sleep(0)
            handled.append(event)

        task = asyncio.ensure_future(receiver.receive(GENUINE, SYNC_END))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        ran_through = not task.cancelled()
        await handled_once_more(receiver)
        assert handled, f"lost when cancelled after {turns} turns"
    assert ran_through


async def test_another_process_handles_what_failed_in_the_first() -> None:
    """
    A repeat during the first handling gets 503 with Retry-After, not 200: it may be needed yet.

    Siblings: the repeat at the same receiver, and at one that shares the store.
    """
    store = SeenCache()
    first, second = (WebhookReceiver(SECRET, deduplicate=store) for _ in range(2))
    delivery = await first.claim(GENUINE, SYNC_END)
    for receiver in (first, second):
        with pytest.raises(EventInProgressError) as caught:
            await receiver.receive(GENUINE, SYNC_END)
        assert caught.value.http_status == 503
        assert caught.value.retry_after == 10
    await delivery.settle(handled=False)
    await second.receive(GENUINE, SYNC_END)
    with pytest.raises(DuplicateEventError):
        await first.receive(GENUINE, SYNC_END)


async def test_the_claim_of_a_dead_process_expires() -> None:
    """A delivery that is never settled is handled at a delivery after the lease."""
    clock = FakeClock()
    store = SeenCache(_clock=clock)
    receiver = WebhookReceiver(SECRET, deduplicate=store, lease=60)
    await receiver.claim(GENUINE, SYNC_END)
    clock.advance(59)
    with pytest.raises(EventInProgressError):
        await receiver.receive(GENUINE, SYNC_END)
    clock.advance(2)
    await receiver.receive(GENUINE, SYNC_END)


async def test_a_handler_beyond_its_lease_undoes_no_other_claim() -> None:
    """Its late failure does not release the claim that another process got meanwhile."""
    clock = FakeClock()
    store = SeenCache(_clock=clock)
    slow, next_one = (WebhookReceiver(SECRET, deduplicate=store, lease=60) for _ in range(2))
    late = await slow.claim(GENUINE, SYNC_END)
    clock.advance(61)
    async with next_one.accept(GENUINE, SYNC_END):
        await late.settle(handled=False)
        with pytest.raises(EventInProgressError):
            await slow.receive(GENUINE, SYNC_END)


async def test_only_the_first_settlement_counts() -> None:
    """What follows a settlement, such as a failing background task, does not undo it."""
    receiver = WebhookReceiver(SECRET)
    delivery = await receiver.claim(GENUINE, SYNC_END)
    assert repr(delivery) == "<Delivery sync_end>"
    await delivery.settle(handled=True)
    await delivery.settle(handled=False)
    assert not await handled_once_more(receiver)


async def test_an_outage_refuses_deliveries(caplog: pytest.LogCaptureFixture) -> None:
    """
    While no claim is possible, deliveries get 503 with Retry-After and a warning is logged.

    Siblings: a store that raises, one that hangs, one that claimed but did not respond.
    """
    store = ShakyStore()
    receiver = WebhookReceiver(SECRET, deduplicate=store, _store_timeout=0.3)
    handled: list[WebhookEvent] = []
    receiver.on()(handled.append)
    store.fail("claim", [OUTAGE])
    with pytest.raises(SeenStoreUnavailableError) as caught:
        await receiver.receive(GENUINE, SYNC_END)
    assert (caught.value.http_status, caught.value.retry_after) == (503, 10)
    assert "ConnectionError: connection refused): the delivery gets 503" in caplog.text
    resume = store.hold("claim")
    with pytest.raises(SeenStoreUnavailableError):
        await receiver.receive(GENUINE, SYNC_END)
    resume.set()
    assert handled == []
    assert await handled_once_more(receiver)


async def test_an_outage_may_be_ignored(caplog: pytest.LogCaptureFixture) -> None:
    """With `on_store_failure="handle"` events are handled, and marked as done where possible."""
    store = ShakyStore()
    receiver = WebhookReceiver(SECRET, deduplicate=store, on_store_failure="handle")
    store.fail("claim", [OUTAGE])
    await receiver.receive(GENUINE, SYNC_END)
    assert "handled without it" in caplog.text
    assert not await handled_once_more(receiver)


async def test_an_outage_does_not_cut_off_the_release() -> None:
    """A release that fails is retried in the background until the store is back."""
    clock = FakeClock()
    store = ShakyStore(clock)
    receiver = WebhookReceiver(SECRET, deduplicate=store, _clock=clock)
    store.fail("release", [OUTAGE] * 4)
    with pytest.raises(OSError, match="away"):
        async with receiver.accept(GENUINE, SYNC_END):
            raise OSError("the database is away")
    assert await handled_once_more(receiver)
    assert clock.sleeps == [0.5, 1, 2, 4]


async def test_what_an_outage_kept_from_being_released_expires(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An outage that outlasts the retries delays the event by the lease, and loses nothing."""
    clock = FakeClock()
    store = ShakyStore(clock)
    receiver = WebhookReceiver(SECRET, deduplicate=store, _clock=clock)
    store.fail("release", [OUTAGE] * 7)
    with pytest.raises(OSError, match="away"):
        async with receiver.accept(GENUINE, SYNC_END):
            raise OSError("the database is away")
    assert not await handled_once_more(receiver)
    assert "the claim expires by itself" in caplog.text
    clock.advance(300)
    assert await handled_once_more(receiver)


async def test_handled_but_not_marked_is_a_success() -> None:
    """The handler has returned: the response is 2xx, and marking goes on in the background."""
    clock = FakeClock()
    store = ShakyStore(clock)
    receiver = WebhookReceiver(SECRET, deduplicate=store, _clock=clock)
    store.fail("done", [OUTAGE] * 3)
    assert (await receiver.receive(GENUINE, SYNC_END)).is_sync_end
    assert not await handled_once_more(receiver)


@pytest.mark.parametrize("step", ["done", "release"])
async def test_a_hanging_store_does_not_hold_the_response(
    step: Step, caplog: pytest.LogCaptureFixture
) -> None:
    """Fivetran waits 10 seconds: the store gets a short time, the rest is background work."""
    caplog.set_level(logging.CRITICAL)
    clock = FakeClock()
    store = ShakyStore(clock)
    receiver = WebhookReceiver(SECRET, deduplicate=store, _clock=clock, _store_timeout=0.05)
    store.hold(step)
    delivery = await receiver.claim(GENUINE, SYNC_END)
    async with asyncio.timeout(10):
        await delivery.settle(handled=step == "done")
    await receiver.drain()


async def test_a_store_that_swallows_its_cancellation_is_asked_once_more() -> None:
    """A call that does not end is left after its time, and the event is marked by the next."""

    class Swallowing(ShakyStore):
        """Its first call of `done` ends with the second cancellation."""

        async def done(self, key: str, token: str) -> None:
            """Mark as done, at the second call."""
            self.calls.append("done")
            if self.calls.count("done") == 1:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
                await asyncio.Event().wait()
            await self.cache.done(key, token)

    store, clock = Swallowing(), FakeClock()
    receiver = WebhookReceiver(SECRET, deduplicate=store, _clock=clock, _store_timeout=0.05)
    await receiver.receive(GENUINE, SYNC_END)
    async with asyncio.timeout(10):
        await receiver.drain()
    assert store.calls.count("done") == 2
    with pytest.raises(DuplicateEventError):
        await receiver.receive(GENUINE, SYNC_END)


async def test_a_misused_store_is_an_error() -> None:
    """An error of ours, such as the wrong event loop, propagates instead of looking like 503."""
    store = ShakyStore()
    receiver = WebhookReceiver(SECRET, deduplicate=store)
    store.fail("claim", [EventLoopError("another event loop")])
    with pytest.raises(EventLoopError):
        await receiver.receive(GENUINE, SYNC_END)
    assert await handled_once_more(receiver)


async def test_draining_ends() -> None:
    """A store that stays down does not keep a service from stopping."""
    store = ShakyStore()
    store.hold("release")
    receiver = WebhookReceiver(SECRET, deduplicate=store, _store_timeout=0.3)
    with pytest.raises(OSError, match="away"):
        async with receiver.accept(GENUINE, SYNC_END):
            raise OSError("the database is away")
    loop = asyncio.get_running_loop()
    before = loop.time()
    await receiver.drain(seconds=0.1)
    assert loop.time() - before < 5


async def test_test_events_are_always_handled() -> None:
    """
    The API's test events are equal byte for byte: a refused one fails a webhook's creation.

    Siblings: two at the same time, one after the other, and the test of an existing webhook.
    """
    receiver = WebhookReceiver(SECRET)
    handled: list[WebhookEvent] = []
    receiver.on()(handled.append)
    tested = SYNC_END.replace(b"iodize_impressive", b"_connection_1")
    for body in (PROBE, tested):
        async with receiver.accept(signed(body), body):
            await receiver.receive(signed(body), body)
        await receiver.receive(signed(body), body)
    assert len(handled) == 4


def test_event_loops_share_a_receiver() -> None:
    """An event that was handled on one loop is a duplicate on the next; no loop is kept."""
    receiver = WebhookReceiver(SECRET)

    async def receive() -> str:
        try:
            return (await receiver.receive(GENUINE, SYNC_END)).event
        except DuplicateEventError as error:
            return type(error).__name__

    assert [asyncio.run(receive()) for _ in range(2)] == ["sync_end", "DuplicateEventError"]


@pytest.mark.parametrize("lease", [0, -1, float("nan"), 25 * 3600.0])
def test_a_lease_without_sense_is_refused(lease: float) -> None:
    """A claim lasts longer than nothing, and shorter than events are remembered."""
    with pytest.raises(InvalidArgumentError, match="lease"):
        WebhookReceiver(SECRET, lease=lease)


def test_a_store_without_the_methods_is_refused() -> None:
    """The error names the methods that are missing."""

    class Old:
        async def claim(self, key: str, token: str, *, seconds: float) -> ClaimResult:
            raise NotImplementedError

    with pytest.raises(InvalidArgumentError, match="Old has no method done or release"):
        WebhookReceiver(SECRET, deduplicate=Old())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidArgumentError, match="'ignore'"):
        WebhookReceiver(SECRET, on_store_failure="ignore")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
