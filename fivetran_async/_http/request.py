"""
PURE: builds what is sent, without any I/O; what comes back is judged in `response`.

`path`, `query_string` and `json_body` go into a `Request`, which can be sent any number of times.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import quote

import attrs
from multidict import CIMultiDict, CIMultiDictProxy

from fivetran_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from typing import LiteralString

    from fivetran_async._http.body import Sink
    from fivetran_async._types import Verb

RetryClass: TypeAlias = Literal["R", "S", "X", "T", "D", "K"]
"""Read, set, delete, trigger, dangerous, one-time secret: which failures may be repeated."""

Budget: TypeAlias = Literal["source", "setup_tests", "user_creation", "private_links"]
"""A quota of the account that a call draws from, besides the one that counts every request."""

QueryValue: TypeAlias = str | int | datetime | None
Query: TypeAlias = Mapping[str, QueryValue]
Expectation: TypeAlias = Literal["object", "anything", "nothing", "bytes"]

SETUP_BUDGETS: Final[tuple[Budget, ...]] = ("setup_tests", "source")
"""What a call draws from that runs setup tests."""

PLAIN: Final = "application/json"
V2: Final = "application/json;version=2"
"""Asks for `config` as typed values; the plain form renders them as the dashboard's labels."""

_WITH_BODY: Final = frozenset({"POST", "PATCH"})
_CLASS_OF_VERB: dict[str, RetryClass] = {"GET": "R", "DELETE": "X", "PATCH": "S", "POST": "D"}
_MAX_SEGMENT = 1024
_PLAIN_SEGMENT = re.compile(rf"[A-Za-z0-9_-]{{1,{_MAX_SEGMENT}}}", re.ASCII)
_SLOT = re.compile(r"\{(\w+)\}")
CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"


@attrs.define(eq=False, repr=False)
class Request:
    """
    One operation with its arguments, ready to be sent any number of times.

    Nobody changes it, nor an `Answer`; attrs' frozen classes take twice as long to make.
    """

    verb: Verb
    path: str
    query: str = ""
    body: bytes | None = None
    content_type: str | None = None
    accept: str = PLAIN
    retry_class: RetryClass = "R"
    budgets: tuple[Budget, ...] = ()
    slow: bool = False
    expects: Expectation = "object"
    authorized: bool = True
    sink: Sink | None = None

    @property
    def target(self) -> str:
        """Path and query, as they stand in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path


def class_of_verb(verb: Verb) -> RetryClass:
    """The retry class of an operation that declares none."""
    return _CLASS_OF_VERB[verb]


def path(template: LiteralString, *segments: str) -> str:
    """
    Fill the slots of a template, each with one percent-encoded segment.

    yarl folds dot segments even when they are encoded, and an empty segment names another
    resource; so both are refused here, and the URL later goes to aiohttp as already encoded.
    """
    names, text = _slots_of(template)
    if len(names) != len(segments):
        raise ValueError(f"{template} has {len(names)} slots, not {len(segments)}")
    return text % tuple(map(_segment, names, segments))


@functools.cache
def _slots_of(template: str) -> tuple[tuple[str, ...], str]:
    """The names of a template's slots, and the template as a format."""
    return tuple(_SLOT.findall(template)), _SLOT.sub("%s", template.replace("%", "%%"))


def _segment(name: str, segment: object) -> str:
    if not isinstance(segment, str):
        raise InvalidArgumentError(f"{name} must be a str, not {type(segment).__name__}.")
    if _PLAIN_SEGMENT.fullmatch(segment):
        return segment
    if segment in {"", ".", ".."}:
        raise InvalidArgumentError(
            f"{name} must not be {segment!r}: the path would name another resource."
        )
    if len(segment) > _MAX_SEGMENT:
        raise InvalidArgumentError(f"{name} is longer than {_MAX_SEGMENT} characters.")
    if re.search(CONTROL, segment):
        raise InvalidArgumentError(f"{name} must not contain control characters.")
    try:
        return quote(segment, safe="")
    except UnicodeEncodeError:
        pass
    raise InvalidArgumentError(f"{name} contains characters that UTF-8 cannot encode.")


_PATH_CHARACTERS = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})+"


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
    if not re.fullmatch(_PATH_CHARACTERS, raw_path):
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


@functools.lru_cache
def request_headers(
    user_agent: str, verb: Verb, accept: str, content_type: str | None
) -> CIMultiDictProxy[str]:
    """The headers of a request but for its credentials, in the form that aiohttp need not copy."""
    lines = CIMultiDict({"Accept": accept, "User-Agent": user_agent})
    if verb in _WITH_BODY:
        # Required even where the operation has no body: the API answers 415 without it.
        lines["Content-Type"] = content_type or PLAIN
    return CIMultiDictProxy(lines)
