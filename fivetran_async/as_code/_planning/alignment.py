"""
PURE: gives live objects the addresses that files use, where names changed.

A renamed group keeps its address in the folder: objects are matched by their ids first.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from fivetran_async.as_code._applying.unnoted import UnnotedObject
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.addresses import (
    configured_connection,
    group_in,
    kind_in,
    membership_sides,
    quoted,
    with_group,
)
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._objects.records import translated

_NAMED = frozenset({"groups", "teams", "private_links", "external_secrets_managers"})


@attrs.frozen
class AlignedAccount:
    """
    A live account by the addresses of files.

    Attributes:
        objects: The objects.
        ids: The ids, also of objects that were not read.
        skipped: What could not be read, and why.
    """

    objects: Mapping[str, ManagedObject]
    ids: dict[str, str]
    skipped: Mapping[str, str]


def with_known_addresses(live: Snapshot, wanted: Snapshot) -> AlignedAccount:
    """
    Return a live account by the addresses of the files.

    Args:
        live: The result of an export.
        wanted: The snapshot with the addresses to use.
    """
    renamed = _renamed(live, wanted)
    if not renamed:
        return AlignedAccount(live, dict(live.ids), live.skipped)
    renamed |= _displaced(live, renamed)
    objects: dict[str, ManagedObject] = {}
    for address, each in live.items():
        place = _moved(address, renamed)
        if place in objects:
            place = f"{place}~{quoted(each.id or '')}"
        fields = translated(
            each.rules, each.raw_fields, lambda _, reference: _moved(reference, renamed)
        )
        objects[place] = ManagedObject(place, each.kind, each.id, fields, each.raw_observed)
    ids = {_moved(address, renamed): id for address, id in live.ids.items()}
    skipped = {_moved(address, renamed): reason for address, reason in live.skipped.items()}
    return AlignedAccount(objects, ids, skipped)


def with_one_address(snapshot: Snapshot, aligned: AlignedAccount) -> Snapshot:
    """
    Return files in which references to an object have the address that it has in a plan.

    An object has two addresses in a folder if it was renamed between exports of different parts.
    """
    places = {(kind_in(address), id): address for address, id in aligned.ids.items()}
    others = {
        address: place
        for address, id in snapshot.ids.items()
        if (place := places.get((kind_in(address), id), address)) != address
    }
    if not others:
        return snapshot
    objects = {
        address: ManagedObject(
            address,
            each.kind,
            each.id,
            translated(each.rules, each.raw_fields, lambda _, found: others.get(found, found)),
            each.raw_observed,
        )
        for address, each in snapshot.items()
    }
    return snapshot.with_objects(objects)


def completed_base(
    base: Snapshot,
    live: Mapping[str, ManagedObject],
    wanted: Mapping[str, ManagedObject],
    unnoted: Mapping[str, UnnotedObject],
) -> Mapping[str, ManagedObject]:
    """
    Return the base of a folder after its unfinished runs.

    Args:
        base: The base that the folder has.
        live: The live objects by the addresses of files.
        wanted: The objects of the files; what has none was created for a file that is gone.
        unnoted: What the runs know about objects.
    """
    if not unnoted:
        return base
    objects = dict(base)
    for address, each in unnoted.items():
        known, found = base.get(address), live.get(address)
        if known is None and address not in wanted:
            continue
        fields = each.base(
            None if known is None else known.raw_fields, {} if found is None else found.raw_fields
        )
        other = known or found or wanted.get(address)
        if fields is None or other is None:
            objects.pop(address, None)
        else:
            objects[address] = ManagedObject(
                address, kind_in(address), other.id, fields, other.raw_observed
            )
    return objects


def _renamed(live: Snapshot, wanted: Snapshot) -> dict[str, str]:
    """Return the addresses in files of live objects that have another address there."""
    if wanted.ids == live.ids:
        return {}
    known: dict[tuple[str, str], str] = {}
    for address, id in sorted(wanted.ids.items(), key=lambda each: _rank(each, live, wanted)):
        kind = kind_in(address)
        if address in wanted or kind in _NAMED or live.ids.get(address, id) == id:
            known[kind, id] = address
    found: dict[str, str] = {}
    for address, id in live.ids.items():
        kind = kind_in(address)
        if kind == "schemas":
            continue
        other = known.get((kind, id))
        # One with its own file stays there, also if its group has another name in the files.
        if other is not None and (other != address or address in wanted):
            found[address] = other
    if all(address == other for address, other in found.items()):
        found = {}
    return {**_by_name(live, wanted, found), **found}


def _rank(entry: tuple[str, str], live: Snapshot, wanted: Snapshot) -> int:
    """Return a number that is higher for the address to use, if an object has several."""
    address, id = entry
    return 2 if address in wanted else 1 if live.ids.get(address) == id else 0


def _displaced(live: Snapshot, renamed: Mapping[str, str]) -> dict[str, str]:
    """Return other addresses for objects that have the former name of a renamed one."""
    found: dict[str, str] = {}
    taken = sorted(set(renamed.values()), key=lambda address: kind_in(address) != "groups")
    for address in taken:
        id = live.ids.get(address)
        # A group takes along what is in it.
        is_moved = _moved(address, {**renamed, **found}) != address
        if id is not None and address not in renamed and not is_moved:
            found[address] = f"{address}~{quoted(id)}"
    return found


def _by_name(live: Snapshot, wanted: Snapshot, found: Mapping[str, str]) -> dict[str, str]:
    """Match objects without a known id by their names, as in a folder that lost its ids."""
    pairs: dict[str, str] = {}
    for address, each in wanted.items():
        if each.kind not in _NAMED or each.id is not None or address in live.ids:
            continue
        plain = f"{each.kind}/{quoted(str(each.raw_fields.get('name') or ''))}"
        if plain in live.ids and plain not in wanted and plain not in found:
            pairs[plain] = address
    return pairs


def _moved(address: str, renamed: Mapping[str, str]) -> str:
    """Return the address in files of a live address."""
    known = renamed.get(address)
    if known is not None:
        return known
    kind = kind_in(address)
    if kind == "memberships":
        owner, member = membership_sides(address)
        return f"memberships/{renamed.get(owner, owner)}/{_moved(member, renamed)}"
    if kind == "schemas":
        other = renamed.get(configured_connection(address))
        if other is not None:
            return f"schemas{other.removeprefix('connections')}"
    if kind not in KINDS_BY_NAME or kind == "groups":
        return address
    group = group_in(address)
    other = renamed.get(f"groups/{group}") if group is not None else None
    return address if other is None else with_group(address, other.removeprefix("groups/"))
