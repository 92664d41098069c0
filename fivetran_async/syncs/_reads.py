"""How waits read connections: pages or single ones, whichever takes fewer requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeGuard, TypeVar, cast

import attrs

from fivetran_async._codec import decode
from fivetran_async._http.response import Response
from fivetran_async._http.result import OnDrift, Reader, reader_of
from fivetran_async._http.transport import Transport
from fivetran_async.errors import (
    AuthenticationError,
    FivetranError,
    ResponseFormatError,
    StatusError,
)
from fivetran_async.pagination import MAX_LIMIT
from fivetran_async.resources._connection_operations import (
    GET_CONNECTION,
    LIST_CONNECTIONS,
    ConnectionOperations,
)
from fivetran_async.resources.connection_models import Connection
from fivetran_async.retries import RetryPolicy
from fivetran_async.syncs._policy import is_passing

T = TypeVar("T")

LOOK_DEADLINE: Final = 30.0
"""Seconds that one request of a look may take, so that no wait outlasts its timeout by more."""
_UNREADABLE: Final = 1_000_000
"""So many pages that reading one by one is always cheaper."""
BATCH: Final = 25
"""Connections decoded or judged before others get their turn on the loop."""


@attrs.frozen
class Dated:
    """A connection, and the server's time when it was read."""

    connection: Connection
    at: datetime | None


@attrs.frozen
class Source:
    """Where to read some connections: one by one, or on the pages of a group or of all."""

    ids: tuple[str, ...]
    pages: bool = False
    group_id: str | None = None


@attrs.define
class Look:
    """What one look found: connections, failures of single ones, and how many requests it took."""

    found: dict[str, Dated] = attrs.field(factory=dict[str, Dated])
    errors: dict[str, FivetranError] = attrs.field(factory=dict[str, FivetranError])
    requests: int = 0


def plan(groups_of: Mapping[str, str], pages: Mapping[str | None, int]) -> tuple[Source, ...]:
    """
    Choose the cheapest way to read connections; PURE.

    Args:
        groups_of: The group of each wanted connection; "" where it is not known.
        pages: How many pages a walk over a group took last time; under None, over the account.
            One that was never walked is taken for a single page.
    """
    by_group: dict[str, list[str]] = {}
    for connection_id, group_id in groups_of.items():
        by_group.setdefault(group_id, []).append(connection_id)
    sources = tuple(_source(group_id, ids, pages) for group_id, ids in by_group.items())
    account = Source(tuple(groups_of), pages=True)
    return (account,) if cost_of(sources, pages) > cost_of([account], pages) else sources


def plan_shared(
    due: Mapping[str, str], everyone: Mapping[str, str], pages: Mapping[str | None, int]
) -> tuple[Source, ...]:
    """Read those whose turn it is, and all others too if that takes no request more; PURE."""
    narrow, wide = plan(due, pages), plan(everyone, pages)
    return wide if cost_of(wide, pages) <= cost_of(narrow, pages) else narrow


def cost_of(sources: Iterable[Source], pages: Mapping[str | None, int]) -> int:
    """How many requests a plan will take, as far as is known."""
    return sum(pages.get(s.group_id, 1) if s.pages else len(s.ids) for s in sources)


def _source(group_id: str, ids: Sequence[str], pages: Mapping[str | None, int]) -> Source:
    by_pages = bool(group_id) and len(ids) > pages.get(group_id, 1)
    return Source(tuple(ids), pages=by_pages, group_id=group_id or None)


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """When the server says that it answered; None if it does not say."""
    text = headers.get("Date")
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def dated(reader: Reader[T]) -> Reader[tuple[T, datetime | None]]:
    """Read an answer, and the server's time with it."""

    def read(answer: Response, on_drift: OnDrift) -> tuple[T, datetime | None]:
        return reader.read(answer, on_drift), server_time(answer.headers)

    return Reader(reader.expects, read)


_READ_CONNECTION: Final = dated(reader_of(Connection))
_READ_PAGE: Final = dated(Reader[object]("object", lambda answer, _: answer.data))


async def read_connection(transport: Transport, connection_id: str) -> Dated:
    """Read one connection, with the server's time."""
    found, at = await transport.call(GET_CONNECTION, _READ_CONNECTION, connection_id)
    return Dated(found, at)


def looking(transport: Transport) -> Transport:
    """The same transport for looks: sent once, because the next look is the repeat."""
    options = attrs.evolve(
        transport.options, retry=RetryPolicy(max_attempts=1), deadline=LOOK_DEADLINE
    )
    return Transport(transport.core, options)


async def look(
    transport: Transport, sources: Iterable[Source], pages: dict[str | None, int]
) -> Look:
    """
    Read connections as planned, and learn in `pages` what a walk took.

    Raises:
        FivetranError: A page could not be read. Failures of single connections are in the result.
    """
    result = Look()
    missing: list[str] = []
    for source in sources:
        if not source.pages:
            missing += source.ids
            continue
        try:
            missing += await _walk(transport, source, pages, result)
        except StatusError as error:
            if is_passing(error) or isinstance(error, AuthenticationError):
                raise
            # A key may be allowed to see connections, and not to list them.
            pages[source.group_id] = _UNREADABLE
            missing += source.ids
    # What no page shows was deleted, or slipped through between two pages.
    await asyncio.gather(*(_read_into(transport, each, result) for each in missing))
    return result


async def _read_into(transport: Transport, connection_id: str, result: Look) -> None:
    result.requests += 1
    try:
        result.found[connection_id] = await read_connection(transport, connection_id)
    except FivetranError as error:
        result.errors[connection_id] = error


async def _walk(
    transport: Transport, source: Source, pages: dict[str | None, int], result: Look
) -> tuple[str, ...]:
    """Walk pages until all are found or reading the rest one by one is cheaper; return the rest."""
    wanted, cursor, walked = set(source.ids), None, 0
    while wanted and walked < len(source.ids):
        walked += 1
        result.requests += 1
        asked = {"group_id": source.group_id, "limit": MAX_LIMIT, "cursor": cursor}
        data, at = await transport.call(LIST_CONNECTIONS, _READ_PAGE, query=asked)
        items, following = _page_of(data)
        rows = [item for item in items if item.get("id") in wanted]
        for connection in await _decode_all(rows, transport):
            result.found[connection.id] = Dated(connection, at)
            wanted.discard(connection.id)
        if following is None or following == cursor:
            pages[source.group_id] = walked
            return tuple(wanted)
        cursor = following
    # It was cut short: so many it took, and one more if that was not enough.
    pages[source.group_id] = walked + bool(wanted)
    return tuple(wanted)


async def _decode_all(
    items: Sequence[Mapping[str, object]], transport: Transport
) -> Sequence[Connection]:
    """Decode what is wanted, and no more of a page, without keeping the loop for long."""
    decoded: list[Connection] = []
    for number, item in enumerate(items, 1):
        decoded.append(decode(item, Connection, on_drift=transport.core.drift_log))
        if number % BATCH == 0:
            await asyncio.sleep(0)
    return decoded


def _page_of(data: object) -> tuple[Sequence[Mapping[str, object]], str | None]:
    """Take a page apart; items without an id are nobody's."""
    page = cast("Mapping[str, object]", data)
    items, cursor = page.get("items"), page.get("next_cursor")
    if not isinstance(items, list):
        raise ResponseFormatError("data.items: expected array", place="data.items")
    return (
        [item for item in cast("list[object]", items) if _has_id(item)],
        cursor if isinstance(cursor, str) and cursor else None,
    )


def _has_id(item: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(item, dict) and isinstance(cast("dict[str, object]", item).get("id"), str)


def connections_of(transport: Transport) -> ConnectionOperations:
    """The operations on connections, over a transport."""
    return ConnectionOperations(transport)
