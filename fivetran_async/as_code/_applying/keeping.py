"""Moves the state of a folder forward, object by object, as a run verifies its changes."""

from __future__ import annotations

from collections.abc import Mapping

from fivetran_async.as_code._comparing.leaves import value_at, with_leaves
from fivetran_async.as_code._files.folder import OBSERVED_KEY, AccountFolder, with_references
from fivetran_async.as_code._files.secret_lock import SecretLock
from fivetran_async.as_code._kinds.values import FieldPath


class FolderKeeper:
    """The base, the ids and the fingerprints of a folder during a run; nothing without a folder."""

    def __init__(self, folder: AccountFolder | None) -> None:
        self._folder = folder
        self._base = folder.read_base() if folder is not None and folder.has_base() else None
        self._ids: dict[str, str] = {}
        self._gone: set[str] = set()
        self._files: dict[str, dict[str, object]] | None = None
        self.secret_lock = SecretLock(None if folder is None else folder.secrets_lock)

    def __repr__(self) -> str:
        return f"<FolderKeeper of {self._folder}>"

    def set_leaves(self, address: str, kept: Mapping[FieldPath, object]) -> None:
        """Set the verified values of an object in its base; other values stay."""
        if self._base is not None and address in self._base:
            # Another person's edit of another leaf must remain a difference.
            self._write_base(address, with_leaves(self._base[address], kept))

    def add(self, address: str, id: str | None, values: Mapping[str, object]) -> None:
        """Add an object that was created and verified."""
        if id is not None:
            self._ids[address] = id
        self._write_base(address, dict(values))

    def remove(self, address: str) -> None:
        """Remove an object that was deleted."""
        self._gone.add(address)
        if self._base is not None and address in self._base:
            self._write_base(address, None)

    def adopt(self, address: str, kept: Mapping[FieldPath, object]) -> None:
        """Write what the server kept into the file of an object."""
        if self._folder is None:
            return
        if self._files is None:
            found = self._folder.read_files()
            self._files = {each: content for each, (_, content) in found.items()}
        before = self._files.get(address)
        if before is not None:
            managed = {path: v for path, v in kept.items() if value_at(before, path) != v}
            after = with_references(with_leaves(before, managed), before)
            self._files[address] = after
            self._folder.write_file(address, after)

    def finish(self) -> None:
        """Write the ids and the fingerprints."""
        if self._folder is None:
            return
        if self._ids or self._gone:
            ids = {**(self._folder.read_ids() or {}), **self._ids}
            self._folder.write_ids({a: id for a, id in ids.items() if a not in self._gone})
        self.secret_lock.save()

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
