"""PURE: what is sent to create an object, and what keeps one from being deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from fivetran_async._types import UNSET
from fivetran_async.as_code._comparing.canonical import is_empty
from fivetran_async.as_code._comparing.dependents import without_meaning
from fivetran_async.as_code._comparing.leaves import Leaf, leaves_of
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.addresses import (
    ACCOUNT,
    configured_connection,
    kind_in,
    parts_of,
    trusting_owner,
    unquoted,
)
from fivetran_async.as_code._kinds.rules import OWN_LOG, SYSTEM, KindRules
from fivetran_async.as_code._kinds.values import FieldPath, entries
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._objects.records import naming_of, references_of, schema_named

_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "groups": ("name",),
    "destinations": ("service",),
    "connections": ("service",),
    "webhooks": ("url", "events"),
    "users": ("email", "given_name", "family_name"),
    "teams": ("name", "role"),
    "memberships": ("role",),
    "transformation_projects": ("type", "project_config"),
    "transformations": ("type", "transformation_config"),
    "log_services": ("service", "config"),
    "schemas": ("schemas",),
    "certificates": ("hash", "encoded_cert"),
    "fingerprints": ("hash", "public_key"),
}
"""The fields that a create needs."""

_WITH_GROUP: Final = frozenset(
    {"destinations", "connections", "transformation_projects", "webhooks", "log_services"}
)


@attrs.frozen
class Creation:
    """
    The creation of an object.

    Attributes:
        leaves: The values to send, by path.
        ignored: Values without a meaning that are not sent, and why.
        owner_id: The id of the connection, for a schema config; None for others.
        refused: Why it cannot be created; empty if it can.
    """

    leaves: Mapping[FieldPath, Leaf]
    ignored: Mapping[FieldPath, tuple[object, str]]
    owner_id: str | None
    refused: str


def creation_of(
    each: ManagedObject,
    wanted: Mapping[str, ManagedObject],
    live: Mapping[str, ManagedObject],
    *,
    ids: Mapping[str, str],
) -> Creation:
    """Return what is sent to create an object of the files."""
    rules, values = each.rules, completed(each)
    dropped = without_meaning(rules, values, values)
    ignored: dict[FieldPath, tuple[object, str]] = {
        (name,): (values[name], reason) for name, reason in dropped.items() if name in values
    }
    leaves = {
        path: Leaf(UNSET, value)
        for path, value in leaves_of(values)
        if path and path[0] not in dropped and not is_empty(value)
    }
    if "config" in _REQUIRED.get(rules.name, ()) and is_empty(values.get("config")):
        # The API requires it, also of services without settings.
        leaves["config",] = Leaf(UNSET, {})
    owner = configured_connection(each.address)
    refused = _refusal(rules, values)
    if rules.name == "schemas" and not (owner in wanted or owner in live or owner in ids):
        refused = f"its connection {owner!r} does not exist"
    owner_id = ids.get(owner) if rules.name == "schemas" else None
    return Creation(leaves, ignored, owner_id, refused)


def completed(each: ManagedObject) -> dict[str, object]:
    """Return the fields for a create, with what only the address has."""
    values = dict(each.raw_fields)
    parts = parts_of(each.address)
    if each.kind == "groups" and not values.get("name"):
        values["name"] = parts[1]
    elif each.kind == "users" and not values.get("email"):
        values["email"] = parts[1]
    elif each.kind in _WITH_GROUP and values.get("group_id") is None:
        group = each.address.split("/")[1]
        if unquoted(group) != ACCOUNT or each.kind not in {"webhooks", "log_services"}:
            values["group_id"] = f"groups/{group}"
    elif trusting_owner(each.address) is not None:
        values.setdefault("hash", parts[-1])
    if each.kind == "connections":
        config = entries(values.get("config"))
        if schema_named(config) is None:
            naming = naming_of(str(values.get("service") or ""), parts[2])
            values["config"] = {**config, **naming}
    return values


def _refusal(rules: KindRules, values: Mapping[str, object]) -> str:
    if rules.refused:
        return rules.refused
    missing = [name for name in _REQUIRED.get(rules.name, ()) if is_empty(values.get(name))]
    if missing and missing != ["config"]:
        return f"a new {rules.noun} needs {' and '.join(missing)}"
    return ""


def doubt_about(
    address: str,
    wanted: Snapshot,
    base: Mapping[str, ManagedObject],
    live: Mapping[str, ManagedObject],
) -> str:
    """Return why an object may have been created under a name that it lost; empty if not."""
    unnoted, kind = wanted.unnoted.get(address), kind_in(address)
    if unnoted is None or not unnoted.is_in_doubt:
        return ""
    known = {id for place, id in wanted.ids.items() if kind_in(place) == kind}
    others = [
        other.address
        for other in live.values()
        if other.kind == kind and other.id not in known
        if other.address not in wanted and other.address not in base
    ]
    if not others:
        return ""
    return (
        f"the unfinished run {unnoted.run} may have created it, and {', '.join(others[:3])} is"
        " new on the server: apply the plan of that run once more, or export the account"
    )


def brought_by(address: str, live: Mapping[str, ManagedObject]) -> str | None:
    """Return the destination that has brought a connection or its schema config along, or None."""
    kind, _, place = address.partition("/")
    found = live.get(f"connections/{place}") if kind in {"connections", "schemas"} else None
    if (
        found is None
        or found.raw_fields.get("service") != OWN_LOG
        or found.raw_observed.get("connected_by") != SYSTEM
    ):
        return None
    return f"destinations/{place.partition('/')[0]}"


def problem_of_deletion(each: ManagedObject, wanted: Mapping[str, ManagedObject]) -> str | None:
    """
    Return why an object cannot be deleted: empty if nothing is to be done, None if it can.

    A schema config disappears with its connection.
    """
    if each.kind == "schemas":
        return ""
    if each.rules.refused:
        return each.rules.refused
    if each.kind in {"groups", "destinations"}:
        group = each.address.split("/")[1]
        for other in wanted.values():
            same_group = other.raw_fields.get("group_id") == f"groups/{group}"
            if same_group and other.kind in {"connections", "destinations"}:
                return f"{other.address} is still in it"
    user = next((o.address for o in wanted.values() if _refers(o, each.address)), None)
    return None if user is None else f"{user} still refers to it"


def _refers(each: ManagedObject, address: str) -> bool:
    if kind_in(address) not in {kind for kinds in each.rules.references.values() for kind in kinds}:
        return False
    return any(reference == address for _, reference in references_of(each.rules, each.raw_fields))
