"""Hybrid deployment agents, which run syncs, and proxy agents, which tunnel to a source."""

from __future__ import annotations

import base64

from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import (
    FamilyRules,
    Result,
    ServedCall,
    conflict,
    invalid,
    slice_page,
)

_FILES = ("config_json", "auth_json", "docker_compose_yaml")


def _used_by(account: FakeAccount, field: str, agent_id: str) -> list[StoredRecord]:
    return [c for c in account.collection("connections") if c.get(field) == agent_id]


def _fresh_hybrid(call: ServedCall) -> StoredRecord:
    if not call.body.get("accept_terms", True):
        message = "accept_terms must be true"
        raise invalid(message)
    now = call.account.clock.stamp(digits=3)
    first = next(iter(call.account.collection("groups")), None)
    return {
        "group_id": first["id"] if first else call.account.account_id,
        "deployment_type": call.body.get("env_type", "DOCKER"),
        "enabled": True,
        "online": False,
        "version": "1.0.0",
        "created_by": call.account.owner_id,
        "registered_at": now,
        "updated_at": now,
        "last_used_at": None,
    }


def _view_hybrid(call: ServedCall, record: StoredRecord) -> StoredRecord:
    if call.operation.action == "create":
        return record | _credentials(call)
    usage = _used_by(call.account, "hybrid_deployment_agent_id", record["id"])
    shown = [
        {"connection_id": c["id"], "schema": c["schema"], "service": c["service"]} for c in usage
    ]
    return record | {"usage": shown}


def _credentials(call: ServedCall) -> StoredRecord:
    token = call.account.token(40)
    files = {name: base64.b64encode(f"{name} {token}".encode()).decode() for name in _FILES}
    return {"token": token, "files": files}


def _re_auth(call: ServedCall) -> Result:
    record = _hybrid(call)
    return Result(record | _credentials(call), "Hybrid deployment agent has been re-authenticated")


def _reset(call: ServedCall) -> Result:
    _hybrid(call)
    return Result(message="The credentials of the agent have been reset")


def _hybrid(call: ServedCall) -> StoredRecord:
    record = call.account.collection("hybrid_deployment_agents").get(call.path[0])
    if record is None:
        raise HYBRID.not_found(call.path[0])
    return record


HYBRID = FamilyRules(
    name="hybrid_deployment_agents",
    noun="hybrid deployment agent",
    missing="NotFound_RemoteExecutionAgent",
    references={"group_id": "groups"},
    filters={"groupId": "group_id"},
    fresh=_fresh_hybrid,
    view=_view_hybrid,
    transient=frozenset({"accept_terms", "auth_type", "env_type"}),
    actions={"re_auth": _re_auth, "reset_credentials": _reset},
)


def _fresh_proxy(call: ServedCall) -> StoredRecord:
    return {
        "account_id": call.account.account_id,
        "registered_at": call.account.clock.stamp(digits=3),
        "created_by": call.account.owner_id,
        "region": call.body.get("group_region", "GCP_US_EAST4"),
        "status": "NOT_CONNECTED",
        "version": "1.0.0",
    }


def _name_is_free(call: ServedCall, record: StoredRecord) -> None:
    names = (agent["display_name"] for agent in call.account.collection("proxy_agents"))
    if record["display_name"] in names:
        message = f"A proxy agent named '{record['display_name']}' already exists"
        raise conflict(message)


def _view_proxy(call: ServedCall, record: StoredRecord) -> StoredRecord:
    if call.operation.action == "create":
        return _proxy_secrets(call, record)
    used = _used_by(call.account, "proxy_agent_id", record["id"])
    usage = [{"id": c["id"], "schema": c["schema"], "service": c["service"]} for c in used]
    destinations = [
        d
        for d in call.account.collection("destinations")
        if d.get("proxy_agent_id") == record["id"]
    ]
    counts = {"connector_count": len(used), "destination_count": len(destinations)}
    return record | {"usage": usage} | counts


def _proxy_secrets(call: ServedCall, record: StoredRecord) -> StoredRecord:
    return {
        "agent_id": record["id"],
        "auth_token": call.account.token(40),
        "client_cert": call.account.token(64),
        "client_private_key": call.account.token(64),
        "orchestrator_host": "orchestrator.example.com",
        "orchestrator_port": 443,
    }


def _regenerate(call: ServedCall) -> Result:
    return Result(_proxy_secrets(call, _proxy(call)), "The secrets have been regenerated")


def _list_connections(call: ServedCall) -> Result:
    used = _used_by(call.account, "proxy_agent_id", _proxy(call)["id"])
    return slice_page(call, [{"connection_id": c["id"]} for c in used])


def _unused(call: ServedCall, record: StoredRecord) -> None:
    if _used_by(call.account, "proxy_agent_id", record["id"]):
        message = f"Proxy agent '{record['id']}' still has connections"
        raise conflict(message)


def _proxy(call: ServedCall) -> StoredRecord:
    record = call.account.collection("proxy_agents").get(call.path[0])
    if record is None:
        raise PROXY.not_found(call.path[0])
    return record


PROXY = FamilyRules(
    name="proxy_agents",
    noun="proxy agent",
    fresh=_fresh_proxy,
    view=_view_proxy,
    before_create=_name_is_free,
    before_delete=_unused,
    transient=frozenset({"group_region"}),
    actions={"regenerate_secrets": _regenerate, "list_connections": _list_connections},
)

FAMILIES = (HYBRID, PROXY)
