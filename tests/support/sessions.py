"""Sessions for tests, and the responses that the API would send them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

from fivetran_async import (
    AsyncFivetran,
    ConcurrencyLimiter,
    FivetranError,
    Hooks,
    RetryPolicy,
    Timeouts,
)
from fivetran_async._http.operation import RetryClass
from fivetran_async.limits import RateLimiter, RateLimiterFactory, RateLimits
from support.faults import Fault, Headers, reply

if TYPE_CHECKING:
    import ssl

    import aiohttp

    from fivetran_async._clock import Clock
    from fivetran_async._types import Verb

KEY = "test-key"
SECRET = "test-secret"

ONCE = RetryPolicy(max_attempts=1)
"""No repeats: what one attempt meets."""

STEADY = RetryPolicy(jitter=False)
"""Three attempts, after waits of exactly 1 and 2 seconds."""

CLASSES: tuple[RetryClass, ...] = ("read", "set", "delete", "trigger", "dangerous", "secret")

VERB_OF_CLASS: dict[RetryClass, Verb] = {
    "read": "GET",
    "set": "PATCH",
    "delete": "DELETE",
    "trigger": "POST",
    "dangerous": "POST",
    "secret": "POST",
}


class SessionOptions(TypedDict, total=False):
    """What a test may say about its session."""

    retry: RetryPolicy
    timeouts: Timeouts | float
    limiter: ConcurrencyLimiter | None
    rate_limits: RateLimits | RateLimiterFactory | RateLimiter | None
    hooks: Hooks
    read_only: bool
    user_agent: str
    max_response_bytes: int
    session: aiohttp.ClientSession
    ssl_context: ssl.SSLContext
    trace_configs: Sequence[aiohttp.TraceConfig]
    _clock: Clock


def session_at(url: str, **options: Unpack[SessionOptions]) -> AsyncFivetran:
    """A session with the server at a URL; quotas, which slow calls, are off unless asked for."""
    options.setdefault("rate_limits", None)
    return AsyncFivetran(KEY, SECRET, base_url=url, **options)


def success(
    data: object = None, *, message: str = "", status: int = 200, headers: Headers = ()
) -> Fault:
    """The API's response to a request that succeeded."""
    envelope: dict[str, object] = {"code": "Success"}
    if message:
        envelope["message"] = message
    if data is not None:
        envelope["data"] = data
    return reply(status, envelope, headers)


def refusal(status: int, code: str = "Refused", message: str = "", headers: Headers = ()) -> Fault:
    """The API's response to a request that failed."""
    return reply(status, {"code": code, "message": message}, headers)


GROUP = {"id": "decent_dropsy", "name": "Warehouse", "created_at": "2026-01-02T03:04:05Z"}

ONE_GROUP = success(GROUP)


def page(ids: Sequence[str], next_cursor: str | None = None) -> Fault:
    """One page of a list."""
    data: dict[str, object] = {"items": [{"id": item} for item in ids]}
    if next_cursor is not None:
        data["next_cursor"] = next_cursor
    return success(data)


async def failure_of(
    fivetran: AsyncFivetran,
    verb: Verb = "GET",
    path: str = "/v1/things",
    *,
    retry_class: RetryClass | None = None,
    accept_version: Literal[1, 2] = 1,
) -> FivetranError:
    """The error of a call that must fail with one of ours."""
    try:
        answer = await fivetran.request(
            verb, path, retry_class=retry_class, accept_version=accept_version
        )
    except FivetranError as error:
        return error
    raise AssertionError(f"{verb} {path} succeeded: {answer!r}")
