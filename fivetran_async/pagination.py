"""Cursor pages as one object: await it for a page, `async for` it for every item."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeAlias, TypeVar

import attrs

from fivetran_async.errors import FivetranError, InvalidArgumentError, PaginationError
from fivetran_async.limits import check_whole_number

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MAX_LIMIT = 1000
"""The most items the API puts on one page; a walk asks for it, because requests are counted."""

_log = logging.getLogger("fivetran_async")


def refusing(message: str) -> Callable[..., NoReturn]:
    """
    Make a magic method that says what to write instead.

    Put it into classes under `if not TYPE_CHECKING`: what a checker does not see, it refuses too.
    """

    def refuse(*_: object) -> NoReturn:
        raise TypeError(message)

    return refuse


@attrs.frozen
class Page(Generic[T_co]):
    """
    One page of a list. It is not the list: more may follow.

    Attributes:
        items: What is on this page.
        next_cursor: Where the next page begins; None on the last one.
    """

    items: tuple[T_co, ...]
    next_cursor: str | None = None

    if not TYPE_CHECKING:
        __iter__ = __len__ = __getitem__ = __contains__ = __bool__ = refusing(
            "A Page is only one page of a list: use `page.items` for what is on it, "
            "`async for` over the Pager or `await pager.collect()` for everything"
        )


Fetch: TypeAlias = Callable[[str | None, int | None], Awaitable[Page[T]]]
"""Fetches the page at a cursor (None: the first) with a limit (None: the API's default)."""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _check_limit(_: object, __: object, limit: int | None) -> None:
    if limit is not None:
        check_whole_number("limit", limit, at_least=1, at_most=MAX_LIMIT)


def _check_cursor(_: object, __: object, cursor: str | None) -> None:
    if cursor is not None and not _is_text(cursor):
        raise InvalidArgumentError(
            f"`cursor` must be the `next_cursor` of a page, or None, not {cursor!r:.100}"
        )


@attrs.frozen(eq=False, repr=False)
class Pager(Generic[T_co]):
    """
    A list that is still to be read: a recipe, nothing is sent until it is used.

    ```python
    async for group in fivetran.groups.list(): ...      # every item, page after page
    groups = await fivetran.groups.list().collect()     # all of them
    page = await fivetran.groups.list()                 # one page: .items, .next_cursor
    ```

    Each use starts anew, so tasks may share one. A walk asks for 1,000 items a page unless `limit`
    says otherwise; one page by itself keeps the API's default. Leaving a walk early leaves nothing
    open. When a page fails for good, the error's `resume_cursor` tells where to go on.

    Raises:
        InvalidArgumentError: `limit` is not from 1 to 1000, or `cursor` is not one.
        PaginationError: The server sent a cursor twice.
    """

    _fetch: Fetch[T_co]
    _label: str = attrs.field(alias="label", kw_only=True)
    _limit: int | None = attrs.field(
        alias="limit", kw_only=True, default=None, validator=_check_limit
    )
    _cursor: str | None = attrs.field(
        alias="cursor", kw_only=True, default=None, validator=_check_cursor
    )
    _paginated: bool = attrs.field(alias="paginated", kw_only=True, default=True)

    @staticmethod
    def from_fetch(
        func: Callable[[str | None], Awaitable[Page[T] | tuple[Iterable[T], str | None]]],
        *,
        cursor: str | None = None,
    ) -> Pager[T]:
        """
        Page over a function of your own.

        Args:
            func: Gets a cursor, None at first; returns a `Page`, or items and the next cursor.
            cursor: Where to begin.
        """

        async def fetch(at: str | None, _limit: int | None) -> Page[T]:
            return _as_page(await func(at))

        return Pager(fetch, label=f"of {getattr(func, '__qualname__', func)}", cursor=cursor)

    def __attrs_post_init__(self) -> None:
        if not self._paginated and (self._limit, self._cursor) != (None, None):
            raise InvalidArgumentError(
                f"{self._label} has a single page: it takes neither `limit` nor `cursor`"
            )

    def __await__(self) -> Generator[Any, None, Page[T_co]]:
        return self.page().__await__()

    async def page(self) -> Page[T_co]:
        """Return one page: the first, or the one at `cursor`; awaiting the pager does the same."""
        return await self._fetch(self._cursor, self._limit)

    def __aiter__(self) -> AsyncIterator[T_co]:
        return _Items(self._walk())

    def pages(self) -> AsyncIterator[Page[T_co]]:
        """Walk page by page, to note each `next_cursor` on the way or to work in batches."""
        return self._walk()

    async def collect(self, max_items: int | None = None) -> list[T_co]:
        """
        Return every item, or the first `max_items`.

        Raises:
            FivetranError: A page failed: `collected` has the items before it, `resume_cursor` its
                place.
        """
        if max_items is not None:
            check_whole_number("max_items", max_items, at_least=0)
        return await self._gather(max_items)

    async def take(self, n: int) -> list[T_co]:
        """
        Return the first `n` items, with no request more than they need.

        Raises:
            FivetranError: As from `collect()`.
        """
        check_whole_number("n", n, at_least=0)
        return await self._gather(n)

    def prefetch(self) -> AbstractAsyncContextManager[AsyncIterator[T_co]]:
        """
        Walk the items while the next page is already on its way.

        ```python
        async with pager.prefetch() as items:
            async for item in items: ...
        ```

        One page ahead, never more. Leaving the block stops the request that is under way.
        """
        return _Prefetch(self._walk())

    def __repr__(self) -> str:
        return f"<Pager {self._label}>"

    if not TYPE_CHECKING:
        __iter__ = __len__ = __getitem__ = __contains__ = __bool__ = refusing(
            "A Pager has read nothing yet: `async for` walks its items, "
            "`await pager.collect()` makes a list of them"
        )

    def _walk(self, most: int | None = None) -> _Walk[T_co]:
        limit = self._limit or MAX_LIMIT
        if most is not None:
            limit = min(limit, most)
        return _Walk(self._fetch, self._label, self._cursor, limit if self._paginated else None)

    async def _gather(self, most: int | None) -> list[T_co]:
        items: list[T_co] = []
        if most == 0:
            return items
        try:
            async for page in self._walk(most):
                items += page.items
                if most is not None and len(items) >= most:
                    break
        except FivetranError as error:
            error.collected = tuple(items)
            raise
        return items[:most]


class _Pages(Protocol[T_co]):
    async def advance(self) -> Page[T_co] | None:
        """Return the next page, or None after the last."""
        ...


class _Walk(Generic[T_co]):
    """One way through the pages; after a failure or a cancellation it goes on at the same page."""

    def __init__(
        self, fetch: Fetch[T_co], label: str, cursor: str | None, limit: int | None
    ) -> None:
        self._fetch = fetch
        self._label = label
        self._limit = limit
        self._cursor = cursor
        # Rows that are not paginated are asked for no number of items.
        self._paginated = limit is not None
        self._ended = False
        self._advancing = False
        self._repeated = False
        # Hashes: a cursor can be long, and a walk of a million pages must not keep them all.
        self._seen = {hash(cursor)}

    def __aiter__(self) -> _Walk[T_co]:
        return self

    async def __anext__(self) -> Page[T_co]:
        page = await self.advance()
        if page is None:
            raise StopAsyncIteration
        return page

    async def advance(self) -> Page[T_co] | None:
        if self._ended:
            return None
        if self._advancing:
            raise RuntimeError("Another task is fetching the next page of this very walk")
        if self._repeated:
            raise self._repetition()
        self._advancing = True
        try:
            page = await self._fetch(self._cursor, self._limit)
        except Exception as error:
            self._explain(error)
            raise
        finally:
            self._advancing = False
        self._go_on_at(page.next_cursor or None)
        return page

    def _repetition(self) -> PaginationError:
        error = PaginationError(
            f"The server sent the cursor {self._cursor!r} twice; "
            "the walk was stopped, because it would not end"
        )
        self._explain(error)
        return error

    def _go_on_at(self, cursor: str | None) -> None:
        if cursor is None or not self._paginated:
            self._ended = True
            if cursor is not None:
                _log.warning("%s has more items, and takes no cursor to read them", self._label)
            return
        self._cursor = cursor
        self._repeated = hash(cursor) in self._seen
        self._seen.add(hash(cursor))

    def _explain(self, error: Exception) -> None:
        if isinstance(error, FivetranError):
            error.resume_cursor = self._cursor
        place = "its first page" if self._cursor is None else f"cursor={self._cursor!r}"
        error.add_note(f"The walk of {self._label} stopped at {place}")


class _Items(Generic[T_co]):
    """The items of a walk. A class and not a generator: one that is dropped needs no clean-up."""

    def __init__(self, pages: _Pages[T_co]) -> None:
        self._pages = pages
        self._items: Iterator[T_co] = iter(())

    def __aiter__(self) -> _Items[T_co]:
        return self

    async def __anext__(self) -> T_co:
        while True:
            for item in self._items:
                return item
            page = await self._pages.advance()
            if page is None:
                raise StopAsyncIteration
            self._items = iter(page.items)


class _Prefetch(Generic[T_co]):
    """A walk with one page on its way; the task that fetches it lives as long as the block."""

    def __init__(self, walk: _Walk[T_co]) -> None:
        self._walk = walk
        self._entered = False
        self._next: asyncio.Task[Page[T_co] | None] | None = None

    async def __aenter__(self) -> _Items[T_co]:
        if self._entered:
            raise RuntimeError("This prefetch() was used before: call prefetch() again")
        self._entered = True
        self._next = asyncio.create_task(self._walk.advance())
        return _Items(self)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task, self._next = self._next, None
        if task is not None:
            await cancel_and_wait([task])

    async def advance(self) -> Page[T_co] | None:
        while (task := self._next) is not None:
            # Not the task itself: a consumer that is cancelled must not take the page with it.
            await asyncio.wait([task])
            if task is not self._next:
                continue
            page = task.result()
            if page is not None:
                self._next = asyncio.create_task(self._walk.advance())
            return page
        raise RuntimeError("The `async with pager.prefetch()` block was left: no more items")

    if not TYPE_CHECKING:
        __aiter__ = refusing("Write `async with pager.prefetch() as items:`, and walk `items`")


async def cancel_and_wait(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """
    End tasks, and return when the last has ended; what they still raise is dropped.

    A caller that is cancelled meanwhile waits on, and is cancelled then.
    """
    tasks = list(tasks)
    interruption: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            interruption = error
    for task in tasks:
        if not task.cancelled():
            task.exception()
    if interruption:
        raise interruption


def _as_page(answer: Page[T] | tuple[Iterable[T], str | None]) -> Page[T]:
    if isinstance(answer, Page):
        page = answer
    else:
        try:
            items, next_cursor = answer
            page = Page(tuple(items), next_cursor)
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(
                "The function given to `Pager.from_fetch` must return a Page or a pair "
                f"(items, next_cursor), not {answer!r:.100}"
            ) from error
    if page.next_cursor:
        _check_cursor(None, None, page.next_cursor)
    return page
