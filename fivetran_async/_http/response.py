"""
PURE: reads a response, without any I/O.

A success becomes a `Response`, any other status an error. Of a body, an error quotes only `message`
and `code`, after a `Redactor` has taken out what is secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, cast

import attrs
from multidict import CIMultiDict, istr

from fivetran_async._codec import parse_json, parse_unbounded
from fivetran_async._http.request import Expectation
from fivetran_async._quota.account import MAX_DIGITS, NO_REPORT, QuotaReport, parse_count
from fivetran_async.errors import (
    FivetranError,
    RateLimitedError,
    ResponseFormatError,
    error_class_for,
    fault_of_status,
)

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from fivetran_async._http.operation import Operation
    from fivetran_async._http.redaction import Redactor

_JSON_KINDS: Final[tuple[tuple[type[object], str], ...]] = (
    (list, "a list"),
    (str, "text"),
    (bool, "a boolean"),
    (int, "a number"),
    (float, "a number"),
)
# As multidict looks names up; a plain text is converted at each lookup.
LIMIT_HEADER: Final = istr("X-Rate-Limit")
REMAINING_HEADER: Final = istr("X-Rate-Limit-Remaining")
ENCODING_HEADER: Final = istr("Content-Encoding")
_RETRY_AFTER: Final = istr("Retry-After")

# Patterns that few processes need are compiled when they do.
_SECONDS = re.compile(rf"[0-9]{{1,{MAX_DIGITS}}}", re.ASCII)
_HTTP_DATE = r"[A-Z][a-z]+,? [ 0-9A-Za-z:,-]+"
_STATUS_LINE = r"(?i)\b404\b|^\W*not\W?found\W*$"


@attrs.define(eq=False, repr=False)
class Response:
    """
    A response with a success status, parsed; `data` is None if the body carries none.

    `result` is what the body was decoded to already, if it was; `error` why it cannot be.
    """

    status: int
    headers: Mapping[str, str]
    data: object = None
    message: str = ""
    code: str = ""
    attempts: int = 1
    already_gone: bool = False
    result: object = None
    error: FivetranError | None = None


def headers_of(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return headers with names in any letter case."""
    # A copy, because the proxy of aiohttp cannot be pickled.
    return CIMultiDict(headers)


def unwrap(payload: object) -> tuple[object, str, str]:
    """Return `data`, `message` and `code` of an envelope; without an envelope all is data."""
    if not isinstance(payload, dict):
        return payload, "", ""
    envelope = cast("dict[str, object]", payload)
    message, code = envelope.get("message"), envelope.get("code")
    if "data" not in envelope and not isinstance(code, str):
        return envelope, "", ""
    return (
        envelope.get("data"),
        message if isinstance(message, str) else "",
        code if isinstance(code, str) else "",
    )


def is_success(status: int) -> bool:
    """Return True if the API did as asked; its `code` does not decide that."""
    return 200 <= status < 300


def read_response(
    status: int, headers: Mapping[str, str], body: bytes, expects: Expectation, attempts: int
) -> Response:
    """
    Parse the body of a success.

    Raises:
        ResponseFormatError: The operation cannot have returned it; `unreadable` completes it.
    """
    if expects == "bytes":
        return Response(status, headers, body, attempts=attempts)
    # A caller may walk a raw value; a model goes no deeper than its fields.
    parse = parse_json if expects == "anything" else parse_unbounded
    data, message, code = unwrap(parse(body) if body.strip() else None)
    if expects == "object" and data.__class__ is not dict:
        found = "missing" if data is None else f"{_json_kind(data)} instead of an object"
        raise ResponseFormatError(f"Unexpected response: data is {found}.", place="data")
    return Response(status, headers, data, message, code, attempts)


def unreadable(
    error: ResponseFormatError, status: int, body: bytes, redactor: Redactor
) -> ResponseFormatError:
    """Complete the error of a 2xx response with an unreadable body."""
    error.status, error.fate = status, "responded"
    # Without the frames of parsing, which have the body among their variables.
    error = error.with_traceback(None)
    if body.lstrip()[:1] == b"<":
        # Only the title of a page is quoted: anything else may hold a secret.
        title = re.search(rb"<title[^>]*>([^<]*)", body[:4096], re.IGNORECASE)
        named = f" ({redactor.clean(title[1].decode(errors='replace'))})" if title else ""
        error.message = f"Unexpected response: a web page{named} instead of JSON."
        error.args = (error.message,)
    return error


def _json_kind(value: object) -> str:
    return next(words for kind, words in _JSON_KINDS if isinstance(value, kind))


def error_of(
    status: int,
    body: bytes,
    *,
    headers: CIMultiDictProxy[str],
    now: float,
    redactor: Redactor,
    operation: Operation | None = None,
) -> FivetranError:
    """
    Return the error of a response that is not a success.

    Args:
        status: Its status.
        body: Its body, which is only read for `code` and `message`: it may echo the request.
        headers: Its headers.
        now: Seconds since the epoch.
        redactor: Takes the secrets of the request out of the texts.
        operation: The operation, which the account may lack.
    """
    waits, date = headers.getall(_RETRY_AFTER, ()), headers.get("Date")
    retry_after = parse_retry_after(waits, date=date, now=now)
    _, message, code = unwrap(_json_or_none(body))
    unavailable = (
        operation is not None and operation.preview and is_of_route(operation, code, message)
    )
    error = error_class_for(status, code, unavailable=unavailable)(
        redactor.clean(message) or redactor.clean(_default_message(status, headers)),
        status=status,
        code=redactor.code(code),
        retry_after=retry_after,
        fate="responded",
        fault=fault_of_status(status, asks_to_retry=_asks_to_retry(waits)),
    )
    if isinstance(error, RateLimitedError):
        error.retry_at = None if retry_after is None else _instant(now + retry_after)
        error.limit = parse_count(headers.get(LIMIT_HEADER))
        error.remaining = parse_count(headers.get(REMAINING_HEADER))
    return error


def is_of_route(operation: Operation, code: str, message: str) -> bool:
    """
    Return True if the text of a 404 is about the operation, not about an object in its path.

    For an operation that an account lacks, the API responds with the general code, and a message
    that only repeats the status. A missing object has a code of its own or is named in the message.
    """
    if code != "NotFound":
        return False
    has_ids = "{" in operation.template
    return not has_ids or not message or re.search(_STATUS_LINE, message) is not None


def _instant(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError):
        # A server may ask to wait for more years than a calendar has.
        return None


def _json_or_none(body: bytes) -> object:
    try:
        return parse_json(body) if body else None
    except ResponseFormatError:
        return None


def quota_report(
    status: int | None, headers: CIMultiDictProxy[str], time: Callable[[], float]
) -> QuotaReport:
    """Return what a response reports about the account's quotas; `time` is looked at if needed."""
    limit, remaining = headers.get(LIMIT_HEADER), headers.get(REMAINING_HEADER)
    if limit is None and remaining is None and status != 429:
        return NO_REPORT
    retry_after = None
    if _RETRY_AFTER in headers:
        waits, date = headers.getall(_RETRY_AFTER), headers.get("Date")
        retry_after = parse_retry_after(waits, date=date, now=time())
    return QuotaReport(
        status=status,
        limit=parse_count(limit),
        remaining=parse_count(remaining),
        retry_after=retry_after,
    )


def _default_message(status: int, headers: Mapping[str, str]) -> str:
    if 300 <= status < 400:
        host = re.match(r"https?://([^/@?#\s]+@)?([^/?#\s]+)", headers.get("Location", ""))
        target = f" to {host[2]}" if host else ""
        return f"The server redirects{target}; redirects are never followed. Check base_url."
    if status == 401:
        return "Unauthorized: the API key or secret is wrong or was revoked."
    if headers.get("Content-Type", "").startswith("text/html"):
        return "The response is a web page, probably of a gateway, without a message of the API."
    if status == 404:
        return "Not found, without a message of the API; check the path, and base_url."
    return "The response has no message."


def parse_retry_after(values: Sequence[str], *, date: str | None, now: float) -> float | None:
    """
    Read `Retry-After` as seconds from now; None if there is nothing to wait for.

    Python's own parsers take "1_000", "inf" and other scripts' digits, so the forms are checked
    first. Zero and the past are None: a retry without any wait would loop. A date is measured
    against the server's own `Date`, which survives a wrong local clock.
    """
    waits = [wait for text in values if (wait := _seconds(text.strip(), date, now)) is not None]
    longest = max(waits, default=0.0)
    return longest if longest > 0 else None


def _asks_to_retry(values: Sequence[str]) -> bool:
    """Return True if the server asks for a retry, be it at once: zero and past dates count."""
    return any(_seconds(text.strip(), None, 0.0) is not None for text in values)


def _seconds(text: str, date: str | None, now: float) -> float | None:
    if _SECONDS.fullmatch(text):
        return float(text)
    until = _http_date(text)
    if until is None:
        return None
    server_now = _http_date(date) if date else None
    return until - (now if server_now is None else server_now)


def _http_date(text: str) -> float | None:
    if not re.fullmatch(_HTTP_DATE, text):
        return None
    try:
        moment = parsedate_to_datetime(text)
        # The asctime form comes back naive; HTTP dates are always UTC.
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.timestamp()
    except (ValueError, OverflowError):
        return None
