"""The quotas of the vendor's plans, and what a quota is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import attrs

from fivetran_async._arguments import check_seconds
from fivetran_async._codec._serializable import Serializable
from fivetran_async.errors import InvalidArgumentError

REQUESTS: Final = "requests"
"""The budget that every call draws from."""

MINUTE: Final = 60.0
HOUR: Final = 3600.0
"""Seconds of the vendor's longest window."""

_PLAUSIBLE_LIMITS: Final = range(50, 1_000_001)
"""Hourly limits that an `X-Rate-Limit` header can name; the vendor's own are 500 and 20,000."""


_SHORTEST: Final = 0.001
"""Seconds of a window that clocks can measure."""


def _at_least_one(_: object, __: object, limit: Any) -> None:  # noqa: ANN401 - attrs infers from it
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidArgumentError(f"limit must be an int of 1 or more, not {limit!r}.")


def _positive(_: object, __: object, seconds: Any) -> None:  # noqa: ANN401
    check_seconds("seconds", seconds, at_least=_SHORTEST)


@attrs.frozen
class Quota(Serializable):
    """At most `limit` requests in any `seconds` seconds."""

    limit: int = attrs.field(validator=_at_least_one)
    seconds: float = attrs.field(validator=_positive)

    def __str__(self) -> str:
        return f"{self.limit:,} requests in {self.seconds:g} s"


QuotaPlan: TypeAlias = Mapping[str, tuple[Quota, ...]]

TRIAL: Final[QuotaPlan] = {
    REQUESTS: (Quota(500, HOUR),),
    "source": (Quota(25, MINUTE), Quota(250, HOUR)),
    "setup_tests": (Quota(50, HOUR),),
    "user_creation": (Quota(10, HOUR),),
    "private_links": (Quota(1, HOUR),),
}
PAID: Final[QuotaPlan] = {
    REQUESTS: (Quota(20_000, HOUR),),
    "source": (Quota(500, MINUTE), Quota(5_000, HOUR)),
    "setup_tests": (Quota(250, MINUTE), Quota(2_500, HOUR)),
    "user_creation": (Quota(500, HOUR),),
    "private_links": (Quota(5, HOUR),),
}


def plan_of(limit: int) -> QuotaPlan:
    """Return the plan of an account with this hourly limit of all requests."""
    quotas = TRIAL if limit <= TRIAL[REQUESTS][0].limit else PAID
    return {**quotas, REQUESTS: (Quota(limit, HOUR),)}


def is_plausible(limit: int) -> bool:
    """True if an account can have this hourly limit: a junk header must not stop a process."""
    return limit in _PLAUSIBLE_LIMITS


def longest_window(plan: QuotaPlan) -> float:
    """Return the seconds of the longest window of all quotas; an hour without any quota."""
    return max((quota.seconds for quotas in plan.values() for quota in quotas), default=HOUR)
