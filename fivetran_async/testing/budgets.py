"""The vendor's rate limits, counted in rolling windows on the account's clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import attrs

from fivetran_async.errors import InvalidArgumentError
from fivetran_async.testing._checks import check_closed, checked_seconds

PlanName = Literal["trial", "paid"]

HOUR, MINUTE = 3600.0, 60.0
_WINDOWS = {HOUR: "one-hour", MINUTE: "one-minute"}
_NAMES = {
    "all": "api calls",
    "setup_tests": "setup test calls",
    "source": "source interaction calls",
    "user_creation": "user creation calls",
    "private_links": "private link creation calls",
}


def _known_kind(_: object, __: object, kind: str) -> None:
    check_closed("kind", kind, _NAMES)


def _whole_number(_: object, __: object, limit: Any) -> None:  # noqa: ANN401 - attrs infers from it
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        message = f"limit must be an int of 0 or more, not {limit!r:.100}"
        raise InvalidArgumentError(message)


def _positive(_: object, __: object, window: float) -> None:
    if not checked_seconds("window", window):
        message = "window must be more than 0 seconds"
        raise InvalidArgumentError(message)


@attrs.frozen
class Budget:
    """
    A rate limit: `limit` requests of one kind in a rolling `window` of seconds.

    The kinds are `all`, `setup_tests`, `source`, `user_creation` and `private_links`.
    """

    kind: str = attrs.field(validator=_known_kind)
    limit: int = attrs.field(validator=_whole_number)
    window: float = attrs.field(validator=_positive)


PLANS: Mapping[PlanName, tuple[Budget, ...]] = {
    "trial": (
        Budget("all", 500, HOUR),
        Budget("setup_tests", 50, HOUR),
        Budget("source", 25, MINUTE),
        Budget("source", 250, HOUR),
        Budget("user_creation", 10, HOUR),
        Budget("private_links", 1, HOUR),
    ),
    "paid": (
        Budget("all", 20_000, HOUR),
        Budget("setup_tests", 250, MINUTE),
        Budget("setup_tests", 2_500, HOUR),
        Budget("source", 500, MINUTE),
        Budget("source", 5_000, HOUR),
        Budget("user_creation", 500, HOUR),
        Budget("private_links", 5, HOUR),
    ),
}


@attrs.frozen
class Exhausted:
    """An exhausted budget: seconds until the next free request, and the message of the 429."""

    retry_after: int
    message: str


class Budgets:
    """Counts admitted requests, and refuses requests over a limit."""

    def __init__(self, budgets: Iterable[Budget]) -> None:
        self._logs: dict[Budget, deque[float]] = {budget: deque() for budget in budgets}

    def __repr__(self) -> str:
        used = (f"{budget.kind} {len(log)}/{budget.limit}" for budget, log in self._logs.items())
        return f"<Budgets {', '.join(used)}>"

    def draw(self, kinds: Iterable[str], now: float) -> Exhausted | None:
        """Take one request from every budget of these kinds; if one is exhausted, take none."""
        wanted = frozenset(kinds)
        concerned = [budget for budget in self._logs if budget.kind in wanted]
        for budget in concerned:
            left = self._left(budget, now)
            if left <= 0:
                return self._exhausted(budget, now)
        for budget in concerned:
            self._logs[budget].append(now)
        return None

    def headers(self, now: float) -> dict[str, str]:
        """Return the rate limit headers of every response: the hourly limit and what is left."""
        for budget in self._logs:
            if budget.kind == "all" and budget.window == HOUR:
                left = max(0, self._left(budget, now))
                return {"X-Rate-Limit": str(budget.limit), "X-Rate-Limit-Remaining": str(left)}
        return {}

    def _left(self, budget: Budget, now: float) -> int:
        log = self._logs[budget]
        while log and log[0] <= now - budget.window:
            log.popleft()
        return budget.limit - len(log)

    def _exhausted(self, budget: Budget, now: float) -> Exhausted:
        log = self._logs[budget]
        free_at = log[0] + budget.window if log else now + budget.window
        window = _WINDOWS.get(budget.window, f"{budget.window:g}-second")
        calls = f"{budget.limit} {_NAMES[budget.kind]}"
        return Exhausted(
            retry_after=max(1, math.ceil(free_at - now)),
            message=f"Max {calls} allowed in {window} rolling time period",
        )
