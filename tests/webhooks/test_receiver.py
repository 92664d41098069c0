"""The receiver: what it refuses and how, what it remembers, whom it calls."""

from __future__ import annotations

import asyncio
import collections
import pickle
import random
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from fivetran_async import InvalidArgumentError, MissingCredentialsError
from fivetran_async.webhooks import (
    SIGNATURE_HEADER,
    DuplicateEventError,
    EventInProgressError,
    InvalidPayloadError,
    InvalidSignatureError,
    MissingSignatureError,
    SeenCache,
    WebhookEvent,
    WebhookReceiver,
    WebhookRefusedError,
    compute_signature,
)
from support.fake_clock import FakeClock
from support.samples import sample
from webhooks.deliveries import (
    BAD_FORMS,
    CREATED,
    OLD_SECRET,
    PROBE,
    SECRET,
    SIGNATURE,
    SYNC_END,
    BadForm,
    signed,
)

DAY = 24 * 3600.0
GENUINE = {SIGNATURE_HEADER: SIGNATURE}


def receiver_that_knows_the_age(**options: Callable[[], str]) -> WebhookReceiver:
    """Give a receiver for which the genuine delivery is a minute old."""
    clock = FakeClock(epoch=CREATED + 60)
    return WebhookReceiver(options.get("secret", SECRET), max_age=25 * 3600, _clock=clock)


async def chunks_of(body: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    """Give a body in pieces, as it comes off the wire."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("form", BAD_FORMS, ids=lambda form: form.name)
async def test_a_bad_form_is_refused_with_its_status(form: BadForm) -> None:
    """Nothing but genuine events gets in, whatever is wrong, and nothing crashes."""
    receiver = receiver_that_knows_the_age()
    with pytest.raises(WebhookRefusedError) as caught:
        await receiver.receive(form.headers, form.body)
    assert caught.value.http_status == form.status


def test_there_are_twenty_bad_forms() -> None:
    """Each is another one."""
    assert len({form.name for form in BAD_FORMS}) == 20


CHANGES = sample(1_000, 20_000)


async def test_random_changes_are_refused() -> None:
    """No change of the bytes or of the signature is accepted; each is answered with 401."""
    chance = random.Random(7)  # noqa: S311 - to repeat it, not to hide it
    receiver = receiver_that_knows_the_age()
    outcomes = collections.Counter[object]()
    for _ in range(CHANGES):
        body, signature = changed(SYNC_END, SIGNATURE, chance)
        try:
            await receiver.receive([(SIGNATURE_HEADER, signature)], body)
            outcomes["accepted"] += 1
        except WebhookRefusedError as refusal:
            outcomes[refusal.http_status] += 1
    assert outcomes == {401: CHANGES}


def changed(body: bytes, signature: str, chance: random.Random) -> tuple[bytes, str]:
    """Change one byte of a delivery, or add or remove one, in the body or in the signature."""
    if chance.random() < 0.3:
        place, digit = chance.randrange(64), chance.choice("0123456789ABCDEF")
        altered = signature[:place] + digit + signature[place + 1 :]
        return (body, altered) if altered != signature else changed(body, signature, chance)
    place, byte = chance.randrange(len(body)), bytes([chance.randrange(256)])
    start, end = body[:place], body[place + 1 :]
    altered_body = chance.choice([start + byte + end, start + byte + body[place:], start + end])
    return (altered_body, signature) if altered_body != body else changed(body, signature, chance)


async def test_signed_mutations_never_crash() -> None:
    """What carries the right signature is an event, or is refused with 422; there is no third."""
    chance = random.Random(8)  # noqa: S311 - to repeat it, not to hide it
    receiver = WebhookReceiver(SECRET, deduplicate=False)
    outcomes = collections.Counter[object]()
    for _ in range(CHANGES):
        body, _ = changed(SYNC_END, SIGNATURE, chance)
        body, _ = changed(body, SIGNATURE, chance)
        try:
            await receiver.receive(signed(body), body)
            outcomes["event"] += 1
        except InvalidPayloadError as refusal:
            outcomes[refusal.http_status] += 1
    assert set(outcomes) == {"event", 422}
    assert outcomes.total() == CHANGES


@pytest.mark.parametrize(
    "headers",
    [
        GENUINE,
        {SIGNATURE_HEADER.lower(): SIGNATURE.lower()},
        [("Host", "here"), (SIGNATURE_HEADER.upper(), SIGNATURE), ("Content-Encoding", "identity")],
    ],
)
async def test_a_genuine_delivery_is_an_event(
    headers: Mapping[str, str] | list[tuple[str, str]],
) -> None:
    """Whatever the headers are held in, the event comes out."""
    assert (await WebhookReceiver(SECRET).receive(headers, SYNC_END)).is_sync_end


async def test_the_test_of_the_vendor_is_accepted() -> None:
    """Refusing it would keep the webhook from being created."""
    assert (await WebhookReceiver(SECRET).receive(signed(PROBE), PROBE)).is_test


async def test_handlers_are_called_by_event() -> None:
    """Those of its name and those of all names, in order, plain or async; others are not."""
    receiver = WebhookReceiver(SECRET, deduplicate=False)
    calls: list[str] = []

    @receiver.on("sync_end", "sync_start")
    async def note_sync(event: WebhookEvent) -> None:
        await asyncio.sleep(0)
        calls.append(f"sync {event.connection_id}")

    @receiver.on()
    def note_any(event: WebhookEvent) -> None:
        calls.append(f"any {event.event}")

    @receiver.on("dbt_run_failed")
    def note_dbt(_: WebhookEvent) -> None:
        calls.append("dbt")

    await receiver.receive(GENUINE, SYNC_END)
    await receiver.receive(signed(PROBE), PROBE)
    assert calls == ["sync iodize_impressive", "any sync_end", "any test_event"]
    assert repr(receiver) == "<WebhookReceiver, 3 handlers>"
    # Usable as before.
    note_any(WebhookEvent(event="by hand"))
    note_dbt(WebhookEvent())
    await note_sync(WebhookEvent(connection_id="by hand"))
    assert calls[3:] == ["any by hand", "dbt", "sync by hand"]


async def test_a_repeat_is_handled_once() -> None:
    """The vendor sends at least once; the second time it is told 200 and nothing is done."""
    receiver = WebhookReceiver(SECRET)
    handled: list[WebhookEvent] = []
    receiver.on()(handled.append)
    await receiver.receive(GENUINE, SYNC_END)
    with pytest.raises(DuplicateEventError) as caught:
        await receiver.receive(GENUINE, SYNC_END)
    assert caught.value.http_status == 200
    await receiver.receive(signed(PROBE), PROBE)
    assert [event.event for event in handled] == ["sync_end", "test_event"]


async def test_what_failed_is_handled_again() -> None:
    """If a handler raises, its error comes out, and the repeat is handled: nothing is lost."""
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


async def test_what_was_cancelled_is_handled_again() -> None:
    """A server that stops in the middle of a handler has not handled the event."""
    receiver = WebhookReceiver(SECRET)
    started = asyncio.Event()

    async def handle() -> None:
        async with receiver.accept(GENUINE, SYNC_END):
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(handle())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await receiver.receive(GENUINE, SYNC_END)).is_sync_end


async def test_a_repeat_during_handling_must_come_later() -> None:
    """Whether the event is needed again is not known yet: 503, and no second call."""
    receiver = WebhookReceiver(SECRET)
    async with receiver.accept(GENUINE, SYNC_END):
        with pytest.raises(EventInProgressError) as caught:
            await receiver.receive(GENUINE, SYNC_END)
    assert caught.value.http_status == 503
    with pytest.raises(DuplicateEventError):
        await receiver.receive(GENUINE, SYNC_END)


async def test_without_deduplication_everything_is_handled() -> None:
    """Who keeps track himself gets each delivery."""
    receiver = WebhookReceiver(SECRET, deduplicate=False)
    handled: list[WebhookEvent] = []
    receiver.on()(handled.append)
    for _ in range(3):
        await receiver.receive(GENUINE, SYNC_END)
    assert len(handled) == 3


async def test_receivers_can_share_what_they_have_seen() -> None:
    """With one store, two processes handle a delivery once."""
    store = SeenCache()
    first, second = (WebhookReceiver(SECRET, deduplicate=store) for _ in range(2))
    await first.receive(GENUINE, SYNC_END)
    with pytest.raises(DuplicateEventError):
        await second.receive(GENUINE, SYNC_END)
    assert len(store) == 1


async def test_the_cache_forgets_after_its_time() -> None:
    """A key is remembered for 25 hours, longer than the vendor repeats, and no longer."""
    clock = FakeClock()
    cache = SeenCache(_clock=clock)
    assert await cache.add("one")
    clock.advance(DAY)
    assert not await cache.add("one")
    assert await cache.add("two")
    clock.advance(3600)
    assert await cache.add("one")
    assert len(cache) == 2


async def test_the_cache_is_bounded() -> None:
    """Beyond its size the oldest goes."""
    cache = SeenCache(size=2)
    for key in ("one", "two", "three"):
        assert await cache.add(key)
    assert len(cache) == 2
    assert not await cache.add("three")
    assert await cache.add("one")


async def test_the_cache_forgets_when_told() -> None:
    """What could not be handled is new again; what was never there is no error."""
    cache = SeenCache()
    await cache.add("one")
    await cache.discard("one")
    await cache.discard("never there")
    assert await cache.add("one")


@pytest.mark.parametrize(("size", "seconds"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_a_cache_without_room_is_refused(size: int, seconds: float) -> None:
    """It would remember nothing, and say nothing of it."""
    with pytest.raises(InvalidArgumentError):
        SeenCache(size, seconds)


async def test_old_events_are_refused_if_asked() -> None:
    """With `max_age`, recordings are useless once the memory of them is gone."""
    clock = FakeClock(epoch=CREATED)
    receiver = WebhookReceiver(SECRET, max_age=25 * 3600, deduplicate=False, _clock=clock)
    clock.advance(DAY)
    assert (await receiver.receive(GENUINE, SYNC_END)).is_sync_end
    clock.advance(2 * 3600)
    with pytest.raises(WebhookRefusedError, match="too old") as caught:
        await receiver.receive(GENUINE, SYNC_END)
    assert caught.value.http_status == 401
    assert (await receiver.receive(signed(PROBE), PROBE)).is_test


async def test_secrets_may_be_asked_for_at_each_delivery() -> None:
    """A function, sync or async, gives one secret or several; changing it needs no restart."""
    current = [OLD_SECRET]

    def now() -> list[str]:
        return current

    async def later() -> list[str]:
        await asyncio.sleep(0)
        return current

    for source in (now, later):
        current[:] = [OLD_SECRET]
        receiver = WebhookReceiver(source, deduplicate=False)
        with pytest.raises(InvalidSignatureError):
            await receiver.receive(GENUINE, SYNC_END)
        current.append(SECRET)
        assert (await receiver.receive(GENUINE, SYNC_END)).is_sync_end


async def test_the_environment_may_hold_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read at each delivery; while it is not there, nothing is accepted."""
    receiver = WebhookReceiver(secret_env="HOOK_SECRET", deduplicate=False)
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    with pytest.raises(MissingCredentialsError, match="HOOK_SECRET"):
        await receiver.receive(GENUINE, SYNC_END)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    assert (await receiver.receive(GENUINE, SYNC_END)).is_sync_end


async def test_a_function_that_gives_no_secret_opens_nothing() -> None:
    """An empty secret is an error of the service, not a signature that anybody can make."""
    receiver = WebhookReceiver(lambda: "")
    forged = compute_signature(SYNC_END, "anything")
    with pytest.raises(InvalidArgumentError, match="empty"):
        await receiver.receive({SIGNATURE_HEADER: forged}, SYNC_END)


@pytest.mark.parametrize("secret", ["", "  ", "******", [], [""], None])
def test_a_useless_secret_is_refused_at_once(secret: str | list[str] | None) -> None:
    """Not at the first delivery, when nobody looks."""
    with pytest.raises(InvalidArgumentError):
        WebhookReceiver(secret)


def test_options_that_cannot_be_are_refused() -> None:
    """Two sources of the secret, no room for a body, or an age that the vendor's repeats have."""
    with pytest.raises(InvalidArgumentError, match="secret_env"):
        WebhookReceiver(SECRET, secret_env="HOOK_SECRET")
    with pytest.raises(InvalidArgumentError, match="max_body"):
        WebhookReceiver(SECRET, max_body=0)
    with pytest.raises(InvalidArgumentError, match="max_age"):
        WebhookReceiver(SECRET, max_age=300)


def test_shows_no_secret() -> None:
    """Neither printing nor pickling takes the secret out."""
    receiver = WebhookReceiver(SECRET)
    assert SECRET not in repr(receiver) + repr(vars(receiver))
    with pytest.raises(TypeError, match="secrets do not leave"):
        pickle.dumps(receiver)


async def test_reads_a_body_in_pieces() -> None:
    """What arrives is what is verified."""
    receiver = WebhookReceiver(SECRET)
    assert await receiver.read(GENUINE, chunks_of(SYNC_END, 10)) == SYNC_END


@pytest.mark.parametrize("length", [[], [("Content-Length", "99")], [("Content-Length", "?")]])
async def test_stops_reading_what_is_too_large(length: list[tuple[str, str]]) -> None:
    """No more than `max_body` is taken in, whatever length was announced."""
    taken: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            taken.append(400)
            yield b"x" * 400

    receiver = WebhookReceiver(SECRET, max_body=1_000)
    with pytest.raises(WebhookRefusedError) as caught:
        await receiver.read([*GENUINE.items(), *length], endless())
    assert caught.value.http_status == 413
    assert sum(taken) == 1_200


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ([*GENUINE.items(), ("Content-Length", "9" * 5_000)], WebhookRefusedError),
        ([*GENUINE.items(), ("content-length", "1001")], WebhookRefusedError),
        ([], MissingSignatureError),
        ([(SIGNATURE_HEADER, "nonsense")], InvalidSignatureError),
    ],
)
async def test_reads_nothing_that_headers_refuse(
    headers: list[tuple[str, str]], refusal: type[WebhookRefusedError]
) -> None:
    """A body that is announced as too large, or is not signed, is not even taken in."""
    receiver = WebhookReceiver(SECRET, max_body=1_000)

    async def untouchable() -> AsyncIterator[bytes]:
        yield pytest.fail("the body was read")

    with pytest.raises(refusal):
        await receiver.read(headers, untouchable())


async def test_thousand_deliveries_at_once() -> None:
    """Each event is handled once, though every delivery comes twice at the same time."""
    receiver = WebhookReceiver(SECRET)
    handled: list[str | None] = []

    @receiver.on("sync_end")
    async def handle(event: WebhookEvent) -> None:
        await asyncio.sleep(0)
        handled.append(event.sync_id)

    async def deliver(body: bytes) -> int:
        try:
            await receiver.receive(signed(body), body)
        except WebhookRefusedError as refusal:
            return refusal.http_status
        return 200

    bodies = [SYNC_END.replace(b"b4703f73", b"%08d" % number) for number in range(500)]
    statuses = await asyncio.gather(*(deliver(body) for body in bodies * 2))
    assert len(handled) == len(set(handled)) == 500
    assert set(statuses) <= {200, 503}
