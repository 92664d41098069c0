"""`Snapshot`: an account, or a part of it, as an immutable mapping of addresses to objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

import attrs

from fivetran_async._codec._documents import Documented
from fivetran_async._codec._forms import FORM, JsonForm
from fivetran_async._codec._serializable import Serializable
from fivetran_async.as_code._applying.unnoted import UnnotedObject, note_locked
from fivetran_async.as_code._files.folder import OBSERVED_KEY, AccountFolder
from fivetran_async.as_code._files.folder_content import FolderContent
from fivetran_async.as_code._files.secret_lock import SecretLock
from fivetran_async.as_code._kinds.addresses import checked_address, kind_in
from fivetran_async.as_code._kinds.scope import WHOLE_ACCOUNT, Scope
from fivetran_async.as_code._kinds.values import dotted
from fivetran_async.as_code._objects.clones import clones_of
from fivetran_async.as_code._objects.edits import checked_changes, edited_fields, takes
from fivetran_async.as_code._objects.objects import ManagedObject, NameTable
from fivetran_async.as_code._objects.twin_records import twin_records
from fivetran_async.as_code._secrets.fields import plain_secrets
from fivetran_async.as_code._terraform.resources import terraform_text
from fivetran_async.errors import InvalidArgumentError, ResponseFormatError

_NO_LOCK = SecretLock()

SCOPE: Final = {
    FORM: JsonForm(write=Scope.to_json, read=Scope.from_json, hint=list[dict[str, Any]])
}
"""Metadata of a field: the scope of an export."""


@attrs.frozen(kw_only=True)
class SnapshotDocument(Serializable):
    """An account, or a part of it; see `Snapshot`."""

    account_id: str = ""
    account_name: str = ""
    is_live: bool = False
    objects: tuple[ManagedObject, ...] = ()
    ids: Mapping[str, str] = attrs.field(factory=dict[str, str])
    skipped: Mapping[str, str] = attrs.field(factory=dict[str, str])
    scope: Scope = attrs.field(default=WHOLE_ACCOUNT, metadata=SCOPE)


class Snapshot(Mapping[str, ManagedObject], Documented[SnapshotDocument]):
    """
    An account, or a part of it: objects by address, sorted. It never changes.

    `export` returns what is live, `load` what files want. `change` and others return new snapshots.
    JSON has everything but the folder, which belongs to this machine, and no secrets: `to_dict`.

    Attributes:
        account_id: The account; empty if the objects belong to none.
        account_name: Its name.
        ids: The ids by address, also of objects that are only referred to.
        scope: What the export read.
        skipped: What could not be read, by address, and why; `KIND/*` for a whole list.
        folder: The folder that it was loaded from, if any.
        is_live: True for the result of an export.
        left_paused: The connections that unfinished runs of the folder have left paused, by
            address, and how; `plan` resumes them.
    """

    def __init__(
        self,
        objects: Mapping[str, ManagedObject],
        *,
        account_id: str = "",
        account_name: str = "",
        ids: Mapping[str, str] | None = None,
        scope: Scope = WHOLE_ACCOUNT,
        skipped: Mapping[str, str] | None = None,
        folder: Path | None = None,
        is_live: bool = False,
        origin: Snapshot | None = None,
        since: float | None = None,
        secret_lock: SecretLock = _NO_LOCK,
        left_paused: Mapping[str, str] | None = None,
        unnoted: Mapping[str, UnnotedObject] | None = None,
    ) -> None:
        self._objects = dict(objects)
        self.account_id = account_id
        self.account_name = account_name
        self.ids: Mapping[str, str] = dict(ids or {})
        self.scope = scope
        self.skipped: Mapping[str, str] = dict(skipped or {})
        self.folder = folder
        self.is_live = is_live
        self._origin = origin
        self._since = since
        self.secret_lock = secret_lock
        self.left_paused: Mapping[str, str] = dict(left_paused or {})
        self.unnoted: Mapping[str, UnnotedObject] = dict(unnoted or {})

    def __getitem__(self, address: str) -> ManagedObject:
        return self._objects[address]

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, address: object) -> bool:
        return address in self._objects

    def __repr__(self) -> str:
        of = f" of {self.account_id}" if self.account_id else ""
        return f"<Snapshot{of}, {len(self._objects)} objects>"

    __hash__ = None  # type: ignore[assignment]  # equal snapshots have equal objects

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Snapshot):
            return NotImplemented
        return self.account_id == other.account_id and {
            address: (each.id, each.raw_fields) for address, each in self._objects.items()
        } == {address: (each.id, each.raw_fields) for address, each in other._objects.items()}

    @property
    def origin(self) -> Snapshot:
        """The live or loaded snapshot that this one was derived from; itself if it was not."""
        return self if self._origin is None else self._origin

    @property
    def names(self) -> NameTable:
        """The table of ids and addresses."""
        return NameTable(self.ids.items())

    def change(self, where: Callable[[ManagedObject], object], /, **fields: object) -> Snapshot:
        """
        Return a snapshot in which some objects have other fields.

        Objects inside of fields are merged: `config={"host": "db2"}` keeps the other settings.
        Objects of kinds that lack one of the fields are left unchanged, and so are those that the
        function does not choose. UNSET as a value stops managing the field.

        Args:
            where: A function that returns True for objects to change.
            fields: The new values, by the API's names.

        Raises:
            InvalidArgumentError: No kind has the field, the server owns it, or it is a secret that
                is written out instead of referred to.
        """
        changes = checked_changes(fields)
        objects = {
            address: self._changed(each, changes)
            if takes(each.rules, changes) and where(each)
            else each
            for address, each in self._objects.items()
        }
        return self.with_objects(objects)

    def clone(self, where: Callable[[ManagedObject], object], /, *, group: str) -> Snapshot:
        """
        Return a snapshot with copies of some objects in another group.

        Planned against the live account, the copies are created. A group that does not exist is
        created, too; in one that exists, its destination is used. Secrets that only the server has
        become references such as `{"$secret": "env:GREEN_CRM_PASSWORD"}`; `apply` refuses a copy
        with a reference that has no value, before it sends anything for it.

        Args:
            where: A function that returns True for objects to copy. The schema configs of
                connections come along; agents and certificates are never copied.
            group: The name of the other group.

        Raises:
            InvalidArgumentError: No object was chosen, a chosen object is in no group, or a copy
                would have the address of another object.
        """
        return self.with_objects({**self._objects, **clones_of(self._objects, where, group)})

    def with_objects(self, objects: Mapping[str, ManagedObject]) -> Snapshot:
        """Return a snapshot of the same account with other objects."""
        return Snapshot(
            dict(sorted(objects.items())),
            account_id=self.account_id,
            account_name=self.account_name,
            ids=self.ids,
            scope=self.scope,
            skipped=self.skipped,
            folder=self.folder,
            origin=self.origin,
            since=self._since,
            secret_lock=self.secret_lock,
            left_paused=self.left_paused,
            unnoted=self.unnoted,
        )

    @classmethod
    def _document_class(cls) -> type[SnapshotDocument]:
        """Return the class of the documents."""
        return SnapshotDocument

    def _to_document(self) -> SnapshotDocument:
        """Return an object with the same content, which JSON has fields for."""
        return SnapshotDocument(
            account_id=self.account_id,
            account_name=self.account_name,
            is_live=self.is_live,
            objects=tuple(self._objects.values()),
            ids=self.ids,
            skipped=self.skipped,
            scope=self.scope,
        )

    @classmethod
    def _from_document(cls, document: SnapshotDocument) -> Self:
        """
        Return the snapshot of a document.

        Raises:
            ResponseFormatError: An address is not one, or occurs twice, or a secret is written out:
                what comes from elsewhere can be saved, and becomes the names and texts of files.
        """
        objects: dict[str, ManagedObject] = {}
        for index, each in enumerate(document.objects):
            problem = _problem_of(each, objects)
            if problem is not None:
                place = f"{type(document).__name__}.objects[{index}]"
                raise ResponseFormatError(f"{place}: {problem}", place=place)
            objects[each.address] = each
        return cls(
            dict(sorted(objects.items())),
            account_id=document.account_id,
            account_name=document.account_name,
            is_live=document.is_live,
            ids=document.ids,
            skipped=document.skipped,
            scope=document.scope,
        )

    def records(self) -> Mapping[str, Iterable[Mapping[str, object]]]:
        """Return the objects as records of the API by family, for `FakeFivetran.from_snapshot`."""
        return twin_records(self._objects, self.ids)

    def to_terraform(self) -> str:
        """
        Return the objects as configuration for the vendor's Terraform provider.

        Each object that exists has an `import` block, for Terraform 1.5 and later. Secrets become
        variables. What the provider has no resource for is listed in a comment at the end.
        """
        return terraform_text(self._objects, self.names)

    def detached(self) -> Snapshot:
        """Return a snapshot without ids and account: in another account, it creates everything."""
        objects = {
            address: ManagedObject(address, each.kind, None, each.raw_fields)
            for address, each in self._objects.items()
        }
        return Snapshot(objects, scope=self.scope, folder=None)

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """
        Write one JSON file per object, without secrets.

        The snapshot of an export also becomes the base, with which later plans compare. References
        to secrets in existing files are kept. Files outside of the scope are not touched.

        Args:
            folder: The folder; it is created if it does not exist.
            force: True replaces files that were edited since the last export, and what a later run
                has verified.

        Raises:
            FilesError: Files were edited, or a run has changed the account since the export began,
                and `force` is not True; or they cannot be written.
            FolderLockedError: A run is changing the account from the folder.
            WrongAccountError: The folder has the files of another account.
        """
        place = AccountFolder(folder)
        note_locked(place)
        origin = self.origin
        saves_base = self.is_live or (origin.is_live and not place.has_base())
        place.save(
            FolderContent(
                files={address: each.raw_fields for address, each in self._objects.items()},
                base=_base_of(origin) if saves_base else None,
                ids=self.ids,
                scope=self.scope,
                account_id=self.account_id,
                account_name=self.account_name,
                unread=frozenset(self.skipped),
                since=self._since,
            ),
            force=force,
        )

    @staticmethod
    def _changed(each: ManagedObject, changes: Mapping[str, object]) -> ManagedObject:
        try:
            fields = edited_fields(each.rules, each.raw_fields, changes)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"{each.address}: {error.message}") from None
        return ManagedObject(each.address, each.kind, each.id, fields, each.raw_observed)


def _base_of(snapshot: Snapshot) -> dict[str, dict[str, object]]:
    base: dict[str, dict[str, object]] = {}
    for address, each in snapshot.items():
        kept = {n: v for n, v in each.raw_observed.items() if n in each.rules.kept}
        base[address] = {**each.raw_fields, **({OBSERVED_KEY: kept} if kept else {})}
    return base


def _problem_of(each: ManagedObject, others: Mapping[str, object]) -> str | None:
    """Return why an object that was read cannot be one of a snapshot, or None."""
    try:
        kind = kind_in(checked_address(each.address))
    except InvalidArgumentError as error:
        return error.message
    if kind != each.kind:
        return f"the kind of {each.address} is not {each.kind!r}"
    if each.address in others:
        return f"{each.address} occurs twice"
    secrets = ", ".join(map(dotted, plain_secrets(each.rules, each.raw_fields)))
    return f"{each.address} has a secret that is written out: {secrets}" if secrets else None
