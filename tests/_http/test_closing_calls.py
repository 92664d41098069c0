"""Closing a session ends the calls that wait: for a quota, for a slot, or to retry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import pytest

from fivetran_async import (
    AsyncFivetran,
    ConcurrencyLimiter,
    FivetranError,
    InvalidArgumentError,
    Quota,
    RateLimits,
    RetryPolicy,
    SessionClosedError,
    with_retry,
)
from fivetran_async.limits import BudgetState, Patience, QuotaReport, RateLimiter
from support import faults
from support.fake_clock import FakeClock
from support.faults import FaultServer
from support.sessions import ONE_GROUP, refusal, session_at

PATIENT_POLICY = RetryPolicy(max_local_wait=None)
PATIENT = Patience(max_pause=None, max_wait=None)


async def closed_while_waiting(
    fivetran: AsyncFivetran, calls: list[Awaitable[object]], is_waiting: Callable[[], bool]
) -> list[FivetranError]:
    """Start calls, close the session when they wait, and return their errors."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    async with asyncio.timeout(20):
        while not is_waiting():  # noqa: ASYNC110 - limiters have no event for it
            await asyncio.sleep(0.002)
        await fivetran.aclose()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [result for result in results if isinstance(result, FivetranError)]
    assert len(errors) == len(calls)
    return errors


def check(errors: list[FivetranError]) -> None:
    """Each call has an error of its own, which names the operation."""
    assert {type(error) for error in errors} == {SessionClosedError}
    assert len({id(error) for error in errors}) == len(errors)
    for error in errors:
        assert error.operation == "groups.get"
        assert error.fate == "not_sent"


async def test_waits_for_a_quota_end() -> None:
    """
    Calls that would wait an hour for a quota raise at once, and give their places back.

    Siblings: waits for a slot, sleeps before a retry, and waits for syncs (`tests/syncs`).
    """
    limits = RateLimits(quotas={"requests": (Quota(1, 3600),)})
    async with FaultServer(answer=lambda _: ONE_GROUP) as server:
        fivetran = session_at(server.url, rate_limits=limits, retry=PATIENT_POLICY)
        await fivetran.groups.get("g")
        limiter = fivetran.limits
        errors = await closed_while_waiting(
            fivetran,
            [fivetran.groups.get("g") for _ in range(3)],
            lambda: limiter.snapshot()["requests"].waiting == 3,
        )
        check(errors)
        assert limiter.snapshot()["requests"].waiting == 0
        assert len(server.requests) == 1


async def test_waits_for_a_slot_end() -> None:
    """Calls behind others raise at once; the one in flight loses its connection."""
    limiter = ConcurrencyLimiter(1)
    async with FaultServer(faults.HANG) as server:
        fivetran = session_at(server.url, limiter=limiter)
        errors = await closed_while_waiting(
            fivetran,
            [fivetran.groups.get("g") for _ in range(3)],
            lambda: limiter.waiting == 2 and len(server.requests) == 1,
        )
        assert {type(error) for error in errors} == {SessionClosedError}
        assert sorted(str(error.fate) for error in errors) == [
            "maybe_applied",
            "not_sent",
            "not_sent",
        ]
        assert limiter.in_use == limiter.waiting == 0


@pytest.mark.parametrize(
    ("fault", "fate"), [(refusal(429), "not_sent"), (refusal(500), "maybe_applied")], ids=str
)
async def test_sleeps_before_a_retry_end(fault: faults.Fault, fate: str) -> None:
    """The error names its cause, and whether an attempt may have been applied."""
    retried: list[int] = []
    policy = RetryPolicy(
        base_delay=3600, max_delay=3600, on_retry=lambda _, attempt, __: retried.append(attempt)
    )
    async with FaultServer(fault) as server:
        fivetran = session_at(server.url, retry=policy)
        (error,) = await closed_while_waiting(
            fivetran, [fivetran.groups.update("g", name="n")], lambda: bool(retried)
        )
    assert type(error) is SessionClosedError
    assert (error.fate, error.attempts, error.operation) == (fate, 1, "groups.update")
    assert isinstance(error.__cause__, FivetranError)
    assert error.__cause__.status in {429, 500}


async def test_waits_of_with_retry_end() -> None:
    """
    A unit of several calls that sleeps before its next attempt ends with their session.

    Siblings: one inside another, and calls of a task that it began.
    """
    retried: list[int] = []
    policy = RetryPolicy(
        base_delay=3600, max_delay=3600, on_retry=lambda _, attempt, __: retried.append(attempt)
    )
    async with FaultServer(answer=lambda _: refusal(503)) as server:
        fivetran = session_at(server.url)

        async def work() -> object:
            return await asyncio.create_task(fivetran.groups.get("g"))

        calls: list[Awaitable[object]] = [
            with_retry(lambda: fivetran.groups.get("g"), policy),
            with_retry(work, policy),
            with_retry(lambda: with_retry(work, RetryPolicy(max_attempts=1)), policy),
        ]
        errors = await closed_while_waiting(fivetran, calls, lambda: len(retried) == 3)
    assert {type(error) for error in errors} == {SessionClosedError}
    assert {(error.fate, error.attempts) for error in errors} == {("maybe_applied", 1)}


async def test_with_retry_of_a_session_for_each_attempt_goes_on() -> None:
    """A session that the function itself opens and closes does not end the wait in between."""
    clock = FakeClock()
    async with FaultServer(refusal(503), ONE_GROUP) as server:

        async def work() -> object:
            async with session_at(server.url, _clock=clock) as fivetran:
                return await fivetran.groups.get("g")

        assert await with_retry(work, _clock=clock)
    assert len(server.requests) == 2


async def test_writes_to_schemas_end() -> None:
    """A change that sleeps after a collision with another one ends as other retries do."""
    retried: list[int] = []
    policy = RetryPolicy(
        base_delay=3600, max_delay=3600, on_retry=lambda _, attempt, __: retried.append(attempt)
    )
    collision = refusal(409, message="Optimistic lock: the schema config was changed")
    async with FaultServer(collision, collision) as server:
        fivetran = session_at(server.url, retry=policy)
        (error,) = await closed_while_waiting(
            fivetran,
            [fivetran.connections.schemas.update("c", schema_change_handling="BLOCK_ALL")],
            lambda: bool(retried),
        )
    assert type(error) is SessionClosedError


async def test_cancellation_is_still_a_cancellation() -> None:
    """A call that is cancelled while it sleeps raises `CancelledError`, also if both happen."""
    retried: list[int] = []
    policy = RetryPolicy(
        base_delay=3600, max_delay=3600, on_retry=lambda _, attempt, __: retried.append(attempt)
    )
    for close_too in (False, True):
        retried.clear()
        async with FaultServer(refusal(503)) as server:
            fivetran = session_at(server.url, retry=policy)
            task = asyncio.ensure_future(fivetran.groups.get("g"))
            while not retried:  # noqa: ASYNC110 - set by a callback
                await asyncio.sleep(0.002)
            task.cancel()
            if close_too:
                await fivetran.aclose()
            with pytest.raises(asyncio.CancelledError):
                await task
            await fivetran.aclose()


class OwnLimiter:
    """A limiter that a user wrote: it waits by its own means, and knows nothing of sessions."""

    def __init__(self) -> None:
        self.free = 1
        self.waiting = 0
        self.held = 0
        self._changed = asyncio.Condition()

    async def acquire(
        self,
        budgets: tuple[str, ...],  # noqa: ARG002 - the protocol's
        *,
        patience: Patience = PATIENT,  # noqa: ARG002
        time_left: float | None = None,  # noqa: ARG002
        attempt: int = 1,  # noqa: ARG002
    ) -> None:
        """Wait for the only request that is allowed at a time."""
        self.waiting += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: self.free > 0)
                self.free -= 1
        finally:
            self.waiting -= 1
        self.held += 1

    def is_open(self, budgets: tuple[str, ...]) -> bool:  # noqa: ARG002
        """Nothing is paused."""
        return True

    def settle(self, budgets: tuple[str, ...], report: QuotaReport, *, sent: bool) -> None:  # noqa: ARG002
        """Give nothing back: each request is the last."""
        self.held -= 1

    def snapshot(self) -> Mapping[str, BudgetState]:
        """No budgets."""
        return {}

    async def read(self) -> Mapping[str, BudgetState]:
        """No budgets."""
        return {}


async def test_waits_of_a_limiter_of_your_own_end() -> None:
    """
    A limiter that a user wrote is cancelled by the transport, and keeps no place of a dead call.

    Siblings: a limiter that waits for a store, in `tests/integrations/test_redis_hiccups.py`.
    """
    own = OwnLimiter()
    async with FaultServer(answer=lambda _: ONE_GROUP) as server:
        fivetran = session_at(server.url, rate_limits=own)
        await fivetran.groups.get("g")
        errors = await closed_while_waiting(
            fivetran,
            [fivetran.groups.get("g") for _ in range(3)],
            lambda: own.waiting == 3,
        )
        check(errors)
        assert (own.waiting, own.held, len(server.requests)) == (0, 0, 1)


async def test_cancelled_wait_of_a_limiter_of_your_own_is_a_cancellation() -> None:
    """A caller who cancels gets its own `CancelledError`, also if the session closes as well."""
    own = OwnLimiter()
    own.free = 0
    for close_too in (False, True):
        fivetran = session_at("http://127.0.0.1:1", rate_limits=own)
        task = asyncio.ensure_future(fivetran.groups.get("g"))
        while not own.waiting:  # noqa: ASYNC110 - limiters have no event for it
            await asyncio.sleep(0)
        task.cancel()
        if close_too:
            await fivetran.aclose()
        with pytest.raises(asyncio.CancelledError):
            await task
        await fivetran.aclose()
        assert own.waiting == 0


def test_a_limiter_without_all_methods_is_refused() -> None:
    """The error names what is missing, when the session is made and not when it is used."""

    class Half:
        """Has one of the methods."""

        async def acquire(self) -> None:
            """Start at once."""

    with pytest.raises(InvalidArgumentError, match="has no is_open, settle, snapshot, read"):
        session_at("http://127.0.0.1:1", rate_limits=cast("RateLimiter", Half()))
