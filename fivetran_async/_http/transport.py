"""
The only caller of aiohttp: one attempt, its response or its error.

`Transport.call` builds and reads; `retry.attempt` repeats; `Transport._send_once` takes its turn,
sends, reads the whole body, gives its turn back, and judges.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NoReturn, TypedDict, TypeVar

import aiohttp
import attrs
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from fivetran_async._codec import encode
from fivetran_async._http.body import Sink, json_body, pour, read_body
from fivetran_async._http.closing import closed_error
from fivetran_async._http.failures import FAILURES, failure_of
from fivetran_async._http.operation import PLAIN, Operation
from fivetran_async._http.request import Query, Request, query_string, request_headers
from fivetran_async._http.response import (
    Answer,
    is_success,
    judge,
    parse_retry_after,
    quota_report,
    read_answer,
    secrets_in,
)
from fivetran_async._http.result import Reader, already_gone, page_reader, reader_of
from fivetran_async._http.retry import AttemptFailedError, OperationRun, Run, attempt
from fivetran_async._http.session import Core, sending
from fivetran_async._http.turn import Turn, deadline_error, within
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import FivetranError, ReadOnlyError, ResponseFormatError
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
    given: Mapping[str, object] = attrs.field(factory=dict[str, object])

    def advise(self) -> str:
        """Say how to find out what an ambiguous failure has done."""
        operation = self.request.operation
        return operation.advise(operation.arguments(self.request.path, self.given))


@attrs.define(eq=False, repr=False)
class Exchange:
    """How far one attempt got."""

    sent: bool = False
    status: int | None = None
    headers: CIMultiDictProxy[str] = _NO_HEADERS
    body: bytes = b""
    failure: FivetranError | None = None
    seconds: float = 0.0


class _Named(TypedDict):
    """What hooks and log records name an attempt by."""

    operation: str
    template: str
    verb: Verb
    path: str
    attempt: int


class Transport:
    """Sends the operations of one view of a session."""

    core: Core
    options: Options

    __slots__ = (
        "_anonymous",
        "_authorized",
        "_longest_call",
        "_notify",
        "_patience",
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
        self._patience = options.patience(core.until_closed)
        self._authorized = sending(core.credentials)
        self._anonymous = sending(None)
        self._usual = _timeout(timeouts.total, timeouts.connect)
        self._slow = _timeout(timeouts.slow, timeouts.connect)

    def with_options(self, options: Options, *, within: Run | None = None) -> Transport:
        """Send the same way by other options."""
        return Transport(self.core, options, within=within)

    async def call(
        self,
        operation: Operation,
        result: type[T] | Reader[T],
        *segments: str,
        query: Query | None = None,
        body: Mapping[str, object] | Unset = UNSET,
        content: tuple[bytes, str] | None = None,
        sink: Sink | None = None,
        at: str | None = None,
    ) -> T:
        """
        Perform one operation: build it, send it as often as its retry class allows, decode.

        `segments` fill the slots of its path; `at` is a finished path instead. `content` is a body
        that is not JSON, with its media type; `sink` takes a body as it arrives.
        """
        reader = result if isinstance(result, Reader) else reader_of(result)
        given: Mapping[str, object] = {} if body is UNSET else body
        if operation.varies is not None:
            operation = operation.given(given)
        if body is not UNSET:
            content = json_body(encode(body)), PLAIN
        sent, content_type = content or (None, None)
        request = Request(
            operation=operation,
            path=operation.path(*segments) if at is None else at,
            query=query_string(query),
            body=sent,
            content_type=content_type,
            expects=reader.expects,
            sink=sink,
        )
        run = self._begin(request, given)
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

    def _begin(self, request: Request, given: Mapping[str, object]) -> Call:
        """Begin a call, unless the session refuses it."""
        operation = request.operation
        if self.core.read_only and operation.verb != "GET":
            raise _located(ReadOnlyError("The session was made with read_only=True."), request)
        if self.core.pool.closed:
            # Before the wait for a quota, which may be long.
            raise _located(closed_error(), request)
        clock, longest = self.core.clock, self._longest_call
        run = Call(
            request=request,
            given=given,
            retry_class=operation.retry_class,
            policy=self.options.retry,
            clock=clock,
            bucket=self.core.bucket,
            deadline_at=None if longest is None else clock.monotonic() + longest,
            notify=self._notify,
        )
        if self._within is not None:
            run.continue_from(self._within)
        return run

    def pager(
        self,
        operation: Operation,
        item: type[T],
        *segments: str,
        query: Query | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        at: str | None = None,
    ) -> Pager[T]:
        """Return the recipe of a list; nothing is sent yet."""
        reader = page_reader(item)
        path = operation.path(*segments) if at is None else at

        async def fetch(cursor: str | None, limit: int | None) -> Page[T]:
            asked = {**(query or {}), "cursor": cursor, "limit": limit}
            return await self.call(operation, reader, query=asked, at=path)

        return Pager(
            fetch,
            label=f"GET {path}",
            limit=limit,
            cursor=cursor,
            paginated=operation.paginated,
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("A session cannot be pickled, nor any part: secrets stay in the process.")

    async def _send_once(self, run: Call) -> Answer:
        """Make one attempt: take a turn, send, judge; nothing is held once it returns or raises."""
        core, request, options = self.core, run.request, self.options
        operation, hooks, exchange = request.operation, options.hooks, Exchange()
        if hooks.on_request is not None:
            await tell(hooks.on_request, RequestEvent(**self._named(run)))
        remaining = run.remaining()
        turn = Turn(
            core.rate_limiter,
            request_slots(options.limiter),
            operation.budgets,
            patience=self._patience,
            time_left=remaining,
            attempt=run.attempts,
            report=lambda: quota_report(exchange.status, exchange.headers, core.clock.time()),
            exchange=exchange,
        )
        started = core.clock.monotonic()
        try:
            async with within(remaining), turn:
                session, started = core.pool.session(), core.clock.monotonic()
                exchange.sent = True
                try:
                    async with session.request(
                        operation.verb,
                        URL(core.base_url + request.target, encoded=True),
                        data=request.body,
                        headers=request_headers(
                            core.user_agent,
                            operation.verb,
                            operation.accept,
                            request.content_type,
                        ),
                        timeout=self._slow if operation.slow else self._usual,
                        allow_redirects=False,
                        raise_for_status=False,
                        middlewares=self._authorized if operation.authorized else self._anonymous,
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
        except TimeoutError as error:
            exchange.failure = (
                failure_of(error, exchange.status, request, core.base_url, closed=core.pool.closed)
                if exchange.sent
                else deadline_error()
            )
        exchange.seconds = core.clock.monotonic() - started
        answer = exchange.failure or self._judge(run, exchange)
        if logger.isEnabledFor(logging.DEBUG):
            self._log(run, exchange)
        if hooks.on_response is not None:
            event = ResponseEvent(
                **self._named(run),
                seconds=exchange.seconds,
                status=exchange.status,
                error=answer if isinstance(answer, FivetranError) else None,
            )
            await tell(hooks.on_response, event)
        if isinstance(answer, FivetranError):
            answer.seconds = exchange.seconds
            raise _located(answer, request)
        return answer

    def _named(self, run: Call) -> _Named:
        request = run.request
        return {
            "operation": request.operation.name,
            "template": request.operation.template,
            "verb": request.verb,
            "path": request.path,
            "attempt": run.attempts,
        }

    def _log(self, run: Call, exchange: Exchange) -> None:
        logger.debug(
            "%s %s: %s in %.3f s",
            run.request.verb,
            run.request.path,
            exchange.status,
            exchange.seconds,
            extra=self._named(run),
        )

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


def _timeout(total: float | None, connect: float | None) -> aiohttp.ClientTimeout:
    # aiohttp rounds long timeouts up to a whole second of the loop's clock, unless asked not to.
    return aiohttp.ClientTimeout(total=total, sock_connect=connect, ceil_threshold=math.inf)


def _located(error: FivetranError, request: Request) -> FivetranError:
    """Complete an error with the operation it belongs to."""
    error.verb, error.path = request.verb, request.path
    error.operation, error.template = request.operation.name, request.operation.template
    return error
