"""The commands that sync, pause and resume connections, one or many."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar, cast

from fivetran_async._fan_out.api import FanOutFailure
from fivetran_async.cli._context import Context
from fivetran_async.cli._filters import select
from fivetran_async.cli._hints import with_hint
from fivetran_async.cli._options import ExitCode
from fivetran_async.cli._specs_of_connections import SelectionOptions, SyncOptions
from fivetran_async.cli._table import OutputTable, Record, Summary
from fivetran_async.cli._text import cut
from fivetran_async.cli._views import (
    AWAITED,
    SWITCHED,
    SYNCED,
    TRIGGERED,
    Switch,
    failed_record,
    outcome_record,
    outcome_summary,
    switched_record,
    trigger_record,
    trigger_summary,
)
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.syncs import DEFAULT_POLICY, MANY_POLICY

T = TypeVar("T")

_LISTED = 20
"""The number of ids that a question lists."""
_WIDEST_ID = 80
"""The letters of an id in messages: a file that is piped in by mistake can be one long line."""


async def sync(context: Context, options: SyncOptions) -> ExitCode:
    """Trigger syncs, and with `--wait` wait for their ends."""
    context.expect(_results_of(options))
    ids = await chosen(context, options, "Sync")
    if ids is None:
        return ExitCode.REFUSED
    fivetran = context.fivetran
    if options.dry_run:
        return await _switch_each(context, ids, "sync", dry_run=True)
    if not _is_single(options):
        if options.wait:
            return await _sync_all(context, ids, options)
        return await on_each(
            context, ids, SWITCHED, fivetran.connections.sync, trigger_record, verb="sync"
        )
    (connection_id,) = ids
    output = context.output
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
    return code_of({outcome.status})


def _is_single(options: SyncOptions) -> bool:
    """Return True if one id was typed: then its values are printed in place of a table."""
    return len(options.ids) == 1 and not options.reads_stdin


def _results_of(options: SyncOptions) -> OutputTable:
    if options.dry_run:
        return SWITCHED
    if _is_single(options):
        return AWAITED if options.wait else TRIGGERED
    return SYNCED if options.wait else SWITCHED


def code_of(statuses: set[str]) -> ExitCode:
    """Return the exit code of awaited syncs."""
    if statuses <= {"succeeded"}:
        return ExitCode.DONE
    timed_out = statuses <= {"succeeded", "timed_out"}
    return ExitCode.TIMED_OUT if timed_out else ExitCode.NOT_SUCCEEDED


async def _sync_all(context: Context, ids: Sequence[str], options: SyncOptions) -> ExitCode:
    output, statuses = context.output, set[str]()
    output.note(f"Waiting for {len(ids)} syncs; Ctrl-C stops waiting, not the syncs.")
    policy = MANY_POLICY.lasting(options.timeout)
    with output.working(f"{len(ids)} to sync") as progress:
        async with context.fivetran.syncs.run_all(ids, policy=policy) as outcomes:
            async for outcome in outcomes:
                statuses.add(outcome.status)
                output.add(SYNCED, [outcome_record(outcome)])
                progress(f"{outcomes.progress.done} of {len(ids)} syncs ended")
    output.end(Summary())
    return code_of(statuses)


async def pause(context: Context, options: SelectionOptions) -> ExitCode:
    """Pause connections."""
    return await _switch(context, options, "pause")


async def resume(context: Context, options: SelectionOptions) -> ExitCode:
    """Resume connections."""
    return await _switch(context, options, "resume")


async def _switch(context: Context, options: SelectionOptions, switch: Switch) -> ExitCode:
    context.expect(SWITCHED)
    ids = await chosen(context, options, switch.capitalize())
    if ids is None:
        return ExitCode.REFUSED
    return await _switch_each(context, ids, switch, dry_run=options.dry_run)


async def chosen(context: Context, options: SelectionOptions, verb: str) -> tuple[str, ...] | None:
    """
    Return the selected ids; None if the user declined.

    Ids in the arguments were typed one by one; filters and pipes are shown and asked about.
    """
    ids = await select(context, options)
    is_typed = bool(options.ids) and not options.reads_stdin
    if not ids:
        context.output.note("No connection matches the filters.")
    elif not is_typed and not options.dry_run:
        more = f" and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
        shown = ", ".join(cut(each, _WIDEST_ID) for each in ids[:_LISTED])
        context.output.note(f"{verb}: {shown}{more}")
        plural = "" if len(ids) == 1 else "s"
        question = f"{verb} {len(ids)} connection{plural} of {context.account}?"
        if not await context.confirm(question, yes=options.yes):
            return None
    return ids


async def _switch_each(
    context: Context, ids: Sequence[str], switch: Switch, *, dry_run: bool
) -> ExitCode:
    family = context.fivetran.connections
    change = family.resume if switch == "resume" else family.pause
    return await on_each(
        context,
        ids,
        SWITCHED,
        family.get if dry_run else change,
        lambda _, found: switched_record(found, switch, dry_run=dry_run),
        verb=switch,
        doubt="" if dry_run else "; it may have taken effect",
    )


async def on_each(
    context: Context,
    ids: Sequence[str],
    table: OutputTable,
    call: Callable[[str], Coroutine[Any, Any, T]],
    record: Callable[[str, T], Record],
    *,
    verb: str,
    doubt: str = "; it may have taken effect",
) -> ExitCode:
    """Call a method for each connection, concurrently; one failure does not stop the others."""
    output = context.output
    records: list[Record] = []
    failures: list[tuple[str, Exception]] = []
    try:
        with output.working(f"{len(ids)} to {verb}") as progress:
            async with context.fivetran.fan_out(
                ids, call, ordered=True, on_error="yield"
            ) as results:
                async for connection_id, found in results:
                    if isinstance(found, FanOutFailure):
                        error = cast("FanOutFailure[str]", found).error
                        failures.append((connection_id, error))
                        records.append(failed_record(connection_id, error))
                    else:
                        records.append(record(connection_id, found))
                    progress(f"{len(records)} of {len(ids)}")
    finally:
        # An interrupted command also prints what it has done.
        output.add(table, records)
        output.end(Summary())
        for connection_id, failure in failures:
            output.fail(f"{cut(connection_id, _WIDEST_ID)}: {with_hint(failure)}")
        # Every other id has a record, so ids are left only after an interrupt.
        for connection_id in ids[len(records) :]:
            output.fail(f"{connection_id}: interrupted before the response arrived{doubt}")
    if any(isinstance(error, InvalidArgumentError) for _, error in failures):
        return ExitCode.USAGE
    return ExitCode.REFUSED if failures else ExitCode.DONE
