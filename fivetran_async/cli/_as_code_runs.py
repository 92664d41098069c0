"""What the commands about the account as code share: they show a plan, ask, and carry it out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fivetran_async import as_code
from fivetran_async.as_code import AppliedRun, Plan
from fivetran_async.cli._as_code_views import journal_of, plan_document, run_document
from fivetran_async.cli._context import Context
from fivetran_async.cli._file_options import ApplyOptions, CloneOptions, SetOptions, UndoOptions
from fivetran_async.cli._hints import for_terminal
from fivetran_async.cli._options import PROGRAM, ExitCode, UnusableOptionError
from fivetran_async.cli._output import Output
from fivetran_async.client import AsyncFivetran
from fivetran_async.events import ResponseEvent
from fivetran_async.options import Hooks

NOTHING: Final = "Nothing to change."


def print_plan(context: Context, found: Plan) -> None:
    """Print a plan."""
    context.output.text(for_terminal(str(found)), lambda: plan_document(found))


async def agreed(context: Context, found: Plan, *, yes: bool) -> bool:
    """Show a plan and ask about it, if there is anything to ask about."""
    context.output.note(for_terminal(str(found)))
    if not found.changes and not found.may_send:
        return True
    count = len(found.changes)
    plural = "" if count == 1 else "s"
    return await context.confirm(f"Change {count} object{plural} of {context.account}?", yes=yes)


async def carry_out(
    context: Context,
    found: Plan,
    options: ApplyOptions | UndoOptions | SetOptions | CloneOptions,
    *,
    deletions: Sequence[str] = (),
) -> ExitCode:
    """
    Carry out a plan that was agreed to.

    Raises:
        UnusableOptionError: A deletion is confirmed that the plan does not have.
    """
    if not found.changes and not found.may_send:
        context.output.note(NOTHING)
        return end(context, None)
    deleted = {change.address for change in found.changes if change.action == "delete"}
    for address in deletions:
        if address not in deleted:
            known = ", ".join(sorted(deleted)) or "nothing"
            raise UnusableOptionError(
                f"--delete: the plan does not delete {address!r}; it deletes {known}"
            )
    text = f"Applying {len(found)} changes"
    try:
        most = found.cost.requests
        with counting(context.fivetran, context.output, text, most) as (counted, _):
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
        context.output.fail(f"Interrupted. {_advice(found, options)}")
        raise
    return end(context, run)


def _advice(found: Plan, options: ApplyOptions | UndoOptions | SetOptions | CloneOptions) -> str:
    """Return how to go on after an interruption."""
    journal = getattr(options, "journal", None)
    is_saved = isinstance(options, UndoOptions) or not getattr(options, "is_folder", True)
    if journal is not None and not is_saved:
        # The plan of the rest is another one, with a journal of its own.
        return (
            f"`{PROGRAM} undo {journal}` takes back what was done. To do the rest, run the same "
            "command with another --journal."
        )
    is_kept = found.folder is not None or journal is not None
    text = "The journal records what was done; run" if is_kept else "Run"
    return f"{text} the same command to do the rest."


def end(context: Context, run: AppliedRun | None) -> ExitCode:
    """Print a run and how to take it back; None if there was nothing to do."""
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
    failed, left = len(run.errors), len(run.skipped)
    output.fail(
        f"{failed} change{'s'[: failed != 1]} failed, {left} {'was' if left == 1 else 'were'} not "
        "begun."
    )
    return ExitCode.REFUSED


async def carry_out_allowed(
    context: Context,
    found: Plan,
    options: ApplyOptions | SetOptions | CloneOptions,
    *,
    deletions: Sequence[str] = (),
) -> ExitCode:
    """Carry out a plan; one that refused a part must not end like one that did everything."""
    code = await carry_out(context, found, options, deletions=deletions)
    for address, reason in found.refused.items():
        context.output.fail(for_terminal(f"{address} was refused: {reason}"))
    return ExitCode.REFUSED if found.refused else code


def _from_here(path: str) -> str:
    """Return a path without the folder that the command runs in."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


@contextmanager
def counting(
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
