"""PURE: all budgets of one API key, and what responses report about them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from fivetran_async._codec._serializable import Serializable
from fivetran_async._quota.plans import HOUR, REQUESTS, Quota, QuotaPlan, is_plausible, plan_of
from fivetran_async._quota.windows import CountedBudget

_UNSTATED_PAUSE: Final = 1.0
"""Seconds to pause after a 429 without a usable `Retry-After`."""


@attrs.frozen(kw_only=True)
class QuotaReport(Serializable):
    """
    What a response reports about the account's quotas.

    Attributes:
        status: The HTTP status; None without a response.
        limit: The hourly limit of all requests (`X-Rate-Limit`).
        remaining: What is left of it (`X-Rate-Limit-Remaining`).
        retry_after: Seconds that the server asks to wait.
    """

    status: int | None = None
    limit: int | None = None
    remaining: int | None = None
    retry_after: float | None = None

    @property
    def pause(self) -> float | None:
        """Seconds for which the server refuses more of the kind; None unless the status is 429."""
        return (self.retry_after or _UNSTATED_PAUSE) if self.status == 429 else None

    @property
    def is_consistent(self) -> bool:
        """False if more is left than the limit allows; such headers are ignored."""
        return self.limit is None or self.remaining is None or self.remaining <= self.limit


NO_REPORT: Final = QuotaReport()

MAX_DIGITS: Final = 10
"""Of a number in a header; longer ones are not numbers that the API means."""


def parse_count(text: str | None) -> int | None:
    """Return the number in a header; None if it is missing or not one."""
    if text is None or len(text) > MAX_DIGITS or not text.isdigit() or not text.isascii():
        return None
    return int(text)


@attrs.frozen(kw_only=True)
class BudgetState(Serializable):
    """
    How a budget stands; of its windows, the one with the least left.

    Attributes:
        limit: Requests that the window allows.
        seconds: The length of the window.
        remaining: How many of them are left, as far as this process knows.
        paused_for: Seconds for which a 429 stopped it; 0 if it is not paused.
        waiting: How many calls of this process wait for it.
    """

    limit: int
    seconds: float
    remaining: int
    paused_for: float = 0.0
    waiting: int = 0


class AccountQuotas:
    """All budgets of one API key."""

    def __init__(self, plan: QuotaPlan, *, learns: bool) -> None:
        self.learns = learns
        self.budgets: dict[str, CountedBudget] = {
            name: CountedBudget(quotas) for name, quotas in plan.items()
        }
        self._drawn: dict[tuple[str, ...], tuple[CountedBudget, ...]] = {}
        self._last_limit: tuple[str | None, int | None] = None, None

    def plan(self) -> QuotaPlan:
        """Return the quotas that hold now."""
        return {
            name: tuple(window.quota for window in budget.windows)
            for name, budget in self.budgets.items()
        }

    def of(self, names: tuple[str, ...]) -> tuple[CountedBudget, ...]:
        """Return the budgets that a call draws from, that of all requests first."""
        drawn = self._drawn.get(names)
        if drawn is None:
            known = (name for name in (REQUESTS, *names) if name in self.budgets)
            drawn = self._drawn[names] = tuple(self.budgets[name] for name in known)
        return drawn

    def start_if_free(self, names: tuple[str, ...], now: float) -> bool:
        """Count a request if it may start at once; else return False and count nothing."""
        drawn = self._drawn.get(names) or self.of(names)
        for budget in drawn:
            if not budget.is_free(now):
                return False
        for budget in drawn:
            budget.start(now)
        return True

    def end(self, names: tuple[str, ...], now: float, *, counts: bool) -> None:
        """Count a request as finished; one that the server did not count is given back."""
        for budget in self._drawn.get(names) or self.of(names):
            budget.end(now, counts=counts)

    def end_all(self, now: float) -> None:
        """Count all requests in flight as finished: no response will."""
        for budget in self.budgets.values():
            while budget.in_flight:
                budget.end(now, counts=True)

    def learn(self, limit: int | None, remaining: int | None, now: float) -> None:
        """
        Take in the headers of a response; they describe the hourly budget of all requests.

        They are hints: contradictions and limits that no account has are ignored.
        """
        if limit is not None and remaining is not None and remaining > limit:
            return
        budget = self.budgets[REQUESTS]
        if not budget.windows:
            return
        if limit is not None and not is_plausible(limit):
            return
        hourly = budget.windows[-1]
        if limit and limit != hourly.quota.limit and self.learns:
            self.change(plan_of(limit))
            hourly = budget.windows[-1]
        if remaining is not None and hourly.quota.seconds == HOUR:
            hourly.learn_remaining(remaining, now, budget.in_flight)

    def learn_texts(self, limit: str | None, remaining: str | None, now: float) -> None:
        """Take in the headers of a response as they came; most have the limit of the one before."""
        text, number = self._last_limit
        if limit != text:
            number = parse_count(limit)
            self._last_limit = limit, number
        self.learn(number, parse_count(remaining), now)

    def learn_used(self, name: str, quota: Quota, used: int, now: float) -> None:
        """Take in an exact count of one window, as a shared store keeps it."""
        budget = self.budgets[name]
        for window in budget.windows:
            if window.quota == quota:
                window.learn_used(used, now, budget.in_flight)

    def change(self, plan: QuotaPlan) -> None:
        """Change the limits and keep the count."""
        for name, quotas in plan.items():
            self.budgets[name].change(quotas)

    def refused_names(self, names: tuple[str, ...], remaining: int | None) -> tuple[str, ...]:
        """Return the budgets that a 429 concerns: the particular ones, if requests are left."""
        return names if names and remaining != 0 else (REQUESTS,)

    def states(self, now: float, waiting: Iterable[tuple[str, int]]) -> dict[str, BudgetState]:
        """Return how every budget stands, by name; those without a quota are left out."""
        states: dict[str, BudgetState] = {}
        for name, in_line in waiting:
            budget = self.budgets[name]
            tightest = budget.left(now)
            if tightest is not None:
                remaining, quota = tightest
                states[name] = BudgetState(
                    limit=quota.limit,
                    seconds=quota.seconds,
                    remaining=remaining,
                    paused_for=max(0.0, budget.paused_until - now),
                    waiting=in_line,
                )
        return states

    def is_idle(self, now: float) -> bool:
        """True if nothing is counted, so that forgetting the account loses nothing."""
        return all(budget.is_idle(now) for budget in self.budgets.values())
