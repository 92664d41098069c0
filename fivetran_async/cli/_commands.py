"""The commands. Each calls the API, passes its results to an output and returns an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from fivetran_async._fan_out.api import FanOutFailure
from fivetran_async.cli._options import CommandName, CommandOptions, ExitCode
from fivetran_async.cli._output import Output, ShowProgress
from fivetran_async.cli._views import (
    CONNECTIONS,
    SWITCHED,
    GroupTally,
    Record,
    Summary,
    Switch,
    account_summary,
    connection_record,
    failed_record,
    group_record,
    groups_table,
    is_wanted,
    outcome_summary,
    state_of,
    switched_record,
    trigger_summary,
)
from fivetran_async.client import AsyncFivetran
from fivetran_async.syncs import DEFAULT_POLICY

Command: TypeAlias = Callable[[AsyncFivetran, CommandOptions, Output], Awaitable[ExitCode]]


async def overview(fivetran: AsyncFivetran, options: CommandOptions, output: Output) -> ExitCode:  # noqa: ARG001 - the signature of all commands
    """
    Count the connections of every group by state.

    It lists the connections group by group, so that a group that cannot be read does not stop the
    others.
    """
    with output.working("Reading groups") as progress:
        tallies = await _tally_groups(fivetran, progress)
    table = groups_table(tallies)
    output.add(table, (group_record(tally, table) for tally in tallies))
    output.end(account_summary(tallies))
    failed = [tally for tally in tallies if tally.failure]
    for tally in failed:
        output.fail(f"group {tally.group.id} could not be read: {tally.failure}")
    return ExitCode.REFUSED if failed else ExitCode.DONE


async def _tally_groups(fivetran: AsyncFivetran, progress: ShowProgress) -> list[GroupTally]:
    tallies: dict[str, GroupTally] = {}
    count = 0
    async with fivetran.fan_out(
        fivetran.groups.list(),
        lambda group: fivetran.connections.list(group_id=group.id),
        on_error="yield",
        empties=True,
    ) as results:
        async for group, found in results:
            tally = tallies.setdefault(group.id, GroupTally(group))
            if isinstance(found, FanOutFailure):
                tally.failure = found.error
            elif found is not None:
                tally.states[state_of(found)] += 1
                count += 1
            progress(f"{len(tallies)} groups, {count} connections")
    return sorted(tallies.values(), key=lambda tally: (tally.group.name, tally.group.id))


async def connections(fivetran: AsyncFivetran, options: CommandOptions, output: Output) -> ExitCode:
    """List connections, page by page."""
    seen = shown = 0
    with output.working("Reading connections") as progress:
        async for page in fivetran.connections.list(group_id=options.group).pages():
            wanted = [each for each in page.items if is_wanted(each, options)]
            output.add(CONNECTIONS, map(connection_record, wanted))
            seen, shown = seen + len(page.items), shown + len(wanted)
            progress(f"{seen} connections")
    output.end(Summary())
    if not shown:
        output.note(
            f"None of the {seen} connections matches the filters."
            if seen
            else "There are no connections."
        )
    return ExitCode.DONE


async def sync(fivetran: AsyncFivetran, options: CommandOptions, output: Output) -> ExitCode:
    """Trigger a sync, and with `--wait` wait for its end."""
    (connection_id,) = options.ids
    if not options.wait:
        response = await fivetran.connections.sync(connection_id)
        output.end(trigger_summary(connection_id, response))
        return ExitCode.DONE
    began = time.monotonic()
    output.note(f"Waiting for the sync of {connection_id}; Ctrl-C stops waiting, not the sync.")
    with output.working("syncing"):
        outcome = await fivetran.connections.sync_and_wait(
            connection_id, timeout=options.timeout, policy=DEFAULT_POLICY
        )
    output.end(outcome_summary(outcome, time.monotonic() - began))
    if outcome.succeeded:
        return ExitCode.DONE
    return ExitCode.TIMED_OUT if outcome.status == "timed_out" else ExitCode.NOT_SUCCEEDED


async def pause(fivetran: AsyncFivetran, options: CommandOptions, output: Output) -> ExitCode:
    """Pause connections."""
    return await _switch(fivetran, options, output, "pause")


async def resume(fivetran: AsyncFivetran, options: CommandOptions, output: Output) -> ExitCode:
    """Resume connections."""
    return await _switch(fivetran, options, output, "resume")


async def _switch(
    fivetran: AsyncFivetran, options: CommandOptions, output: Output, switch: Switch
) -> ExitCode:
    """Pause or resume connections concurrently; one failure does not stop the others."""
    family = fivetran.connections
    change = family.pause if switch == "pause" else family.resume
    records: list[Record] = []
    failures: list[str] = []
    try:
        with output.working(f"{len(options.ids)} to {switch}") as progress:
            async with fivetran.fan_out(
                dict.fromkeys(options.ids),
                family.get if options.dry_run else change,
                ordered=True,
                on_error="yield",
            ) as results:
                async for connection_id, found in results:
                    if isinstance(found, FanOutFailure):
                        failures.append(f"{connection_id}: {found.error}")
                        records.append(failed_record(connection_id, found.error))
                    else:
                        records.append(switched_record(found, switch, dry_run=options.dry_run))
                    progress(f"{len(records)} of {len(options.ids)}")
    finally:
        # An interrupted command also prints what it has done.
        output.add(SWITCHED, records)
        output.end(Summary())
        for failure in failures:
            output.fail(failure)
        # Every other id has a record, so ids are left only after an interrupt.
        doubt = "" if options.dry_run else "; it may have taken effect"
        for connection_id in list(dict.fromkeys(options.ids))[len(records) :]:
            output.fail(f"{connection_id}: interrupted before the response arrived{doubt}")
    return ExitCode.REFUSED if failures else ExitCode.DONE


async def exporter(fivetran: AsyncFivetran, options: CommandOptions, output: Output) -> ExitCode:
    """Serve metrics until interrupted."""
    try:
        # An optional dependency, and the only command that needs aiohttp's server.
        from fivetran_async.integrations.prometheus import serve_account  # noqa: PLC0415
    except ModuleNotFoundError as error:
        output.fail(str(error))
        return ExitCode.REFUSED
    async with serve_account(
        fivetran, host=options.host, port=options.port, interval=options.interval
    ) as url:
        output.note(f"Metrics of the account are served at {url}\nPress Ctrl-C to stop.")
        await until_terminated()
    return ExitCode.DONE


async def until_terminated() -> None:
    """Return on SIGTERM, as service managers send it; Ctrl-C interrupts the command."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Windows has no signal handlers, and only the main thread can set one.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()


COMMANDS: Final[Mapping[CommandName, Command]] = {
    "overview": overview,
    "connections": connections,
    "sync": sync,
    "pause": pause,
    "resume": resume,
    "exporter": exporter,
}
