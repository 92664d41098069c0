"""The aiohttp session, and everything else that the views of a session share."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar, cast

import aiohttp
import attrs

from fivetran_async._clock import SYSTEM_CLOCK, Clock, asyncio_loop, held_requests
from fivetran_async._codec import Drift, DriftLog, UnknownField
from fivetran_async._http.base_url import checked_proxy
from fivetran_async._http.closing import Closing, closed_error
from fivetran_async._http.config_guard import ConfigGuard
from fivetran_async._http.deadlines import Deadlines
from fivetran_async._http.request import usual_headers
from fivetran_async._http.retry import RetryBucket
from fivetran_async._http.turn import TurnLimiter, interrupted
from fivetran_async.errors import EventLoopError, InvalidArgumentError, SessionClosedError
from fivetran_async.limits import running_loop
from fivetran_async.options import is_a
from fivetran_async.retries import at_least_one

if TYPE_CHECKING:
    from fivetran_async._http.credentials import Credentials
    from fivetran_async._http.observing import AccountFacts
    from fivetran_async._quota.protocol import RateLimiter

T = TypeVar("T")

_LIMITER_METHODS: Final = ("acquire", "is_open", "settle", "snapshot", "read")
AIOHTTP_VERSION: Final = aiohttp.__version__


@attrs.define(kw_only=True, eq=False, repr=False)
class Pool:
    """The aiohttp session: made when first used, for one event loop and process; closed if ours."""

    given: aiohttp.ClientSession | None = attrs.field(
        default=None, alias="session", validator=is_a(aiohttp.ClientSession | None)
    )
    trace_configs: Sequence[aiohttp.TraceConfig] = attrs.field(
        default=(), validator=is_a(Sequence[aiohttp.TraceConfig])
    )
    ssl_context: ssl.SSLContext | None = attrs.field(
        default=None, validator=is_a(ssl.SSLContext | None)
    )
    proxy: str | None = attrs.field(default=None, converter=checked_proxy)
    user_agent: str = ""
    clock: Clock = SYSTEM_CLOCK
    closing: Closing = attrs.field(init=False, factory=Closing)
    deadlines: Deadlines | None = attrs.field(default=None, init=False)
    """The timeouts of requests on this loop; None if aiohttp has to time and release them."""
    headers: Mapping[str, str] | None = attrs.field(default=None, init=False)
    """Those of most requests, which a session of ours has already: aiohttp copies given ones."""
    _session: aiohttp.ClientSession | None = attrs.field(default=None, init=False)
    _loop: asyncio.AbstractEventLoop | None = None
    _guard: AsyncGenerator[None] | None = attrs.field(default=None, init=False)
    _process: int = attrs.field(factory=os.getpid)

    @property
    def closed(self) -> bool:
        """True if the session was closed."""
        return self.closing.closed

    @property
    def is_ours(self) -> bool:
        """True if the aiohttp session is made here, and was not given."""
        return self.given is None

    def session(self) -> aiohttp.ClientSession:
        """
        Return the aiohttp session of this event loop and process; it is made when first used.

        Raises:
            EventLoopError: It belongs to another event loop that is still open, or to another
                process.
            SessionClosedError: It was closed.
        """
        if self.closing.closed:
            raise closed_error()
        if self._session is None:
            self._open()
        elif self._process != os.getpid():
            raise EventLoopError(
                "This session was used before a fork; make the AsyncFivetran in the child process."
            )
        elif self._loop is not asyncio_loop():
            self._move()
        session = self._session
        if session is None or session.closed:
            raise SessionClosedError("The aiohttp session given as session= was closed.")
        return session

    def _open(self) -> None:
        loop = asyncio_loop()
        if getattr(self.given, "_loop", loop) is not loop:
            raise EventLoopError(
                "The aiohttp session given as session= belongs to another event loop; make it on "
                "the loop that uses it."
            )
        self._loop = loop
        self._process = os.getpid()
        if self.given is not None:
            self._session = held_requests(self.clock, self.given)
            return
        self.headers = usual_headers(self.user_agent)
        session = aiohttp.ClientSession(
            # The limiter of the session is the limit; waits in a second one here would be hidden.
            connector=aiohttp.TCPConnector(limit=0, ssl=self.ssl_context or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self.proxy,
            headers=self.headers,
            trace_configs=list(self.trace_configs),
        )
        self._session = held_requests(self.clock, session)
        # A trace config would otherwise see a cancellation in the place of a timeout.
        if self._session is session and not self.trace_configs:
            self.deadlines = Deadlines(loop)
        self._guard = _closed_with_its_loop(session)
        with contextlib.suppress(StopIteration):
            # Runs to its `yield`, and thereby registers with the loop.
            self._guard.__anext__().send(None)

    def _move(self) -> None:
        """Move to the running event loop, if the former one was closed, as `asyncio.run` does."""
        if self._loop is not None and not self._loop.is_closed():
            raise EventLoopError(
                "This session belongs to another event loop, which is still open; make one "
                "AsyncFivetran per event loop."
            )
        if not self.is_ours:
            raise EventLoopError(
                "The aiohttp session given as session= belongs to an event loop that was closed; "
                "make both sessions on the loop that uses them."
            )
        self._discard()
        self._open()

    def _discard(self) -> None:
        """Drop the aiohttp session of an event loop that was closed: nothing can be awaited."""
        session, self._session, self._guard = self._session, None, None
        self.deadlines = None
        if session is not None and self.is_ours and not session.closed:
            # The loop was closed without being shut down.
            connector = session.connector
            session.detach()
            if connector is not None:
                # Of a closed loop there is nothing to wait for: its first step is its last.
                with contextlib.suppress(StopIteration, RuntimeError):
                    next(connector.close().__await__())

    async def aclose(self) -> None:
        """Wake waits, and close what is ours; harmless a second time."""
        self.closing.close()
        if self._loop is not None and self._loop.is_closed():
            self._discard()
        guard, self._session, self._guard = self._guard, None, None
        if guard is not None and self._process == os.getpid():
            if self.deadlines is not None:
                self.deadlines.close()
            await guard.aclose()


async def _closed_with_its_loop(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    """Close a session when it is closed itself: event loops close async generators at their end."""
    try:
        yield
    finally:
        await session.close()


def _is_rate_limiter(_: object, __: object, limiter: RateLimiter) -> None:
    missing = [name for name in _LIMITER_METHODS if not callable(getattr(limiter, name, None))]
    if missing:
        raise InvalidArgumentError(
            "rate_limits must be RateLimits, a RateLimiter or None, not "
            f"{type(limiter).__name__}, which has no {', '.join(missing)}."
        )


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Core:
    """What all views of a session share."""

    pool: Pool
    base_url: str
    credentials: Credentials
    account: AccountFacts
    rate_limiter: RateLimiter = attrs.field(validator=_is_rate_limiter)
    user_agent: str
    clock: Clock
    read_only: bool = attrs.field(validator=is_a(bool))
    max_response_bytes: int = attrs.field(validator=at_least_one)
    config_guard: ConfigGuard
    unreported: deque[Drift] = attrs.field(factory=lambda: deque(maxlen=1_000))
    unknown_fields: deque[UnknownField] = attrs.field(factory=lambda: deque(maxlen=1_000))
    drift_log: DriftLog = attrs.field(
        default=attrs.Factory(
            lambda core: DriftLog(core.unreported.append, core.unknown_fields.append),
            takes_self=True,
        )
    )
    bucket: RetryBucket = attrs.field(factory=RetryBucket)
    turn_limiter: TurnLimiter = attrs.field(
        init=False,
        default=attrs.Factory(
            lambda core: interrupted(core.rate_limiter, core.pool.closing), takes_self=True
        ),
    )
    _parts: dict[type[object], tuple[asyncio.AbstractEventLoop | None, object]] = attrs.field(
        init=False, factory=dict[type[object], tuple[asyncio.AbstractEventLoop | None, object]]
    )

    def part(self, kind: type[T], make: Callable[[], T]) -> T:
        """
        Return the one object of a kind that a session has, such as its poll hub.

        It is made when first asked for, and once more for another event loop after its own was
        closed: locks, tasks and futures belong to a loop. So ask for it on the loop, and do not
        keep it.
        """
        loop = running_loop()
        owner, part = self._parts.get(kind, (None, None))
        if part is None or (owner is not None and owner is not loop and owner.is_closed()):
            part = make()
            self._parts[kind] = loop, part
        elif owner is None and loop is not None:
            self._parts[kind] = loop, part
        return cast("T", part)

    def on_close(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call a function when the session closes; return a function that unregisters it."""
        return self.pool.closing.on_close(callback)

    async def until_closed(self, awaitable: Awaitable[T]) -> T:
        """Await a sleep or a wait, which raises `SessionClosedError` when the session closes."""
        return await self.pool.closing.until_closed(awaitable)
