"""
One call of an operation: builds the request, has it sent and retried, and decodes the response.

`quick_road` makes its attempts if they can be sent at once, else `general_road`.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, NoReturn, TypeVar

from fivetran_async._http.body import Sink, json_body
from fivetran_async._http.call import Call, Terms, located, redactor_of
from fivetran_async._http.closing import closed_error
from fivetran_async._http.observing import ActivityObserver, CallReports, report_retry
from fivetran_async._http.operation import PLAIN, Operation, read_after
from fivetran_async._http.quick_road import road_of
from fivetran_async._http.reading import (
    decoded_result,
    result_or_gap,
)
from fivetran_async._http.request import Query, Request, query_string
from fivetran_async._http.response import Response
from fivetran_async._http.result import Reader, already_gone, page_reader, reader_of
from fivetran_async._http.retry import AttemptFailedError, Run, next_attempts
from fivetran_async._http.session import Core
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import FivetranError, ReadOnlyError, ResponseFormatError, UsageError
from fivetran_async.options import Options
from fivetran_async.pagination import Page, Pager

if TYPE_CHECKING:
    from fivetran_async._http.ahead import OnBody

T = TypeVar("T")


class Transport:
    """Sends the operations of one view of a session."""

    core: Core
    options: Options

    __slots__ = (
        "_has_report_hook",
        "_longest_call",
        "_reports",
        "_road",
        "_terms",
        "_watched",
        "_within",
        "core",
        "options",
    )

    def __init__(self, core: Core, options: Options, *, within: Run | None = None) -> None:
        """Send for a view; each call is a part of the current attempt of `within`, if given."""
        self.core = core
        self.options = options
        self._within = within
        self._longest_call = options.longest_call
        self._terms = Terms(
            credentials=core.credentials,
            account=core.account,
            policy=options.retry,
            clock=core.clock,
            bucket=core.bucket,
            closing=core.pool.closing,
            notify=functools.partial(report_retry, options, core.account),
        )
        self._reports = CallReports(core, options)
        self._road = road_of(core, options, self._reports)
        hooks = options.hooks
        self._watched = hooks.watch_calls
        self._has_report_hook = hooks.on_drift is not None or hooks.on_unknown_field is not None

    @property
    def observer(self) -> ActivityObserver:
        """What reports activities to the hooks."""
        return ActivityObserver(self.options.hooks, self.core.account["account"], self.core.clock)

    def with_options(self, options: Options, *, within: Run | None = None) -> Transport:
        """Return a transport with other options."""
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
        on_body: OnBody | None = None,
    ) -> T:
        """
        Perform one operation: build it, send it, retry as its retry class allows, decode.

        Args:
            operation: The operation.
            result: The model of its `data`, or a reader.
            segments: The ids that fill the slots of its path.
            query: Its query.
            body: Its JSON body.
            content: A body that is not JSON, with its media type.
            sink: Takes the body of the response as it arrives.
            at: A finished path, instead of `segments`.
            on_body: Takes a long body of a success before it is decoded.
        """
        reader = result if isinstance(result, Reader) else reader_of(result)
        given: Mapping[str, object] = {} if body is UNSET else body
        if operation.varies is not None:
            operation = operation.given(given)
        content = content if body is UNSET else (json_body(body), PLAIN)
        sent, content_type = content or (None, None)
        path = operation.path(*segments) if at is None else at
        request = Request(
            operation,
            path,
            query_string(query) if query else "",
            sent,
            content_type,
            sink,
            reader,
            on_body,
        )
        run = self._begin(request, given)
        try:
            if self._watched:
                await self._reports.start(run)
            response: Response | None = None
            # As in `retry.attempt`, which would be one more coroutine.
            run.attempts += 1
            try:
                response = await self._send_once(run)
                run.succeeded()
            except FivetranError as error:
                run.first_failure = AttemptFailedError(run, error)
            if response is None:
                response = await self._next_attempts(run, reader)
            found = result_or_gap(self.core, run, response, reader)
            if isinstance(found, ResponseFormatError):
                found = await self._result_without_data(run, reader, found)
        except BaseException as failure:
            await self._reports.end(run, failure)
            raise
        if self._watched or self._has_report_hook:
            await self._reports.end(run, None)
        return found

    async def _next_attempts(self, run: Call, reader: Reader[T]) -> Response:
        """Go on after a first attempt that failed."""
        try:
            return await next_attempts(run, self._send_once)
        except AttemptFailedError as failed:
            error = located(failed.error, run.request)
        run.check_gone(error, reader.expects)
        return already_gone(error)

    async def _result_without_data(
        self, run: Call, reader: Reader[T], unread: ResponseFormatError
    ) -> T:
        """Return the result of a change that was made: read it, or build it from the arguments."""
        request = run.request
        operation = request.operation
        arguments = operation.arguments(request.path, run.given)
        found = read_after(operation, request.path, arguments)
        cause: FivetranError | None = None
        if found is not None:
            read, path = found
            try:
                # A part of the same call, with its deadline.
                return await Transport(self.core, self.options, within=run).call(
                    read, reader, at=path
                )
            except FivetranError as error:
                cause = error
        if operation.built is not None:
            built = Response(unread.status or 0, {}, operation.built(arguments))
            return decoded_result(self.core, run, built, reader)
        raise run.missing_result(unread, cause) from cause

    def _begin(self, request: Request, given: Mapping[str, object]) -> Call:
        """Begin a call; raise if the session refuses it."""
        core, operation = self.core, request.operation
        if core.read_only and operation.verb != "GET":
            raise located(ReadOnlyError("The session was made with read_only=True."), request)
        if self._terms.closing.closed:
            raise located(closed_error(), request)
        if operation.service_kind is not None and given:
            core.config_guard.check(request, given, operation.service_kind)
        longest = self._longest_call
        deadline_at = None if longest is None else core.clock.monotonic() + longest
        run = Call(self._terms, request, given, deadline_at)
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
        """Return the pager of a list; nothing is sent yet."""
        reader = page_reader(item)
        path = operation.path(*segments) if at is None else at

        async def fetch(
            cursor: str | None, limit: int | None, on_body: OnBody | None = None
        ) -> Page[T]:
            paged = {**(query or {}), "cursor": cursor, "limit": limit}
            return await self.call(operation, reader, query=paged, at=path, on_body=on_body)

        return Pager(
            fetch,
            label=f"GET {path}",
            limit=limit,
            cursor=cursor,
            paginated=operation.paginated,
            clean=self._clean,
            fetch_ahead=fetch,
        )

    def _clean(self, text: str) -> str:
        return redactor_of(self.core.credentials).clean(text)

    def __reduce__(self) -> NoReturn:
        raise UsageError("A session cannot be pickled, nor any part: secrets stay in the process.")

    def _send_once(self, run: Call) -> Awaitable[Response]:
        """Make one attempt; what it raises is its failure."""
        return self._road.send(run)
