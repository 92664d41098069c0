"""What a session holds open and what all its views share."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar, cast

import aiohttp
import attrs

from fivetran_async._codec import Drift, DriftLog
from fivetran_async._http.closing import Closing, closed_error
from fivetran_async._http.failures import DroppedError
from fivetran_async._http.retry import RetryBucket
from fivetran_async.errors import EventLoopError, InvalidArgumentError, SessionClosedError
from fivetran_async.options import is_a
from fivetran_async.retries import at_least_one

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async._http.credentials import Credentials
    from fivetran_async._quota.protocol import RateLimiter

T = TypeVar("T")

AIOHTTP_VERSION: Final = aiohttp.__version__


def sending(credentials: Credentials | None) -> tuple[aiohttp.ClientMiddlewareType]:
    """The middlewares of a request: one, which lets it leave once, with these credentials only."""

    async def send_exactly_once(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # Here, and not among the headers: a given session's own credentials, or those of a netrc
        # file, would else be refused beside ours, or sent in their place.
        if credentials is None:
            request.headers.pop("Authorization", None)
        else:
            request.headers["Authorization"] = credentials.authorization()
        try:
            return await handler(request)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            # Not re-sent by aiohttp, and tells that nothing left.
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # aiohttp would silently send GET and DELETE again: one call, two wire requests.
            pass
        raise DroppedError

    return (send_exactly_once,)


@attrs.define(kw_only=True, eq=False, repr=False)
class Pool:
    """The aiohttp session: made on first use, bound to one loop and process, closed if ours."""

    given: aiohttp.ClientSession | None = attrs.field(
        default=None, alias="session", validator=is_a(aiohttp.ClientSession | None)
    )
    trace_configs: Sequence[aiohttp.TraceConfig] = attrs.field(
        default=(), validator=is_a(Sequence[aiohttp.TraceConfig])
    )
    ssl_context: ssl.SSLContext | None = attrs.field(
        default=None, validator=is_a(ssl.SSLContext | None)
    )
    proxy: str | None = attrs.field(default=None, validator=is_a(str | None))
    closing: Closing = attrs.field(init=False, factory=Closing)
    _session: aiohttp.ClientSession | None = attrs.field(default=None, init=False)
    _loop: asyncio.AbstractEventLoop | None = None
    _process: int = attrs.field(factory=os.getpid)

    @property
    def closed(self) -> bool:
        """Whether the session was closed."""
        return self.closing.closed

    def session(self) -> aiohttp.ClientSession:
        """The session to send with, on this loop and in this process."""
        if self.closed:
            raise closed_error()
        if self._session is None:
            self._open()
        elif self._process != os.getpid():
            raise EventLoopError(
                "This session was used before a fork; make the AsyncFivetran in the child process."
            )
        elif self._loop is not asyncio.get_running_loop():
            raise EventLoopError(
                "This session belongs to another event loop; make one AsyncFivetran per loop."
            )
        session = self._session
        if session is None or session.closed:
            raise SessionClosedError("The aiohttp session given as session= was closed.")
        return session

    def _open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._session = self.given or aiohttp.ClientSession(
            # The limiter of the session is the limit; waits in a second one here would be hidden.
            connector=aiohttp.TCPConnector(limit=0, ssl=self.ssl_context or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self.proxy,
            trace_configs=list(self.trace_configs),
        )

    async def aclose(self) -> None:
        """Wake what waits, and close what is ours; harmless a second time."""
        self.closing.close()
        session, self._session = self._session, None
        if session is not None and session is not self.given and self._process == os.getpid():
            await session.close()


def _is_rate_limiter(_: object, __: object, limiter: RateLimiter) -> None:
    if not hasattr(limiter, "acquire"):
        raise InvalidArgumentError(
            f"rate_limits must be RateLimits, a RateLimiter or None, not {type(limiter).__name__}."
        )


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Core:
    """What all views of a session share."""

    pool: Pool
    base_url: str
    credentials: Credentials
    rate_limiter: RateLimiter = attrs.field(validator=_is_rate_limiter)
    user_agent: str
    clock: Clock
    read_only: bool = attrs.field(validator=is_a(bool))
    max_response_bytes: int = attrs.field(validator=at_least_one)
    news: deque[Drift] = attrs.field(factory=lambda: deque(maxlen=1_000))
    drift_log: DriftLog = attrs.field(
        default=attrs.Factory(lambda core: DriftLog(core.news.append), takes_self=True)
    )
    bucket: RetryBucket = attrs.field(factory=RetryBucket)
    _parts: dict[type[object], object] = attrs.field(init=False, factory=dict[type[object], object])

    def part(self, kind: type[T], make: Callable[[], T]) -> T:
        """
        Return what a session has one of, such as its poll hub; it is made when first asked for.

        What waits, locks and polls share lives as long as the session, and no longer.
        """
        if kind not in self._parts:
            self._parts[kind] = make()
        return cast("T", self._parts[kind])

    def on_close(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call a function when the session closes; return what unregisters it."""
        return self.pool.closing.on_close(callback)

    async def until_closed(self, awaitable: Awaitable[T]) -> T:
        """Await a sleep or a wait; `SessionClosedError` as soon as the session closes."""
        return await self.pool.closing.until_closed(awaitable)
