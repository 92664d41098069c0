"""What type checkers infer from pages, and what they reject; checked, never run."""

# Both checkers report unused ignores, so each ignore proves an error.
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import AsyncIterator, Iterable
from typing import assert_type

from fivetran_async import Page, Pager


def pager() -> Pager[str]:
    """Stands for any list method."""
    raise NotImplementedError


async def numbers(cursor: str | None) -> tuple[Iterable[int], str | None]:
    """Stands for a caller's own function."""
    raise NotImplementedError


async def own_pages(cursor: str | None) -> Page[bytes]:
    """Stands for a caller's own function that returns pages."""
    raise NotImplementedError


async def every_use() -> None:
    """Every use of a pager keeps the type of its items."""
    assert_type(await pager(), Page[str])
    assert_type(await pager().page(), Page[str])
    assert_type((await pager()).items, tuple[str, ...])
    assert_type((await pager()).next_cursor, str | None)
    assert_type(await pager().collect(max_items=5), list[str])
    assert_type(await pager().take(5), list[str])
    async for item in pager():
        assert_type(item, str)
    async for page in pager().pages():
        assert_type(page, Page[str])
    async with pager().prefetch() as items:
        assert_type(items, AsyncIterator[str])
        async for item in items:
            assert_type(item, str)
    assert_type(await Pager.from_fetch(numbers).collect(), list[int])
    assert_type(await Pager.from_fetch(own_pages, cursor="c").take(1), list[bytes])


def plain_iteration(page: Page[str]) -> None:
    """Neither a pager nor a page can be used like a list."""
    for _ in pager():  # type: ignore[attr-defined]
        pass
    for _ in page:  # type: ignore[attr-defined]
        pass
    list(pager())  # type: ignore[call-overload]
    len(pager())  # type: ignore[arg-type]
    len(page)  # type: ignore[arg-type]
    page[0]  # type: ignore[index]


async def prefetching_without_a_block() -> None:
    """Prefetching requires its `async with` block."""
    async for _ in pager().prefetch():  # type: ignore[attr-defined]
        pass


def a_wider_pager() -> Pager[object]:
    """A pager is covariant in the type of its items."""
    return pager()
