"""PURE: the objects of a snapshot as resources of the vendor's Terraform provider."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from fivetran_async.as_code._kinds.addresses import (
    ACCOUNT,
    configured_connection,
    kind_in,
    parts_of,
)
from fivetran_async.as_code._kinds.rules import KIND_NAMES
from fivetran_async.as_code._kinds.values import as_items, as_object, entries
from fivetran_async.as_code._objects.objects import ManagedObject, NameTable
from fivetran_async.as_code._objects.records import translated
from fivetran_async.as_code._secrets.fields import secret_in, variable_in
from fivetran_async.as_code._terraform.hcl import (
    Block,
    HclExpression,
    Template,
    hcl_text,
    identifier_of,
)


@attrs.frozen(kw_only=True)
class _Resource:
    """
    How the provider describes a kind.

    Attributes:
        type: The type of the resource.
        fields: The fields that it takes; others are listed in a comment.
        blocks: The fields that are blocks, not attributes.
        defaults: The values of fields that it needs and that the API may leave out.
        renamed: Fields that have another name there.
    """

    type: str
    fields: str
    blocks: frozenset[str] = frozenset()
    defaults: Mapping[str, object] = attrs.field(factory=dict[str, object])
    renamed: Mapping[str, str] = attrs.field(factory=dict[str, str])


_RESOURCES: Final[Mapping[str, _Resource]] = {
    "groups": _Resource(type="fivetran_group", fields="name"),
    "destinations": _Resource(
        type="fivetran_destination_v2",
        fields="group_id service region time_zone_offset daylight_saving_time_enabled"
        " networking_method private_link_id proxy_agent_id hybrid_deployment_agent_id config",
        defaults={"config": {}},
    ),
    "connections": _Resource(
        type="fivetran_connection_v2",
        fields="group_id service sync_frequency schedule_type daily_sync_time pause_after_trial"
        " data_delay_sensitivity data_delay_threshold networking_method private_link_id"
        " proxy_agent_id hybrid_deployment_agent_id destination_schema_names config auth"
        " connect_card_config destination_configuration",
    ),
    "schemas": _Resource(
        type="fivetran_connector_schema_config",
        fields="connector_id schema_change_handling schemas",
    ),
    "webhooks": _Resource(
        type="fivetran_webhook",
        fields="type group_id url secret active events",
        defaults={"secret": "", "active": True},
    ),
    "users": _Resource(
        type="fivetran_user", fields="email given_name family_name phone picture role"
    ),
    "teams": _Resource(type="fivetran_team", fields="name description role"),
    "transformation_projects": _Resource(
        type="fivetran_transformation_project",
        fields="group_id type project_config",
        blocks=frozenset({"project_config"}),
    ),
    "transformations": _Resource(
        type="fivetran_transformation",
        fields="type paused schedule transformation_config",
        blocks=frozenset({"schedule", "transformation_config"}),
    ),
    "log_services": _Resource(
        type="fivetran_external_logging",
        fields="group_id service enabled config",
        blocks=frozenset({"config"}),
    ),
    "private_links": _Resource(
        type="fivetran_private_link",
        fields="name region service config_map",
        renamed={"config": "config_map"},
    ),
}
_PAUSE_STATE: Final = "fivetran_connection_v2_pause_state"
_SCHEMA_SETTINGS: Final = frozenset(
    {"enabled", "tables", "sync_mode", "columns", "hashed", "is_primary_key"}
)
_LEFT_OUT: Final[Mapping[str, str]] = {
    "proxy_agents": "its secrets are shown once, so it is referred to by its id only",
    "hybrid_deployment_agents": "its secrets are shown once, so it is referred to by its id only",
}
_NO_RESOURCE: Final = "the provider has no resource for it"


def terraform_text(objects: Mapping[str, ManagedObject], names: NameTable) -> str:
    """Return the configuration of objects, with an import block for each that exists."""
    return hcl_text(_Writer(objects, names).blocks())


class _Writer:
    """Collects the blocks of one configuration."""

    def __init__(self, objects: Mapping[str, ManagedObject], names: NameTable) -> None:
        self._names = names
        self._taken: set[str] = set()
        self._labels: dict[str, str] = {}
        self._variables: list[str] = []
        self._left_out: dict[str, str] = {}
        order = {kind: index for index, kind in enumerate(KIND_NAMES)}
        self._objects = sorted(objects.values(), key=lambda each: (order[each.kind], each.address))
        for each in self._objects:
            if each.kind in _RESOURCES and not self._is_left_out(each):
                self._labels[each.address] = self._label(each.kind, parts_of(each.address)[1:])

    def blocks(self) -> Iterator[Block | str]:
        """Iterate over the blocks: the provider, variables, then resources."""
        resources = list(self._resources())
        yield Block("terraform", (), {"required_version": ">= 1.5", **_provider()})
        for name in self._variables:
            yield Block("variable", (name,), {"type": HclExpression("string"), "sensitive": True})
        yield from resources
        if self._left_out:
            lines = (f"{address}: {reason}" for address, reason in self._left_out.items())
            yield "\n".join(("Left out:", *lines))

    def _is_left_out(self, each: ManagedObject) -> bool:
        if each.address == f"log_services/{ACCOUNT}":
            self._left_out[each.address] = _NO_RESOURCE
        elif each.kind == "schemas" and not each.raw_fields.get("schema_change_handling"):
            self._left_out[each.address] = "it has no schema_change_handling"
        else:
            return False
        return True

    def _resources(self) -> Iterator[Block]:
        memberships: dict[tuple[str, str], list[ManagedObject]] = {}
        for each in self._objects:
            if each.address in self._labels:
                yield from self._resource(each)
            elif each.kind == "memberships":
                parts = each.address.split("/")
                memberships.setdefault(("/".join(parts[1:3]), parts[3]), []).append(each)
            elif each.address not in self._left_out:
                self._left_out[each.address] = _LEFT_OUT.get(each.kind, _NO_RESOURCE)
        for (owner, members), found in memberships.items():
            yield from self._membership(owner, members, found)

    def _resource(self, each: ManagedObject) -> Iterator[Block]:
        rules, label = _RESOURCES[each.kind], self._labels[each.address]
        values = {**rules.defaults, **self._fields_of(each)}
        values = {rules.renamed.get(name, name): value for name, value in values.items()}
        chosen = rules.fields.split()
        stem = f"{each.kind}_{label}"
        body = {
            name: self._written(values[name], (stem, name)) for name in chosen if name in values
        }
        for name in rules.blocks & body.keys():
            body[name] = Block(name, (), entries(body[name]))
        missing = sorted(values.keys() - {*chosen, "paused"})
        comments = [f"Not in the provider: {', '.join(missing)}"] if missing else []
        yield Block("resource", (rules.type, label), body, comments)
        yield from _imported(rules.type, label, each.id)
        if each.kind == "connections":
            state: dict[str, object] = {
                "connection_id": HclExpression(f"{rules.type}.{label}.id"),
                "paused": bool(values.get("paused")),
            }
            yield Block("resource", (_PAUSE_STATE, label), state)
            yield from _imported(_PAUSE_STATE, label, each.id)

    def _fields_of(self, each: ManagedObject) -> dict[str, object]:
        values = translated(each.rules, each.raw_fields, lambda _, found: self._reference(found))
        if each.kind == "webhooks":
            part = each.address.split("/")[1]
            values.setdefault("type", "account" if part == ACCOUNT else "group")
        elif each.kind == "schemas":
            owner = configured_connection(each.address)
            values = {**values, "connector_id": self._reference(owner)}
            values["schemas"] = _schema_settings(values.get("schemas"))
        elif each.kind == "users":
            values.setdefault("email", parts_of(each.address)[1])
        elif each.kind == "groups":
            values.setdefault("name", parts_of(each.address)[1])
        elif each.kind == "private_links":
            values["config"] = {n: _text(v) for n, v in entries(values.get("config")).items()}
        if each.kind in {"destinations", "log_services"} and "group_id" not in values:
            values["group_id"] = self._reference(f"groups/{each.address.split('/')[1]}")
        return values

    def _membership(
        self, owner: str, members: str, found: Iterable[ManagedObject]
    ) -> Iterator[Block]:
        """Yield the resource with all members of one kind of a team or user."""
        owner_field, member = f"{kind_in(owner)[:-1]}_id", members[:-1]
        word = "connector" if member == "connection" else member
        type = f"fivetran_{owner_field[:-3]}_{word}_membership"
        label = self._label(type, parts_of(owner)[1:])
        blocks = [
            Block(
                word,
                (),
                {
                    f"{word}_id": self._reference("/".join(each.address.split("/")[3:])),
                    "role": each.raw_fields.get("role"),
                },
            )
            for each in found
        ]
        yield Block("resource", (type, label), {owner_field: self._reference(owner), word: blocks})
        yield from _imported(type, label, self._names.id(owner))

    def _reference(self, address: str) -> object:
        label = self._labels.get(address)
        if label is not None:
            return HclExpression(f"{_RESOURCES[kind_in(address)].type}.{label}.id")
        return self._names.id(address) or address

    def _written(self, value: object, place: tuple[str, ...]) -> object:
        """Return a value with a variable in place of each secret."""
        if secret_in(value) is not None:
            variable = variable_in(value)
            name = self._unique(identifier_of("_".join((*place, variable) if variable else place)))
            self._variables.append(name)
            shown = HclExpression(f"var.{name}")
            return Template(f"{variable}=", shown) if variable else shown
        inner, items = as_object(value), as_items(value)
        if inner is not None:
            return {name: self._written(each, (*place, name)) for name, each in inner.items()}
        if items is None:
            return value
        return [self._written(each, place) for each in items]

    def _label(self, kind: str, parts: Iterable[str]) -> str:
        return self._unique(identifier_of("_".join(parts)), kind)

    def _unique(self, name: str, space: str = "var") -> str:
        """Return a name that no other has, without regard to letter case."""
        found, number = name, 1
        while f"{space}.{found}".casefold() in self._taken:
            number += 1
            found = f"{name}_{number}"
        self._taken.add(f"{space}.{found}".casefold())
        return found


def _provider() -> dict[str, object]:
    source = {"fivetran": {"source": "fivetran/fivetran"}}
    return {"required_providers": Block("required_providers", (), source)}


def _imported(type: str, label: str, id: str | None) -> Iterator[Block]:
    if id is not None:
        yield Block("import", (), {"to": HclExpression(f"{type}.{label}"), "id": id})


def _schema_settings(value: object) -> dict[str, object]:
    """Return the settings of schemas, tables or columns that the provider takes."""
    found: dict[str, object] = {}
    for name, each in entries(value).items():
        settings = {n: v for n, v in entries(each).items() if n in _SCHEMA_SETTINGS}
        for inner in ("tables", "columns"):
            if inner in settings:
                settings[inner] = _schema_settings(settings[inner])
        found[name] = settings
    return found


def _text(value: object) -> object:
    return value if isinstance(value, str) or as_object(value) is not None else str(value)
