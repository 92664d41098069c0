"""
The journal of a run: a line before and after each step, on disk before the step goes on.

It holds no secrets: values of secrets are references.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from fivetran_async.as_code._kinds.values import as_object
from fivetran_async.as_code.errors import PlanFileError

JournalEntry: TypeAlias = Mapping[str, object]

FORMAT: Final = 1


class Journal:
    """
    The entries of a run, in a file or in memory.

    Attributes:
        path: The file; None if the journal is in memory.
    """

    def __init__(self, path: Path | None = None, known: Iterable[JournalEntry] = ()) -> None:
        self.path = path
        self._entries: list[JournalEntry] = list(known)
        self._waiting: list[JournalEntry] = []
        self._lock = asyncio.Lock()
        self._problem: OSError | None = None

    def __repr__(self) -> str:
        return f"<Journal {self.path or 'in memory'}, {len(self._entries)} entries>"

    def __str__(self) -> str:
        return str(self.path or "")

    def __fspath__(self) -> str:
        if self.path is None:
            raise TypeError("this journal is in memory; apply(..., journal=PATH) writes a file")
        return str(self.path)

    @property
    def entries(self) -> Sequence[JournalEntry]:
        """The entries, in order."""
        return tuple(self._entries)

    async def add(self, entry: JournalEntry) -> None:
        """
        Add an entry, and return when it is on disk.

        Entries that arrive while others are being written share the next write.

        Raises:
            OSError: It could not be written.
        """
        self._waiting.append(entry)
        if self.path is None:
            self._take()
            return
        async with self._lock:
            taken = self._take()
            if taken and self._problem is None:
                # A cancelled caller must not leave a write behind that overlaps with the next.
                await _finished(asyncio.to_thread(self._write, taken))
        if self._problem is not None:
            raise self._problem

    def _take(self) -> list[JournalEntry]:
        taken, self._waiting = self._waiting, []
        self._entries += taken
        return taken

    def _write(self, taken: Sequence[JournalEntry]) -> None:
        try:
            append_lines(Path(self), taken)
        except OSError as error:
            self._problem = error


async def _finished(work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def append_lines(path: Path, lines: Iterable[JournalEntry]) -> None:
    """
    Append entries to a file, and wait until they are on disk.

    Raises:
        OSError: They could not be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{json.dumps(line, sort_keys=True, ensure_ascii=False)}\n" for line in lines)
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read_journal(path: Path) -> Journal:
    """
    Read a journal; a last line that was cut off by a crash is left out, also from the file.

    Raises:
        PlanFileError: The file cannot be read, or is not a journal.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PlanFileError(f"{path}: cannot be read: {error.strerror}") from None
    whole = raw.rpartition(b"\n")[0]
    entries: list[JournalEntry] = []
    for number, line in enumerate(whole.split(b"\n") if whole else (), 1):
        try:
            entry = as_object(json.loads(line))
        except ValueError:
            entry = None
        if entry is None or (number == 1 and entry.get("event") != "run"):
            raise PlanFileError(f"{path}: line {number} is not an entry of a journal")
        entries.append(entry)
    if not entries or entries[0].get("format") != FORMAT:
        raise PlanFileError(f"{path}: is not a journal")
    return Journal(path, entries)


def cut_partial_line(path: Path) -> None:
    """Remove a last line that was cut off, before new lines are appended."""
    raw = path.read_bytes()
    whole = raw.rpartition(b"\n")[0]
    kept = len(whole) + 1 if whole else 0
    if kept < len(raw):
        with path.open("r+b") as file:
            file.truncate(kept)
            file.flush()
            os.fsync(file.fileno())


def is_finished(journal: Journal) -> bool:
    """Return True if a run was carried out completely."""
    return any(entry.get("event") == "end" for entry in journal.entries)
