"""`AppliedRun`: what became of a plan, and how to take it back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import attrs

from fivetran_async._codec._fields import LOCAL
from fivetran_async._codec._forms import FORM, JsonForm
from fivetran_async._codec._serializable import Serializable
from fivetran_async.as_code._applying.journal import Journal, read_journal
from fivetran_async.as_code._applying.progress import progress_in
from fivetran_async.as_code._applying.undo import undo_of
from fivetran_async.as_code._files.folder import JOURNAL_SUFFIX, AccountFolder
from fivetran_async.as_code._kinds.values import FieldPath, dotted, entries
from fivetran_async.as_code._planning.json_forms import ERRORS, KEPT_VALUES, compared_errors
from fivetran_async.as_code._planning.plan_text import printable_text, shown_value
from fivetran_async.as_code._planning.plans import Plan
from fivetran_async.as_code.errors import PlanFileError
from fivetran_async.errors import FivetranError, UsageError

_JOURNAL: Final = JsonForm(
    # The entries are in the file.
    write=lambda journal: None if journal.path is None else str(journal.path),
    read=lambda value: Journal(None if value is None else Path(str(value))),
    hint=str | None,
)


@attrs.frozen(repr=False, kw_only=True)
class AppliedRun(Serializable):
    """
    What became of a plan.

    Attributes:
        name: The name of the run.
        done: The addresses of the objects that were changed, in order.
        errors: What failed or was stale, by address.
        skipped: What was not begun, because something that it needs failed, by address.
        kept_differently: What the server kept differently, by address and path: the wanted and the
            kept value.
        unread_secrets: The secrets behind unchanged references that the resolver did not return, by
            address, and why: they were not sent, although they may have another value.
        journal: The journal; a path for `open` if it is in a file. In JSON, it is the path.
        folder: The folder of the plan, if any.
    """

    name: str
    done: tuple[str, ...] = ()
    errors: Mapping[str, FivetranError] = attrs.field(
        factory=dict[str, FivetranError], eq=compared_errors, metadata=ERRORS
    )
    skipped: Mapping[str, str] = attrs.field(factory=dict[str, str])
    kept_differently: Mapping[str, Mapping[FieldPath, tuple[object, object]]] = attrs.field(
        factory=dict[str, "Mapping[FieldPath, tuple[object, object]]"], metadata=KEPT_VALUES
    )
    unread_secrets: Mapping[str, str] = attrs.field(factory=dict[str, str])
    journal: Journal = attrs.field(eq=str, metadata={FORM: _JOURNAL})
    folder: Path | None = attrs.field(default=None, eq=False, metadata={LOCAL: True})

    def __hash__(self) -> int:
        # Not of all fields: mappings are not hashable.
        return hash((self.name, self.done))

    @property
    def succeeded(self) -> bool:
        """True if nothing failed and nothing was skipped."""
        return not self.errors and not self.skipped

    def __repr__(self) -> str:
        return (
            f"<AppliedRun {self.name}: {len(self.done)} done, {len(self.errors)} failed,"
            f" {len(self.skipped)} skipped>"
        )

    def __str__(self) -> str:
        counts = f"{len(self.done)} done, {len(self.errors)} failed, {len(self.skipped)} skipped"
        lines = [f"Run {self.name}: {counts}"]
        lines += problem_lines(self.errors, self.skipped)
        lines += kept_lines("kept differently", self.kept_differently, "is")
        lines += [f"  secret not compared: {a}: {why}" for a, why in self.unread_secrets.items()]
        return printable_text("\n".join(lines))

    def undo(self) -> Plan:
        """
        Return the plan that takes the run back, newest step first.

        It is made of the journal, so that it also covers what a snapshot does not show, and it goes
        stale like any other plan. `impossible` of it has what cannot be taken back.

        Raises:
            UsageError: The run was read from JSON, which has only the path of the journal.
        """
        if not self.journal.entries:
            raise UsageError(
                "A run that was read from JSON has no entries of its journal: call "
                f"load_run({str(self.journal)!r}).undo()."
            )
        head = entries(next(iter(self.journal.entries), None))
        steps = progress_in(self.journal.entries)
        created = {step.address: step.id for step in steps.values() if step.id}
        ids = {**cast("Mapping[str, str]", entries(head.get("ids"))), **created}
        return undo_of(
            steps.values(),
            run=self.name,
            account_id=str(head.get("account_id") or ""),
            account_name=str(head.get("account_name") or ""),
            ids=ids,
            services=cast("Mapping[str, str]", entries(head.get("services"))),
            moves=cast("str | None", head.get("moves")),
            folder=self.folder,
        )


def load_run(journal: str | Path, *, folder: str | Path | None = None) -> AppliedRun:
    """
    Return a run by its journal, for `undo`; what failed is not known any more.

    Args:
        journal: The path of the journal, or the name of a run in `folder`.
        folder: The folder of the run's files.

    Raises:
        PlanFileError: There is no such journal, or it is damaged.
    """
    path = Path(journal)
    if folder is not None and not path.exists():
        path = AccountFolder(folder).runs / f"{journal}{JOURNAL_SUFFIX}"
    found = read_journal(path)
    home = path.absolute().parent
    in_folder = home.name == "runs" and home.parent.name == ".fivetran"
    name = found.entries[0].get("run")
    if not isinstance(name, str):
        raise PlanFileError(f"{path}: is not a journal")
    done = {step.address: None for step in progress_in(found.entries).values() if step.is_done}
    place = Path(folder) if folder is not None else home.parent.parent if in_folder else None
    return AppliedRun(name=name, done=tuple(done), journal=found, folder=place)


def problem_lines(errors: Mapping[str, FivetranError], skipped: Mapping[str, str]) -> list[str]:
    """Return a line for each step that failed or was not begun."""
    return [
        *(f"  failed: {address}: {error}" for address, error in errors.items()),
        *(f"  skipped: {address}: {why}" for address, why in skipped.items()),
    ]


def kept_lines(
    label: str, kept: Mapping[str, Mapping[FieldPath, tuple[object, object]]], verb: str
) -> list[str]:
    """Return a line for each value that a server keeps differently."""
    return [
        f"  {label}: {address}: {dotted(path)}: {shown_value(wanted)} {verb} {shown_value(value)}"
        for address, leaves in kept.items()
        for path, (wanted, value) in leaves.items()
    ]
