"""Fan-out: what comes out, in what order, within which bound, and what is left behind."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import itertools
import weakref
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import attrs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fivetran_async import (
    AsyncFivetran,
    ConcurrencyLimiter,
    FanOutFailure,
    FivetranError,
    InvalidArgumentError,
    Page,
    Pager,
    ServerError,
    UsageError,
    fan_out,
)
from fivetran_async.limits import request_slots
from fivetran_async.models import Group
from support.waiting import PATIENCE, turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

T = TypeVar("T")
Mode: TypeAlias = Literal["raise", "yield"]


@attrs.define
class Account:
    """An API of groups with connections, that knows how many requests it serves at once."""

    groups: int = 100
    connections: int = 3
    page: int = 25
    latency: float = 0.002
    in_flight: int = 0
    peak: int = 0
    served: int = 0
    crowd: int = 0
    """Responses about groups wait until a number of requests arrived together."""
    crowded: asyncio.Event = attrs.field(factory=asyncio.Event)
    url: str = ""
    broken: str = ""
    """A group with connections that cannot be listed."""

    def app(self) -> web.Application:
        """Serve the two lists and the details."""
        app = web.Application()
        app.router.add_get("/v1/groups", self._list_groups)
        app.router.add_get("/v1/groups/{group_id}", self._get_group)
        app.router.add_get("/v1/connections", self._list_connections)
        return app

    async def _list_groups(self, request: web.Request) -> web.Response:
        return await self._page(request, [f"group_{number}" for number in range(self.groups)], 0)

    async def _get_group(self, request: web.Request) -> web.Response:
        await self._serve(self.crowd)
        return web.json_response(
            {"code": "Success", "data": {"id": request.match_info["group_id"]}}
        )

    async def _list_connections(self, request: web.Request) -> web.Response:
        group = request.query["group_id"]
        if group == self.broken:
            return web.json_response({"code": "Forbidden"}, status=403)
        ids = [f"{group}_{number}" for number in range(self.connections)]
        return await self._page(request, ids, self.crowd)

    async def _page(self, request: web.Request, ids: list[str], crowd: int) -> web.Response:
        await self._serve(crowd)
        start = int(request.query.get("cursor", "0"))
        end = start + min(self.page, int(request.query.get("limit", "1000")))
        data: dict[str, object] = {"items": [{"id": name} for name in ids[start:end]]}
        if end < len(ids):
            data["next_cursor"] = str(end)
        return web.json_response({"code": "Success", "data": data})

    async def _serve(self, crowd: int) -> None:
        self.in_flight += 1
        self.served += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            if 0 < crowd <= self.in_flight:
                self.crowded.set()
            await (self.crowded.wait() if crowd else asyncio.sleep(self.latency))
        finally:
            self.in_flight -= 1


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    """An account that is served on loopback for one test."""
    account = Account()
    async with TestServer(account.app()) as server:
        account.url = str(server.make_url(""))
        yield account


@pytest.fixture
async def fivetran(account: Account) -> AsyncIterator[AsyncFivetran]:
    """A session on that account; its own limiter does not interfere."""
    async with AsyncFivetran("key", "secret", base_url=account.url, limiter=None) as session:
        yield session


async def drain(results: AsyncIterator[T], into: list[T] | None = None) -> None:
    """Take results to the end, or to the error."""
    async for result in results:
        if into is not None:
            into.append(result)


def numbers(
    count: int, *, page: int = 10, failing_at: str | None = None, log: list[str] | None = None
) -> Pager[int]:
    """A list of numbers that needs no server; one of its pages may fail."""

    async def fetch(cursor: str | None, _limit: int | None) -> Page[int]:
        await asyncio.sleep(0)
        if log is not None:
            log.append(cursor or "0")
        if cursor is not None and cursor == failing_at:
            raise ServerError("down", status=503)
        start = int(cursor or 0)
        end = min(start + page, count)
        return Page(tuple(range(start, end)), str(end) if end < count else None)

    return Pager(fetch, label="GET /v1/numbers")


async def test_every_pair_comes_once(account: Account, fivetran: AsyncFivetran) -> None:
    """Each connection comes with its group, and all of them do; more requests ran at once."""
    account.groups, account.connections, account.crowd = 40, 30, 8
    async with fivetran.fan_out(
        fivetran.groups.list(limit=25),
        lambda group: fivetran.connections.list(group_id=group.id),
        concurrency=8,
    ) as results:
        pairs = [(group.id, connection.id) async for group, connection in results]
    assert sorted(pairs) == sorted(
        (f"group_{group}", f"group_{group}_{number}") for group in range(40) for number in range(30)
    )
    assert account.peak == 8
    assert account.served == 2 + 80


async def test_the_bound_counts_every_request(account: Account, fivetran: AsyncFivetran) -> None:
    """A function that sends three requests at once stays, with the listing, within the bound."""
    account.groups, account.crowd = 40, 8

    async def ask_thrice(group_id: str) -> int:
        answers = await asyncio.gather(*(fivetran.groups.get(group_id) for _ in range(3)))
        return len(answers)

    async with fan_out(
        fivetran.groups.list(limit=10), lambda group: ask_thrice(group.id), concurrency=8
    ) as results:
        counts = [count async for _, count in results]
    assert counts == [3] * 40
    assert account.served == 4 + 120
    assert account.peak == 8


async def test_fan_outs_may_share_a_bound(account: Account, fivetran: AsyncFivetran) -> None:
    """Two fan-outs with one limiter stay within it together."""
    account.groups, account.crowd = 20, 5
    limiter = ConcurrencyLimiter(5)

    async def sweep() -> int:
        async with fivetran.fan_out(
            fivetran.groups.list(),
            lambda group: fivetran.connections.list(group_id=group.id),
            limiter=limiter,
        ) as results:
            return len([pair async for pair in results])

    assert list(await asyncio.gather(sweep(), sweep())) == [60, 60]
    assert account.peak == 5
    assert limiter.in_use == 0


async def test_a_nested_fan_out_stays_within_the_outer_bound(
    account: Account, fivetran: AsyncFivetran
) -> None:
    """What a fan-out inside a fan-out sends counts for both bounds."""
    account.groups, account.crowd = 10, 4

    async def inner(group_id: str) -> int:
        async with fan_out([group_id] * 5, fivetran.groups.get, concurrency=3) as results:
            return len([pair async for pair in results])

    async with fan_out(
        fivetran.groups.list(), lambda group: inner(group.id), concurrency=4
    ) as results:
        assert [count async for _, count in results] == [5] * 10
    assert account.peak == 4


async def leave_by_break(results: AsyncIterator[object]) -> None:
    """Leave after some results."""
    async for _ in results:
        break


async def leave_by_error(results: AsyncIterator[object]) -> None:
    """Leave by raising."""
    async for _ in results:
        raise LookupError


async def leave_by_cancellation(results: AsyncIterator[object]) -> None:
    """Leave by being cancelled, in the wait for a result."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_later(0.01, task.cancel)
    async for _ in results:
        pass


async def leave_at_once(_results: AsyncIterator[object]) -> None:
    """Leave before anything came."""


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize(
    ("leave", "outcome"),
    [
        (leave_by_break, type(None)),
        (leave_by_error, LookupError),
        (leave_by_cancellation, asyncio.CancelledError),
        (leave_at_once, type(None)),
    ],
)
async def test_leaving_leaves_nothing_behind(
    account: Account,
    fivetran: AsyncFivetran,
    leave: Callable[[AsyncIterator[object]], Awaitable[None]],
    outcome: type[object],
    *,
    ordered: bool,
) -> None:
    """However the block is left, no task and no slot remain; with the session, no socket."""
    account.latency = 0.02
    limiter = ConcurrencyLimiter(8)
    before = asyncio.all_tasks()

    async def sweep() -> None:
        async with fivetran.fan_out(
            fivetran.groups.list(limit=20),
            lambda group: fivetran.connections.list(group_id=group.id),
            concurrency=8,
            limiter=limiter,
            ordered=ordered,
        ) as results:
            await leave(results)
            assert leave in (leave_by_break, leave_at_once)
        ours = {task for task in asyncio.all_tasks() - before if not is_of_a_server(task)}
        assert ours == {asyncio.current_task()}

    [left] = await asyncio.gather(asyncio.create_task(sweep()), return_exceptions=True)
    assert type(left) is outcome
    assert (limiter.in_use, limiter.waiting) == (0, 0)


def is_of_a_server(task: asyncio.Task[Any]) -> bool:
    """Whether a task belongs to the test's own server."""
    return "web_protocol" in repr(task)


async def test_results_come_while_the_source_is_still_listed() -> None:
    """The first result does not wait for the end of the listing."""
    listed = asyncio.Event()

    async def endless_wait() -> AsyncIterator[int]:
        yield 1
        await listed.wait()
        yield 2

    async with fan_out(endless_wait(), numbers) as results:
        assert await anext(results) == (1, 0)
        listed.set()
        assert [pair async for pair in results] == [(2, 0), (2, 1)]


async def double(number: int) -> int:
    """A coroutine function of one source."""
    await asyncio.sleep(0)
    return 2 * number


async def countdown(number: int) -> AsyncIterator[int]:
    """An async generator of one source."""
    for left in range(number, 0, -1):
        await asyncio.sleep(0)
        yield left


async def few() -> AsyncIterator[int]:
    """An async generator of sources."""
    for number in range(4):
        yield number


@pytest.mark.parametrize("source", [lambda: range(4), lambda: numbers(4), few])
async def test_any_iterable_is_a_source(source: Callable[[], Any]) -> None:
    """A pager, an async generator and a plain iterable are all walked."""
    async with fan_out(source(), double, ordered=True) as results:
        assert [pair async for pair in results] == [(0, 0), (1, 2), (2, 4), (3, 6)]


async def test_async_iterables_are_flattened_and_coroutines_are_not() -> None:
    """An async generator gives a pair for each item; a coroutine gives one, even of None."""

    async def nothing(_number: int) -> None:
        await asyncio.sleep(0)

    async with fan_out([3, 0, 1], countdown, ordered=True) as items:
        assert [pair async for pair in items] == [(3, 3), (3, 2), (3, 1), (1, 1)]
    async with fan_out([3], nothing, empties=True) as nones:
        assert [pair async for pair in nones] == [(3, None)]


async def test_ordered_results_follow_the_source() -> None:
    """However long each takes, results come in the order of the sources, pages whole."""

    async def late(number: int) -> int:
        await asyncio.sleep(0.01 if number % 5 == 0 else 0)
        return number

    async with fan_out(range(30), late, concurrency=4, ordered=True) as results:
        assert [result async for _, result in results] == list(range(30))
    async with fan_out([25, 0, 12], numbers, ordered=True) as results:
        assert [result async for _, result in results] == [*range(25), *range(12)]


async def test_without_order_the_quick_overtake_the_slow() -> None:
    """Results come as they complete."""
    gate = asyncio.Event()

    async def work(number: int) -> int:
        if number == 0:
            await gate.wait()
        return number

    async with fan_out(range(5), work) as results:
        quick = {(await anext(results))[1] for _ in range(4)}
        gate.set()
        assert quick == {1, 2, 3, 4}
        assert await anext(results) == (0, 0)


async def test_empties_are_given_on_demand() -> None:
    """A source without any result is left out, or comes with None."""
    async with fan_out([0, 2], numbers, ordered=True) as results:
        assert [pair async for pair in results] == [(2, 0), (2, 1)]
    async with fan_out([0, 2], numbers, ordered=True, empties=True) as results:
        assert [pair async for pair in results] == [(0, None), (2, 0), (2, 1)]


async def test_an_error_ends_the_walk_and_names_its_source(
    account: Account, fivetran: AsyncFivetran
) -> None:
    """The error of one source comes out as it is, with the source on it and in its notes."""
    account.broken = "group_7"
    async with fivetran.fan_out(
        fivetran.groups.list(), lambda group: fivetran.connections.list(group_id=group.id)
    ) as results:
        with pytest.raises(FivetranError) as caught:
            await drain(results)
    assert caught.value.status == 403
    assert getattr(caught.value.fan_out_source, "id", None) == "group_7"
    assert any("group_7" in note for note in caught.value.__notes__)


async def test_what_was_queued_comes_before_the_error() -> None:
    """Results that were there before a failure are given first; what was not is cancelled."""
    cancelled: list[int] = []
    gate = asyncio.Event()

    async def work(number: int) -> AsyncIterator[int]:
        yield number
        if number == 2:
            raise LookupError(number)
        try:
            await gate.wait()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    seen: list[tuple[int, int]] = []
    async with fan_out(range(4), work) as results:
        with pytest.raises(LookupError) as caught:
            await drain(results, seen)
        assert sorted(seen) == [(number, number) for number in range(4)]
        assert [pair async for pair in results] == []
    assert sorted(cancelled) == [0, 1, 3]
    assert caught.value.__notes__ == ["fan_out: the failed source is 2"]


async def test_an_ordered_walk_ends_where_its_error_is() -> None:
    """Sources before the one that failed are given whole, later ones not at all."""
    gate = asyncio.Event()

    async def work(number: int) -> AsyncIterator[str]:
        yield f"{number} begins"
        if number in (2, 5):
            gate.set()
            raise LookupError(number)
        await gate.wait()
        await turns()
        yield f"{number} ends"

    seen: list[tuple[int, str]] = []
    async with fan_out(range(8), work, ordered=True) as results:
        with pytest.raises(LookupError, match="2"):
            await drain(results, seen)
    assert [text for _, text in seen] == ["0 begins", "0 ends", "1 begins", "1 ends", "2 begins"]


async def test_failures_may_be_results() -> None:
    """With `on_error="yield"` a source that fails is a result, after what it gave; others go on."""
    async with fan_out(
        [15, 25, 35],
        lambda count: numbers(count, failing_at="20" if count == 25 else None),
        on_error="yield",
        ordered=True,
        empties=True,
    ) as results:
        pairs = [pair async for pair in results]
    given = [result for source, result in pairs if source == 25]
    failure = given.pop()
    assert given == list(range(20))
    assert isinstance(failure, FanOutFailure)
    assert failure.source == 25
    assert isinstance(failure.error, ServerError)
    assert failure.error.resume_cursor == "20"
    assert failure.error.fan_out_source == 25
    assert [source for source, _ in pairs] == [15] * 15 + [25] * 21 + [35] * 35


async def test_sources_may_share_a_failure() -> None:
    """Sources that await one future fail with one error; each result names its own source."""

    async def fail() -> int:
        raise ServerError("the group cannot be read")

    shared = asyncio.ensure_future(fail())

    async def share(_: int) -> int:
        return await shared

    async with fan_out([1, 2, 3], share, on_error="yield") as results:
        failures = [result async for _, result in results if isinstance(result, FanOutFailure)]
    assert [failure.error.fan_out_source for failure in failures] == [1, 2, 3]
    for failure in failures:
        assert failure.error.__notes__ == [f"fan_out: the failed source is {failure.source}"]
        assert failure.error.__traceback__ is not None


def refuse(number: int) -> Pager[int]:
    """A function that fails before it returns anything."""
    raise LookupError(number)


def forget_to_wait(_number: int) -> Pager[int]:
    """A function that returns nothing to await, though its annotation promises it."""
    return 5  # type: ignore[return-value]


@pytest.mark.parametrize(("func", "error"), [(refuse, LookupError), (forget_to_wait, UsageError)])
async def test_a_function_that_fails_at_once_is_a_failed_source(
    func: Callable[[int], Pager[int]], error: type[Exception]
) -> None:
    """Raising, or returning what cannot be awaited or iterated, counts as the source's failure."""
    async with fan_out([1], func, on_error="yield", catch=Exception) as results:
        [(source, failure)] = [pair async for pair in results]
    assert isinstance(failure, FanOutFailure)
    assert (source, type(failure.error)) == (1, error)


@pytest.mark.parametrize("ordered", [False, True])
async def test_a_function_that_returns_no_pager_is_no_failed_source(*, ordered: bool) -> None:
    """Without `catch`, the wrong kind of function raises once, and does not fail every source."""
    async with fan_out(range(9), forget_to_wait, on_error="yield", ordered=ordered) as results:
        with pytest.raises(UsageError, match="must return a pager"):
            await drain(results, [])


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("catch", [None, OSError, (OSError, ValueError), FivetranError])
async def test_a_defect_of_the_function_is_raised(
    catch: type[Exception] | tuple[type[Exception], ...] | None, *, ordered: bool
) -> None:
    """An error that `catch` does not name ends the walk, after the results that came before it."""
    at_work = 0

    async def work(number: int) -> int:
        nonlocal at_work
        at_work += 1
        try:
            if number == 1:
                raise (OSError if catch and catch is not FivetranError else FivetranError)("late")
            if number == 2:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                raise KeyError("a typo")
            await asyncio.sleep(3600 if number > 2 else 0)
        finally:
            at_work -= 1
        return number

    given: dict[str, Any] = {} if catch is None else {"catch": catch}
    seen: list[tuple[int, object]] = []
    async with fan_out(range(9), work, on_error="yield", ordered=ordered, **given) as results:
        with pytest.raises(KeyError, match="a typo") as caught:
            await drain(results, seen)
        assert [pair async for pair in results] == []
    assert "fan_out: the failed source is 2" in caught.value.__notes__
    assert [source for source, _ in sorted(seen, key=lambda pair: pair[0])] == [0, 1]
    assert {source for source, found in seen if isinstance(found, FanOutFailure)} == {1}
    assert at_work == 0


def test_a_failure_has_a_type_at_run_time() -> None:
    """The class of the error can be left out of the annotation."""
    assert FanOutFailure[int] == FanOutFailure[int, FivetranError]
    assert FanOutFailure[int, Exception] != FanOutFailure[int]
    generic: Any = FanOutFailure
    with pytest.raises(TypeError):
        generic[()]


@pytest.mark.parametrize("mode", ["raise", "yield"])
@pytest.mark.parametrize("ordered", [False, True])
async def test_a_listing_that_fails_is_raised_after_all_that_it_gave(
    mode: Mode, *, ordered: bool
) -> None:
    """Everything that was listed is done, so that the walk can go on at the error's cursor."""
    seen: list[tuple[int, object]] = []
    async with fan_out(
        numbers(100, page=10, failing_at="30"), double, on_error=mode, ordered=ordered
    ) as results:
        with pytest.raises(ServerError) as caught:
            await drain(results, seen)
        assert [pair async for pair in results] == []
    assert sorted(source for source, _ in seen) == list(range(30))
    assert caught.value.resume_cursor == "30"
    assert caught.value.fan_out_source is None
    assert "its source failed" in caught.value.__notes__[-1]


async def test_a_plain_iterable_may_fail_too() -> None:
    """An error of a generator of sources is the listing's error."""

    def sources() -> Iterator[int]:
        yield 1
        raise LookupError

    async with fan_out(sources(), double) as results:
        assert await anext(results) == (1, 2)
        with pytest.raises(LookupError):
            await anext(results)


async def test_a_cancellation_from_within_is_a_failure() -> None:
    """A function that awaits something cancelled does not end the walk in silence."""

    async def await_the_cancelled(_number: int) -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with fan_out([1], await_the_cancelled) as results:
        with pytest.raises(FivetranError, match="raised CancelledError by itself"):
            await anext(results)


async def test_what_is_no_exception_is_never_a_result() -> None:
    """With `on_error="yield"` too, what does not derive from Exception is raised."""

    class StopEverything(BaseException):
        """Stands for what ends a program."""

    async def stop(_number: int) -> None:
        raise StopEverything

    async with fan_out([1], stop, on_error="yield") as results:
        with pytest.raises(StopEverything):
            await anext(results)


async def test_no_more_functions_than_the_bound_are_at_work() -> None:
    """A function that sends nothing is bounded as well."""
    at_work, peak = 0, 0
    crowded = asyncio.Event()

    async def work(number: int) -> int:
        nonlocal at_work, peak
        at_work += 1
        peak = max(peak, at_work)
        if at_work == 6:
            crowded.set()
        await crowded.wait()
        await turns()
        at_work -= 1
        return number

    async with fan_out(range(50), work, concurrency=6) as results:
        assert len([pair async for pair in results]) == 50
    assert peak == 6


@pytest.mark.parametrize(("ordered", "most"), [(False, 8), (True, 28)])
async def test_a_slow_consumer_holds_the_work_back(*, ordered: bool, most: int) -> None:
    """Without a consumer, a limited number of pages is fetched, and of sources listed."""
    pages: list[str] = []
    listed: list[str] = []
    async with fan_out(
        numbers(10_000, page=10, log=listed),
        lambda _: numbers(100_000, page=500, log=pages),
        concurrency=4,
        ordered=ordered,
    ) as results:
        await anext(results)
        for _ in range(200):
            await asyncio.sleep(0)
        assert 4 <= len(pages) <= most
        assert len(listed) <= 3
        for _ in range(5000):
            await anext(results)
        assert 10 <= len(pages) <= most + 10


@pytest.mark.parametrize("ordered", [False, True])
async def test_held_back_single_items_all_come(*, ordered: bool) -> None:
    """Sources that return items one by one pass a full queue without loss."""

    async def burst(count: int) -> AsyncIterator[int]:
        for item in range(count):
            yield item

    async with fan_out([700] * 4, burst, concurrency=1, ordered=ordered) as results:
        for _ in range(20):
            await asyncio.sleep(0)
        pairs = [pair async for pair in results]
    assert pairs == [(700, item) for _ in range(4) for item in range(700)]


async def test_an_ordered_walk_is_not_blocked_by_those_behind() -> None:
    """Later sources that fill the queue do not keep the first from going on."""
    gate = asyncio.Event()

    async def fetch(cursor: str | None, number: int) -> Page[int]:
        if number == 0:
            await gate.wait()
        start = int(cursor or 0)
        return Page(tuple(range(start, start + 400)), str(start + 400) if start < 2000 else None)

    def work(number: int) -> Pager[int]:
        return Pager(lambda cursor, _: fetch(cursor, number), label="GET /v1/gated")

    async with fan_out(range(6), work, concurrency=2, ordered=True) as results:
        for _ in range(50):
            await asyncio.sleep(0)
        gate.set()
        pairs = [pair async for pair in results]
    assert pairs == [(number, item) for number in range(6) for item in range(2400)]


async def test_a_source_without_end_is_walked_as_far_as_wanted() -> None:
    """Sources are taken as they are needed, and a generator of them is closed with the block."""
    closed = False

    async def forever() -> AsyncIterator[int]:
        nonlocal closed
        number = 0
        try:
            while True:
                yield (number := number + 1)
        finally:
            closed = True

    async with fan_out(forever(), double, ordered=True) as results:
        assert [await anext(results) for _ in range(99)] == [(n, 2 * n) for n in range(1, 100)]
    assert closed


async def test_generators_are_closed_with_the_block() -> None:
    """A function's async generator ends when the block does, not when it is collected."""
    closed: list[int] = []

    async def work(number: int) -> AsyncIterator[int]:
        try:
            while True:
                yield number
                await asyncio.sleep(0)
        finally:
            closed.append(number)

    async with fan_out(range(3), work) as results:
        for _ in range(50):
            await anext(results)
    assert sorted(closed) == [0, 1, 2]


async def test_a_function_that_swallows_its_cancellation_does_not_keep_the_block() -> None:
    """Leaving ends a generator that would go on."""

    async def stubborn(number: int) -> AsyncIterator[int]:
        while True:
            try:
                await asyncio.sleep(0.001)
            except asyncio.CancelledError:
                number = -1
            yield number

    async with asyncio.timeout(PATIENCE):
        async with fan_out([1], stubborn) as results:
            assert await anext(results) == (1, 1)
            await asyncio.sleep(0)


async def test_giving_up_a_wait_loses_nothing() -> None:
    """A timeout around one result leaves the fan-out unchanged."""
    gate = asyncio.Event()

    async def work(number: int) -> int:
        await gate.wait()
        return number

    async with fan_out(range(3), work, ordered=True) as results:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(results)
        gate.set()
        assert [result async for _, result in results] == [0, 1, 2]


async def test_tasks_may_share_the_results() -> None:
    """Several consumers get each result once, between them, and all see the end."""
    async with fan_out(range(40), double, concurrency=3) as results:

        async def consume() -> list[int]:
            return [source async for source, _ in results]

        shares = await asyncio.gather(consume(), consume(), consume())
    assert sorted(itertools.chain(*shares)) == list(range(40))


async def test_of_several_consumers_one_meets_the_error() -> None:
    """A failure is raised once; for the others the walk is over."""
    gate = asyncio.Event()

    async def fail(number: int) -> None:
        await gate.wait()
        raise LookupError(number)

    async with fan_out([1], fail) as results:
        consumers = [asyncio.create_task(drain(results)) for _ in range(3)]
        await asyncio.sleep(0)
        gate.set()
        outcomes = await asyncio.gather(*consumers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome] == [LookupError]


async def test_a_consumer_left_behind_is_told() -> None:
    """A consumer that still waits when the block is left gets an error."""
    async with fan_out([1], lambda _: never()) as results:
        waiting = asyncio.ensure_future(anext(results))
        await turns()
    with pytest.raises(UsageError, match="block was left"):
        await waiting


async def never() -> None:
    """Wait for nothing that comes."""
    await asyncio.Event().wait()


async def test_it_is_used_in_its_block_and_once() -> None:
    """Before, after and a second time are errors that say what to write."""
    fanned = fan_out([1], double)
    with pytest.raises(UsageError, match="async with fan_out"):
        async for _ in fanned:  # type: ignore[attr-defined]
            pass
    with pytest.raises(UsageError, match="async with fan_out"):
        list(fanned)  # type: ignore[call-overload]
    async with fanned as results:
        pass
    with pytest.raises(UsageError, match="block was left"):
        await anext(results)
    with pytest.raises(UsageError, match="entered before"):
        await fanned.__aenter__()


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        (5, {}, "`source` must be a pager or another iterable, not 5"),
        ("groups", {}, "`source` must be"),
        (Group(id="g"), {}, "`source` must be"),
        ([1], {"func": None}, "`func` must be a function"),
        ([1], {"concurrency": 0}, "`concurrency` must be a whole number of at least 1"),
        ([1], {"concurrency": True}, "`concurrency`"),
        ([1], {"on_error": "ignore"}, '`on_error` must be "raise" or "yield"'),
        ([1], {"catch": OSError}, "`catch` applies to on_error=.yield. only"),
        ([1], {"on_error": "yield", "catch": 5}, "`catch` must be a subclass of Exception"),
        ([1], {"on_error": "yield", "catch": (OSError, int)}, "`catch` must be a subclass"),
        ([1], {"on_error": "yield", "catch": KeyboardInterrupt}, "`catch` must be a subclass"),
        ([1], {"limiter": 5}, "`limiter` must be a ConcurrencyLimiter"),
    ],
)
def test_arguments_are_checked_at_once(
    source: list[int], arguments: dict[str, Any], message: str
) -> None:
    """What cannot work is refused, by name, before anything is started."""
    given: dict[str, Any] = {"func": double, **arguments}
    with pytest.raises(InvalidArgumentError, match=message):
        fan_out(source, **given)


def test_a_page_is_no_source() -> None:
    """Fanning out over one page of a list would leave the rest out, so it is refused."""
    with pytest.raises(UsageError, match=r"`page\.items`"):
        fan_out(Page((1, 2), "2"), double)  # type: ignore[call-overload]


async def test_functions_run_in_the_caller_s_context() -> None:
    """They see the caller's context variables; what one sets no other sees."""
    variable = contextvars.ContextVar("variable", default="nobody")
    variable.set("caller")

    async def work(number: int) -> str:
        before = variable.get()
        variable.set(str(number))
        await asyncio.sleep(0)
        return before

    async with fan_out(range(5), work) as results:
        assert [seen async for _, seen in results] == ["caller"] * 5
    assert variable.get() == "caller"


async def test_what_was_given_is_not_kept() -> None:
    """Results and sources that were taken can be forgotten while the fan-out goes on."""

    class Thing:
        """Something that can be watched."""

    async def same(thing: Thing) -> Thing:
        return thing

    watched: list[weakref.ref[Thing]] = []

    def things() -> Iterator[Thing]:
        for _ in range(100):
            thing = Thing()
            watched.append(weakref.ref(thing))
            yield thing

    async with fan_out(things(), same, concurrency=2) as results:
        for _ in range(50):
            await anext(results)
        gc.collect()
        assert sum(thing() is not None for thing in watched) < 20


async def test_slots_are_kept_busy_to_the_end() -> None:
    """Listing and chains of pages fill the slots: few more rounds than there must be."""
    rounds = 0
    waiting: list[asyncio.Future[None]] = []

    async def fetch(cursor: str | None, pages: int) -> Page[int]:
        async with request_slots(None):
            waiting.append(asyncio.get_running_loop().create_future())
            await waiting[-1]
        number = int(cursor or 0) + 1
        return Page(tuple(range(10)), str(number) if number < pages else None)

    def chain(pages: int) -> Pager[int]:
        return Pager(lambda cursor, _: fetch(cursor, pages), label="GET /v1/chain")

    async def serve() -> None:
        nonlocal rounds
        while True:
            for _ in range(12):
                await asyncio.sleep(0)
            rounds += 1
            for future in waiting:
                future.set_result(None)
            waiting.clear()

    server = asyncio.create_task(serve())
    async with fan_out(chain(10), lambda _: chain(3), concurrency=10) as results:
        assert len([pair async for pair in results]) == 100 * 3 * 10
    server.cancel()
    await asyncio.wait([server])
    assert rounds <= 1.1 * (10 + 100 * 3) / 10


class Unique:
    """An item that can be referred to weakly."""


async def test_consumed_items_are_let_go() -> None:
    """A source that waits for its next page does not keep the one that was consumed."""
    seen: list[weakref.ref[Unique]] = []

    async def fetch(cursor: str | None) -> Page[Unique]:
        if cursor is not None:
            await asyncio.Event().wait()
        items = tuple(Unique() for _ in range(3))
        seen.extend(map(weakref.ref, items))
        return Page(items, "next")

    async with fan_out([1], lambda _: Pager.from_fetch(fetch), concurrency=1) as results:
        for _ in range(3):
            await anext(results)
        waiting = asyncio.create_task(anext(results))
        await turns()
        # The last pair is kept by the iterator that made it.
        assert [ref() for ref in seen[:-1]] == [None] * 2
        waiting.cancel()
        await asyncio.wait([waiting])
