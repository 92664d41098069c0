"""The only sender of requests: one exchange with the server, which both roads of a call share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from fivetran_async._http.body import ENCODINGS, body_at_hand, pour, read_body
from fivetran_async._http.failures import FAILURES, failure_of
from fivetran_async._http.request import request_headers
from fivetran_async._http.turn import deadline_error

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from fivetran_async._http.call import Call
    from fivetran_async._http.exchange import Exchange
    from fivetran_async._http.request import Request
    from fivetran_async._http.session import Core
    from fivetran_async.options import Timeouts


class Wire:
    """Sends the requests of one view of a session."""

    __slots__ = ("_core", "_origin", "_slow", "_timeouts", "_untimed", "_usual")

    def __init__(self, core: Core, timeouts: Timeouts) -> None:
        self._core = core
        self._timeouts = timeouts
        self._origin = URL(core.base_url, encoded=True)
        self._untimed = _timeout(None, timeouts.connect, core)
        self._usual = _timeout(timeouts.total, timeouts.connect, core)
        self._slow = _timeout(timeouts.slow, timeouts.connect, core)

    async def exchange(self, run: Call, exchange: Exchange) -> None:
        """
        Send the request of a call, and read the whole response or its failure into `exchange`.

        Raises:
            SessionClosedError: The session is closed.
            EventLoopError: It belongs to another event loop or process.
        """
        core, request, timeouts = self._core, run.request, self._timeouts
        operation = request.operation
        session = core.pool.session()
        decoded = session.auto_decompress
        # With a sink, aiohttp keeps the time: its timeouts leave out what the sink takes.
        deadlines = core.pool.deadlines if request.sink is None else None
        timed_by_aiohttp = self._slow if operation.slow else self._usual
        headers = request_headers(
            core.user_agent,
            operation.verb,
            operation.accept,
            request.content_type,
            None if decoded else ENCODINGS,
        )
        exchange.started, exchange.sent = core.clock.monotonic(), True
        sending = session.request(
            operation.verb,
            self.url(request),
            data=request.body,
            headers=None if headers is core.pool.headers else headers,
            timeout=timed_by_aiohttp if deadlines is None else self._untimed,
            allow_redirects=False,
            raise_for_status=False,
            middlewares=(exchange,),
        )
        try:
            if deadlines is None:
                await self._receive(sending, request, exchange, decoded=decoded)
            else:
                with deadlines.within(timeouts.slow if operation.slow else timeouts.total):
                    exchange.response = await sending
                    try:
                        exchange.begin(exchange.response)
                        body = body_at_hand(exchange.response, core.max_response_bytes)
                        exchange.body = (
                            await read_body(
                                exchange.response, core.max_response_bytes, decoded=decoded
                            )
                            if body is None
                            else body
                        )
                    finally:
                        # What `async with` does, for a twentieth of a whole call less. A body
                        # that was read to its end has released its connection.
                        if not exchange.response.closed:
                            exchange.response.release()
                        if request.body is not None:
                            await exchange.response.wait_for_close()
        except FAILURES as error:
            self.fail(run, exchange, error)

    async def _receive(
        self,
        sending: AbstractAsyncContextManager[aiohttp.ClientResponse],
        request: Request,
        exchange: Exchange,
        *,
        decoded: bool,
    ) -> None:
        """Send, and read the response; for a session or a sink that needs aiohttp's own way."""
        async with sending as exchange.response:
            exchange.begin(exchange.response)
            if request.sink is not None and exchange.succeeded:
                exchange.poured = await pour(exchange.response, request.sink, decoded=decoded)
            else:
                exchange.body = await read_body(
                    exchange.response, self._core.max_response_bytes, decoded=decoded
                )

    def url(self, request: Request) -> URL:
        """Return the URL of a request."""
        if request.query:
            return URL(self._core.base_url + request.target, encoded=True)
        # Of a new path, parsing the text costs a twentieth of a whole call.
        return self._origin.with_path(request.path, encoded=True)

    def fail(self, run: Call, exchange: Exchange, error: Exception) -> None:
        """Note what an exception of an attempt means."""
        if not exchange.sent:
            exchange.failure = deadline_error()
            return
        core = self._core
        exchange.failure = failure_of(
            error,
            exchange.status,
            run.request,
            core.base_url,
            sent=exchange.left,
            closed=core.pool.closed,
            seconds=core.clock.monotonic() - exchange.started,
            clean=run.redactor().clean,
        )
        exchange.sent = exchange.failure is None or exchange.failure.fate != "not_sent"


def _timeout(total: float | None, connect: float | None, core: Core) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=total,
        # All of it: the lookup of the host, TLS and a proxy's CONNECT too. In a given session it
        # would count waits for its pool as well.
        connect=connect if core.pool.is_ours else None,
        sock_connect=connect,
        # Without it, aiohttp rounds long timeouts up to a whole second of the loop's clock.
        ceil_threshold=math.inf,
    )
