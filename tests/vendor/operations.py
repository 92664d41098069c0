"""Sections 10.1 and 10.2: new operations, in the definition and only in pages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fivetran_async import (
    InvalidArgumentError,
    InvalidRequestError,
    NotFoundError,
    OperationUnavailableError,
)
from fivetran_async.models import ConnectorSdkPackage
from fivetran_async.testing import Fault
from vendor.rows import Account, row

NO_SUCH_OPERATION = Fault.status(404, body={"code": "NotFound", "message": "HTTP 404 Not Found"})


@row("10.1", "POST connections/{id}/move")
async def move(account: Account) -> None:
    """A move returns both groups, the behavior and the time, or the id of a job."""
    connections, fake = account.fivetran.connections, account.fake
    new = fake.add_group(name="new")
    fake.change("connections", account.connection_id, paused=True)
    moved = await connections.move(account.connection_id, destination_group_id=new, force_move=True)
    assert fake.requests[-1].body == {
        "destination_group_id": new,
        "sync_behavior": "CONTINUE",
        "force_move": True,
    }
    assert (moved.source_group_id, moved.destination_group_id) == (account.group_id, new)
    assert (moved.moved_at is None, moved.job_id) == (False, None)


@row("10.1", "GET connections/{id}/move/{job}")
async def move_job(account: Account) -> None:
    """A move with its data is a job with a status and times."""
    connections, fake = account.fivetran.connections, account.fake
    new = fake.add_group(name="new")
    fake.change("connections", account.connection_id, paused=True)
    moved = await connections.move(
        account.connection_id, destination_group_id=new, sync_behavior="CONTINUE_WITH_DATA"
    )
    job = await connections.get_move(account.connection_id, str(moved.job_id))
    assert (job.id, job.status, job.completed_at) == (moved.job_id, "PENDING", None)


@row("10.1", "GET connections/{id}/sync-history")
async def sync_history(account: Account) -> None:
    """Entries have start, end, status and stages; the window is 7 days long at most."""
    connections, fake = account.fivetran.connections, account.fake
    assert await connections.list_sync_history(account.connection_id).collect() == []
    fake.start_sync(account.connection_id)
    (running,) = await connections.list_sync_history(account.connection_id).collect()
    assert (running.start is None, running.end) == (False, None)
    fake.advance(120)
    (ended,) = await connections.list_sync_history(account.connection_id).collect()
    assert (ended.status, ended.reason) == ("COMPLETED", None)
    assert ended.end is not None
    assert ended.stages.load.volume
    too_long = connections.list_sync_history(
        account.connection_id, start_time=ended.end - timedelta(days=8), end_time=ended.end
    )
    with pytest.raises(InvalidRequestError):
        await too_long.collect()


@row("10.1", "GET connections/{id}/warnings")
async def warnings(account: Account) -> None:
    """Warnings are grouped by table, and have a code and a message."""
    table = {"code": "resync_table_warning", "schema": "shop", "table": "orders"}
    account.fake.change("connections", account.connection_id, table_warnings=[table])
    (found,) = await account.fivetran.connections.list_warnings(account.connection_id).collect()
    assert (found.schema, found.table) == ("shop", "orders")
    assert found.warnings[0].code == "resync_table_warning"


@row("10.1", "DELETE connections/{id}/warnings/{type}")
async def dismiss_warning(account: Account) -> None:
    """One type of warnings is dismissed; an unknown type is not found."""
    connections = account.fivetran.connections
    table = {"code": "resync_table_warning", "schema": "shop", "table": "orders"}
    account.fake.change("connections", account.connection_id, table_warnings=[table])
    await connections.dismiss_warning(account.connection_id, "resync_table_warning")
    assert await connections.list_warnings(account.connection_id).collect() == []
    with pytest.raises(NotFoundError):
        await connections.dismiss_warning(account.connection_id, "resync_table_warning")


@row("10.1", "GET users/api-keys")
async def list_api_keys(account: Account) -> None:
    """The keys of the account are listed without secrets, by kind of user."""
    users, user_id = account.fivetran.users, account.service_account()
    await users.api_keys.create(user_id)
    (key,) = await users.list_api_keys(user_type="SERVICE_ACCOUNT").collect()
    assert (key.user_id, key.user_type, key.key_status) == (user_id, "SERVICE_ACCOUNT", "ACTIVE")
    assert await users.list_api_keys(user_type="REGULAR_USER").collect() == []


@row("10.1", "GET users/{id}/api-keys")
async def get_api_key(account: Account) -> None:
    """A user has one key; without one it is not found."""
    keys, user_id = account.fivetran.users.api_keys, account.service_account()
    with pytest.raises(NotFoundError):
        await keys.get(user_id)
    made = await keys.create(user_id)
    assert (await keys.get(user_id)).key_value == made.key_value


@row("10.1", "POST users/{id}/api-keys")
async def create_api_key(account: Account) -> None:
    """The response to a create is a 201 with the only copy of the secret."""
    user_id = account.service_account()
    made = await account.fivetran.users.api_keys.create(user_id, expiration_period_days=365)
    assert account.fake.requests[-1].status == 201
    assert made.key_secret
    assert made.key_secret not in repr(made)


@row("10.1", "DELETE users/{id}/api-keys")
async def delete_api_keys(account: Account) -> None:
    """All keys of a user are deleted, without data in the response."""
    keys, user_id = account.fivetran.users.api_keys, account.service_account()
    await keys.create(user_id)
    assert (await keys.delete(user_id, confirm=True)).code == "Success"
    with pytest.raises(NotFoundError):
        await keys.get(user_id)


@row("10.1", "POST users/{id}/api-keys/rotate")
async def rotate_api_key(account: Account) -> None:
    """A rotation returns another secret and no time of creation; both secrets can overlap."""
    keys, user_id = account.fivetran.users.api_keys, account.service_account()
    made = await keys.create(user_id)
    rotated = await keys.rotate(user_id, overlap_days=30, expiration_period_days=60)
    assert rotated.key_secret not in {"", made.key_secret}
    assert (rotated.created_at, rotated.key_status) == (None, "ACTIVE_GRACE")
    assert rotated.overlap_expires_at is not None


@row("10.1", "a word of a path as an id")
async def overlapping_paths(account: Account) -> None:
    """No user has the id `api-keys`, so the word is refused before a request is sent."""
    with pytest.raises(InvalidArgumentError, match="api-keys"):
        await account.fivetran.users.get("api-keys")
    assert account.fake.requests == []


@row("10.1", "not on every account")
async def preview(account: Account) -> None:
    """A general 404 is about the operation, one of the user is about the user."""
    keys = account.fivetran.users.api_keys
    account.fake.fail("users.api_keys.get", fault=NO_SUCH_OPERATION)
    with pytest.raises(OperationUnavailableError):
        await keys.get(account.service_account())
    with pytest.raises(NotFoundError) as caught:
        await keys.get("no_such_user")
    assert not isinstance(caught.value, OperationUnavailableError)


@row("10.2", "GET connections/{id}/errors")
async def errors(account: Account) -> None:
    """A healthy connection has no errors; a broken one has a type and a message."""
    connections, fake = account.fivetran.connections, account.fake
    assert await connections.list_errors(account.connection_id).collect() == []
    fake.plan_sync(account.connection_id, "broken")
    fake.start_sync(account.connection_id)
    fake.advance(120)
    (error,) = await connections.list_errors(account.connection_id).collect()
    assert (error.type, error.created_at is None) == ("reconnect", False)
    odd = {"code": "odd", "message": "Odd", "details": {"free": "form"}}
    fake.change("connections", account.connection_id, tasks=[odd])
    (error,) = await connections.list_errors(account.connection_id).collect()
    assert (error.type, error.message) == ("odd", "Odd")


@row("10.2", "POST connections/{id}/dismiss-warnings")
async def dismiss_warnings(account: Account) -> None:
    """Codes are dismissed together; an unknown one refuses all of them."""
    connections, fake = account.fivetran.connections, account.fake
    table = {"code": "resync_table_warning", "schema": "shop", "table": "orders"}
    fake.change("connections", account.connection_id, table_warnings=[table])
    with pytest.raises(InvalidRequestError):
        await connections.dismiss_warnings(
            account.connection_id, warning_types=["resync_table_warning", "odd"]
        )
    await connections.dismiss_warnings(account.connection_id)
    assert await connections.list_warnings(account.connection_id).collect() == []


@row("10.2", "GET connector-sdk/migration/connections")
async def migration(account: Account) -> None:
    """The temporary operation is reached by `paginate`."""
    items = [{"id": "p1", "package_shared": True}]
    fault = Fault.status(200, body={"code": "Success", "data": {"items": items}})
    account.fake.fail(path="/v1/connector-sdk/migration/connections", fault=fault)
    found = await account.fivetran.paginate(
        "/v1/connector-sdk/migration/connections", item=ConnectorSdkPackage
    ).collect()
    assert found[0].extra == {"package_shared": True}


@row("10.2", "/v2/connectors/{id}")
async def second_version(account: Account) -> None:
    """Paths below `/v2` are reached by `request` and `paginate`."""
    body = {"code": "Success", "data": {"items": [{"id": "c"}]}}
    account.fake.fail(path="/v2/*", fault=Fault.status(200, body=body), times=2)
    await account.fivetran.request("POST", "/v2/connectors/c/sync", body={})
    pager = account.fivetran.paginate("/v2/connectors", item=ConnectorSdkPackage)
    assert [each.id for each in await pager.collect()] == ["c"]
    assert [request.path for request in account.fake.requests] == [
        "/v2/connectors/c/sync",
        "/v2/connectors",
    ]
