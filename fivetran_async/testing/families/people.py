"""Users, teams, roles, and memberships in teams, groups and connections."""

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
    storage_key,
)
from fivetran_async.testing.families.api_keys import list_keys

_REGULAR, _SERVICE = "REGULAR_USER", "SERVICE_ACCOUNT"
OWNER_ROLE = "Account Administrator"

_ROLES = (
    (OWNER_ROLE, "Manages everything in the account", ("ACCOUNT",)),
    ("Account Analyst", "Works with all destinations and connections", ("ACCOUNT",)),
    ("Account Reviewer", "Sees everything in the account", ("ACCOUNT",)),
    ("Account Billing", "Sees the usage and the bills", ("ACCOUNT",)),
    ("Destination Administrator", "Manages one destination", ("DESTINATION",)),
    ("Destination Analyst", "Works with the connections of one destination", ("DESTINATION",)),
    ("Destination Reviewer", "Sees one destination", ("DESTINATION",)),
    ("Destination Creator", "Makes destinations", ("ACCOUNT",)),
    ("Connector Creator", "Makes connections in one destination", ("DESTINATION",)),
    ("Connector Administrator", "Manages one connection", ("CONNECTOR",)),
    ("Connector Collaborator", "Works with one connection", ("CONNECTOR",)),
    ("Connector Reviewer", "Sees one connection", ("CONNECTOR",)),
    ("Team Manager", "Manages the members of a team", ("TEAM",)),
    ("Team Member", "Belongs to a team", ("TEAM",)),
)
_NAMES = frozenset(name for name, _, _ in _ROLES)


def known_roles(account: FakeAccount) -> frozenset[str]:
    """Return the names of the vendor's roles and of the account's own."""
    return _NAMES.union(role["name"] for role in account.collection("roles"))


def _list_roles(call: ServedCall) -> Result:
    defaults: StoredRecord = {
        "description": None,
        "scope": ["ACCOUNT"],
        "is_custom": True,
        "is_deprecated": False,
        "replacement_role_name": None,
    }
    fixed = [
        {"name": name, "description": text, "scope": list(scope), "is_custom": False}
        for name, text, scope in _ROLES
    ]
    return slice_page(
        call, [defaults | role for role in (*fixed, *call.account.collection("roles"))]
    )


def view_user(_: ServedCall, record: StoredRecord) -> StoredRecord:
    """Return a user like the API; unset fields are null."""
    return {
        "phone": None,
        "picture": None,
        "logged_in_at": None,
        "role": None,
        "user_type": _REGULAR,
        "has_api_key": False,
    } | record


def _fresh_user(call: ServedCall) -> StoredRecord:
    service = call.body.get("user_type") == _SERVICE
    # A service account exists at once; no invitation is sent.
    return {
        "active": service,
        "verified": service,
        "invited": not service,
        "user_type": _REGULAR,
        "has_api_key": False,
        "created_at": call.account.clock.stamp(),
    }


def _invite(call: ServedCall, record: StoredRecord) -> None:
    email = record.get("email")
    if email is None and record["user_type"] == _SERVICE:
        return
    if email is None or "@" not in email:
        message = "email is required" if email is None else f"'{email}' is not an e-mail address"
        raise invalid(message)
    if any(user.get("email") == email for user in call.account.collection("users")):
        raise Refusal(409, "UserExists", f"User with email '{email}' already exists")


def _not_own_role(call: ServedCall, record: StoredRecord) -> None:
    changed = call.body.get("role", record.get("role")) != record.get("role")
    if record["id"] == call.account.owner_id and changed:
        message = "You cannot change your own role"
        raise invalid(message)


def _not_last_owner(call: ServedCall, record: StoredRecord) -> None:
    users = call.account.collection("users")
    owners = [user for user in users if user.get("role") == OWNER_ROLE]
    if owners == [record]:
        message = "The last account administrator cannot be deleted"
        raise invalid(message)
    _leave(call, "user_id", ("users.groups", "users.connections"), record)
    for membership in call.account.collection("teams.users").where("user_id", record["id"]):
        key = storage_key((membership["team_id"],), record["id"])
        call.account.collection("teams.users").remove(key)
    keys = call.account.collection("users.api_keys")
    if record["id"] in keys:
        keys.remove(record["id"])


def _disband(call: ServedCall, record: StoredRecord) -> None:
    _leave(call, "team_id", ("teams.groups", "teams.connections", "teams.users"), record)


def _leave(call: ServedCall, field: str, families: tuple[str, ...], record: StoredRecord) -> None:
    for name in families:
        rows = call.account.collection(name)
        member = "user_id" if name == "teams.users" else "id"
        for membership in rows.where(field, record["id"]):
            rows.remove(storage_key((record["id"],), membership[member]))


def _remove_role(name: str, missing: str) -> FamilyRules:
    def remove(call: ServedCall) -> Result:
        rows = call.account.collection(name)
        if call.path[0] not in rows:
            raise Refusal(404, missing, f"Cannot find {name[:-1]} with id '{call.path[0]}'")
        if call.path[0] == call.account.owner_id:
            message = "You cannot change your own role"
            raise invalid(message)
        rows.change(call.path[0], role=None)
        return Result(message="The account role has been removed")

    noun = name[:-1]
    if name == "users":
        return FamilyRules(
            name=name,
            noun=noun,
            missing=missing,
            fresh=_fresh_user,
            view=view_user,
            before_create=_invite,
            before_update=_not_own_role,
            before_delete=_not_last_owner,
            actions={"remove_account_role": remove, "list_api_keys": list_keys},
        )
    return FamilyRules(
        name=name,
        noun=noun,
        missing=missing,
        before_delete=_disband,
        actions={"remove_account_role": remove},
    )


def _fresh_membership(call: ServedCall) -> StoredRecord:
    return {"created_at": call.account.clock.stamp()}


def _memberships(owner: str, members: str, key: str = "id") -> FamilyRules:
    field = "user_id" if owner == "users" else "team_id"
    return FamilyRules(
        name=f"{owner}.{members}",
        noun="membership",
        missing="NotFound",
        key=key,
        scope=((field, owner),),
        references={key: members},
        fresh=_fresh_default_role if key == "user_id" else _fresh_membership,
    )


def _fresh_default_role(call: ServedCall) -> StoredRecord:
    return _fresh_membership(call) | {"role": "Team Member"}


FAMILIES = (
    FamilyRules(name="roles", noun="role", key="name", actions={"list": _list_roles}),
    _remove_role("users", "NotFound_User"),
    _remove_role("teams", "NotFound_Team"),
    _memberships("users", "groups"),
    _memberships("users", "connections"),
    _memberships("teams", "groups"),
    _memberships("teams", "connections"),
    _memberships("teams", "users", "user_id"),
)
