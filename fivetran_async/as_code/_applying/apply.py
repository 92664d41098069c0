"""`apply`: carries out a plan that was confirmed, and can continue after a crash."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Generator, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from fivetran_async.as_code._applying.books import RunBook, locked_journal, open_book
from fivetran_async.as_code._applying.executor import StepExecutor
from fivetran_async.as_code._applying.journal import END
from fivetran_async.as_code._applying.keeping import FolderKeeper
from fivetran_async.as_code._applying.progress import StepProgress, progress_in
from fivetran_async.as_code._applying.requests import clock_of
from fivetran_async.as_code._applying.runs import AppliedRun
from fivetran_async.as_code._applying.scheduling import StepResults, run_steps
from fivetran_async.as_code._applying.step_context import JournalBrokenError, StepContext
from fivetran_async.as_code._applying.steps import PlanStep, steps_of
from fivetran_async.as_code._applying.unnoted import note
from fivetran_async.as_code._files.folder import AccountFolder
from fivetran_async.as_code._files.folder_lock import locked
from fivetran_async.as_code._files.json_files import reason_of
from fivetran_async.as_code._kinds.values import FieldPath, dotted
from fivetran_async.as_code._objects.objects import NameTable
from fivetran_async.as_code._planning.changes import Change, sending_leaves
from fivetran_async.as_code._planning.plans import Plan
from fivetran_async.as_code._secrets.fields import KEPT, references_in
from fivetran_async.as_code._secrets.resolving import SecretResolver, secret_value
from fivetran_async.as_code.errors import FilesError, SecretUnavailableError
from fivetran_async.errors import ConfirmationRequiredError, FivetranError, WrongAccountError

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran


async def apply(
    fivetran: AsyncFivetran,
    plan: Plan,
    *,
    confirm: str,
    secrets: SecretResolver | None = None,
    deletions: Collection[str] = frozenset(),
    gently: bool = False,
    adopt: bool = False,
    journal: str | Path | None = None,
) -> AppliedRun:
    """
    Carry out a plan: at most one PATCH per object, each read before and after.

    A step that fails or is stale blocks only the steps that need it; the run reports all of them.
    Applying a plan once more after a crash or a failure continues its run.

    Args:
        fivetran: The session.
        plan: The plan.
        confirm: `plan.digest` of the plan that was reviewed.
        secrets: The resolver of references to secrets, such as `references()`.
        deletions: The addresses of all objects that the plan deletes, unless it is an undo.
        gently: Pause a connection with a running sync before it is changed, wait until the sync has
            ended, and resume it.
        adopt: Write what the server kept differently into the files.
        journal: The file of the journal; by default one in the folder of the plan, or in memory.

    Raises:
        ConfirmationRequiredError: `confirm` is not the digest of the plan, or a deletion is not
            confirmed; nothing was sent.
        WrongAccountError: The session or the folder belongs to another account; nothing was
            changed.
        FolderLockedError: Another run is using the folder, or the journal.
        FilesError: The folder of the plan was not found, or it or the journal cannot be written.
        FivetranError: The account could not be read; failures of steps are in `errors` of the run.
    """
    _check_confirmation(plan, confirm, deletions)
    folder = _folder_of(plan)
    with _locked_folder(folder), locked_journal(journal):
        found, values = await _resolve(plan, secrets, folder)
        book = open_book(plan, folder, journal, now=clock_of(fivetran).time())
        if folder is not None:
            note(folder)
        progress = progress_in(book.journal.entries)
        changes = _complete_changes(plan, values, folder, progress)
        if changes:
            await _check_account(fivetran, plan)
        keeper = FolderKeeper(folder)
        context = StepContext(
            fivetran=fivetran,
            names=NameTable(plan.ids.items()),
            journal=book.journal,
            keeper=keeper,
            secrets=values,
            progress=progress,
            gently=gently,
            adopt=adopt,
            moves=plan.moves,
            undoes=bool(plan.undoes),
        )
        failed = _unresolved(changes, found)
        steps = steps_of(changes)
        try:
            if book.head is not None:
                await book.journal.add(book.head)
            results = await _run(steps, StepExecutor(context), failed)
            if not results.errors and not results.blocked:
                await book.journal.add(END)
        except JournalBrokenError as error:
            raise error.as_files_error() from None
        except OSError as error:
            raise FilesError([f"{book.journal}: cannot be written: {reason_of(error)}"]) from None
        finally:
            keeper.finish()
    run = _run_of(book, steps, results, context, plan)
    return run if secrets is None else attrs.evolve(run, unread_secrets=_unread(plan, found))


def _check_confirmation(plan: Plan, confirm: str, deletions: Collection[str]) -> None:
    if confirm != plan.digest:
        raise ConfirmationRequiredError(
            "apply changes the account: pass confirm=plan.digest of the plan that was reviewed."
        )
    deleted = [change.address for change in plan.changes if change.action == "delete"]
    missing = [address for address in deleted if address not in deletions]
    if missing and not plan.undoes:
        raise ConfirmationRequiredError(
            f"the plan deletes {', '.join(missing[:5])}{' and others' if len(missing) > 5 else ''}:"
            " pass the addresses of all deleted objects as deletions."
        )


def _folder_of(plan: Plan) -> AccountFolder | None:
    """Return the folder of a plan, which is changed along with the account."""
    if plan.folder is None:
        return None
    folder = AccountFolder(plan.folder)
    if not folder.root.is_dir():
        problem = (
            "the folder of the plan was not found, and its base would not follow; put the saved"
            " plan where it was, beside its folder"
        )
        raise FilesError([f"{folder.root}: {problem}"])
    pinned, _ = folder.read_account()
    if pinned and plan.account_id and pinned != plan.account_id:
        raise WrongAccountError(
            f"the plan is for account {plan.account_id!r}, but its folder {folder.root} has the"
            f" files of {pinned!r}; nothing was sent."
        )
    return folder


@contextlib.contextmanager
def _locked_folder(folder: AccountFolder | None) -> Generator[None]:
    if folder is None:
        yield
        return
    with locked(folder.state / "lock"):
        yield


async def _check_account(fivetran: AsyncFivetran, plan: Plan) -> None:
    account = await fivetran.account.get_info()
    if plan.account_id and account.account_id != plan.account_id:
        raise WrongAccountError(
            f"the plan is for account {plan.account_id!r}, but the session belongs to"
            f" {account.account_id!r}; nothing was changed. Use an API key or a profile of the"
            " account of the plan."
        )


def _needed_references(plan: Plan, folder: AccountFolder | None) -> Iterable[str]:
    """List the references of a plan, and those that may have another value than before."""
    for change in plan.changes:
        leaves = change.leaves.values() if change.action != "delete" else ()
        for leaf in leaves:
            yield from (found for _, found in references_in(leaf.after) if found != KEPT)
    if folder is not None and folder.secrets_lock.exists():
        for unchanged in plan.may_send.values():
            yield from unchanged.values()


async def _resolve(
    plan: Plan, resolver: SecretResolver | None, folder: AccountFolder | None
) -> tuple[Mapping[str, str], dict[str, object]]:
    """Return why references have no value, and the values of the others."""
    problems: dict[str, str] = {}
    values: dict[str, object] = {}
    for reference in dict.fromkeys(_needed_references(plan, folder)):
        if resolver is None:
            problems[reference] = "pass secrets= to apply, such as references()"
            continue
        try:
            values[reference] = await asyncio.to_thread(secret_value, resolver, reference)
        except SecretUnavailableError as error:
            problems[reference] = error.message
        except Exception as error:  # noqa: BLE001 - a vault can raise anything, with secrets in it
            problems[reference] = f"the resolver raised {type(error).__name__}"
    return problems, values


def _complete_changes(
    plan: Plan,
    values: Mapping[str, object],
    folder: AccountFolder | None,
    progress: Mapping[str, StepProgress],
) -> tuple[Change, ...]:
    """
    Add the secrets that have another value than when they were sent last.

    Those that an earlier part of the run sent remain until their setup tests were judged.
    """
    changes = {change.address: change for change in plan.changes}
    lock = FolderKeeper(folder).secret_lock
    for address, references in plan.may_send.items():
        changed = {
            path: reference
            for path, reference in references.items()
            if reference in values
            and (
                _awaits_test(address, path, progress)
                or lock.differs(address, path, values[reference])
            )
        }
        leaves = sending_leaves(changed, plan.secret_lists.get(address, {}))
        if not leaves:
            continue
        known = changes.get(address)
        if known is None:
            changes[address] = Change(address, "update", leaves, plan.ids.get(address))
        else:
            changes[address] = attrs.evolve(known, leaves={**known.leaves, **leaves})
    return tuple(changes.values())


def _awaits_test(address: str, path: FieldPath, progress: Mapping[str, StepProgress]) -> bool:
    """Return True if an earlier part of a run began to send a secret, and did not finish."""
    sent, test = progress.get(f"update {address}"), progress.get(f"test {address}")
    begun = sent is not None and any(path[: len(place)] == place for place in sent.leaves)
    return begun and (test is None or not test.is_done)


def _unresolved(
    changes: Collection[Change], problems: Mapping[str, str]
) -> dict[str, FivetranError]:
    """Return the objects that cannot be sent, because a secret has no value."""
    failed: dict[str, FivetranError] = {}
    for change in changes:
        if change.action == "delete":
            continue
        for path, leaf in change.leaves.items():
            for place, reference in references_in(leaf.after, path):
                problem = problems.get(reference)
                if reference == KEPT:
                    problem = "the secret is not known: refer to it in the file"
                if problem is not None:
                    failed[change.address] = SecretUnavailableError(
                        f"{change.address}: {dotted(place)}: {problem}"
                    )
    return failed


async def _run(
    steps: Collection[PlanStep], executor: StepExecutor, failed: Mapping[str, FivetranError]
) -> StepResults:
    async def work(step: PlanStep) -> None:
        error = failed.get(step.address)
        if error is not None:
            raise error
        await executor.carry_out(step)

    return await run_steps(tuple(steps), work)


def _unread(plan: Plan, problems: Mapping[str, str]) -> dict[str, str]:
    """Return the objects with secrets that may have changed, but have no value to compare."""
    found = {
        address: [f"{dotted(p)}: {problems[each]}" for p, each in sent.items() if each in problems]
        for address, sent in plan.may_send.items()
    }
    return {address: "; ".join(reasons) for address, reasons in found.items() if reasons}


def _run_of(
    book: RunBook,
    steps: Collection[PlanStep],
    results: StepResults,
    context: StepContext,
    plan: Plan,
) -> AppliedRun:
    by_key = {step.key: step.address for step in steps}
    errors: dict[str, FivetranError] = {}
    for key, error in results.errors.items():
        errors.setdefault(by_key[key], error)
    skipped = {
        by_key[key]: f"{needed} was not carried out"
        for key, needed in results.blocked.items()
        if by_key[key] not in errors
    }
    done = dict.fromkeys(by_key[key] for key in results.done)
    return AppliedRun(
        name=book.name,
        done=tuple(a for a in done if a not in errors and a not in skipped),
        errors=errors,
        skipped=skipped,
        kept_differently=context.kept_differently,
        journal=book.journal,
        folder=plan.folder,
    )
