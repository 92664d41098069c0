"""`Fivetrex.Error`, `.Retry` and `.with_retry`: errors and retries."""

from __future__ import annotations

from typing import Final

import pytest

from fivetran_async import (
    AsyncFivetran,
    AuthenticationError,
    FivetranError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    with_retry,
)
from fivetran_async.errors import Fault as Cause
from fivetran_async.testing import FakeFivetran, Fault
from parity.seed import seed, seed_pure
from support.fake_clock import FakeClock

OUTAGE: Final = ServerError(fault=Cause.SERVER_ERROR)
PATIENT: Final = RetryPolicy(jitter=False)


async def failure_of(fivetran: AsyncFivetran) -> FivetranError:
    """Return the error of a call that must fail."""
    with pytest.raises(FivetranError) as raised:
        await fivetran.groups.get("decent_dropsy")
    return raised.value


@seed("Fivetrex.Error.message/1")
async def says_what_went_wrong(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Each kind of failure has its own class, with the vendor's message."""
    once = fivetran.with_options(retry=RetryPolicy(max_attempts=1))
    kinds = {
        401: AuthenticationError,
        404: NotFoundError,
        429: RateLimitedError,
        500: ServerError,
        400: InvalidRequestError,
    }
    for status, kind in kinds.items():
        fake.fail("groups.get", fault=Fault.status(status, headers={"Retry-After": "7"}))
        error = await failure_of(once)
        assert type(error) is kind
        assert error.status == status
        assert error.message == f"Scripted status {status}"
        assert str(error).startswith(f"GET /v1/groups/decent_dropsy: {status}")
        assert error.message in str(error)
        if kind is RateLimitedError:
            assert error.retry_after == 7.0


@seed("Fivetrex.with_retry/2")
async def repeats_a_piece_of_work(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A caller's own function is retried by a policy, and each retry is reported."""
    group_id = fake.add_group()
    clock, retried = FakeClock(), list[tuple[str, int, float]]()

    def on_retry(error: FivetranError, attempt: int, delay: float) -> None:
        retried.append((error.message, attempt, delay))

    fake.fail("groups.get", fault=Fault.status(500), times=3)
    policy = RetryPolicy(max_attempts=5, jitter=True, on_retry=on_retry)
    group = await with_retry(lambda: fivetran.groups.get(group_id), policy, _clock=clock)
    assert group.id == group_id
    assert len(fake.requests) == 4
    assert [(message, attempt) for message, attempt, _ in retried] == [
        ("Scripted status 500", attempt) for attempt in (1, 2, 3)
    ]
    assert [delay for _, _, delay in retried] == clock.sleeps


@seed("Fivetrex.Retry.with_backoff/2")
async def backs_off(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Delays double, `Retry-After` is respected, and permanent errors are not retried."""
    clock = FakeClock()
    async with fake.client(retry=PATIENT, rate_limits=None, _clock=clock) as built_in:
        fake.fail("groups.get", fault=Fault.status(500), times=3)
        assert isinstance(await failure_of(built_in), ServerError)
        assert (len(fake.requests), clock.sleeps) == (3, [1.0, 2.0])
        fake.fail("groups.get", fault=Fault.status(429, headers={"Retry-After": "45"}), times=1)
        assert isinstance(await failure_of(built_in), NotFoundError)
        assert (len(fake.requests), clock.sleeps) == (5, [1.0, 2.0, 45.0])
        only_limits = RetryPolicy(retry_if=lambda error: isinstance(error, RateLimitedError))
        fake.fail("groups.get", fault=Fault.status(500), times=1)
        assert isinstance(await failure_of(built_in.with_options(retry=only_limits)), ServerError)
    assert (len(fake.requests), len(clock.sleeps)) == (6, 3)


@seed_pure("Fivetrex.Retry.calculate_delay/5")
def calculates_a_delay() -> None:
    """Delays are 1, 2, 4 seconds up to the maximum; `Retry-After` is respected in full."""
    assert [PATIENT.delay_for(OUTAGE, attempt) for attempt in (1, 2, 3, 9)] == [1.0, 2.0, 4.0, 30.0]
    assert PATIENT.delay_for(RateLimitedError(retry_after=60), 1) == 60
    impatient = RetryPolicy(base_delay=0.5, max_delay=1.5)
    assert [impatient.delay_for(OUTAGE, attempt) for attempt in (1, 2, 3)] == [0.5, 1.0, 1.5]


@seed_pure("Fivetrex.Retry.default_retry_predicate/1")
def knows_what_is_repeatable() -> None:
    """Transient errors are retryable, others are not."""
    assert PATIENT.is_retryable(OUTAGE)
    assert PATIENT.is_retryable(RateLimitedError(fault=Cause.RATE_LIMITED))
    for kind in (AuthenticationError, NotFoundError, InvalidRequestError):
        assert not PATIENT.is_retryable(kind(fault=Cause.OTHER_CLIENT_ERROR))
    assert not PATIENT.is_retryable(ValueError("unknown"))
