"""Finds the journal that an unfinished run of a plan has left, or begins a new one."""

from __future__ import annotations

import contextlib
import secrets as random_words
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from fivetran_async.as_code._applying.journal import FORMAT, Journal, is_finished, read_journal
from fivetran_async.as_code._files.folder import JOURNAL_SUFFIX, AccountFolder
from fivetran_async.as_code._files.json_files import reason_of
from fivetran_async.as_code._planning.plans import Plan
from fivetran_async.as_code.errors import FilesError, FolderLockedError, PlanFileError
from fivetran_async.syncs._lines import cut_partial_line, lock_file

_START: Final = b'{"account_id": '
"""How the first line of every journal begins: its keys are sorted."""


@attrs.frozen
class RunBook:
    """The journal of a run, and its first line if it is new."""

    name: str
    journal: Journal
    head: Mapping[str, object] | None


@contextlib.contextmanager
def locked_journal(path: str | Path | None) -> Generator[None]:
    """
    Hold the lock of a journal that is given by its path: it may belong to no folder.

    Raises:
        FolderLockedError: Another run is writing to it.
        FilesError: It cannot be written.
    """
    if path is None:
        yield
        return
    place = Path(path)
    try:
        file = lock_file(place)
    except OSError as error:
        raise FilesError([f"{place}: cannot be written: {reason_of(error)}"]) from None
    if file is None:
        raise FolderLockedError(f"{place} is in use by another run; wait until it is done.")
    with file:
        try:
            yield
        finally:
            # A run that was refused has no journal.
            with contextlib.suppress(OSError):
                if not place.stat().st_size:
                    place.unlink()


def open_book(
    plan: Plan, folder: AccountFolder | None, path: str | Path | None, *, now: float
) -> RunBook:
    """
    Open the unfinished journal of a plan, or a new one.

    Args:
        plan: The plan.
        folder: Its folder, which holds the journals if no path is given.
        path: The path of the journal.
        now: The time, in seconds since 1970.

    Raises:
        PlanFileError: There is a journal of another run at the path.
        FilesError: It cannot be written.
    """
    if path is not None and _has_lines(Path(path)):
        found = read_journal(Path(path))
        if found.entries[0].get("digest") != plan.digest or is_finished(found):
            problem = "is the journal of another run; `undo` takes that back, or name another file"
            raise PlanFileError(f"{path}: {problem}")
        return _continued(found)
    if path is None and folder is not None:
        for each in sorted(folder.runs.glob(f"*{JOURNAL_SUFFIX}"), reverse=True):
            try:
                found = read_journal(each)
            except PlanFileError:
                continue
            if found.entries[0].get("digest") == plan.digest and not is_finished(found):
                return _continued(found)
    moment = datetime.fromtimestamp(now, UTC)
    name = f"{moment:%Y%m%dT%H%M%SZ}-{random_words.token_hex(3)}"
    place = Path(path) if path is not None else None
    if place is None and folder is not None:
        place = folder.runs / f"{name}{JOURNAL_SUFFIX}"
    head = {
        "event": "run",
        "format": FORMAT,
        "run": name,
        "digest": plan.digest,
        "account_id": plan.account_id,
        "account_name": plan.account_name,
        "started": moment.isoformat(),
        "moves": plan.moves,
        "undoes": plan.undoes,
        "ids": dict(plan.ids),
        "services": {change.address: change.service for change in plan.changes if change.service},
    }
    return RunBook(name, Journal(place), head)


def _has_lines(path: Path) -> bool:
    """Return True for a file to read; a journal that was cut off in its first line is emptied."""
    try:
        raw = path.read_bytes() if path.exists() else b""
        if b"\n" in raw or raw[: len(_START)] != _START[: len(raw)]:
            return True
        if raw:
            cut_partial_line(path)
    except OSError as error:
        raise FilesError([f"{path}: cannot be used: {reason_of(error)}"]) from None
    return False


def _continued(found: Journal) -> RunBook:
    cut_partial_line(Path(found))
    return RunBook(str(found.entries[0].get("run")), found, None)
