"""
The only caller of aiohttp: one attempt, its answer or its error.

`Transport.call` builds and reads; `retry.attempt` repeats; `Transport._send_once` holds a slot,
sends, reads the whole body, lets go, and judges.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

import aiohttp
import attrs
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from fivetran_async._codec import encode
from fivetran_async._http.body import Sink, json_body, pour, read_body
from fivetran_async._http.closing import closed_error
from fivetran_async._http.failures import FAILURES, failure_of
from fivetran_async._http.request import (
    PLAIN,
    Budget,
    Query,
    Request,
    RetryClass,
    class_of_verb,
    query_string,
    request_headers,
)
from fivetran_async._http.response import (
    Answer,
    is_success,
    judge,
    parse_retry_after,
    read_answer,
    secrets_in,
    told_by,
)
from fivetran_async._http.result import Reader, already_gone, page_reader, reader_of
from fivetran_async._http.retry import AttemptFailedError, OperationRun, Run, attempt
from fivetran_async._http.session import Core, sending
from fivetran_async._http.turn import InTime
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import (
    FivetranError,
    ReadOnlyError,
    ResponseFormatError,
)
from fivetran_async.limits import request_slots
from fivetran_async.options import (
    Options,
    RequestEvent,
    ResponseEvent,
    logger,
    tell,
    tell_retry,
)
from fivetran_async.pagination import Page, Pager

if TYPE_CHECKING:
    from fivetran_async._types import Verb

T = TypeVar("T")

_NO_HEADERS: Final = CIMultiDictProxy(CIMultiDict[str]())


@attrs.define(kw_only=True, eq=False, repr=False)
class Call(OperationRun):
    """One call of an operation, with the request that it repeats."""

    request: Request


@attrs.define(eq=False, repr=False)
class Exchange:
    """How far one attempt got."""

    sent: bool = False
    status: int | None = None
    headers: CIMultiDictProxy[str] = _NO_HEADERS
    body: bytes = b""
    failure: FivetranError | None = None
    seconds: float = 0.0


class Transport:
    """Sends the operations of one view of a session."""

    core: Core
    options: Options

    __slots__ = (
        "_anonymous",
        "_authorized",
        "_longest_call",
        "_notify",
        "_slow",
        "_usual",
        "_within",
        "core",
        "options",
    )

    def __init__(self, core: Core, options: Options, *, within: Run | None = None) -> None:
        """Send for a view; each call is part of the attempt under way of `within`, if given."""
        self.core = core
        self.options = options
        self._within = within
        timeouts = options.timeouts
        self._longest_call = options.longest_call
        self._notify = functools.partial(tell_retry, options)
        self._authorized = sending(core.credentials)
        self._anonymous = sending(None)
        self._usual = aiohttp.ClientTimeout(total=timeouts.total, sock_connect=timeouts.connect)
        self._slow = aiohttp.ClientTimeout(total=timeouts.slow, sock_connect=timeouts.connect)

    def with_options(self, options: Options, *, within: Run | None = None) -> Transport:
        """Send the same way by other options."""
        return Transport(self.core, options, within=within)

    async def call(
        self,
        verb: Verb,
        path: str,
        result: type[T] | Reader[T],
        *,
        query: Query | None = None,
        body: Mapping[str, object] | Unset = UNSET,
        retry_class: RetryClass | None = None,
        accept: str = PLAIN,
        slow: bool = False,
        budgets: tuple[Budget, ...] = (),
        authorized: bool = True,
        content: tuple[bytes, str] | None = None,
        sink: Sink | None = None,
        advice: str = "",
    ) -> T:
        """
        Perform one operation: build it, send it as often as its retry class allows, decode.

        `content` is a body that is not JSON, with its type; `sink` takes a body as it arrives;
        `advice` says how to find out what an ambiguous failure has done.
        """
        reader = result if isinstance(result, Reader) else reader_of(result)
        sent, content_type = content or (None, None)
        if body is not UNSET:
            sent, content_type = json_body(encode(body)), PLAIN
        request = Request(
            verb=verb,
            path=path,
            query=query_string(query),
            body=sent,
            content_type=content_type,
            accept=accept,
            retry_class=retry_class or class_of_verb(verb),
            budgets=budgets,
            slow=slow,
            expects=reader.expects,
            authorized=authorized,
            sink=sink,
        )
        if self.core.read_only and verb != "GET":
            raise _located(ReadOnlyError("The session was made with read_only=True."), request)
        if self.core.pool.closed:
            # Before the wait for a quota, which may be long.
            raise _located(closed_error(), request)
        clock, longest = self.core.clock, self._longest_call
        run = Call(
            request=request,
            retry_class=request.retry_class,
            advice=advice,
            policy=self.options.retry,
            clock=clock,
            bucket=self.core.bucket,
            deadline_at=None if longest is None else clock.monotonic() + longest,
            notify=self._notify,
        )
        if self._within is not None:
            run.continue_from(self._within)
        error: FivetranError | None = None
        try:
            answer = await attempt(run, self._send_once)
        except AttemptFailedError as failed:
            error = _located(failed.error, request)
            answer = already_gone(error)
        may_be_gone = reader.expects in {"nothing", "anything"}
        if error is not None and not (may_be_gone and run.found_gone(error)):
            raise run.final_error(error)
        try:
            return self._read(request, answer, reader)
        finally:
            if self.core.news:
                await self._tell_news()

    def pager(
        self,
        path: str,
        item: type[T],
        *,
        query: Query | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        accept: str = PLAIN,
        paginated: bool = True,
    ) -> Pager[T]:
        """The recipe of a list; nothing is sent yet."""
        reader = page_reader(item)

        async def fetch(cursor: str | None, limit: int | None) -> Page[T]:
            asked = {**(query or {}), "cursor": cursor, "limit": limit}
            return await self.call("GET", path, reader, query=asked, accept=accept)

        return Pager(fetch, label=f"GET {path}", limit=limit, cursor=cursor, paginated=paginated)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A session cannot be pickled, nor any part: secrets stay in the process.")

    async def _send_once(self, run: Call) -> Answer:
        """One attempt: wait for a turn, send, judge; nothing is held once it returns or raises."""
        core, request, options = self.core, run.request, self.options
        verb, path, attempts, hooks = request.verb, request.path, run.attempts, options.hooks
        if hooks.on_request is not None:
            await tell(hooks.on_request, RequestEvent(verb=verb, path=path, attempt=attempts))
        limiter, budgets, exchange = core.rate_limiter, request.budgets, Exchange()
        begun = False
        while not begun:
            await limiter.acquire(
                budgets,
                priority=options.priority,
                patience=self._patience(run),
                attempt=attempts,
            )
            try:
                async with self._slots(run):
                    # While this call waited for its slot, another one's 429 may have come.
                    begun = limiter.is_open(budgets)
                    if begun:
                        await self._exchange(run, exchange)
            finally:
                told = told_by(exchange.status, exchange.headers, core.clock.time())
                limiter.settle(budgets, told, sent=exchange.sent)
        answer = exchange.failure or self._judge(run, exchange)
        error = answer if isinstance(answer, FivetranError) else None
        logger.debug("%s %s: %s in %.3f s", verb, path, exchange.status, exchange.seconds)
        if hooks.on_response is not None:
            event = ResponseEvent(
                verb=verb,
                path=path,
                attempt=attempts,
                seconds=exchange.seconds,
                status=exchange.status,
                error=error,
            )
            await tell(hooks.on_response, event)
        if isinstance(answer, FivetranError):
            answer.seconds = exchange.seconds
            raise _located(answer, request)
        return answer

    async def _exchange(self, run: Call, exchange: Exchange) -> None:
        """Send the request and read the whole answer, noting how far that got."""
        core, request = self.core, run.request
        session, started = core.pool.session(), core.clock.monotonic()
        exchange.sent = True
        try:
            async with session.request(
                request.verb,
                URL(core.base_url + request.target, encoded=True),
                data=request.body,
                headers=request_headers(
                    core.user_agent, request.verb, request.accept, request.content_type
                ),
                timeout=self._timeout(run),
                allow_redirects=False,
                raise_for_status=False,
                middlewares=self._authorized if request.authorized else self._anonymous,
            ) as response:
                exchange.status, exchange.headers = response.status, response.headers
                if request.sink is not None and is_success(response.status):
                    await pour(response, request.sink)
                else:
                    exchange.body = await read_body(response, core.max_response_bytes)
        except FAILURES as error:
            failure = failure_of(
                error, exchange.status, request, core.base_url, closed=core.pool.closed
            )
            exchange.failure = failure
            exchange.sent = failure is None or failure.fate != "not_sent"
        exchange.seconds = core.clock.monotonic() - started

    def _judge(self, run: Call, exchange: Exchange) -> Answer | FivetranError:
        status, headers = exchange.status or 0, exchange.headers
        if is_success(status):
            return read_answer(status, headers, exchange.body, run.request.expects, run.attempts)
        clock, secrets = self.core.clock, self.core.credentials.texts()
        return judge(
            status,
            exchange.body,
            retry_after=parse_retry_after(
                headers.getall("Retry-After", []), date=headers.get("Date"), now=clock.time()
            ),
            headers=headers,
            now=clock.time(),
            secrets=(*secrets, *secrets_in(run.request.body)),
        )

    def _patience(self, run: Call) -> float | None:
        longest, remaining = self.options.retry.max_retry_after, run.remaining()
        if remaining is None:
            return longest
        return remaining if longest is None else min(longest, remaining)

    def _slots(self, run: Call) -> AbstractAsyncContextManager[None]:
        slots, remaining = request_slots(self.options.limiter), run.remaining()
        return slots if remaining is None else InTime(slots, remaining)

    def _timeout(self, run: Call) -> aiohttp.ClientTimeout:
        remaining = run.remaining()
        if remaining is None:
            return self._slow if run.request.slow else self._usual
        timeouts = self.options.timeouts
        total = min(remaining, timeouts.slow if run.request.slow else timeouts.total)
        # aiohttp takes 0 for "no limit".
        return aiohttp.ClientTimeout(total=max(total, 0.001), sock_connect=timeouts.connect)

    async def _tell_news(self) -> None:
        on_drift = self.options.hooks.on_drift
        # Without a hook it stays: another view of the session may have one.
        while self.core.news and on_drift is not None:
            await tell(on_drift, self.core.news.popleft())

    def _read(self, request: Request, answer: Answer, reader: Reader[T]) -> T:
        try:
            return reader.read(answer, self.core.drift_log)
        except ResponseFormatError as error:
            failure = error
        failure.status, failure.fate, failure.attempts = answer.status, "answered", answer.attempts
        # It was done, only the answer is odd: an outer `with_retry` must not do it again.
        failure.repeatable = False
        raise _located(failure, request)


def _located(error: FivetranError, request: Request) -> FivetranError:
    """Complete an error with the operation it belongs to."""
    error.verb, error.path = request.verb, request.path
    return error
