"""
Pure: builds what is sent and judges what comes back, without any I/O.

`path`, `query_string` and `Request` go into one attempt of the transport; `judge`, `unwrap` and
`parse_retry_after` read its answer.
"""

from __future__ import annotations

import functools
import json
import re
import secrets as random_bytes
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, cast
from urllib.parse import quote

import attrs

from fivetran_async._codec import parse_json
from fivetran_async._rate_limiter import NOTHING_TOLD, Told
from fivetran_async.errors import (
    FivetranError,
    InvalidArgumentError,
    RateLimitedError,
    ResponseFormatError,
    error_class_for,
    fault_of_status,
)

if TYPE_CHECKING:
    from typing import LiteralString

    from multidict import CIMultiDictProxy

    from fivetran_async._types import Verb

RetryClass: TypeAlias = Literal["R", "S", "X", "T", "D", "K"]
"""Read, set, delete, trigger, dangerous, one-time secret: which failures may be repeated."""

Budget: TypeAlias = Literal["source", "setup_tests", "user_creation", "private_links"]
"""A quota of the account that a call draws from, besides the one that counts every request."""

QueryValue: TypeAlias = "str | int | datetime | None"
Query: TypeAlias = Mapping[str, QueryValue]
Expectation: TypeAlias = Literal["object", "anything", "nothing", "bytes"]

SETUP_BUDGETS: Final[tuple[Budget, ...]] = ("setup_tests", "source")
"""What a call draws from that runs setup tests."""

PLAIN: Final = "application/json"
V2: Final = "application/json;version=2"
"""Asks for `config` as typed values; the plain form renders them as the dashboard's labels."""

_CLASS_OF_VERB: dict[str, RetryClass] = {"GET": "R", "DELETE": "X", "PATCH": "S", "POST": "D"}
_JSON_KINDS: Final[tuple[tuple[type[object], str], ...]] = (
    (dict, "an object"),
    (list, "a list"),
    (str, "text"),
    (bool, "a boolean"),
    (int, "a number"),
    (float, "a number"),
)
_MAX_SEGMENT = 1024
_MAX_MESSAGE = 500
_SHORTEST_SECRET = 4
"""Anything shorter is a word that messages use anyway."""
_SLOT = re.compile(r"\{(\w+)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MASK = re.compile(r"\*{3,}")
_SECRET_KEY = re.compile(r"pass|secret|token|key|credential|private|auth|cert", re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,10}", re.ASCII)
_HTTP_DATE = re.compile(r"[A-Z][a-z]+,? [ 0-9A-Za-z:,-]+", re.ASCII)


class Sink(Protocol):
    """Where a streamed body goes; it starts anew when the request is repeated."""

    async def restart(self) -> None:
        """Forget what was written."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Take the next part of the body."""
        ...


@attrs.frozen
class Request:
    """One operation with its arguments, ready to be sent any number of times."""

    verb: Verb
    path: str
    query: str = ""
    body: bytes | None = attrs.field(default=None, repr=False)
    content_type: str | None = None
    accept: str = PLAIN
    retry_class: RetryClass = "R"
    budgets: tuple[Budget, ...] = ()
    slow: bool = False
    expects: Expectation = "object"
    authorized: bool = True
    sink: Sink | None = attrs.field(default=None, repr=False)

    @property
    def target(self) -> str:
        """Path and query, as they stand in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path


@attrs.frozen
class Answer:
    """What the server said, parsed; `data` is None where the answer carries none."""

    status: int
    headers: Mapping[str, str]
    data: object = attrs.field(default=None, repr=False)
    message: str = ""
    code: str = ""
    attempts: int = 1
    already_gone: bool = False


def class_of_verb(verb: Verb) -> RetryClass:
    """The retry class of an operation that declares none."""
    return _CLASS_OF_VERB[verb]


def path(template: LiteralString, *segments: str) -> str:
    """
    Fill the slots of a template, each with one percent-encoded segment.

    yarl folds dot segments even when they are encoded, and an empty segment names another
    resource; so both are refused here, and the URL later goes to aiohttp as already encoded.
    """
    pieces, names = _split_template(template)
    filled = [pieces[0]]
    for name, piece, segment in zip(names, pieces[1:], segments, strict=True):
        filled.append(_segment(name, segment))
        filled.append(piece)
    return "".join(filled)


@functools.cache
def _split_template(template: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    pieces = _SLOT.split(template)
    return tuple(pieces[::2]), tuple(pieces[1::2])


def _segment(name: str, segment: object) -> str:
    if not isinstance(segment, str):
        raise InvalidArgumentError(f"{name} must be a str, not {type(segment).__name__}.")
    if segment.isalnum() and segment.isascii() and len(segment) <= _MAX_SEGMENT:
        return segment
    if segment in {"", ".", ".."}:
        raise InvalidArgumentError(
            f"{name} must not be {segment!r}: the path would name another resource."
        )
    if len(segment) > _MAX_SEGMENT:
        raise InvalidArgumentError(f"{name} is longer than {_MAX_SEGMENT} characters.")
    if _CONTROL.search(segment):
        raise InvalidArgumentError(f"{name} must not contain control characters.")
    try:
        return quote(segment, safe="")
    except UnicodeEncodeError:
        pass
    raise InvalidArgumentError(f"{name} contains characters that UTF-8 cannot encode.")


_PATH_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})+", re.ASCII)


def checked_path(raw_path: object) -> str:
    """Accept a caller's own path, percent-encoded, below `/v1` or `/public`."""
    if not isinstance(raw_path, str):
        raise InvalidArgumentError(f"path must be a str, not {type(raw_path).__name__}.")
    if "://" in raw_path or raw_path.startswith("//"):
        raise InvalidArgumentError("path must be a path such as '/v1/groups', not a URL.")
    if "?" in raw_path or "#" in raw_path:
        raise InvalidArgumentError("path must not contain '?' or '#'; pass query= instead.")
    if not raw_path.startswith(("/v1/", "/public/")):
        relative = raw_path.lstrip("/")
        right = f"/{relative}" if relative.startswith(("v1/", "public/")) else f"/v1/{relative}"
        raise InvalidArgumentError(
            f"path must start with /v1/ or /public/; did you mean {right!r}?"
        )
    if not _PATH_CHARACTERS.fullmatch(raw_path):
        raise InvalidArgumentError(
            f"path must be percent-encoded; did you mean {quote(raw_path, safe='/%')!r}?"
        )
    for segment in raw_path.lower().replace("%2e", ".").split("/")[1:]:
        if segment in {"", ".", ".."}:
            raise InvalidArgumentError("path must not contain empty, '.' or '..' segments.")
    return raw_path


def query_string(query: Query | None) -> str:
    """Encode a query; None means "not sent", for there is no null in a query."""
    if not query:
        return ""
    return "&".join(
        f"{quote(name, safe='')}={quote(_query_text(name, value), safe='')}"
        for name, value in query.items()
        if value is not None
    )


def _query_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidArgumentError(f"{name} must be an aware datetime (with a time zone).")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            pass
        else:
            return value
        raise InvalidArgumentError(f"{name} contains characters that UTF-8 cannot encode.")
    raise InvalidArgumentError(
        f"{name} must be str, int, bool or datetime in a query, not {type(value).__name__}."
    )


def refuse_masks(value: object, place: str = "") -> None:
    """Refuse a value that is only asterisks: the API masks secrets so, and would store the mask."""
    if isinstance(value, str):
        if _MASK.fullmatch(value):
            raise InvalidArgumentError(
                f"{place} is only a mask ({value}), as the API returns secrets; "
                "sending it would overwrite the secret. Leave it out or give the real value."
            )
    elif isinstance(value, Mapping):
        for key, entry in cast("Mapping[str, object]", value).items():
            refuse_masks(entry, f"{place}.{key}" if place else key)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for index, entry in enumerate(cast("Sequence[object]", value)):
            refuse_masks(entry, f"{place}[{index}]")


def json_body(encoded: object) -> bytes:
    """The bytes of a JSON body, with nothing in it that is only a mask."""
    refuse_masks(encoded)
    return json.dumps(encoded, ensure_ascii=False, separators=(",", ":")).encode()


def multipart_body(name: str, filename: str, content: bytes) -> tuple[bytes, str]:
    """The bytes and the Content-Type of a form with one file."""
    boundary = random_bytes.token_hex(16)
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    )
    body = b"".join((head.encode(), content, f"\r\n--{boundary}--\r\n".encode()))
    return body, f"multipart/form-data; boundary={boundary}"


def unwrap(payload: object) -> tuple[object, str, str]:
    """Take `data`, `message` and `code` out of an envelope; a bare answer is its own data."""
    envelope = cast("dict[str, object]", payload)
    if isinstance(payload, dict):
        if "data" in envelope or isinstance(envelope.get("code"), str):
            return envelope.get("data"), _text(envelope, "message"), _text(envelope, "code")
        return envelope, "", ""
    return payload, "", ""


def is_success(status: int) -> bool:
    """Whether the API did what was asked; its `code` is not what decides."""
    return 200 <= status < 300


def read_answer(
    status: int, headers: Mapping[str, str], body: bytes, expects: Expectation, attempts: int
) -> Answer | ResponseFormatError:
    """Parse the body of a success; an error where it cannot be what the operation returns."""
    if expects == "bytes":
        return Answer(status, headers, body, attempts=attempts)
    try:
        data, message, code = unwrap(parse_json(body) if body.strip() else None)
    except ResponseFormatError as error:
        return _unreadable(error, status, body)
    kind = _json_kind(data)
    if expects == "object" and kind != "an object":
        return ResponseFormatError(
            f"The answer holds {kind} instead of an object at data.",
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


def told_by(status: int | None, headers: CIMultiDictProxy[str], now: float) -> Told:
    """What an answer says about the account's quotas."""
    limit, remaining = headers.get("X-Rate-Limit"), headers.get("X-Rate-Limit-Remaining")
    if limit is None and remaining is None and status != 429:
        return NOTHING_TOLD
    waits = headers.getall("Retry-After", [])
    return Told(
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
        return "The API key or secret was refused."
    return "The server gave no reason."


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and _SECONDS.fullmatch(text.strip()) else None


def _text(envelope: Mapping[str, object], key: str) -> str:
    value = envelope.get(key)
    return value if isinstance(value, str) else ""


def _clean(text: str, secrets: Sequence[str]) -> str:
    """Make a server's text safe to log: one line, bounded, without what must not be seen."""
    for secret in secrets:
        text = text.replace(secret, "***")
    # Header values can hold half surrogates, which no log can write.
    text = _CONTROL.sub(" ", text).encode(errors="replace").decode().strip()
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
            _collect_secrets(entry, found, inside=inside or bool(_SECRET_KEY.search(key)))
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
    if not _HTTP_DATE.fullmatch(text):
        return None
    try:
        moment = parsedate_to_datetime(text)
        # The asctime form comes back naive; HTTP dates are always UTC.
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.timestamp()
    except (ValueError, OverflowError):
        return None
