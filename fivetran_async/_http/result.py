"""How the answer of an operation becomes its result: after retry, once, without I/O."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar, cast

import attrs

from fivetran_async._codec import OnDrift
from fivetran_async._http.request import Expectation
from fivetran_async._http.response import Answer
from fivetran_async._types import JSONValue
from fivetran_async.errors import FivetranError
from fivetran_async.pagination import Page

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class ActionResult:
    """
    The answer of an operation that returns no data.

    Attributes:
        message: What the API said, if anything.
        code: The API's code, `Success` as a rule.
        already_gone: True when a repeated delete found nothing: an earlier attempt had done it.
    """

    message: str = ""
    code: str = ""
    already_gone: bool = False


@attrs.frozen(kw_only=True)
class RawResponse:
    """
    An answer as it came: `fivetran.request_raw()`.

    Attributes:
        status: The HTTP status, a success.
        headers: The answer's headers; names in any letter case.
        attempts: How many requests were sent for it.
        data: The decoded `data` of the envelope, or the whole body where there is no envelope.
        message: The envelope's message, if any.
    """

    status: int
    headers: Mapping[str, str]
    attempts: int
    data: JSONValue = attrs.field(repr=False)
    message: str = ""


@attrs.frozen(eq=False, repr=False)
class Reader(Generic[T]):
    """What an operation expects, and how that becomes its result."""

    expects: Expectation
    read: Callable[[Answer, OnDrift], T]


READ_ACTION: Final = Reader(
    "nothing",
    lambda answer, _: ActionResult(
        message=answer.message, code=answer.code, already_gone=answer.already_gone
    ),
)

READ_DATA: Final = Reader[object]("anything", lambda answer, _: answer.data)

READ_BYTES: Final = Reader("bytes", lambda answer, _: cast("bytes", answer.data))

READ_RAW: Final = Reader(
    "anything",
    lambda answer, _: RawResponse(
        status=answer.status,
        headers=answer.headers,
        attempts=answer.attempts,
        data=cast("JSONValue", answer.data),
        message=answer.message,
    ),
)


def already_gone(error: FivetranError) -> Answer:
    """What a delete answers whose repeat found nothing, because an earlier attempt had done it."""
    return Answer(
        error.status or 0,
        {},
        message="It was gone already.",
        code=error.code or "",
        attempts=error.attempts,
        already_gone=True,
    )


def reader_of(result: type[T]) -> Reader[T]:
    """The reader of an operation that returns one model, or no data."""
    # mypy takes the class of an unhashable model for unhashable, too.
    wanted: object = result
    return cast("Reader[T]", _reader_of(wanted))


@functools.cache
def _reader_of(result: object) -> Reader[object]:
    if result is ActionResult:
        return cast("Reader[object]", READ_ACTION)
    from fivetran_async._codec import decode  # noqa: PLC0415 - loads cattrs

    kind = cast("type[object]", result)
    return Reader("object", lambda answer, on_drift: decode(answer.data, kind, on_drift=on_drift))


def page_reader(item: type[T]) -> Reader[Page[T]]:
    """The reader of one page of a list."""
    from fivetran_async._codec import decode_page  # noqa: PLC0415 - loads cattrs

    def read(answer: Answer, on_drift: OnDrift) -> Page[T]:
        items, next_cursor = decode_page(answer.data, item, on_drift=on_drift)
        return Page(items, next_cursor)

    return Reader("object", read)
