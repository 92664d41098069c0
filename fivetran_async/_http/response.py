"""
PURE: what an answer means, without any I/O.

A success becomes an `Answer`, a refusal its error; only `code` and `message` of a body are ever
quoted, cleaned of what must not be seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, cast

import attrs
from multidict import istr

from fivetran_async._codec import parse_json, parse_unbounded
from fivetran_async._http.operation import CONTROL
from fivetran_async._http.request import Expectation
from fivetran_async._quota.account import NO_REPORT, QuotaReport
from fivetran_async.errors import (
    FivetranError,
    RateLimitedError,
    ResponseFormatError,
    error_class_for,
    fault_of_status,
)

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

_JSON_KINDS: Final[tuple[tuple[type[object], str], ...]] = (
    (list, "a list"),
    (str, "text"),
    (bool, "a boolean"),
    (int, "a number"),
    (float, "a number"),
)
# As multidict looks names up; a plain text is made one for each look.
_LIMIT: Final = istr("X-Rate-Limit")
_REMAINING: Final = istr("X-Rate-Limit-Remaining")
_RETRY_AFTER: Final = istr("Retry-After")

_MAX_MESSAGE = 500
_SHORTEST_SECRET = 4
"""Anything shorter is a word that messages use anyway."""
# Patterns that few processes need are compiled when they do.
_TELLTALE = r"(?i)pass|secret|token|key|credential|private|auth|cert"
_MAX_DIGITS = 10
_SECONDS = re.compile(rf"[0-9]{{1,{_MAX_DIGITS}}}", re.ASCII)
_HTTP_DATE = r"[A-Z][a-z]+,? [ 0-9A-Za-z:,-]+"


@attrs.define(eq=False, repr=False)
class Answer:
    """What the server said, parsed; `data` is None where the answer carries none."""

    status: int
    headers: Mapping[str, str]
    data: object = None
    message: str = ""
    code: str = ""
    attempts: int = 1
    already_gone: bool = False


def unwrap(payload: object) -> tuple[object, str, str]:
    """Take `data`, `message` and `code` out of an envelope; a bare answer is its own data."""
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
    """Whether the API did what was asked; its `code` is not what decides."""
    return 200 <= status < 300


def read_answer(
    status: int, headers: Mapping[str, str], body: bytes, expects: Expectation, attempts: int
) -> Answer | ResponseFormatError:
    """Parse the body of a success; an error where it cannot be what the operation returns."""
    if expects == "bytes":
        return Answer(status, headers, body, attempts=attempts)
    # Who gets a raw value may walk it; a model goes no deeper than its fields.
    parse = parse_json if expects == "anything" else parse_unbounded
    try:
        data, message, code = unwrap(parse(body) if body.strip() else None)
    except ResponseFormatError as error:
        return _unreadable(error, status, body)
    if expects == "object" and data.__class__ is not dict:
        return ResponseFormatError(
            f"The answer holds {_json_kind(data)} instead of an object at data.",
            place="data",
            status=status,
            fate="answered",
        )
    return Answer(status, headers, data, message, code, attempts)


def _unreadable(error: ResponseFormatError, status: int, body: bytes) -> ResponseFormatError:
    error.status, error.fate = status, "answered"
    if body.lstrip()[:1] == b"<":
        # Only a page of a proxy is worth quoting: anything else may hold a secret.
        title = re.search(rb"<title>([^<]*)", body[:4096], re.IGNORECASE)
        named = f" ({_clean(title[1].decode(errors='replace'), ())})" if title else ""
        error.message = f"The answer is a web page{named}, not JSON."
        error.args = (error.message,)
    return error


def _json_kind(value: object) -> str:
    for kind, words in _JSON_KINDS:
        if isinstance(value, kind):
            return words
    return "no data"


def judge(
    status: int,
    body: bytes,
    *,
    retry_after: float | None,
    headers: Mapping[str, str],
    now: float,
    secrets: Sequence[str] = (),
) -> FivetranError:
    """
    Turn an answer that is not a success into its error.

    The body is only read for `code` and `message`: it may echo what was sent.
    """
    _, message, code = unwrap(_json_or_none(body))
    error = error_class_for(status, code)(
        _clean(message, secrets) or _clean(_default_message(status, headers), secrets),
        status=status,
        code=_clean(code, secrets) or None,
        retry_after=retry_after,
        fate="answered",
        fault=fault_of_status(status, told_to_wait=retry_after is not None),
    )
    if isinstance(error, RateLimitedError):
        error.retry_at = None if retry_after is None else _instant(now + retry_after)
        error.limit = _count(headers.get("X-Rate-Limit"))
        error.remaining = _count(headers.get("X-Rate-Limit-Remaining"))
    return error


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


def quota_report(status: int | None, headers: CIMultiDictProxy[str], now: float) -> QuotaReport:
    """Return what a response reports about the account's quotas."""
    limit, remaining = headers.get(_LIMIT), headers.get(_REMAINING)
    if limit is None and remaining is None and status != 429:
        return NO_REPORT
    waits = headers.getall(_RETRY_AFTER) if _RETRY_AFTER in headers else ()
    return QuotaReport(
        status=status,
        limit=_count(limit),
        remaining=_count(remaining),
        retry_after=parse_retry_after(waits, date=headers.get("Date"), now=now) if waits else None,
    )


def _default_message(status: int, headers: Mapping[str, str]) -> str:
    if 300 <= status < 400:
        host = re.match(r"https?://([^/@?#\s]+@)?([^/?#\s]+)", headers.get("Location", ""))
        target = f" to {_clean(host[2], ())}" if host else ""
        return f"The server redirects{target}; redirects are never followed. Check base_url."
    if status == 401:
        return "The API key or secret was refused; check FIVETRAN_API_KEY and FIVETRAN_API_SECRET."
    if headers.get("Content-Type", "").startswith("text/html"):
        return "The server gave no reason but a web page, as gateways do."
    if status == 404:
        return "The server gave no reason; check the path, and base_url."
    return "The server gave no reason."


def _count(text: str | None) -> int | None:
    usable = text is not None and text.isdigit() and text.isascii() and len(text) <= _MAX_DIGITS
    return int(text) if text is not None and usable else None


def _clean(text: str, secrets: Sequence[str]) -> str:
    """Make a server's text safe to log: one line, bounded, without what must not be seen."""
    for secret in secrets:
        text = text.replace(secret, "***")
    # Header values can hold half surrogates, which no log can write.
    text = re.sub(CONTROL, " ", text).encode(errors="replace").decode().strip()
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}..."


def secrets_in(body: bytes | None) -> tuple[str, ...]:
    """The texts of a request body that an echoing server must not bring into a message."""
    if not body or body[:1] != b"{":
        return ()
    found: list[str] = []
    _collect_secrets(json.loads(body), found, inside=False)
    return tuple(sorted(found, key=len, reverse=True))


def _collect_secrets(value: object, found: list[str], *, inside: bool) -> None:
    if isinstance(value, dict):
        for key, entry in cast("dict[str, object]", value).items():
            _collect_secrets(entry, found, inside=inside or bool(re.search(_TELLTALE, key)))
    elif isinstance(value, list):
        for entry in cast("list[object]", value):
            _collect_secrets(entry, found, inside=inside)
    elif inside and isinstance(value, str) and len(value) >= _SHORTEST_SECRET:
        found.append(value)


def parse_retry_after(values: Sequence[str], *, date: str | None, now: float) -> float | None:
    """
    Read `Retry-After` as seconds from now; None where it says nothing usable.

    Python's own parsers take "1_000", "inf" and other scripts' digits, so the forms are checked
    first. Zero and the past are None, for waiting nothing would loop. A date is measured against
    the server's own `Date`, which survives a wrong local clock.
    """
    waits = [wait for text in values if (wait := _one_wait(text.strip(), date, now)) is not None]
    return max(waits, default=None)


def _one_wait(text: str, date: str | None, now: float) -> float | None:
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        until = _http_date(text)
        if until is None:
            return None
        server_now = _http_date(date) if date else None
        seconds = until - (now if server_now is None else server_now)
    return seconds if seconds > 0 else None


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
