"""The settings of waits, their intervals, and the cheapest way to poll."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivetran_async import (
    AmbiguousOutcomeError,
    AuthenticationError,
    CertificateError,
    ConnectError,
    FivetranError,
    InvalidArgumentError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    ResponseFormatError,
    ServerError,
    SessionClosedError,
)
from fivetran_async.syncs._policy import SyncPolicy, backoff_delay, is_passing
from fivetran_async.syncs._reads import Source, cost_of, plan, plan_shared, server_time


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": math.inf}, "timeout"),
        ({"timeout": math.nan}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"start_timeout": -1}, "start_timeout"),
        ({"min_interval": "5"}, "min_interval"),
        ({"max_interval": 1}, "max_interval"),
        ({"if_paused": "unpause"}, "if_paused"),
        ({"if_broken": "error"}, "if_broken"),
        ({"if_rescheduled": None}, "if_rescheduled"),
        ({"max_retriggers": -1}, "max_retriggers"),
        ({"history": 1}, "history"),
    ],
)
def test_settings_are_checked(setting: dict[str, Any], name: str) -> None:
    """A policy that cannot be kept, or would never end, is refused by name."""
    with pytest.raises(InvalidArgumentError, match=name):
        SyncPolicy(**setting)


def test_every_wait_ends_by_default() -> None:
    """The default timeout is a day."""
    assert SyncPolicy().timeout == 24 * 60 * 60


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ServerError(status=500), True),
        (ServerError(status=521), True),
        (RateLimitedError(status=429), True),
        (ConnectError(), True),
        (RequestTimeoutError(), True),
        (ResponseFormatError(), True),
        (CertificateError(), False),
        (AmbiguousOutcomeError(), False),
        (AuthenticationError(status=401), False),
        (NotFoundError(status=404), False),
        (SessionClosedError(), False),
    ],
)
def test_what_passes(error: FivetranError, passes: bool) -> None:  # noqa: FBT001
    """Outages pass; a revoked key, a deleted connection and a closed session do not."""
    assert is_passing(error) is passes


def test_failures_are_backed_off_from() -> None:
    """Twice as long each time, up to the longest interval, and never less than the server asked."""
    policy = SyncPolicy()
    delays = [backoff_delay(ServerError(), failures, policy) for failures in (1, 2, 3, 4, 5, 50)]
    assert delays == [5, 10, 20, 40, 60, 60]
    assert backoff_delay(RateLimitedError(retry_after=3600), 1, policy) == 3600
    assert backoff_delay(RateLimitedError(retry_after=1), 1, policy) == 5


def ids(count: int, group_id: str = "") -> dict[str, str]:
    """A number of connections of a group."""
    return {f"{group_id or 'any'}_{number}": group_id for number in range(count)}


@pytest.mark.parametrize(
    ("wanted", "pages", "requests", "sources"),
    [
        (ids(1), {}, 1, 1),
        (ids(1, "a"), {}, 1, 1),
        (ids(2, "a"), {}, 1, 1),
        (ids(500, "a"), {None: 20}, 1, 1),
        (ids(500, "a"), {None: 20, "a": 3}, 3, 1),
        (ids(2, "a"), {None: 20, "a": 3}, 2, 1),
        (ids(2, "a") | ids(2, "b"), {}, 1, 1),
        (ids(2, "a") | ids(2, "b"), {None: 20}, 2, 2),
        (ids(9, "a") | ids(1, "b"), {None: 20, "a": 4}, 5, 2),
        (ids(9, "a") | ids(1, "b"), {None: 3, "a": 4}, 3, 1),
        (ids(15), {None: 20}, 15, 1),
    ],
)
def test_cheapest_plan(
    wanted: dict[str, str], pages: dict[str | None, int], requests: int, sources: int
) -> None:
    """Single reads, pages of a group or pages of the account: whatever takes fewest requests."""
    chosen = plan(wanted, pages)
    assert cost_of(chosen, pages) == requests
    assert len(chosen) == sources
    assert sorted(each for source in chosen for each in source.ids) == sorted(wanted)


@given(
    wanted=st.dictionaries(st.integers(0, 400).map(str), st.sampled_from("abcdef"), min_size=1),
    pages=st.dictionaries(st.sampled_from([None, *"abcdef"]), st.integers(1, 30)),
)
def test_plan_is_never_dearer_than_single_reads_or_the_whole_account(
    wanted: dict[str, str], pages: dict[str | None, int]
) -> None:
    """Whatever is known of the account, everything wanted is read, at the least cost."""
    chosen = plan(wanted, pages)
    assert cost_of(chosen, pages) <= min(len(wanted), pages.get(None, 1))
    assert {each for source in chosen for each in source.ids} == set(wanted)


def test_others_are_read_along_if_that_is_free() -> None:
    """A connection that is due brings the rest of its page, but no second request for them."""
    due, everyone = ids(1, "a"), ids(500, "a")
    assert plan_shared(due, everyone, {}) == (Source(tuple(everyone), pages=True, group_id="a"),)
    assert plan_shared(due, everyone, {None: 9, "a": 9}) == (Source(tuple(due), group_id="a"),)


@pytest.mark.parametrize(
    ("header", "moment"),
    [
        ("Mon, 23 Nov 2026 12:00:00 GMT", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("Mon, 23 Nov 2026 12:00:00 -0000", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("yesterday", None),
        (None, None),
    ],
)
def test_server_time(header: str | None, moment: datetime | None) -> None:
    """The server's own clock, where it sends it."""
    assert server_time({} if header is None else {"Date": header}) == moment
