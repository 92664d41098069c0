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
    async with account.fake.client(api_secret="wrong") as stranger:
        with pytest.raises(AuthenticationError) as refused:
            await stranger.account.get_info()
    assert refused.value.code == "AuthFailed"
    with pytest.raises(NotFoundError) as group:
        await account.fivetran.groups.get("no_such_group")
    assert group.value.code == "NotFound_Group"
    with pytest.raises(NotFoundError) as path:
        await account.fivetran.request("GET", "/v1/no-such-thing")
    assert path.value.code == "NotFound"


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
    """The server takes texts for numbers and flags in bodies, as other clients send them."""
    path = f"/v1/connections/{account.connection_id}"
    body = {"sync_frequency": "1440", "paused": "true", "run_setup_tests": "false"}
    changed = await account.fivetran.request("PATCH", path, body=body, result=Connection)
    assert (changed.sync_frequency, changed.paused) == (1440, True)
    found = await account.fivetran.connections.get(account.connection_id)
    assert (found.sync_frequency, found.paused) == (1440, True)


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
    """A new destination brings a paused `fivetran_log` connection with it."""
    fivetran = account.fivetran
    group = await fivetran.groups.create(name="new")
    await fivetran.connections.create(
        group_id=group.id, service="s3", config={"schema": "files"}, run_setup_tests=False
    )
    await fivetran.destinations.create(
        group_id=group.id,
        service="snowflake",
        region="GCP_US_EAST4",
        time_zone_offset="0",
        config={"host": "placeholder"},
        run_setup_tests=False,
    )
    found = await fivetran.connections.list(group_id=group.id).collect()
    own = next(each for each in found if each.service == "fivetran_log")
    assert (own.schema, own.connected_by, own.paused) == (
        "fivetran_metadata",
        "_fivetran_system",
        True,
    )


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
