"""What a wait may be told, and how often it looks."""

from __future__ import annotations

import math
from typing import Any, Final, Literal, TypeAlias

import attrs

from fivetran_async.errors import (
    AmbiguousOutcomeError,
    CertificateError,
    FivetranError,
    InvalidArgumentError,
    RateLimitedError,
    ResponseFormatError,
    ServerError,
    TransportError,
)
from fivetran_async.limits import check_whole_number
from fivetran_async.options import is_a

DAY: Final = 86_400.0

GROWTH: Final = 0.2
"""A wait looks again after this part of the time it has lasted."""
JITTER: Final = 0.2

IfPaused: TypeAlias = Literal["return", "resume"]
IfBroken: TypeAlias = Literal["return", "sync"]
IfRescheduled: TypeAlias = Literal["wait", "retrigger", "return"]


def _seconds(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise InvalidArgumentError(f"{attribute.name} must be more than 0 seconds, not {value!r}.")
    if not math.isfinite(value):
        raise InvalidArgumentError(f"{attribute.name} must be finite: every wait has to end.")


def _not_below_min(owner: SyncPolicy, _: object, value: float) -> None:
    if value < owner.min_interval:
        raise InvalidArgumentError("max_interval must not be less than min_interval.")


def _count(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    check_whole_number(attribute.name, value, at_least=0)


@attrs.frozen(kw_only=True)
class SyncPolicy:
    """
    How syncs are awaited; all times in seconds.

    Attributes:
        timeout: How long to wait after the trigger, a day unless given; then the outcome is
            `timed_out`. The sync itself goes on.
        start_timeout: How long a triggered sync may take to begin, until it counts as `not_run`.
        min_interval: The shortest time from one look to the next, for all waits of a session
            together.
        max_interval: The longest. In between, a wait looks again after a fifth of the time that it
            has lasted, so that a short sync is noticed soon and a long one costs few requests.
        if_paused: `return` triggers nothing, and the outcome is `paused`; `resume` resumes first.
        if_broken: `return` triggers nothing, and the outcome is `broken`; `sync` tries, which is
            what clears the state of a connection that was repaired.
        if_rescheduled: `retrigger` triggers again when the time has come and the sync has not begun
            by itself, as it does not on a manual schedule; `wait` leaves it to the schedule, and
            returns `rescheduled` if that is manual; `return` returns `rescheduled` at once.
        max_retriggers: How often to trigger again.
        history: Ask the sync history for the sync's id and reason, where the account has it; one
            request for each sync that ended.
    """

    timeout: float = attrs.field(default=DAY, validator=_seconds)
    start_timeout: float = attrs.field(default=300.0, validator=_seconds)
    min_interval: float = attrs.field(default=5.0, validator=_seconds)
    max_interval: float = attrs.field(default=60.0, validator=[_seconds, _not_below_min])
    if_paused: IfPaused = attrs.field(default="return", validator=is_a(IfPaused))
    if_broken: IfBroken = attrs.field(default="return", validator=is_a(IfBroken))
    if_rescheduled: IfRescheduled = attrs.field(default="retrigger", validator=is_a(IfRescheduled))
    max_retriggers: int = attrs.field(default=3, validator=_count)
    history: bool = attrs.field(default=True, validator=is_a(bool))

    def interval(self, age: float, chance: float = 0.0) -> float:
        """Seconds until the next look of a wait that has lasted `age`; `chance` is 0 to 1."""
        wanted = min(max(self.min_interval, age * GROWTH), self.max_interval)
        return wanted * (1 + JITTER * chance)

    def lasting(self, timeout: float | None) -> SyncPolicy:
        """Return the same policy with another timeout, if one is given."""
        return self if timeout is None else attrs.evolve(self, timeout=timeout)


DEFAULT_POLICY: Final = SyncPolicy()
MANY_POLICY: Final = SyncPolicy(history=False)
"""For hundreds of syncs, whose histories would take a request each."""


def is_passing(error: FivetranError) -> bool:
    """Whether a failed look says nothing about the sync: the next one may well succeed."""
    if isinstance(error, CertificateError | AmbiguousOutcomeError):
        return False
    return bool(error.retryable) or isinstance(
        error, RateLimitedError | ServerError | TransportError | ResponseFormatError
    )


def backoff_delay(error: FivetranError, failures: int, policy: SyncPolicy) -> float:
    """Seconds until the next try after so many failures in a row; never less than it was told."""
    own = min(policy.min_interval * 2.0 ** min(failures - 1, 16), policy.max_interval)
    return max(own, error.retry_after or 0.0)
