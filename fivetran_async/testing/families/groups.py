"""Groups and their users; the latter are the group memberships of the users."""

from __future__ import annotations

import base64
import hashlib

from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import (
    FamilyRules,
    Refusal,
    Result,
    ServedCall,
    invalid,
    list_page,
    slice_page,
    storage_key,
)
from fivetran_async.testing.families import connections, people


def _fresh(call: ServedCall) -> StoredRecord:
    return {"created_at": call.account.clock.stamp()}


def _named(_: ServedCall, record: StoredRecord) -> None:
    if not record["name"].strip():
        message = "Group name must not be empty"
        raise invalid(message)


def _cascade(call: ServedCall, group: StoredRecord) -> None:
    """Delete everything in a group along with it."""
    account, group_id = call.account, group["id"]
    for connection in account.collection("connections").where("group_id", group_id):
        connections.forget(account, connection["id"])
    for name in ("destinations", "log_services"):
        if group_id in account.collection(name):
            account.collection(name).remove(group_id)
    for name in (
        "webhooks",
        "hybrid_deployment_agents",
        "transformations",
        "transformation_projects",
    ):
        rows = account.collection(name)
        for record in [record for record in rows if record.get("group_id") == group_id]:
            rows.remove(record["id"])
    for owner, field in (("users.groups", "user_id"), ("teams.groups", "team_id")):
        for membership in account.collection(owner).where("id", group_id):
            account.collection(owner).remove(storage_key((membership[field],), group_id))


def _list_connections(call: ServedCall) -> Result:
    groups = call.account.collection("groups")
    if call.item not in groups:
        raise GROUPS.not_found(call.item)
    wanted = {"group_id": call.item}
    if "schema" in call.query:
        wanted["schema"] = call.query["schema"]
    return list_page(call, connections.CONNECTIONS, wanted)


def _public_key(call: ServedCall) -> Result:
    group = _group(call)
    digest = hashlib.sha256(group["id"].encode()).digest()
    return Result(
        {"public_key": f"ssh-rsa {base64.b64encode(digest * 6).decode()} fivetran user key"}
    )


def _service_account(call: ServedCall) -> Result:
    name = _group(call)["id"].replace("_", "-")
    return Result({"service_account": f"g-{name}@fivetran-production.iam.gserviceaccount.com"})


def _group(call: ServedCall) -> StoredRecord:
    group = call.account.collection("groups").get(call.path[0])
    if group is None:
        raise GROUPS.not_found(call.path[0])
    return group


def _list_users(call: ServedCall) -> Result:
    _group(call)
    users = call.account.collection("users")
    shown = [
        people.view_user(call, users_row | {"role": membership["role"]})
        for membership in call.account.collection("users.groups").where("id", call.path[0])
        if (users_row := users.get(membership["user_id"])) is not None
    ]
    if "active" in call.query:
        shown = [user for user in shown if user["active"] == (call.query["active"] == "true")]
    return slice_page(call, shown)


def _add_user(call: ServedCall) -> Result:
    group = _group(call)
    user = next(
        (u for u in call.account.collection("users") if u.get("email") == call.body["email"]), None
    )
    if user is None:
        raise Refusal(404, "NotFound_User", f"Cannot find user with email '{call.body['email']}'")
    membership = {
        "id": group["id"],
        "user_id": user["id"],
        "role": call.body["role"],
        "created_at": call.account.clock.stamp(),
    }
    call.account.collection("users.groups").put(storage_key((user["id"],), group["id"]), membership)
    return Result(message="User has been added to the group")


def _remove_user(call: ServedCall) -> Result:
    group = _group(call)
    memberships = call.account.collection("users.groups")
    key = storage_key((call.item,), group["id"])
    if key not in memberships:
        raise Refusal(
            404, "NotFound", f"User with id '{call.item}' is not in group '{group['id']}'"
        )
    memberships.remove(key)
    return Result(message=f"User with id '{call.item}' has been removed from the group")


GROUPS = FamilyRules(
    name="groups",
    noun="group",
    missing="NotFound_Group",
    fresh=_fresh,
    before_create=_named,
    before_delete=_cascade,
    actions={
        "list_connections": _list_connections,
        "get_public_key": _public_key,
        "get_service_account": _service_account,
    },
)

FAMILIES = (
    GROUPS,
    FamilyRules(
        name="groups.users",
        noun="user",
        missing="NotFound_User",
        actions={"list": _list_users, "add": _add_user, "remove": _remove_user},
    ),
)
