"""Connections, destinations and groups: what the API stores, returns and rejects."""

from __future__ import annotations

from typing import Any

import pytest

from fivetran_async import InvalidArgumentError
from fivetran_async.testing import FakeFivetran, UnknownRecordError
from testing.wire import Api


async def create(api: Api, fake: FakeFivetran, **fields: Any) -> Any:  # noqa: ANN401
    """Create a connection through the API, and return the response's data."""
    group_id = fields.pop("group_id", None) or fake.add_group()
    config = fields.pop("config", {"schema": "pg"})
    body = {"group_id": group_id, "service": "postgres", "config": config, **fields}
    response = await api.post("/v1/connections", body)
    assert response.status == 201, response.json
    return response.data


@pytest.mark.parametrize(
    ("config", "schema"),
    [
        ({"schema": "pg"}, "pg"),
        ({"schema": "gsheets", "table": "budget"}, "gsheets.budget"),
        ({"schema_prefix": "pg_prefix", "schema": "x"}, "pg_prefix"),
        ({}, "postgres"),
    ],
)
async def test_schema_name_comes_from_the_config(
    api: Api, fake: FakeFivetran, config: dict[str, str], schema: str
) -> None:
    """The name of a connection comes from its config, in one of three forms."""
    assert (await create(api, fake, config=config))["schema"] == schema


async def test_schema_names_are_unique_in_a_group(api: Api, fake: FakeFivetran) -> None:
    """The same name gives 409 in its group, and is allowed in another."""
    first = await create(api, fake)
    body = {"group_id": first["group_id"], "service": "mysql", "config": {"schema": "pg"}}
    assert (await api.post("/v1/connections", body)).status == 409
    assert (await create(api, fake))["id"] != first["id"]


async def test_unknown_group_and_service_are_refused(api: Api) -> None:
    """A connection needs an existing group and a valid service."""
    body = {"group_id": "missing", "service": "postgres"}
    response = await api.post("/v1/connections", body)
    assert (response.status, response.json["code"]) == (404, "NotFound_Group")


async def test_unsupported_service(api: Api, fake: FakeFivetran) -> None:
    """An invalid service is rejected with the vendor's message."""
    body = {"group_id": fake.add_group(), "service": "Post Gres"}
    response = await api.post("/v1/connections", body)
    assert response.status == 400
    assert "Unsupported connector service 'Post Gres'" in response.json["message"]


async def test_setup_tests_run_by_default(api: Api, fake: FakeFivetran) -> None:
    """Creation runs the tests and connects; without tests the connection is incomplete."""
    tested = await create(api, fake)
    assert {test["status"] for test in tested["setup_tests"]} == {"PASSED"}
    assert tested["status"]["setup_state"] == "connected"
    untested = await create(api, fake, config={"schema": "two"}, run_setup_tests=False)
    assert untested["setup_tests"] == []
    assert untested["status"]["setup_state"] == "incomplete"


async def test_failing_setup_tests_break_a_connection(api: Api, fake: FakeFivetran) -> None:
    """A planned failure is in the response and in the state, until the tests pass."""
    connection_id = fake.add_connection()
    failure = {"title": "Connecting", "status": "FAILED", "message": "refused"}
    fake.plan_setup_tests(connection_id, [failure])
    response = await api.post(f"/v1/connections/{connection_id}/test", {})
    assert response.data["setup_tests"] == [failure]
    assert response.data["status"]["setup_state"] == "broken"
    fake.plan_setup_tests(connection_id, None)
    response = await api.patch(f"/v1/connections/{connection_id}", {"config": {"host": "h"}})
    assert response.data["status"]["setup_state"] == "connected"


async def test_setup_tests_require_a_body(api: Api, fake: FakeFivetran) -> None:
    """Without a body the setup tests give 400; with an empty object they run."""
    path = f"/v1/connections/{fake.add_connection()}/test"
    assert (await api.post(path)).status == 400
    assert (await api.post(path, {})).status == 200


async def test_config_is_masked_and_merged(api: Api, fake: FakeFivetran) -> None:
    """Secrets are masked, empty values are omitted, and a PATCH keeps the other values."""
    secrets = {"password": "p", "nested": {"api_key": "k", "user": "u"}, "empty": ""}
    created = await create(api, fake, config={"schema": "pg", "port": 5432, **secrets})
    assert created["config"] == {
        "schema": "pg",
        "port": 5432,
        "password": "******",
        "nested": {"api_key": "******", "user": "u"},
    }
    response = await api.patch(f"/v1/connections/{created['id']}", {"config": {"port": 1}})
    assert response.data["config"]["port"] == 1
    assert response.data["config"]["nested"]["user"] == "u"
    assert fake.record("connections", created["id"])["config"]["password"] == "p"


async def test_config_rendering_follows_accept(api: Api, fake: FakeFivetran) -> None:
    """In version 1, booleans are text, lists are counts, and enum words are labels."""
    config = {"schema": "s", "on": True, "reports": ["a", "b"], "mode": "OVERWRITE_ROWS", "n": 3}
    connection_id = fake.add_connection(config=config)
    path = f"/v1/connections/{connection_id}"
    assert (await api.get(path)).data["config"] == config
    plain = (await api.get(path, accept="application/json")).data["config"]
    assert plain == {"schema": "s", "on": "true", "reports": "2", "mode": "Overwrite Rows", "n": 3}


async def test_list_items_lack_details(api: Api, fake: FakeFivetran) -> None:
    """List items lack config and tests; details have both."""
    connection_id = fake.add_connection(config={"schema": "x"})
    item = (await api.get("/v1/connections")).items[0]
    assert not {"config", "setup_tests", "source_sync_details"} & item.keys()
    details = (await api.get(f"/v1/connections/{connection_id}")).data
    assert {"config", "setup_tests", "source_sync_details"} <= details.keys()
    assert item.items() <= details.items()


async def test_filters(api: Api, fake: FakeFivetran) -> None:
    """Connections are filtered by group and exact schema name, account-wide and per group."""
    groups = [fake.add_group(name=name) for name in ("a", "b")]
    for group_id in groups:
        for schema in ("one", "two"):
            fake.add_connection(group_id=group_id, schema=schema)
    by_group = await api.get(f"/v1/connections?group_id={groups[1]}")
    assert [item["schema"] for item in by_group.items] == ["one", "two"]
    by_schema = await api.get("/v1/connections?schema=two&limit=1")
    assert by_schema.items[0]["group_id"] == groups[0]
    rest = await api.get(
        f"/v1/connections?schema=two&limit=1&cursor={by_schema.data['next_cursor']}"
    )
    assert rest.items[0]["group_id"] == groups[1]
    assert "next_cursor" not in rest.data
    both = await api.get(f"/v1/groups/{groups[0]}/connections?schema=two")
    assert [item["schema"] for item in both.items] == ["two"]
    assert (await api.get("/v1/connections?schema=tw")).items == []
    assert (await api.get("/v1/groups/missing/connections")).status == 404


@pytest.mark.parametrize("body", [{}, {"run_setup_tests": True}, {"trust_certificates": True}])
async def test_update_requires_a_change(
    api: Api, fake: FakeFivetran, body: dict[str, bool]
) -> None:
    """An empty PATCH, or one with only test flags, gives 400."""
    assert (await api.patch(f"/v1/connections/{fake.add_connection()}", body)).status == 400


@pytest.mark.parametrize(
    "body",
    [
        {"sync_frequency": 7},
        {"schedule_type": "sometimes"},
        {"daily_sync_time": "14:30"},
        {"config": {"schema": "renamed"}},
        {"paused": "yes"},
        {"schema": "renamed"},
    ],
)
async def test_update_rejects_invalid_values(
    api: Api, fake: FakeFivetran, body: dict[str, object]
) -> None:
    """Unknown enum values, wrong types and a new schema name give 400."""
    connection_id = fake.add_connection(schema="pg")
    assert (await api.patch(f"/v1/connections/{connection_id}", body)).status == 400


async def test_daily_time_only_counts_once_a_day(api: Api, fake: FakeFivetran) -> None:
    """`daily_sync_time` is null unless the connection syncs once a day."""
    path = f"/v1/connections/{fake.add_connection()}"
    response = await api.patch(path, {"sync_frequency": 1440, "daily_sync_time": "14:00"})
    assert response.data["daily_sync_time"] == "14:00"
    response = await api.patch(path, {"sync_frequency": 60})
    assert response.data["daily_sync_time"] is None


async def test_pause_changes_both_fields(api: Api, fake: FakeFivetran) -> None:
    """`paused` and the sync state agree."""
    path = f"/v1/connections/{fake.add_connection()}"
    paused = (await api.patch(path, {"paused": True, "run_setup_tests": False})).data
    assert (paused["paused"], paused["status"]["sync_state"]) == (True, "paused")
    resumed = (await api.patch(path, {"paused": False, "run_setup_tests": False})).data
    assert (resumed["paused"], resumed["status"]["sync_state"]) == (False, "scheduled")


async def test_state_is_for_stateful_services_only(api: Api, fake: FakeFivetran) -> None:
    """Only SDK and function connections have a state, and only paused ones accept it."""
    sheet, sdk = fake.add_connection(), fake.add_connection(service="connector_sdk")
    assert (await api.get(f"/v1/connections/{sheet}/state")).status == 400
    path = f"/v1/connections/{sdk}/state"
    assert (await api.get(path)).status == 400
    assert (await api.patch(path, {"state": {"n": 1}})).status == 400
    fake.change("connections", sdk, paused=True)
    assert (await api.patch(path, {"state": {"n": 1}})).data == {"state": {"n": 1}}
    assert (await api.get(path)).data == {"state": {"n": 1}}
    fake.change("connections", sdk, sync_state="syncing")
    assert (await api.patch(path, {"state": {}})).status == 409


async def test_move_requires_a_pause_and_an_unused_name(api: Api, fake: FakeFivetran) -> None:
    """A moved connection is only in its new group."""
    source, target = fake.add_group(name="a"), fake.add_group(name="b")
    connection_id = fake.add_connection(group_id=source, schema="x")
    body = {"destination_group_id": target, "sync_behavior": "BACKFILL"}
    path = f"/v1/connections/{connection_id}/move"
    assert (await api.post(path, body)).status == 400
    fake.change("connections", connection_id, paused=True)
    taken = fake.add_connection(group_id=target, schema="x")
    assert (await api.post(path, body)).status == 409
    await api.delete(f"/v1/connections/{taken}")
    assert (await api.post(path, body)).data["source_group_id"] == source
    assert (await api.get(f"/v1/connections?group_id={source}")).items == []
    moved = (await api.get(f"/v1/connections?group_id={target}")).items
    assert [item["id"] for item in moved] == [connection_id]
    assert moved[0]["status"]["is_historical_sync"] is True


async def test_destination_belongs_to_its_group(api: Api, fake: FakeFivetran) -> None:
    """A destination has its group's id, is the only one, and can be deleted without connections."""
    group_id = fake.add_group()
    assert (await api.get(f"/v1/destinations/{group_id}")).json["code"] == "NotFound_Destination"
    body = {"group_id": group_id, "service": "snowflake", "time_zone_offset": "-8"}
    created = await api.post("/v1/destinations", body)
    assert created.data["id"] == group_id
    assert created.data["setup_status"] == "incomplete"
    assert (await api.post("/v1/destinations", body)).status == 400
    connection_id = fake.add_connection(group_id=group_id)
    assert (await api.delete(f"/v1/destinations/{group_id}")).status == 409
    await api.delete(f"/v1/connections/{connection_id}")
    assert (await api.delete(f"/v1/destinations/{group_id}")).status == 200


async def test_destination_brings_its_log_connection(api: Api, fake: FakeFivetran) -> None:
    """A created destination has a paused `fivetran_log` connection, and is deleted with it."""
    group_id = fake.add_group()
    body = {"group_id": group_id, "service": "snowflake"}
    await api.post("/v1/destinations", body)
    [log] = (await api.get(f"/v1/groups/{group_id}/connections")).items
    assert (log["service"], log["schema"]) == ("fivetran_log", "fivetran_metadata")
    assert (log["paused"], log["status"]["sync_state"]) == (True, "paused")
    assert log["connected_by"] == "_fivetran_system"
    assert (await api.get(f"/v1/connections/{log['id']}")).status == 200
    assert (await api.delete(f"/v1/destinations/{group_id}")).status == 200
    assert (await api.get("/v1/connections")).items == []
    await api.post("/v1/destinations", body)
    await api.delete(f"/v1/groups/{group_id}")
    assert (await api.get("/v1/connections")).items == []


async def test_added_destinations_have_no_log_connection(fake: FakeFivetran, api: Api) -> None:
    """`add_destination` and the demo add only the connections that a test asks for."""
    fake.add_destination(group_id=fake.add_group())
    assert (await api.get("/v1/connections")).items == []
    async with FakeFivetran.demo(groups=2) as demo, demo.client() as fivetran:
        services = {each.service async for each in fivetran.connections.list()}
    assert "fivetran_log" not in services


async def test_destination_requires_a_group(api: Api) -> None:
    """The vendor uses the generic code here."""
    response = await api.post("/v1/destinations", {"group_id": "missing", "service": "snowflake"})
    assert (response.status, response.json["code"]) == (404, "NotFound")


async def test_deleting_a_group_deletes_its_contents(api: Api, fake: FakeFivetran) -> None:
    """A deleted group takes its connections, destination, log service and memberships along."""
    group_id = fake.add_group()
    fake.add_destination(group_id=group_id)
    connection_id = fake.add_connection(group_id=group_id)
    user_id = fake.add("users", email="a@example.com", given_name="A", family_name="B")
    fake.add("users.groups", user_id=user_id, id=group_id, role="Reviewer")
    fake.add("users.connections", user_id=user_id, id=connection_id, role="Reviewer")
    assert (await api.delete(f"/v1/groups/{group_id}")).status == 200
    for path in (f"connections/{connection_id}", f"destinations/{group_id}", f"groups/{group_id}"):
        assert (await api.get(f"/v1/{path}")).status == 404
    assert (await api.get(f"/v1/users/{user_id}/groups")).items == []
    assert (await api.get(f"/v1/users/{user_id}/connections")).items == []


async def test_connect_card_requires_a_web_address(api: Api, fake: FakeFivetran) -> None:
    """The redirect must be http or https; the details then contain the card."""
    path = f"/v1/connections/{fake.add_connection()}"
    config = {"redirect_uri": "ftp://x"}
    response = await api.post(f"{path}/connect-card", {"connect_card_config": config})
    assert response.status == 400
    config = {"redirect_uri": "https://x.example.com"}
    response = await api.post(f"{path}/connect-card", {"connect_card_config": config})
    assert response.data["connect_card"]["uri"].startswith("https://")
    assert (await api.get(path)).data["connect_card"] == response.data["connect_card"]


async def test_schema_status_shows_once_set(api: Api, fake: FakeFivetran) -> None:
    """Only connections with a configured schema status return one."""
    path = f"/v1/connections/{fake.add_connection()}"
    assert "schema_status" not in (await api.get(path)).data["status"]
    response = await api.patch(path, {"schema_status": "ready"})
    assert response.data["status"]["schema_status"] == "ready"


async def test_connect_card_at_creation(api: Api, fake: FakeFivetran) -> None:
    """A connection can be created with its card, if the redirect is a web address."""
    card = {"redirect_uri": "https://x.example.com"}
    created = await create(api, fake, connect_card_config=card, run_setup_tests=False)
    assert created["connect_card"]["token"]
    body = {"group_id": created["group_id"], "service": "mysql"}
    refused = await api.post(
        "/v1/connections", body | {"connect_card_config": {"redirect_uri": "x"}}
    )
    assert refused.status == 400


async def test_state_must_be_given(api: Api, fake: FakeFivetran) -> None:
    """A PATCH without a state gives 400 and changes nothing."""
    connection_id = fake.add_connection(service="connector_sdk", paused=True)
    assert (await api.patch(f"/v1/connections/{connection_id}/state", {})).status == 400


async def test_move_to_an_unknown_group(api: Api, fake: FakeFivetran) -> None:
    """The target group must exist."""
    connection_id = fake.add_connection(paused=True)
    body = {"destination_group_id": "missing", "sync_behavior": "CONTINUE"}
    response = await api.post(f"/v1/connections/{connection_id}/move", body)
    assert (response.status, response.json["code"]) == (404, "NotFound_Group")


async def test_group_names_are_not_empty(api: Api) -> None:
    """A name of spaces is rejected."""
    assert (await api.post("/v1/groups", {"name": "  "})).status == 400


async def test_the_account_can_be_changed_directly(fake: FakeFivetran) -> None:
    """Tests add, read and change records under the API's names."""
    group_id = fake.add_group(name="w", id="chosen_one")
    assert group_id == "chosen_one"
    team = fake.add("teams", name="t", role="Account Reviewer")
    user = fake.add("users", email="x@example.com")
    fake.add("teams.users", team_id=team, user_id=user, role="Team Member")
    assert fake.record("teams.users", team, user)["role"] == "Team Member"
    fake.change("groups", group_id, name="renamed")
    assert fake.record("groups", group_id)["name"] == "renamed"
    for error in (UnknownRecordError, KeyError, InvalidArgumentError):
        with pytest.raises(error, match="'missing' was not found in 'groups'"):
            fake.record("groups", "missing")
    with pytest.raises(UnknownRecordError):
        fake.change("teams.users", team, "missing", role="Team Manager")
    with pytest.raises(UnknownRecordError):
        fake.start_sync("missing")
    with pytest.raises(InvalidArgumentError, match="requires team_id"):
        fake.add("teams.users", user_id=user)
