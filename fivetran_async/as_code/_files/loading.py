"""`load` and `load_base`: from the files of a folder to snapshots, checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fivetran_async.as_code._applying.leftovers import left_paused, since_first_unfinished
from fivetran_async.as_code._applying.unnoted import ids_after, unnoted_in
from fivetran_async.as_code._files.checking import problems_in, unknown_references
from fivetran_async.as_code._files.folder import OBSERVED_KEY, AccountFolder
from fivetran_async.as_code._files.secret_lock import SecretLock
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.as_code._kinds.scope import WHOLE_ACCOUNT
from fivetran_async.as_code._kinds.values import entries
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code.errors import FilesError


def load(folder: str | Path) -> Snapshot:
    """
    Read the files of a folder: what the account should be.

    Every file is checked; nothing is sent.

    Args:
        folder: A folder that `Snapshot.save` wrote, or one of your own.

    Raises:
        FilesError: Files cannot be used; the message lists each problem with its file and key.
    """
    place = _existing(folder)
    files = place.read_files()
    base = place.read_base()
    journals = since_first_unfinished(place)
    unnoted = unnoted_in(place, journals)
    saved_ids = place.read_ids()
    ids = ids_after(saved_ids or {}, unnoted)
    problems: list[str] = []
    objects: dict[str, ManagedObject] = {}
    for address, (name, values) in files.items():
        saved = base.get(address)
        found = list(problems_in(address, values, saved))
        problems.extend(f"{name}: {problem}" for problem in found)
        if address.partition("/")[0] in KINDS_BY_NAME:
            observed = _observed_in(saved or {})
            objects[address] = _object(address, values, observed, ids)
    if saved_ids is not None:
        problems.extend(_unknown_in(objects, files, {*ids, *files, *base}))
    if problems:
        raise FilesError(sorted(problems))
    account_id, account_name = place.read_account()
    return Snapshot(
        dict(sorted(objects.items())),
        account_id=account_id,
        account_name=account_name,
        ids=ids,
        scope=place.read_scope() or WHOLE_ACCOUNT,
        folder=place.root,
        secret_lock=SecretLock(place.secrets_lock),
        left_paused=left_paused(journals),
        unnoted=unnoted,
    )


def load_base(folder: str | Path) -> Snapshot:
    """
    Read the base of a folder: what the account was when it was last exported or applied.

    Raises:
        FilesError: The folder has no base, or it cannot be read.
    """
    place = _existing(folder)
    if not place.has_base():
        raise FilesError([f"{place.root}: has no base; export the account to it first"])
    ids = ids_after(place.read_ids() or {}, unnoted_in(place, since_first_unfinished(place)))
    account_id, account_name = place.read_account()
    objects = {
        address: _object(address, values, _observed_in(values), ids)
        for address, values in place.read_base().items()
        if address.partition("/")[0] in KINDS_BY_NAME
    }
    return Snapshot(
        dict(sorted(objects.items())),
        account_id=account_id,
        account_name=account_name,
        ids=ids,
        scope=place.read_scope() or WHOLE_ACCOUNT,
        folder=place.root,
    )


def _existing(folder: str | Path) -> AccountFolder:
    place = AccountFolder(folder)
    if not place.root.is_dir():
        problem = "is a file, not a folder" if place.root.exists() else "the folder was not found"
        raise FilesError([f"{place.root}: {problem}"])
    return place


def _object(
    address: str,
    values: Mapping[str, object],
    observed: Mapping[str, object],
    ids: Mapping[str, str],
) -> ManagedObject:
    fields = {name: value for name, value in values.items() if name != OBSERVED_KEY}
    return ManagedObject(address, address.partition("/")[0], ids.get(address), fields, observed)


def _observed_in(values: Mapping[str, object]) -> Mapping[str, object]:
    return entries(values.get(OBSERVED_KEY))


def _unknown_in(
    objects: Mapping[str, ManagedObject],
    files: Mapping[str, tuple[str, dict[str, object]]],
    known: set[str],
) -> list[str]:
    def is_known(reference: str) -> bool:
        return reference in known or "/~" in reference

    return [
        f"{files[address][0]}: {problem}"
        for address, each in objects.items()
        for problem in unknown_references(each.rules, each.raw_fields, is_known)
    ]
