"""External secrets managers, and the connections and destinations that use them."""

from __future__ import annotations

from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import (
    FamilyRules,
    Refusal,
    Result,
    ServedCall,
    invalid,
    slice_page,
)
from fivetran_async.testing.families._services import HIDDEN
from fivetran_async.testing.families._shared import render_config

_SECRETS = frozenset({"client_secret", "secret_id", "token"})
_KINDS = {"connections": "SOURCE", "destinations": "DESTINATION"}


def _fresh(call: ServedCall) -> StoredRecord:
    now = call.account.clock.stamp(digits=3)
    return {"created_at": now, "updated_at": now, "is_hybrid_deployment": False}


def _view(call: ServedCall, record: StoredRecord) -> StoredRecord:
    hidden = dict.fromkeys(_SECRETS & record["config"].keys(), HIDDEN)
    return record | {"config": render_config(record["config"] | hidden, call.version)}


def _touch(call: ServedCall, record: StoredRecord) -> None:
    rows = call.account.collection("external_secrets_managers")
    rows.change(record["id"], updated_at=call.account.clock.stamp(digits=3))


def _unused(call: ServedCall, record: StoredRecord) -> None:
    if _entities(call.account, record["id"]):
        # The vendor responds with 400 only here; other families have 409.
        raise Refusal(400, "BadRequest", f"External secrets manager '{record['id']}' is in use")


def _entities(account: FakeAccount, manager_id: str | None) -> list[StoredRecord]:
    return [
        {
            "id": user["id"],
            "name": user.get("schema") or user["id"],
            "type": kind,
            "enabled": True,
            "secret_manager_id": user["external_secrets_manager_id"],
            "created_at": user.get("created_at"),
        }
        for family, kind in _KINDS.items()
        for user in account.collection(family)
        if user.get("external_secrets_manager_id") is not None
        and manager_id in (None, user["external_secrets_manager_id"])
    ]


def _filtered(call: ServedCall, manager_id: str | None) -> Result:
    wanted = call.query.get("type", "all")
    if wanted not in ("source", "destination", "all"):
        message = f"type must be source, destination or all, not '{wanted}'"
        raise invalid(message)
    found = _entities(call.account, manager_id)
    return slice_page(call, [e for e in found if wanted in ("all", e["type"].lower())])


def _list_entities(call: ServedCall) -> Result:
    if call.path[0] not in call.account.collection("external_secrets_managers"):
        raise MANAGERS.not_found(call.path[0])
    return _filtered(call, call.path[0])


def _list_all_entities(call: ServedCall) -> Result:
    return _filtered(call, call.query.get("esm_id"))


MANAGERS = FamilyRules(
    name="external_secrets_managers",
    noun="external secrets manager",
    fresh=_fresh,
    view=_view,
    after_update=_touch,
    before_delete=_unused,
    merged=frozenset({"config"}),
    actions={"list_entities": _list_entities, "list_all_entities": _list_all_entities},
)

FAMILIES = (MANAGERS,)
