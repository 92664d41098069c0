"""The settings of waits, and how often they poll."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import attrs

from fivetran_async._arguments import check_seconds, check_whole_number
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
from fivetran_async.options import is_a

DAY: Final = 86_400.0

GROWTH: Final = 0.2
"""A wait polls after this part of the time it has lasted."""
JITTER: Final = 0.2

IfPaused: TypeAlias = Literal["return", "resume"]
IfBroken: TypeAlias = Literal["return", "sync"]
IfRescheduled: TypeAlias = Literal["wait", "retrigger", "return"]


SHORTEST: Final = 0.1
"""Seconds from one poll to the next that `min_interval` may ask for."""
LONGEST_PAUSE: Final = 3600.0
"""Seconds: the longest window of any quota, and so of any `Retry-After` that can be meant."""


def _seconds(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is not a positive and finite number: every wait has to end."""
    check_seconds(attribute.name, value)


def _not_too_short(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if value < SHORTEST:
        raise InvalidArgumentError(
            f"{attribute.name} must be at least {SHORTEST} seconds, not {value!r}."
        )


def _not_below_min(owner: SyncPolicy, _: object, value: float) -> None:
    if value < owner.min_interval:
        raise InvalidArgumentError(
            f"max_interval must not be less than min_interval ({owner.min_interval!r} seconds), "
            f"not {value!r}."
        )


def _count(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    check_whole_number(attribute.name, value, at_least=0)


@attrs.frozen(kw_only=True)
class SyncPolicy:
    """
    How syncs are awaited; all times in seconds.

    Attributes:
        timeout: How long a wait may last, a day by default. It covers the first read, the trigger,
            the polls and the sync history. Then the outcome is `timed_out`; the sync goes on.
        start_timeout: How long a triggered sync may take to begin; then the outcome is `not_run`.
        min_interval: The shortest time between two polls of a session, 0.1 at least. All waits of a
            session share their polls.
        max_interval: The longest time between two polls of a wait. In between, a wait polls after a
            fifth of the time that it has lasted, so that the end of a short sync is noticed soon
            and a long sync costs few requests.
        if_paused: `return` triggers nothing, and the outcome is `paused`; `resume` resumes the
            connection first.
        if_broken: `return` triggers nothing, and the outcome is `broken`; `sync` triggers, which
            clears the state of a connection that was repaired.
        if_rescheduled: `retrigger` triggers a rescheduled sync when it is due and does not begin by
            itself, as on a manual schedule; `wait` leaves it to the schedule, and returns
            `rescheduled` if that is manual; `return` returns `rescheduled` at once.
        max_retriggers: How many times a rescheduled sync is triggered.
        history: Read the sync history for the id, the start and the reason of each sync that ended,
            where the account has it: one request for each. With False, it is read only to decide
            about a sync that ended in the same second in which the trigger was accepted.
    """

    timeout: float = attrs.field(default=DAY, validator=_seconds)
    start_timeout: float = attrs.field(default=300.0, validator=_seconds)
    min_interval: float = attrs.field(default=5.0, validator=[_seconds, _not_too_short])
    max_interval: float = attrs.field(default=60.0, validator=[_seconds, _not_below_min])
    if_paused: IfPaused = attrs.field(default="return", validator=is_a(IfPaused))
    if_broken: IfBroken = attrs.field(default="return", validator=is_a(IfBroken))
    if_rescheduled: IfRescheduled = attrs.field(default="retrigger", validator=is_a(IfRescheduled))
    max_retriggers: int = attrs.field(default=3, validator=_count)
    history: bool = attrs.field(default=True, validator=is_a(bool))

    def interval(self, age: float, chance: float = 0.0) -> float:
        """Return the seconds to the next poll of a wait of a certain age; `chance` is 0 to 1."""
        wanted = min(max(self.min_interval, age * GROWTH), self.max_interval)
        return wanted * (1 + JITTER * chance)

    def lasting(self, timeout: float | None) -> SyncPolicy:
        """Return the same policy with another timeout, if one is given."""
        return self if timeout is None else attrs.evolve(self, timeout=timeout)


DEFAULT_POLICY: Final = SyncPolicy()
MANY_POLICY: Final = SyncPolicy(history=False)
"""For hundreds of syncs: reading the history would take a request for each."""


def is_passing(error: FivetranError) -> bool:
    """True if a failed poll proves nothing about the sync: the next one may succeed."""
    if isinstance(error, CertificateError | AmbiguousOutcomeError):
        return False
    return bool(error.retryable) or isinstance(
        error, RateLimitedError | ServerError | TransportError | ResponseFormatError
    )


def backoff_delay(error: FivetranError, failures: int, policy: SyncPolicy) -> float:
    """Return the seconds to wait after some failures in a row; `Retry-After` at least."""
    own = min(policy.min_interval * 2.0 ** min(failures - 1, 16), policy.max_interval)
    return max(own, min(error.retry_after or 0.0, LONGEST_PAUSE))
