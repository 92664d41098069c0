"""`WebhookReceiver`, for any web framework or none: headers and body in, an event out."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Sequence,
)
from hmac import HMAC
from types import CoroutineType
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias, TypeVar, cast

from fivetran_async._arguments import check_seconds, check_whole_number
from fivetran_async._clock import SYSTEM_CLOCK
from fivetran_async.errors import (
    InvalidArgumentError,
    MissingCredentialsError,
    ResponseFormatError,
    UsageError,
)
from fivetran_async.webhooks._headers import CheckedHeaders, Headers
from fivetran_async.webhooks.delivery import STORE_TIMEOUT, Claims, Delivery, OnStoreFailure
from fivetran_async.webhooks.events import WebhookEvent, parse_event
from fivetran_async.webhooks.seen import LEASE, SEEN_FOR, SeenCache, SeenStore
from fivetran_async.webhooks.signature import (
    WebhookRefusedError,
    check_signature,
    signing_keys,
)

if TYPE_CHECKING:
    from fivetran_async._clock import Clock

Secrets: TypeAlias = str | Sequence[str]
SecretSource: TypeAlias = Secrets | Callable[[], Secrets | Awaitable[Secrets]]
EventHandler: TypeAlias = Callable[[WebhookEvent], Awaitable[object] | object]

H = TypeVar("H", bound=EventHandler)

MAX_BODY: Final = 1024 * 1024


class BodyTooLargeError(WebhookRefusedError):
    """413: the body is larger than `max_body`."""

    http_status = 413


class InvalidPayloadError(WebhookRefusedError):
    """422: the signature is valid, but the body is not an event."""

    http_status = 422


class StaleEventError(WebhookRefusedError):
    """401: the event is older than `max_age`, so the delivery may be a replay."""

    http_status = 401


class WebhookReceiver:
    """
    Verifies deliveries, reads their events and calls handlers, each event at least once.

    ```python
    receiver = WebhookReceiver(secret_env="FIVETRAN_WEBHOOK_SECRET")

    @receiver.on("sync_end")
    async def refresh(event: WebhookEvent) -> None: ...
    ```

    Fivetran waits 10 seconds for a response. It repeats for a day what did not get 2xx, then
    disables the webhook. So keep handlers quick, and put slow work into a queue.

    An event is claimed before its handlers run, and marked as done when they return. If one raises
    or is cancelled, the response is not 2xx, the claim is released, and the repeat calls all
    handlers. Meanwhile other deliveries of the event get 503, afterwards 200. If the process dies,
    the claim expires after `lease`. An event is handled twice only if a process dies or the store
    loses its keys between handler and response, or if a handler takes longer than `lease`: make
    handlers idempotent. Test events are always handled.

    The modules `fivetran_async.integrations.fastapi`, `.starlette` and `.aiohttp` serve receivers.
    <https://fivetran.com/docs/rest-api/getting-started/webhooks>

    Args:
        secret: The webhook's secret; both secrets during a rotation; or a function, plain or async,
            that returns them and is called for each delivery.
        secret_env: Instead, the environment variable that holds the secret, read for each delivery.
        max_body: Largest body to read, in bytes. Real events are smaller than 1 KiB.
        max_age: Refuse events that were created more than this many seconds ago; at least 25 hours,
            since Fivetran repeats deliveries for a day.
        deduplicate: Handle an event once, however often it is delivered. True remembers events in
            this process; several processes need a `SeenStore` that they share; False handles every
            delivery.
        lease: Seconds that a claim lasts. After that a process counts as dead.
        on_store_failure: While the store fails or takes longer than 2 seconds, `refuse` responds
            with 503, so that Fivetran repeats the delivery; `handle` handles it without the store,
            perhaps twice.

    Raises:
        InvalidArgumentError: The secret is missing, empty or a mask, or an option is out of range.
    """

    def __init__(
        self,
        secret: SecretSource | None = None,
        *,
        secret_env: str | None = None,
        max_body: int = MAX_BODY,
        max_age: float | None = None,
        deduplicate: bool | SeenStore = True,
        lease: float = LEASE,
        on_store_failure: OnStoreFailure = "refuse",
        _clock: Clock = SYSTEM_CLOCK,
        _store_timeout: float = STORE_TIMEOUT,
    ) -> None:
        if (secret is None) == (secret_env is None):
            raise InvalidArgumentError("Pass the webhook's secret as secret= or as secret_env=.")
        check_whole_number("max_body", max_body, at_least=1)
        if max_age is not None:
            check_seconds("max_age", max_age)
        if max_age is not None and max_age < SEEN_FOR:
            raise InvalidArgumentError(
                f"max_age must be at least {SEEN_FOR:.0f} seconds, not {max_age!r}: "
                "Fivetran repeats deliveries for a day."
            )
        check_seconds("lease", lease)
        if lease >= SEEN_FOR:
            raise InvalidArgumentError(
                f"lease must be between 0 and {SEEN_FOR:.0f} seconds, not {lease!r}."
            )
        if on_store_failure not in {"refuse", "handle"}:
            raise InvalidArgumentError(
                f"on_store_failure must be 'refuse' or 'handle', not {on_store_failure!r}."
            )
        self._keys = _key_source(secret, secret_env)
        self._max_body, self._max_age, self._clock = max_body, max_age, _clock
        store = _seen_store(deduplicate, _clock)
        self._claims: Claims | None = None
        if store is not None:
            self._claims = Claims(
                store,
                lease=lease,
                on_failure=on_store_failure,
                clock=_clock,
                timeout=_store_timeout,
            )
        self._handlers: list[tuple[frozenset[str], EventHandler]] = []

    def __repr__(self) -> str:
        return f"<WebhookReceiver, {len(self._handlers)} handlers>"

    def __reduce__(self) -> NoReturn:
        raise UsageError("A WebhookReceiver cannot be pickled: secrets do not leave the process.")

    def on(self, *events: str) -> Callable[[H], H]:
        """
        Register a handler for events of these names; without names, for all events.

        Handlers run one after another, in the order of registration. A plain function works too,
        if it does not block.
        """

        def register(handler: H) -> H:
            self._handlers.append((frozenset(events), handler))
            return handler

        return register

    async def receive(self, headers: Headers, body: bytes) -> WebhookEvent:
        """
        Verify a delivery, call the handlers of its event, and return it: then respond with 2xx.

        Raises:
            WebhookRefusedError: Handlers were not called; respond with the error's `http_status`.
        """
        async with await self.claim(headers, body) as event:
            await self.dispatch(event)
        return event

    async def dispatch(self, event: WebhookEvent) -> None:
        """Call the handlers of an event, up to the first that raises."""
        for names, handler in self._handlers:
            if not names or event.event in names:
                result = handler(event)
                # Nearly all are coroutines, and looking for another awaitable takes longer.
                if isinstance(result, CoroutineType) or inspect.isawaitable(result):
                    await result

    @contextlib.asynccontextmanager
    async def accept(self, headers: Headers, body: bytes) -> AsyncGenerator[WebhookEvent]:
        """
        Verify a delivery, and handle its event in the `async with` block.

        If the block raises, the event is not handled, and its repeat is accepted.

        Raises:
            WebhookRefusedError: The block does not run; respond with the error's `http_status`.
        """
        async with await self.claim(headers, body) as event:
            yield event

    async def claim(self, headers: Headers | CheckedHeaders, body: bytes) -> Delivery:
        """
        Verify a delivery and claim its event, for code that knows only later if it was handled.

        Raises:
            WebhookRefusedError: There is nothing to handle; respond with the error's `http_status`.
        """
        event = await self.verify(headers, body)
        # Test events carry no id and no time, so a repeat cannot be recognized; and a lost one
        # fails the creation of a webhook.
        if self._claims is None or event.is_test:
            return Delivery(event, None, None)
        return await self._claims.claim(event, body)

    async def drain(self, _: object = None, *, seconds: float = 5.0) -> None:
        """
        Wait until the store knows the outcome of every delivery; call it when the service stops.

        The first argument is ignored, so that `app.on_cleanup.append(receiver.drain)` works.

        Args:
            seconds: When to give up. A claim that is not settled by then expires by itself.
        """
        if self._claims is not None:
            await self._claims.drain(seconds)

    async def verify(self, headers: Headers | CheckedHeaders, body: bytes) -> WebhookEvent:
        """
        Verify the signature of a delivery and return its event; claim and handle nothing.

        Args:
            headers: All headers of the request, in any letter case.
            body: The raw bytes of the request.

        Raises:
            WebhookRefusedError: The delivery is not genuine or not an event; respond with the
                error's `http_status`.
        """
        checked = CheckedHeaders.of(headers)
        if len(body) > self._max_body:
            raise self._too_large()
        keys = self._keys()
        check_signature(body, checked.signature, keys if isinstance(keys, tuple) else await keys)
        try:
            event = parse_event(body)
        except ResponseFormatError as error:
            problem = error.message
        else:
            self._refuse_stale(event)
            return event
        raise InvalidPayloadError(f"The body is not an event: {problem}")

    async def read(self, headers: Headers | CheckedHeaders, chunks: AsyncIterable[bytes]) -> bytes:
        """
        Read a body in chunks, up to `max_body`; none of it if the headers are refused already.

        Raises:
            WebhookRefusedError: The signature is missing or malformed, or the body is too large.
        """
        for length in CheckedHeaders.of(headers).lengths:
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
                raise StaleEventError(f"The event is too old: created {age:.0f} seconds ago.")


def _seen_store(deduplicate: bool | SeenStore, clock: Clock) -> SeenStore | None:  # noqa: FBT001
    if isinstance(deduplicate, bool):
        return SeenCache(_clock=clock) if deduplicate else None
    missing = [name for name in ("claim", "done", "release") if not hasattr(deduplicate, name)]
    if missing:
        raise InvalidArgumentError(
            f"deduplicate must be True, False or a SeenStore: {type(deduplicate).__name__} has no "
            f"method {' or '.join(missing)}."
        )
    return deduplicate


Keys: TypeAlias = tuple[HMAC, ...]
KeySource: TypeAlias = Callable[[], Keys | Awaitable[Keys]]


def _key_source(secret: SecretSource | None, secret_env: str | None) -> KeySource:
    """Return the function that returns the keys; only its closure holds them."""
    if secret_env is not None:
        return functools.partial(_keys_from_environment, secret_env)
    if callable(secret):
        return functools.partial(_keys_from_function, secret)
    fixed = signing_keys(cast("Secrets", secret))
    return lambda: fixed


def _keys_from_environment(name: str) -> Keys:
    secret = os.environ.get(name)
    if not secret:
        raise MissingCredentialsError(
            f"The webhook's secret is missing: set the environment variable {name}."
        )
    return signing_keys(secret)


async def _keys_from_function(function: Callable[[], Secrets | Awaitable[Secrets]]) -> Keys:
    secret = function()
    return signing_keys(await secret if inspect.isawaitable(secret) else secret)
