"""The commands about the account as code: export, plan, rehearse, apply, undo and others."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

from fivetran_async import as_code
from fivetran_async.as_code import AppliedRun, Plan, Snapshot
from fivetran_async.cli._as_code_views import (
    DRIFT,
    EXPORTED,
    drift_records,
    drift_summary,
    exported_records,
    exported_summary,
    journal_of,
    plan_document,
    rehearsal_document,
    run_document,
    skipped_notes,
)
from fivetran_async.cli._context import Context
from fivetran_async.cli._file_options import (
    ApplyOptions,
    CloneOptions,
    DriftOptions,
    ExportOptions,
    PlanCommandOptions,
    PlanningOptions,
    SetOptions,
    UndoOptions,
)
from fivetran_async.cli._filters import ConnectionFilter, select
from fivetran_async.cli._options import PROGRAM, ExitCode, UnusableOptionError
from fivetran_async.cli._output import Output
from fivetran_async.client import AsyncFivetran
from fivetran_async.events import ResponseEvent
from fivetran_async.options import Hooks

_NOTHING: Final = "Nothing to change."
_IN_GROUPS: Final = {
    "destinations/": "",
    "connections/": "/*",
    "webhooks/": "/*",
    "log_services/": "",
    "transformation_projects/": "/*",
}
"""The addresses of what a group has, before and after its name."""
_UNPLAIN: Final = re.compile(r"[*?\[\]]")


async def export_account(context: Context, options: ExportOptions) -> ExitCode:
    """Write the account to files, or print it as configuration for Terraform."""
    with _counting(context.fivetran, context.output, "Reading the account") as counted:
        fivetran, requests = counted
        live = await as_code.export(
            fivetran,
            only=options.only or None,
            kinds=options.kind or None,
            schemas=not options.no_schemas,
        )
    for note in skipped_notes(live.skipped):
        context.output.note(note)
    if options.terraform:
        text = live.to_terraform()
        context.output.text(text, lambda: {"terraform": text})
        return ExitCode.DONE
    live.save(options.folder, force=options.force)
    context.output.add(EXPORTED, exported_records(live))
    context.output.end(exported_summary(live, options.folder, requests()))
    return ExitCode.DONE


async def plan_folder(context: Context, options: PlanCommandOptions) -> ExitCode:
    """Show what the files would change; with `-o`, save it for `apply`."""
    found = await _plan_of(context, options)
    if options.out is not None:
        found.save(options.out)
    context.output.text(str(found), lambda: plan_document(found))
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
        found = as_code.load_plan(options.source)
        return await _carry_out(context, found, options, deletions=options.delete)
    if not options.yes and not context.keyboard.can_ask:
        raise UnusableOptionError(
            f"There is no terminal to ask on: pass --yes, or save the plan with `{PROGRAM} plan "
            f"{options.source} -o FILE`, review it and apply FILE."
        )
    found = await _plan_of(context, options, context.fivetran)
    if not await _agreed(context, found, yes=options.yes):
        return ExitCode.REFUSED
    return await _carry_out(context, found, options, deletions=options.delete)


async def list_drift(context: Context, options: DriftOptions) -> ExitCode:
    """List what was changed on the server since the last export."""
    wanted, base = as_code.load(options.folder), as_code.load_base(options.folder)
    async with context.open_account() as fivetran:
        live = await _live(fivetran, wanted, context.output)
    found = as_code.plan(wanted, live=live, base=base)
    context.output.add(DRIFT, drift_records(found))
    context.output.end(drift_summary(found))
    return ExitCode.DRIFT if found.drift or found.conflicts else ExitCode.DONE


async def undo_run(context: Context, options: UndoOptions) -> ExitCode:
    """Take back a run; the code is 1 if a part of it cannot be taken back."""
    run = _run_named(options.run, options.folder)
    found = run.undo()
    if options.dry_run:
        context.output.text(str(found), lambda: plan_document(found))
        return ExitCode.REFUSED if found.impossible else ExitCode.DONE
    if not await _agreed(context, found, yes=options.yes):
        return ExitCode.REFUSED
    code = await _carry_out(context, found, options)
    return ExitCode.REFUSED if found.impossible else code


async def set_fields(context: Context, options: SetOptions) -> ExitCode:
    """Change fields of the selected connections."""
    fields = named_fields(options.fields)
    chosen, groups = ConnectionFilter(options), set[str]()
    named = set(await select(context, options)) if options.ids else None
    ids: set[str] = set()
    with context.output.working("Reading connections") as progress:
        async for page in chosen.pages(context.fivetran):
            selected = [each for each in page if named is None or each.id in named]
            ids |= {connection.id for connection in selected}
            groups |= {connection.group_id for connection in selected}
            progress(f"{chosen.read} connections read, {len(ids)} selected")
    if named and named != ids:
        missing = ", ".join(map(repr, sorted(named - ids)))
        raise UnusableOptionError(f"the account has no connection with the id {missing}")
    if not ids:
        context.output.note("No connection matches the filters.")
        return _end(context, None)
    with _counting(context.fivetran, context.output, "Reading their fields") as (fivetran, _):
        live = await as_code.export(fivetran, only=await _globs_of(fivetran, groups), schemas=False)
    wanted = live.change(lambda each: each.kind == "connections" and each.id in ids, **fields)
    found = as_code.plan(wanted, live=live)
    if options.dry_run:
        context.output.text(str(found), lambda: plan_document(found))
        return ExitCode.DONE
    if not await _agreed(context, found, yes=options.yes):
        return ExitCode.REFUSED
    return await _carry_out(context, found, options)


async def clone_group(context: Context, options: CloneOptions) -> ExitCode:
    """Copy the objects of a group to another group; new secrets come from references."""
    names = [_UNPLAIN.sub("?", name) for name in (options.group, options.to)]
    only = [f"{kind}{name}{rest}" for kind, rest in _IN_GROUPS.items() for name in names]
    with _counting(context.fivetran, context.output, "Reading the groups") as (fivetran, _):
        live = await as_code.export(fivetran, only=["groups/*", *only])
    if not any(each.group == options.group for each in live.values()):
        raise UnusableOptionError(f"there is no group with the name {options.group!r}")
    inside = {each.address for each in live.values() if each.group == options.group}
    there = {address for address in inside if _copy_of(address, options.to) in live}
    chosen = {address for address in inside - there if not address.startswith("groups/")}
    for address in sorted(there):
        context.output.note(f"There already: {_copy_of(address, options.to)}")
    if not chosen:
        context.output.note(_NOTHING)
        return _end(context, None)
    wanted = live.clone(lambda each: each.address in chosen, group=options.to)
    found = as_code.plan(wanted, live=live)
    if options.dry_run:
        context.output.text(str(found), lambda: plan_document(found))
        return ExitCode.DONE
    if not await _agreed(context, found, yes=options.yes):
        return ExitCode.REFUSED
    return await _carry_out(context, found, options)


def _copy_of(address: str, group: str) -> str:
    """Return the address of the copy of an object in another group."""
    kind, _, *rest = address.split("/")
    return "/".join([kind, group.replace("%", "%25").replace("/", "%2F"), *rest])


async def _globs_of(fivetran: AsyncFivetran, groups: set[str]) -> list[str]:
    """Return patterns that match at least the connections of some groups."""
    names = [group.name async for group in fivetran.groups.list() if group.id in groups]
    return [f"connections/{_UNPLAIN.sub('?', name)}*/*" for name in names]


def named_fields(texts: Sequence[str]) -> dict[str, object]:
    """
    Return the fields that `FIELD=VALUE` texts name; dots reach into objects.

    A value is JSON if it can be, such as 60, true, null or a list, and text otherwise.

    Raises:
        UnusableOptionError: Two of them name the same field.
    """
    found: dict[str, object] = {}
    for text in texts:
        name, _, value = text.partition("=")
        *outer, last = name.split(".")
        place = found
        for step in outer:
            inner = place.setdefault(step, dict[str, object]())
            if not isinstance(inner, dict):
                raise UnusableOptionError(f"{name!r} is given twice, as a value and an object")
            place = cast("dict[str, object]", inner)
        if last in place:
            raise UnusableOptionError(f"{name!r} is given twice")
        place[last] = _value_of(value)
    return found


def _value_of(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


async def _plan_of(
    context: Context, options: PlanningOptions, fivetran: AsyncFivetran | None = None
) -> Plan:
    """Read a saved plan, or make the plan of a folder; its files are checked first."""
    if not options.is_folder:
        return as_code.load_plan(options.source)
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
    parts = wanted.scope.parts
    only = {glob: None for part in parts for glob in part.only or ()}
    kinds = {kind: None for part in parts for kind in part.kinds or ()}
    with _counting(fivetran, output, "Reading the account") as (counted, _):
        return await as_code.export(
            counted,
            only=None if any(part.only is None for part in parts) else tuple(only),
            kinds=None if any(part.kinds is None for part in parts) else tuple(kinds),
            schemas=any(part.schemas for part in parts),
        )


async def _agreed(context: Context, found: Plan, *, yes: bool) -> bool:
    """Show a plan and ask about it, if there is anything to ask about."""
    context.output.note(str(found))
    if not found.changes and not found.may_send:
        return True
    count = len(found.changes)
    plural = "" if count == 1 else "s"
    return await context.confirm(f"Change {count} object{plural} of {context.account}?", yes=yes)


async def _carry_out(
    context: Context,
    found: Plan,
    options: ApplyOptions | UndoOptions | SetOptions | CloneOptions,
    *,
    deletions: Sequence[str] = (),
) -> ExitCode:
    if not found.changes and not found.may_send:
        context.output.note(_NOTHING)
        return _end(context, None)
    text = f"Applying {len(found)} changes"
    try:
        most = found.cost.requests
        with _counting(context.fivetran, context.output, text, most) as (counted, _):
            run = await as_code.apply(
                counted,
                found,
                confirm=found.digest,
                secrets=as_code.references(commands=getattr(options, "run_commands", False)),
                deletions=deletions,
                gently=getattr(options, "gently", False),
                adopt=getattr(options, "adopt", False),
                journal=getattr(options, "journal", None),
            )
    except asyncio.CancelledError:
        context.output.fail(
            "Interrupted. The journal has what was done; the same command goes on with the rest."
        )
        raise
    return _end(context, run)


def _end(context: Context, run: AppliedRun | None) -> ExitCode:
    output = context.output
    if run is None:
        output.text("", lambda: run_document(None))
        return ExitCode.DONE
    output.text(str(run), lambda: run_document(run))
    journal = journal_of(run)
    # A run may have found everything in place, as when a plan is applied twice.
    if journal is not None and run.undo().changes:
        output.note(f"`{PROGRAM} undo {_from_here(journal)}` takes it back.")
    if run.succeeded:
        return ExitCode.DONE
    output.fail(f"{len(run.errors)} changes failed, {len(run.skipped)} were not begun.")
    return ExitCode.REFUSED


def _from_here(path: str) -> str:
    """Return a path without the folder that the command runs in."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def _run_named(name: str, folder: str) -> AppliedRun:
    try:
        return as_code.load_run(name)
    except as_code.PlanFileError as error:
        try:
            return as_code.load_run(name, folder=folder)
        except as_code.PlanFileError:
            raise error from None


@contextmanager
def _counting(
    fivetran: AsyncFivetran, output: Output, text: str, most: int | None = None
) -> Generator[tuple[AsyncFivetran, Callable[[], int]]]:
    """Show how many responses arrived; yield a view that counts them, and the count."""
    answered = 0
    of = "" if most is None else f" of at most {most}"
    with output.working(text) as progress:

        def count(_: ResponseEvent) -> None:
            nonlocal answered
            answered += 1
            progress(f"{text}: {answered}{of} requests")

        yield fivetran.with_options(hooks=Hooks(on_response=count)), lambda: answered
