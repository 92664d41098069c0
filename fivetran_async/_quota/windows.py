"""
PURE: the quotas of one account, counted over rolling windows as the vendor counts them.

Nothing here waits or reads a clock. A request is counted from its start until a whole window after
its end, so that however late it reached the server, no window of the server's holds too many.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import attrs

from fivetran_async.errors import InvalidArgumentError

REQUESTS: Final = "requests"
"""The budget that every call draws from."""

RESERVE_SHARE: Final = 20
"""One part in so many, the last of a quota, is spread over the rest of the window."""

LONGEST_GAP: Final = 10.0
"""Seconds: spreading the last part never holds two starts further apart."""

RELEASE_GAP: Final = 0.25
"""Seconds between two starts after a pause, or less where the quota itself allows more."""

RECOVERY: Final = 30.0
"""Seconds after a pause in which calls start one after the other: who waited must not rush."""


def _at_least_one(_: object, __: object, limit: Any) -> None:  # noqa: ANN401 - attrs infers from it
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidArgumentError(f"limit must be an int of 1 or more, not {limit!r}.")


def _positive(_: object, __: object, seconds: Any) -> None:  # noqa: ANN401
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not 0 < seconds < math.inf
    ):
        raise InvalidArgumentError(f"seconds must be more than 0, not {seconds!r}.")


@attrs.frozen
class Quota:
    """At most `limit` requests in any `seconds` seconds."""

    limit: int = attrs.field(validator=_at_least_one)
    seconds: float = attrs.field(validator=_positive)


Plan: TypeAlias = Mapping[str, tuple[Quota, ...]]

_MINUTE, _HOUR = 60.0, 3600.0

TRIAL: Final[Plan] = {
    REQUESTS: (Quota(500, _HOUR),),
    "source": (Quota(25, _MINUTE), Quota(250, _HOUR)),
    "setup_tests": (Quota(50, _HOUR),),
    "user_creation": (Quota(10, _HOUR),),
    "private_links": (Quota(1, _HOUR),),
}
PAID: Final[Plan] = {
    REQUESTS: (Quota(20_000, _HOUR),),
    "source": (Quota(500, _MINUTE), Quota(5_000, _HOUR)),
    "setup_tests": (Quota(250, _MINUTE), Quota(2_500, _HOUR)),
    "user_creation": (Quota(500, _HOUR),),
    "private_links": (Quota(5, _HOUR),),
}


class Wait(NamedTuple):
    """Why a request may not start yet, in seconds."""

    needed: float = 0.0
    """Until it is allowed at all."""
    advised: float = 0.0
    """Until it fits in with the others: what is left is spread out, and nobody rushes."""


NO_WAIT: Final = Wait()


class Window:
    """One quota, and what has lately been spent of it besides what is in flight."""

    __slots__ = ("_foreign", "_foreign_since", "ended", "free_below", "quota")

    def __init__(self, quota: Quota, ended: Iterable[float] = ()) -> None:
        self.ended: deque[float] = deque(ended)
        self._foreign = 0
        self._foreign_since = -math.inf
        self.change(quota)

    def change(self, quota: Quota) -> None:
        """Take another quota and keep what was counted."""
        self.quota = quota
        self.free_below = quota.limit - quota.limit // RESERVE_SHARE
        """With fewer than so many spent, nothing is slowed."""

    def looks_free(self, in_flight: int) -> bool:
        """Whether one more may surely start at once; cheap, and True may come late."""
        return len(self.ended) + self._foreign + in_flight < self.free_below

    def used(self, now: float, in_flight: int) -> int:
        """How many requests of the window are spent: ours, running ones included, and others'."""
        ended, horizon = self.ended, now - self.quota.seconds
        while ended and ended[0] <= horizon:
            ended.popleft()
        return len(ended) + in_flight + self._foreign_at(now)

    def end(self, now: float) -> None:
        """Count a request that is over; two old ones at most go, so that the cost is even."""
        ended = self.ended
        ended.append(now)
        if ended[0] <= now - self.quota.seconds:
            ended.popleft()
            if ended[0] <= now - self.quota.seconds:
                ended.popleft()

    def learn_remaining(self, remaining: int, now: float, in_flight: int) -> None:
        """
        Take in what the server says is left: less than we know of means that others spent it.

        Of our requests in flight the server has counted some; so it only bounds the others' part.
        """
        ended, spent = self.ended, self.quota.limit - remaining
        all_recent = not ended or ended[0] > now - self.quota.seconds
        if all_recent and not self._foreign and spent <= len(ended) + in_flight:
            # As a rule nobody else spends, and that is no news.
            return
        known = self.used(now, in_flight) - self._foreign_at(now)
        most = spent - len(ended)
        self._foreign = max(0, min(max(self._foreign_at(now), spent - known), most))
        self._foreign_since = now

    def _foreign_at(self, now: float) -> int:
        """What others spent; without news of them it falls out of the window evenly."""
        if not self._foreign:
            return 0
        age = (now - self._foreign_since) / self.quota.seconds
        if age >= 1:
            self._foreign = 0
        return math.ceil(self._foreign * (1 - age)) if self._foreign else 0

    def wait(self, now: float, ahead: int, in_flight: int, last_start: float) -> Wait:
        """How long until one more may start, with so many others before it."""
        limit = self.quota.limit
        left = limit - self.used(now, in_flight)
        free, reserve = left - ahead, limit // RESERVE_SHARE
        if free > reserve or (free > 0 and not reserve):
            return NO_WAIT
        if free <= 0:
            return Wait(needed=self._until_free(1 - free, now))
        # The last part must do until the next request falls out of the window.
        until = (self.ended[0] if self.ended else now) + self.quota.seconds - now
        gap = min(LONGEST_GAP, until / (min(left, reserve) + 1))
        spread_before = ahead - max(0, left - reserve)
        since = last_start if left <= reserve else now
        return Wait(advised=max(0.0, since + gap * (spread_before + 1) - now))

    def _until_free(self, missing: int, now: float) -> float:
        """Seconds until so many have fallen out of the window, ours or others'."""
        waits = [self.quota.seconds]
        if missing <= len(self.ended):
            waits.append(self.ended[missing - 1] + self.quota.seconds - now)
        if missing <= self._foreign_at(now):
            waits.append(missing * self.quota.seconds / self._foreign)
        return min(waits)


class Budget:
    """One budget of the account: its windows, and the pause that a 429 put on it."""

    __slots__ = ("_gap", "_recovers_until", "in_flight", "last_start", "paused_until", "windows")

    def __init__(self, quotas: Iterable[Quota]) -> None:
        self.windows = tuple(Window(quota) for quota in quotas)
        self.in_flight = 0
        self.last_start = -math.inf
        self.paused_until = -math.inf
        self._gap = RELEASE_GAP
        self._recovers_until = -math.inf

    def is_free(self, now: float) -> bool:
        """Whether one more may surely start at once."""
        if now < self._recovers_until:
            return False
        in_flight = self.in_flight
        for window in self.windows:
            if not window.looks_free(in_flight) and self.wait(now, 0) != NO_WAIT:
                return False
        return True

    def wait(self, now: float, ahead: int, waiting: int = 1) -> Wait:
        """How long until one more may start, with so many before it, of so many who wait."""
        needed, advised = self.paused_until - now, 0.0
        if now < self._recovers_until:
            released = max(now, self.paused_until)
            gap = min(self._gap, (self._recovers_until - released) / waiting)
            advised = max(released, self.last_start + gap) + gap * ahead - now
        for window in self.windows:
            wait = window.wait(now, ahead, self.in_flight, self.last_start)
            needed, advised = max(needed, wait.needed), max(advised, wait.advised)
        return Wait(max(0.0, needed), max(0.0, advised))

    def start(self, now: float) -> None:
        """Count a request that starts now."""
        self.in_flight += 1
        self.last_start = now

    def end(self, now: float, *, counts: bool) -> None:
        """Count a request as over; one that the server did not count is given back."""
        self.in_flight -= 1
        if counts:
            for window in self.windows:
                window.end(now)

    def pause(self, until: float) -> None:
        """Let nothing start before; afterwards one after the other, all who wait within a while."""
        self._gap = min([RELEASE_GAP, *(w.quota.seconds / w.quota.limit for w in self.windows)])
        self.paused_until = max(self.paused_until, until)
        self._recovers_until = self.paused_until + RECOVERY

    def change(self, quotas: Iterable[Quota]) -> None:
        """Change the limits and keep what was counted."""
        known = {window.quota.seconds: window for window in self.windows}
        longest = max((window.ended for window in self.windows), key=len, default=deque[float]())
        changed: list[Window] = []
        for quota in quotas:
            window = known.get(quota.seconds) or Window(quota, longest)
            window.change(quota)
            changed.append(window)
        self.windows = tuple(changed)

    def left(self, now: float) -> tuple[int, Quota] | None:
        """What is left of the quota with the least left; None where there is no quota."""
        pairs = [
            (max(0, window.quota.limit - window.used(now, self.in_flight)), window.quota)
            for window in self.windows
        ]
        return min(pairs, key=lambda pair: pair[0], default=None)

    def is_idle(self, now: float) -> bool:
        """Whether nothing is counted, so that forgetting it loses nothing."""
        used = any(window.used(now, self.in_flight) for window in self.windows)
        return not used and not self.in_flight and now >= self._recovers_until


class Account:
    """All budgets of one API key."""

    def __init__(self, plan: Plan, *, learns: bool) -> None:
        self.learns = learns
        self.budgets: dict[str, Budget] = {name: Budget(quotas) for name, quotas in plan.items()}
        self._drawn: dict[tuple[str, ...], tuple[Budget, ...]] = {}

    def of(self, names: tuple[str, ...]) -> tuple[Budget, ...]:
        """The budgets that a call draws from."""
        drawn = self._drawn.get(names)
        if drawn is None:
            known = (name for name in (REQUESTS, *names) if name in self.budgets)
            drawn = self._drawn[names] = tuple(self.budgets[name] for name in known)
        return drawn

    def start_if_free(self, names: tuple[str, ...], now: float) -> bool:
        """Count a request that may surely start at once; else answer False, and count nothing."""
        drawn = self.of(names)
        for budget in drawn:
            if not budget.is_free(now):
                return False
        for budget in drawn:
            budget.start(now)
        return True

    def end(self, names: tuple[str, ...], now: float, *, counts: bool) -> None:
        """Count a request as over; one that the server did not count is given back."""
        for budget in self.of(names):
            budget.end(now, counts=counts)

    def learn(self, limit: int | None, remaining: int | None, now: float) -> None:
        """
        Take in the headers of an answer; they speak of the hourly budget of all requests.

        They are hints: what contradicts itself is ignored.
        """
        if limit is not None and remaining is not None and remaining > limit:
            return
        budget = self.budgets[REQUESTS]
        if not budget.windows:
            return
        if self.learns and limit and limit != budget.windows[-1].quota.limit:
            self.change({**plan_of(limit), REQUESTS: (Quota(limit, _HOUR),)})
        hourly = budget.windows[-1]
        if remaining is not None and hourly.quota.seconds == _HOUR:
            known = min(remaining, hourly.quota.limit)
            hourly.learn_remaining(known, now, budget.in_flight)

    def change(self, plan: Plan) -> None:
        """Change the limits and keep what was counted."""
        for name, quotas in plan.items():
            self.budgets[name].change(quotas)

    def refused_by(self, names: tuple[str, ...], remaining: int | None) -> tuple[Budget, ...]:
        """Which budgets a 429 speaks of: the particular ones, unless all requests are used up."""
        drawn = self.of(names)
        return drawn[1:] if len(drawn) > 1 and remaining != 0 else drawn[:1]

    def is_idle(self, now: float) -> bool:
        """Whether nothing is counted, so that forgetting it loses nothing."""
        return all(budget.is_idle(now) for budget in self.budgets.values())


def plan_of(limit: int) -> Plan:
    """The plan of an account that may send so many requests an hour."""
    return TRIAL if limit <= TRIAL[REQUESTS][0].limit else PAID
