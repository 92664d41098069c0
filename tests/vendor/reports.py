"""Sections 10.6 and 10.8: choices, and facts from bug trackers, users and other clients."""

from __future__ import annotations

import json
from typing import Literal, get_args, get_origin

import pytest

from fivetran_async import InvalidRequestError
from fivetran_async.models import Connection, ConnectionTask, ConnectorType, Webhook
from fivetran_async.resources._choices import RegionChoice
from fivetran_async.sync_logs import LogEntry
from fivetran_async.testing import Fault
from fivetran_async.testing._facts import Fields, ScalarType, facts
from fivetran_async.webhooks import EventName, parse_event
from vendor.rows import Account, row


@row("10.8", "details of tasks and warnings")
async def details(account: Account) -> None:
    """The details of a task are any JSON value, and no drift."""
    tasks: list[dict[str, object]] = [
        {"code": "reconnect", "message": "Reconnect", "details": {}},
        {"code": "other", "message": "Other", "details": "text"},
        {"code": "more", "message": "More", "details": [{"table": "orders"}]},
    ]
    account.fake.change("connections", account.connection_id, tasks=tasks)
    found = await account.fivetran.connections.get(account.connection_id)
    assert [task.details for task in found.status.tasks] == [{}, "text", [{"table": "orders"}]]
    assert all(task.extra == {} for task in found.status.tasks)
    again = [ConnectionTask.from_dict(task.to_dict()) for task in found.status.tasks]
    assert again == list(found.status.tasks)


@row("10.8", "other spellings in the sync history")
async def spellings(account: Account) -> None:
    """Id, times and reason of a sync are read under every spelling."""
    fake, connections = account.fake, account.fivetran.connections
    now = fake.clock.stamp()
    for start, end, reason in (
        ("start", "end", "reason"),
        ("started_at", "completed_at", "message"),
        ("start_time", "end_time", "reason"),
    ):
        entry = {"sync_id": "s1", "status": "FAILURE_WITH_TASK", start: now, end: now, reason: "no"}
        body = {"code": "Success", "data": {"items": [entry]}}
        fake.fail("connections.list_sync_history", fault=Fault.status(200, body=body))
        (found,) = await connections.list_sync_history(account.connection_id).collect()
        assert (found.sync_id, found.reason, found.extra) == ("s1", "no", {})
        assert found.start == found.end is not None


@row("10.8", "entries that vanish")
async def vanished(account: Account) -> None:
    """An entry that is missing proves nothing: the outcome is the one of the record."""
    fake = account.fake
    empty = Fault.status(200, body={"code": "Success", "data": {"items": []}})
    fake.fail("connections.list_sync_history", fault=empty, times=None)
    fake.fail("connections.list_errors", fault=empty, times=None)
    outcome = await account.fivetran.connections.sync_and_wait(account.connection_id)
    assert (outcome.status, outcome.sync_id) == ("succeeded", None)
    # Every window that was asked for is one that the API allows.
    asked = fake.requests_for("connections.list_sync_history")
    assert [request.status for request in asked] == [200]


@row("10.8", "PATCH of memberships")
async def memberships(account: Account) -> None:
    """Updates of memberships have a result with and without data in the response."""
    fake, fivetran = account.fake, account.fivetran
    team_id = fake.add("teams", name="Data", role="Account Analyst")
    user_id = fake.add("users", email="ada@example.com")
    kinds = (
        ("teams.connections", fivetran.teams.connections, team_id, account.connection_id),
        ("teams.groups", fivetran.teams.groups, team_id, account.group_id),
        ("teams.users", fivetran.teams.users, team_id, user_id),
        ("users.connections", fivetran.users.connections, user_id, account.connection_id),
    )
    for name, family, owner_id, member_id in kinds:
        await family.add(owner_id, member_id, role="Some Role")
        for data in (True, False):
            fake.fail(f"{name}.update", fault=Fault.success(data=data))
            updated = await family.update(owner_id, member_id, role="Other Role")
            assert (updated.role, updated.is_assumed) == ("Other Role", not data)
            assert (updated.created_at is None) is not data
        assert (await family.get(owner_id, member_id)).role == "Other Role"


@row("10.8", "approval of a certificate")
async def approval(account: Account) -> None:
    """An approval is a 200 or a 201, with or without data."""
    certificates = account.fivetran.connections.certificates
    for status in (200, 201):
        for data in (True, False):
            fault = Fault.success(status, data=data)
            account.fake.fail("connections.certificates.approve", fault=fault)
            made = await certificates.approve(
                account.connection_id, hash=f"h{status}{data}", encoded_cert="TUlJQw=="
            )
            answered = account.fake.requests_for("connections.certificates.approve")
            assert answered[-1].status == status
            assert made.hash == f"h{status}{data}"
            assert made.validated_date is not None


@row("10.8", "log deliveries")
async def log_deliveries(_: Account) -> None:
    """Rows have the connection under the old name, the new one, or both."""
    for names in (("connector_id",), ("connection_id",), ("connector_id", "connection_id")):
        entry = LogEntry.from_row(dict.fromkeys(names, "decent_dropsy"))
        assert entry.connection_id == "decent_dropsy"


@row("10.8", "deprecated events")
async def events(account: Account) -> None:
    """Webhooks take and keep any name of an event, and deprecated events are read."""
    names = ["transformation_run_start", "transformation_run_failed", "status", "brand_new_event"]
    assert names[:3] == [
        EventName.TRANSFORMATION_RUN_START,
        EventName.TRANSFORMATION_RUN_FAILED,
        EventName.STATUS,
    ]
    body = {"id": "w1", "type": "account", "events": names}
    assert Webhook.from_dict(body).events == tuple(names)
    account.fake.fail(
        "webhooks.create_account", fault=Fault.status(200, body={"code": "Success", "data": body})
    )
    made = await account.fivetran.webhooks.create_account(url="https://x.example", events=names)
    assert made.events == tuple(names)
    for name in names:
        event = parse_event(json.dumps({"event": name, "data": {"status": "FAILED"}}).encode())
        assert event.event == name
    failed = parse_event(b'{"event": "transformation_run_failed"}')
    assert (failed.failed, failed.succeeded) == (True, False)


@row("10.8", "statuses that begin with SUCCESS or FAIL")
async def statuses(_: Account) -> None:
    """The result of a sync is read from the beginning of its status."""
    for status, succeeded, failed in (
        ("SUCCESSFUL", True, False),
        ("SUCCESS_WITH_TASK", True, False),
        ("FAILURE_WITH_TASK", False, True),
        ("FAILED", False, True),
        ("TRUNCATED", False, False),
        ("RESCHEDULED", False, False),
    ):
        body = {"event": "sync_end", "connection_id": "c", "data": {"status": status}}
        event = parse_event(json.dumps(body).encode())
        assert (event.succeeded, event.failed) == (succeeded, failed), status


@row("10.8", "partial masks")
async def partial_masks(account: Account) -> None:
    """A partial mask is kept as the API sent it, and no drift."""
    config = {"role_arn": "arn:********", "password": "******"}
    data = {"id": account.connection_id, "config": config}
    fault = Fault.status(200, body={"code": "Success", "data": data})
    account.fake.fail("connections.get", fault=fault)
    found = await account.fivetran.connections.get(account.connection_id)
    assert (found.config, found.extra) == (config, {})


@row("10.8", "/v1/connectors")
async def former_paths(account: Account) -> None:
    """The former paths are served, and `request` reaches them."""
    path = f"/v1/connectors/{account.connection_id}"
    found = await account.fivetran.request("GET", path, result=Connection, accept_version=2)
    assert found == await account.fivetran.connections.get(account.connection_id)


@row("10.8", "connection_ids of packages")
async def packages(account: Account) -> None:
    """A package lists all connections that use it, in details and in the list."""
    family, fake = account.fivetran.connector_sdk_packages, account.fake
    made = await family.create(file=b"PK\x03\x04")
    assert made.connection_ids == ()
    config = {"package_id": made.id}
    used = [
        fake.add_connection(service="connector_sdk", schema=name, config=config) for name in "ab"
    ]
    found = await family.get(made.id)
    assert (found.connection_id, found.connection_ids) == (used[0], tuple(used))
    assert await family.list().collect() == [found]


@row("10.8", "supports_schema_reload")
async def reload(account: Account) -> None:
    """A connection type reports whether its schema can be reloaded."""
    types = account.fivetran.connector_types
    assert (await types.get("postgres")).supports_schema_reload is True
    listed = {each.id: each async for each in types.list()}
    assert listed["google_sheets"].supports_schema_reload is False
    assert ConnectorType.from_dict({"id": "s3"}).supports_schema_reload is None


@row("10.8", "POST connections/{id}/test without a body")
async def test_without_body(account: Account) -> None:
    """The server refuses tests without a body, as other clients send them."""
    with pytest.raises(InvalidRequestError, match="body is required"):
        await account.fivetran.request("POST", f"/v1/connections/{account.connection_id}/test")


@row("10.8", "projects of type DBT_GIT")
async def git_projects(account: Account) -> None:
    """The type that Terraform knows is sent and read."""
    made = await account.fivetran.transformation_projects.create(
        group_id=account.group_id,
        type="DBT_GIT",
        project_config={
            "dbt_version": "1.8.0",
            "default_schema": "s",
            "git_remote_url": "git@example.com:a/b.git",
        },
    )
    assert made.type == "DBT_GIT"


@row("10.8", "connector_sdk_package_id")
async def removed_field(account: Account) -> None:
    """A field that left the details is kept in `extra` where an account still has it."""
    data = {"id": account.connection_id, "connector_sdk_package_id": "p1"}
    fault = Fault.status(200, body={"code": "Success", "data": data})
    account.fake.fail("connections.get", fault=fault)
    found = await account.fivetran.connections.get(account.connection_id)
    assert found.extra == {"connector_sdk_package_id": "p1"}


@row("10.6", "regions")
async def regions(account: Account) -> None:
    """Destinations, private links and proxy agents share one list of 43 regions."""
    (choices,) = [each for each in get_args(RegionChoice) if get_origin(each) is Literal]
    assert len(get_args(choices)) == 43
    shapes, operations = facts().shapes, facts().operations
    links, proxies = operations["private_links.create"].body, operations["proxy_agents.create"].body
    assert isinstance(links, Fields)
    assert isinstance(proxies, Fields)
    for kind in (
        shapes["Destination"].types["region"],
        shapes["PrivateLink"].types["region"],
        shapes["ProxyAgent"].types["region"],
        links.types["region"],
        proxies.types["group_region"],
    ):
        assert isinstance(kind, ScalarType)
        assert sorted(kind.choices) == sorted(get_args(choices))
    made = await account.fivetran.destinations.create(
        group_id=account.group_id,
        service="postgres_wh",
        region="AZURE_SWITZERLANDNORTH",
        time_zone_offset="0",
        run_setup_tests=False,
    )
    assert (made.region, made.service) == ("AZURE_SWITZERLANDNORTH", "postgres_wh")


@row("10.6", "services")
async def services(account: Account) -> None:
    """New services are created, and a service that is gone is refused."""
    for service in ("kyriba", "pennylane", "sap_odata", "tiktok_shop_partner_center"):
        made = await account.fivetran.connections.create(
            group_id=account.group_id, service=service, run_setup_tests=False
        )
        assert made.service == service
    with pytest.raises(InvalidRequestError, match="delighted"):
        await account.fivetran.connections.create(group_id=account.group_id, service="delighted")
