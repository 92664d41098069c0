"""All connections of the account, with the server's time: for health checks and metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

import attrs

from fivetran_async._arguments import check_seconds, distinct_texts
from fivetran_async._http.result import page_reader
from fivetran_async._http.transport import Transport
from fivetran_async.errors import InvalidArgumentError, PaginationError
from fivetran_async.health import HealthFinding, findings_of, in_order
from fivetran_async.pagination import MAX_LIMIT
from fivetran_async.resources._connection_operations import LIST_CONNECTIONS
from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs._reads import dated

_READ_PAGE: Final = dated(page_reader(Connection))

DatedPage: TypeAlias = tuple[list[Connection], datetime]
"""The connections of a page, and the server's time when it was read."""


@attrs.frozen
class Problems:
    """
    What is wrong with some connections, the worst first.

    Attributes:
        connections: How many were judged.
        groups: The groups that have connections, wanted or not.
    """

    findings: tuple[HealthFinding, ...]
    connections: int
    groups: frozenset[str]


async def read_account(
    transport: Transport, group_ids: Collection[str] | None = None
) -> AsyncIterator[DatedPage]:
    """
    Read the connections, a page of a thousand at a time, with the server's time of each page.

    Where the server sends no time, it is that of the session's clock.

    Args:
        transport: What to send with.
        group_ids: Only the connections of these groups. Several of them are found on one page of
            the account, if it has no other pages, and otherwise read one by one.

    Raises:
        PaginationError: A cursor was repeated.
    """
    if group_ids is None:
        async for page in _read(transport, None):
            yield page
        return
    if len(group_ids) > 1:
        (connections, at), following = await _read_page(transport, None, None)
        if following is None:
            yield [each for each in connections if each.group_id in group_ids], at
            return
    for group_id in group_ids:
        async for page in _read(transport, group_id):
            yield page


async def _read(transport: Transport, group_id: str | None) -> AsyncIterator[DatedPage]:
    cursor: str | None = None
    cursors, ids = set[str](), set[str]()
    while True:
        (connections, at), cursor = await _read_page(transport, group_id, cursor)
        # One that moves to a later page while the pages are read is there twice.
        fresh = [each for each in connections if each.id not in ids]
        ids.update(each.id for each in fresh)
        yield fresh, at
        if cursor is None:
            return
        if cursor in cursors:
            raise PaginationError("The server returned the cursor of a page twice.")
        cursors.add(cursor)


async def _read_page(
    transport: Transport, group_id: str | None, cursor: str | None
) -> tuple[DatedPage, str | None]:
    query = {"group_id": group_id, "limit": MAX_LIMIT, "cursor": cursor}
    page, at = await transport.call(LIST_CONNECTIONS, _READ_PAGE, query=query)
    now = at or datetime.fromtimestamp(transport.core.clock.time(), UTC)
    return ([*page.items], now), page.next_cursor


async def find_problems(
    transport: Transport,
    *,
    stale_after: float | None,
    group_ids: Collection[str] | None = None,
    wants: Callable[[Connection], bool] | None = None,
) -> Problems:
    """
    Read connections and judge them.

    Args:
        transport: What to send with.
        stale_after: Seconds after which data is stale, whatever the schedule.
        group_ids: Only the connections of these groups.
        wants: Only the connections for which it returns True.
    """
    count, found, groups = 0, list[HealthFinding](), set[str]()
    async for connections, now in read_account(transport, group_ids):
        for each in connections:
            groups.add(each.group_id)
            if wants is None or wants(each):
                count += 1
                found += findings_of(each, now, stale_after=stale_after)
    return Problems(in_order(found), count, frozenset(groups))


async def account_findings(
    transport: Transport,
    get_group: Callable[[str], Awaitable[object]],
    stale_after: float | None,
    group_ids: Collection[str] | None,
    services: Collection[str] | None,
) -> tuple[HealthFinding, ...]:
    """Check the arguments, and return what is wrong with the connections that they select."""
    if stale_after is not None:
        check_seconds("stale_after", stale_after)
    groups = None if group_ids is None else distinct_texts("group_ids", group_ids)
    named = None if services is None else distinct_texts("services", services)
    wanted, met = {each.casefold(): each for each in named or ()}, set[str]()

    def wants(connection: Connection) -> bool:
        service = connection.service.casefold()
        met.add(service)
        return named is None or service in wanted

    found = await find_problems(transport, stale_after=stale_after, group_ids=groups, wants=wants)
    for group_id in groups or ():
        if group_id not in found.groups:
            # A misspelt group would seem healthy.
            await get_group(group_id)
    unmet = {key: service for key, service in wanted.items() if key not in met}
    if unmet:
        _refuse_unknown(unmet, met)
    return found.findings


def _refuse_unknown(services: Mapping[str, str], met: Collection[str]) -> None:
    """
    Refuse a service that no connection has and that does not exist: it would seem healthy.

    Raises:
        InvalidArgumentError: The message names it, and the nearest one.
    """
    # Loaded for services without a connection only.
    from fivetran_async._services import names, nearest  # noqa: PLC0415

    sources = names("source")
    for key, service in services.items():
        if key not in sources:
            near = nearest(service, {*met, *sources})
            hint = f"; did you mean {near!r}?" if near else ""
            raise InvalidArgumentError(
                f"services: {service!r} is neither a known service nor that of a connection{hint}"
            )
