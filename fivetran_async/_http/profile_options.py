"""What `AsyncFivetran.from_profile` takes besides the profile; for type checkers."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from fivetran_async._http.config_guard import CheckConfigs
from fivetran_async._quota.protocol import RateLimiter, RateLimiterFactory
from fivetran_async._quota.registry import RateLimits
from fivetran_async._types import Unset
from fivetran_async.limits import ConcurrencyLimiter
from fivetran_async.options import Hooks, Timeouts
from fivetran_async.retries import RetryPolicy

if TYPE_CHECKING:
    import aiohttp


class ProfileOptions(TypedDict, total=False):
    """The arguments of `AsyncFivetran`, without the credentials."""

    base_url: str | None
    timeouts: Timeouts | float
    retry: RetryPolicy
    limiter: ConcurrencyLimiter | Unset | None
    rate_limits: RateLimits | RateLimiterFactory | RateLimiter | None
    session: aiohttp.ClientSession | None
    hooks: Hooks
    read_only: bool
    check_configs: CheckConfigs
    user_agent: str | None
    max_response_bytes: int
    trace_configs: Sequence[aiohttp.TraceConfig]
    ssl_context: ssl.SSLContext | None
    proxy: str | None
    allow_insecure: bool
