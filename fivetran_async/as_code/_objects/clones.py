"""PURE: copies of objects in another group, to be created."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from fivetran_async.as_code._kinds.addresses import (
    configured_connection,
    group_in,
    parts_of,
    quoted,
    with_group,
)
from fivetran_async.as_code._kinds.rules import OWN_LOG
from fivetran_async.as_code._kinds.values import FieldPath, as_items, as_object
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._objects.records import translated
from fivetran_async.as_code._secrets.fields import KEPT, NAME, SECRET, secret_in, variable_in
from fivetran_async.errors import InvalidArgumentError

_IN_GROUPS: Final = frozenset(
    {
        "groups",
        "destinations",
        "connections",
        "schemas",
        "webhooks",
        "transformation_projects",
        "log_services",
        "memberships",
    }
)
"""The kinds that have their group in their address."""


def clones_of(
    objects: Mapping[str, ManagedObject],
    where: Callable[[ManagedObject], object],
    group: str,
) -> dict[str, ManagedObject]:
    """
    Return copies of objects in another group, by address.

    The group, its destination and the log connection that this brings along are copied only if they
    do not exist. Secrets that only the server
    has become references to environment variables.

    Args:
        objects: All objects.
        where: Returns True for objects to copy; the schema configs of connections come along.
        group: The name of the other group.

    Raises:
        InvalidArgumentError: Nothing was chosen, a chosen object is in no group, or a copy would
            have the address of another object.
    """
    chosen = [each for each in objects.values() if _is_chosen(each, objects, where)]
    if not chosen:
        raise InvalidArgumentError("clone found no object to copy: `where` returned True for none.")
    part = quoted(group)
    moved = {each.address: _moved(each, part) for each in chosen}
    existing = [a for a in moved.values() if a in objects and not _is_shared(a, objects)]
    if existing:
        raise InvalidArgumentError(f"clone would replace {', '.join(existing[:5])}.")
    variables: dict[str, FieldPath] = {}
    clones = {
        address: _clone(each, address, group, moved, variables)
        for each in chosen
        if (address := moved[each.address]) not in objects
    }
    if f"groups/{part}" not in {*objects, *clones}:
        clones[f"groups/{part}"] = ManagedObject(f"groups/{part}", "groups", None, {"name": group})
    return clones


_SHARED: Final = ("groups/", "destinations/")
"""What a group has once: a copy in a group that exists uses what is there."""


def _is_shared(address: str, objects: Mapping[str, ManagedObject]) -> bool:
    """Return True if a copy uses what is there, as what each destination brings along."""
    kind, _, place = address.partition("/")
    log = objects.get(f"connections/{place}") if kind in {"connections", "schemas"} else None
    is_log = log is not None and log.raw_fields.get("service") == OWN_LOG
    return is_log or address.startswith(_SHARED)


def _is_chosen(
    each: ManagedObject,
    objects: Mapping[str, ManagedObject],
    where: Callable[[ManagedObject], object],
) -> bool:
    if each.rules.refused:
        # Never created, whatever `where` returns.
        return False
    if each.kind == "schemas":
        owner = objects.get(configured_connection(each.address))
        if owner is not None and where(owner):
            return True
    return bool(where(each))


def _moved(each: ManagedObject, part: str) -> str:
    if each.kind not in _IN_GROUPS or each.group is None or group_in(each.address) is None:
        raise InvalidArgumentError(f"{each.address} cannot be cloned: it belongs to no group.")
    return with_group(each.address, part)


def _clone(
    each: ManagedObject,
    address: str,
    group: str,
    moved: Mapping[str, str],
    variables: dict[str, FieldPath],
) -> ManagedObject:
    part = f"groups/{quoted(group)}"
    own = f"groups/{group_in(each.address)}"
    places = {own: part, **moved}
    fields = translated(each.rules, each.raw_fields, lambda _, found: places.get(found, found))
    if each.kind == "groups":
        fields["name"] = group
    shown = _with_references(fields, tuple(parts_of(address)), variables)
    return ManagedObject(address, each.kind, None, _fields_in(shown))


def _fields_in(value: object) -> Mapping[str, object]:
    found = as_object(value)
    return found if found is not None else {}


def _with_references(value: object, place: FieldPath, variables: dict[str, FieldPath]) -> object:
    """Return a value with a reference to an environment variable in place of each `keep`."""
    if secret_in(value) == KEPT:
        name = variable_in(value)
        variable = _free_variable((*place, name) if name else place, variables)
        reference = {SECRET: f"env:{variable}"}
        return {**reference, NAME: name} if name else reference
    inner, items = as_object(value), as_items(value)
    if inner is not None:
        return {
            name: _with_references(each, (*place, name), variables) for name, each in inner.items()
        }
    if items is None or secret_in(value) is not None:
        return value
    return [_with_references(each, (*place, str(n)), variables) for n, each in enumerate(items)]


def _free_variable(place: FieldPath, variables: dict[str, FieldPath]) -> str:
    """Return a variable of its own for each secret: `a.b` and `a_b` have different values."""
    # A destination and the log service of its group differ in the kind alone.
    stem = name = _variable_name(place[1:])
    number = 1
    while variables.setdefault(name, place) != place:
        number += 1
        name = f"{stem}_{number}"
    return name


def _variable_name(place: Iterable[str]) -> str:
    words = (re.sub(r"[^A-Za-z0-9]+", "_", word).strip("_") for word in place if word != "config")
    name = "_".join(filter(None, words)).upper()
    return name if name[:1].isalpha() else f"_{name}"
