"""
PURE: the rolling windows of one budget, counted as the vendor counts them.

Nothing here waits or reads a clock. A request is counted from its start until a whole window after
its end: it can have reached the server at any moment in between, and no window of the server may
hold too many.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from fivetran_async._quota.plans import HOUR, Quota

RESERVE_SHARE: Final = 20
"""One part in twenty, the last of a quota, is spread over the rest of the window."""

LONGEST_GAP: Final = 10.0
"""Seconds: spreading the last part never holds two starts further apart."""

RELEASE_GAP: Final = 0.25
"""Seconds between two starts after a pause, or less where the quota itself allows more."""

RECOVERY: Final = 30.0
"""Seconds after a pause in which calls start one after the other, so that waiters do not rush."""

PROBE_TIME: Final = 5.0
"""Seconds for which the others wait for the response to the first request after a pause."""


class QuotaWait(NamedTuple):
    """Seconds until a request may start, by reason."""

    needed: float = 0.0
    """Until the quota allows it."""
    advised: float = 0.0
    """Until it fits in with the others: the last part is spread out, and waiters do not rush."""


NO_WAIT: Final = QuotaWait()
_NEVER: Final = -math.inf


class Window:
    """One quota, and what was spent of it lately, besides the requests in flight."""

    __slots__ = ("_foreign_since", "ended", "foreign", "free_below", "quota")

    def __init__(self, quota: Quota, ended: Iterable[float] = ()) -> None:
        self.ended: deque[float] = deque(ended)
        self.foreign = 0
        self._foreign_since = -math.inf
        self.change(quota)

    def change(self, quota: Quota) -> None:
        """Take another quota and keep the count."""
        self.quota = quota
        self.free_below = quota.limit - quota.limit // RESERVE_SHARE
        """While fewer requests than this are spent, nothing is slowed."""

    def used(self, now: float, in_flight: int) -> int:
        """Count the requests spent: ours, those in flight included, and other clients'."""
        return self.used_here(now, in_flight) + self._foreign_at(now)

    def used_here(self, now: float, in_flight: int) -> int:
        """Count the requests that this process spent, those in flight included."""
        ended, horizon = self.ended, now - self.quota.seconds
        while ended and ended[0] <= horizon:
            ended.popleft()
        return len(ended) + in_flight

    def end(self, now: float) -> None:
        """Count a finished request; at most two old ones are dropped, so that the cost is even."""
        ended, horizon = self.ended, now - self.quota.seconds
        ended.append(now)
        if ended[0] <= horizon:
            ended.popleft()
            if ended[0] <= horizon:
                ended.popleft()

    def learn_remaining(self, remaining: int, now: float, in_flight: int) -> None:
        """
        Take in what the server reports as left: less than expected means that others spent it.

        The server has counted some of the requests in flight, so its figure only bounds the part
        of the others.
        """
        ended, quota = self.ended, self.quota
        spent = quota.limit - remaining
        if (
            not self.foreign
            and spent <= len(ended) + in_flight
            and (not ended or ended[0] > now - quota.seconds)
        ):
            # The usual case: no other client uses the account.
            return
        spent = max(0, spent)
        known = self.used_here(now, in_flight)
        most = spent - len(ended)
        self.foreign = max(0, min(max(self._foreign_at(now), spent - known), most))
        self._foreign_since = now

    def learn_used(self, used: int, now: float, in_flight: int) -> None:
        """Take in an exact count of the requests that all clients have spent."""
        self.foreign = max(0, used - self.used_here(now, in_flight))
        self._foreign_since = now

    def _foreign_at(self, now: float) -> int:
        """Estimate what others spent: without news it falls out of the window evenly."""
        if not self.foreign:
            return 0
        age = (now - self._foreign_since) / self.quota.seconds
        if age >= 1:
            self.foreign = 0
        return math.ceil(self.foreign * (1 - age)) if self.foreign else 0

    def wait(self, now: float, ahead: int, in_flight: int, last_start: float) -> QuotaWait:
        """Return how long one more waits behind `ahead` others."""
        limit = self.quota.limit
        used = self.used(now, in_flight)
        left = limit - used
        free, reserve = left - ahead, limit // RESERVE_SHARE
        if free > reserve or (free > 0 and not reserve):
            return NO_WAIT
        if free <= 0:
            return QuotaWait(needed=self._until_free(1 - free, used, now))
        # The last part must do until the next request falls out of the window.
        until = (self.ended[0] if self.ended else now) + self.quota.seconds - now
        gap = min(LONGEST_GAP, until / (min(left, reserve) + 1))
        spread_before = ahead - max(0, left - reserve)
        since = last_start if left <= reserve else now
        return QuotaWait(advised=max(0.0, since + gap * (spread_before + 1) - now))

    def wait_here(self, now: float, ahead: int, in_flight: int) -> float:
        """Return the seconds that one more must wait by the count of this process alone."""
        used = self.used_here(now, in_flight)
        free = self.quota.limit - used - ahead
        return 0.0 if free > 0 else self._until_free(1 - free, used, now, others=False)

    def _until_free(self, missing: int, used: int, now: float, *, others: bool = True) -> float:
        """Return the seconds until `missing` requests have fallen out of the window."""
        seconds = self.quota.seconds
        # A line longer than the quota is served in rounds, each a window after the one before.
        rounds = max(0, math.ceil((missing - used) / self.quota.limit))
        missing -= rounds * self.quota.limit
        if missing <= 0:
            return rounds * seconds
        waits = [seconds]
        if missing <= len(self.ended):
            waits.append(self.ended[missing - 1] + seconds - now)
        if others and missing <= self._foreign_at(now):
            waits.append(missing * seconds / self.foreign)
        return rounds * seconds + min(waits)


class CountedBudget:
    """One budget of the account: its windows, and the pause that a 429 put on it."""

    __slots__ = (
        "_gap",
        "_probe_due",
        "_probe_until",
        "_recovers_until",
        "in_flight",
        "last_start",
        "paused_until",
        "windows",
    )

    def __init__(self, quotas: Iterable[Quota]) -> None:
        self.windows = tuple(Window(quota) for quota in quotas)
        self.in_flight = 0
        self.last_start = -math.inf
        self.paused_until = -math.inf
        self._gap = RELEASE_GAP
        self._recovers_until = -math.inf
        self._probe_due = False
        self._probe_until = -math.inf

    @property
    def longest(self) -> float:
        """Seconds of its longest window; an hour if it has no quota."""
        return max((window.quota.seconds for window in self.windows), default=HOUR)

    def is_free(self, now: float) -> bool:
        """True if one more may start at once."""
        if now < self._recovers_until:
            return False
        in_flight = self.in_flight
        for window in self.windows:
            # Cheap, and sometimes False although it may.
            looks_free = len(window.ended) + window.foreign + in_flight < window.free_below
            if not looks_free and self.wait(now, 0) != NO_WAIT:
                return False
        return True

    def wait(self, now: float, ahead: int, waiting: int = 1) -> QuotaWait:
        """Return how long one more waits, behind `ahead` of the `waiting` calls in line."""
        needed, advised = self.paused_until - now, self._advised_after_pause(now, ahead, waiting)
        for window in self.windows:
            wait = window.wait(now, ahead, self.in_flight, self.last_start)
            needed, advised = max(needed, wait.needed), max(advised, wait.advised)
        return QuotaWait(max(0.0, needed), max(0.0, advised))

    def wait_here(self, now: float, ahead: int, waiting: int = 1) -> QuotaWait:
        """Return the same by the count of this process alone, without what others may spend."""
        needed = max([self.paused_until - now, 0.0, *(
            window.wait_here(now, ahead, self.in_flight) for window in self.windows
        )])  # fmt: skip
        return QuotaWait(needed, self._advised_after_pause(now, ahead, waiting))

    def _advised_after_pause(self, now: float, ahead: int, waiting: int) -> float:
        if now >= self._recovers_until:
            return 0.0
        released = max(now, self.paused_until)
        gap = min(self._gap, (self._recovers_until - released) / waiting)
        return max(0.0, self._probe_until - now,
                   max(released, self.last_start + gap) + gap * ahead - now)  # fmt: skip

    def start(self, now: float) -> None:
        """Count a request that starts now."""
        self.in_flight += 1
        self.last_start = now
        if self._probe_due and now >= self.paused_until:
            self._probe_due, self._probe_until = False, now + PROBE_TIME

    def end(self, now: float, *, counts: bool) -> None:
        """Count a request as finished; one that the server did not count is given back."""
        self.in_flight -= 1
        self._probe_until = _NEVER
        if counts:
            for window in self.windows:
                window.end(now)

    def pause(self, now: float, seconds: float) -> None:
        """
        Let nothing start for so long; then one request, and after its response the others.

        A pause ends with the longest window at the latest: by then no quota can be used up, and a
        server that asks for more is wrong.
        """
        self._gap = min([RELEASE_GAP, *(w.quota.seconds / w.quota.limit for w in self.windows)])
        self.paused_until = max(self.paused_until, now + min(seconds, self.longest))
        self._recovers_until = self.paused_until + RECOVERY
        self._probe_due, self._probe_until = True, -math.inf

    def change(self, quotas: Iterable[Quota]) -> None:
        """Change the limits and keep the count."""
        known = {window.quota.seconds: window for window in self.windows}
        longest = max((window.ended for window in self.windows), key=len, default=deque[float]())
        changed: list[Window] = []
        for quota in quotas:
            window = known.get(quota.seconds) or Window(quota, longest)
            window.change(quota)
            changed.append(window)
        self.windows = tuple(changed)

    def left(self, now: float) -> tuple[int, Quota] | None:
        """Return what is left of the quota with the least left; None where there is no quota."""
        pairs = [
            (max(0, window.quota.limit - window.used(now, self.in_flight)), window.quota)
            for window in self.windows
        ]
        return min(pairs, key=lambda pair: pair[0], default=None)

    def is_idle(self, now: float) -> bool:
        """True if nothing is counted, so that forgetting the budget loses nothing."""
        used = any(window.used(now, self.in_flight) for window in self.windows)
        return not used and not self.in_flight and now >= self._recovers_until
