"""A server that counts over a rolling window, sessions with it, and limiters on virtual time."""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Coroutine
from typing import Any

from fivetran_async import AsyncFivetran, ConcurrencyLimiter, Hooks, RetryPolicy
from fivetran_async._quota.limiter import InProcessLimiter
from fivetran_async._quota.patience import Patience, Priority
from fivetran_async.limits import Quota, QuotaReport, RateLimits
from matrix.virtual_time import LoopClock
from support.faults import Fault, WireRequest
from support.sessions import KEY, SECRET, refusal, success

OK = QuotaReport(status=200)
REFUSED = QuotaReport(status=429, retry_after=2.0)


def one_in(seconds: float, *, limit: int = 1, **others: tuple[Quota, ...]) -> RateLimits:
    """Return limits of `limit` requests in `seconds` seconds."""
    return RateLimits(quotas={"requests": (Quota(limit, seconds),), **others})


def limiter_of(limits: RateLimits) -> InProcessLimiter:
    """Return a limiter on the running loop's clock."""
    return InProcessLimiter(limits.account(), LoopClock())


async def pass_through(
    limiter: InProcessLimiter,
    *budgets: str,
    priority: Priority = "interactive",
    patience: float | None = None,
    deadline: float | None = None,
    attempt: int = 1,
    report: QuotaReport = OK,
    sent: bool = True,
) -> float:
    """Send a request that takes no time, and return when it began."""
    bounds = Patience(priority=priority, max_pause=patience, max_wait=patience)
    await limiter.acquire(budgets, patience=bounds, time_left=deadline, attempt=attempt)
    limiter.settle(budgets, report, sent=sent)
    return asyncio.get_running_loop().time()


async def started(*calls: Coroutine[Any, Any, float]) -> list[asyncio.Task[float]]:
    """Begin calls in this order, and let each run until it waits."""
    tasks: list[asyncio.Task[float]] = []
    for call in calls:
        tasks.append(asyncio.create_task(call))
        await asyncio.sleep(0)
    return tasks


def session(
    url: str,
    clock: LoopClock,
    *,
    rate_limits: RateLimits,
    key: str = KEY,
    limiter: ConcurrencyLimiter | None = None,
    retry: RetryPolicy | None = None,
    hooks: Hooks | None = None,
) -> AsyncFivetran:
    """Return a session on virtual time that waits for any pause."""
    return AsyncFivetran(
        key,
        SECRET,
        base_url=url,
        rate_limits=rate_limits,
        limiter=limiter,
        retry=retry or RetryPolicy(max_retry_after=None),
        hooks=hooks or Hooks(),
        _clock=clock,
    )


class RollingServer:
    """Admits `limit` requests in any `seconds` seconds of its own clock, and refuses the others."""

    def __init__(
        self, limit: int, seconds: float, *, seed: int = 1, data: dict[str, object] | None = None
    ) -> None:
        self._limit = limit
        self._data = data
        self._seconds = seconds
        self._log: deque[float] = deque()
        self._random = random.Random(seed)  # noqa: S311 - a simulation
        self.arrived: list[float] = []
        self.refused = 0

    def answer(self, request: WireRequest) -> Fault:
        """Respond to a request after 0.05 to 0.4 seconds."""
        now = asyncio.get_running_loop().time()
        self.arrived.append(now)
        while self._log and self._log[0] <= now - self._seconds:
            self._log.popleft()
        if len(self._log) < self._limit:
            self._log.append(now)
            data = self._data or {"id": request.target}
            return slowed(success(data), self._random.uniform(0.05, 0.4))
        self.refused += 1
        wait = str(math.ceil(self._log[0] + self._seconds - now))
        return slowed(refusal(429, "TooManyRequests", headers={"Retry-After": wait}), 0.05)


def slowed(fault: Fault, seconds: float) -> Fault:
    """Return the same response, `seconds` later."""

    async def play(exchange: Any) -> bool:  # noqa: ANN401 - handed on
        await asyncio.sleep(seconds)
        return await fault.play(exchange)

    return Fault(fault.name, play)
