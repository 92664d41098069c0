"""
PURE: what one process has sent by the quotas of an account, for a store that may lose it.

Nothing here waits or speaks to a server. A request is known by an id from the moment in which the
process asks for it until its windows are over.
"""

from __future__ import annotations

import contextlib
import secrets
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Final

import attrs

from fivetran_async._quota.account import NO_REPORT, QuotaReport

_KEPT_NEWS: Final = 10_000
_PART: Final = 500
"""Finished requests in one report to the store."""


@attrs.frozen
class Finished:
    """A finished request that the store must learn of, and when it ended on the process's clock."""

    id: str
    budgets: tuple[str, ...]
    at: float
    counts: bool = attrs.field(kw_only=True)
    report: QuotaReport = attrs.field(kw_only=True, default=NO_REPORT)


class Ledger:
    """
    The requests of one process.

    Attributes:
        born: The generation of the store's keys that this process last synchronised with.
        is_synchronised: False if the store may not know everything.
        news: Finished requests that the store has not learned of.
    """

    def __init__(self) -> None:
        self.born = ""
        self.is_synchronised = False
        self.news: deque[Finished] = deque()
        self._process = secrets.token_hex(8)
        self._serial = 0
        self._asking: set[str] = set()
        self._running: dict[str, tuple[str, ...]] = {}
        self._counted: deque[Finished] = deque()
        self._is_lost = True

    def new_id(self) -> str:
        """Return an id for a request."""
        self._serial += 1
        return f"{self._process}-{self._serial}"

    @contextlib.contextmanager
    def asking(self) -> Generator[str]:
        """Yield an id that the store is asked about, and may already count."""
        id = self.new_id()
        self._asking.add(id)
        try:
            yield id
        finally:
            self._asking.discard(id)

    def run(self, id: str, budgets: tuple[str, ...]) -> str:
        """Note a request in flight."""
        self._running[id] = budgets
        return id

    def give_back(self, id: str, budgets: tuple[str, ...], now: float) -> None:
        """Note that a request which the store may count is not sent."""
        self.news.append(Finished(id, budgets, now, counts=False))

    def finish(self, finished: Finished) -> None:
        """Note the end of a request in flight."""
        del self._running[finished.id]
        if finished.counts:
            self._counted.append(attrs.evolve(finished, report=NO_REPORT))
        self.news.append(finished)
        if len(self.news) > _KEPT_NEWS:
            # What counts is kept apart; only an old pause or header is lost.
            self.news.popleft()
            self._is_lost, self.is_synchronised = True, False

    def take_news(self) -> list[Finished]:
        """Take the oldest news out, as much as one report holds."""
        return [self.news.popleft() for _ in range(min(_PART, len(self.news)))]

    def put_back(self, news: list[Finished]) -> None:
        """Put news back that did not arrive."""
        self.news.extendleft(reversed(news))

    def forget_old(self, horizon: float) -> None:
        """Forget the requests that ended before."""
        while self._counted and self._counted[0].at < horizon:
            self._counted.popleft()

    def heard_of(self, born: str) -> None:
        """Note the generation of the store's keys; a new one knows nothing of this process."""
        if born != self.born:
            self._is_lost, self.is_synchronised = True, False

    def unknown_parts(self) -> Iterator[list[Finished]]:
        """Yield the counted requests of the windows, if the store lost them."""
        counted = list(self._counted) if self._is_lost else []
        for start in range(0, len(counted), _PART):
            yield counted[start : start + _PART]

    def known(
        self, describe: Callable[[str, tuple[str, ...]], dict[str, object]]
    ) -> dict[str, object]:
        """Return what is in flight: all else that seems to run in this process's name is not."""
        return {
            "process": self._process,
            "before": self._serial + 1,
            "running": [describe(id, budgets) for id, budgets in self._running.items()],
            "asking": list(self._asking),
            "lost": self._is_lost and bool(self.born),
        }

    def synchronised(self, born: str, *, whole: bool) -> None:
        """Note that the store of this generation knows everything, if all parts arrived in it."""
        self.born, self.is_synchronised = born, whole
        self._is_lost = not whole
