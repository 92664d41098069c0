"""
PURE: gives live objects the addresses that files use, where names changed.

A renamed group keeps its address in the folder: objects are matched by their ids first.
"""

from __future__ import annotations

from collections.abc import Mapping

from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.addresses import group_in, kind_in, quoted, with_group
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._objects.records import translated

_NAMED = frozenset({"groups", "teams", "private_links", "external_secrets_managers"})


def with_known_addresses(
    live: Snapshot, wanted: Snapshot
) -> tuple[Mapping[str, ManagedObject], dict[str, str]]:
    """
    Return the live objects by the addresses of the files, and the live ids by those addresses.

    Args:
        live: The result of an export.
        wanted: The snapshot with the addresses to use.
    """
    renamed = _renamed(live, wanted)
    if not renamed:
        return live, dict(live.ids)
    taken = {address: _moved(address, renamed) for address in live}
    objects: dict[str, ManagedObject] = {}
    for address, each in live.items():
        place = taken[address]
        if place in objects:
            place = f"{place}~{quoted(each.id or '')}"
        fields = translated(
            each.rules, each.raw_fields, lambda _, reference: _moved(reference, renamed)
        )
        objects[place] = ManagedObject(place, each.kind, each.id, fields, each.raw_observed)
    ids = {_moved(address, renamed): id for address, id in live.ids.items()}
    return objects, ids


def _renamed(live: Snapshot, wanted: Snapshot) -> dict[str, str]:
    """Return the addresses in files of live objects that have another address there."""
    if wanted.ids == live.ids:
        return {}
    known = {
        (kind_in(address), id): address
        for address, id in wanted.ids.items()
        if address in wanted or kind_in(address) in _NAMED or address not in live.ids
    }
    found: dict[str, str] = {}
    for address, id in live.ids.items():
        kind = kind_in(address)
        if kind == "schemas":
            continue
        other = known.get((kind, id))
        if other is not None and other != address:
            found[address] = other
    return {**_by_name(live, wanted, found), **found}


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
        parts = address.split("/")
        owner = renamed.get("/".join(parts[1:3]), "/".join(parts[1:3]))
        return f"memberships/{owner}/{_moved('/'.join(parts[3:]), renamed)}"
    if kind == "schemas":
        other = renamed.get(f"connections{address.removeprefix(kind)}")
        if other is not None:
            return f"schemas{other.removeprefix('connections')}"
    if kind not in KINDS_BY_NAME or kind == "groups":
        return address
    group = group_in(address)
    other = renamed.get(f"groups/{group}") if group is not None else None
    return address if other is None else with_group(address, other.removeprefix("groups/"))
