"""Section 10.5: changed fields of users, memberships and hubs."""

from __future__ import annotations

import pytest

from fivetran_async import InvalidArgumentError, InvalidRequestError
from fivetran_async.testing import Fault
from vendor.rows import Account, row


@row("10.5", "user_type and has_api_key")
async def kinds_of_users(account: Account) -> None:
    """Every response with a user has its kind and whether it has a key."""
    users, fake = account.fivetran.users, account.fake
    made = await users.create(email="ada@example.com", given_name="Ada", family_name="L")
    await account.fivetran.groups.users.add(
        account.group_id, email="ada@example.com", role="Destination Analyst"
    )
    shown = [
        made,
        await users.get(made.id),
        await users.update(made.id, phone="+1"),
        *[user for user in await users.list().collect() if user.id == made.id],
        *await account.fivetran.groups.users.list(account.group_id).collect(),
    ]
    assert [(user.user_type, user.has_api_key) for user in shown] == [("REGULAR_USER", False)] * 5
    robot = account.service_account()
    await users.api_keys.create(robot)
    found = await users.get(robot)
    assert (found.user_type, found.has_api_key, found.email) == ("SERVICE_ACCOUNT", True, None)
    assert fake.requests[-1].operation == "users.get"


@row("10.5", "filters of GET users")
async def filters(account: Account) -> None:
    """Users are filtered by kind and by key, both sent as text."""
    users, robot = account.fivetran.users, account.service_account()
    assert [user.id for user in await users.list(user_type="SERVICE_ACCOUNT").collect()] == [robot]
    assert await users.list(has_api_key=True).collect() == []
    assert account.fake.requests[-1].query == (("has_api_key", "true"), ("limit", "1000"))
    await users.api_keys.create(robot)
    assert [user.id for user in await users.list(has_api_key=True).collect()] == [robot]
    both = await users.list(user_type="REGULAR_USER", has_api_key=False).collect()
    assert [user.user_type for user in both] == ["REGULAR_USER"]


@row("10.5", "POST users")
async def new_users(account: Account) -> None:
    """A service account needs no address and exists at once; a regular user is invited."""
    users, fake = account.fivetran.users, account.fake
    robot = await users.create(given_name="Robo", family_name="T", user_type="SERVICE_ACCOUNT")
    assert fake.requests[-1].body == {
        "given_name": "Robo",
        "family_name": "T",
        "user_type": "SERVICE_ACCOUNT",
    }
    assert (robot.active, robot.invited, robot.email) == (True, False, None)
    with pytest.raises(InvalidArgumentError, match="email is required"):
        await users.create(given_name="Ada", family_name="L")
    with pytest.raises(InvalidArgumentError, match="email is required"):
        await users.create(given_name="Ada", family_name="L", user_type="REGULAR_USER")
    body = {"given_name": "Ada", "family_name": "L"}
    with pytest.raises(InvalidRequestError, match="email is required"):
        await account.fivetran.request("POST", "/v1/users", body=body)


@row("10.5", "POST users/{id}/connections")
async def new_membership(account: Account) -> None:
    """The id and the role are required, and both are always sent."""
    user_id = account.fake.add("users", email="ada@example.com")
    connections = account.fivetran.users.connections
    await connections.add(user_id, account.connection_id, role="Connector Reviewer")
    assert account.fake.requests[-1].body == {
        "id": account.connection_id,
        "role": "Connector Reviewer",
    }
    path = f"/v1/users/{user_id}/connections"
    with pytest.raises(InvalidRequestError, match="role is required"):
        await account.fivetran.request("POST", path, body={"id": account.connection_id})


@row("10.5", "PATCH users/{id}/groups/{id}")
async def changed_membership(account: Account) -> None:
    """The role is required."""
    user_id = account.fake.add("users", email="ada@example.com")
    groups = account.fivetran.users.groups
    await groups.add(user_id, account.group_id, role="Destination Reviewer")
    await groups.update(user_id, account.group_id, role="Destination Analyst")
    assert (await groups.get(user_id, account.group_id)).role == "Destination Analyst"
    with pytest.raises(InvalidRequestError, match="role is required"):
        await account.fivetran.request(
            "PATCH", f"/v1/users/{user_id}/groups/{account.group_id}", body={}
        )


@row("10.5", "POST hvr/register-hub")
async def hub(account: Account) -> None:
    """The fingerprint and `hub_server_url` are required."""
    await account.fivetran.hvr.register_hub(
        hub_server_url="hub.example.com", port=4343, fingerprint="ab:cd"
    )
    assert account.fake.requests[-1].body == {
        "hub_server_url": "hub.example.com",
        "port": 4343,
        "fingerprint": "ab:cd",
    }
    for missing in ("hub_server_url", "fingerprint"):
        body = {"hub_server_url": "hub.example.com", "port": 4343, "fingerprint": "ab:cd"}
        del body[missing]
        with pytest.raises(InvalidRequestError, match=f"{missing} is required"):
            await account.fivetran.request("POST", "/v1/hvr/register-hub", body=body)


@row("10.5", "DELETE users/{id}/connections/{id}")
async def removed_membership(account: Account) -> None:
    """A delete succeeds with data in its response as well as without."""
    user_id = account.fake.add("users", email="ada@example.com")
    connections = account.fivetran.users.connections
    for data in ({"id": account.connection_id, "role": "r"}, None):
        await connections.add(user_id, account.connection_id, role="Connector Reviewer")
        if data is not None:
            body = {"code": "Success", "message": "Removed", "data": data}
            fault = Fault.status(200, body=body, applied=True)
            account.fake.fail("users.connections.remove", fault=fault)
        removed = await connections.remove(user_id, account.connection_id)
        assert (removed.code, removed.already_gone) == ("Success", False)
    assert await connections.list(user_id).collect() == []
