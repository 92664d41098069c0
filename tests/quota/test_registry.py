"""Which sessions share a limiter, and for how long."""

from __future__ import annotations

import gc
import os
import signal
import threading
import warnings
import weakref

import pytest

from fivetran_async import AsyncFivetran, Quota, RateLimits
from fivetran_async._clock import SYSTEM_CLOCK
from fivetran_async._quota.patience import PATIENT
from fivetran_async._quota.registry import _Registry, _registry, host_of
from fivetran_async.limits import QuotaReport
from support.fake_clock import FakeClock

HOST = "https://api.fivetran.com"


def session(key: str, base_url: str = HOST) -> AsyncFivetran:
    """Return a session of a key, with quotas by default."""
    return AsyncFivetran(key, "secret", base_url=base_url)


def test_sessions_of_a_key_share_a_limiter_whatever_other_keys_do() -> None:
    """
    A session that was idle for an hour, and a new one of its key, still have one limiter.

    Siblings: a session that was never used, one with a call in flight, one with empty windows,
    and limiters that another store holds. Each lost its limiter to the sweep that a hundred other
    keys caused, and two limiters of one key sent twice the quota.
    """
    clock = FakeClock()
    idle = AsyncFivetran("idle key", "secret", _clock=clock)
    used = AsyncFivetran("used key", "secret", _clock=clock)
    assert used.limits.snapshot()["requests"].remaining == 20_000
    others = [session(f"key {number}") for number in range(100)]
    again = [AsyncFivetran(f"{each} key", "secret", _clock=clock) for each in ("idle", "used")]
    assert [each.limits for each in again] == [idle.limits, used.limits]
    del others


async def test_a_limiter_survives_its_idle_hours() -> None:
    """What a session sends after the sweep counts for later sessions of its key."""
    clock = FakeClock()
    first = AsyncFivetran("old key", "secret", _clock=clock)
    for number in range(50):
        session(f"early key {number}")
    await first.limits.acquire(())
    first.limits.settle((), QuotaReport(status=200), sent=True)
    del first
    gc.collect()
    for number in range(50):
        session(f"late key {number}")
    second = AsyncFivetran("old key", "secret", _clock=clock)
    assert second.limits.snapshot()["requests"].remaining == 19_999


def test_limiters_that_no_session_holds_are_forgotten() -> None:
    """Thousands of keys, one after the other, keep a bounded number of idle limiters."""
    # Of its own: that of the process keeps as many idle ones as other tests have limiters in use.
    registry, clock = _Registry(), FakeClock()
    held = [
        weakref.ref(registry.get(f"passing key {number}", RateLimits(), clock))
        for number in range(1_000)
    ]
    gc.collect()
    alive = sum(each() is not None for each in held)
    assert alive < 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_waits_for_no_call_of_its_parent() -> None:
    """
    A call that waited in another thread of the parent holds up no call of the child.

    Siblings: its place in the line, the lock of the limiter and that of the registry; and requests
    in flight, which end in the parent only: in the child they count until their window is over.
    """
    clock = FakeClock()
    limits = RateLimits(quotas={"source": (Quota(1, 60.0),), "setup_tests": (Quota(1, 60.0),)})
    limiter = limits.for_account("forked key", base_url=HOST, clock=clock)
    assert limiter.start_if_free(("setup_tests",))
    ticket = limiter.join(("source",), PATIENT, None, 1)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with limiter._lock, _registry._lock:
            held.set()
            release.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with limiter.in_line(ticket), warnings.catch_warnings():
        # Python warns of forking while there are threads, which is what this is about.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            outcome = 1
            try:
                again = limits.for_account("forked key", base_url=HOST, clock=clock)
                outcome = 0 if again is limiter and again.start_if_free(("source",)) else 2
                outcome += 4 * again.snapshot()["setup_tests"].remaining
                clock.advance(61)
                outcome += 8 * (again.snapshot()["setup_tests"].remaining != 1)
            finally:
                os._exit(outcome)
        release.set()
        holder.join()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.fivetran.com:443",
        "https://api.fivetran.com.",
        "https://API.Fivetran.COM/",
        "https://api.fivetran.com/v1",
        "https://api.fivetran.com.:443/v1/",
    ],
)
def test_the_host_can_be_spelt_in_several_ways(base_url: str) -> None:
    """
    However the host is written, sessions of a key have one limiter.

    Siblings: the default port, a trailing dot, upper case, a path, all of them at once; IPv6 too.
    """
    assert session("spelling", base_url).limits is session("spelling").limits


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080", True),
        ("http://localhost", "http://localhost:80", True),
        ("http://localhost:8080", "http://localhost:8081", False),
        ("http://localhost", "https://localhost", False),
        ("https://api.fivetran.com", "https://api.fivetran.eu", False),
    ],
)
def test_hosts_are_compared_by_what_they_mean(one: str, other: str, *, same: bool) -> None:
    """Two spellings of one host and port are equal; other ports and hosts are not."""
    assert (host_of(one) == host_of(other)) is same


def test_keys_and_limits_are_apart() -> None:
    """Other keys have other limiters; limits of their own change those of the same key."""
    first = AsyncFivetran("a key", "secret")
    assert AsyncFivetran("another key", "secret").limits is not first.limits
    limits = RateLimits(quotas={"requests": (Quota(7, 60.0),)})
    assert AsyncFivetran("a key", "secret", rate_limits=limits).limits is first.limits
    assert first.limits.snapshot()["requests"].limit == 7
    assert AsyncFivetran("a key", "secret").limits.snapshot()["requests"].limit == 7
    assert limits.for_account("hash", base_url=HOST, clock=SYSTEM_CLOCK) is limits.for_account(
        "hash", base_url=HOST + ":443", clock=SYSTEM_CLOCK
    )
