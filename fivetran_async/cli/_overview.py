"""The lists of groups with their states, and of connections."""

from __future__ import annotations

from fivetran_async._fan_out.api import FanOutFailure
from fivetran_async.cli._context import Context
from fivetran_async.cli._filters import ConnectionFilter
from fivetran_async.cli._options import CommandOptions, ExitCode
from fivetran_async.cli._output import ShowProgress
from fivetran_async.cli._specs_of_connections import FilterOptions
from fivetran_async.cli._table import Summary
from fivetran_async.cli._views import (
    CONNECTIONS,
    GroupTally,
    account_summary,
    connection_record,
    group_record,
    groups_table,
    state_of,
)
from fivetran_async.client import AsyncFivetran
from fivetran_async.errors import PermissionDeniedError
from fivetran_async.resources.groups import Group


async def overview(context: Context, options: CommandOptions) -> ExitCode:  # noqa: ARG001 - the signature of all commands
    """Count the connections of every group by state, with one list of groups and of connections."""
    output, fivetran = context.output, context.fivetran
    with output.working("Reading groups") as progress:
        tallies = {group.id: GroupTally(group) async for group in fivetran.groups.list()}
        try:
            await _tally(fivetran, tallies, progress)
        except PermissionDeniedError:
            # The key may read some groups only: a group that it may not read stops no other.
            await _tally_by_group(fivetran, tallies, progress)
    ordered = sorted(tallies.values(), key=lambda tally: (tally.group.name, tally.group.id))
    table = groups_table(ordered)
    output.add(table, (group_record(tally, table) for tally in ordered))
    output.end(account_summary(ordered))
    failed = [tally for tally in ordered if tally.failure]
    for tally in failed:
        output.fail(f"group {tally.group.id} could not be read: {tally.failure}")
    return ExitCode.REFUSED if failed else ExitCode.DONE


async def _tally(
    fivetran: AsyncFivetran, tallies: dict[str, GroupTally], progress: ShowProgress
) -> None:
    count = 0
    async for page in fivetran.connections.list().pages():
        for connection in page.items:
            group = connection.group_id
            # A group that was made, or that may not be listed, is known by its connections only.
            tally = tallies.setdefault(group, GroupTally(Group(id=group)))
            tally.states[state_of(connection)] += 1
        count += len(page.items)
        progress(f"{len(tallies)} groups, {count} connections")


async def _tally_by_group(
    fivetran: AsyncFivetran, tallies: dict[str, GroupTally], progress: ShowProgress
) -> None:
    count = 0
    for tally in tallies.values():
        tally.states.clear()
    async with fivetran.fan_out(
        list(tallies.values()),
        lambda tally: fivetran.connections.list(group_id=tally.group.id),
        on_error="yield",
    ) as results:
        async for tally, found in results:
            if isinstance(found, FanOutFailure):
                tally.failure = found.error
            else:
                tally.states[state_of(found)] += 1
                count += 1
            progress(f"{len(tallies)} groups, {count} connections")


async def connections(context: Context, options: FilterOptions) -> ExitCode:
    """List connections, page by page."""
    output, chosen, shown = context.output, ConnectionFilter(options), 0
    with output.working("Reading connections") as progress:
        async for page in chosen.pages(context.fivetran):
            output.add(CONNECTIONS, map(connection_record, page))
            shown += len(page)
            progress(f"{chosen.read} connections")
    output.end(Summary())
    if not shown:
        output.note(
            f"None of the {chosen.read} connections matches the filters."
            if chosen.read
            else "There are no connections."
        )
    return ExitCode.DONE
