"""Counting quotas at times that the tests choose: nothing waits."""

from __future__ import annotations

import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivetran_async import InvalidArgumentError
from fivetran_async._quota.account import AccountQuotas
from fivetran_async._quota.plans import PAID, REQUESTS, TRIAL, Quota, QuotaPlan, plan_of
from fivetran_async._quota.windows import (
    LONGEST_GAP,
    NO_WAIT,
    RECOVERY,
    RELEASE_GAP,
    CountedBudget,
)

HOUR = 3600.0


def spend(budget: CountedBudget, number: int, now: float) -> None:
    """Send `number` requests that take no time."""
    for _ in range(number):
        budget.start(now)
        budget.end(now, counts=True)


def needed(budget: CountedBudget, now: float, ahead: int = 0) -> float:
    """Return how long one more must wait."""
    return budget.wait(now, ahead).needed


def advised(budget: CountedBudget, now: float, ahead: int = 0) -> float:
    """Return how long one more is advised to wait."""
    return budget.wait(now, ahead).advised


def left(budget: CountedBudget, now: float) -> int:
    """Return what is left of the tightest window."""
    tightest = budget.left(now)
    assert tightest is not None
    return tightest[0]


class Server:
    """Counts what arrives over a rolling window, as the vendor does."""

    def __init__(self, *quotas: Quota) -> None:
        self._logs = [(quota, deque[float]()) for quota in quotas]
        self.most = [0] * len(quotas)

    def arrive(self, now: float) -> None:
        """Count one, and keep the largest number that any window held."""
        for index, (quota, log) in enumerate(self._logs):
            log.append(now)
            while log[0] <= now - quota.seconds:
                log.popleft()
            self.most[index] = max(self.most[index], len(log))


@given(
    seed=st.integers(0, 2**32),
    minute=st.integers(1, 12),
    hour=st.integers(1, 60),
    # To the millisecond: rounding errors of float sums do not count as a delay.
    slowest=st.integers(0, 90_000).map(lambda milliseconds: milliseconds / 1_000),
)
def test_no_window_of_the_servers_ever_holds_too_many(
    seed: int, minute: int, hour: int, slowest: float
) -> None:
    """However late requests arrive, and wherever the windows begin, the quotas are kept."""
    chance = random.Random(seed)  # noqa: S311 - a simulation
    quotas = (Quota(minute, 60.0), Quota(hour, HOUR))
    budget, server, now = CountedBudget(quotas), Server(*quotas), 0.0
    running: list[tuple[float, float]] = []
    arrivals: list[float] = []
    for _ in range(200):
        now += chance.choice((0.0, 0.5, 3.0, 60.0))
        for ending in sorted(end for end, _ in running if end <= now):
            budget.end(ending, counts=True)
        running = [entry for entry in running if entry[0] > now]
        if needed(budget, now) <= 0:
            budget.start(now)
            duration = chance.uniform(0, slowest)
            running.append((now + duration, now))
            arrivals.append(now + chance.uniform(0, duration))
    for arrival in sorted(arrivals):
        server.arrive(arrival)
    assert server.most[0] <= minute
    assert server.most[1] <= hour


def test_a_burst_is_free() -> None:
    """600 requests start at once on a paid account, without any wait."""
    budget = CountedBudget(PAID[REQUESTS])
    for _ in range(600):
        assert budget.is_free(0.0)
        budget.start(0.0)


def test_the_last_part_is_spread_over_what_is_left() -> None:
    """19 of 20 parts go at once, the last ones at even steps until more falls out of the window."""
    budget = CountedBudget([Quota(60, 60.0)])
    spend(budget, 57, 0.0)
    assert needed(budget, 1.0) == 0
    # Three are left for the 59 seconds until the first of the 57 is forgotten.
    assert advised(budget, 1.0) == pytest.approx(LONGEST_GAP - 1)
    assert [advised(budget, 30.0, ahead) for ahead in range(3)] == pytest.approx([0, 0, 0])
    spend(budget, 1, 30.0)
    assert [advised(budget, 30.0, ahead) for ahead in range(2)] == pytest.approx([10, 20])
    assert not budget.is_free(30.0)
    assert budget.is_free(60.0)


def test_the_spread_begins_where_the_line_reaches_the_last_part() -> None:
    """Those in line for what is left before the last part go at once, the others at steps."""
    budget = CountedBudget([Quota(60, 60.0)])
    spend(budget, 50, 0.0)
    assert [advised(budget, 30.0, ahead) for ahead in (5, 6)] == [0, 0]
    assert [advised(budget, 30.0, ahead) for ahead in (7, 8, 9)] == pytest.approx([7.5, 15, 22.5])
    assert needed(budget, 30.0, 10) == pytest.approx(30)


def test_the_spread_knows_that_running_requests_fall_out_last() -> None:
    """With all requests still in flight, the last part is spread over a whole window."""
    budget = CountedBudget([Quota(60, 6.0)])
    for _ in range(58):
        budget.start(0.0)
    assert advised(budget, 0.0) == pytest.approx(6 / 3)


def test_a_small_quota_is_not_spread() -> None:
    """All five requests of a quota of five an hour start at once."""
    budget = CountedBudget([Quota(5, HOUR)])
    for _ in range(5):
        assert budget.wait(0.0, 0) == NO_WAIT
        spend(budget, 1, 0.0)
    assert needed(budget, 600.0) == HOUR - 600


def test_all_windows_count() -> None:
    """The window with less left decides, by the minute or by the hour."""
    budget = CountedBudget([Quota(2, 60.0), Quota(5, HOUR)])
    spend(budget, 2, 0.0)
    assert needed(budget, 10.0) == 50
    spend(budget, 2, 60.0)
    spend(budget, 1, 120.0)
    assert needed(budget, 180.0) == HOUR - 180


def test_a_request_counts_until_a_window_after_its_end() -> None:
    """A request may reach the server at its very end, so its window begins there."""
    budget = CountedBudget([Quota(1, 60.0)])
    budget.start(0.0)
    assert needed(budget, 100.0) == 60
    budget.end(100.0, counts=True)
    assert needed(budget, 100.0) == 60
    assert needed(budget, 160.0) == 0


def test_what_the_server_did_not_count_is_given_back() -> None:
    """A request that never left, or was refused, costs nothing."""
    budget = CountedBudget([Quota(1, HOUR)])
    budget.start(0.0)
    budget.end(0.0, counts=False)
    assert budget.is_free(0.0)


def test_memory_is_bounded_by_the_quota() -> None:
    """Only the requests of one window are kept, however many were sent."""
    budget = CountedBudget([Quota(100, 60.0)])
    for second in range(10_000):
        spend(budget, 1, float(second))
    assert len(budget.windows[0].ended) <= 61


def test_after_a_pause_requests_start_one_after_the_other() -> None:
    """Nothing starts in a pause; after it, starts are spaced for 30 s, and then unrestricted."""
    budget = CountedBudget(PAID[REQUESTS])
    budget.pause(0.0, 10.0)
    assert needed(budget, 0.0) == 10
    gap = HOUR / 20_000
    assert [advised(budget, 10.0, ahead) for ahead in range(3)] == pytest.approx([0, gap, 2 * gap])
    assert not budget.is_free(10.0 + RECOVERY - 1)
    assert budget.is_free(10.0 + RECOVERY)


def test_many_waiters_are_released_within_the_recovery() -> None:
    """The gap after a pause shrinks with the number of waiters, so that none starves."""
    budget = CountedBudget(TRIAL[REQUESTS])
    budget.pause(0.0, 0.0)
    assert budget.wait(0.0, 2, waiting=3).advised == pytest.approx(2 * RELEASE_GAP)
    assert budget.wait(0.0, 399, waiting=400).advised < RECOVERY


def test_a_longer_pause_is_not_shortened() -> None:
    """Of two pauses the longer one applies."""
    budget = CountedBudget(PAID[REQUESTS])
    budget.pause(0.0, 30.0)
    budget.pause(0.0, 5.0)
    assert needed(budget, 6.0) == 24


def test_what_others_spent_counts() -> None:
    """If the server reports less left than we know of, others have spent the difference."""
    account = AccountQuotas(PAID, learns=True)
    budget = account.budgets[REQUESTS]
    spend(budget, 10, 0.0)
    account.learn(20_000, 5_000, 0.0)
    assert left(budget, 0.0) == 5_000
    spend(budget, 10, 1.0)
    assert left(budget, 0.0) == 4_990


def test_news_during_a_burst_is_only_a_bound() -> None:
    """Requests in flight count neither as others' nor as unspent until they end."""
    account = AccountQuotas(PAID, learns=True)
    budget = account.budgets[REQUESTS]
    spend(budget, 1, 0.0)
    account.learn(20_000, 1_999, 0.0)
    for _ in range(100):
        budget.start(0.0)
    assert left(budget, 0.0) == 1_899
    budget.end(0.0, counts=True)
    # The server has counted 60 of the hundred before this response.
    account.learn(20_000, 1_939, 0.0)
    assert left(budget, 0.0) == 1_899
    for _ in range(99):
        budget.end(0.0, counts=True)
    account.learn(20_000, 1_899, 0.0)
    assert left(budget, 0.0) == 1_899


def test_our_own_burst_is_not_taken_for_others() -> None:
    """The first response of 600 reports 19,999 left: no other client spent anything."""
    account = AccountQuotas(PAID, learns=True)
    budget = account.budgets[REQUESTS]
    for _ in range(600):
        budget.start(0.0)
    for number in range(1, 601):
        budget.end(1.0, counts=True)
        account.learn(20_000, 20_000 - number, 1.0)
        assert left(budget, 1.0) == 19_400


def test_without_news_what_others_spent_fades() -> None:
    """Others' requests leave the window too: half an hour later half of them are gone."""
    account = AccountQuotas(PAID, learns=True)
    budget = account.budgets[REQUESTS]
    account.learn(20_000, 0, 0.0)
    assert 0 < needed(budget, 0.0) < 1
    assert left(budget, HOUR / 2) == 10_000
    assert left(budget, HOUR) == 20_000


@pytest.mark.parametrize(
    ("limit", "remaining"), [(None, None), (500, 501), (0, 0), (0, 700), (None, 10**12)]
)
def test_headers_that_contradict_themselves_are_ignored(
    limit: int | None, remaining: int | None
) -> None:
    """A limit of 0, or more left than the limit, makes no call wait."""
    account = AccountQuotas(PAID, learns=True)
    account.learn(limit, remaining, 0.0)
    budget = account.budgets[REQUESTS]
    assert budget.windows[0].quota == Quota(20_000, HOUR)
    assert needed(budget, 0.0) < 1


def test_the_plan_is_learned() -> None:
    """`X-Rate-Limit: 500` is a trial account; its other quotas are smaller, too."""
    account = AccountQuotas(PAID, learns=True)
    account.learn(500, None, 0.0)
    quotas = {
        name: tuple(window.quota for window in budget.windows)
        for name, budget in account.budgets.items()
    }
    assert quotas == TRIAL
    account.learn(1_000, None, 0.0)
    assert account.budgets[REQUESTS].windows[0].quota == Quota(1_000, HOUR)
    assert account.budgets["source"].windows[0].quota == Quota(500, 60.0)


def test_learning_the_plan_keeps_the_count() -> None:
    """Requests from before the plan was known still count after it is."""
    account = AccountQuotas(TRIAL, learns=True)
    tests = account.budgets["setup_tests"]
    spend(tests, 3, 0.0)
    tests.start(1.0)
    account.learn(20_000, None, 1.0)
    assert [window.quota.seconds for window in tests.windows] == [60.0, HOUR]
    assert [window.used(2.0, tests.in_flight) for window in tests.windows] == [4, 4]
    tests.end(3.0, counts=True)
    assert tests.in_flight == 0
    assert [window.used(70.0, tests.in_flight) for window in tests.windows] == [0, 4]


def test_fixed_limits_learn_no_plan() -> None:
    """Quotas given by the user are not replaced by a header."""
    account = AccountQuotas({**PAID, REQUESTS: (Quota(50, HOUR),)}, learns=False)
    account.learn(20_000, None, 0.0)
    assert account.budgets[REQUESTS].windows[0].quota.limit == 50


def test_a_budget_that_is_off_is_free() -> None:
    """A budget without a quota never waits and has no state."""
    account = AccountQuotas({**PAID, REQUESTS: ()}, learns=False)
    budget = account.budgets[REQUESTS]
    spend(budget, 100_000, 0.0)
    account.learn(20_000, 0, 0.0)
    assert budget.is_free(0.0)
    assert budget.left(0.0) is None
    budget.pause(0.0, 5.0)
    assert needed(budget, 0.0) == 5


@pytest.mark.parametrize(
    ("names", "remaining", "refused"),
    [
        ((), None, [REQUESTS]),
        ((), 500, [REQUESTS]),
        (("source",), None, ["source"]),
        (("source",), 10, ["source"]),
        (("source",), 0, [REQUESTS]),
        (("setup_tests", "source"), None, ["setup_tests", "source"]),
    ],
)
def test_which_budgets_a_refusal_speaks_of(
    names: tuple[str, ...], remaining: int | None, refused: list[str]
) -> None:
    """The particular ones of the call, unless the server reports that no request is left."""
    account = AccountQuotas(PAID, learns=True)
    assert account.refused_names(names, remaining) == tuple(refused)


@pytest.mark.parametrize(("limit", "plan"), [(500, TRIAL), (1, TRIAL), (501, PAID)])
def test_the_plan_of_a_limit(limit: int, plan: QuotaPlan) -> None:
    """A limit of up to 500 an hour is a trial."""
    assert plan_of(limit)["source"] == plan["source"]


@pytest.mark.parametrize(
    ("limit", "seconds", "named"),
    [(0, 60, "limit"), (True, 60, "limit"), (1.5, 60, "limit"), (1, 0, "seconds"),
     (1, float("inf"), "seconds"), (1, "60", "seconds"), (1, True, "seconds")],
)  # fmt: skip
def test_a_quota_is_a_number_in_a_time(limit: int, seconds: float, named: str) -> None:
    """An invalid limit or window is refused, and named."""
    with pytest.raises(InvalidArgumentError, match=f"^{named} must be"):
        Quota(limit, seconds)


def test_an_account_is_idle_once_nothing_counts() -> None:
    """An account is idle when its last window is empty and no pause is on."""
    account = AccountQuotas(TRIAL, learns=True)
    assert account.is_idle(0.0)
    spend(account.budgets["source"], 1, 0.0)
    assert not account.is_idle(HOUR - 1)
    assert account.is_idle(HOUR + 1)
    account.budgets["source"].pause(2 * HOUR, HOUR)
    assert not account.is_idle(HOUR + 2)
