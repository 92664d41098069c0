"""The commands that show what is wrong: with the account, and with one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from fivetran_async.cli._context import Context
from fivetran_async.cli._filters import ConnectionFilter, check_groups
from fivetran_async.cli._health_views import (
    FINDINGS,
    ConnectionPage,
    Section,
    finding_record,
    findings_summary,
)
from fivetran_async.cli._options import ExitCode, UnusableOptionError
from fivetran_async.cli._specs_of_health import HealthOptions, WhyOptions
from fivetran_async.client import AsyncFivetran
from fivetran_async.errors import FivetranError, NotFoundError
from fivetran_async.health import findings_of
from fivetran_async.resources.connection_models import (
    Connection,
    ConnectionProblem,
    SyncHistoryEntry,
)
from fivetran_async.resources.setup_tests import SetupTest
from fivetran_async.syncs._account import find_problems
from fivetran_async.syncs._reads import read_connection

T = TypeVar("T")

_SHOWN: Final = 5
"""The number of past syncs and of errors on the page of a connection."""
_WINDOWS: Final = (timedelta(days=1), timedelta(days=7) - timedelta(minutes=5))
"""How far back past syncs are looked for: the API goes back 7 days, by its own clock."""


async def health(context: Context, options: HealthOptions) -> ExitCode:
    """
    List the findings of the selected connections; exit code 7 if there are any.

    Raises:
        UnusableOptionError: A value of a filter exists neither in the account nor in the API.
    """
    transport = context.fivetran._transport  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    chosen = ConnectionFilter(options)
    try:
        with context.output.working("Reading connections"):
            found = await find_problems(
                transport,
                stale_after=options.stale,
                group_ids=options.group or None,
                wants=chosen.wants,
            )
    except NotFoundError:
        await check_groups(context.fivetran, options.group)
        raise
    if not found.groups.issuperset(options.group):
        await check_groups(context.fivetran, options.group)
    if problem := chosen.unknown_value():
        raise UnusableOptionError(problem)
    context.output.add(FINDINGS, map(finding_record, found.findings))
    context.output.end(findings_summary(found.connections, found.findings))
    failing = [
        each for each in found.findings if not options.fail_on or each.kind in options.fail_on
    ]
    return ExitCode.FINDINGS if failing else ExitCode.DONE


async def why(context: Context, options: WhyOptions) -> ExitCode:
    """Print the page of a connection: what can be read of it, and why the rest cannot."""
    fivetran, connection_id = context.fivetran, options.connection_id
    transport = fivetran._transport  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    with context.output.working(f"Reading {connection_id}"):
        read = await read_connection(transport, connection_id)
        now = read.at or datetime.fromtimestamp(transport.core.clock.time(), UTC)
        syncs, errors, tests = await asyncio.gather(
            _section(_past_syncs(fivetran, connection_id, now)),
            _section(_errors(fivetran, connection_id)),
            _section(_tests(fivetran, read.connection, run=options.run_tests)),
        )
    page = ConnectionPage(
        connection=read.connection,
        now=now,
        findings=findings_of(read.connection, now),
        syncs=syncs,
        errors=errors,
        tests=tests,
    )
    context.output.text(page.text(utc=options.utc), page.document)
    return ExitCode.DONE


async def _section(read: Awaitable[Sequence[T]]) -> Section[T]:
    """Read a part of the page; its failure takes its place."""
    try:
        return Section(await read)
    except FivetranError as error:
        return Section((), problem=str(error))


async def _past_syncs(
    fivetran: AsyncFivetran, connection_id: str, now: datetime
) -> Sequence[SyncHistoryEntry]:
    """Return the newest syncs, of the last day if it has enough of them."""
    found: list[SyncHistoryEntry] = []
    for window in _WINDOWS:
        entries = fivetran.connections.list_sync_history(
            connection_id, start_time=now - window, end_time=now
        )
        found = await entries.collect()
        if len(found) >= _SHOWN:
            break
    # Those that have not begun come first.
    begun = datetime.max.replace(tzinfo=UTC)
    found.sort(key=lambda entry: entry.start or begun, reverse=True)
    return found[:_SHOWN]


async def _errors(fivetran: AsyncFivetran, connection_id: str) -> Sequence[ConnectionProblem]:
    page = await fivetran.connections.list_errors(connection_id, limit=_SHOWN)
    return page.items


async def _tests(
    fivetran: AsyncFivetran, connection: Connection, *, run: bool
) -> Sequence[SetupTest]:
    if run:
        connection = await fivetran.connections.run_setup_tests(connection.id)
    return connection.setup_tests
