"""Pages and pagers: what is asked for, what is given, and what an error keeps."""

from __future__ import annotations

import asyncio
import logging
import operator
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fivetran_async import (
    AsyncFivetran,
    InvalidArgumentError,
    Page,
    Pager,
    PaginationError,
    ServerError,
    UsageError,
)
from support.waiting import turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@attrs.define
class Numbers:
    """A list of numbers in pages, that remembers what it was asked for."""

    count: int
    default_limit: int = 100
    asked: list[tuple[str | None, int | None]] = attrs.field(
        factory=list[tuple[str | None, int | None]]
    )
    failures: dict[str | None, Exception] = attrs.field(factory=dict[str | None, Exception])
    """By cursor: what the next request for that page meets, once."""
    gate: asyncio.Event | None = None

    async def fetch(self, cursor: str | None, limit: int | None) -> Page[int]:
        """Return the page at a cursor."""
        self.asked.append((cursor, limit))
        if self.gate is not None:
            await self.gate.wait()
        if cursor in self.failures:
            raise self.failures.pop(cursor)
        start = int(cursor or 0)
        end = min(start + (limit or self.default_limit), self.count)
        return Page(tuple(range(start, end)), str(end) if end < self.count else None)

    def pager(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[int]:
        """The recipe of the list."""
        return Pager(self.fetch, label="GET /v1/numbers", limit=limit, cursor=cursor)


def pages_of(*pages: Page[int]) -> Pager[int]:
    """A list with these pages, whatever the cursor."""
    left = iter(pages)

    async def fetch(_cursor: str | None, _limit: int | None) -> Page[int]:
        return next(left)

    return Pager(fetch, label="GET /v1/odd")


async def test_awaiting_gives_one_page_at_the_api_s_default() -> None:
    """One page by itself sends no limit, and has the cursor of the next page."""
    numbers = Numbers(250)
    page = await numbers.pager()
    assert page == Page(tuple(range(100)), "100")
    assert await asyncio.create_task(numbers.pager(cursor="200").page()) == Page(
        tuple(range(200, 250))
    )
    await numbers.pager(limit=7)
    assert numbers.asked == [(None, None), ("200", None), (None, 7)]


async def test_making_a_pager_sends_nothing() -> None:
    """A pager is a recipe."""
    numbers = Numbers(10)
    assert repr(numbers.pager()) == "<Pager GET /v1/numbers>"
    assert numbers.asked == []


async def test_a_walk_asks_for_full_pages() -> None:
    """Requests are what the quota counts, so a walk asks for 1,000 items each."""
    numbers = Numbers(2500)
    assert [number async for number in numbers.pager()] == list(range(2500))
    assert numbers.asked == [(None, 1000), ("1000", 1000), ("2000", 1000)]


async def test_a_walk_keeps_to_a_limit_that_was_given() -> None:
    """`limit` sets the size of the pages, not the number of items."""
    numbers = Numbers(5)
    pages = [page async for page in numbers.pager(limit=2).pages()]
    assert [page.items for page in pages] == [(0, 1), (2, 3), (4,)]
    assert [page.next_cursor for page in pages] == ["2", "4", None]
    assert {limit for _, limit in numbers.asked} == {2}


async def test_every_use_starts_anew() -> None:
    """Two tasks may walk one pager at the same time; both see everything."""
    pager = Numbers(300).pager(limit=100)
    one, other = await asyncio.gather(pager.collect(), pager.collect())
    assert one == other == list(range(300))


async def test_a_walk_begins_at_its_cursor() -> None:
    """`cursor` resumes a walk."""
    assert await Numbers(10).pager(cursor="7").collect() == [7, 8, 9]


async def test_an_empty_page_does_not_end_a_walk() -> None:
    """Only a missing cursor does; an empty one is as good as missing."""
    pager = pages_of(Page((), "a"), Page((1,), "b"), Page((), "c"), Page((2,), ""))
    assert await pager.collect() == [1, 2]


async def test_a_walk_that_has_ended_stays_so() -> None:
    """Asking on after the end sends nothing."""
    numbers = Numbers(1)
    walk = aiter(numbers.pager())
    assert [number async for number in walk] == [0]
    assert [number async for number in walk] == []
    assert len(numbers.asked) == 1


@pytest.mark.parametrize("cursors", [["a", "a"], ["a", "b", "c", "a"], ["start"]])
async def test_a_repeated_cursor_is_an_error(cursors: list[str]) -> None:
    """A server that goes in a circle, of any length, is found out; what it sent is kept."""
    answers = iter(enumerate(cursors))

    async def fetch(_cursor: str | None, _limit: int | None) -> Page[int]:
        number, cursor = next(answers)
        return Page((number,), cursor)

    pager = Pager(fetch, label="GET /v1/circle", cursor="start")
    with pytest.raises(PaginationError, match=f"cursor '{cursors[-1]}' twice") as caught:
        await pager.collect()
    assert caught.value.collected == tuple(range(len(cursors)))
    assert caught.value.resume_cursor == cursors[-1]


async def test_take_asks_for_no_more_than_it_needs() -> None:
    """Few items are one small page; many are full pages, and none after the last that is needed."""
    numbers = Numbers(10_000)
    assert await numbers.pager().take(5) == [0, 1, 2, 3, 4]
    assert await numbers.pager().take(2500) == list(range(2500))
    assert await numbers.pager(limit=2).take(4) == [0, 1, 2, 3]
    assert await numbers.pager().take(0) == []
    assert [limit for _, limit in numbers.asked] == [5, 1000, 1000, 1000, 2, 2]
    assert await Numbers(3).pager().take(5) == [0, 1, 2]


async def test_collect_stops_at_max_items() -> None:
    """`max_items` bounds the list; without it, everything comes."""
    numbers = Numbers(2200)
    assert await numbers.pager().collect(max_items=2) == [0, 1]
    assert await numbers.pager().collect(max_items=0) == []
    assert await numbers.pager().collect() == list(range(2200))
    assert len(numbers.asked) == 4


async def test_an_error_tells_where_to_go_on() -> None:
    """What had come is on the error, and the walk from its cursor brings the rest."""
    error = ServerError("down", status=503)
    numbers = Numbers(500, failures={"200": error})
    with pytest.raises(ServerError) as caught:
        await numbers.pager(limit=100).collect()
    assert caught.value is error
    assert error.__notes__ == ["The walk of GET /v1/numbers stopped at cursor='200'"]
    rest = await numbers.pager(limit=100, cursor=error.resume_cursor).collect()
    assert [*error.collected, *rest] == list(range(500))


async def test_an_error_on_the_first_page_has_nothing_to_resume() -> None:
    """The first page is where a walk begins anyway."""
    error = ServerError("down", status=503)
    with pytest.raises(ServerError):
        await Numbers(5, failures={None: error}).pager().take(3)
    assert (error.resume_cursor, error.collected) == (None, ())
    assert error.__notes__ == ["The walk of GET /v1/numbers stopped at its first page"]


async def test_a_walk_goes_on_at_the_page_that_failed() -> None:
    """An iterator that raised is not lost: its next step retries the same page."""
    numbers = Numbers(4, failures={"2": ServerError("down", status=503)})
    walk = aiter(numbers.pager(limit=2))
    seen = [await anext(walk), await anext(walk)]
    with pytest.raises(ServerError):
        await anext(walk)
    seen += [number async for number in walk]
    assert seen == [0, 1, 2, 3]


async def test_a_walk_survives_the_cancellation_of_a_wait() -> None:
    """A page that took too long is fetched once more, and nothing is left out."""
    numbers = Numbers(4, gate=asyncio.Event())
    walk = aiter(numbers.pager(limit=2))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(walk)
    assert numbers.gate is not None
    numbers.gate.set()
    assert [number async for number in walk] == [0, 1, 2, 3]


async def test_two_tasks_cannot_share_one_walk() -> None:
    """A second task that advances the same iterator is refused, instead of doubling a page."""
    numbers = Numbers(4, gate=asyncio.Event())
    walk = aiter(numbers.pager().pages())
    first = asyncio.ensure_future(anext(walk))
    await asyncio.sleep(0)
    with pytest.raises(UsageError, match="Another task"):
        await anext(walk)
    assert numbers.gate is not None
    numbers.gate.set()
    assert (await first).items == (0, 1, 2, 3)


async def test_a_row_that_is_not_paginated_is_asked_plainly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither limit nor cursor is sent; a cursor in the response is a warning, not a page."""
    asked: list[tuple[str | None, int | None]] = []

    async def fetch(cursor: str | None, limit: int | None) -> Page[int]:
        asked.append((cursor, limit))
        return Page((1, 2), "more")

    pager = Pager(fetch, label="GET /v1/entities", paginated=False)
    with caplog.at_level(logging.WARNING, "fivetran_async"):
        assert await pager.collect() == [1, 2]
        assert await pager.take(1) == [1]
    await pager
    assert asked == [(None, None)] * 3
    assert "GET /v1/entities has more items" in caplog.text
    with pytest.raises(InvalidArgumentError, match="`limit` and `cursor` are not supported"):
        _ = Pager(fetch, label="GET /v1/entities", limit=5, paginated=False)


@pytest.mark.parametrize("limit", [0, 1001, -1, True, "5", 2.5])
def test_a_limit_is_checked_at_once(limit: object) -> None:
    """A limit the API would refuse is refused when the list is made."""
    with pytest.raises(InvalidArgumentError, match="`limit` must be a whole number from 1 to 1000"):
        _ = Numbers(1).pager(limit=limit)  # type: ignore[arg-type]


@pytest.mark.parametrize("cursor", ["", 5, b"c", True])
def test_a_cursor_is_checked_at_once(cursor: object) -> None:
    """A cursor is text that a page gave."""
    with pytest.raises(InvalidArgumentError, match="`cursor` must be the `next_cursor` of a page"):
        _ = Numbers(1).pager(cursor=cursor)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [-1, True, "5", None])
async def test_a_number_of_items_is_checked(number: object) -> None:
    """A value that is not a number of items is refused by name, before anything is sent."""
    numbers = Numbers(5)
    with pytest.raises(InvalidArgumentError, match="`n` must be a whole number of at least 0"):
        await numbers.pager().take(number)  # type: ignore[arg-type]
    if number is not None:
        with pytest.raises(InvalidArgumentError, match="`max_items`"):
            await numbers.pager().collect(max_items=number)  # type: ignore[arg-type]
    assert numbers.asked == []


PLAIN_USES: dict[str, Callable[[Any], object]] = {
    "iterate": list,
    "length": len,
    "index": operator.itemgetter(0),
    "in": lambda value: 1 in value,
    "unpack": lambda value: [*value],
    "truth": bool,
}


@pytest.mark.parametrize("use", PLAIN_USES)
def test_neither_a_page_nor_a_pager_is_the_list(use: str) -> None:
    """Plain iteration would cut the list off at page one, so it is refused, with what to write."""
    with pytest.raises(UsageError, match=r"`async for`.*`await pager\.collect\(\)`"):
        PLAIN_USES[use](Numbers(5).pager())
    with pytest.raises(UsageError, match=r"`page\.items`.*`async for`.*collect\(\)"):
        PLAIN_USES[use](Page((1, 2, 3), "3"))


def test_pages_and_pagers_are_immutable() -> None:
    """Tasks may share them."""
    page, pager = Page((1,)), Numbers(1).pager()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        page.items = ()  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        pager._limit = 5  # type: ignore[misc]


async def test_a_function_of_one_s_own_is_paged() -> None:
    """It may give pages, or pairs of items and a cursor; its first cursor is None."""
    asked: list[str | None] = []

    async def letters(cursor: str | None) -> Page[str] | tuple[list[str], str | None]:
        asked.append(cursor)
        return Page(("a",), "second") if cursor is None else (["b", "c"], "")

    pager = Pager.from_fetch(letters)
    assert "letters" in repr(pager)
    assert await pager.collect() == ["a", "b", "c"]
    assert await Pager.from_fetch(letters, cursor="second").take(1) == ["b"]
    assert asked == [None, "second", "second"]


@pytest.mark.parametrize("answer", [None, [1, 2, 3], (5, None), ([1], 5), Page((1,), 5)])  # type: ignore[arg-type]
async def test_a_function_that_gives_no_page_is_told_so(answer: object) -> None:
    """
    A result that is not a page or a pair with a str or None as cursor is a `UsageError`.

    Siblings: the function of `fan_out`, which refuses results that it cannot walk.
    """

    async def fetch(_cursor: str | None) -> Page[int]:
        return answer  # type: ignore[return-value]

    with pytest.raises(UsageError, match=r"from_fetch"):
        await Pager.from_fetch(fetch).collect()


async def test_a_foreign_error_keeps_its_type_and_gets_a_note() -> None:
    """An error of a caller's own function passes, with the place of the walk in its notes."""

    async def fetch(cursor: str | None) -> tuple[list[int], str | None]:
        if cursor is None:
            return [1], "second"
        raise LookupError(cursor)

    with pytest.raises(LookupError) as caught:
        await Pager.from_fetch(fetch).collect()
    assert "stopped at cursor='second'" in caught.value.__notes__[0]


async def test_a_walk_does_not_take_an_error_for_its_end() -> None:
    """A function that raises StopAsyncIteration, as `anext` does, has not returned a last page."""

    async def fetch(cursor: str | None) -> tuple[list[int], str | None]:
        if cursor is None:
            return [1], "second"
        raise StopAsyncIteration

    pager = Pager.from_fetch(fetch)
    with pytest.raises(UsageError, match="raised StopAsyncIteration") as caught:
        await pager.collect()
    assert (caught.value.collected, caught.value.resume_cursor) == ((1,), "second")
    with pytest.raises(UsageError, match="raised StopAsyncIteration"):
        async with pager.prefetch() as items:
            assert [item async for item in items] == []


async def test_prefetch_has_the_next_page_on_its_way() -> None:
    """While the items of a page are walked, one more page was asked for, never two."""
    numbers = Numbers(6)
    ahead: list[int] = []
    async with numbers.pager(limit=2).prefetch() as items:
        seen: list[int] = []
        async for number in items:
            seen.append(number)
            await turns()
            ahead.append(len(numbers.asked))
        assert [number async for number in items] == []
    assert seen == list(range(6))
    assert ahead == [2, 2, 3, 3, 3, 3]


async def leave_by_break(items: AsyncIterator[int]) -> None:
    """Leave after the first item."""
    async for _ in items:
        break


async def leave_by_error(items: AsyncIterator[int]) -> None:
    """Leave by raising."""
    async for _ in items:
        raise LookupError


async def leave_by_cancellation(items: AsyncIterator[int]) -> None:
    """Leave by being cancelled."""
    async for _ in items:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)


async def leave_unused(_items: AsyncIterator[int]) -> None:
    """Leave without taking anything."""


@pytest.mark.parametrize(
    "leave", [leave_by_break, leave_by_error, leave_by_cancellation, leave_unused]
)
async def test_leaving_a_prefetch_ends_its_task(
    leave: Callable[[AsyncIterator[int]], Awaitable[None]],
) -> None:
    """However the block is left, the request for the next page is cancelled."""
    numbers = Numbers(4)

    async def walk() -> None:
        async with numbers.pager(limit=2).prefetch() as items:
            await leave(items)

    before = asyncio.all_tasks()
    task = asyncio.create_task(walk())
    await asyncio.wait([task])
    assert asyncio.all_tasks() == before
    assert task.cancelled() == (leave is leave_by_cancellation)
    if leave is leave_by_error:
        with pytest.raises(LookupError):
            await task


async def test_a_prefetched_error_comes_in_its_turn() -> None:
    """The items before a page that failed come first; the error then stays."""
    error = ServerError("down", status=503)
    numbers = Numbers(6, failures={"2": error})
    async with numbers.pager(limit=2).prefetch() as items:
        assert [await anext(items), await anext(items)] == [0, 1]
        for _ in range(2):
            with pytest.raises(ServerError):
                await anext(items)
    assert error.resume_cursor == "2"
    assert [asked for asked, _ in numbers.asked] == [None, "2"]


async def test_a_prefetched_error_that_nobody_meets_is_dropped() -> None:
    """Leaving the block before the failed page is not a failure."""
    numbers = Numbers(6, failures={"2": ServerError("down", status=503)})
    async with numbers.pager(limit=2).prefetch() as items:
        assert await anext(items) == 0
        await turns()
    assert len(numbers.asked) == 2


async def test_a_consumer_that_gives_up_waiting_does_not_lose_the_page() -> None:
    """A timeout around one wait leaves the page on its way."""
    numbers = Numbers(2, gate=asyncio.Event())
    async with numbers.pager().prefetch() as items:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(items)
        assert numbers.gate is not None
        numbers.gate.set()
        assert [number async for number in items] == [0, 1]
    assert len(numbers.asked) == 1


async def test_two_tasks_cannot_share_a_prefetch() -> None:
    """
    A second consumer is refused, because two pages that arrive at once would replace each other.

    Siblings: `pages()` and `async for` over one iterator, which refuse it alike.
    """
    numbers = Numbers(400, gate=asyncio.Event())
    async with numbers.pager(limit=100).prefetch() as items:
        first = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        with pytest.raises(UsageError, match="Another task"):
            await anext(items)
        assert numbers.gate is not None
        numbers.gate.set()
        assert [await first] + [number async for number in items] == list(range(400))


async def test_a_cancelled_consumer_does_not_block_a_prefetch() -> None:
    """Another consumer may take over from one that was cancelled while it waited."""
    numbers = Numbers(4, gate=asyncio.Event())
    async with numbers.pager(limit=2).prefetch() as items:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(items)
        assert numbers.gate is not None
        numbers.gate.set()
        assert [number async for number in items] == [0, 1, 2, 3]


async def test_items_of_a_prefetch_end_with_its_block() -> None:
    """Also the rest of a page that had arrived, and a walk that was at its end, are refused."""
    for taken in (1, 4):
        async with Numbers(4).pager(limit=2).prefetch() as items:
            for _ in range(taken):
                await anext(items)
        with pytest.raises(UsageError, match="block was left"):
            await anext(items)


async def test_a_prefetch_is_used_in_its_block_and_once() -> None:
    """Before, after and a second time are errors that say what to write."""
    prefetch = Numbers(2).pager().prefetch()
    with pytest.raises(UsageError, match=r"async with pager\.prefetch"):
        async for _ in prefetch:  # type: ignore[attr-defined]
            pass
    async with prefetch as items:
        pass
    with pytest.raises(UsageError, match="block was left"):
        await anext(items)
    with pytest.raises(UsageError, match=r"entered before"):
        await prefetch.__aenter__()


async def test_a_prefetch_that_resists_is_waited_for() -> None:
    """A cancelled leaver waits until its task has ended, and is cancelled then."""
    resisted = asyncio.Event()

    async def fetch(_cursor: str | None, _limit: int | None) -> Page[int]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            resisted.set()
            await asyncio.sleep(0.01)
            raise
        raise AssertionError

    async def walk() -> None:
        async with Pager(fetch, label="GET /v1/slow").prefetch():
            await turns()

    task = asyncio.create_task(walk())
    await resisted.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_breaking_off_a_walk_leaves_nothing_open() -> None:
    """Over real sockets: `break` leaves no task, and the session closes every socket."""

    async def groups(request: web.Request) -> web.Response:
        start = int(request.query.get("cursor", "0"))
        items = [{"id": f"group_{number}"} for number in range(start, start + 10)]
        data = {"items": items, "next_cursor": str(start + 10)}
        return web.json_response({"code": "Success", "data": data})

    app = web.Application()
    app.router.add_get("/v1/groups", groups)
    seen: list[str] = []
    async with (
        TestServer(app) as server,
        AsyncFivetran("key", "secret", base_url=str(server.make_url(""))) as fivetran,
    ):
        async for group in fivetran.groups.list():
            seen.append(group.id)
            if len(seen) == 25:
                break
        after_break = asyncio.all_tasks()
        async with fivetran.groups.list().prefetch() as items:
            seen.append((await anext(items)).id)
        assert asyncio.all_tasks() <= after_break
    assert seen == [*(f"group_{number}" for number in range(25)), "group_0"]
