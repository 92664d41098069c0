"""The commands about single connections: what is wrong, what happened, what happens next."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from fivetran_async.cli._context import Context
from fivetran_async.cli._detail_views import (
    HISTORY,
    PROBLEMS_OF_CONNECTIONS,
    TESTS,
    TESTS_OF_DESTINATIONS,
    details,
    entry_record,
    problem_records,
    setup_test_records,
    task_records,
)
from fivetran_async.cli._filters import ConnectionFilter, typed_ids
from fivetran_async.cli._hints import with_hint
from fivetran_async.cli._options import ExitCode
from fivetran_async.cli._specs_of_details import (
    ErrorsOptions,
    HistoryOptions,
    IdsOptions,
    SetupTestOptions,
    WaitOptions,
)
from fivetran_async.cli._switching import code_of
from fivetran_async.cli._table import OutputTable, Record, Summary
from fivetran_async.cli._views import AWAITED, outcome_summary
from fivetran_async.client import AsyncFivetran
from fivetran_async.errors import NotFoundError, OperationUnavailableError
from fivetran_async.resources.setup_tests import SetupTest

_INTERVAL = 30.0
"""Seconds between two requests of `history --follow`."""


async def show(context: Context, options: IdsOptions) -> ExitCode:
    """Show one connection."""
    (connection_id,) = options.ids
    connection = await context.fivetran.connections.get(connection_id)
    context.output.end(details(connection))
    return ExitCode.DONE


async def errors(context: Context, options: ErrorsOptions) -> ExitCode:
    """List problems: of the ids with the API's lists of errors, else of all that filters select."""
    output, shown = context.output, 0
    ids = await typed_ids(context, options.ids) if options.ids else ()
    with output.working("Reading connections") as progress:
        if ids:
            for number, connection_id in enumerate(ids, 1):
                records = await _problems_of(context, connection_id)
                output.add(PROBLEMS_OF_CONNECTIONS, records)
                shown += len(records)
                progress(f"{number} of {len(ids)} connections")
        else:
            chosen = ConnectionFilter(options)
            async for page in chosen.pages(context.fivetran):
                records = [record for each in page for record in task_records(each)]
                output.add(PROBLEMS_OF_CONNECTIONS, records)
                shown += len(records)
                progress(f"{chosen.read} connections")
    output.end(Summary())
    if not shown:
        output.note("There are no tasks, warnings or errors.")
    return ExitCode.DONE


async def _problems_of(context: Context, connection_id: str) -> list[Record]:
    connections = context.fivetran.connections
    connection = await connections.get(connection_id)
    records = list(task_records(connection))
    try:
        problems = await connections.list_errors(connection_id).collect()
    except OperationUnavailableError:
        # The list of errors is a preview; tasks and warnings are in every account.
        return records
    return [*records, *problem_records(connection, problems)]


async def history(context: Context, options: HistoryOptions) -> ExitCode:
    """List past syncs, oldest first; with `--follow`, go on with new ones."""
    (connection_id,) = options.ids
    connections, output = context.fivetran.connections, context.output
    ended = set[tuple[str | None, datetime | None]]()
    while True:
        now = datetime.fromtimestamp(context.clock.time(), UTC)
        entries = await connections.list_sync_history(
            connection_id, start_time=now - timedelta(hours=options.since), end_time=now
        ).collect()
        entries = sorted(entries, key=lambda each: each.start or datetime.max.replace(tzinfo=UTC))
        new = [
            each
            for each in entries
            # A running sync is printed once it has ended.
            if (each.sync_id, each.start) not in ended and (each.end or not options.follow)
        ]
        ended.update((each.sync_id, each.start) for each in new)
        output.add(HISTORY, map(entry_record, new))
        if not options.follow:
            break
        await context.clock.sleep(options.interval or _INTERVAL)
    output.end(Summary())
    if not ended:
        output.note(
            f"No sync of {connection_id} in the last {options.since:g} hours. In some accounts "
            "entries disappear within hours."
        )
    return ExitCode.DONE


async def wait(context: Context, options: WaitOptions) -> ExitCode:
    """Wait for a sync that was triggered elsewhere."""
    (connection_id,) = options.ids
    context.expect(AWAITED)
    output, began = context.output, time.monotonic()
    output.note(f"Waiting for the sync of {connection_id}; Ctrl-C stops waiting, not the sync.")
    with output.working("waiting"):
        outcome = await context.fivetran.connections.wait_for_sync(
            connection_id, timeout=options.timeout
        )
    output.end(outcome_summary(outcome, time.monotonic() - began))
    return code_of({outcome.status})


async def test(context: Context, options: SetupTestOptions) -> ExitCode:
    """Run setup tests, one object after another: they have a quota of their own."""
    output, code = context.output, ExitCode.DONE
    table, run = _tests_of(context.fivetran, options)
    context.expect(table)
    ids = await typed_ids(context, options.destination or options.ids)
    with output.working("testing") as progress:
        for number, each in enumerate(ids, 1):
            try:
                tests = await run(each)
            except NotFoundError as error:
                output.fail(f"{each}: {with_hint(error)}")
                code = max(code, ExitCode.REFUSED)
                continue
            output.add(table, setup_test_records(each, tests, table))
            if not all(test.is_passed for test in tests):
                code = max(code, ExitCode.NOT_SUCCEEDED)
            progress(f"{number} of {len(ids)} tested")
    output.end(Summary())
    return code


def _tests_of(
    fivetran: AsyncFivetran, options: SetupTestOptions
) -> tuple[OutputTable, Callable[[str], Awaitable[Sequence[SetupTest]]]]:
    """Return the table of the results, and what tests one object."""
    family = fivetran.destinations if options.destination else fivetran.connections

    async def run(id: str) -> Sequence[SetupTest]:
        tested = await family.run_setup_tests(
            id, trust_certificates=options.trust, trust_fingerprints=options.trust
        )
        return tested.setup_tests

    return TESTS_OF_DESTINATIONS if options.destination else TESTS, run
