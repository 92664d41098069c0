"""Moves the state of a folder forward, object by object, as a run verifies its changes."""

from __future__ import annotations

from collections.abc import Mapping

from fivetran_async._types import UNSET
from fivetran_async.as_code._comparing.leaves import value_at, with_leaves
from fivetran_async.as_code._files.folder import OBSERVED_KEY, AccountFolder
from fivetran_async.as_code._files.secret_lock import SecretLock
from fivetran_async.as_code._files.unreadable import with_references
from fivetran_async.as_code._kinds.values import FieldPath
from fivetran_async.as_code.errors import FilesError


class FolderKeeper:
    """The base, the ids and the fingerprints of a folder during a run; nothing without a folder."""

    def __init__(self, folder: AccountFolder | None) -> None:
        self._folder = folder
        self._base = folder.read_base() if folder is not None and folder.has_base() else None
        self._ids: dict[str, str] | None = None
        self.secret_lock = SecretLock(None if folder is None else folder.secrets_lock)

    def __repr__(self) -> str:
        return f"<FolderKeeper of {self._folder}>"

    def set_leaves(self, address: str, kept: Mapping[FieldPath, object]) -> None:
        """Set the verified values of an object in its base; other values stay."""
        if self._base is not None and address in self._base:
            # Another person's edit of another leaf must remain a difference.
            self._write_base(address, with_leaves(self._base[address], kept))

    def complete(self, address: str, id: str | None, values: Mapping[str, object]) -> None:
        """Add an object that has a file and no base, as after a run that was killed."""
        if self._base is None or address in self._base or self._read_file(address) is None:
            # An undo can have addresses from before an export.
            return
        self.add(address, id, values)

    def add_leaves(self, address: str, found: Mapping[FieldPath, object]) -> None:
        """Add to the base of an object what the server lists since a change; files lack it."""
        base = None if self._base is None else self._base.get(address)
        if base is not None:
            self.set_leaves(address, {p: v for p, v in found.items() if value_at(base, p) is UNSET})

    def add(self, address: str, id: str | None, values: Mapping[str, object]) -> None:
        """Add an object that was created and verified."""
        if id is not None:
            self._note_id(address, id)
        self._write_base(address, dict(values))

    def add_missing(self, address: str, id: str | None, values: Mapping[str, object]) -> None:
        """Add an object that a killed process has created, unless it noted the object itself."""
        if self._base is not None and address in self._base:
            values = self._base[address]
        self.add(address, id, values)

    def remove(self, address: str) -> None:
        """Remove an object that was deleted."""
        self._note_id(address, None)
        if self._base is not None and address in self._base:
            self._write_base(address, None)

    def adopt(self, address: str, differing: Mapping[FieldPath, tuple[object, object]]) -> None:
        """
        Write what the server kept into the file of an object, where the file still wants the other.

        Args:
            address: The object.
            differing: The wanted and the kept value by path.
        """
        # Read at this moment: a run can take hours, in which people edit files.
        before = self._read_file(address)
        if self._folder is None or before is None:
            return
        kept = {
            path: now
            for path, (wanted, now) in differing.items()
            if value_at(before, path) == wanted
        }
        if kept:
            after = with_references(with_leaves(before, kept), before)
            self._folder.write_file(address, after)

    def _read_file(self, address: str) -> dict[str, object] | None:
        try:
            return None if self._folder is None else self._folder.read_file(address)
        except FilesError:
            # It is being edited; the run has changed the account, and reports the value.
            return None

    def finish(self) -> None:
        """Write the fingerprints."""
        if self._folder is not None:
            self.secret_lock.save()

    def _note_id(self, address: str, id: str | None) -> None:
        """Set or remove the id of an address, in the file at once: the process may be killed."""
        if self._folder is None:
            return
        if self._ids is None:
            self._ids = self._folder.read_ids() or {}
        if id is None:
            self._ids.pop(address, None)
        else:
            self._ids[address] = id
        self._folder.write_ids(self._ids)

    def _write_base(self, address: str, values: dict[str, object] | None) -> None:
        if self._base is None or self._folder is None:
            return
        if values is None:
            self._base.pop(address, None)
        else:
            observed = self._base.get(address, {}).get(OBSERVED_KEY)
            marks = {OBSERVED_KEY: observed} if observed is not None else {}
            self._base[address] = {**values, **marks}
        self._folder.write_base(address, self._base.get(address))
