"""
PURE: builds a request, without any I/O; `response` reads what comes back.

An operation, its path, a query and a body make a `Request`, which can be sent any number of times.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import quote

import attrs
from multidict import CIMultiDict, CIMultiDictProxy

from fivetran_async._http.operation import PLAIN
from fivetran_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from fivetran_async._http.ahead import OnBody
    from fivetran_async._http.body import Sink
    from fivetran_async._http.operation import Operation
    from fivetran_async._http.result import Reader
    from fivetran_async._types import Verb

QueryValue: TypeAlias = str | int | datetime | None
Query: TypeAlias = Mapping[str, QueryValue]
Expectation: TypeAlias = Literal["object", "anything", "nothing", "bytes"]

_WITH_BODY: Final = frozenset({"POST", "PATCH"})


@attrs.define(eq=False, repr=False)
class Request:
    """
    One operation with its arguments, which can be sent any number of times.

    It never changes; it is not frozen, because attrs' frozen classes take twice as long to make.
    """

    operation: Operation
    path: str
    query: str = ""
    body: bytes | None = None
    content_type: str | None = None
    sink: Sink | None = None
    reader: Reader[Any] | None = None
    on_body: OnBody | None = None

    @property
    def expects(self) -> Expectation:
        """What `data` of the response must be."""
        return "object" if self.reader is None else self.reader.expects

    @property
    def verb(self) -> Verb:
        """The verb of the operation."""
        return self.operation.verb

    @property
    def size(self) -> int:
        """The size of its body in bytes."""
        return 0 if self.body is None else len(self.body)

    @property
    def target(self) -> str:
        """Path and query, as in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path


_ROOT = r"(?:v[1-9][0-9]?|public)/"
_PATH_CHARACTERS = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})+"


def checked_path(raw_path: object) -> str:
    """Return a caller's own path if it is percent-encoded and below a version or `/public`."""
    if not isinstance(raw_path, str):
        raise InvalidArgumentError(f"path must be a str, not {type(raw_path).__name__}.")
    if "://" in raw_path or raw_path.startswith("//"):
        raise InvalidArgumentError("path must be a path such as '/v1/groups', not a URL.")
    if "?" in raw_path or "#" in raw_path:
        raise InvalidArgumentError("path must not contain '?' or '#'; pass query= instead.")
    if not re.match(f"/{_ROOT}", raw_path):
        relative = raw_path.lstrip("/")
        right = f"/{relative}" if re.match(_ROOT, relative) else f"/v1/{relative}"
        raise InvalidArgumentError(
            f"path must start with /v1/, /v2/ or /public/; did you mean {right!r}?"
        )
    if not re.fullmatch(_PATH_CHARACTERS, raw_path):
        raise InvalidArgumentError(
            f"path must be percent-encoded; did you mean {quote(raw_path, safe='/%')!r}?"
        )
    for segment in raw_path.lower().replace("%2e", ".").split("/")[1:]:
        if segment in {"", ".", ".."}:
            raise InvalidArgumentError(
                f"path must not contain empty, '.' or '..' segments: {raw_path!r}."
            )
    return raw_path


def query_string(query: Query | None) -> str:
    """Encode a query; None is not sent, because a query has no null."""
    if not query:
        return ""
    return "&".join(
        f"{quote(name, safe='')}={quote(_query_text(name, value), safe='')}"
        for name, value in query.items()
        if value is not None
    )


def _time_text(name: str, value: datetime) -> str:
    if value.tzinfo is None:
        raise InvalidArgumentError(f"{name} must be an aware datetime (with a time zone).")
    try:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        problem = f"{name} is outside the years 1 to 9999 in UTC."
    raise InvalidArgumentError(problem)


def _query_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return _time_text(name, value)
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


def usual_headers(user_agent: str) -> CIMultiDictProxy[str]:
    """Return the headers of a read, as most requests are."""
    return request_headers(user_agent, "GET", PLAIN, None, None)


@functools.lru_cache
def request_headers(
    user_agent: str, verb: Verb, accept: str, content_type: str | None, encoding: str | None
) -> CIMultiDictProxy[str]:
    """Return the headers except the credentials, in the form that aiohttp does not copy."""
    lines = CIMultiDict({"Accept": accept, "User-Agent": user_agent})
    if encoding is not None:
        lines["Accept-Encoding"] = encoding
    if verb in _WITH_BODY:
        # Required even for operations without a body: the API responds with 415 otherwise.
        lines["Content-Type"] = content_type or PLAIN
    return CIMultiDictProxy(lines)
