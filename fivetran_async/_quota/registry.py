"""One limiter per API key and host, shared by all sessions of this process."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast
from urllib.parse import urlsplit

import attrs

from fivetran_async._quota.account import AccountQuotas
from fivetran_async._quota.limiter import InProcessLimiter
from fivetran_async._quota.plans import PAID, TRIAL, Quota, QuotaPlan
from fivetran_async._quota.protocol import RateLimiter, RateLimiterFactory, Unlimited
from fivetran_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from fivetran_async._clock import Clock

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def _check_plan(_: object, __: object, plan: object) -> None:
    if plan not in {"learn", "trial", "paid"}:
        raise InvalidArgumentError(f"plan must be 'learn', 'trial' or 'paid', not {plan!r}.")


def _check_quotas(_: object, __: object, quotas: Mapping[str, object]) -> None:
    for name, own in quotas.items():
        if name not in PAID:
            raise InvalidArgumentError(
                f"quotas has an unknown budget {name!r}; the budgets are {', '.join(PAID)}."
            )
        given = cast("tuple[object, ...]", own)
        if not isinstance(own, tuple) or not all(isinstance(one, Quota) for one in given):
            raise InvalidArgumentError(f"quotas[{name!r}] must be a tuple of Quota, not {own!r}.")


@attrs.frozen(kw_only=True)
class RateLimits:
    """
    The quotas of the account, by which calls are paced.

    The vendor counts per account, over rolling windows: all requests, those that touch a source,
    setup tests, new users, new private links. Calls start at once while a budget lasts; the last
    part is spread out, calls beyond it wait (see `RetryPolicy.max_local_wait`), and a 429 pauses
    its budget for every call. All sessions of an API key in this process draw from the same
    budgets; if their limits differ, those given last hold for all.

    Attributes:
        plan: `learn` assumes a paid account until the `X-Rate-Limit` header of a response names the
            plan; `trial` and `paid` are fixed.
        quotas: Your own, by budget: `requests`, `source`, `setup_tests`, `user_creation`,
            `private_links`; these win over the plan's. An empty tuple turns a budget off.
    """

    plan: Literal["learn", "trial", "paid"] = attrs.field(default="learn", validator=_check_plan)
    quotas: Mapping[str, tuple[Quota, ...]] = attrs.field(
        factory=dict[str, tuple[Quota, ...]], hash=False, validator=_check_quotas
    )

    def all_quotas(self) -> QuotaPlan:
        """Return the quotas of every budget; those of the paid plan until the plan is learned."""
        return {**(TRIAL if self.plan == "trial" else PAID), **self.quotas}

    @property
    def learns(self) -> bool:
        """True if the headers of responses decide the plan."""
        return self.plan == "learn" and not self.quotas

    def account(self) -> AccountQuotas:
        """Return a new count of these quotas."""
        return AccountQuotas(self.all_quotas(), learns=self.learns)

    def for_account(self, account_key: str, *, base_url: str, clock: Clock) -> InProcessLimiter:
        """Return the limiter of an API key: one for all its sessions in this process."""
        return _registry.get((account_key, host_of(base_url), id(clock)), self, clock)


def host_of(base_url: str) -> tuple[str, int | None]:
    """Return the host and port of a URL, the same for each way to write them."""
    parts = urlsplit(base_url)
    host = (parts.hostname or "").rstrip(".")
    with contextlib.suppress(ValueError):
        host = ipaddress.ip_address(host).compressed
    return host, parts.port or _DEFAULT_PORTS.get(parts.scheme)


_Entry: TypeAlias = tuple[RateLimits, InProcessLimiter]


class _Registry:
    """
    One limiter per API key and host.

    A limiter lives as long as a session holds it, and beyond until its windows are empty: programs
    that open a session per job keep within the quota too.
    """

    _FIRST_SWEEP: Final = 8

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[object, _Entry] = {}
        self._sweep_at = self._FIRST_SWEEP
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        # A thread of the parent may hold it.
        self._lock = threading.Lock()

    def get(self, key: object, limits: RateLimits, clock: Clock) -> InProcessLimiter:
        """Return the limiter of a key; limits other than the default ones hold from here on."""
        with self._lock:
            known = self._known.get(key)
            if known is None:
                self._sweep()
                limiter = InProcessLimiter(limits.account(), clock)
            else:
                before, limiter = known
                if limits in (before, RateLimits()):
                    return limiter
                limiter.change(limits.all_quotas(), learns=limits.learns)
            self._known[key] = limits, limiter
            return limiter

    def _sweep(self) -> None:
        """Forget the limiters that count nothing and that no session holds."""
        if len(self._known) < self._sweep_at:
            return
        for key in list(self._known):
            limits, limiter = self._known[key]
            if limiter.is_idle():
                held = weakref.ref(limiter)
                del self._known[key], limiter
                # Alive without the registry: a session holds it, and may use it at any time.
                limiter_in_use = held()
                if limiter_in_use is not None:
                    self._known[key] = limits, limiter_in_use
        self._sweep_at = 2 * len(self._known) + self._FIRST_SWEEP


_registry: Final = _Registry()


def limiter_of(
    limits: RateLimiterFactory | RateLimiter | None,
    *,
    account_key: str,
    base_url: str,
    clock: Clock,
) -> RateLimiter:
    """Return the limiter that a session was given as `rate_limits=`, for its API key."""
    if limits is None:
        return Unlimited()
    if isinstance(limits, RateLimiterFactory):
        return limits.for_account(account_key, base_url=base_url, clock=clock)
    return limits
