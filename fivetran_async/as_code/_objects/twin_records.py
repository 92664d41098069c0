"""PURE: a snapshot as records of the API, with ids in place of addresses, for a twin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from fivetran_async.as_code._kinds.addresses import ACCOUNT, kind_in, parts_of
from fivetran_async.as_code._kinds.values import as_items, as_object, entries, text_in
from fivetran_async.as_code._objects.objects import ManagedObject, NameTable
from fivetran_async.as_code._objects.records import translated
from fivetran_async.as_code._secrets.fields import secret_in, variable_in

TwinRecord = dict[str, object]

_MASK: Final = "******"
_STATES: Final = ("setup_state", "sync_state", "is_historical_sync", "schema_status")
_ALSO_NAMED: Final[Mapping[str, str]] = {
    "groups": "name",
    "teams": "name",
    "users": "email",
    "private_links": "name",
    "external_secrets_managers": "name",
    "proxy_agents": "display_name",
    "hybrid_deployment_agents": "display_name",
}
"""Kinds that are copied from outside of the scope, too, because other objects refer to them."""


def twin_records(
    objects: Mapping[str, ManagedObject], ids: Mapping[str, str]
) -> dict[str, list[TwinRecord]]:
    """Return the records of a snapshot by the client's names of families."""
    names = NameTable(ids.items())
    found: dict[str, list[TwinRecord]] = {}
    for family, record in (*_others(objects, ids), *_own(objects.values(), names)):
        found.setdefault(family, []).append(record)
    # Groups first: the twin looks up what records refer to.
    return dict(sorted(found.items(), key=lambda each: (each[0] != "groups", "." in each[0])))


def _others(
    objects: Mapping[str, ManagedObject], ids: Mapping[str, str]
) -> Iterator[tuple[str, TwinRecord]]:
    for address, id in ids.items():
        kind = kind_in(address)
        if address not in objects and kind in _ALSO_NAMED:
            yield kind, {"id": id, _ALSO_NAMED[kind]: parts_of(address)[-1]}


def _own(objects: Iterable[ManagedObject], names: NameTable) -> Iterator[tuple[str, TwinRecord]]:
    for each in objects:
        values = translated(each.rules, each.raw_fields, lambda _, found: names.id(found) or found)
        record = {name: _with_masks(value) for name, value in values.items()}
        if each.kind == "memberships":
            yield _membership(record)
        elif each.kind == "schemas":
            locked = each.raw_observed.get("locked")
            yield "connections.schemas", {**record, "connection_id": each.id, "locked": locked}
        elif each.id is not None and not each.rules.asked_for:
            yield _family(each), _completed(each, record)


def _family(each: ManagedObject) -> str:
    return "log_services.account" if each.address == f"log_services/{ACCOUNT}" else each.kind


def _completed(each: ManagedObject, record: TwinRecord) -> TwinRecord:
    observed = each.raw_observed
    told = {name: value for name, value in observed.items() if name not in {"status", "locked"}}
    full = {**told, **record, "id": each.id}
    if each.kind == "connections":
        status = entries(observed.get("status"))
        full |= {name: status[name] for name in _STATES if name in status}
        full.setdefault("setup_state", "connected")
        full.setdefault("sync_state", "scheduled")
        full.setdefault("schema", parts_of(each.address)[2])
    elif each.kind == "destinations":
        full.setdefault("setup_status", "connected")
    elif each.kind == "webhooks":
        full.setdefault("type", "account" if full.get("group_id") is None else "group")
        full.setdefault("group_id", None)
        if full.get("url") == _MASK:
            # The API refuses what is not a URL.
            full["url"] = f"{parts_of(each.address)[2]}?{_MASK}"
    elif each.kind == "transformations":
        full["project_id"] = text_in(full.get("transformation_config"), "project_id") or None
    return full


def _membership(record: TwinRecord) -> tuple[str, TwinRecord]:
    """Return the family and the record of a membership: the owner's id and the member's."""
    owner = "team_id" if "team_id" in record else "user_id"
    member = next(
        name
        for name in ("group_id", "connection_id", "user_id")
        if name in record and name != owner
    )
    family = f"{owner[:-3]}s.{member[:-3]}s"
    key = "user_id" if member == "user_id" else "id"
    return family, {owner: record[owner], key: record[member], "role": record.get("role")}


def _with_masks(value: object) -> object:
    if secret_in(value) is not None:
        name = variable_in(value)
        return f"{name}={_MASK}" if name else _MASK
    inner, items = as_object(value), as_items(value)
    if inner is not None:
        return {name: _with_masks(each) for name, each in inner.items()}
    return value if items is None else [_with_masks(each) for each in items]
