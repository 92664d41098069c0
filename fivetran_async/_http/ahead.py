"""Walks that send the request for the next page before the current page is decoded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar

from fivetran_async._http.walk import PageLike, Walk, cancel_and_wait

if TYPE_CHECKING:
    from fivetran_async._http.walk import Clean

_TAIL: Final = 2048
_CURSOR_AT_END: Final = re.compile(
    rb'"next_cursor"\s*:\s*"([^"\\]+)"\s*\}'
    rb'(?:\s*,\s*"(?:code|message)"\s*:\s*"[^"\\]*")*\s*\}\s*\Z'
)

OnBody: TypeAlias = Callable[[bytes], bool]
"""Takes the body of a page before it is decoded; returns True if it began another request."""

P = TypeVar("P", bound=PageLike[object])
P_co = TypeVar("P_co", bound=PageLike[object], covariant=True)


class FetchAhead(Protocol[P_co]):
    """Fetches the page at a cursor, and passes on its body before the page is decoded."""

    def __call__(
        self, cursor: str | None, limit: int | None, on_body: OnBody, /
    ) -> Awaitable[P_co]:
        """Fetch a page."""
        ...


def cursor_at_end(body: bytes) -> str | None:
    """Return the `next_cursor` at the end of a page, or None if it is not found there."""
    found = _CURSOR_AT_END.search(body[-_TAIL:])
    try:
        return found[1].decode() if found else None
    except UnicodeDecodeError:
        return None


class AheadWalk(Walk[P]):
    """
    A walk that begins the next request as soon as the body of a page has arrived.

    The cursor is read from the end of the body. If the decoded page has another one, or cannot be
    decoded, the request is cancelled. At most one request is under way for a page.
    """

    def __init__(
        self,
        fetch: Callable[[str | None, int | None], Awaitable[P]],
        fetch_ahead: FetchAhead[P],
        *,
        label: str,
        cursor: str | None,
        limit: int | None,
        clean: Clean,
    ) -> None:
        super().__init__(fetch, label, cursor, limit, clean)
        self._fetch_ahead = fetch_ahead
        self._is_wanted: Callable[[], bool] = bool
        self._begun: tuple[str, asyncio.Task[P]] | None = None

    def go_ahead_if(self, is_wanted: Callable[[], bool]) -> None:
        """Begin requests early while this returns True."""
        self._is_wanted = is_wanted

    async def stop(self) -> None:
        """Cancel the request for the next page, if there is one."""
        begun, self._begun = self._begun, None
        if begun is not None:
            await cancel_and_wait([begun[1]])

    async def _next_page(self, cursor: str | None, limit: int | None) -> P:
        begun, self._begun = self._begun, None
        try:
            if begun is None:
                page = await self._fetch_ahead(cursor, limit, self._go_ahead)
            else:
                page = await begun[1]
        except BaseException:
            await self.stop()
            raise
        if self._begun is not None and self._begun[0] != page.next_cursor:
            await self.stop()
        return page

    def _go_ahead(self, body: bytes) -> bool:
        # A page that is fetched ahead itself does not go further ahead.
        if self._begun is not None or not self._is_wanted():
            return False
        cursor = cursor_at_end(body)
        if cursor is None or not self.accepts(cursor):
            return False
        fetching = self._fetch_ahead(cursor, self._limit, self._go_ahead)
        self._begun = cursor, asyncio.ensure_future(fetching)
        return True
