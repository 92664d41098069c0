"""How each kind is read, found, created, changed and deleted; one request per function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from fivetran_async._types import UNSET
from fivetran_async.as_code._kinds.addresses import (
    ACCOUNT,
    configured_connection,
    kind_in,
    membership_sides,
    parts_of,
    trusting_owner,
)
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME, OWN_LOG, SYSTEM
from fivetran_async.as_code._kinds.values import as_items, entries, text_in
from fivetran_async.as_code._objects.objects import NameTable
from fivetran_async.as_code._objects.records import fields_of, translated
from fivetran_async.as_code._reading.lists import (
    ACCOUNT_LOG,
    LIST_PATHS,
    TYPED,
    ApiRecord,
    item_path,
    read_list,
    read_record,
)
from fivetran_async.as_code.errors import UnresolvedReferenceError
from fivetran_async.errors import NotFoundError

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async.client import AsyncFivetran

CONTROLS: Final[Mapping[str, Mapping[str, object]]] = {
    "connections": {"run_setup_tests": False},
    "destinations": {"run_setup_tests": False},
    "log_services": {"run_setup_tests": False},
    "transformation_projects": {"run_tests": False},
}
"""What every create and PATCH of a kind carries, so that tests run only as steps of their own."""

_SINGLE: Final = frozenset(
    {"destinations", "log_services", "memberships", "schemas", "certificates", "fingerprints"}
)
"""Kinds of objects with a path that follows from their address."""
_OF_GROUPS: Final = frozenset({"destinations", "log_services"})
"""Kinds of objects with the id of their group."""
_APPROVED: Final[Mapping[str, tuple[str, ...]]] = {
    "certificates": ("hash", "encoded_cert"),
    "fingerprints": ("hash", "public_key"),
}
"""What an approval takes; other fields are for readers of files."""

_ROLE_PATH: Final = "role"
_SCHEMA_FIELDS: Final = frozenset({"schemas", "schema_change_handling", "is_type_locked"})
"""What the method for schema configs takes; it keeps changes of one connection apart."""


def clock_of(fivetran: AsyncFivetran) -> Clock:
    """Return the clock of a session."""
    return fivetran._transport.core.clock  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def id_of(address: str, names: NameTable) -> str:
    """
    Return the id of an address.

    Raises:
        UnresolvedReferenceError: It has none in this account.
    """
    found = known_id(address, names)
    if found is None:
        raise UnresolvedReferenceError(f"{address} has no id in this account.")
    return found


def known_id(address: str, names: NameTable) -> str | None:
    """Return the id of an address; None if it is unknown, or the object has none of its own."""
    id = names.id(configured_connection(address))
    kind, _, place = address.partition("/")
    # A creation in doubt has not noted it: it is that of the group.
    return names.id(f"groups/{place}") if id is None and kind in _OF_GROUPS else id


def path_of(address: str, names: NameTable) -> str:
    """
    Return the path of an object that exists.

    Raises:
        UnresolvedReferenceError: Its id is unknown.
    """
    kind = kind_in(address)
    if kind == "memberships":
        owner, member = membership_sides(address)
        return f"{_membership_list(owner, member, names)}/{quote(id_of(member, names), safe='')}"
    if address == f"log_services/{ACCOUNT}":
        return ACCOUNT_LOG
    if trusting_owner(address) is not None:
        return f"{_trusted_list(address, names)}/{quote(parts_of(address)[-1], safe='')}"
    if kind == "schemas":
        return item_path("connections", id_of(address, names), "schemas")
    return item_path(kind, id_of(address, names))


async def read_object_at(fivetran: AsyncFivetran, address: str, names: NameTable) -> ApiRecord:
    """
    Read an object, with what the API leaves out of its record.

    Raises:
        NotFoundError: It does not exist.
    """
    path = path_of(address, names)
    record = await read_record(fivetran, path, typed=kind_in(address) in TYPED)
    return completed_record(address, record, names)


def completed_record(address: str, record: ApiRecord, names: NameTable) -> ApiRecord:
    """Add what only the address has to a record: sides of memberships, groups of log services."""
    kind = kind_in(address)
    if kind == "memberships":
        sides = {
            f"{kind_in(side)[:-1]}_id": id_of(side, names) for side in membership_sides(address)
        }
        return {**sides, "role": record.get("role")}
    if kind == "log_services" and address != f"log_services/{ACCOUNT}":
        return {**record, "group_id": names.id(f"groups/{address.partition('/')[2]}")}
    return record


def fields_at(address: str, record: Mapping[str, object], names: NameTable) -> dict[str, object]:
    """Return the fields of a record, with addresses in place of ids."""
    return fields_of(KINDS_BY_NAME[kind_in(address)], record, names)


def body_of(address: str, values: Mapping[str, object], names: NameTable) -> dict[str, object]:
    """
    Return a request body for fields: ids in place of addresses, and what controls the call.

    Raises:
        UnresolvedReferenceError: A reference has no id.
    """
    kind = kind_in(address)
    body = translated(KINDS_BY_NAME[kind], values, lambda _, found: id_of(found, names))
    return {**body, **CONTROLS.get(kind, {})}


async def create_object(
    fivetran: AsyncFivetran, address: str, body: dict[str, object], names: NameTable
) -> str | None:
    """
    Create an object, and return its id; None where it has none of its own.

    Raises:
        FivetranError: It was not created, or that is unknown.
    """
    kind = kind_in(address)
    if kind == "schemas":
        id = id_of(address, names)
        schemas = _with_enabled(entries(body.get("schemas")), 0)
        handling = body.get("schema_change_handling")
        if body.keys() - {"schemas", "schema_change_handling"}:
            # Fields that are newer than this release.
            await fivetran.request(
                "POST", path_of(address, names), body={**body, "schemas": schemas}
            )
            return id
        await fivetran.connections.schemas.create(
            id,
            schemas=schemas,
            schema_change_handling=UNSET if handling is None else str(handling),
        )
        return id
    path, sent = _creation(address, body, names)
    data = await fivetran.request("POST", path, body=sent, accept_version=2 if kind in TYPED else 1)
    return None if kind == "memberships" else text_in(data, "id") or None


async def update_object(
    fivetran: AsyncFivetran, address: str, body: dict[str, object], names: NameTable
) -> None:
    """
    Send one PATCH; a role that becomes null is a request of its own.

    Raises:
        FivetranError: It was refused, or that is unknown.
    """
    kind = kind_in(address)
    if kind == "schemas" and body.keys() <= _SCHEMA_FIELDS:
        await fivetran.connections.schemas.update(id_of(address, names), **body)  # type: ignore[arg-type]
        return
    path = path_of(address, names)
    if kind in {"users", "teams"} and body.get("role", "") is None:
        body = {name: value for name, value in body.items() if name != "role"}
        await fivetran.request("DELETE", f"{path}/{_ROLE_PATH}")
    if body.keys() - CONTROLS.get(kind, {}).keys():
        await fivetran.request("PATCH", path, body=body, accept_version=2 if kind in TYPED else 1)


async def delete_object(fivetran: AsyncFivetran, address: str, names: NameTable) -> None:
    """
    Delete an object.

    Raises:
        FivetranError: It was refused, or that is unknown.
    """
    typed = kind_in(address) in TYPED
    await fivetran.request("DELETE", path_of(address, names), accept_version=2 if typed else 1)


async def remaining_in(fivetran: AsyncFivetran, address: str, names: NameTable) -> list[str]:
    """Return what would disappear along with a group: its connections and its destination."""
    id = id_of(address, names)
    items = await read_list(fivetran, item_path("groups", id, "connections"))
    found = [
        f"the connection {text_in(item, 'schema') or text_in(item, 'id')!r}"
        for item in items
        if text_in(item, "service") != OWN_LOG
    ]
    try:
        await read_record(fivetran, item_path("destinations", id), typed=True)
    except NotFoundError:
        return found
    return [*found, "a destination"]


async def find_objects(
    fivetran: AsyncFivetran, address: str, values: Mapping[str, object], names: NameTable
) -> list[ApiRecord]:
    """
    Return the objects that have the identity of one to create.

    Identity is the group of a destination or log service, group and schema of a connection, URL and
    group of a webhook, the email of a user, and the name of a group or team.
    """
    kind = kind_in(address)
    if kind in _SINGLE:
        return await _find_single(fivetran, address, values, names)
    if kind == "connections":
        schema = parts_of(address)[2]
        found = await fivetran.request(
            "GET",
            LIST_PATHS[kind],
            query={"group_id": id_of(str(values["group_id"]), names), "schema": schema},
            accept_version=2,
        )
        return [dict(entries(each)) for each in _items(found)]
    items = await read_list(fivetran, LIST_PATHS[kind])
    if kind == "transformation_projects":
        group = id_of(str(values["group_id"]), names)
        inside = [item for item in items if item.get("group_id") == group]
        items = [await read_record(fivetran, item_path(kind, text_in(i, "id"))) for i in inside]
    return [item for item in items if _is_same(kind, item, values, names)]


def is_brought_along(record: ApiRecord, kind: str, service: str) -> bool:
    """Return True if a new destination has brought along what is to be created."""
    wants = kind == "connections" and service == OWN_LOG
    return wants and text_in(record, "connected_by") == SYSTEM


async def _find_single(
    fivetran: AsyncFivetran, address: str, values: Mapping[str, object], names: NameTable
) -> list[ApiRecord]:
    kind = kind_in(address)
    path = None
    if kind in {"destinations", "log_services"} and address != f"log_services/{ACCOUNT}":
        path = item_path(kind, id_of(str(values["group_id"]), names))
    try:
        record = await read_record(fivetran, path or path_of(address, names), typed=kind in TYPED)
    except NotFoundError:
        return []
    return [record]


def _is_same(kind: str, item: ApiRecord, values: Mapping[str, object], names: NameTable) -> bool:
    if kind == "users":
        return text_in(item, "email").casefold() == str(values.get("email")).casefold()
    if kind == "webhooks":
        group = values.get("group_id")
        wanted = None if group is None else id_of(str(group), names)
        return item.get("url") == values.get("url") and (item.get("group_id") or None) == wanted
    if kind == "transformation_projects":
        return _equal(item, values, "project_config", "default_schema", "git_remote_url")
    if kind == "transformations":
        config = "transformation_config"
        return item.get("type") == values.get("type") and _equal(
            item, values, config, "name", "package_name"
        )
    return item.get("name") == values.get("name")


def _equal(item: ApiRecord, values: Mapping[str, object], part: str, *fields: str) -> bool:
    one, other = entries(item.get(part)), entries(values.get(part))
    return all((one.get(name) or None) == (other.get(name) or None) for name in fields)


def _items(data: object) -> list[object]:
    return list(as_items(entries(data).get("items")) or ())


def _creation(
    address: str, body: dict[str, object], names: NameTable
) -> tuple[str, dict[str, object]]:
    kind = kind_in(address)
    if kind == "webhooks":
        sent = {name: value for name, value in body.items() if name not in {"type", "group_id"}}
        group = body.get("group_id")
        place = ACCOUNT if group is None else f"group/{quote(str(group), safe='')}"
        return f"{LIST_PATHS[kind]}/{place}", sent
    if kind == "memberships":
        owner, member = membership_sides(address)
        key = "user_id" if kind_in(member) == "users" else "id"
        sent = {key: id_of(member, names), "role": body.get("role")}
        return _membership_list(owner, member, names), sent
    if kind in _APPROVED:
        sent = {name: body[name] for name in _APPROVED[kind] if name in body}
        return _trusted_list(address, names), sent
    if address == f"log_services/{ACCOUNT}":
        return ACCOUNT_LOG, body
    return LIST_PATHS[kind], body


def _trusted_list(address: str, names: NameTable) -> str:
    owner = trusting_owner(address) or ""
    return item_path(kind_in(owner), id_of(owner, names), kind_in(address))


def _membership_list(owner: str, member: str, names: NameTable) -> str:
    return item_path(kind_in(owner), id_of(owner, names), kind_in(member))


def _with_enabled(schemas: Mapping[str, object], level: int) -> dict[str, Mapping[str, object]]:
    """Add the flag that a schema config needs at each level before the first capture."""
    inner = ("tables", "columns", "")[level]
    found: dict[str, Mapping[str, object]] = {}
    for name, each in schemas.items():
        settings = {"enabled": True, **entries(each)}
        if inner in settings:
            settings[inner] = _with_enabled(entries(settings[inner]), level + 1)
        found[name] = settings
    return found
