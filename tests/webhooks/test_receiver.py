"""`WebhookReceiver`: refused deliveries, handlers, secrets, bodies."""

from __future__ import annotations

import asyncio
import collections
import pickle
import random
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from fivetran_async import InvalidArgumentError, MissingCredentialsError, UsageError
from fivetran_async.webhooks import (
    SIGNATURE_HEADER,
    DuplicateEventError,
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
    """Return a receiver for which the genuine delivery is a minute old."""
    clock = FakeClock(epoch=CREATED + 60)
    return WebhookReceiver(options.get("secret", SECRET), max_age=25 * 3600, _clock=clock)


async def chunks_of(body: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    """Yield a body in chunks, as a server does."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("form", BAD_FORMS, ids=lambda form: form.name)
async def test_a_bad_form_is_refused_with_its_status(form: BadForm) -> None:
    """Each raises a `WebhookRefusedError` with its own status."""
    receiver = receiver_that_knows_the_age()
    with pytest.raises(WebhookRefusedError) as caught:
        await receiver.receive(form.headers, form.body)
    assert caught.value.http_status == form.status


def test_there_are_twenty_bad_forms() -> None:
    """Each has a name of its own."""
    assert len({form.name for form in BAD_FORMS}) == 20


CHANGES = sample(1_000, 20_000)


async def test_random_changes_are_refused() -> None:
    """A changed body or signature is refused with 401."""
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
    """A body with a valid signature is an event or is refused with 422; nothing else happens."""
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
    """Headers may be a dict, a list of pairs or a framework's multi-dict."""
    assert (await WebhookReceiver(SECRET).receive(headers, SYNC_END)).is_sync_end


async def test_the_test_of_the_vendor_is_accepted() -> None:
    """A refused test event fails the creation of the webhook."""
    assert (await WebhookReceiver(SECRET).receive(signed(PROBE), PROBE)).is_test


async def test_handlers_are_called_by_event() -> None:
    """Handlers of its name and of all names run in order, plain or async; others do not."""
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
    """The second delivery gets 200 and calls no handler."""
    receiver = WebhookReceiver(SECRET)
    handled: list[WebhookEvent] = []
    receiver.on()(handled.append)
    await receiver.receive(GENUINE, SYNC_END)
    with pytest.raises(DuplicateEventError) as caught:
        await receiver.receive(GENUINE, SYNC_END)
    assert caught.value.http_status == 200
    await receiver.receive(signed(PROBE), PROBE)
    assert [event.event for event in handled] == ["sync_end", "test_event"]


async def test_without_deduplication_everything_is_handled() -> None:
    """With `deduplicate=False` every delivery reaches the handlers."""
    receiver = WebhookReceiver(SECRET, deduplicate=False)
    handled: list[WebhookEvent] = []
    receiver.on()(handled.append)
    for _ in range(3):
        await receiver.receive(GENUINE, SYNC_END)
    assert len(handled) == 3


async def test_receivers_can_share_what_they_have_seen() -> None:
    """Two receivers with one store handle an event once."""
    store = SeenCache()
    first, second = (WebhookReceiver(SECRET, deduplicate=store) for _ in range(2))
    await first.receive(GENUINE, SYNC_END)
    with pytest.raises(DuplicateEventError):
        await second.receive(GENUINE, SYNC_END)
    assert len(store) == 1


async def test_old_events_are_refused_if_asked() -> None:
    """With `max_age`, a replay is refused after the store has forgotten the event."""
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
    """A function, plain or async, returns one secret or several; a rotation needs no restart."""
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
    """The variable is read at each delivery; without it every delivery is an error."""
    receiver = WebhookReceiver(secret_env="HOOK_SECRET", deduplicate=False)
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    with pytest.raises(MissingCredentialsError, match="HOOK_SECRET"):
        await receiver.receive(GENUINE, SYNC_END)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    assert (await receiver.receive(GENUINE, SYNC_END)).is_sync_end


@pytest.mark.parametrize("secret", ["", None, 7, [None], {"key": SECRET}])
async def test_a_function_that_gives_no_secret_opens_nothing(secret: Any) -> None:  # noqa: ANN401
    """An empty secret is an error of the service; it does not verify forged signatures."""
    receiver = WebhookReceiver(lambda: secret)
    forged = compute_signature(SYNC_END, "anything")
    with pytest.raises(InvalidArgumentError, match="secret must be"):
        await receiver.receive({SIGNATURE_HEADER: forged}, SYNC_END)


@pytest.mark.parametrize("secret", ["", "  ", "******", [], [""], None])
def test_a_useless_secret_is_refused_at_once(secret: str | list[str] | None) -> None:
    """The constructor raises, not the first delivery."""
    with pytest.raises(InvalidArgumentError):
        WebhookReceiver(secret)


def test_options_that_cannot_be_are_refused() -> None:
    """Two sources of the secret, no room for a body, a `max_age` that repeats exceed."""
    with pytest.raises(InvalidArgumentError, match="secret_env"):
        WebhookReceiver(SECRET, secret_env="HOOK_SECRET")
    with pytest.raises(InvalidArgumentError, match="max_body"):
        WebhookReceiver(SECRET, max_body=0)
    with pytest.raises(InvalidArgumentError, match="max_age"):
        WebhookReceiver(SECRET, max_age=300)


def test_shows_no_secret() -> None:
    """Neither repr nor pickle contains the secret."""
    receiver = WebhookReceiver(SECRET)
    assert SECRET not in repr(receiver) + repr(vars(receiver))
    with pytest.raises(UsageError, match="secrets do not leave"):
        pickle.dumps(receiver)


async def test_reads_a_body_in_pieces() -> None:
    """The body is returned byte for byte."""
    receiver = WebhookReceiver(SECRET)
    assert await receiver.read(GENUINE, chunks_of(SYNC_END, 10)) == SYNC_END


@pytest.mark.parametrize("length", [[], [("Content-Length", "99")], [("Content-Length", "?")]])
async def test_stops_reading_what_is_too_large(length: list[tuple[str, str]]) -> None:
    """Reading stops at `max_body`, whatever Content-Length is."""
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
    """The body is not read if Content-Length is too large or the signature is missing."""
    receiver = WebhookReceiver(SECRET, max_body=1_000)

    async def untouchable() -> AsyncIterator[bytes]:
        yield pytest.fail("the body was read")

    with pytest.raises(refusal):
        await receiver.read(headers, untouchable())


async def test_thousand_deliveries_at_once() -> None:
    """Each event is handled once, although each delivery arrives twice at the same time."""
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
