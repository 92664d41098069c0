"""All connections of the account, with the server's time: for health checks and metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from fivetran_async._http.result import page_reader
from fivetran_async._http.transport import Transport
from fivetran_async.errors import PaginationError
from fivetran_async.health import HealthFinding, findings_of, in_order
from fivetran_async.pagination import MAX_LIMIT
from fivetran_async.resources._connection_operations import LIST_CONNECTIONS
from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs._reads import dated

_READ_PAGE: Final = dated(page_reader(Connection))


async def read_account(transport: Transport) -> AsyncIterator[tuple[list[Connection], datetime]]:
    """
    Read all connections, a page of a thousand at a time, with the server's time of each page.

    Where the server sends no time, it is that of the session's clock.

    Raises:
        PaginationError: A cursor was repeated.
    """
    cursor: str | None = None
    cursors, ids = set[str](), set[str]()
    while True:
        query = {"limit": MAX_LIMIT, "cursor": cursor}
        page, at = await transport.call(LIST_CONNECTIONS, _READ_PAGE, query=query)
        # One that moves to a later page while the pages are read is there twice.
        fresh = [each for each in page.items if each.id not in ids]
        ids.update(each.id for each in fresh)
        yield fresh, at or datetime.fromtimestamp(transport.core.clock.time(), UTC)
        cursor = page.next_cursor
        if cursor is None:
            return
        if cursor in cursors:
            raise PaginationError("The server returned the cursor of a page twice.")
        cursors.add(cursor)


async def find_problems(
    transport: Transport, *, stale_after: float | None
) -> tuple[int, tuple[HealthFinding, ...]]:
    """Read all connections; return how many there are and what is wrong, the worst first."""
    count, found = 0, list[HealthFinding]()
    async for connections, now in read_account(transport):
        count += len(connections)
        for each in connections:
            found += findings_of(each, now, stale_after=stale_after)
    return count, in_order(found)
