"""What a rate limiter is to a session, and the one that does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from fivetran_async._quota.patience import PATIENT, Patience

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async._quota.account import BudgetState, QuotaReport


class RateLimiter(Protocol):
    """
    Keeps calls within the account's quotas; replace it to share them more widely.

    Every `acquire` that returns is followed by exactly one `settle`.
    """

    async def acquire(
        self,
        budgets: tuple[str, ...],
        *,
        patience: Patience = PATIENT,
        time_left: float | None = None,
        attempt: int = 1,
    ) -> None:
        """
        Wait until a request may start that draws from these budgets, and from all requests.

        Interactive calls go before bulk ones; of each kind, retried ones go first. A call that is
        cancelled, as it is when its session closes, gives its place back and what it was granted.

        Args:
            budgets: The particular budgets of the operation.
            patience: Its priority, and how long it waits.
            time_left: Seconds until the call's deadline; None without one.
            attempt: 1 for the first request of a call.

        Raises:
            RateLimitedError: The call would wait longer than it may; raised as soon as that is
                known.
        """
        ...

    def is_open(self, budgets: tuple[str, ...]) -> bool:
        """Return False if a pause began since `acquire` returned: nothing may be sent then."""
        ...

    def settle(self, budgets: tuple[str, ...], report: QuotaReport, *, sent: bool) -> None:
        """Count the request as finished; `sent` is False if it never left."""
        ...

    def snapshot(self) -> Mapping[str, BudgetState]:
        """Return how every budget stands, by name, as far as this process knows."""
        ...

    async def read(self) -> Mapping[str, BudgetState]:
        """Return the same; a limiter with a shared store asks the store first."""
        ...


@runtime_checkable
class RateLimiterFactory(Protocol):
    """Makes a limiter for each API key, as `RateLimits` and shared stores do."""

    def for_account(self, account_key: str, *, base_url: str, clock: Clock) -> RateLimiter:
        """Return the limiter of an API key; `account_key` is a hash of the key."""
        ...


class Unlimited:
    """No pacing at all."""

    async def acquire(
        self,
        budgets: tuple[str, ...],
        *,
        patience: Patience = PATIENT,
        time_left: float | None = None,
        attempt: int = 1,
    ) -> None:
        """Start at once."""

    def start_if_free(self, budgets: tuple[str, ...]) -> bool:  # noqa: ARG002 - as other limiters
        """Return True: nothing is counted."""
        return True

    def is_open(self, budgets: tuple[str, ...]) -> bool:  # noqa: ARG002 - the protocol's
        """Return True: nothing is ever paused."""
        return True

    def settle(self, budgets: tuple[str, ...], report: QuotaReport, *, sent: bool) -> None:
        """Count nothing."""

    def settle_success(
        self, budgets: tuple[str, ...], limit: str | None, remaining: str | None
    ) -> None:
        """Count nothing."""

    def snapshot(self) -> Mapping[str, BudgetState]:
        """Return no budgets."""
        return {}

    async def read(self) -> Mapping[str, BudgetState]:
        """Return no budgets."""
        return {}
