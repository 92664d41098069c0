"""Walking a list while the network misbehaves: every item arrives once, in order."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from fivetran_async import (
    AuthenticationError,
    FivetranError,
    Pager,
    PaginationError,
    ResponseFormatError,
    ServerError,
)
from fivetran_async.models import Group
from support import faults
from support.fake_clock import FakeClock
from support.faults import FaultServer, WireRequest
from support.sessions import STEADY, page, refusal, session_at, success

PAGES = 10
PER_PAGE = 100
IDS = [f"g{number:04}" for number in range(PAGES * PER_PAGE)]


def paged(request: WireRequest) -> faults.Fault:
    """The page that a request asks for; as the API, with no more than it wants on one."""
    query = parse_qs(urlsplit(request.target).query)
    start = int(query.get("cursor", ["0"])[0])
    size = min(PER_PAGE, int(query.get("limit", ["100"])[0]))
    end = start + size
    return page(IDS[start:end], str(end) if end < len(IDS) else None)


async def walk_into(ids: list[str], groups: Pager[Group]) -> None:
    """Walk a list, and keep what came before it fails."""
    async for group in groups:
        ids.append(group.id)  # noqa: PERF401 - a comprehension would keep nothing


REPEATABLE = (
    *faults.BEFORE_ANSWER,
    *faults.BAD_FRAMING,
    *faults.UNREADABLE_BODY,
    *faults.NOT_JSON[:2],
    faults.NOT_JSON[3],
    *map(refusal, (408, 425, 429, 500, 502, 503, 504)),
    refusal(429, headers={"Retry-After": "5"}),
)


@pytest.mark.parametrize("fault", REPEATABLE, ids=str)
async def test_each_fault_once_on_every_page(fault: faults.Fault, clock: FakeClock) -> None:
    """Ten pages that fail once each: a thousand items, each once, in order."""
    script = [step for _ in range(PAGES) for step in (fault, faults.GOOD)]
    async with (
        FaultServer(*script, answer=paged) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        ids = [group.id async for group in fivetran.groups.list()]
    assert ids == IDS
    assert len(server.played) == 2 * PAGES
    assert len(clock.sleeps) == PAGES


async def test_a_different_fault_on_each_page(clock: FakeClock) -> None:
    """The faults together, one page each, lose nothing and double nothing."""
    script = [step for fault in REPEATABLE for step in (fault, faults.GOOD)]
    async with (
        FaultServer(*script, answer=paged) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        for walk in range(3):
            groups = await fivetran.groups.list().collect()
            assert [group.id for group in groups] == IDS, walk
    assert not server.script


@pytest.mark.parametrize("position", [0, 4, 9])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (refusal(503), ServerError),
        (refusal(401), AuthenticationError),
        (faults.RESET, FivetranError),
        (success({"items": "none"}), ResponseFormatError),
    ],
    ids=str,
)
async def test_a_failed_walk_can_be_resumed(
    position: int, fault: faults.Fault, kind: type[FivetranError], clock: FakeClock
) -> None:
    """When a page fails for good, the error has its cursor: from there the list is completed."""
    script = [*[faults.GOOD] * position, *[fault] * 3]
    ids: list[str] = []
    async with (
        FaultServer(*script, answer=paged) as server,
        session_at(server.url, retry=STEADY, _clock=clock) as fivetran,
    ):
        with pytest.raises(kind) as caught:
            await walk_into(ids, fivetran.groups.list())
        assert len(ids) == position * PER_PAGE
        server.script.clear()
        cursor = caught.value.resume_cursor
        assert cursor == (str(position * PER_PAGE) if position else None)
        ids += [group.id async for group in fivetran.groups.list(cursor=cursor)]
    assert ids == IDS


async def test_a_failed_collect_keeps_what_it_had(clock: FakeClock) -> None:
    """The items before the page that failed are on the error."""
    script = [*[faults.GOOD] * 3, *[refusal(500)] * 3]
    async with (
        FaultServer(*script, answer=paged) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        with pytest.raises(ServerError) as caught:
            await fivetran.groups.list().collect()
    assert [getattr(group, "id", None) for group in caught.value.collected] == IDS[:300]
    assert caught.value.resume_cursor == "300"


async def test_take_asks_for_no_more_than_it_needs() -> None:
    """Five of a thousand are one request of five."""
    async with FaultServer(answer=paged) as server, session_at(server.url) as fivetran:
        groups = await fivetran.groups.list().take(5)
    assert [group.id for group in groups] == IDS[:5]
    assert [request.target for request in server.requests] == ["/v1/groups?limit=5"]


async def test_a_walk_asks_for_full_pages_and_a_page_for_the_default() -> None:
    """A walk sends the largest limit, for requests are what is counted; one page sends none."""
    async with FaultServer(answer=paged) as server, session_at(server.url) as fivetran:
        await fivetran.groups.list().collect(max_items=150)
        await fivetran.groups.list()
        await fivetran.groups.list(limit=7)
    assert [request.target for request in server.requests] == [
        "/v1/groups?limit=150",
        "/v1/groups?cursor=100&limit=150",
        "/v1/groups",
        "/v1/groups?limit=7",
    ]


async def test_prefetching_loses_nothing_either(clock: FakeClock) -> None:
    """With a page ahead on its way, faults are repeated all the same."""
    script = [step for _ in range(PAGES) for step in (faults.RESET, faults.GOOD)]
    async with (
        FaultServer(*script, answer=paged) as server,
        session_at(server.url, _clock=clock) as fivetran,
        fivetran.groups.list().prefetch() as groups,
    ):
        assert [group.id async for group in groups] == IDS


async def test_leaving_a_walk_leaves_nothing_open() -> None:
    """After a `break` there is no request under way and no slot taken."""
    async with FaultServer(answer=paged) as server, session_at(server.url) as fivetran:
        async for group in fivetran.groups.list():
            if group.id == IDS[150]:
                break
        limiter = fivetran._transport.options.limiter
        assert limiter is not None
        assert limiter.in_use == 0
    assert len(server.requests) == 2


@pytest.mark.parametrize("end", [{}, {"next_cursor": None}, {"next_cursor": ""}], ids=str)
async def test_every_way_of_saying_the_end_ends(end: dict[str, object]) -> None:
    """A missing, null or empty cursor is the last page; an empty page is not."""
    script = [page([], "one"), page(["a"], "two"), success({"items": [{"id": "b"}], **end})]
    async with FaultServer(*script) as server, session_at(server.url) as fivetran:
        groups = await fivetran.groups.list().collect()
    assert [group.id for group in groups] == ["a", "b"]
    assert len(server.requests) == 3


async def test_a_repeated_cursor_is_an_error() -> None:
    """A server that sends the same cursor again does not make a walk endless."""
    script = [page(["a"], "one"), page(["b"], "two"), page(["c"], "one")]
    async with FaultServer(*script) as server, session_at(server.url) as fivetran:
        ids: list[str] = []
        with pytest.raises(PaginationError, match="twice"):
            await walk_into(ids, fivetran.groups.list())
    assert ids == ["a", "b", "c"]
    assert len(server.requests) == 3
