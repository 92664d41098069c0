"""Walks through the pages of a list: one page after another, or with the next one being fetched."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeAlias, TypeVar

from fivetran_async._clock import asyncio_loop, waited
from fivetran_async.errors import FivetranError, PaginationError, UsageError

if TYPE_CHECKING:
    from types import TracebackType

T_co = TypeVar("T_co", covariant=True)

_log = logging.getLogger("fivetran_async")

Clean: TypeAlias = Callable[[str], str]
"""Takes secrets out of a text of the server."""


class PageLike(Protocol[T_co]):
    """One page: its items, and the cursor of the next page."""

    @property
    def items(self) -> tuple[T_co, ...]:
        """The items."""
        ...

    @property
    def next_cursor(self) -> str | None:
        """Where the next page begins; None on the last page."""
        ...


def refusing(message: str) -> Callable[..., NoReturn]:
    """
    Make a magic method that raises `UsageError`, with what to write instead.

    Put it into classes under `if not TYPE_CHECKING`: a checker refuses methods that it cannot see.
    """

    def refuse(*_: object) -> NoReturn:
        raise UsageError(message)

    return refuse


P_co = TypeVar("P_co", bound=PageLike[object], covariant=True)


class _Pages(Protocol[T_co]):
    async def advance(self) -> PageLike[T_co] | None:
        """Return the next page, or None after the last."""
        ...


class Walk(Generic[P_co]):
    """A walk through the pages; after a failure or a cancellation it resumes at the same page."""

    def __init__(
        self,
        fetch: Callable[[str | None, int | None], Awaitable[P_co]],
        label: str,
        cursor: str | None,
        limit: int | None,
        clean: Clean,
    ) -> None:
        self._fetch = fetch
        self._clean = clean
        self._label = label
        self._limit = limit
        self._cursor = cursor
        # An operation that is not paginated takes no number of items.
        self._paginated = limit is not None
        self._ended = False
        self._advancing = False
        self._repeated = False
        # Hashes: a cursor can be long, and a walk of a million pages must not keep them all.
        self._seen = {hash(cursor)}

    def __aiter__(self) -> Walk[P_co]:
        return self

    async def __anext__(self) -> P_co:
        page = await self.advance()
        if page is None:
            raise StopAsyncIteration
        return page

    async def advance(self) -> P_co | None:
        if self._ended:
            return None
        if self._advancing:
            raise UsageError(
                "Another task is fetching the next page of this walk; give each task its own walk."
            )
        if self._repeated:
            raise self._repetition()
        self._advancing = True
        try:
            page = await self._next_page(self._cursor, self._limit)
        except StopAsyncIteration as end:
            # A loop would take it for the end of the walk, as if there were no more pages.
            misuse = UsageError("The function that fetches the pages raised StopAsyncIteration.")
            self._explain(misuse)
            raise misuse from end
        except Exception as error:
            self._explain(error)
            raise
        finally:
            self._advancing = False
        self._go_on_at(page.next_cursor or None)
        return page

    async def next_items(self: Walk[PageLike[T_co]]) -> list[tuple[T_co, ...]] | None:
        """Return the items of the next page in a list, so that a generator can let go of them."""
        page = await self.advance()
        return None if page is None else [page.items]

    def _next_page(self, cursor: str | None, limit: int | None) -> Awaitable[P_co]:
        return self._fetch(cursor, limit)

    def accepts(self, cursor: str) -> bool:
        """Return True if the walk can go on at a cursor: it is paginated, and the cursor is new."""
        return self._paginated and hash(cursor) not in self._seen

    def go_ahead_if(self, is_wanted: Callable[[], bool]) -> None:
        """Begin the request for the next page early while this returns True, if supported."""

    async def stop(self) -> None:
        """Cancel a request that was begun early."""

    def _repetition(self) -> PaginationError:
        error = PaginationError(
            f"The server returned the cursor {self._shown_cursor()!r} twice; the walk was "
            "stopped, because it would not end."
        )
        self._explain(error)
        return error

    def _go_on_at(self, cursor: str | None) -> None:
        if cursor is None or not self._paginated:
            self._ended = True
            if cursor is not None:
                _log.warning("%s has more items, but does not support a cursor", self._label)
            return
        self._cursor = cursor
        self._repeated = hash(cursor) in self._seen
        self._seen.add(hash(cursor))

    def _explain(self, error: Exception) -> None:
        shown = self._shown_cursor()
        if isinstance(error, FivetranError) and shown == self._cursor:
            error.resume_cursor = self._cursor
        place = "its first page" if shown is None else f"cursor={shown!r}"
        error.add_note(f"The walk of {self._label} stopped at {place}")

    def _shown_cursor(self) -> str | None:
        """Return the cursor as errors show it: the server chose it, and could echo a secret."""
        cursor = self._cursor
        return cursor if cursor is None or self._clean(cursor) == cursor else "***"


class Items(Generic[T_co]):
    """The items of a walk; not a generator, so that one that is dropped needs no clean-up."""

    def __init__(self, pages: _Pages[T_co]) -> None:
        self._pages = pages
        self._items: Iterator[T_co] = iter(())

    def __aiter__(self) -> Items[T_co]:
        return self

    async def __anext__(self) -> T_co:
        while True:
            for item in self._items:
                return item
            page = await self._pages.advance()
            if page is None:
                raise StopAsyncIteration
            self._items = iter(page.items)

    def drop(self) -> None:
        """Drop the items of the last page."""
        self._items = iter(())


class Prefetch(Generic[T_co]):
    """A walk with one page being fetched, by a task that lives as long as the block."""

    def __init__(self, pages: Walk[PageLike[T_co]]) -> None:
        self._pages = pages
        self._entered = False
        self._items: Items[T_co] | None = None
        self._waiting = False
        # Only then: a page that waits for the consumer is the one page ahead.
        pages.go_ahead_if(lambda: self._waiting)
        self._next: asyncio.Task[PageLike[T_co] | None] | None = None

    async def __aenter__(self) -> Items[T_co]:
        if self._entered:
            raise UsageError("This prefetch() was entered before; call prefetch() for another.")
        loop = asyncio_loop()
        self._entered = True
        self._items = Items(self)
        self._next = loop.create_task(self._pages.advance())
        return self._items

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task, self._next = self._next, None
        # These refer to this block: it is not to wait for the garbage collector.
        items, self._items = self._items, None
        self._pages.go_ahead_if(bool)
        if items is not None:
            items.drop()
        try:
            if task is not None:
                await cancel_and_wait([task])
        finally:
            await self._pages.stop()

    async def advance(self) -> PageLike[T_co] | None:
        if self._waiting:
            # Of two pages that arrive at once, one would replace the other.
            raise UsageError(
                "Another task is waiting for the next page of this prefetch(); give each task its "
                "own."
            )
        if (task := self._next) is not None:
            self._waiting = True
            try:
                # Not the task itself: the cancellation of a consumer must not cancel the request.
                await asyncio.wait([task])
            finally:
                self._waiting = False
            if task is self._next:
                page = task.result()
                if page is not None:
                    self._next = asyncio.create_task(self._pages.advance())
                return page
        raise UsageError("The `async with pager.prefetch()` block was left; it has no more items.")

    if not TYPE_CHECKING:
        __aiter__ = refusing("Write `async with pager.prefetch() as items:`, and walk `items`")


async def cancel_and_wait(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """
    Cancel tasks, and return when the last has ended; their errors are dropped.

    If the caller is cancelled meanwhile, it still waits, and is cancelled afterwards.
    """
    tasks = list(tasks)
    interruption: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        interruption = await waited(pending, interruption)
    for task in tasks:
        if not task.cancelled():
            task.exception()
    if interruption:
        raise interruption
