"""Section 10.7: what the author of a definition saw on the live API."""

from __future__ import annotations

import pytest

from fivetran_async import AuthenticationError, NotFoundError, RateLimitedError
from fivetran_async.models import Connection
from fivetran_async.testing import Fault
from vendor.rows import Account, row

THROTTLED = Fault.status(
    429,
    headers={"Retry-After": "1800", "X-Rate-Limit": "500", "X-Rate-Limit-Remaining": "0"},
    body={
        "code": "TooManyRequests",
        "message": "Max 500 api calls allowed in one-hour rolling time period",
    },
)


@row("10.7", "codes of 401 and 404")
async def codes(account: Account) -> None:
    """Wrong credentials are `AuthFailed`; groups and unknown paths have different codes."""
    fake, fivetran = account.fake, account.fivetran
    fake.fail("account.get_info", fault=coded(401, "AuthFailed", "Authentication failed"))
    with pytest.raises(AuthenticationError, match="Authentication failed") as refused:
        await fivetran.account.get_info()
    assert refused.value.code == "AuthFailed"
    with pytest.raises(NotFoundError) as group:
        await fivetran.groups.get("no_such_group")
    assert group.value.code == "NotFound_Group"
    fake.fail(path="/v1/no-such-thing", fault=coded(404, "NotFound", "HTTP 404 Not Found"))
    with pytest.raises(NotFoundError, match="HTTP 404 Not Found") as path:
        await fivetran.request("GET", "/v1/no-such-thing")
    assert path.value.code == "NotFound"


def coded(status: int, code: str, message: str) -> Fault:
    """Respond with an error and the vendor's code."""
    return Fault.status(status, body={"code": code, "message": message})


@row("10.7", "429 with the budget")
async def throttled(account: Account) -> None:
    """The error has the message of the budget, the wait in seconds and both figures."""
    account.fake.fail("groups.get", fault=THROTTLED)
    view = account.fivetran.with_options(retry=None)
    with pytest.raises(RateLimitedError, match="Max 500 api calls") as caught:
        await view.groups.get(account.group_id)
    error = caught.value
    assert (error.retry_after, error.limit, error.remaining) == (1800, 500, 0)


@row("10.7", "Accept")
async def accept(account: Account) -> None:
    """Version 2 is requested, and a response in another rendering is read too."""
    account.fake.change("connections", account.connection_id, config={"host": "db.example"})
    found = await account.fivetran.connections.get(account.connection_id)
    assert account.fake.requests[-1].headers["Accept"] == "application/json;version=2"
    path = f"/v1/connections/{account.connection_id}"
    plain = await account.fivetran.request("GET", path, result=Connection)
    assert account.fake.requests[-1].headers["Accept"] == "application/json"
    assert plain == found


@row("10.7", "texts for numbers and flags")
async def texts(account: Account) -> None:
    """Texts for numbers and flags are sent unchanged by `request`, and read without drift."""
    path = f"/v1/connections/{account.connection_id}"
    body = {"sync_frequency": "1440", "paused": "true", "run_setup_tests": "false"}
    shown = {"id": account.connection_id, "sync_frequency": "1440", "paused": "true"}
    fault = Fault.status(200, body={"code": "Success", "data": shown})
    account.fake.fail("connections.update", fault=fault)
    changed = await account.fivetran.request("PATCH", path, body=body, result=Connection)
    assert account.fake.requests[-1].body == body
    assert (changed.sync_frequency, changed.paused, changed.extra) == (1440, True, {})


@row("10.7", "pages and odd lists")
async def pages(account: Account) -> None:
    """A last page has no cursor, the public catalog is an array, a proxy has an envelope."""
    page = await account.fivetran.groups.list(limit=1000).page()
    assert page.next_cursor is None
    array = [{"id": "s3", "name": "Amazon S3"}]
    account.fake.fail(
        "connector_types.list_public",
        fault=Fault.status(200, body={"code": "Success", "data": array}),
    )
    (kind,) = await account.fivetran.connector_types.list_public()
    assert kind.id == "s3"
    proxy = await account.fivetran.proxy_agents.create(display_name="p")
    raw = await account.fivetran.request_raw("GET", f"/v1/proxy/{proxy.agent_id}")
    assert isinstance(raw.data, dict)
    found = await account.fivetran.proxy_agents.get(proxy.agent_id)
    assert (found.id, found.display_name) == (proxy.agent_id, "p")


@row("10.7", "writes with data")
async def writes(account: Account) -> None:
    """The responses to changes of memberships have data."""
    team_id = account.fake.add("teams", name="Data", role="Account Analyst")
    groups = account.fivetran.teams.groups
    await groups.add(team_id, account.group_id, role="Destination Reviewer")
    updated = await groups.update(team_id, account.group_id, role="Destination Analyst")
    assert (updated.role, updated.is_assumed) == ("Destination Analyst", False)
    assert updated.created_at is not None


@row("10.7", "destinations and their connection")
async def destinations(account: Account) -> None:
    """A group without a destination takes connections; the one of Fivetran itself is read."""
    fivetran = account.fivetran
    group = await fivetran.groups.create(name="new")
    made = await fivetran.connections.create(
        group_id=group.id, service="s3", config={"schema": "files"}, run_setup_tests=False
    )
    assert made.group_id == group.id
    await fivetran.destinations.create(
        group_id=group.id,
        service="snowflake",
        region="GCP_US_EAST4",
        time_zone_offset="0",
        config={"host": "placeholder"},
        run_setup_tests=False,
    )
    shown = {
        "id": "own",
        "service": "fivetran_log",
        "schema": "fivetran_metadata",
        "connected_by": "_fivetran_system",
        "paused": True,
    }
    body = {"code": "Success", "data": {"items": [shown]}}
    account.fake.fail("connections.list", fault=Fault.status(200, body=body))
    own = await fivetran.connections.find(group_id=group.id, schema="fivetran_metadata")
    assert own == Connection.from_dict(shown)
    assert own is not None
    assert own.is_paused


@row("10.7", "roles that are taken away, and what does not exist yet")
async def absent(account: Account) -> None:
    """A team without a role has None; the account's log service and schemas are not found."""
    fivetran = account.fivetran
    team_id = account.fake.add("teams", name="Data", role="Account Analyst")
    await fivetran.teams.remove_account_role(team_id)
    assert (await fivetran.teams.get(team_id)).role is None
    with pytest.raises(NotFoundError):
        await fivetran.log_services.account.get()
    with pytest.raises(NotFoundError):
        await fivetran.connections.schemas.get(account.connection_id)
