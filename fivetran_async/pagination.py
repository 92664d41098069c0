"""Cursor pages as one object: await it for a page, `async for` it for every item."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

import attrs

from fivetran_async._arguments import check_whole_number
from fivetran_async._codec._serializable import Serializable
from fivetran_async._http.ahead import AheadWalk, FetchAhead
from fivetran_async._http.walk import Clean, Items, Prefetch, Walk, refusing
from fivetran_async.errors import FivetranError, InvalidArgumentError, UsageError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MAX_LIMIT = 1000
"""The most items the API puts on one page; a walk asks for it, because requests are counted."""


class _WithVars(Serializable):
    """For `jsonable_encoder` of FastAPI: `vars()` works on what refuses iteration."""

    __slots__ = ()

    if not TYPE_CHECKING:
        __dict__ = property(Serializable.dict)


@attrs.frozen
class Page(_WithVars, Generic[T_co]):
    """
    One page of a list, which may have more pages.

    Attributes:
        items: The items of this page.
        next_cursor: Where the next page begins; None on the last page.
    """

    items: tuple[T_co, ...]
    next_cursor: str | None = None

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object], *, item: type[T] | None = None) -> Page[T]:
        """
        Make a page of a mapping, as `to_dict` or `json.loads` returns it.

        Args:
            mapping: The mapping.
            item: The model of the items; by default they stay JSON values.

        Raises:
            ResponseFormatError: A value has another type; the message names the place.
        """
        from fivetran_async._codec._reading import from_mapping  # noqa: PLC0415 - loads cattrs

        return cast("Page[T]", from_mapping(cls, mapping, (item or object,)))

    if not TYPE_CHECKING:
        __iter__ = __len__ = __getitem__ = __contains__ = __bool__ = refusing(
            "A Page is only one page of a list: use `page.items` for its items, "
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
            f"`cursor` must be the `next_cursor` of a page, or None, not {cursor!r:.100}."
        )


@attrs.frozen(eq=False, repr=False)
class Pager(Generic[T_co]):
    """
    A list of the API; nothing is sent until it is used.

    ```python
    async for group in fivetran.groups.list(): ...      # every item, page after page
    groups = await fivetran.groups.list().collect()     # all of them
    page = await fivetran.groups.list()                 # one page: .items, .next_cursor
    ```

    Each use starts at the beginning, so tasks may share a pager. A walk requests 1,000 items per
    page unless `limit` is given; a single page has the API's default. Leaving a walk early leaves
    nothing open. If a page fails, the walk resumes at the error's `resume_cursor`.

    Raises:
        InvalidArgumentError: `limit` is not from 1 to 1000, or `cursor` is not a cursor.
        PaginationError: The server returned a cursor twice.
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
    _clean: Clean = attrs.field(alias="clean", kw_only=True, default=str)
    _fetch_ahead: FetchAhead[Page[T_co]] | None = attrs.field(
        alias="fetch_ahead", kw_only=True, default=None
    )

    @staticmethod
    def from_fetch(
        func: Callable[[str | None], Awaitable[Page[T] | tuple[Iterable[T], str | None]]],
        *,
        cursor: str | None = None,
    ) -> Pager[T]:
        """
        Page over a function of your own.

        Args:
            func: Takes a cursor, None at first; returns a `Page`, or items and the next cursor.
            cursor: Where to begin.
        """

        async def fetch(at: str | None, _limit: int | None) -> Page[T]:
            return _as_page(await func(at))

        return Pager(fetch, label=f"of {getattr(func, '__qualname__', func)}", cursor=cursor)

    def __attrs_post_init__(self) -> None:
        if not self._paginated and (self._limit, self._cursor) != (None, None):
            raise InvalidArgumentError(
                f"{self._label} has a single page: `limit` and `cursor` are not supported."
            )

    def __await__(self) -> Generator[Any, None, Page[T_co]]:
        return self.page().__await__()

    async def page(self) -> Page[T_co]:
        """Return one page: the first, or the one at `cursor`; awaiting the pager does the same."""
        return await self._fetch(self._cursor, self._limit)

    def __aiter__(self) -> AsyncIterator[T_co]:
        return Items(self._walk())

    def pages(self) -> AsyncIterator[Page[T_co]]:
        """Walk page by page, to save each `next_cursor` or to work in batches."""
        return self._walk()

    async def collect(self, max_items: int | None = None) -> list[T_co]:
        """
        Return every item, or the first `max_items`.

        Raises:
            FivetranError: A page failed: `collected` has the items before it, `resume_cursor` is
                where to resume.
        """
        if max_items is not None:
            check_whole_number("max_items", max_items, at_least=0)
        return await self._gather(max_items)

    async def take(self, n: int) -> list[T_co]:
        """
        Return the first `n` items, with as few requests as possible.

        Raises:
            FivetranError: As from `collect()`.
        """
        check_whole_number("n", n, at_least=0)
        return await self._gather(n)

    def prefetch(self) -> AbstractAsyncContextManager[AsyncIterator[T_co]]:
        """
        Walk the items while the next page is being fetched.

        ```python
        async with pager.prefetch() as items:
            async for item in items: ...
        ```

        One page ahead, never more: its request is sent when the current page has arrived and you
        wait for it, before that is decoded. Leaving the block cancels the request.

        Raises:
            UsageError: Two tasks walk the same items, they are walked after their block, or the
                block is entered twice.
        """
        return Prefetch(self._walk_ahead())

    def __repr__(self) -> str:
        return f"<Pager {self._label}>"

    if not TYPE_CHECKING:
        __iter__ = __len__ = __getitem__ = __contains__ = __bool__ = refusing(
            "A Pager has not read anything: use `async for` for its items, or "
            "`await pager.collect()` for a list of them"
        )

    def _walk(self, most: int | None = None) -> Walk[Page[T_co]]:
        limit = self._limit or MAX_LIMIT
        if most is not None:
            limit = min(limit, most)
        per_page = limit if self._paginated else None
        return Walk(self._fetch, self._label, self._cursor, per_page, self._clean)

    def _walk_ahead(self) -> Walk[Page[T_co]]:
        if self._fetch_ahead is None:
            return self._walk()
        per_page = (self._limit or MAX_LIMIT) if self._paginated else None
        return AheadWalk(
            self._fetch,
            self._fetch_ahead,
            label=self._label,
            cursor=self._cursor,
            limit=per_page,
            clean=self._clean,
        )

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


def _as_page(result: Page[T] | tuple[Iterable[T], str | None]) -> Page[T]:
    page: Page[T] | None = None
    if isinstance(result, Page):
        page = result
    else:
        with contextlib.suppress(TypeError, ValueError):
            items, next_cursor = result
            page = Page(tuple(items), next_cursor)
    cursor = None if page is None else cast("object", page.next_cursor)
    if page is None or not (cursor is None or isinstance(cursor, str)):
        # Only its type: the value may hold a secret.
        raise UsageError(
            "The function given to `Pager.from_fetch` must return a Page or a pair (items, "
            f"next_cursor) with a cursor of str or None, not {_type_name(result)}."
        )
    return page


def _type_name(value: object) -> str:
    """Return what a value is, in words: its type, and those of a pair's members."""
    if isinstance(value, tuple):
        members = cast("tuple[object, ...]", value)
        return f"({', '.join(type(member).__name__ for member in members)})"
    return type(value).__name__
