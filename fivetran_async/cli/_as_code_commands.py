"""The commands about the account as code: export, plan, rehearse, apply, undo and others."""

from __future__ import annotations

from pathlib import Path

from fivetran_async import as_code
from fivetran_async.as_code import AppliedRun, Plan, Snapshot
from fivetran_async.as_code._applying.leftovers import left_paused, since_first_unfinished
from fivetran_async.as_code._files.folder import AccountFolder
from fivetran_async.as_code._planning.planner import NOT_COVERED, NOT_READ
from fivetran_async.cli._as_code_runs import (
    agreed,
    carry_out,
    carry_out_allowed,
    counting,
    print_plan,
)
from fivetran_async.cli._as_code_views import (
    DRIFT,
    EXPORTED,
    drift_records,
    drift_summary,
    exported_records,
    exported_summary,
    rehearsal_document,
    skipped_notes,
)
from fivetran_async.cli._context import Context
from fivetran_async.cli._file_options import (
    ApplyOptions,
    DriftOptions,
    ExportOptions,
    PlanCommandOptions,
    PlanningOptions,
    UndoOptions,
)
from fivetran_async.cli._options import PROGRAM, ExitCode, UnusableOptionError
from fivetran_async.cli._output import Output
from fivetran_async.client import AsyncFivetran


async def export_account(context: Context, options: ExportOptions) -> ExitCode:
    """Write the account to files, or print it as configuration for Terraform."""
    context.expect(EXPORTED)
    with counting(context.fivetran, context.output, "Reading the account") as counted:
        fivetran, requests = counted
        live = await as_code.export(
            fivetran,
            only=options.only or None,
            kinds=options.kind or None,
            schemas=not options.no_schemas,
        )
    for note in skipped_notes(live.skipped):
        context.output.note(note)
    if not live and (options.only or options.kind):
        given = [f"--only {each!r}" for each in options.only]
        given += [f"--kind {each}" for each in options.kind]
        context.output.note(f"No object matches {' '.join(given)}.")
    if options.terraform:
        text = live.to_terraform()
        context.output.text(text, lambda: {"terraform": text})
        return ExitCode.DONE
    left = left_paused(since_first_unfinished(AccountFolder(options.folder)))
    live.save(options.folder, force=options.force)
    for address in sorted(left.keys() & live.keys()):
        if live[address].paused:
            # From now on its file wants that, so that no plan resumes it.
            context.output.note(f"Still paused: {address}: {left[address]}")
    context.output.add(EXPORTED, exported_records(live))
    context.output.end(exported_summary(live, options.folder, requests()))
    return ExitCode.DONE


async def plan_folder(context: Context, options: PlanCommandOptions) -> ExitCode:
    """Show what the files would change; with `-o`, save it for `apply`."""
    found = await _plan_of(context, options)
    if options.out is not None:
        found.save(options.out)
    print_plan(context, found)
    if options.out is not None:
        context.output.note(f"Saved: `{PROGRAM} apply {options.out}` carries it out.")
    return ExitCode.DONE


async def rehearse_plan(context: Context, options: PlanningOptions) -> ExitCode:
    """Apply a plan to a copy of the account on this machine."""
    found = await _plan_of(context, options)
    with context.output.working(f"Rehearsing {len(found)} changes"):
        rehearsal = await as_code.rehearse(found)
    context.output.text(str(rehearsal), lambda: rehearsal_document(rehearsal))
    if not rehearsal.run.succeeded:
        return ExitCode.REFUSED
    return ExitCode.FINDINGS if rehearsal.not_converging else ExitCode.DONE


async def apply_plan(context: Context, options: ApplyOptions) -> ExitCode:
    """Carry out a saved plan, which was reviewed, or the plan of a folder that the user reviews."""
    if not options.is_folder:
        found = _saved_plan(options.source)
        return await carry_out_allowed(context, found, options, deletions=options.delete)
    if not options.yes and not context.keyboard.can_ask:
        raise UnusableOptionError(
            f"There is no terminal to ask on: pass --yes, or save the plan with `{PROGRAM} plan "
            f"{options.source} -o FILE`, review it and apply FILE."
        )
    found = await _plan_of(context, options, context.fivetran)
    if not await agreed(context, found, yes=options.yes):
        return ExitCode.REFUSED
    return await carry_out_allowed(context, found, options, deletions=options.delete)


async def list_drift(context: Context, options: DriftOptions) -> ExitCode:
    """List what was changed on the server since the last export."""
    wanted, base = as_code.load(options.folder), as_code.load_base(options.folder)
    async with context.open_account() as fivetran:
        live = await _live(fivetran, wanted, context.output)
    found = as_code.plan(wanted, live=live, base=base)
    context.output.add(DRIFT, drift_records(found))
    context.output.end(drift_summary(found))
    unknown = {
        address: reason
        for address, reason in found.refused.items()
        if reason.startswith((NOT_READ, NOT_COVERED))
    }
    for line in skipped_notes(unknown):
        context.output.fail(line)
    if found.drift or found.conflicts:
        return ExitCode.DRIFT
    # A comparison without these must not end like one that found nothing.
    return ExitCode.REFUSED if unknown else ExitCode.DONE


async def undo_run(context: Context, options: UndoOptions) -> ExitCode:
    """Take back a run; the code is 1 if a part of it cannot be taken back."""
    run = _run_named(options.run, options.folder)
    found = run.undo()
    if options.dry_run:
        print_plan(context, found)
        return ExitCode.REFUSED if found.impossible else ExitCode.DONE
    if not await agreed(context, found, yes=options.yes):
        return ExitCode.REFUSED
    code = await carry_out(context, found, options)
    return ExitCode.REFUSED if found.impossible else code


async def _plan_of(
    context: Context, options: PlanningOptions, fivetran: AsyncFivetran | None = None
) -> Plan:
    """Read a saved plan, or make the plan of a folder; its files are checked first."""
    if not options.is_folder:
        return _saved_plan(options.source)
    wanted = as_code.load(options.source)
    base = None
    if options.detached:
        wanted = wanted.detached()
    elif not options.no_base:
        base = _base_of(options.source)
    if fivetran is not None:
        live = await _live(fivetran, wanted, context.output)
    else:
        async with context.open_account() as opened:
            live = await _live(opened, wanted, context.output)
    return as_code.plan(
        wanted,
        live=live,
        base=base,
        prune=options.prune,
        revert_drift=options.revert_drift,
        send_secrets=options.send_secrets,
        conflicts=options.conflicts,
        moves=options.moves,
    )


def _saved_plan(path: str) -> Plan:
    try:
        return as_code.load_plan(path)
    except as_code.PlanFileError as error:
        hint = f"`{PROGRAM} plan DIR -o FILE` saves one"
        raise as_code.PlanFileError(f"{error.message}; {hint}") from None


def _base_of(folder: str) -> Snapshot:
    try:
        return as_code.load_base(folder)
    except as_code.FilesError as error:
        if "has no base" not in error.message:
            raise
        hint = "or pass --no-base: then every difference from the account is a change"
        raise as_code.FilesError([f"{error.message}, {hint}"]) from None


async def _live(fivetran: AsyncFivetran, wanted: Snapshot, output: Output) -> Snapshot:
    """Read the part of the account that the folder was exported with."""
    scope = wanted.scope.as_one_export()
    with counting(fivetran, output, "Reading the account") as (counted, _):
        return await as_code.export(
            counted, only=scope.only, kinds=scope.kinds, schemas=scope.schemas
        )


def _run_named(name: str, folder: str) -> AppliedRun:
    if Path(name).is_dir():
        raise UnusableOptionError(
            f"{name!r} is a folder: pass the path of a journal, or the name of a run and --folder"
        )
    try:
        return as_code.load_run(name)
    except as_code.PlanFileError as error:
        try:
            return as_code.load_run(name, folder=folder)
        except as_code.PlanFileError:
            if Path(name).exists():
                raise error from None
        raise UnusableOptionError(
            f"the run {name!r} was not found in {folder}/.fivetran/runs: pass the path of a "
            "journal, or --folder"
        ) from None
