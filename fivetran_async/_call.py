"""What a call is made of: the session's shared parts, the request, how far an attempt got."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import attrs
from multidict import CIMultiDict, CIMultiDictProxy

from fivetran_async._codec import Drift, DriftLog
from fivetran_async._retry import OperationRun, RetryBucket
from fivetran_async.errors import FivetranError, InvalidArgumentError
from fivetran_async.options import is_a
from fivetran_async.retries import at_least_one

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async._credentials import Credentials
    from fivetran_async._rate_limiter import RateLimiter
    from fivetran_async._transport import Pool
    from fivetran_async._wire import Request

_NO_HEADERS: Final = CIMultiDictProxy(CIMultiDict[str]())


def _is_rate_limiter(_: object, __: object, limiter: RateLimiter) -> None:
    if not hasattr(limiter, "acquire"):
        raise InvalidArgumentError(
            f"rate_limits must be RateLimits, a RateLimiter or None, not {type(limiter).__name__}."
        )


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Core:
    """What all views of a session share."""

    pool: Pool
    base_url: str
    credentials: Credentials
    rate_limiter: RateLimiter = attrs.field(validator=_is_rate_limiter)
    user_agent: str
    clock: Clock
    read_only: bool = attrs.field(validator=is_a(bool))
    max_response_bytes: int = attrs.field(validator=at_least_one)
    news: deque[Drift] = attrs.field(factory=lambda: deque(maxlen=1_000))
    drift_log: DriftLog = attrs.field(
        default=attrs.Factory(lambda core: DriftLog(core.news.append), takes_self=True)
    )
    bucket: RetryBucket = attrs.field(factory=RetryBucket)


@attrs.define(kw_only=True, eq=False, repr=False)
class Call(OperationRun):
    """One call of an operation, with the request that it repeats."""

    request: Request


@attrs.define(eq=False, repr=False)
class Exchange:
    """How far one attempt got."""

    sent: bool = False
    status: int | None = None
    headers: CIMultiDictProxy[str] = _NO_HEADERS
    body: bytes = b""
    failure: FivetranError | None = None
    seconds: float = 0.0
