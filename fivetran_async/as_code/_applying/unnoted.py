"""
What unfinished runs of a folder know and may not have noted in its base and its ids.

A process can be killed between the line of a journal and the files of the folder, and another plan
does not continue its run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import attrs

from fivetran_async.as_code._applying.journal import Journal, is_finished
from fivetran_async.as_code._applying.leftovers import since_first_unfinished
from fivetran_async.as_code._applying.progress import StepProgress, progress_in
from fivetran_async.as_code._comparing.leaves import with_leaves
from fivetran_async.as_code._files.folder import AccountFolder
from fivetran_async.as_code._files.folder_lock import locked
from fivetran_async.as_code._kinds.addresses import kind_in
from fivetran_async.as_code._kinds.rules import PAUSED, TESTED, WITHOUT_ID
from fivetran_async.as_code._kinds.values import FieldPath
from fivetran_async.as_code._secrets.fields import references_in

_RENAMED: Final = frozenset({"groups", "teams"})
"""Kinds of objects that another person can rename, so that no look by the name finds them."""


@attrs.define
class UnnotedObject:
    """
    What unfinished runs know about one object.

    Attributes:
        run: The name of the last run that changed it.
        id: The id of the object if a run has created it.
        is_new: True if a run has created it.
        is_gone: True if a run has deleted it.
        is_in_doubt: True if a run may have created it, but does not know its id.
        created: The values with which it was created, by path.
        leaves: The values that the server kept of later changes, by path.
    """

    run: str = ""
    id: str | None = None
    is_new: bool = False
    is_gone: bool = False
    is_in_doubt: bool = False
    created: dict[FieldPath, object] = attrs.field(factory=dict[FieldPath, object])
    leaves: dict[FieldPath, object] = attrs.field(factory=dict[FieldPath, object])

    def base(
        self, known: Mapping[str, object] | None, live: Mapping[str, object]
    ) -> dict[str, object] | None:
        """
        Return the fields of the object after the runs; None if it has no base.

        Args:
            known: The fields in the base of the folder, if it has them.
            live: The fields on the server, which a creation that was not noted has completed.
        """
        if self.is_gone:
            return None
        if known is not None:
            return with_leaves(known, self.leaves)
        return with_leaves(live, {**self.created, **self.leaves}) if self.is_new else None


def unnoted_in(folder: AccountFolder, journals: Iterable[Journal]) -> Mapping[str, UnnotedObject]:
    """
    Return what unfinished runs know since the last export to a folder, by address.

    Args:
        folder: The folder.
        journals: What `since_first_unfinished` returns.
    """
    found: dict[str, UnnotedObject] = {}
    exported = _time_of(folder.state / "scope.json")
    for journal in journals:
        if journal.path is None or _time_of(journal.path) < exported:
            # The export has read what the run had done.
            continue
        _add(found, journal)
    return found


def ids_after(ids: Mapping[str, str], unnoted: Mapping[str, UnnotedObject]) -> dict[str, str]:
    """Return the ids of a folder after unfinished runs."""
    result = dict(ids)
    for address, each in unnoted.items():
        if each.is_gone:
            result.pop(address, None)
        elif each.id is not None:
            result[address] = each.id
    return result


def note(folder: AccountFolder) -> None:
    """
    Write to a folder what its unfinished runs know; the folder is locked by the caller.

    Raises:
        FilesError: It cannot be read or written.
    """
    unnoted = unnoted_in(folder, since_first_unfinished(folder))
    if not unnoted:
        return
    ids = folder.read_ids() or {}
    after = ids_after(ids, unnoted)
    if after != ids:
        folder.write_ids(after)
    base = folder.read_base() if folder.has_base() else {}
    for address, each in unnoted.items():
        known = base.get(address)
        # What was created gets its base from the server, by the next run or export.
        now = None if known is None else each.base(known, {})
        if now != known:
            folder.write_base(address, now)


def note_locked(folder: AccountFolder) -> None:
    """
    Write to a folder what its unfinished runs know, if there are any.

    Raises:
        FolderLockedError: A run is changing the account from the folder.
        FilesError: It cannot be read or written.
    """
    if unnoted_in(folder, since_first_unfinished(folder)):
        with locked(folder.state / "lock"):
            note(folder)


def _add(found: dict[str, UnnotedObject], journal: Journal) -> None:
    steps = progress_in(journal.entries)
    run, is_whole = str(journal.entries[0].get("run")), is_finished(journal)
    for step in steps.values():
        if step.verb == "test" or step.is_refused:
            continue
        each = found.setdefault(step.address, UnnotedObject())
        each.run = run
        kind = kind_in(step.address)
        if step.verb == "delete":
            if step.is_done:
                found[step.address] = UnnotedObject(run, is_gone=True)
        elif step.verb == "create":
            _add_creation(each, step, kind, _values(step, steps))
            each.is_in_doubt = each.is_in_doubt and not is_whole
        elif step.is_done:
            each.leaves.update(_values(step, steps))


def _add_creation(
    each: UnnotedObject, step: StepProgress, kind: str, values: Mapping[FieldPath, object]
) -> None:
    if not step.id and not step.is_done:
        each.is_in_doubt = kind in _RENAMED
        return
    each.is_new, each.is_gone, each.is_in_doubt = True, False, False
    each.id = step.id if step.id and kind not in {*WITHOUT_ID, "schemas"} else None
    each.created, each.leaves = dict(values), {}
    if kind == "connections":
        each.created.setdefault(PAUSED, True)


def _values(step: StepProgress, steps: Mapping[str, StepProgress]) -> dict[FieldPath, object]:
    """
    Return the values that a step has set.

    Without the secrets if they were not tested: the next plan sends and tests them.
    """
    test = steps.get(f"test {step.address}")
    is_tested = kind_in(step.address) not in TESTED or (test is not None and test.is_done)
    return {
        path: leaf.after
        for path, leaf in step.leaves.items()
        if not any(references_in(leaf.after)) or (step.is_done and is_tested)
    }


def _time_of(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
