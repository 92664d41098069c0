"""Connections, destinations and groups: what the API keeps, shows and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from fivetran_async.testing import FakeFivetran
from testing.wire import Api


async def create(api: Api, fake: FakeFivetran, **fields: Any) -> Any:  # noqa: ANN401
    """Create a connection by the API, and return what it answers."""
    group_id = fields.pop("group_id", None) or fake.add_group()
    config = fields.pop("config", {"schema": "pg"})
    body = {"group_id": group_id, "service": "postgres", "config": config, **fields}
    answer = await api.post("/v1/connections", body)
    assert answer.status == 201, answer.json
    return answer.data


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
    """The name of a connection is spelt in its config, by one of three ways."""
    assert (await create(api, fake, config=config))["schema"] == schema


async def test_schema_names_are_unique_in_a_group(api: Api, fake: FakeFivetran) -> None:
    """A second connection of the same name is 409 in its group, and fine in another."""
    first = await create(api, fake)
    body = {"group_id": first["group_id"], "service": "mysql", "config": {"schema": "pg"}}
    assert (await api.post("/v1/connections", body)).status == 409
    assert (await create(api, fake))["id"] != first["id"]


async def test_unknown_group_and_service_are_refused(api: Api) -> None:
    """A connection needs its group, and a service that is spelt like one."""
    body = {"group_id": "nobody", "service": "postgres"}
    answer = await api.post("/v1/connections", body)
    assert (answer.status, answer.json["code"]) == (404, "NotFound_Group")


async def test_unsupported_service(api: Api, fake: FakeFivetran) -> None:
    """A service that cannot be one is refused with the vendor's words."""
    body = {"group_id": fake.add_group(), "service": "Post Gres"}
    answer = await api.post("/v1/connections", body)
    assert answer.status == 400
    assert "Unsupported connector service 'Post Gres'" in answer.json["message"]


async def test_setup_tests_run_by_default(api: Api, fake: FakeFivetran) -> None:
    """A creation runs the tests and is connected; without them it stays incomplete."""
    tested = await create(api, fake)
    assert {test["status"] for test in tested["setup_tests"]} == {"PASSED"}
    assert tested["status"]["setup_state"] == "connected"
    untested = await create(api, fake, config={"schema": "two"}, run_setup_tests=False)
    assert untested["setup_tests"] == []
    assert untested["status"]["setup_state"] == "incomplete"


async def test_failing_setup_tests_break_a_connection(api: Api, fake: FakeFivetran) -> None:
    """A planned failure shows in the answer and in the state, until the tests pass again."""
    connection_id = fake.add_connection()
    failure = {"title": "Connecting", "status": "FAILED", "message": "refused"}
    fake.plan_setup_tests(connection_id, [failure])
    answer = await api.post(f"/v1/connections/{connection_id}/test", {})
    assert answer.data["setup_tests"] == [failure]
    assert answer.data["status"]["setup_state"] == "broken"
    fake.plan_setup_tests(connection_id, None)
    answer = await api.patch(f"/v1/connections/{connection_id}", {"config": {"host": "h"}})
    assert answer.data["status"]["setup_state"] == "connected"


async def test_test_needs_a_body(api: Api, fake: FakeFivetran) -> None:
    """Without a body the test call is 400, with an empty object it runs."""
    path = f"/v1/connections/{fake.add_connection()}/test"
    assert (await api.post(path)).status == 400
    assert (await api.post(path, {})).status == 200


async def test_config_is_masked_and_merged(api: Api, fake: FakeFivetran) -> None:
    """Secrets come back as stars, empty values not at all, and a PATCH leaves the rest alone."""
    secrets = {"password": "p", "nested": {"api_key": "k", "user": "u"}, "empty": ""}
    created = await create(api, fake, config={"schema": "pg", "port": 5432, **secrets})
    assert created["config"] == {
        "schema": "pg",
        "port": 5432,
        "password": "******",
        "nested": {"api_key": "******", "user": "u"},
    }
    answer = await api.patch(f"/v1/connections/{created['id']}", {"config": {"port": 1}})
    assert answer.data["config"]["port"] == 1
    assert answer.data["config"]["nested"]["user"] == "u"
    assert fake.record("connections", created["id"])["config"]["password"] == "p"


async def test_config_rendering_follows_accept(api: Api, fake: FakeFivetran) -> None:
    """Without version 2 booleans are text, lists are counts, and enum words are labels."""
    config = {"schema": "s", "on": True, "reports": ["a", "b"], "mode": "OVERWRITE_ROWS", "n": 3}
    connection_id = fake.add_connection(config=config)
    path = f"/v1/connections/{connection_id}"
    assert (await api.get(path)).data["config"] == config
    plain = (await api.get(path, accept="application/json")).data["config"]
    assert plain == {"schema": "s", "on": "true", "reports": "2", "mode": "Overwrite Rows", "n": 3}


async def test_list_items_leave_out_details(api: Api, fake: FakeFivetran) -> None:
    """List items have no config and no tests; details have both."""
    connection_id = fake.add_connection(config={"schema": "x"})
    item = (await api.get("/v1/connections")).items[0]
    assert not {"config", "setup_tests", "source_sync_details"} & item.keys()
    details = (await api.get(f"/v1/connections/{connection_id}")).data
    assert {"config", "setup_tests", "source_sync_details"} <= details.keys()
    assert item.items() <= details.items()


async def test_filters(api: Api, fake: FakeFivetran) -> None:
    """Connections are found by group and exact schema name, account-wide and per group."""
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
    assert (await api.get("/v1/groups/nobody/connections")).status == 404


@pytest.mark.parametrize("body", [{}, {"run_setup_tests": True}, {"trust_certificates": True}])
async def test_update_needs_something_that_stays(
    api: Api, fake: FakeFivetran, body: dict[str, bool]
) -> None:
    """An empty PATCH, and one of test flags alone, is 400."""
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
async def test_update_refuses_what_cannot_be(
    api: Api, fake: FakeFivetran, body: dict[str, object]
) -> None:
    """Values out of the enums, wrong types and a new schema name are 400."""
    connection_id = fake.add_connection(schema="pg")
    assert (await api.patch(f"/v1/connections/{connection_id}", body)).status == 400


async def test_daily_time_only_counts_once_a_day(api: Api, fake: FakeFivetran) -> None:
    """`daily_sync_time` is null unless the connection syncs once a day."""
    path = f"/v1/connections/{fake.add_connection()}"
    answer = await api.patch(path, {"sync_frequency": 1440, "daily_sync_time": "14:00"})
    assert answer.data["daily_sync_time"] == "14:00"
    answer = await api.patch(path, {"sync_frequency": 60})
    assert answer.data["daily_sync_time"] is None


async def test_pausing_shows_in_both_places(api: Api, fake: FakeFivetran) -> None:
    """`paused` and the sync state follow each other."""
    path = f"/v1/connections/{fake.add_connection()}"
    paused = (await api.patch(path, {"paused": True, "run_setup_tests": False})).data
    assert (paused["paused"], paused["status"]["sync_state"]) == (True, "paused")
    resumed = (await api.patch(path, {"paused": False, "run_setup_tests": False})).data
    assert (resumed["paused"], resumed["status"]["sync_state"]) == (False, "scheduled")


async def test_state_is_for_stateful_services_only(api: Api, fake: FakeFivetran) -> None:
    """Only SDK and function connections have a state, once written, and only while paused."""
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


async def test_move_wants_a_pause_and_a_free_name(api: Api, fake: FakeFivetran) -> None:
    """A moved connection is found in its new group only."""
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
    """A destination has its group's id; one per group; deleted only when no connection is left."""
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


async def test_destination_of_nowhere_is_not_found(api: Api) -> None:
    """Here the vendor answers with the unspecific code."""
    answer = await api.post("/v1/destinations", {"group_id": "nobody", "service": "snowflake"})
    assert (answer.status, answer.json["code"]) == (404, "NotFound")


async def test_deleting_a_group_takes_everything_along(api: Api, fake: FakeFivetran) -> None:
    """Its connections, destination, log service and memberships go with a group."""
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


async def test_connect_card_wants_a_web_address(api: Api, fake: FakeFivetran) -> None:
    """The redirect must be http or https; the card then shows in the details."""
    path = f"/v1/connections/{fake.add_connection()}"
    config = {"redirect_uri": "ftp://x"}
    answer = await api.post(f"{path}/connect-card", {"connect_card_config": config})
    assert answer.status == 400
    config = {"redirect_uri": "https://x.example.com"}
    answer = await api.post(f"{path}/connect-card", {"connect_card_config": config})
    assert answer.data["connect_card"]["uri"].startswith("https://")
    assert (await api.get(path)).data["connect_card"] == answer.data["connect_card"]


async def test_schema_status_shows_once_set(api: Api, fake: FakeFivetran) -> None:
    """Only connections that were told of a schema status show one."""
    path = f"/v1/connections/{fake.add_connection()}"
    assert "schema_status" not in (await api.get(path)).data["status"]
    answer = await api.patch(path, {"schema_status": "ready"})
    assert answer.data["status"]["schema_status"] == "ready"


async def test_connect_card_at_creation(api: Api, fake: FakeFivetran) -> None:
    """A connection may be created with its card, if the redirect is a web address."""
    card = {"redirect_uri": "https://x.example.com"}
    created = await create(api, fake, connect_card_config=card, run_setup_tests=False)
    assert created["connect_card"]["token"]
    body = {"group_id": created["group_id"], "service": "mysql"}
    refused = await api.post(
        "/v1/connections", body | {"connect_card_config": {"redirect_uri": "x"}}
    )
    assert refused.status == 400


async def test_state_must_be_given(api: Api, fake: FakeFivetran) -> None:
    """A state PATCH without a state changes nothing and is 400."""
    connection_id = fake.add_connection(service="connector_sdk", paused=True)
    assert (await api.patch(f"/v1/connections/{connection_id}/state", {})).status == 400


async def test_move_to_nowhere(api: Api, fake: FakeFivetran) -> None:
    """The target group must exist."""
    connection_id = fake.add_connection(paused=True)
    body = {"destination_group_id": "nobody", "sync_behavior": "CONTINUE"}
    answer = await api.post(f"/v1/connections/{connection_id}/move", body)
    assert (answer.status, answer.json["code"]) == (404, "NotFound_Group")


async def test_group_names_are_not_empty(api: Api) -> None:
    """A name of blanks is refused."""
    assert (await api.post("/v1/groups", {"name": "  "})).status == 400


async def test_the_account_can_be_changed_behind_the_api(fake: FakeFivetran) -> None:
    """Tests put things in and look them up by the names of the API."""
    group_id = fake.add_group(name="w", id="chosen_one")
    assert group_id == "chosen_one"
    team = fake.add("teams", name="t", role="Account Reviewer")
    user = fake.add("users", email="x@example.com")
    fake.add("teams.users", team_id=team, user_id=user, role="Team Member")
    assert fake.record("teams.users", team, user)["role"] == "Team Member"
    fake.change("groups", group_id, name="renamed")
    assert fake.record("groups", group_id)["name"] == "renamed"
    with pytest.raises(KeyError):
        fake.record("groups", "nobody")
