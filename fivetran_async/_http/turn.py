"""A call's turn to send: it waits for its quotas and slots, as long as its deadline allows."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, Protocol

from fivetran_async._clock import timeout
from fivetran_async._quota.account import NO_REPORT
from fivetran_async._quota.limiter import InProcessLimiter
from fivetran_async._quota.protocol import Unlimited
from fivetran_async.errors import RequestTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from fivetran_async._clock import Clock
    from fivetran_async._http.closing import Closing
    from fivetran_async._http.operation import QuotaName
    from fivetran_async._quota.account import QuotaReport
    from fivetran_async._quota.patience import Patience
    from fivetran_async._quota.protocol import RateLimiter
    from fivetran_async.limits import Slots

_NO_DEADLINE: Final = contextlib.nullcontext()


class _Sent(Protocol):
    sent: bool


class TurnLimiter(Protocol):
    """The part of a `RateLimiter` that calls use."""

    async def acquire(
        self,
        budgets: tuple[str, ...],
        *,
        patience: Patience,
        time_left: float | None,
        attempt: int,
    ) -> None: ...

    def is_open(self, budgets: tuple[str, ...]) -> bool: ...

    def settle(self, budgets: tuple[str, ...], report: QuotaReport, *, sent: bool) -> None: ...


class PromptLimiter(Protocol):
    """The part of a limiter of this process that the quick road uses."""

    def start_if_free(self, budgets: tuple[str, ...]) -> bool: ...

    def settle_success(
        self, budgets: tuple[str, ...], limit: str | None, remaining: str | None
    ) -> None: ...

    def settle(self, budgets: tuple[str, ...], report: QuotaReport, *, sent: bool) -> None: ...


PROMPT_LIMITERS: Final = (InProcessLimiter, Unlimited)
"""The limiters of this process, which decide at once whether a request may start."""


class InterruptedLimiter:
    """
    A limiter that is cancelled when the session closes, and gives back what it was granted.

    A user's own limiter, or one that waits for a store, does not know the session.
    """

    __slots__ = ("_closing", "_limiter")

    def __init__(self, limiter: RateLimiter, closing: Closing) -> None:
        self._limiter = limiter
        self._closing = closing

    async def acquire(
        self,
        budgets: tuple[str, ...],
        *,
        patience: Patience,
        time_left: float | None,
        attempt: int,
    ) -> None:
        """Wait until a request may start, at most until the session closes."""
        with self._closing.waiting():
            await self._limiter.acquire(
                budgets, patience=patience, time_left=time_left, attempt=attempt
            )

    def is_open(self, budgets: tuple[str, ...]) -> bool:
        """Return False if a pause began since `acquire` returned."""
        return self._limiter.is_open(budgets)

    def settle(self, budgets: tuple[str, ...], report: QuotaReport, *, sent: bool) -> None:
        """Count the request as finished."""
        self._limiter.settle(budgets, report, sent=sent)


def interrupted(limiter: RateLimiter, closing: Closing) -> TurnLimiter:
    """Return the limiter, such that the end of the session ends its waits."""
    # Those of a process end their waits themselves, which costs calls that do not wait nothing.
    if isinstance(limiter, PROMPT_LIMITERS):
        return limiter
    return InterruptedLimiter(limiter, closing)


class Turn:
    """
    A grant of the quotas and a slot of each limiter, held while an attempt is in flight.

    Entering waits for the quotas, then for the slots. If a 429 of another call closed a quota
    meanwhile, both are given back and the wait starts over. Leaving gives the slots back and passes
    the server's report to the quotas. A wait ends when the session closes.
    """

    __slots__ = (
        "_attempt",
        "_budgets",
        "_clock",
        "_closing",
        "_exchange",
        "_limiter",
        "_patience",
        "_report",
        "_slots",
        "_time_left",
        "waited_for_slot",
    )

    def __init__(
        self,
        limiter: TurnLimiter,
        slots: Slots,
        budgets: tuple[QuotaName, ...],
        *,
        patience: Patience,
        time_left: float | None,
        attempt: int,
        report: Callable[[], QuotaReport],
        exchange: _Sent,
        closing: Closing,
        clock: Clock,
    ) -> None:
        self._limiter = limiter
        self._slots = slots
        self._budgets = budgets
        self._patience = patience
        self._time_left = time_left
        self._attempt = attempt
        self._report = report
        self._exchange = exchange
        self._closing = closing
        self._clock = clock
        self.waited_for_slot = 0.0

    async def __aenter__(self) -> None:
        limiter, budgets = self._limiter, self._budgets
        while True:
            await limiter.acquire(
                budgets, patience=self._patience, time_left=self._time_left, attempt=self._attempt
            )
            try:
                if not self._slots.take():
                    began = self._clock.monotonic()
                    try:
                        with self._closing.waiting():
                            await self._slots.__aenter__()
                    finally:
                        self.waited_for_slot += self._clock.monotonic() - began
            except BaseException:
                limiter.settle(budgets, NO_REPORT, sent=False)
                raise
            if limiter.is_open(budgets):
                return
            self._slots.release()
            limiter.settle(budgets, NO_REPORT, sent=False)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._slots.release()
        finally:
            self._limiter.settle(self._budgets, self._report(), sent=self._exchange.sent)


def within(seconds: float | None, clock: Clock) -> AbstractAsyncContextManager[object]:
    """Limit a block to the time that a call has left; then it raises `TimeoutError`."""
    return _NO_DEADLINE if seconds is None else timeout(clock, seconds)


def deadline_error() -> RequestTimeoutError:
    """Return the error of an attempt that the call's deadline ended before it was sent."""
    return RequestTimeoutError(
        "Timed out waiting for a quota or a free slot (see deadline=).", fate="not_sent"
    )
