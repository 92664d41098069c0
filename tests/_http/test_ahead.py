"""Walks ahead: the next request leaves before a page is decoded, and nothing else changes."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from fivetran_async import FivetranError, Pager, PaginationError, ResponseFormatError
from fivetran_async._codec import converter
from fivetran_async._http.ahead import cursor_at_end
from fivetran_async.models import Group
from support import faults
from support.fake_clock import FakeClock
from support.faults import FaultServer, WireRequest, reply
from support.sessions import STEADY, session_at
from support.waiting import PATIENCE, turns, until

PAGES = 6
PER_PAGE = 4
IDS = [f"g{number}" for number in range(PAGES * PER_PAGE)]
PADDING = "x" * 4_000
"""Makes pages long enough to be worth a turn of the event loop."""


def cursor_of(target: str) -> int:
    """Return the page that a request asks for."""
    return int(parse_qs(urlsplit(target).query).get("cursor", ["0"])[0])


def body_of(number: int, next_cursor: str | None) -> bytes:
    """Return one page as the API sends it."""
    ids = IDS[number * PER_PAGE : (number + 1) * PER_PAGE]
    data: dict[str, object] = {"items": [{"id": each, "name": PADDING} for each in ids]}
    if next_cursor is not None:
        data["next_cursor"] = next_cursor
    return json.dumps({"code": "Success", "data": data}).encode()


def paged(request: WireRequest) -> faults.Fault:
    """Return the page that a request asks for."""
    number = cursor_of(request.target)
    return reply(body=body_of(number, str(number + 1) if number + 1 < PAGES else None))


@pytest.mark.parametrize(
    ("body", "cursor"),
    [
        (b'{"code":"Success","data":{"items":[],"next_cursor":"e30"}}', "e30"),
        (b'{"data" : { "items" : [ ] , "next_cursor" : "e30" } , "code" : "Success" }\n', "e30"),
        (b'{"data":{"next_cursor":"a"},"code":"Success","message":"x"}', "a"),
        ('{"data":{"next_cursor":"é"}}'.encode(), "é"),
        (b'{"data":{"next_cursor":"a","items":[]}}', None),
        (b'{"data":{"items":[{"next_cursor":"a"}]}}', None),
        (b'{"data":{"items":[],"page":{"next_cursor":"a"}}}', None),
        (b'{"data":{"items":[],"next_cursor":null}}', None),
        (b'{"data":{"items":[],"next_cursor":""}}', None),
        (b'{"data":{"items":[],"next_cursor":"a\\u0062"}}', None),
        (b'{"data":{"items":[],"next_cursor":"\xff"}}', None),
        (b'{"data":{"name":"\\"next_cursor\\":\\"a\\"}}"}}', None),
        (b'{"data":{"items":[]}}', None),
        (b'{"data":{"items":[],"next_cursor":"a"}', None),
        (b"", None),
    ],
)
def test_cursor_is_read_from_the_end_of_a_page(body: bytes, cursor: str | None) -> None:
    """Only the last field of `data` is read; any other form waits until the page is decoded."""
    assert cursor_at_end(body) == cursor


class Seen(threading.Event):
    """The requests that a server in a thread has received."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def has(self, count: int) -> bool:
        """Wait, without giving the event loop a turn, for this number of requests."""
        give_up_at = time.monotonic() + 1
        while len(self.targets) < count and time.monotonic() < give_up_at:
            time.sleep(0.001)
        return len(self.targets) >= count


@contextmanager
def server_in_a_thread(seen: Seen) -> Generator[str]:
    """Serve pages from a thread, which receives requests even while the event loop is busy."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.targets.append(self.path)
            number = cursor_of(self.path)
            body = body_of(number, str(number + 1) if number < 1 else None)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@attrs.frozen
class Watched:
    """An item of a caller: its decoding notes what the server has received by then."""

    id: str


SEEN = Seen()
ENOUGH: list[bool] = []


@converter.register_structure_hook
def read_watched(value: Mapping[str, str], _kind: object) -> Watched:
    """Decode an item; the very first item waits for the second request."""
    number = IDS.index(value["id"])
    if number == 0:
        ENOUGH.append(SEEN.has(2))
    return Watched(value["id"])


@pytest.fixture
def seen() -> Seen:
    """Forget what earlier tests sent."""
    SEEN.targets.clear()
    ENOUGH.clear()
    return SEEN


async def test_prefetch_sends_before_it_decodes(seen: Seen) -> None:
    """The server has the second request while the first page is still being decoded."""
    with server_in_a_thread(seen) as url:
        async with (
            session_at(url) as fivetran,
            fivetran.paginate("/v1/groups", item=Watched).prefetch() as items,
        ):
            found = [item.id async for item in items]
    assert found == IDS[: 2 * PER_PAGE]
    assert ENOUGH == [True]
    assert len(seen.targets) == 2


async def test_fan_out_sends_before_it_decodes(seen: Seen) -> None:
    """A source with a free slot is ahead as well."""
    with server_in_a_thread(seen) as url:
        async with session_at(url) as fivetran:
            pager = fivetran.paginate("/v1/groups", item=Watched)
            async with fivetran.fan_out([1], lambda _: pager, concurrency=2) as results:
                found = [item.id async for _, item in results]
    assert found == IDS[: 2 * PER_PAGE]
    assert ENOUGH == [True]
    assert len(seen.targets) == 2


async def test_waiting_request_is_sent_before_a_page_is_decoded(seen: Seen) -> None:
    """With one slot, the request of the second source leaves before the first page is decoded."""
    with server_in_a_thread(seen) as url:
        async with session_at(url) as fivetran:
            pager = fivetran.paginate("/v1/groups", item=Watched, cursor="1")
            first = fivetran.paginate("/v1/groups", item=Watched)
            sources = [first, pager]
            async with fivetran.fan_out(sources, lambda each: each, concurrency=1) as results:
                found = [item.id async for _, item in results]
    assert sorted(found) == sorted(IDS[: 2 * PER_PAGE] + IDS[PER_PAGE : 2 * PER_PAGE])
    assert ENOUGH == [True]
    assert len(seen.targets) == 3


@pytest.mark.parametrize("pause", [0, 3])
async def test_prefetch_sends_the_same_requests(pause: int) -> None:
    """Each page once and in order, whether the consumer is fast or slow."""
    async with (
        FaultServer(answer=paged) as server,
        session_at(server.url) as fivetran,
        fivetran.groups.list().prefetch() as items,
    ):
        found: list[str] = []
        async for group in items:
            found.append(group.id)
            await turns(pause)
    assert found == IDS
    assert [cursor_of(request.target) for request in server.requests] == list(range(PAGES))


async def test_prefetch_is_one_page_ahead() -> None:
    """While the consumer works on a page, the request after the next is not sent."""
    async with (
        FaultServer(answer=paged) as server,
        session_at(server.url) as fivetran,
        fivetran.groups.list().prefetch() as items,
    ):
        await anext(items)
        await until(lambda: len(server.played) == 2)
        await asyncio.sleep(0.02)
        assert len(server.requests) == 2


async def test_guess_that_was_wrong_is_discarded() -> None:
    """If the decoded page has another cursor than its end, the walk goes on at the decoded one."""

    def misleading(request: WireRequest) -> faults.Fault:
        number = cursor_of(request.target)
        last = number + 1 >= PAGES
        body = json.loads(body_of(number, None if last else str(number + 1)))
        body["other"] = {"next_cursor": str(number + 2)}
        return reply(body=json.dumps(body).encode())

    async with (
        FaultServer(answer=misleading) as server,
        session_at(server.url) as fivetran,
        fivetran.groups.list().prefetch() as items,
    ):
        found = [group.id async for group in items]
    assert found == IDS


async def walk_plainly(pager: Pager[Group], found: list[str]) -> None:
    """Walk a list with `async for`."""
    async for group in pager:
        found.append(group.id)  # noqa: PERF401 - keeps what came before an error


async def walk_ahead(pager: Pager[Group], found: list[str]) -> None:
    """Walk a list with `prefetch()`."""
    async with pager.prefetch() as items:
        async for group in items:
            found.append(group.id)  # noqa: PERF401 - keeps what came before an error


@pytest.mark.parametrize("walk", [walk_plainly, walk_ahead])
async def test_repeated_cursor_costs_no_request(
    walk: Callable[[Pager[Group], list[str]], Awaitable[None]],
) -> None:
    """A circle is found before the request for its first page is repeated."""

    def circular(request: WireRequest) -> faults.Fault:
        number = cursor_of(request.target)
        return reply(body=body_of(number, str(number % 3 + 1)))

    async with FaultServer(answer=circular) as server, session_at(server.url) as fivetran:
        with pytest.raises(PaginationError, match="twice"):
            await walk(fivetran.groups.list(), [])
    assert [cursor_of(request.target) for request in server.requests] == [0, 1, 2, 3]


async def test_page_that_cannot_be_decoded_ends_the_walk_there() -> None:
    """The request that was begun meanwhile is cancelled, and the error has the right cursor."""

    def list_as_text(request: WireRequest) -> faults.Fault:
        number = cursor_of(request.target)
        items: object = [{"id": "g", "name": PADDING}] * 3
        data = {"items": json.dumps(items) if number else items, "next_cursor": str(number + 1)}
        return reply(json={"code": "Success", "data": data})

    found: list[str] = []
    async with FaultServer(answer=list_as_text) as server, session_at(server.url) as fivetran:
        with pytest.raises(ResponseFormatError, match=r"data\.items") as caught:
            await walk_ahead(fivetran.groups.list(), found)
    assert found == ["g"] * 3
    assert caught.value.resume_cursor == "1"


REPEATABLE = (faults.RESET, *faults.BAD_FRAMING, *faults.UNREADABLE_BODY, faults.NOT_JSON[0])


@pytest.mark.parametrize("fault", REPEATABLE, ids=str)
async def test_each_fault_once_on_every_page(fault: faults.Fault, clock: FakeClock) -> None:
    """Pages that fail once each arrive once and in order, with as many requests as without."""
    script = [step for _ in range(PAGES) for step in (fault, faults.GOOD)]
    async with (
        FaultServer(*script, answer=paged) as server,
        session_at(server.url, _clock=clock, retry=STEADY) as fivetran,
    ):
        found: list[str] = []
        await walk_ahead(fivetran.groups.list(), found)
    assert found == IDS
    assert len(server.played) == 2 * PAGES


async def test_failure_of_a_page_that_was_begun_early_comes_in_its_turn() -> None:
    """The items before it arrive first; its error names the cursor to resume at."""

    def failing(request: WireRequest) -> faults.Fault:
        return reply(404) if cursor_of(request.target) == 2 else paged(request)

    found: list[str] = []
    async with FaultServer(answer=failing) as server, session_at(server.url) as fivetran:
        with pytest.raises(FivetranError) as caught:
            await walk_ahead(fivetran.groups.list(), found)
    assert found == IDS[: 2 * PER_PAGE]
    assert (caught.value.status, caught.value.resume_cursor) == (404, "2")


@pytest.mark.parametrize("taken", [0, 1, PER_PAGE, PER_PAGE + 1])
async def test_leaving_the_block_cancels_what_was_begun(taken: int) -> None:
    """No task and no socket is left, wherever the consumer stops."""
    async with FaultServer(answer=paged) as server, session_at(server.url) as fivetran:
        before = asyncio.all_tasks()
        async with asyncio.timeout(PATIENCE), fivetran.groups.list().prefetch() as items:
            for _ in range(taken):
                await anext(items)
        assert {task for task in asyncio.all_tasks() - before if "_serve" not in str(task)} == set()


async def test_cancelled_consumer_loses_no_page() -> None:
    """A timeout while the consumer waits leaves the requests under way."""
    async with (
        FaultServer(answer=paged) as server,
        session_at(server.url) as fivetran,
        fivetran.groups.list().prefetch() as items,
    ):
        found: list[str] = []
        while len(found) < len(IDS):
            try:
                async with asyncio.timeout(0.003):
                    found.append((await anext(items)).id)
            except TimeoutError:
                continue
    assert found == IDS
    assert [cursor_of(request.target) for request in server.requests] == list(range(PAGES))


async def test_walks_do_not_wait_for_the_garbage_collector() -> None:
    """A walk ahead that was ended refers to nothing that refers to it, nor does its block."""
    async with FaultServer(answer=paged) as server, session_at(server.url) as fivetran:
        walk = fivetran.groups.list()._walk_ahead()
        assert sum([len(page.items) async for page in walk]) == len(IDS)
        block = fivetran.groups.list().prefetch()
        async with block as items:
            await anext(items)
        found: list[weakref.ref[object]] = [weakref.ref(walk), weakref.ref(block)]
        gc.disable()
        try:
            del walk, block, items
            assert [ref() for ref in found] == [None, None]
        finally:
            gc.enable()
