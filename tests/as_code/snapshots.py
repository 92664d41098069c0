"""Snapshots for tests of the planner, made without an account."""

from __future__ import annotations

from collections.abc import Mapping

from fivetran_async.as_code import ManagedObject, Snapshot

Fields = Mapping[str, object]

GROUP: Fields = {"name": "blue"}
CRM: Fields = {
    "service": "postgres",
    "group_id": "groups/blue",
    "paused": False,
    "sync_frequency": 360,
    "networking_method": "Directly",
    "config": {
        "host": "db1",
        "port": 5432,
        "password": {"$secret": "keep"},
        "schema_prefix": "crm",
    },
}
SCHEMA: Fields = {
    "schema_change_handling": "ALLOW_ALL",
    "schemas": {
        "public": {
            "enabled": True,
            "tables": {
                "orders": {"enabled": True, "columns": {"id": {"enabled": True, "hashed": False}}},
                "audit": {"enabled": True},
            },
        }
    },
}
ACCOUNT: Mapping[str, Fields] = {
    "connections/blue/crm": CRM,
    "groups/blue": GROUP,
    "schemas/blue/crm": SCHEMA,
}


def snapshot_of(
    objects: Mapping[str, Fields],
    *,
    is_live: bool = False,
    observed: Mapping[str, Fields] | None = None,
    **more: object,
) -> Snapshot:
    """Return a snapshot of objects; each id is the address with another separator."""
    ids = {address: address.replace("/", ".") for address in objects}
    made = {
        address: ManagedObject(
            address,
            address.partition("/")[0],
            ids[address],
            fields,
            (observed or {}).get(address, {}),
        )
        for address, fields in sorted(objects.items())
    }
    given = {"account_id": "acme", "ids": ids, "is_live": is_live} | more
    return Snapshot(made, **given)  # type: ignore[arg-type]


def live_account(**more: object) -> Snapshot:
    """Return a live snapshot with a group, a connection and its schema config."""
    return snapshot_of(ACCOUNT, is_live=True, **more)  # type: ignore[arg-type]


def changed(address: str, **fields: object) -> Snapshot:
    """Return the same account with other fields of one object."""
    return snapshot_of({**ACCOUNT, address: {**ACCOUNT[address], **fields}})


def without(address: str) -> Snapshot:
    """Return the same account without one object."""
    return snapshot_of({a: fields for a, fields in ACCOUNT.items() if a != address})
