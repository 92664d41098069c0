"""All operations, in a useful order, checked against the table of facts."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import aiohttp

from fivetran_async.testing import FakeFivetran
from fivetran_async.testing._facts import Fields, ServedOperation, facts
from fivetran_async.testing._validate import ShapeCheck
from fivetran_async.testing.families import RULES
from support.each import for_each
from testing.wire import Api, Response

OPERATIONS = facts().operations
CERTIFICATE = base64.b64encode(b"certificate").decode()


def path_of(operation: ServedOperation, *ids: str) -> str:
    """Return the path of an operation with these ids."""
    given = iter(ids)
    return re.sub(r"\{\w+\}", lambda _: next(given), operation.path)


class Drive:
    """Calls operations by name, and checks each response against the table."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.done: set[str] = set()

    async def __call__(self, name: str, /, *ids: str, query: str = "", **body: object) -> Any:  # noqa: ANN401
        """Call an operation with the ids in its path and the fields of its body."""
        operation = OPERATIONS[name]
        sent = body or ({} if operation.body is not None else None)
        response = await self._api(operation.verb, path_of(operation, *ids) + query, sent)
        self.done.add(name)
        check_response(operation, response)
        return response.json["data"] if response.json and "data" in response.json else None

    async def upload(self, name: str, *ids: str) -> Any:  # noqa: ANN401
        """Call one of the two operations that upload a file."""
        form = aiohttp.FormData()
        form.add_field("file", b"PK\x03\x04\r\n--zip\r\n", filename="code.zip")
        operation = OPERATIONS[name]
        response = await self._api(operation.verb, path_of(operation, *ids), data=form)
        self.done.add(name)
        check_response(operation, response)
        return response.data


def check_response(operation: ServedOperation, response: Response) -> None:
    """The status, the envelope and every field agree with the table."""
    assert response.status == operation.status, (operation.name, response.json)
    if operation.response == "raw":
        assert response.headers["Content-Type"] == "application/octet-stream"
        return
    assert response.json["code"] == operation.code
    if operation.response == "message":
        assert response.json.keys() == {"code", "message"}, operation.name
        return
    check = ShapeCheck(facts(), nulls=True)
    shown = response.items if operation.response == "list" else [response.data]
    for item in shown:
        assert check.problem(item, facts().shapes[operation.shape]) is None, operation.name
    assert operation.verb == "GET" or "message" in response.json


async def people(call: Drive, group: str, connection: str) -> None:
    """Call users, teams and memberships."""
    user = (await call("users.create", email="a@example.com", given_name="A", family_name="B"))[
        "id"
    ]
    team = (await call("teams.create", name="t", role="Account Reviewer"))["id"]
    await call("roles.list")
    await call("users.list", query="?active=true")
    await call("users.get", user)
    await call("users.update", user, role="Account Analyst")
    await call("teams.list")
    await call("teams.get", team)
    await call("teams.update", team, description="d")
    await call("groups.users.add", group, email="a@example.com", role="Destination Analyst")
    await call("groups.users.list", group)
    await call("groups.users.remove", group, user)
    for owner, owner_id in (("users", user), ("teams", team)):
        for members, member_id in (("groups", group), ("connections", connection)):
            name = f"{owner}.{members}"
            await call(f"{name}.add", owner_id, id=member_id, role="Reviewer")
            await call(f"{name}.list", owner_id)
            await call(f"{name}.get", owner_id, member_id)
            await call(f"{name}.update", owner_id, member_id, role="Administrator")
            await call(f"{name}.remove", owner_id, member_id)
    await call("teams.users.add", team, user_id=user)
    await call("teams.users.list", team)
    await call("teams.users.get", team, user)
    await call("teams.users.update", team, user, role="Team Manager")
    await call("teams.users.remove", team, user)
    await call("users.api_keys.create", user, expiration_period_days=30)
    await call("users.api_keys.rotate", user, overlap_days=7)
    await call("users.api_keys.get", user)
    await call("users.list_api_keys", query="?user_type=REGULAR_USER")
    await call("users.api_keys.delete", user)
    await call("users.remove_account_role", user)
    await call("teams.remove_account_role", team)
    await call("users.delete", user)
    await call("teams.delete", team)


async def schemas(call: Drive, connection: str) -> None:
    """Call the schema config."""
    await call("connections.schemas.create", connection, schemas={"public": {"enabled": True}})
    await call("connections.schemas.reload", connection, exclude_mode="PRESERVE")
    await call("connections.schemas.get", connection)
    await call("connections.schemas.update", connection, schema_change_handling="BLOCK_ALL")
    await call("connections.schemas.update_schema", connection, "public", enabled=True)
    await call("connections.schemas.update_table", connection, "public", "orders", enabled=True)
    await call(
        "connections.schemas.update_column", connection, "public", "orders", "email", enabled=False
    )
    await call("connections.schemas.get_columns", connection, "public", "orders")
    await call("connections.schemas.drop_column", connection, "public", "orders", "email")
    dropped = {"public": {"tables": {"orders": {"columns": ["email"]}}}}
    await call("connections.schemas.drop_columns", connection, schemas=dropped)
    await call("connections.schemas.resync_tables", connection, public=["orders"])


async def trust(call: Drive, connection: str, destination: str) -> None:
    """Call certificates and fingerprints."""
    await call(
        "certificates.approve", hash="h0", encoded_cert=CERTIFICATE, connection_id=connection
    )
    for owner, owner_id in (("connections", connection), ("destinations", destination)):
        for kind, field in (("certificates", "encoded_cert"), ("fingerprints", "public_key")):
            await call(f"{owner}.{kind}.approve", owner_id, **{"hash": "h1", field: CERTIFICATE})
            await call(f"{owner}.{kind}.list", owner_id)
            await call(f"{owner}.{kind}.get", owner_id, "h1")
            await call(f"{owner}.{kind}.revoke", owner_id, "h1")


async def log_services(call: Drive, group: str) -> None:
    """Call the log services of a group and of the account."""
    config = {"region": "us-east-1"}
    await call("log_services.create", group_id=group, service="cloudwatch", config=config)
    await call("log_services.account.create", service="cloudwatch", config=config)
    await call("log_services.list")
    for name, ids in (("log_services", (group,)), ("log_services.account", ())):
        await call(f"{name}.get", *ids)
        await call(f"{name}.update", *ids, enabled=False)
        await call(f"{name}.run_setup_tests", *ids)
        await call(f"{name}.delete", *ids)


async def agents(call: Drive, group: str) -> None:
    """Call both kinds of agents."""
    hybrid = (
        await call(
            "hybrid_deployment_agents.create",
            group_id=group,
            display_name="h",
            env_type="DOCKER",
            accept_terms=True,
        )
    )["id"]
    await call("hybrid_deployment_agents.list", query=f"?groupId={group}")
    await call("hybrid_deployment_agents.get", hybrid)
    await call("hybrid_deployment_agents.re_auth", hybrid, auth_type="AUTO")
    await call("hybrid_deployment_agents.reset_credentials", hybrid)
    await call("hybrid_deployment_agents.delete", hybrid)
    proxy = (await call("proxy_agents.create", display_name="p"))["agent_id"]
    await call("proxy_agents.list")
    await call("proxy_agents.get", proxy)
    await call("proxy_agents.list_connections", proxy)
    await call("proxy_agents.regenerate_secrets", proxy)
    await call("proxy_agents.delete", proxy)


async def security(call: Drive) -> None:
    """Call keys, secrets managers, private links and hubs."""
    await call("account.get_info")
    key = (await call("system_keys.create", name="k", expiration_period="ONE_WEEK"))["id"]
    await call("system_keys.list")
    await call("system_keys.get", key)
    await call("system_keys.update", key, name="k2")
    await call("system_keys.rotate", key)
    await call("system_keys.delete", key)
    manager = (
        await call(
            "external_secrets_managers.create",
            name="v",
            type="HASHICORP_VAULT",
            config={"token": "t"},
        )
    )["id"]
    await call("external_secrets_managers.list")
    await call("external_secrets_managers.get", manager)
    await call("external_secrets_managers.update", manager, config={"url": "u"})
    await call("external_secrets_managers.list_entities", manager, query="?type=source")
    await call("external_secrets_managers.list_all_entities", query=f"?esm_id={manager}")
    await call("external_secrets_managers.delete", manager)
    link = (
        await call(
            "private_links.create",
            name="l",
            service="SOURCE_AWS",
            region="AWS_US_EAST_1",
            config={},
        )
    )["id"]
    await call("private_links.list")
    await call("private_links.get", link)
    await call("private_links.update", link, config={"connection_service_name": "x"})
    await call("private_links.delete", link)
    await call("hvr.register_hub", hub_server_url="hub.example.com", port=443, fingerprint="ab:cd")


async def catalog(call: Drive) -> None:
    """Call connector types and packages."""
    await call("connector_types.list")
    await call("connector_types.get", "postgres")
    await call("connector_types.list_public")
    package = (await call.upload("connector_sdk_packages.create"))["id"]
    await call("connector_sdk_packages.list")
    await call("connector_sdk_packages.get", package)
    await call.upload("connector_sdk_packages.update", package)
    await call("connector_sdk_packages.download", package)
    await call("connector_sdk_packages.delete", package)


async def transformations(call: Drive, group: str) -> None:
    """Call projects, transformations and packages of models."""
    project = (
        await call(
            "transformation_projects.create",
            group_id=group,
            type="DBT_CORE",
            project_config={
                "dbt_version": "1.8",
                "default_schema": "dbt",
                "git_remote_url": "git@example.com:x.git",
            },
        )
    )["id"]
    await call("transformation_projects.list")
    await call("transformation_projects.get", project)
    await call("transformation_projects.update", project, project_config={"threads": 4})
    await call("transformation_projects.run_tests", project)
    transformation = (
        await call(
            "transformations.create",
            type="DBT_CORE",
            transformation_config={"project_id": project, "name": "nightly"},
        )
    )["id"]
    await call("transformations.list", query=f"?group_id={group}&type=DBT_CORE")
    await call("transformations.get", transformation)
    await call("transformations.update", transformation, paused=True)
    await call("transformations.run", transformation, full_refresh=False)
    await call("transformations.cancel", transformation)
    quick = (
        await call(
            "transformations.create",
            type="QUICKSTART",
            transformation_config={"package_name": "stripe"},
        )
    )["id"]
    await call("transformations.upgrade_package", quick)
    await call("transformations.package_metadata.list", query="?service=stripe")
    await call("transformations.package_metadata.get", "stripe_package")
    await call("transformations.delete", transformation)
    await call("transformation_projects.delete", project)


async def webhooks(call: Drive, group: str) -> None:
    """Call webhooks."""
    url, events = "https://example.com/hook", ["sync_end"]
    account = (await call("webhooks.create_account", url=url, events=events, secret="s"))["id"]
    await call("webhooks.create_group", group, url=url, events=events)
    await call("webhooks.list")
    await call("webhooks.get", account)
    await call("webhooks.update", account, active=False)
    await call("webhooks.test", account, event="sync_end")
    await call("webhooks.delete", account)


async def connections(call: Drive, fake: FakeFivetran, group: str, connection: str) -> None:
    """Call the operations of connections other than creation and deletion."""
    await call("connections.list", query=f"?group_id={group}&schema=sdk")
    await call("connections.get", connection)
    await call("connections.run_setup_tests", connection, trust_certificates=True)
    card = {"redirect_uri": "https://example.com"}
    await call("connections.create_connect_card", connection, connect_card_config=card)
    await call("connections.sync", connection, force=False)
    await call("connections.resync", connection)
    fake.advance(600)
    await call("connections.list_sync_history", connection)
    await call("connections.list_errors", connection)
    await call("connections.update", connection, paused=True, run_setup_tests=False)
    await call("connections.update_state", connection, state={"cursor": 1})
    await call("connections.get_state", connection)
    other = (await call("groups.create", name="other"))["id"]
    warning = {"code": "resync_table_warning", "schema": "s", "table": "t", "details": "Why"}
    fake.change("connections", connection, table_warnings=[warning], warnings=[{"code": "odd"}])
    await call("connections.list_warnings", connection)
    await call("connections.dismiss_warning", connection, "odd")
    await call("connections.dismiss_warnings", connection, warning_types=["resync_table_warning"])
    await call("connections.move", connection, destination_group_id=other, sync_behavior="CONTINUE")
    move = await call(
        "connections.move",
        connection,
        destination_group_id=group,
        sync_behavior="CONTINUE_WITH_DATA",
        force_move=True,
    )
    await call("connections.get_move", connection, move["job_id"])
    fake.advance(600)
    await call("connections.get_move", connection, move["job_id"])


async def test_every_operation_agrees_with_the_table(api: Api, fake: FakeFivetran) -> None:
    """Each operation returns the declared status, envelope and fields."""
    call = Drive(api)
    group = (await call("groups.create", name="warehouse"))["id"]
    destination = (await call("destinations.create", group_id=group, service="snowflake"))["id"]
    connection = (
        await call(
            "connections.create",
            group_id=group,
            service="connector_sdk",
            config={"schema": "sdk"},
        )
    )["id"]
    await call("groups.list")
    await call("groups.get", group)
    await call("groups.update", group, name="renamed")
    await call("groups.list_connections", group, query="?schema=sdk")
    await call("groups.get_public_key", group)
    await call("groups.get_service_account", group)
    await call("destinations.list")
    await call("destinations.get", destination)
    await call("destinations.update", destination, config={"host": "h"}, run_setup_tests=True)
    await call("destinations.run_setup_tests", destination)
    await schemas(call, connection)
    await trust(call, connection, destination)
    await people(call, group, connection)
    await log_services(call, group)
    await agents(call, group)
    await security(call)
    await catalog(call)
    await transformations(call, group)
    await webhooks(call, group)
    await connections(call, fake, group, connection)
    await call("connections.delete", connection)
    await call("destinations.delete", destination)
    await call("groups.delete", group)
    assert call.done == OPERATIONS.keys()


def with_body() -> list[ServedOperation]:
    """Return the operations that have a JSON body with known fields."""
    return [o for o in OPERATIONS.values() if isinstance(o.body, Fields) and not o.multipart]


@for_each("operation", with_body())
async def test_a_misspelt_field_is_refused(api: Api, operation: ServedOperation) -> None:
    """For each operation with a body, a misspelt field gives a 400 that names the field."""
    assert isinstance(operation.body, Fields)
    field = min(operation.body.types) + "x"
    path = re.sub(r"\{\w+\}", "some_id", operation.path)
    body: Mapping[str, object] = {field: "x"}
    response = await api(operation.verb, path, body)
    assert (response.status, response.json["code"]) == (400, "InvalidInput")
    assert field in response.json["message"]


def test_every_operation_has_a_rule() -> None:
    """Every operation in the table has an action."""
    for operation in OPERATIONS.values():
        assert callable(RULES.action(operation))


def missing() -> list[ServedOperation]:
    """Return the operations with an id in the path."""
    return [o for o in OPERATIONS.values() if "{" in o.path]


@for_each("operation", missing())
async def test_an_unknown_id_is_not_found(api: Api, operation: ServedOperation) -> None:
    """Every operation on a missing record gives 404 with a NotFound code."""
    path = re.sub(r"\{\w+\}", "nobody_here", operation.path)
    if operation.multipart:
        form = aiohttp.FormData()
        form.add_field("file", b"PK", filename="code.zip")
        response = await api(operation.verb, path, data=form)
    else:
        response = await api(operation.verb, path, least_body(operation))
    assert response.status == 404, response.json
    assert response.json["code"].startswith("NotFound")


def least_body(operation: ServedOperation) -> dict[str, object] | None:
    """Return the smallest valid body."""
    special: dict[str, dict[str, object]] = {
        "connections.schemas.resync_tables": {"public": ["orders"]},
        "connections.update": {"paused": True},
        "connections.create_connect_card": {
            "connect_card_config": {"redirect_uri": "https://example.com"}
        },
        "connections.move": {"destination_group_id": "g", "sync_behavior": "CONTINUE"},
    }
    if operation.name in special:
        return special[operation.name]
    if not isinstance(operation.body, Fields):
        return None if operation.body is None else {}
    samples: dict[str, object] = {
        "config": {},
        "schemas": {"public": {"tables": {"t": {"columns": ["c"]}}, "enabled": True}},
    }
    samples |= {"events": ["sync_end"], "url": "https://example.com"}
    if operation.name == "connections.schemas.create":
        samples["schemas"] = {"public": {"enabled": True}}
    if operation.name == "connections.schemas.drop_columns":
        samples["schemas"] = {"public": {"tables": {"t": {"columns": ["c"]}}}}
    return {name: samples.get(name, "x") for name in operation.body.required}
