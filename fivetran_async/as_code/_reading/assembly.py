"""PURE: puts a snapshot together from lists and details, as they arrive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from fivetran_async._services import public_part
from fivetran_async.as_code._kinds.addresses import ACCOUNT, address_of, distinguished, quoted
from fivetran_async.as_code._kinds.rules import KIND_NAMES, KINDS_BY_NAME
from fivetran_async.as_code._kinds.scope import ExportScope
from fivetran_async.as_code._kinds.values import as_items, as_object, text_in
from fivetran_async.as_code._objects.objects import ManagedObject, NameTable
from fivetran_async.as_code._objects.records import fields_of, observed_of, translated
from fivetran_async.as_code._reading.lists import LIST_PATHS, ApiRecord

NOT_CAPTURED: Final = "the schema is not captured yet"
"""The reason for a schema config that does not exist before the first sync or reload."""

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "destinations": ("groups",),
    "connections": ("groups",),
    "schemas": ("groups", "connections"),
    "webhooks": ("groups",),
    "memberships": ("users", "teams", "groups", "connections"),
    "transformation_projects": ("groups",),
    "transformations": ("groups", "connections", "transformation_projects"),
    "log_services": ("groups",),
    "hybrid_deployment_agents": ("groups",),
    "certificates": ("groups", "connections", "destinations"),
    "fingerprints": ("groups", "connections", "destinations"),
}
"""The lists that name what objects of a kind refer to."""

_LINK_KINDS: Final = (
    "private_links",
    "proxy_agents",
    "hybrid_deployment_agents",
    "external_secrets_managers",
)
_NAME_FIELDS: Final[Mapping[str, str]] = {
    "groups": "name",
    "users": "email",
    "teams": "name",
    "transformations": "id",
    "private_links": "name",
    "external_secrets_managers": "name",
    "proxy_agents": "display_name",
    "hybrid_deployment_agents": "display_name",
    "system_keys": "name",
}
_LISTED_WHOLE: Final = (*_NAME_FIELDS, "webhooks")
"""Kinds that lists return with all fields."""

_MEMBERS: Final = {
    "users": (("groups", "group_id"), ("connections", "connection_id")),
    "teams": (("groups", "group_id"), ("connections", "connection_id"), ("users", "user_id")),
}
_TRUSTED: Final = ("certificates", "fingerprints")


def wanted_lists(scope: ExportScope) -> tuple[str, ...]:
    """Return the lists that an export of a scope needs."""
    kinds = [kind for kind in KIND_NAMES if scope.has_kind(kind)]
    needed = {need for kind in kinds for need in (kind, *_NEEDED.get(kind, ()))}
    return tuple(kind for kind in LIST_PATHS if kind in needed)


class Assembly:
    """A snapshot under construction."""

    def __init__(self, scope: ExportScope) -> None:
        self.scope = scope
        self.account: ApiRecord = {}
        self.names = NameTable()
        self.skipped: dict[str, str] = {}
        self._lists: dict[str, list[ApiRecord]] = {}
        self._projects: list[ApiRecord] = []
        self._objects: dict[str, ManagedObject] = {}

    def __repr__(self) -> str:
        return f"<Assembly of {len(self._objects)} objects>"

    def add_lists(self, lists: Mapping[str, list[ApiRecord]]) -> None:
        """Take the lists, and name what is in them."""
        self._lists.update(lists)
        for kind in ("groups", *(kind for kind in LIST_PATHS if kind != "groups")):
            if kind != "transformation_projects":
                self._name(kind, self._lists.get(kind, []))

    def add_links(self, kind: str, items: list[ApiRecord]) -> None:
        """Take a list that only names what chosen objects refer to."""
        self._name(kind, items)
        prefix = f"{kind}/~"
        for address, each in self._objects.items():
            fields = translated(
                each.rules,
                each.raw_fields,
                lambda _, value: (
                    self.names.address(kind, value.removeprefix(prefix))
                    if value.startswith(prefix)
                    else value
                ),
            )
            self._objects[address] = ManagedObject(
                address, each.kind, each.id, fields, each.raw_observed
            )

    def unlisted_links(self) -> tuple[str, ...]:
        """Return the kinds that chosen objects refer to and that no list has named."""
        prefixes = {kind: f"{kind}/~" for kind in _LINK_KINDS if kind not in self._lists}
        found = {
            kind
            for each in self._objects.values()
            for field in each.rules.references
            for kind, prefix in prefixes.items()
            if str(each.raw_fields.get(field, "")).startswith(prefix)
        }
        return tuple(sorted(found))

    def wanted_details(self) -> Iterator[tuple[str, ApiRecord]]:
        """List what has to be read besides the lists: the kind of details, and the list's item."""
        for kind in ("connections", "schemas", "destinations", "log_services"):
            for item in self._lists.get("connections" if kind == "schemas" else kind, ()):
                if self.scope.covers(self._address_in_group(kind, item)):
                    yield kind, item
        # Details name the projects that transformations refer to.
        if self.scope.has_kind("transformation_projects") or self._lists.get("transformations"):
            for item in self._lists.get("transformation_projects", ()):
                yield "transformation_projects", item
        for owner, members in self._owned_lists():
            for item in self._lists.get(owner, ()):
                yield f"{owner}.{members}", item

    def _owned_lists(self) -> Iterator[tuple[str, str]]:
        """List the pairs of an owner's kind and of what each owner has a list of."""
        if self.scope.has_kind("memberships"):
            for owner, members in _MEMBERS.items():
                yield from ((owner, member) for member, _ in members)
        for trusted in filter(self.scope.has_kind, _TRUSTED):
            yield from ((owner, trusted) for owner in ("connections", "destinations"))

    def skip(self, kind: str, item: ApiRecord, reason: str) -> None:
        """Note that details could not be read."""
        family, _, members = kind.partition(".")
        if members:
            of = self.names.address(family, text_in(item, "id"))
            owned = members if members in _TRUSTED else "memberships"
            self.skipped[f"{owned}/{of}/*"] = reason
        elif kind == "transformation_projects":
            self.skipped[f"{kind}/~{text_in(item, 'id')}"] = reason
        else:
            self.skipped[self._address_in_group(kind, item)] = reason

    def add_details(self, kind: str, item: ApiRecord, found: object) -> None:
        """Take the details of an item of a list."""
        family, _, members = kind.partition(".")
        if members in _TRUSTED:
            self._add_trusted(family, members, item, found)
        elif members:
            self._add_memberships(family, members, item, found)
        elif (record := as_record(found)) is not None:
            if kind == "transformation_projects":
                self._projects.append(record)
            elif kind == "log_services":
                self._add(kind, self._address_in_group(kind, item), self._grouped_log(item, record))
            else:
                self._add(kind, self._address_in_group(kind, item), record, id=text_in(item, "id"))

    def objects(self) -> dict[str, ManagedObject]:
        """Return all objects, sorted by address."""
        self._name("transformation_projects", self._projects)
        for record in self._projects:
            address = self.names.address("transformation_projects", text_in(record, "id"))
            self._add("transformation_projects", address, record)
        for kind in _LISTED_WHOLE:
            for record in self._lists.get(kind, ()):
                self._add(kind, self.names.address(kind, text_in(record, "id")), record)
        return dict(sorted(self._objects.items()))

    def _add(self, kind: str, address: str, record: ApiRecord, *, id: str | None = None) -> None:
        if not self.scope.covers(address):
            return
        rules = KINDS_BY_NAME[kind]
        fields = fields_of(rules, record, self.names)
        found = id or text_in(record, "id") or None
        self._objects[address] = ManagedObject(
            address, kind, found, fields, observed_of(rules, record)
        )
        if kind == "schemas" and found:
            self.names.add(address, found)

    def _name(self, kind: str, items: Iterable[ApiRecord]) -> None:
        pairs = [
            (id, self._plain_address(kind, item)) for item in items if (id := text_in(item, "id"))
        ]
        for id, address in distinguished(pairs).items():
            self.names.add(address, id)

    def _plain_address(self, kind: str, item: ApiRecord) -> str:
        field = _NAME_FIELDS.get(kind)
        if field is not None:
            name = text_in(item, field)
            return address_of(kind, name) if name else f"{kind}/~{text_in(item, 'id')}"
        group = self._group_part(text_in(item, "group_id"))
        if kind == "connections":
            return f"{kind}/{group}/{_part(item, text_in(item, 'schema'))}"
        if kind == "webhooks":
            part = group if item.get("group_id") else ACCOUNT
            return f"{kind}/{part}/{_part(item, public_part(text_in(item, 'url')))}"
        if kind == "transformation_projects":
            schema = text_in(item.get("project_config"), "default_schema")
            return f"{kind}/{group}/{_part(item, schema)}"
        if kind == "log_services":
            part = ACCOUNT if item.get("is_account") else self._group_part(text_in(item, "id"))
            return f"{kind}/{part}"
        return f"{kind}/{self._group_part(text_in(item, 'group_id') or text_in(item, 'id'))}"

    def _group_part(self, group_id: str) -> str:
        return self.names.address("groups", group_id).partition("/")[2]

    def _address_in_group(self, kind: str, item: ApiRecord) -> str:
        owner = "connections" if kind == "schemas" else kind
        address = self.names.address(owner, text_in(item, "id"))
        return f"schemas{address.removeprefix(owner)}" if kind == "schemas" else address

    def _grouped_log(self, item: ApiRecord, record: ApiRecord) -> ApiRecord:
        """Add the group, which the API returns only as the id of the log service."""
        id = text_in(item, "id")
        known = not item.get("is_account") and "/~" not in self.names.address("groups", id)
        return {**record, "group_id": id} if known else record

    def _add_memberships(self, owner: str, members: str, item: ApiRecord, found: object) -> None:
        owner_id, owner_field = text_in(item, "id"), f"{owner[:-1]}_id"
        field = dict(_MEMBERS[owner])[members]
        of = self.names.address(owner, owner_id)
        for each in _records_in(found):
            member = text_in(each, "user_id" if members == "users" else "id")
            address = f"memberships/{of}/{self.names.address(members, member)}"
            record = {owner_field: owner_id, field: member, "role": each.get("role")}
            self._add("memberships", address, record)

    def _add_trusted(self, owner: str, kind: str, item: ApiRecord, found: object) -> None:
        of = self.names.address(owner, text_in(item, "id"))
        for each in _records_in(found):
            self._add(kind, f"{kind}/{of}/{quoted(text_in(each, 'hash'))}", each)


def _part(item: ApiRecord, name: str) -> str:
    return quoted(name) if name else f"~{text_in(item, 'id')}"


def _records_in(found: object) -> list[ApiRecord]:
    return [record for each in as_items(found) or () if (record := as_record(each)) is not None]


def as_record(value: object) -> ApiRecord | None:
    """Return a value as a record of the API, or None if it is not an object."""
    found = as_object(value)
    return None if found is None else dict(found)
