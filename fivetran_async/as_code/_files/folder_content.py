"""PURE: what `save` writes, and what of a folder no export can read, so that it is kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs

from fivetran_async.as_code._files.unreadable import sent_fields, with_references
from fivetran_async.as_code._kinds.addresses import kind_in
from fivetran_async.as_code._kinds.scope import Scope

Contents = Mapping[str, Mapping[str, object]]


@attrs.frozen
class FolderContent:
    """
    What `save` writes.

    Attributes:
        files: The fields of each object, by address.
        base: The fields and kept observations of each object as last exported, by address; None
            to leave the base of the folder unchanged.
        ids: The ids, by address.
        scope: What was exported.
        account_id: The account; empty for files of no account.
        account_name: Its name.
        unread: Addresses that could not be read; their files stay.
        since: When the export began, in seconds since 1970; None if that is unknown.
    """

    files: Contents
    base: Contents | None
    ids: Mapping[str, str]
    scope: Scope
    account_id: str
    account_name: str
    unread: frozenset[str] = frozenset()
    since: float | None = None

    def keeps(self, address: str) -> bool:
        """Return True if the file of an address stays, whatever the other contents are."""
        return not self.scope.covers(address) or is_below(address, self.unread)

    def completed(
        self, edited: Contents, before: Contents, sources: Mapping[str, str]
    ) -> tuple[dict[str, dict[str, object]], dict[str, dict[str, object]]]:
        """
        Return files and base with the references and fields that the folder has.

        Args:
            edited: The files of the folder.
            before: Its base.
            sources: Where the folder has each object, from `sources`.
        """
        mine = {address: edited.get(sources.get(address, ""), {}) for address in self.files}
        files = {a: with_references(fields, mine[a]) for a, fields in self.files.items()}
        base: dict[str, dict[str, object]] = {}
        for address, fields in (self.base or {}).items():
            # What was sent last: an edit that was not applied remains a difference.
            last = before.get(sources.get(address, ""), {})
            sent = sent_fields(address, last)
            base[address] = {**with_references(fields, last), **sent}
            if address in files:
                kept = sent_fields(address, mine[address]) if mine[address] else sent
                files[address] = {**kept, **files[address]}
        return files, base

    def sources(self, saved: Mapping[str, str], files: Collection[str]) -> dict[str, str]:
        """
        Return the address under which a folder has each object.

        An object that was renamed or moved is found by its id, and another one that has its former
        name now has nothing in the folder.

        Args:
            saved: The ids of the folder by address.
            files: The addresses of its files.
        """
        # Of two addresses of one object, the one with a file counts.
        known = {(kind_in(a), saved[a]): a for a in sorted(saved, key=lambda a: a in files)}
        live = {(kind_in(address), id) for address, id in self.ids.items()}
        found: dict[str, str] = {}
        for address in self.files:
            kind = kind_in(address)
            source = known.get((kind, self.ids.get(address, "")))
            is_free = (kind, saved.get(address, "")) not in live
            if is_free and (source is None or source not in files):
                source = address
            if source is not None:
                found[address] = source
        return found


def is_below(address: str, places: frozenset[str]) -> bool:
    """Return True if an address is one of the places, or below one that ends in `/*`."""
    if not places:
        return False
    if address in places:
        return True
    parts = address.split("/")
    return any(f"{'/'.join(parts[:end])}/*" in places for end in range(1, len(parts)))
