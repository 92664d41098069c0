"""How the body of a response becomes a result or an error; long bodies let other requests go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar, cast

from fivetran_async._clock import held
from fivetran_async._codec import LARGE
from fivetran_async._http.call import CallLog, located
from fivetran_async._http.large import DecodingTurns, decode_in_thread
from fivetran_async._http.response import (
    Response,
    error_of,
    read_response,
    unreadable,
)
from fivetran_async.errors import FivetranError, ResponseFormatError

if TYPE_CHECKING:
    from fivetran_async._http.call import Call
    from fivetran_async._http.exchange import Exchange
    from fivetran_async._http.result import Reader
    from fivetran_async._http.session import Core
    from fivetran_async.limits import Slots

T = TypeVar("T")

LONG: Final = 8 * 1024
"""Bytes from which decoding takes longer than a turn of the event loop."""


def response_of(core: Core, run: Call, exchange: Exchange) -> Response | FivetranError:
    """Return the response of an attempt, or the error that it ended with."""
    status, body = exchange.status or 0, exchange.body
    if exchange.failure is not None:
        return _failed(run, exchange, exchange.failure)
    if not exchange.succeeded:
        error = error_of(
            status,
            body,
            headers=exchange.headers,
            now=core.clock.time(),
            redactor=run.redactor(),
            operation=run.request.operation,
        )
        return _failed(run, exchange, error)
    request, reader = run.request, run.request.reader
    if reader is not None and reader.direct is not None:
        # It is asked only, and reports nothing that would have to be cleaned.
        result = reader.direct(body, core.drift_log)
        if result is not None:
            response = Response(status, exchange.headers)
            response.attempts, response.result = run.attempts, result
            return response
    try:
        return read_response(status, exchange.headers, body, request.expects, run.attempts)
    except ResponseFormatError as error:
        if error.place == "data" and request.verb != "GET":
            # Valid JSON without the object: the change was made, and is shown otherwise.
            return read_response(status, exchange.headers, body, "nothing", run.attempts)
        return _failed(run, exchange, unreadable(error, status, body, run.redactor()))


def _failed(run: Call, exchange: Exchange, error: FivetranError) -> FivetranError:
    """Complete the error of an attempt."""
    exchange.failure = error
    error.seconds, error.call_id = exchange.seconds, run.call_id
    return located(error, run.request)


async def response_of_long(
    core: Core, run: Call, exchange: Exchange, slots: Slots
) -> Response | FivetranError:
    """Do the same for a long body, after the requests that can be sent now were sent."""
    on_body = run.request.on_body
    is_page = exchange.failure is None and exchange.succeeded
    has_begun_next = is_page and on_body is not None and on_body(exchange.body)
    # This response has given its slots back: if all are taken, a waiting request has just got one.
    if has_begun_next or slots.are_taken():
        await asyncio.sleep(0)
    if len(exchange.body) < LARGE:
        await core.part(DecodingTurns, DecodingTurns).take()
        return response_of(core, run, exchange)
    with held(core.clock, "a long response"):
        return await decode_in_thread(_decoded, core, run, exchange)


def _decoded(core: Core, run: Call, exchange: Exchange) -> Response | FivetranError:
    """Parse and decode at once: between the two, the garbage collector would look at both."""
    response = response_of(core, run, exchange)
    reader = run.request.reader
    if isinstance(response, Response) and response.result is None and reader is not None:
        try:
            response.result = _decode(core, run, response, reader)
        except FivetranError as error:
            response.error = error
        # Released here, because that takes long, too.
        response.data = None
    return response


def decoded_result(core: Core, run: Call, response: Response, reader: Reader[T]) -> T:
    """
    Return the result of a call.

    Raises:
        ResponseFormatError: The response cannot be decoded.
    """
    if response.error is not None:
        raise response.error
    result = (
        _decode(core, run, response, reader)
        if response.result is None
        else cast("T", response.result)
    )
    if run.request.operation.service_kind is not None:
        core.config_guard.remember(run.request, result)
    return result


def result_or_gap(
    core: Core, run: Call, response: Response, reader: Reader[T]
) -> T | ResponseFormatError:
    """
    Return the result of a call; for a change that was made, the error of a response without it.

    Raises:
        ResponseFormatError: The response of a read, or of a call without data, is another one.
    """
    try:
        return decoded_result(core, run, response, reader)
    except ResponseFormatError as error:
        if run.request.verb == "GET" or reader.expects != "object":
            raise
        return error


def _decode(core: Core, run: Call, response: Response, reader: Reader[T]) -> T:
    try:
        return reader.read(response, CallLog(core.drift_log, run))
    except ResponseFormatError as error:
        failure = error
    if failure.place is not None:
        # A place has keys that the server chose.
        place = run.redactor().clean(failure.place)
        failure.message = failure.message.replace(failure.place, place)
        failure.place, failure.args = place, (failure.message,)
    failure.status, failure.fate, failure.attempts = (
        response.status,
        "responded",
        response.attempts,
    )
    # The call was done, only its response is odd: an outer `with_retry` must not repeat it.
    failure.retryable = False
    # Without the frames of decoding, which have the whole response among their variables.
    raise located(failure.with_traceback(None), run.request)
