"""Calls every method and asserts the result's type; checked by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from fivetran_async import ActionResult, AsyncFivetran, Page, Pager, RawResponse
from fivetran_async.models import (
    AccountInfo,
    Certificate,
    ConnectCardResponse,
    Connection,
    ConnectionMove,
    ConnectionMoveJob,
    ConnectionProblem,
    ConnectionSchedule,
    ConnectionState,
    ConnectorSdkPackage,
    ConnectorType,
    Destination,
    ExternalSecretsManager,
    ExternalSecretsManagerEntity,
    Fingerprint,
    Group,
    GroupPublicKey,
    GroupServiceAccount,
    HvrHubRegistration,
    HybridDeploymentAgent,
    LogService,
    LogServiceTestResult,
    Membership,
    PackageMetadata,
    PrivateLink,
    ProxyAgent,
    ProxyAgentConnection,
    ProxyAgentCredentials,
    Role,
    RowFilter,
    SchemaConfig,
    SyncHistoryEntry,
    SyncStatus,
    SystemKey,
    TableColumns,
    TableWarnings,
    Team,
    TeamMembership,
    Transformation,
    TransformationProject,
    User,
    UserApiKey,
    UserApiKeyCredentials,
    Webhook,
    WebhookTestResult,
)


async def account(fivetran: AsyncFivetran) -> None:
    """`fivetran.account`."""
    assert_type(await fivetran.account.get_info(), AccountInfo)


async def certificates(fivetran: AsyncFivetran) -> None:
    """`fivetran.certificates`."""
    assert_type(
        await fivetran.certificates.approve(hash="hash", encoded_cert="encoded_cert"), ActionResult
    )


async def connections(fivetran: AsyncFivetran) -> None:
    """`fivetran.connections`."""
    assert_type(
        await fivetran.connections.certificates.approve(
            "connection_id", hash="hash", encoded_cert="encoded_cert"
        ),
        Certificate,
    )
    assert_type(await fivetran.connections.certificates.get("connection_id", "hash"), Certificate)
    assert_type(await fivetran.connections.certificates.list("connection_id"), Page[Certificate])
    assert_type(
        await fivetran.connections.certificates.revoke("connection_id", "hash"), ActionResult
    )
    assert_type(
        await fivetran.connections.create(group_id="group_id", service="service"), Connection
    )
    assert_type(
        await fivetran.connections.create_connect_card(
            "connection_id", connect_card_config={"redirect_uri": "https://example.com"}
        ),
        ConnectCardResponse,
    )
    assert_type(await fivetran.connections.delete("connection_id", confirm=True), ActionResult)
    assert_type(
        await fivetran.connections.fingerprints.approve(
            "connection_id", hash="hash", public_key="public_key"
        ),
        Fingerprint,
    )
    assert_type(await fivetran.connections.fingerprints.get("connection_id", "hash"), Fingerprint)
    assert_type(await fivetran.connections.fingerprints.list("connection_id"), Page[Fingerprint])
    assert_type(
        await fivetran.connections.fingerprints.revoke("connection_id", "hash"), ActionResult
    )
    assert_type(await fivetran.connections.get("connection_id"), Connection)
    assert_type(await fivetran.connections.get_state("connection_id"), ConnectionState)
    assert_type(await fivetran.connections.list(), Page[Connection])
    assert_type(await fivetran.connections.list_errors("connection_id"), Page[ConnectionProblem])
    assert_type(
        await fivetran.connections.list_sync_history("connection_id"), Page[SyncHistoryEntry]
    )
    assert_type(
        await fivetran.connections.move(
            "connection_id", destination_group_id="destination_group_id"
        ),
        ConnectionMove,
    )
    assert_type(await fivetran.connections.get_move("connection_id", "job_id"), ConnectionMoveJob)
    assert_type(
        await fivetran.connections.wait_for_move("connection_id", "job_id"), ConnectionMoveJob
    )
    assert_type(await fivetran.connections.list_warnings("connection_id"), Page[TableWarnings])
    assert_type(
        await fivetran.connections.dismiss_warning("connection_id", "warning_type"), ActionResult
    )
    assert_type(await fivetran.connections.dismiss_warnings("connection_id"), ActionResult)
    assert_type(await fivetran.connections.resync("connection_id", confirm=True), ActionResult)
    assert_type(await fivetran.connections.run_setup_tests("connection_id"), Connection)
    assert_type(
        await fivetran.connections.schemas.create(
            "connection_id", schemas={"public": {"enabled": False}}
        ),
        SchemaConfig,
    )
    assert_type(
        await fivetran.connections.schemas.drop_column(
            "connection_id", "schema_name", "table_name", "column_name", confirm=True
        ),
        ActionResult,
    )
    assert_type(
        await fivetran.connections.schemas.drop_columns(
            "connection_id",
            schemas={"public": {"tables": {"orders": {"columns": ["note"]}}}},
            confirm=True,
        ),
        ActionResult,
    )
    assert_type(await fivetran.connections.schemas.get("connection_id"), SchemaConfig)
    assert_type(
        await fivetran.connections.schemas.get_columns(
            "connection_id", "schema_name", "table_name"
        ),
        TableColumns,
    )
    assert_type(await fivetran.connections.schemas.reload("connection_id"), SchemaConfig)
    assert_type(
        await fivetran.connections.schemas.resync_tables(
            "connection_id", {"public": ["orders"]}, confirm=True
        ),
        ActionResult,
    )
    assert_type(await fivetran.connections.schemas.update("connection_id"), SchemaConfig)
    assert_type(
        await fivetran.connections.schemas.update_column(
            "connection_id", "schema_name", "table_name", "column_name"
        ),
        SchemaConfig,
    )
    assert_type(
        await fivetran.connections.schemas.update_schema("connection_id", "schema_name"),
        SchemaConfig,
    )
    assert_type(
        await fivetran.connections.schemas.update_table(
            "connection_id", "schema_name", "table_name"
        ),
        SchemaConfig,
    )
    assert_type(await fivetran.connections.sync("connection_id"), ActionResult)
    assert_type(await fivetran.connections.update("connection_id"), Connection)
    assert_type(
        await fivetran.connections.update(
            "connection_id",
            schedule=ConnectionSchedule(schedule_type="INTERVAL", interval=60),
            data_checks=True,
        ),
        Connection,
    )
    assert_type(
        await fivetran.connections.schemas.update_table(
            "connection_id", "schema_name", "table_name", row_filter=RowFilter(name="name")
        ),
        SchemaConfig,
    )
    assert_type(
        await fivetran.connections.schemas.update_table(
            "connection_id", "schema_name", "table_name", row_filter=None
        ),
        SchemaConfig,
    )
    assert_type(
        await fivetran.connections.schemas.update_column(
            "connection_id", "schema_name", "table_name", "column_name", target_data_type="Json"
        ),
        SchemaConfig,
    )
    assert_type(
        await fivetran.connections.update_state("connection_id", confirm=True), ConnectionState
    )
    assert_type(
        await fivetran.connections.find(group_id="group_id", schema="schema"), Connection | None
    )
    assert_type(await fivetran.connections.pause("connection_id"), Connection)
    assert_type(await fivetran.connections.resume("connection_id"), Connection)
    assert_type(await fivetran.connections.set_sync_frequency("connection_id", 60), Connection)
    assert_type(await fivetran.connections.get_sync_status("connection_id"), SyncStatus)
    assert_type(
        await fivetran.connections.schemas.modify(
            "connection_id",
            lambda schemas: {"schemas": {name: {"enabled": False} for name in schemas.schemas}},
        ),
        SchemaConfig,
    )


async def connector_sdk_packages(fivetran: AsyncFivetran) -> None:
    """`fivetran.connector_sdk_packages`."""
    assert_type(
        await fivetran.connector_sdk_packages.create(file=b"a zip file"), ConnectorSdkPackage
    )
    assert_type(await fivetran.connector_sdk_packages.delete("package_id"), ActionResult)
    assert_type(await fivetran.connector_sdk_packages.download("package_id"), bytes)
    assert_type(await fivetran.connector_sdk_packages.get("package_id"), ConnectorSdkPackage)
    assert_type(await fivetran.connector_sdk_packages.list(), Page[ConnectorSdkPackage])
    assert_type(
        await fivetran.connector_sdk_packages.update("package_id", file=b"a zip file"),
        ConnectorSdkPackage,
    )


async def connector_types(fivetran: AsyncFivetran) -> None:
    """`fivetran.connector_types`."""
    assert_type(await fivetran.connector_types.get("service"), ConnectorType)
    assert_type(await fivetran.connector_types.list(), Page[ConnectorType])
    assert_type(await fivetran.connector_types.list_public(), tuple[ConnectorType, ...])


async def destinations(fivetran: AsyncFivetran) -> None:
    """`fivetran.destinations`."""
    assert_type(
        await fivetran.destinations.certificates.approve(
            "destination_id", hash="hash", encoded_cert="encoded_cert"
        ),
        Certificate,
    )
    assert_type(await fivetran.destinations.certificates.get("destination_id", "hash"), Certificate)
    assert_type(await fivetran.destinations.certificates.list("destination_id"), Page[Certificate])
    assert_type(
        await fivetran.destinations.certificates.revoke("destination_id", "hash"), ActionResult
    )
    assert_type(
        await fivetran.destinations.create(group_id="group_id", service="service"), Destination
    )
    assert_type(await fivetran.destinations.delete("destination_id", confirm=True), ActionResult)
    assert_type(
        await fivetran.destinations.fingerprints.approve(
            "destination_id", hash="hash", public_key="public_key"
        ),
        Fingerprint,
    )
    assert_type(await fivetran.destinations.fingerprints.get("destination_id", "hash"), Fingerprint)
    assert_type(await fivetran.destinations.fingerprints.list("destination_id"), Page[Fingerprint])
    assert_type(
        await fivetran.destinations.fingerprints.revoke("destination_id", "hash"), ActionResult
    )
    assert_type(await fivetran.destinations.get("destination_id"), Destination)
    assert_type(await fivetran.destinations.list(), Page[Destination])
    assert_type(await fivetran.destinations.run_setup_tests("destination_id"), Destination)
    assert_type(await fivetran.destinations.update("destination_id"), Destination)


async def external_secrets_managers(fivetran: AsyncFivetran) -> None:
    """`fivetran.external_secrets_managers`."""
    assert_type(
        await fivetran.external_secrets_managers.create(
            name="name", type="type", config={"host": "db.example.com"}
        ),
        ExternalSecretsManager,
    )
    assert_type(await fivetran.external_secrets_managers.delete("esm_id"), ActionResult)
    assert_type(await fivetran.external_secrets_managers.get("esm_id"), ExternalSecretsManager)
    assert_type(await fivetran.external_secrets_managers.list(), Page[ExternalSecretsManager])
    assert_type(
        await fivetran.external_secrets_managers.list_all_entities(),
        Page[ExternalSecretsManagerEntity],
    )
    assert_type(
        await fivetran.external_secrets_managers.list_entities("esm_id"),
        Page[ExternalSecretsManagerEntity],
    )
    assert_type(
        await fivetran.external_secrets_managers.update(
            "esm_id", config={"host": "db.example.com"}
        ),
        ExternalSecretsManager,
    )


async def groups(fivetran: AsyncFivetran) -> None:
    """`fivetran.groups`."""
    assert_type(await fivetran.groups.create(name="name"), Group)
    assert_type(await fivetran.groups.delete("group_id", confirm=True), ActionResult)
    assert_type(await fivetran.groups.get("group_id"), Group)
    assert_type(await fivetran.groups.get_public_key("group_id"), GroupPublicKey)
    assert_type(await fivetran.groups.get_service_account("group_id"), GroupServiceAccount)
    assert_type(await fivetran.groups.list(), Page[Group])
    assert_type(await fivetran.groups.list_connections("group_id"), Page[Connection])
    assert_type(await fivetran.groups.update("group_id"), Group)
    assert_type(await fivetran.groups.users.add("group_id", email="e", role="r"), ActionResult)
    assert_type(await fivetran.groups.users.list("group_id"), Page[User])
    assert_type(await fivetran.groups.users.remove("group_id", "user_id"), ActionResult)


async def hvr(fivetran: AsyncFivetran) -> None:
    """`fivetran.hvr`."""
    assert_type(
        await fivetran.hvr.register_hub(
            hub_server_url="hub_server_url", port=4343, fingerprint="fingerprint"
        ),
        HvrHubRegistration,
    )


async def hybrid_deployment_agents(fivetran: AsyncFivetran) -> None:
    """`fivetran.hybrid_deployment_agents`."""
    assert_type(
        await fivetran.hybrid_deployment_agents.create(
            display_name="display_name", env_type="env_type", accept_terms=True
        ),
        HybridDeploymentAgent,
    )
    assert_type(await fivetran.hybrid_deployment_agents.delete("agent_id"), ActionResult)
    assert_type(await fivetran.hybrid_deployment_agents.get("agent_id"), HybridDeploymentAgent)
    assert_type(await fivetran.hybrid_deployment_agents.list(), Page[HybridDeploymentAgent])
    assert_type(await fivetran.hybrid_deployment_agents.re_auth("agent_id"), HybridDeploymentAgent)
    assert_type(await fivetran.hybrid_deployment_agents.reset_credentials("agent_id"), ActionResult)


async def log_services(fivetran: AsyncFivetran) -> None:
    """`fivetran.log_services`."""
    assert_type(
        await fivetran.log_services.account.create(
            service="service", config={"host": "db.example.com"}
        ),
        LogService,
    )
    assert_type(await fivetran.log_services.account.delete(), ActionResult)
    assert_type(await fivetran.log_services.account.get(), LogService)
    assert_type(await fivetran.log_services.account.run_setup_tests(), LogServiceTestResult)
    assert_type(await fivetran.log_services.account.update(), LogService)
    assert_type(
        await fivetran.log_services.create(
            group_id="group_id", service="service", config={"host": "db.example.com"}
        ),
        LogService,
    )
    assert_type(await fivetran.log_services.delete("log_id"), ActionResult)
    assert_type(await fivetran.log_services.get("log_id"), LogService)
    assert_type(await fivetran.log_services.list(), Page[LogService])
    assert_type(await fivetran.log_services.run_setup_tests("log_id"), LogServiceTestResult)
    assert_type(await fivetran.log_services.update("log_id"), LogService)


async def private_links(fivetran: AsyncFivetran) -> None:
    """`fivetran.private_links`."""
    assert_type(
        await fivetran.private_links.create(
            name="name", region="region", service="service", config={"host": "db.example.com"}
        ),
        PrivateLink,
    )
    assert_type(await fivetran.private_links.delete("private_link_id"), ActionResult)
    assert_type(await fivetran.private_links.get("private_link_id"), PrivateLink)
    assert_type(await fivetran.private_links.list(), Page[PrivateLink])
    assert_type(await fivetran.private_links.update("private_link_id"), PrivateLink)


async def proxy_agents(fivetran: AsyncFivetran) -> None:
    """`fivetran.proxy_agents`."""
    assert_type(
        await fivetran.proxy_agents.create(display_name="display_name"), ProxyAgentCredentials
    )
    assert_type(await fivetran.proxy_agents.delete("agent_id"), ActionResult)
    assert_type(await fivetran.proxy_agents.get("agent_id"), ProxyAgent)
    assert_type(await fivetran.proxy_agents.list(), Page[ProxyAgent])
    assert_type(
        await fivetran.proxy_agents.list_connections("agent_id"), Page[ProxyAgentConnection]
    )
    assert_type(await fivetran.proxy_agents.regenerate_secrets("agent_id"), ProxyAgentCredentials)


async def roles(fivetran: AsyncFivetran) -> None:
    """`fivetran.roles`."""
    assert_type(await fivetran.roles.list(), Page[Role])


async def system_keys(fivetran: AsyncFivetran) -> None:
    """`fivetran.system_keys`."""
    assert_type(
        await fivetran.system_keys.create(
            name="name", permissions=[{"resource_type": "USER", "access_level": "READ"}]
        ),
        SystemKey,
    )
    assert_type(await fivetran.system_keys.delete("key_id", confirm=True), ActionResult)
    assert_type(await fivetran.system_keys.get("key_id"), SystemKey)
    assert_type(await fivetran.system_keys.list(), Page[SystemKey])
    assert_type(await fivetran.system_keys.rotate("key_id"), SystemKey)
    assert_type(await fivetran.system_keys.update("key_id"), SystemKey)


async def teams(fivetran: AsyncFivetran) -> None:
    """`fivetran.teams`."""
    assert_type(
        await fivetran.teams.connections.add("team_id", "member_id", role="role"), Membership
    )
    assert_type(await fivetran.teams.connections.get("team_id", "connection_id"), Membership)
    assert_type(await fivetran.teams.connections.list("team_id"), Page[Membership])
    assert_type(await fivetran.teams.connections.remove("team_id", "connection_id"), ActionResult)
    assert_type(
        await fivetran.teams.connections.update("team_id", "connection_id", role="role"), Membership
    )
    assert_type(await fivetran.teams.create(name="name", role="role"), Team)
    assert_type(await fivetran.teams.delete("team_id"), ActionResult)
    assert_type(await fivetran.teams.get("team_id"), Team)
    assert_type(await fivetran.teams.groups.add("team_id", "member_id", role="role"), Membership)
    assert_type(await fivetran.teams.groups.get("team_id", "group_id"), Membership)
    assert_type(await fivetran.teams.groups.list("team_id"), Page[Membership])
    assert_type(await fivetran.teams.groups.remove("team_id", "group_id"), ActionResult)
    assert_type(await fivetran.teams.groups.update("team_id", "group_id", role="role"), Membership)
    assert_type(await fivetran.teams.list(), Page[Team])
    assert_type(await fivetran.teams.remove_account_role("team_id"), ActionResult)
    assert_type(await fivetran.teams.update("team_id"), Team)
    assert_type(await fivetran.teams.users.add("team_id", "user_id"), TeamMembership)
    assert_type(await fivetran.teams.users.get("team_id", "user_id"), TeamMembership)
    assert_type(await fivetran.teams.users.list("team_id"), Page[TeamMembership])
    assert_type(await fivetran.teams.users.remove("team_id", "user_id"), ActionResult)
    assert_type(
        await fivetran.teams.users.update("team_id", "user_id", role="role"), TeamMembership
    )


async def transformation_projects(fivetran: AsyncFivetran) -> None:
    """`fivetran.transformation_projects`."""
    assert_type(
        await fivetran.transformation_projects.create(
            group_id="group_id",
            type="type",
            project_config={"dbt_version": "1.9.0", "default_schema": "public"},
        ),
        TransformationProject,
    )
    assert_type(await fivetran.transformation_projects.delete("project_id"), ActionResult)
    assert_type(await fivetran.transformation_projects.get("project_id"), TransformationProject)
    assert_type(await fivetran.transformation_projects.list(), Page[TransformationProject])
    assert_type(
        await fivetran.transformation_projects.run_tests("project_id"), TransformationProject
    )
    assert_type(await fivetran.transformation_projects.update("project_id"), TransformationProject)


async def transformations(fivetran: AsyncFivetran) -> None:
    """`fivetran.transformations`."""
    assert_type(await fivetran.transformations.cancel("transformation_id"), ActionResult)
    assert_type(
        await fivetran.transformations.create(
            type="type", transformation_config={"package_name": "jira"}
        ),
        Transformation,
    )
    assert_type(await fivetran.transformations.delete("transformation_id"), ActionResult)
    assert_type(await fivetran.transformations.get("transformation_id"), Transformation)
    assert_type(await fivetran.transformations.list(), Page[Transformation])
    assert_type(
        await fivetran.transformations.package_metadata.get("package_definition_id"),
        PackageMetadata,
    )
    assert_type(await fivetran.transformations.package_metadata.list(), Page[PackageMetadata])
    assert_type(await fivetran.transformations.run("transformation_id"), ActionResult)
    assert_type(await fivetran.transformations.update("transformation_id"), Transformation)
    assert_type(await fivetran.transformations.upgrade_package("transformation_id"), ActionResult)


async def users(fivetran: AsyncFivetran) -> None:
    """`fivetran.users`."""
    assert_type(await fivetran.users.api_keys.create("user_id"), UserApiKeyCredentials)
    assert_type(await fivetran.users.api_keys.delete("user_id", confirm=True), ActionResult)
    assert_type(await fivetran.users.api_keys.get("user_id"), UserApiKey)
    assert_type(await fivetran.users.api_keys.rotate("user_id"), UserApiKeyCredentials)
    assert_type(await fivetran.users.list_api_keys(), Page[UserApiKey])
    assert_type(
        await fivetran.users.connections.add("user_id", "member_id", role="role"), Membership
    )
    assert_type(await fivetran.users.connections.get("user_id", "connection_id"), Membership)
    assert_type(await fivetran.users.connections.list("user_id"), Page[Membership])
    assert_type(await fivetran.users.connections.remove("user_id", "connection_id"), ActionResult)
    assert_type(
        await fivetran.users.connections.update("user_id", "connection_id", role="role"), Membership
    )
    assert_type(
        await fivetran.users.create(
            email="email", given_name="given_name", family_name="family_name"
        ),
        User,
    )
    assert_type(await fivetran.users.delete("user_id", confirm=True), ActionResult)
    assert_type(await fivetran.users.get("user_id"), User)
    assert_type(await fivetran.users.groups.add("user_id", "member_id", role="role"), Membership)
    assert_type(await fivetran.users.groups.get("user_id", "group_id"), Membership)
    assert_type(await fivetran.users.groups.list("user_id"), Page[Membership])
    assert_type(await fivetran.users.groups.remove("user_id", "group_id"), ActionResult)
    assert_type(
        await fivetran.users.groups.update("user_id", "group_id", role="role"), ActionResult
    )
    assert_type(await fivetran.users.list(), Page[User])
    assert_type(await fivetran.users.remove_account_role("user_id"), ActionResult)
    assert_type(await fivetran.users.update("user_id"), User)


async def webhooks(fivetran: AsyncFivetran) -> None:
    """`fivetran.webhooks`."""
    assert_type(await fivetran.webhooks.create_account(url="url", events=["sync_end"]), Webhook)
    assert_type(
        await fivetran.webhooks.create_group("group_id", url="url", events=["sync_end"]), Webhook
    )
    assert_type(await fivetran.webhooks.delete("webhook_id"), ActionResult)
    assert_type(await fivetran.webhooks.get("webhook_id"), Webhook)
    assert_type(await fivetran.webhooks.list(), Page[Webhook])
    assert_type(await fivetran.webhooks.test("webhook_id", event="event"), WebhookTestResult)
    assert_type(await fivetran.webhooks.update("webhook_id"), Webhook)


async def lists(fivetran: AsyncFivetran) -> None:
    """A list has one type for each way of reading it."""
    groups: Pager[Group] = fivetran.groups.list()
    assert_type(await groups, Page[Group])
    assert_type((await groups.page()).items, tuple[Group, ...])
    assert_type(await groups.collect(), list[Group])
    assert_type(await groups.take(3), list[Group])
    async for group in groups:
        assert_type(group, Group)
    async for page in groups.pages():
        assert_type(page, Page[Group])
    async with groups.prefetch() as items:
        async for item in items:
            assert_type(item, Group)


async def options(fivetran: AsyncFivetran) -> None:
    """Types that depend on an argument, and functions outside of the families."""
    assert_type(await fivetran.connector_sdk_packages.download("package_id", to="code.zip"), Path)
    assert_type(await fivetran.request("GET", "/v1/groups/a", result=Group), Group)
    assert_type(await fivetran.request("GET", "/v1/groups/a"), object)
    assert_type(await fivetran.request_raw("GET", "/v1/groups/a"), RawResponse)
    assert_type(await fivetran.paginate("/v1/groups", item=Group), Page[Group])
    results = fivetran.fan_out(
        fivetran.groups.list(),
        lambda group: fivetran.connections.list(group_id=group.id),
    )
    async with results as pairs:
        async for group, connection in pairs:
            assert_type(group, Group)
            assert_type(connection, Connection)
