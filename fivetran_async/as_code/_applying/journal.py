"""
The journal of a run: a line before and after each step, on disk before the step goes on.

It holds no secrets: values of secrets are references.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from fivetran_async.as_code._kinds.values import as_items, as_object
from fivetran_async.as_code._kinds.values import entries as entries_in
from fivetran_async.as_code._planning.json_forms import leaf_of
from fivetran_async.as_code.errors import PlanFileError
from fivetran_async.syncs._lines import Appender, whole_lines

JournalEntry: TypeAlias = Mapping[str, object]

FORMAT: Final = 1
END: Final[JournalEntry] = {"event": "end"}
"""The last entry of a run that was carried out completely."""
_LAST: Final = f"\n{json.dumps(END)}\n".encode()


class Journal:
    """
    The entries of a run, in a file or in memory.

    Attributes:
        path: The file; None if the journal is in memory.
    """

    def __init__(self, path: Path | None = None, known: Iterable[JournalEntry] = ()) -> None:
        self.path = path
        self._entries: list[JournalEntry] = list(known)
        self._appender = None if path is None else Appender(path)

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
        self._entries.append(entry)
        if self._appender is not None:
            await self._appender.add(entry)


def read_journal(path: Path) -> Journal:
    """
    Read a journal; a last line that was cut off by a crash is left out, also from the file.

    Raises:
        PlanFileError: The file cannot be read, or is not a journal.
    """
    try:
        lines = whole_lines(path)
    except OSError as error:
        raise PlanFileError(f"{path}: cannot be read: {error.strerror}") from None
    entries: list[JournalEntry] = []
    for number, line in enumerate(lines, 1):
        try:
            entry = as_object(json.loads(line))
            for leaf in as_items(entries_in(entry).get("leaves")) or ():
                leaf_of(leaf)
        except (ValueError, RecursionError):
            entry = None
        if entry is None or (number == 1 and entry.get("event") != "run"):
            raise PlanFileError(f"{path}: line {number} is not an entry of a journal")
        entries.append(entry)
    if not entries or entries[0].get("format") != FORMAT:
        raise PlanFileError(f"{path}: is not a journal")
    return Journal(path, entries)


def is_finished(journal: Journal) -> bool:
    """Return True if a run was carried out completely."""
    return any(entry.get("event") == "end" for entry in journal.entries)


def ends(path: Path) -> bool:
    """Return True if a run was carried out completely, by the last line of its journal alone."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - len(_LAST)))
            return file.read() == _LAST
    except OSError:
        return False
