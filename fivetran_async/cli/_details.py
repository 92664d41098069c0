"""The commands about single connections: what is wrong, what happened, what happens next."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from fivetran_async.cli._context import Context
from fivetran_async.cli._detail_views import (
    HISTORY,
    PROBLEMS_OF_CONNECTIONS,
    TESTS,
    details,
    entry_record,
    problem_records,
    setup_test_records,
    task_records,
)
from fivetran_async.cli._filters import ConnectionFilter
from fivetran_async.cli._options import ExitCode
from fivetran_async.cli._specs_of_details import (
    ErrorsOptions,
    HistoryOptions,
    IdsOptions,
    SetupTestOptions,
    WaitOptions,
)
from fivetran_async.cli._switching import code_of
from fivetran_async.cli._table import Record, Summary
from fivetran_async.cli._views import outcome_summary
from fivetran_async.errors import NotFoundError, OperationUnavailableError


async def show(context: Context, options: IdsOptions) -> ExitCode:
    """Show one connection."""
    (connection_id,) = options.ids
    connection = await context.fivetran.connections.get(connection_id)
    context.output.end(details(connection))
    return ExitCode.DONE


async def errors(context: Context, options: ErrorsOptions) -> ExitCode:
    """List problems: of the ids with the API's lists of errors, else of all that filters select."""
    output, shown = context.output, 0
    with output.working("Reading connections") as progress:
        if options.ids:
            for number, connection_id in enumerate(options.ids, 1):
                records = await _problems_of(context, connection_id)
                output.add(PROBLEMS_OF_CONNECTIONS, records)
                shown += len(records)
                progress(f"{number} of {len(options.ids)} connections")
        else:
            chosen = ConnectionFilter(options)
            async for page in chosen.pages(context.fivetran):
                records = [record for each in page for record in task_records(each)]
                output.add(PROBLEMS_OF_CONNECTIONS, records)
                shown += len(records)
                progress(f"{chosen.read} connections")
    output.end(Summary())
    if not shown:
        output.note("There are no tasks, warnings and errors.")
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
        await context.clock.sleep(options.interval)
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
    output, began = context.output, time.monotonic()
    output.note(f"Waiting for the sync of {connection_id}; Ctrl-C stops waiting, not the sync.")
    with output.working("waiting"):
        outcome = await context.fivetran.connections.wait_for_sync(
            connection_id, timeout=options.timeout
        )
    output.end(outcome_summary(outcome, time.monotonic() - began))
    return code_of({outcome.status})


async def test(context: Context, options: SetupTestOptions) -> ExitCode:
    """Run setup tests, one connection after another: they have a quota of their own."""
    output, code = context.output, ExitCode.DONE
    with output.working("testing") as progress:
        for number, connection_id in enumerate(options.ids, 1):
            try:
                connection = await context.fivetran.connections.run_setup_tests(
                    connection_id,
                    trust_certificates=options.trust,
                    trust_fingerprints=options.trust,
                )
            except NotFoundError as error:
                output.fail(f"{connection_id}: {error}")
                code = max(code, ExitCode.REFUSED)
                continue
            output.add(TESTS, setup_test_records(connection))
            if not all(each.is_passed for each in connection.setup_tests):
                code = max(code, ExitCode.NOT_SUCCEEDED)
            progress(f"{number} of {len(options.ids)} connections")
    output.end(Summary())
    return code
