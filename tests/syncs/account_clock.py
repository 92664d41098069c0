"""A session's clock that moves the account's clock: syncs run while a task sleeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.fake_clock import FakeClock

if TYPE_CHECKING:
    from fivetran_async.testing import FakeFivetran


class AccountClock(FakeClock):
    """
    Time that passes only while a task sleeps, here and in the account.

    The two agree about how much time goes by, and about nothing else: their dates differ by years.
    """

    def __init__(self, fake: FakeFivetran) -> None:
        super().__init__()
        self._fake = fake
        self._carried = self.monotonic()
        self.began = self.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.monotonic() - self.began

    def advance(self, seconds: float) -> None:
        """Let time pass for both."""
        super().advance(seconds)
        self._carry()

    async def sleep(self, seconds: float) -> None:
        """Sleep, from one thing that happens in the account to the next."""
        wake_at = self.monotonic() + seconds
        while (left := wake_at - self.monotonic()) > 0:
            due = self._fake.clock.next_due()
            # A nudge, lest rounding stops just before what is due.
            await super().sleep(left if due is None else min(left, due + 1e-6))
            self._carry()

    def _carry(self) -> None:
        behind = self.monotonic() - self._carried
        self._carried = self.monotonic()
        self._fake.advance(max(behind, 0.0))
