"""The concurrency limiter: bounds, order, cancellation, loops."""

from __future__ import annotations

import asyncio

import pytest

from fivetran_async import (
    ConcurrencyLimiter,
    EventLoopError,
    InvalidArgumentError,
    SessionClosedError,
)
from fivetran_async._arguments import check_whole_number
from fivetran_async.limits import fan_out_limiter, request_slots
from support.waiting import PATIENCE


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


class Crowd:
    """Tasks that hold a limiter until they are let go."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self._limiter = limiter
        self.entered: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._doors: list[asyncio.Event] = []

    def add(self, count: int) -> None:
        """Start `count` more holders, one after another."""
        for _ in range(count):
            self._doors.append(asyncio.Event())
            self.tasks.append(asyncio.create_task(self._hold(len(self.tasks))))

    def let_go(self, *numbers: int) -> None:
        """Let these holders leave as soon as they hold it."""
        for number in numbers:
            self._doors[number].set()

    async def leave(self) -> None:
        """Let all holders leave, and wait until they have."""
        self.let_go(*range(len(self._doors)))
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _hold(self, number: int) -> None:
        async with self._limiter:
            self.entered.append(number)
            await self._doors[number].wait()


async def test_no_more_than_the_limit_hold_it() -> None:
    """Further holders wait while all slots are taken, and the figures show it."""
    limiter = ConcurrencyLimiter(3)
    crowd = Crowd(limiter)
    crowd.add(5)
    await settle()
    assert (limiter.limit, limiter.in_use, limiter.waiting) == (3, 3, 2)
    assert repr(limiter) == "<ConcurrencyLimiter limit=3 in_use=3 waiting=2>"
    await crowd.leave()
    assert (limiter.in_use, limiter.waiting) == (0, 0)


async def test_first_come_first_served() -> None:
    """Slots go to waiters in the order of their arrival."""
    crowd = Crowd(ConcurrencyLimiter(2))
    crowd.add(8)
    await settle()
    crowd.let_go(1, 0, 5, 4, 3, 2, 7, 6)
    await asyncio.gather(*crowd.tasks)
    assert crowd.entered == list(range(8))


async def test_a_newcomer_does_not_overtake_a_waiter() -> None:
    """A slot that is released goes to a waiter, never to a newcomer."""
    limiter = ConcurrencyLimiter(1)
    crowd = Crowd(limiter)
    async with limiter:
        crowd.add(1)
        crowd.let_go(0)
        await settle()
    assert limiter.in_use == 1
    async with limiter:
        assert crowd.entered == [0]
    await crowd.leave()


async def test_a_cancelled_waiter_gives_its_place_back() -> None:
    """Those behind a cancelled waiter move up."""
    limiter = ConcurrencyLimiter(1)
    crowd = Crowd(limiter)
    crowd.add(4)
    await settle()
    crowd.tasks[1].cancel()
    await settle()
    assert limiter.waiting == 2
    await crowd.leave()
    assert crowd.entered == [0, 2, 3]
    assert limiter.in_use == 0


async def test_a_slot_given_at_the_moment_of_cancellation_goes_on() -> None:
    """A waiter that is served and cancelled at once hands its slot to the next."""
    limiter = ConcurrencyLimiter(1)
    crowd = Crowd(limiter)
    async with limiter:
        crowd.add(2)
        await settle()
    crowd.tasks[0].cancel()
    await crowd.leave()
    assert crowd.entered == [1]
    assert limiter.in_use == 0


async def test_waiters_that_are_cancelled_together_are_passed_over() -> None:
    """A slot that is given up goes to the first waiter that is still there."""
    limiter = ConcurrencyLimiter(1)
    crowd = Crowd(limiter)
    async with limiter:
        crowd.add(3)
        await settle()
        for task in crowd.tasks[:2]:
            task.cancel()
    await crowd.leave()
    assert crowd.entered == [2]
    assert limiter.in_use == 0


async def test_closing_fails_waiters_and_newcomers_but_no_holder() -> None:
    """A closed limiter raises in waiters and newcomers, and lets holders go on."""
    limiter = ConcurrencyLimiter(1)
    crowd = Crowd(limiter)
    crowd.add(3)
    await settle()
    limiter.close()
    limiter.close()
    outcomes = await asyncio.gather(*crowd.tasks[1:], return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [SessionClosedError] * 2
    crowd.let_go(0)
    await crowd.tasks[0]
    assert crowd.entered == [0]
    assert limiter.in_use == 0
    with pytest.raises(SessionClosedError, match="waited for a free slot"):
        await limiter.__aenter__()


async def test_closing_and_cancelling_at_once() -> None:
    """A waiter that is cancelled while the limiter closes is cancelled, and no slot is lost."""
    limiter = ConcurrencyLimiter(1)
    crowd = Crowd(limiter)
    crowd.add(3)
    await settle()
    crowd.tasks[1].cancel()
    limiter.close()
    crowd.tasks[2].cancel()
    await crowd.leave()
    assert [task.cancelled() for task in crowd.tasks] == [False, True, True]
    assert limiter.in_use == 0


def test_a_limiter_serves_one_loop_after_another() -> None:
    """An idle limiter can be used on another event loop."""
    limiter = ConcurrencyLimiter(1)

    async def contend() -> None:
        crowd = Crowd(limiter)
        crowd.add(3)
        await settle()
        await crowd.leave()
        assert crowd.entered == [0, 1, 2]

    asyncio.run(contend())
    asyncio.run(contend())


def test_two_loops_at_once_are_refused() -> None:
    """Waiting on a second event loop, while the first one uses the limiter, is an error."""
    limiter = ConcurrencyLimiter(1)
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    crowd = Crowd(limiter)

    async def crowd_in() -> None:
        crowd.add(2)
        await settle()

    try:
        first.run_until_complete(crowd_in())
        with pytest.raises(EventLoopError, match="another event loop"):
            second.run_until_complete(limiter.__aenter__())
        first.run_until_complete(crowd.leave())
    finally:
        first.close()
        second.close()


@pytest.mark.parametrize("limit", [0, -1, True, 2.0, "3", None])
def test_a_limit_is_a_whole_number_of_at_least_one(limit: object) -> None:
    """A limit that is not a whole number of at least 1 is refused."""
    with pytest.raises(InvalidArgumentError, match=r"`limit` must be a whole number of at least 1"):
        ConcurrencyLimiter(limit)  # type: ignore[arg-type]


def test_both_bounds_are_named() -> None:
    """A number out of a range is refused with the range."""
    check_whole_number("n", 5, at_least=1, at_most=5)
    with pytest.raises(InvalidArgumentError, match="`n` must be a whole number from 1 to 5, not 6"):
        check_whole_number("n", 6, at_least=1, at_most=5)


async def test_joined_limiters_are_held_together() -> None:
    """A slot of each is held at once, and a limiter that is named twice is held once."""
    wide, narrow = ConcurrencyLimiter(3), ConcurrencyLimiter(2)
    joined = wide.joined(narrow, None, wide)
    async with joined:
        assert (narrow.in_use, wide.in_use) == (1, 1)
        async with joined:
            assert (narrow.in_use, wide.in_use) == (2, 2)
    assert (narrow.in_use, wide.in_use) == (0, 0)


async def test_limiters_are_taken_in_one_order() -> None:
    """Joined in either order, two limiters of one slot cannot block each other."""
    one, other = ConcurrencyLimiter(1), ConcurrencyLimiter(1)
    passed = 0

    async def hold(first: ConcurrencyLimiter, second: ConcurrencyLimiter) -> None:
        nonlocal passed
        async with first.joined(second):
            await settle()
            passed += 1

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(hold(*pair) for pair in [(one, other), (other, one)] * 5))
    assert passed == 10


async def test_a_cancelled_wait_for_the_second_limiter_gives_back_the_first() -> None:
    """A cancelled waiter for several limiters holds none of them."""
    wide, narrow = ConcurrencyLimiter(1), ConcurrencyLimiter(1)
    async with wide:
        waiter = asyncio.create_task(narrow.joined(wide).__aenter__())
        await settle()
        assert narrow.in_use == 1
        waiter.cancel()
        await asyncio.wait([waiter])
        assert narrow.in_use == 0
    assert wide.in_use == 0


async def test_an_attempt_holds_its_limiter_and_its_fan_out() -> None:
    """Outside a fan-out the session's limiter counts alone; inside, both; the same one once."""
    session, bound = ConcurrencyLimiter(5), ConcurrencyLimiter(5)
    async with request_slots(None), request_slots(session):
        assert (session.in_use, bound.in_use) == (1, 0)
    token = fan_out_limiter.set(bound)
    async with request_slots(None), request_slots(session), request_slots(bound):
        assert (session.in_use, bound.in_use) == (1, 3)
    fan_out_limiter.reset(token)
    assert (session.in_use, bound.in_use) == (0, 0)
