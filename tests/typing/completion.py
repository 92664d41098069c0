"""What an editor offers on a session; checked by mypy and pyright, never run."""

# Both checkers report unused ignores, so each ignore proves an error.
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Protocol, assert_type

from fivetran_async import (
    UNSET,
    ActionResult,
    AsyncFivetran,
    Hooks,
    Pager,
    RetryPolicy,
    Timeouts,
    Unset,
    with_retry,
)
from fivetran_async.limits import RateLimiter
from fivetran_async.models import Connection, Group, Membership, SchemaConfig, Table
from fivetran_async.resources.account import Account
from fivetran_async.resources.certificates import Certificates
from fivetran_async.resources.connection_schemas import ConnectionSchemas
from fivetran_async.resources.connections import Connections
from fivetran_async.resources.connector_sdk_packages import ConnectorSdkPackages
from fivetran_async.resources.connector_types import ConnectorTypes
from fivetran_async.resources.destinations import Destinations
from fivetran_async.resources.external_secrets_managers import ExternalSecretsManagers
from fivetran_async.resources.groups import Groups, GroupUsers
from fivetran_async.resources.hvr import Hvr
from fivetran_async.resources.hybrid_deployment_agents import HybridDeploymentAgents
from fivetran_async.resources.log_services import AccountLogService, LogServices
from fivetran_async.resources.memberships import Memberships, TeamUsers
from fivetran_async.resources.private_links import PrivateLinks
from fivetran_async.resources.proxy_agents import ProxyAgents
from fivetran_async.resources.roles import Roles
from fivetran_async.resources.system_keys import SystemKeys
from fivetran_async.resources.teams import Teams
from fivetran_async.resources.transformation_projects import TransformationProjects
from fivetran_async.resources.transformations import (
    TransformationPackageMetadata,
    Transformations,
)
from fivetran_async.resources.trust import TrustedCertificates, TrustedFingerprints
from fivetran_async.resources.user_api_keys import UserApiKeys
from fivetran_async.resources.users import Users
from fivetran_async.resources.webhooks import Webhooks
from fivetran_async.syncs import SyncOutcome, Syncs


def every_family(fivetran: AsyncFivetran) -> None:
    """Each attribute of a session has its own class, which completes its methods."""
    assert_type(fivetran.account, Account)
    assert_type(fivetran.certificates, Certificates)
    assert_type(fivetran.connections, Connections)
    assert_type(fivetran.connector_sdk_packages, ConnectorSdkPackages)
    assert_type(fivetran.connector_types, ConnectorTypes)
    assert_type(fivetran.connectors, Connections)
    assert_type(fivetran.destinations, Destinations)
    assert_type(fivetran.external_secrets_managers, ExternalSecretsManagers)
    assert_type(fivetran.groups, Groups)
    assert_type(fivetran.hvr, Hvr)
    assert_type(fivetran.hybrid_deployment_agents, HybridDeploymentAgents)
    assert_type(fivetran.limits, RateLimiter)
    assert_type(fivetran.log_services, LogServices)
    assert_type(fivetran.private_links, PrivateLinks)
    assert_type(fivetran.proxy_agents, ProxyAgents)
    assert_type(fivetran.roles, Roles)
    assert_type(fivetran.syncs, Syncs)
    assert_type(fivetran.system_keys, SystemKeys)
    assert_type(fivetran.teams, Teams)
    assert_type(fivetran.transformation_projects, TransformationProjects)
    assert_type(fivetran.transformations, Transformations)
    assert_type(fivetran.users, Users)
    assert_type(fivetran.users.api_keys, UserApiKeys)
    assert_type(fivetran.webhooks, Webhooks)


def every_family_in_a_family(fivetran: AsyncFivetran) -> None:
    """Nested families have their own classes, too."""
    assert_type(fivetran.connections.certificates, TrustedCertificates)
    assert_type(fivetran.connections.fingerprints, TrustedFingerprints)
    assert_type(fivetran.connections.schemas, ConnectionSchemas)
    assert_type(fivetran.destinations.certificates, TrustedCertificates)
    assert_type(fivetran.destinations.fingerprints, TrustedFingerprints)
    assert_type(fivetran.groups.users, GroupUsers)
    assert_type(fivetran.log_services.account, AccountLogService)
    assert_type(fivetran.teams.connections, Memberships[Membership, Membership])
    assert_type(fivetran.teams.groups, Memberships[Membership, Membership])
    assert_type(fivetran.teams.users, TeamUsers)
    assert_type(fivetran.transformations.package_metadata, TransformationPackageMetadata)
    assert_type(fivetran.users.connections, Memberships[Membership, Membership])
    assert_type(fivetran.users.groups, Memberships[Membership, ActionResult])


class ListGroups(Protocol):
    """The complete signature of `groups.list`."""

    def __call__(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[Group]:
        """List groups."""
        ...


class UpdateGroup(Protocol):
    """The complete signature of `groups.update`."""

    def __call__(self, group_id: str, *, name: str | Unset = UNSET) -> Coroutine[Any, Any, Group]:
        """Rename a group."""
        ...


def signatures(fivetran: AsyncFivetran) -> tuple[object, ...]:
    """A method shows its parameters with types, and its return type."""
    get: Callable[[str], Coroutine[Any, Any, Group]] = fivetran.groups.get
    list_groups: ListGroups = fivetran.groups.list
    update: UpdateGroup = fivetran.groups.update
    return get, list_groups, update


async def refusals(fivetran: AsyncFivetran) -> None:
    """Misspelt, missing, mistyped and positional arguments are errors."""
    fivetran.gruops.list()  # type: ignore[attr-defined]
    fivetran.groups.lst()  # type: ignore[attr-defined]
    await fivetran.groups.list(page_size=5)  # type: ignore[call-arg]
    await fivetran.groups.list(5)  # type: ignore[call-arg]
    await fivetran.groups.get()  # type: ignore[call-arg]
    await fivetran.groups.get(5)  # type: ignore[arg-type]
    await fivetran.groups.create(title="name")  # type: ignore[call-arg]
    await fivetran.connections.set_sync_frequency("id", "60")  # type: ignore[arg-type]
    (await fivetran.groups.get("id")).name.cout("a")  # type: ignore[attr-defined]


async def models(fivetran: AsyncFivetran) -> None:
    """Fields and properties of results are known at every level."""
    connection = await fivetran.connections.get("connection_id")
    assert_type(connection.schema, str)
    assert_type(connection.succeeded_at, datetime | None)
    assert_type(connection.status.sync_state, str)
    assert_type(connection.status.tasks[0].message, str)
    assert_type(connection.is_paused, bool)
    config = await fivetran.connections.schemas.get("connection_id")
    assert_type(config, SchemaConfig)
    assert_type(config.schemas["public"].tables["users"], Table)
    assert_type(config.schemas["public"].tables["users"].columns["id"].hashed, bool | None)


async def views() -> None:
    """A session, its copies and the target of `async with` have the same type."""
    async with AsyncFivetran(timeouts=Timeouts(total=30), hooks=Hooks()) as fivetran:
        assert_type(fivetran, AsyncFivetran)
        assert_type(fivetran.with_options(retry=RetryPolicy(), limiter=None), AsyncFivetran)
        assert_type(fivetran.with_options(priority="bulk", deadline=60).groups, Groups)
        assert_type(await fivetran.connections.sync_and_wait("connection_id"), SyncOutcome)
        found = await with_retry(lambda: fivetran.connections.get("connection_id"))
        assert_type(found, Connection)
