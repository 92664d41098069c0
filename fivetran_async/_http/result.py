"""How the response of an operation becomes its result: once, after the retries, without I/O."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar, cast

import attrs

from fivetran_async._codec import OnDrift, Reports
from fivetran_async._codec._fields import SHOWN, is_model
from fivetran_async._codec._serializable import Serializable
from fivetran_async._http.request import Expectation
from fivetran_async._http.response import Response, headers_of
from fivetran_async._types import JSONValue
from fivetran_async.errors import FivetranError
from fivetran_async.pagination import Page

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class ActionResult(Serializable):
    """
    The result of an operation that returns no data.

    Attributes:
        message: The message of the API, if any.
        code: The code of the API, `Success` as a rule.
        already_gone: True if a retried delete found nothing, because an earlier attempt did it.
    """

    message: str = ""
    code: str = ""
    already_gone: bool = False


@attrs.frozen(kw_only=True)
class RawResponse(Serializable):
    """
    A response with its status and headers: `fivetran.request_raw()`.

    Attributes:
        status: The HTTP status, a success.
        headers: The response's headers; names in any letter case.
        attempts: The number of requests that were sent for it.
        data: The decoded `data` of the envelope, or the whole body where there is no envelope.
        message: The envelope's message, if any.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(converter=headers_of)
    attempts: int
    data: JSONValue = attrs.field(repr=False, metadata={SHOWN: True})
    message: str = ""


@attrs.frozen(eq=False, repr=False)
class Reader(Generic[T]):
    """
    What an operation expects in a response, and how that becomes its result.

    Attributes:
        expects: What `data` of the response must be.
        read: Decodes a parsed response.
        direct: Decodes the bytes of a body; None if `read` has to decode it, and report something.
    """

    expects: Expectation
    read: Callable[[Response, OnDrift], T]
    direct: Callable[[bytes, Reports], T | None] | None = None


READ_ACTION: Final = Reader(
    "nothing",
    lambda response, _: ActionResult(
        message=response.message, code=response.code, already_gone=response.already_gone
    ),
)

READ_DATA: Final = Reader[object]("anything", lambda response, _: response.data)

READ_BYTES: Final = Reader("bytes", lambda response, _: cast("bytes", response.data))

READ_RAW: Final = Reader(
    "anything",
    lambda response, _: RawResponse(
        status=response.status,
        headers=response.headers,
        attempts=response.attempts,
        data=cast("JSONValue", response.data),
        message=response.message,
    ),
)


def already_gone(error: FivetranError) -> Response:
    """Return the response of a retried delete that found nothing: an earlier attempt did it."""
    return Response(
        error.status or 0,
        {},
        message="It was gone already.",
        code=error.code or "",
        attempts=error.attempts,
        already_gone=True,
    )


def reader_of(result: type[T]) -> Reader[T]:
    """Return the reader of an operation that returns one model, or no data."""
    # mypy takes the class of an unhashable model for unhashable, too.
    wanted: object = result
    return cast("Reader[T]", _reader_of(wanted))


@functools.cache
def _reader_of(result: object) -> Reader[object]:
    if result is ActionResult:
        return cast("Reader[object]", READ_ACTION)
    from fivetran_async._codec import DirectDecoder, decode  # noqa: PLC0415 - loads cattrs

    kind = cast("type[object]", result)
    if not is_model(kind):
        return Reader(
            "object", lambda response, report: decode(response.data, kind, on_drift=report)
        )
    decoder = DirectDecoder(kind, is_page=False)

    def read(response: Response, on_drift: OnDrift) -> object:
        decoded = decode(response.data, kind, on_drift=on_drift)
        decoder.learn((decoded,))
        return decoded

    return Reader("object", read, decoder.read)


def page_reader(item: type[T]) -> Reader[Page[T]]:
    """Return the reader of one page of a list."""
    wanted: object = item
    return cast("Reader[Page[T]]", _page_reader(wanted))


@functools.cache
def _page_reader(item: object) -> Reader[Page[object]]:
    from fivetran_async._codec import DirectDecoder, decode_page  # noqa: PLC0415 - loads cattrs

    kind = cast("type[object]", item)
    decoder = DirectDecoder(kind, is_page=True) if is_model(kind) else None

    def read(response: Response, on_drift: OnDrift) -> Page[object]:
        items, next_cursor = decode_page(response.data, kind, on_drift=on_drift)
        if decoder is not None:
            decoder.learn(items)
        return Page(items, next_cursor)

    def read_directly(body: bytes, reports: Reports) -> Page[object] | None:
        found = None if decoder is None else decoder.read(body, reports)
        return None if found is None else Page(*found)

    return Reader("object", read, None if decoder is None else read_directly)
