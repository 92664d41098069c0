"""What unfinished runs of a folder have left paused, so that the next plan resumes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from fivetran_async.as_code._applying.journal import Journal, ends, is_finished, read_journal
from fivetran_async.as_code._applying.progress import StepProgress, progress_in
from fivetran_async.as_code._files.folder import JOURNAL_SUFFIX, AccountFolder
from fivetran_async.as_code._kinds.addresses import configured_connection, kind_in
from fivetran_async.as_code._kinds.rules import PAUSED
from fivetran_async.as_code.errors import PlanFileError

_OF_CONNECTIONS: Final = frozenset({"connections", "schemas"})


def left_paused(journals: Iterable[Journal]) -> Mapping[str, str]:
    """
    Return the connections that unfinished runs have left paused, with what to say about each.

    They were paused for a change, or created and not resumed yet. A file does not need to have the
    key `paused`, so that a comparison alone would never resume them.

    Args:
        journals: What `since_first_unfinished` returns.
    """
    found: dict[str, tuple[str, str]] = {}
    for journal in journals:
        run, undone = (str(journal.entries[0].get(name)) for name in ("run", "undoes"))
        steps, is_whole = progress_in(journal.entries), is_finished(journal)
        if is_whole:
            found = {address: each for address, each in found.items() if each[0] != undone}
        for step in steps.values():
            kind, address = kind_in(step.address), configured_connection(step.address)
            if kind in _OF_CONNECTIONS and _leaves_paused(step) and not is_whole:
                test = steps.get(f"test {address}")
                is_open = test is not None and not test.is_done
                found[address] = run, ", and its setup tests did not pass" if is_open else ""
            elif kind == "connections" and _decides(step):
                found.pop(address, None)
    return {
        address: f"the unfinished run {run} left it paused{more}"
        for address, (run, more) in found.items()
    }


def since_first_unfinished(folder: AccountFolder) -> Sequence[Journal]:
    """List the journals in their order, from the first one of a run that did not end."""
    paths = sorted(folder.runs.glob(f"*{JOURNAL_SUFFIX}"))
    first = next((path for path in paths if not ends(path)), None)
    if first is None:
        return ()
    # Names have the second of the start, the first lines have more.
    moment = first.name.partition("-")[0]
    journals = filter(None, (_read(path) for path in paths if path.name >= moment))
    return sorted(journals, key=lambda journal: str(journal.entries[0].get("started")))


def _read(path: Path) -> Journal | None:
    try:
        return read_journal(path)
    except PlanFileError:
        # It was cut off before anything was sent, or is not a journal.
        return None


def _leaves_paused(step: StepProgress) -> bool:
    is_made = step.verb == "create" and step.address.startswith("connections/")
    return step.is_paused or (is_made and not step.is_refused)


def _decides(step: StepProgress) -> bool:
    """Return True for a step after which a connection is as a plan wanted it, or is gone."""
    if not step.is_done:
        return False
    return step.verb in {"create", "delete"} or PAUSED in step.leaves
