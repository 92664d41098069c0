"""A caller that waits, and the alarm that ends its wait in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

import attrs

from fivetran_async._clock import Timer, timer, timer_time
from fivetran_async._http.observing import Activity, current_activity
from fivetran_async.errors import FivetranError
from fivetran_async.syncs._deadline import Deadline
from fivetran_async.syncs._policy import SyncPolicy
from fivetran_async.syncs._watch import Step, Watch, seconds_between

if TYPE_CHECKING:
    from datetime import datetime

    from fivetran_async._clock import Clock
    from fivetran_async._http.transport import Transport
    from fivetran_async.resources.connection_models import Connection
    from fivetran_async.syncs._outcome import SyncVerdict
    from fivetran_async.syncs._reads import Dated

LAST_LOOK: Final = 0.5
"""Seconds that the last poll of a wait may take after its deadline."""


@attrs.define(eq=False, kw_only=True)
class Wait:
    """
    One caller that waits for the end of a sync.

    It is over once `verdict` or `error` is set; then `on_end` is called.

    Attributes:
        origin: When its age was 0, on the clock that never steps.
        deadline: When it times out.
        added_in: The number of the round of polls that was under way when the wait began: records
            of that round may be older than the trigger.
        heard_in: The number of that round when the latest webhook event about it came.
        seen: The record from the last read; `dated` is the same with the time of the read.
        handed_over: Whether another process began it, and its age is not known yet.
        keeps_timeout: Whether it has the timeout with which it began.
        remote: Whether another process polls for it.
        activity: The awaited sync, for hooks.
        question: Whether the history has to decide, and whether the wait is over if it cannot.
    """

    watch: Watch
    policy: SyncPolicy
    origin: float
    deadline: Deadline = attrs.field(repr=False)
    transport: Transport = attrs.field(repr=False)
    on_end: Callable[[Wait], None] = attrs.field(repr=False)
    activity: Activity | None = attrs.field(factory=current_activity.get, repr=False)
    added_in: int = 0
    heard_in: int = 0
    seen: Connection | None = attrs.field(default=None, repr=False)
    dated: Dated | None = attrs.field(default=None, repr=False)
    due: float = 0.0
    handed_over: bool = False
    keeps_timeout: bool = False
    remote: bool = False
    before_trigger: Watch | None = attrs.field(default=None, repr=False)
    question: Step | None = attrs.field(default=None, repr=False)
    verdict: SyncVerdict | None = None
    error: FivetranError | None = None

    @property
    def connection_id(self) -> str:
        """The connection that syncs."""
        return self.watch.connection_id

    @property
    def group_id(self) -> str:
        """The group of the connection; "" until it was read."""
        return self.seen.group_id if self.seen else ""

    @property
    def is_over(self) -> bool:
        """True if it has ended."""
        return self.verdict is not None or self.error is not None

    def age(self, now: float) -> float:
        """Return the seconds since the trigger."""
        return now - self.origin

    def take_over(self, at: datetime | None, clock: Clock) -> None:
        """Count its age and the timeout that it keeps by the server's time of its first record."""
        self.handed_over = False
        age = seconds_between(self.watch.zero_at, at)
        self.origin = clock.monotonic() - age
        if self.keeps_timeout:
            self.deadline = Deadline(clock, self.policy.timeout - self.watch.spent - age)


class Alarm:
    """
    Ends waits that time out during a round of polls, which may hang for longer.

    Calls time out by the clock of timers, so that is the one by which it rings.
    """

    def __init__(self, clock: Clock, expire: Callable[[float, float], float | None]) -> None:
        """Call `expire` with the begin of the round and the time now; it returns when to ring."""
        self._clock = clock
        self._expire = expire
        self._began = clock.monotonic()
        self._base = self._began - timer_time(clock)
        self._handle: Timer | None = None

    def __enter__(self) -> Self:
        self.ring()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def ring(self) -> None:
        """End what has timed out, and set the alarm for the next one."""
        self._stop()
        now = max(self._base + timer_time(self._clock), self._clock.monotonic())
        left = self._expire(self._began, now)
        self._handle = None if left is None else timer(self._clock, left, self.ring)

    def _stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
