"""The receiving end of webhooks, without a web framework: headers and body in, an event out."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
from collections import OrderedDict
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from typing import TYPE_CHECKING, Final, NoReturn, Protocol, TypeAlias, TypeVar, cast

from fivetran_async._clock import SYSTEM_CLOCK
from fivetran_async.errors import (
    InvalidArgumentError,
    MissingCredentialsError,
    ResponseFormatError,
)
from fivetran_async.webhooks.events import WebhookEvent, parse_event
from fivetran_async.webhooks.signature import (
    SIGNATURE_HEADER,
    InvalidSignatureError,
    WebhookRefusedError,
    check_signature,
    parse_signature,
    signing_keys,
)

if TYPE_CHECKING:
    from fivetran_async._clock import Clock

Secrets: TypeAlias = str | Sequence[str]
SecretSource: TypeAlias = Secrets | Callable[[], Secrets | Awaitable[Secrets]]
Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]
EventHandler: TypeAlias = Callable[[WebhookEvent], Awaitable[object] | object]

H = TypeVar("H", bound=EventHandler)

MAX_BODY: Final = 1024 * 1024
SEEN_FOR: Final = 25 * 3600.0
"""Seconds: the vendor repeats a delivery for a day."""


class BodyTooLargeError(WebhookRefusedError):
    """413: the body is larger than any event."""

    http_status = 413


class InvalidPayloadError(WebhookRefusedError):
    """422: the signature is right, but the body is no event."""

    http_status = 422


class StaleEventError(WebhookRefusedError):
    """401: the event is older than `max_age`: a recording that somebody plays back."""

    http_status = 401


class DuplicateEventError(WebhookRefusedError):
    """200: the event was handled before, so it is not handled again, nor need it come again."""

    http_status = 200


class EventInProgressError(WebhookRefusedError):
    """503: the same event is being handled right now; should that fail, it is needed again."""

    http_status = 503


class SeenStore(Protocol):
    """Remembers deliveries; give a shared one where several processes receive."""

    async def add(self, key: str) -> bool:
        """Remember a key for 25 hours; True if it was not remembered before. Redis: SET NX EX."""
        ...

    async def discard(self, key: str) -> None:
        """Forget a key: its event could not be handled, so a repeat must be."""
        ...


class SeenCache:
    """
    A `SeenStore` in this process's memory.

    Args:
        size: How many deliveries to remember; beyond, the oldest are forgotten.
        seconds: For how long.
    """

    def __init__(
        self, size: int = 10_000, seconds: float = SEEN_FOR, *, _clock: Clock = SYSTEM_CLOCK
    ) -> None:
        if size < 1 or not seconds > 0:
            raise InvalidArgumentError("size and seconds must be more than 0.")
        self._size, self._seconds, self._clock = size, seconds, _clock
        self._expiry: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._expiry)

    async def add(self, key: str) -> bool:
        """Remember a key; True if it was new."""
        now = self._clock.monotonic()
        # All are kept equally long, so the first in is the first to go.
        while self._expiry and next(iter(self._expiry.values())) <= now:
            self._expiry.popitem(last=False)
        if key in self._expiry:
            return False
        self._expiry[key] = now + self._seconds
        if len(self._expiry) > self._size:
            self._expiry.popitem(last=False)
        return True

    async def discard(self, key: str) -> None:
        """Forget a key."""
        self._expiry.pop(key, None)


class WebhookReceiver:
    """
    Takes deliveries: verifies the signature first, then reads the event, then calls handlers.

    ```python
    receiver = WebhookReceiver(secret_env="FIVETRAN_WEBHOOK_SECRET")

    @receiver.on("sync_end")
    async def refresh(event: WebhookEvent) -> None: ...
    ```

    The integrations with web frameworks do the rest. Fivetran waits 10 seconds for an answer, and
    sends again for a day what was not answered with 2xx; then it disables the webhook. So handlers
    must be quick: put slow work into a queue. If one raises, the delivery is answered with 500,
    and comes again, to all handlers.

    Args:
        secret: What the webhook was created with. While it is being replaced, both secrets; or a
            function, sync or async, that is asked at each delivery.
        secret_env: Instead, the environment variable that holds it, read at each delivery.
        max_body: The largest body that is read, in bytes. Real events have less than a kilobyte.
        max_age: Refuse events that were created more than so many seconds ago. Not below 25 hours:
            the vendor's own repeats are that old.
        deduplicate: Handle a delivery that comes twice, byte for byte, once: True remembers in
            this process; several processes need a `SeenStore` that they share.

    Raises:
        InvalidArgumentError: There is no secret, or it is empty or a mask.
    """

    def __init__(
        self,
        secret: SecretSource | None = None,
        *,
        secret_env: str | None = None,
        max_body: int = MAX_BODY,
        max_age: float | None = None,
        deduplicate: bool | SeenStore = True,
        _clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if (secret is None) == (secret_env is None):
            raise InvalidArgumentError("Give the webhook's secret as secret= or as secret_env=.")
        if max_body < 1:
            raise InvalidArgumentError("max_body must be at least 1 byte.")
        if max_age is not None and not max_age >= SEEN_FOR:
            raise InvalidArgumentError(
                f"max_age must be at least {SEEN_FOR:.0f} seconds: repeats come for a day."
            )
        self._keys = _key_source(secret, secret_env)
        self._max_body, self._max_age, self._clock = max_body, max_age, _clock
        self._seen = _seen_store(deduplicate, _clock)
        self._in_progress: set[str] = set()
        self._handlers: list[tuple[frozenset[str], EventHandler]] = []

    def __repr__(self) -> str:
        return f"<WebhookReceiver, {len(self._handlers)} handlers>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A WebhookReceiver cannot be pickled: secrets do not leave the process.")

    def on(self, *events: str) -> Callable[[H], H]:
        """
        Register a handler for events of these names, or for all if none is named.

        Handlers are called one after another, in the order of registration. A plain function works
        too, if it does not block.
        """

        def register(handler: H) -> H:
            self._handlers.append((frozenset(events), handler))
            return handler

        return register

    async def receive(self, headers: Headers, body: bytes) -> WebhookEvent:
        """
        Verify a delivery, call the handlers of its event, and return it: then answer with 2xx.

        Raises:
            WebhookRefusedError: It is not handed on; answer with the error's `http_status`.
        """
        async with self.accept(headers, body) as event:
            await self.dispatch(event)
        return event

    async def dispatch(self, event: WebhookEvent) -> None:
        """Call the handlers of an event; one that raises ends it."""
        for names, handler in self._handlers:
            if not names or event.event in names:
                result = handler(event)
                if inspect.isawaitable(result):
                    await result

    @contextlib.asynccontextmanager
    async def accept(self, headers: Headers, body: bytes) -> AsyncGenerator[WebhookEvent]:
        """
        Verify a delivery, and handle its event in the `async with` block.

        If the block raises, the delivery does not count as handled, and its repeat is accepted.

        Raises:
            WebhookRefusedError: It is not handed on; answer with the error's `http_status`.
        """
        event = await self.verify(headers, body)
        if self._seen is None:
            yield event
            return
        key = hashlib.sha256(body).hexdigest()
        if key in self._in_progress:
            raise EventInProgressError("The event is being handled.")
        self._in_progress.add(key)
        try:
            if not await self._seen.add(key):
                raise DuplicateEventError("The event was handled before.")
            handled = False
            try:
                yield event
                handled = True
            finally:
                if not handled:
                    await self._seen.discard(key)
        finally:
            self._in_progress.discard(key)

    async def verify(self, headers: Headers, body: bytes) -> WebhookEvent:
        """
        Return the event of a delivery, if it is genuine; remember and handle nothing.

        Args:
            headers: Those of the request, all of them, in any letter case.
            body: The exact bytes that arrived.

        Raises:
            WebhookRefusedError: It is not; answer with the error's `http_status`.
        """
        claimed = _claimed_signature(headers)
        if len(body) > self._max_body:
            raise self._too_large()
        check_signature(body, claimed, await self._keys())
        try:
            event = parse_event(body)
        except ResponseFormatError as error:
            problem = error.message
        else:
            self._refuse_stale(event)
            return event
        raise InvalidPayloadError(f"The body is no event: {problem}")

    async def read(self, headers: Headers, chunks: AsyncIterable[bytes]) -> bytes:
        """
        Read a body as it arrives, but not one that will be refused, nor more than `max_body`.

        Raises:
            WebhookRefusedError: Its headers refuse it already, or it is too large.
        """
        _claimed_signature(headers)
        for length in _values(headers, "content-length"):
            if length.isdecimal() and int(length[:20]) > self._max_body:
                raise self._too_large()
        body = bytearray()
        async for chunk in chunks:
            body += chunk
            if len(body) > self._max_body:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(f"The body is larger than {self._max_body} bytes.")

    def _refuse_stale(self, event: WebhookEvent) -> None:
        if self._max_age is not None and event.created is not None:
            age = self._clock.time() - event.created.timestamp()
            if age > self._max_age:
                raise StaleEventError("The event is too old.")


def _seen_store(deduplicate: bool | SeenStore, clock: Clock) -> SeenStore | None:  # noqa: FBT001
    if isinstance(deduplicate, bool):
        return SeenCache(_clock=clock) if deduplicate else None
    return deduplicate


KeySource: TypeAlias = Callable[[], Awaitable[tuple[bytes, ...]]]


def _key_source(secret: SecretSource | None, secret_env: str | None) -> KeySource:
    """The function that gives the keys; they are in its closure, which nothing prints."""
    if secret_env is not None:
        return _keys_from_environment(secret_env)
    if callable(secret):
        return _keys_from_function(secret)
    fixed = signing_keys(cast("Secrets", secret))

    async def keys() -> tuple[bytes, ...]:
        return fixed

    return keys


def _keys_from_environment(name: str) -> KeySource:
    async def keys() -> tuple[bytes, ...]:
        secret = os.environ.get(name)
        if not secret:
            raise MissingCredentialsError(
                f"The environment variable {name} must hold the webhook's secret."
            )
        return signing_keys(secret)

    return keys


def _keys_from_function(
    function: Callable[[], Secrets | Awaitable[Secrets]],
) -> KeySource:
    async def keys() -> tuple[bytes, ...]:
        secret = function()
        return signing_keys(await secret if inspect.isawaitable(secret) else secret)

    return keys


def _claimed_signature(headers: Headers) -> bytes:
    signatures = _values(headers, SIGNATURE_HEADER.lower())
    if len(signatures) > 1:
        raise InvalidSignatureError(f"The header {SIGNATURE_HEADER} was sent more than once.")
    claimed = parse_signature(signatures[0] if signatures else None)
    encodings = _values(headers, "content-encoding")
    if any(encoding.strip().lower() != "identity" for encoding in encodings):
        # Servers differ in whether they hand on what arrived, which was signed, or unpack it.
        raise InvalidSignatureError("The body is compressed, so its signature cannot be checked.")
    return claimed


def _values(headers: Headers, name: str) -> list[str]:
    """All values of a header, its name given in lower case."""
    # The mappings of web frameworks give each of several equal names in `items()`.
    if isinstance(headers, Mapping):
        headers = cast("Mapping[str, str]", headers).items()
    return [value for key, value in headers if key.lower() == name]
