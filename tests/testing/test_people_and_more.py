"""The rules of the smaller families: people, keys, agents, packages, secrets, transformations."""

from __future__ import annotations

import base64

import aiohttp
import pytest

from fivetran_async.testing import FakeFivetran
from testing.wire import Api

PERSON = {"email": "a@example.com", "given_name": "A", "family_name": "B"}


async def test_users_are_invited_once(api: Api) -> None:
    """An invited user is inactive, and inviting the same address twice gives 409."""
    created = (await api.post("/v1/users", PERSON)).data
    assert (created["invited"], created["active"], created["logged_in_at"]) == (True, False, None)
    again = await api.post("/v1/users", PERSON)
    assert (again.status, again.json["code"]) == (409, "UserExists")
    assert (await api.post("/v1/users", PERSON | {"email": "missing"})).status == 400


async def test_the_owner_is_protected(api: Api) -> None:
    """The last administrator cannot be deleted or change their own role."""
    owner = (await api.get("/v1/account/info")).data["user_id"]
    path = f"/v1/users/{owner}"
    assert (await api.delete(path)).status == 400
    assert (await api.patch(path, {"role": "Account Reviewer"})).status == 400
    assert (await api.delete(f"{path}/role")).status == 400
    assert (await api.patch(path, {"given_name": "Robin"})).data["given_name"] == "Robin"


async def test_active_filter(api: Api) -> None:
    """The filter separates active users from invited ones."""
    invited = (await api.post("/v1/users", PERSON)).data["id"]
    assert [u["id"] for u in (await api.get("/v1/users?active=false")).items] == [invited]
    assert invited not in [u["id"] for u in (await api.get("/v1/users?active=true")).items]


async def test_group_users_and_user_groups_agree(api: Api, fake: FakeFivetran) -> None:
    """A user added by address is in both lists, and removed from both."""
    group_id = fake.add_group()
    user = (await api.post("/v1/users", PERSON)).data["id"]
    path = f"/v1/groups/{group_id}/users"
    body = {"email": PERSON["email"], "role": "Destination Analyst"}
    assert (await api.post(path, body)).json.keys() == {"code", "message"}
    assert [(u["id"], u["role"]) for u in (await api.get(path)).items] == [(user, body["role"])]
    memberships = (await api.get(f"/v1/users/{user}/groups")).items
    assert [(m["id"], m["role"]) for m in memberships] == [(group_id, body["role"])]
    assert (await api.get(f"{path}?active=true")).items == []
    assert (await api.delete(f"{path}/{user}")).status == 200
    assert (await api.get(f"/v1/users/{user}/groups")).items == []
    stranger = await api.post(path, body | {"email": "x@example.com"})
    assert (stranger.status, stranger.json["code"]) == (404, "NotFound_User")


async def test_memberships_require_their_member(api: Api, fake: FakeFivetran) -> None:
    """A membership requires its member, and ends when the member is deleted."""
    team = (await api.post("/v1/teams", {"name": "t", "role": "Account Reviewer"})).data["id"]
    path = f"/v1/teams/{team}/connections"
    body = {"id": "missing", "role": "Connector Reviewer"}
    response = await api.post(path, body)
    assert (response.status, response.json["code"]) == (404, "NotFound_Connection")
    connection_id = fake.add_connection()
    assert (await api.post(path, body | {"id": connection_id})).status == 201
    await api.delete(f"/v1/connections/{connection_id}")
    assert (await api.get(path)).items == []
    user = (await api.post("/v1/users", PERSON)).data["id"]
    member = await api.post(f"/v1/teams/{team}/users", {"user_id": user})
    assert member.data["role"] == "Team Member"
    await api.delete(f"/v1/users/{user}")
    assert (await api.get(f"/v1/teams/{team}/users")).items == []
    await api.delete(f"/v1/teams/{team}")
    assert (await api.get(path)).status == 404


async def test_removing_the_role_is_not_deleting(api: Api) -> None:
    """A team without an account role still exists."""
    team = (await api.post("/v1/teams", {"name": "t", "role": "Account Reviewer"})).data["id"]
    assert (await api.delete(f"/v1/teams/{team}/role")).status == 200
    assert (await api.get(f"/v1/teams/{team}")).data["role"] is None


async def test_system_key_secret_is_shown_once(api: Api) -> None:
    """Only the responses to creation and rotation contain the secret."""
    created = (await api.post("/v1/system-keys", {"name": "k"})).data
    path = f"/v1/system-keys/{created['id']}"
    assert created["secret"]
    assert created["expired_at"] is None
    assert "secret" not in (await api.get(path)).data
    assert "secret" not in (await api.get("/v1/system-keys")).items[0]
    assert "secret" not in (await api.patch(path, {"name": "k2"})).data
    rotated = (await api.post(f"{path}/rotate", {"expiration_period": "ONE_WEEK"})).data
    assert rotated["secret"] != created["secret"]
    assert rotated["expired_at"] is not None


async def test_hybrid_agents(api: Api, fake: FakeFivetran) -> None:
    """Terms must be accepted; files are base64; usage names the connections."""
    group_id = fake.add_group()
    body = {"display_name": "h", "env_type": "DOCKER", "accept_terms": False, "group_id": group_id}
    assert (await api.post("/v1/hybrid-deployment-agents", body)).status == 400
    created = (await api.post("/v1/hybrid-deployment-agents", body | {"accept_terms": True})).data
    assert created["deployment_type"] == "DOCKER"
    assert base64.b64decode(created["files"]["config_json"])
    connection_id = fake.add_connection(hybrid_deployment_agent_id=created["id"])
    path = f"/v1/hybrid-deployment-agents/{created['id']}"
    shown = (await api.get(path)).data
    assert [use["connection_id"] for use in shown["usage"]] == [connection_id]
    assert "token" not in shown
    assert (await api.patch(f"{path}/re-auth", {})).data["token"] != created["token"]
    assert (await api.get("/v1/hybrid-deployment-agents?groupId=other")).items == []


async def test_proxy_agents(api: Api, fake: FakeFivetran) -> None:
    """Names are unique, secrets are returned once, and an agent in use cannot be deleted."""
    created = (await api.post("/v1/proxy", {"display_name": "p"})).data
    path = f"/v1/proxy/{created['agent_id']}"
    assert (await api.post("/v1/proxy", {"display_name": "p"})).status == 409
    assert "auth_token" not in (await api.get(path)).data
    connection_id = fake.add_connection(proxy_agent_id=created["agent_id"])
    assert (await api.get(f"{path}/connections")).items == [{"connection_id": connection_id}]
    assert (await api.get("/v1/proxy")).items[0]["connector_count"] == 1
    assert (await api.delete(path)).status == 409
    await api.delete(f"/v1/connections/{connection_id}")
    assert (await api.delete(path)).status == 200


async def test_secrets_managers_in_use_are_kept(api: Api, fake: FakeFivetran) -> None:
    """The vendor responds with 400 here; entities are filtered by type."""
    body = {"name": "v", "type": "HASHICORP_VAULT", "config": {"token": "t", "url": "u"}}
    created = (await api.post("/v1/external-secrets-managers", body)).data
    assert created["config"] == {"token": "******", "url": "u"}
    path = f"/v1/external-secrets-managers/{created['id']}"
    group_id = fake.add_group()
    fake.add_destination(group_id=group_id, external_secrets_manager_id=created["id"])
    fake.add_connection(external_secrets_manager_id=created["id"])
    kinds = [e["type"] for e in (await api.get(f"{path}/entities")).items]
    assert kinds == ["SOURCE", "DESTINATION"]
    only = (await api.get(f"{path}/entities?type=destination")).items
    assert [e["id"] for e in only] == [group_id]
    assert (await api.get(f"{path}/entities?type=DESTINATION")).status == 400
    refused = await api.delete(path)
    assert (refused.status, refused.json["code"]) == (400, "BadRequest")


async def test_packages_are_kept_byte_by_byte(api: Api, fake: FakeFivetran) -> None:
    """The download equals the upload, and an attached package cannot be deleted."""
    content = bytes(range(256)) + b"\r\n--\r\n\r\n" + bytes(256)
    form = aiohttp.FormData()
    form.add_field("file", content, filename="code.zip", content_type="application/zip")
    created = (await api.post("/v1/connector-sdk/packages", data=form)).data
    path = f"/v1/connector-sdk/packages/{created['id']}"
    assert (await api.get(f"{path}/download", accept="*/*")).raw == content
    connection_id = fake.add_connection(
        service="connector_sdk", config={"package_id": created["id"]}
    )
    assert (await api.get(path)).data["connection_id"] == connection_id
    refused = await api.delete(path)
    assert (refused.status, refused.json["code"]) == (403, "Forbidden")
    assert (await api.post("/v1/connector-sdk/packages", {"file": "x"})).status == 415


async def test_private_links_become_ready(api: Api, fake: FakeFivetran) -> None:
    """A new or changed link is in progress for some minutes."""
    body: dict[str, object] = {
        "name": "l",
        "service": "SOURCE_AZURE",
        "region": "AZURE_EASTUS2",
        "config": {},
    }
    created = (await api.post("/v1/private-links", body)).data
    assert (created["state"], created["cloud_provider"]) == ("CREATING", "AZURE")
    path = f"/v1/private-links/{created['id']}"
    fake.advance(300)
    assert (await api.get(path)).data["state"] == "OK"
    assert (await api.patch(path, {"config": {"x": "y"}})).data["state"] == "UPDATING"
    fake.advance(300)
    assert (await api.get(path)).data["state"] == "OK"
    fake.add_connection(private_link_id=created["id"])
    assert (await api.delete(path)).status == 409


async def test_transformations_run(api: Api, fake: FakeFivetran) -> None:
    """A run ends after its duration, or when it is canceled."""
    connection_id = fake.add_connection()
    config = {"package_name": "stripe", "connection_ids": [connection_id]}
    body = {"type": "QUICKSTART", "transformation_config": config}
    created = (await api.post("/v1/transformations", body)).data
    path = f"/v1/transformations/{created['id']}"
    assert (created["status"], created["last_started_at"]) == ("NEW", None)
    await api.post(f"{path}/run", {})
    assert (await api.get(path)).data["status"] == "RUNNING"
    fake.advance(60)
    assert (await api.get(path)).data["status"] == "SUCCEEDED"
    await api.post(f"{path}/run", {})
    await api.post(f"{path}/cancel")
    fake.advance(60)
    assert (await api.get(path)).data["status"] == "CANCELED"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"type": "DBT_CORE", "transformation_config": {}}, 400),
        ({"type": "QUICKSTART", "transformation_config": {}}, 400),
        ({"type": "DBT_CORE", "transformation_config": {"project_id": "missing"}}, 404),
        ({"type": "QUICKSTART", "transformation_config": {"connection_ids": ["missing"]}}, 404),
        ({"type": "OTHER", "transformation_config": {}}, 400),
    ],
)
async def test_transformations_check_their_config(
    api: Api, body: dict[str, object], status: int
) -> None:
    """Each type requires its own part of the config, and its references must exist."""
    assert (await api.post("/v1/transformations", body)).status == status


async def test_project_in_use_is_kept(api: Api, fake: FakeFivetran) -> None:
    """A project is tested on request, and cannot be deleted while it has transformations."""
    config = {"dbt_version": "1.8", "default_schema": "d", "git_remote_url": "git@x:y.git"}
    body = {"group_id": fake.add_group(), "type": "DBT_CORE", "project_config": config}
    project = (await api.post("/v1/transformation-projects", body)).data
    assert project["status"] == "NOT_READY"
    path = f"/v1/transformation-projects/{project['id']}"
    assert (await api.post(f"{path}/test")).data["status"] == "READY"
    transformation = {"type": "DBT_CORE", "transformation_config": {"project_id": project["id"]}}
    created = (await api.post("/v1/transformations", transformation)).data
    found = (await api.get(f"/v1/transformations?project_id={project['id']}")).items
    assert [item["id"] for item in found] == [created["id"]]
    assert (await api.delete(path)).status == 409
    await api.delete(f"/v1/transformations/{created['id']}")
    assert (await api.delete(path)).status == 200


async def test_log_service_of_a_group(api: Api, fake: FakeFivetran) -> None:
    """A group has one log service, with the group's id; tests run only on request."""
    body = {"group_id": fake.add_group(), "service": "splunkLog", "config": {"token": "t"}}
    created = (await api.post("/v1/external-logging", body)).data
    assert created["id"] == body["group_id"]
    assert created["setup_tests"] == []
    assert created["config"] == {"token": "******"}
    assert (await api.post("/v1/external-logging", body)).status == 400
    assert (await api.post("/v1/external-logging", body | {"service": "splunk"})).status == 400


async def test_account_log_service_is_one(api: Api) -> None:
    """The account has at most one log service, and a special 404 without it."""
    path = "/v1/external-logging/account"
    missing = await api.get(path)
    assert (missing.status, missing.json["code"]) == (404, "NotFound_LogService")
    body = {"service": "cloudwatch", "config": {"region": "x"}, "run_setup_tests": True}
    assert (await api.post(path, body)).data["setup_tests"]
    assert (await api.post(path, body)).status == 400
    merged = (await api.patch(path, {"config": {"role": "r"}})).data["config"]
    assert merged == {"region": "x", "role": "r"}


async def test_certificates_are_found_by_both_names(api: Api, fake: FakeFivetran) -> None:
    """A hash with slashes is one segment, and the id works as well."""
    path = f"/v1/connections/{fake.add_connection()}/certificates"
    body = {"hash": "a/b+c=", "encoded_cert": base64.b64encode(b"cert").decode()}
    created = (await api.post(path, body)).data
    again = (await api.post(path, body)).data
    assert again["sha256"] == created["sha256"]
    assert len((await api.get(path)).items) == 1
    assert (await api.get(f"{path}/a%2Fb%2Bc%3D")).data["hash"] == "a/b+c="
    assert (await api.get(f"{path}/{created['id']}")).data["hash"] == "a/b+c="
    assert (await api.delete(f"{path}/a%2Fb%2Bc%3D")).status == 200
    assert (await api.get(path)).items == []


async def test_deprecated_certificate_call(api: Api, fake: FakeFivetran) -> None:
    """The deprecated operation requires the parent in the body."""
    group_id = fake.add_group()
    fake.add_destination(group_id=group_id)
    body = {"hash": "h", "encoded_cert": "not base64!"}
    assert (await api.post("/v1/certificates", body)).status == 400
    assert (await api.post("/v1/certificates", body | {"destination_id": "no"})).status == 404
    response = await api.post("/v1/certificates", body | {"destination_id": group_id})
    assert response.json.keys() == {"code", "message"}
    assert len((await api.get(f"/v1/destinations/{group_id}/certificates")).items) == 1


async def test_catalog_pages(api: Api) -> None:
    """The catalog has pages with credentials, and is complete without."""
    page = await api.get("/v1/metadata/connector-types?limit=5")
    assert len(page.items) == 5
    assert "config" not in page.items[0]
    assert "next_cursor" in page.data
    whole = await api.get("/public/connector-types?limit=5")
    assert len(whole.items) > 20
    assert (await api.get("/v1/metadata/connector-types/nothing")).status == 404


async def test_members_leave_with_their_team(api: Api, fake: FakeFivetran) -> None:
    """A deleted team leaves no memberships that a team with the same id would get."""
    group_id = fake.add_group()
    team = fake.add("teams", name="t", role="Account Reviewer")
    await api.post(f"/v1/teams/{team}/groups", {"id": group_id, "role": "Reviewer"})
    await api.delete(f"/v1/teams/{team}")
    fake.add("teams", id=team, name="t", role="Account Reviewer")
    assert (await api.get(f"/v1/teams/{team}/groups")).items == []


async def test_only_members_can_be_removed_from_a_group(api: Api, fake: FakeFivetran) -> None:
    """Removing a user who is not in the group gives the generic 404."""
    response = await api.delete(f"/v1/groups/{fake.add_group()}/users/missing")
    assert (response.status, response.json["code"]) == (404, "NotFound")


async def test_log_services_test_on_request(api: Api, fake: FakeFivetran) -> None:
    """Creation and update run the tests on request, and the state follows."""
    group_id = fake.add_group()
    config = {"region": "eu-west-1"}
    body = {"group_id": group_id, "service": "cloudwatch", "config": config}
    created = (await api.post("/v1/external-logging", body | {"run_setup_tests": True})).data
    assert created["status"]["setup_state"] == "connected"
    fake.plan_setup_tests(group_id, [{"title": "Connecting", "status": "FAILED"}])
    path = f"/v1/external-logging/{group_id}"
    changed = (await api.patch(path, {"run_setup_tests": True})).data
    assert changed["status"]["setup_state"] == "broken"
    account = "/v1/external-logging/account"
    await api.post(account, {"service": "cloudwatch", "config": {}})
    assert (await api.patch(account, {"run_setup_tests": True})).data["setup_tests"]


async def test_empty_packages_are_refused(api: Api) -> None:
    """A package cannot be an empty file."""
    form = aiohttp.FormData()
    form.add_field("file", b"", filename="code.zip")
    assert (await api.post("/v1/connector-sdk/packages", data=form)).status == 400


async def test_transformation_details(api: Api, fake: FakeFivetran) -> None:
    """The type cannot change, a second run changes nothing, and only packages are upgraded."""
    project = fake.add("transformation_projects", group_id=fake.add_group(), type="DBT_CORE")
    body = {"type": "DBT_CORE", "transformation_config": {"project_id": project}}
    created = (await api.post("/v1/transformations", body)).data
    path = f"/v1/transformations/{created['id']}"
    assert (await api.patch(path, {"type": "QUICKSTART"})).status == 400
    assert (await api.post(f"{path}/upgrade")).status == 400
    await api.post(f"{path}/run", {})
    started = (await api.get(path)).data["last_started_at"]
    fake.advance(10)
    assert (await api.post(f"{path}/run", {})).status == 200
    assert (await api.get(path)).data["last_started_at"] == started


async def test_project_errors(api: Api, fake: FakeFivetran) -> None:
    """Failed tests of a project become its errors."""
    config = {"dbt_version": "1.8", "default_schema": "d", "git_remote_url": "git@x:y.git"}
    body = {"group_id": fake.add_group(), "type": "DBT_CORE", "project_config": config}
    ready = (await api.post("/v1/transformation-projects", body | {"run_tests": True})).data
    assert ready["status"] == "READY"
    failure = {"title": "Cloning", "status": "FAILED", "message": "no access"}
    fake.plan_setup_tests(ready["id"], [failure])
    path = f"/v1/transformation-projects/{ready['id']}"
    broken = (await api.patch(path, {"run_tests": True})).data
    assert (broken["status"], broken["errors"]) == ("ERROR", ["no access"])
