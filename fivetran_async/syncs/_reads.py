"""The requests of waits: triggers, and polls by pages or one by one, whichever takes fewer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeGuard, TypeVar, cast

import attrs

from fivetran_async._codec import OnDrift, decode
from fivetran_async._http.response import Response
from fivetran_async._http.result import READ_ACTION, Reader, reader_of
from fivetran_async._http.transport import Transport
from fivetran_async._types import Unset
from fivetran_async.errors import (
    AmbiguousOutcomeError,
    AuthenticationError,
    FivetranError,
    ResponseFormatError,
    StatusError,
)
from fivetran_async.pagination import MAX_LIMIT
from fivetran_async.resources._connection_operations import (
    GET_CONNECTION,
    LIST_CONNECTIONS,
    RESYNC_CONNECTION,
    SYNC_CONNECTION,
    ConnectionOperations,
)
from fivetran_async.resources.connection_models import Connection
from fivetran_async.retries import RetryPolicy
from fivetran_async.syncs._policy import is_passing
from fivetran_async.syncs._watch import after_seconds

T = TypeVar("T")

LOOK_DEADLINE: Final = 30.0
"""Seconds that one request of a poll may take; the next poll is its retry."""
UNCERTAIN: Final = (AmbiguousOutcomeError, ResponseFormatError)
"""What a trigger raises that may have been accepted: only the record can show it."""
_UNREADABLE: Final = 1_000_000
"""A number of pages at which reading one by one is always cheaper."""
BATCH: Final = 25
"""Connections decoded or judged before other tasks get their turn on the loop."""
_YEARS: Final = range(2000, 2200)
"""Years in which a `Date` is believed."""


@attrs.frozen
class Dated:
    """
    A connection, and when it was read.

    Attributes:
        at: The server's time, in whole seconds; None if it sent none.
        asked_on: When the request was sent, on the session's clock that never steps.
        read_on: When the response was there, on the same.
    """

    connection: Connection
    at: datetime | None
    asked_on: float = 0.0
    read_on: float = 0.0

    def earliest(self, on: float) -> datetime | None:
        """Return the server's time at a time of the session's clock, if not later."""
        return after_seconds(self.at, on - self.read_on)

    def latest(self, on: float) -> datetime | None:
        """Return the server's time at a time of the session's clock, if not earlier."""
        return after_seconds(self.at, on - self.asked_on)


@attrs.frozen
class Source:
    """Where to read some connections: one by one, or on the pages of a group or the account."""

    ids: tuple[str, ...]
    pages: bool = False
    group_id: str | None = None


@attrs.define
class Look:
    """What one poll found: connections, failures of single ones, and the number of requests."""

    found: dict[str, Dated] = attrs.field(factory=dict[str, Dated])
    errors: dict[str, FivetranError] = attrs.field(factory=dict[str, FivetranError])
    requests: int = 0


def plan(groups_of: Mapping[str, str], pages: Mapping[str | None, int]) -> tuple[Source, ...]:
    """
    Choose the cheapest way to read connections; PURE.

    Args:
        groups_of: The group of each wanted connection; "" where it is not known.
        pages: The number of pages of a group at the last walk, and under None of the account. A
            group that was never walked counts as one page.
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
    """Plan for the connections that are due, and for all if that takes no more requests; PURE."""
    narrow, wide = plan(due, pages), plan(everyone, pages)
    return wide if cost_of(wide, pages) <= cost_of(narrow, pages) else narrow


def cost_of(sources: Iterable[Source], pages: Mapping[str | None, int]) -> int:
    """Return the number of requests that a plan will take, as far as is known."""
    return sum(pages.get(s.group_id, 1) if s.pages else len(s.ids) for s in sources)


def _source(group_id: str, ids: Sequence[str], pages: Mapping[str | None, int]) -> Source:
    by_pages = bool(group_id) and len(ids) > pages.get(group_id, 1)
    return Source(tuple(ids), pages=by_pages, group_id=group_id or None)


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """Return the server's time by its `Date`; None if it is missing or cannot be true."""
    text = headers.get("Date")
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return moment if moment.year in _YEARS else None


def dated(reader: Reader[T]) -> Reader[tuple[T, datetime | None]]:
    """Read a response, and the server's time with it."""

    def read(answer: Response, on_drift: OnDrift) -> tuple[T, datetime | None]:
        return reader.read(answer, on_drift), server_time(answer.headers)

    return Reader(reader.expects, read)


_READ_CONNECTION: Final = dated(reader_of(Connection))
_READ_TRIGGER: Final = dated(READ_ACTION)
_READ_PAGE: Final = dated(Reader[object]("object", lambda answer, _: answer.data))


async def read_connection(transport: Transport, connection_id: str) -> Dated:
    """Read one connection, with the server's time."""
    clock = transport.core.clock
    asked_on = clock.monotonic()
    found, at = await transport.call(GET_CONNECTION, _READ_CONNECTION, connection_id)
    return Dated(found, at, asked_on, clock.monotonic())


async def trigger_sync(transport: Transport, connection_id: str, *, force: bool) -> datetime | None:
    """
    Trigger a sync and return the server's time of its response.

    Raises:
        AmbiguousOutcomeError: A sync may have started; it was not triggered twice.
        ResponseFormatError: The same, where a success has an unreadable body.
    """
    body = {"force": force}
    _, at = await transport.call(SYNC_CONNECTION, _READ_TRIGGER, connection_id, body=body)
    return at


async def trigger_resync(
    transport: Transport, connection_id: str, *, scope: Mapping[str, Sequence[str]] | Unset
) -> datetime | None:
    """
    Trigger a resync that was confirmed and return the server's time of its response.

    Raises:
        AmbiguousOutcomeError: A resync may have started; it was not triggered twice.
        ResponseFormatError: The same, where a success has an unreadable body.
    """
    body = {"scope": scope}
    _, at = await transport.call(RESYNC_CONNECTION, _READ_TRIGGER, connection_id, body=body)
    return at


def looking(transport: Transport) -> Transport:
    """The same transport for polls: each request is sent once, for the next poll is its retry."""
    options = transport.options
    deadline = min(LOOK_DEADLINE, options.longest_call or LOOK_DEADLINE)
    return transport.with_options(
        attrs.evolve(options, retry=RetryPolicy(max_attempts=1), deadline=deadline)
    )


def patience_of(transport: Transport) -> tuple[float, bool]:
    """
    Return how patiently the view of a caller would poll; the most patient one polls for all.

    A wait with little time must not cost the others their polls.
    """
    options = transport.options
    limits = (LOOK_DEADLINE, options.longest_call, options.timeouts.total)
    seconds = min(limit for limit in limits if limit is not None)
    return seconds, options.priority == "interactive"


async def look(
    transport: Transport, sources: Iterable[Source], pages: dict[str | None, int]
) -> Look:
    """
    Read connections as planned, and note in `pages` how many pages there are.

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
            # A key may be allowed to read connections, and not to list them.
            pages[source.group_id] = _UNREADABLE
            missing += source.ids
    # A connection that is on no page was deleted, or moved from one page to another meanwhile.
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
    """Walk pages until all are found or single reads are cheaper; return the ids that are left."""
    wanted, cursor, walked = set(source.ids), None, 0
    clock = transport.core.clock
    while wanted and walked < len(source.ids):
        walked += 1
        result.requests += 1
        asked_on = clock.monotonic()
        asked = {"group_id": source.group_id, "limit": MAX_LIMIT, "cursor": cursor}
        data, at = await transport.call(LIST_CONNECTIONS, _READ_PAGE, query=asked)
        items, following = _page_of(data)
        rows = [item for item in items if item.get("id") in wanted]
        for connection in await _decode_all(rows, transport):
            result.found[connection.id] = Dated(connection, at, asked_on, clock.monotonic())
            wanted.discard(connection.id)
        if following is None or following == cursor:
            pages[source.group_id] = walked
            return tuple(wanted)
        cursor = following
    # It was cut short: it has at least these pages, and one more if some are still missing.
    pages[source.group_id] = walked + bool(wanted)
    return tuple(wanted)


async def _decode_all(
    items: Sequence[Mapping[str, object]], transport: Transport
) -> Sequence[Connection]:
    """Decode the wanted items of a page without keeping the loop for long."""
    decoded: list[Connection] = []
    for number, item in enumerate(items, 1):
        decoded.append(decode(item, Connection, on_drift=transport.core.drift_log))
        if number % BATCH == 0:
            await asyncio.sleep(0)
    return decoded


def _page_of(data: object) -> tuple[Sequence[Mapping[str, object]], str | None]:
    """Return the items that have an id, and the next cursor."""
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
