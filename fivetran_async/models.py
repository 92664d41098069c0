"""
All models, for annotations: `from fivetran_async.models import Connection`.

Models are defined in `fivetran_async.resources`, beside the methods that return them, and loaded
when they are first used. Each has `from_dict(mapping)`, `to_dict()` and `extra`, which keeps fields
of the response that the model does not declare or that have another type.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fivetran_async.resources.account import AccountInfo as AccountInfo
    from fivetran_async.resources.connection_models import ConnectCard as ConnectCard
    from fivetran_async.resources.connection_models import ConnectCardConfig as ConnectCardConfig
    from fivetran_async.resources.connection_models import (
        ConnectCardResponse as ConnectCardResponse,
    )
    from fivetran_async.resources.connection_models import Connection as Connection
    from fivetran_async.resources.connection_models import ConnectionMove as ConnectionMove
    from fivetran_async.resources.connection_models import ConnectionMoveJob as ConnectionMoveJob
    from fivetran_async.resources.connection_models import ConnectionProblem as ConnectionProblem
    from fivetran_async.resources.connection_models import (
        ConnectionSchedule as ConnectionSchedule,
    )
    from fivetran_async.resources.connection_models import ConnectionState as ConnectionState
    from fivetran_async.resources.connection_models import ConnectionStatus as ConnectionStatus
    from fivetran_async.resources.connection_models import ConnectionTask as ConnectionTask
    from fivetran_async.resources.connection_models import ConnectionWarning as ConnectionWarning
    from fivetran_async.resources.connection_models import (
        DestinationConfiguration as DestinationConfiguration,
    )
    from fivetran_async.resources.connection_models import NewConnection as NewConnection
    from fivetran_async.resources.connection_models import SetupState as SetupState
    from fivetran_async.resources.connection_models import SyncHistoryEntry as SyncHistoryEntry
    from fivetran_async.resources.connection_models import SyncStage as SyncStage
    from fivetran_async.resources.connection_models import SyncStages as SyncStages
    from fivetran_async.resources.connection_models import SyncState as SyncState
    from fivetran_async.resources.connection_models import SyncStatus as SyncStatus
    from fivetran_async.resources.connection_models import TableWarnings as TableWarnings
    from fivetran_async.resources.connection_schema_models import Column as Column
    from fivetran_async.resources.connection_schema_models import ColumnUpdate as ColumnUpdate
    from fivetran_async.resources.connection_schema_models import (
        EnabledPatchSettings as EnabledPatchSettings,
    )
    from fivetran_async.resources.connection_schema_models import RowFilter as RowFilter
    from fivetran_async.resources.connection_schema_models import RowFilterClause as RowFilterClause
    from fivetran_async.resources.connection_schema_models import Schema as Schema
    from fivetran_async.resources.connection_schema_models import (
        SchemaChangeHandling as SchemaChangeHandling,
    )
    from fivetran_async.resources.connection_schema_models import SchemaConfig as SchemaConfig
    from fivetran_async.resources.connection_schema_models import (
        SchemaConfigUpdate as SchemaConfigUpdate,
    )
    from fivetran_async.resources.connection_schema_models import SchemaUpdate as SchemaUpdate
    from fivetran_async.resources.connection_schema_models import SyncMode as SyncMode
    from fivetran_async.resources.connection_schema_models import Table as Table
    from fivetran_async.resources.connection_schema_models import TableColumns as TableColumns
    from fivetran_async.resources.connection_schema_models import TableUpdate as TableUpdate
    from fivetran_async.resources.connector_sdk_packages import (
        ConnectorSdkPackage as ConnectorSdkPackage,
    )
    from fivetran_async.resources.connector_types import ConnectorType as ConnectorType
    from fivetran_async.resources.connector_types import SupportedFeature as SupportedFeature
    from fivetran_async.resources.destinations import Destination as Destination
    from fivetran_async.resources.external_secrets_managers import (
        ExternalSecretsManager as ExternalSecretsManager,
    )
    from fivetran_async.resources.external_secrets_managers import (
        ExternalSecretsManagerEntity as ExternalSecretsManagerEntity,
    )
    from fivetran_async.resources.groups import Group as Group
    from fivetran_async.resources.groups import GroupPublicKey as GroupPublicKey
    from fivetran_async.resources.groups import GroupServiceAccount as GroupServiceAccount
    from fivetran_async.resources.hvr import HvrHubRegistration as HvrHubRegistration
    from fivetran_async.resources.hybrid_deployment_agents import (
        HybridDeploymentAgent as HybridDeploymentAgent,
    )
    from fivetran_async.resources.hybrid_deployment_agents import (
        HybridDeploymentAgentFiles as HybridDeploymentAgentFiles,
    )
    from fivetran_async.resources.hybrid_deployment_agents import (
        HybridDeploymentAgentUsage as HybridDeploymentAgentUsage,
    )
    from fivetran_async.resources.log_services import LogService as LogService
    from fivetran_async.resources.log_services import LogServiceStatus as LogServiceStatus
    from fivetran_async.resources.log_services import LogServiceTestResult as LogServiceTestResult
    from fivetran_async.resources.memberships import Membership as Membership
    from fivetran_async.resources.memberships import TeamMembership as TeamMembership
    from fivetran_async.resources.private_links import PrivateLink as PrivateLink
    from fivetran_async.resources.proxy_agents import ProxyAgent as ProxyAgent
    from fivetran_async.resources.proxy_agents import ProxyAgentConnection as ProxyAgentConnection
    from fivetran_async.resources.proxy_agents import ProxyAgentCredentials as ProxyAgentCredentials
    from fivetran_async.resources.proxy_agents import ProxyAgentUsage as ProxyAgentUsage
    from fivetran_async.resources.roles import Role as Role
    from fivetran_async.resources.setup_tests import SetupTest as SetupTest
    from fivetran_async.resources.system_keys import SystemKey as SystemKey
    from fivetran_async.resources.system_keys import SystemKeyPermission as SystemKeyPermission
    from fivetran_async.resources.system_keys import (
        SystemKeyResourceFilter as SystemKeyResourceFilter,
    )
    from fivetran_async.resources.teams import Team as Team
    from fivetran_async.resources.transformation_projects import (
        TransformationProject as TransformationProject,
    )
    from fivetran_async.resources.transformation_projects import (
        TransformationProjectConfig as TransformationProjectConfig,
    )
    from fivetran_async.resources.transformations import PackageMetadata as PackageMetadata
    from fivetran_async.resources.transformations import Transformation as Transformation
    from fivetran_async.resources.transformations import (
        TransformationConfig as TransformationConfig,
    )
    from fivetran_async.resources.transformations import (
        TransformationSchedule as TransformationSchedule,
    )
    from fivetran_async.resources.transformations import TransformationStep as TransformationStep
    from fivetran_async.resources.trust import Certificate as Certificate
    from fivetran_async.resources.trust import Fingerprint as Fingerprint
    from fivetran_async.resources.user_api_keys import UserApiKey as UserApiKey
    from fivetran_async.resources.user_api_keys import (
        UserApiKeyCredentials as UserApiKeyCredentials,
    )
    from fivetran_async.resources.users import User as User
    from fivetran_async.resources.webhooks import Webhook as Webhook
    from fivetran_async.resources.webhooks import WebhookTestResult as WebhookTestResult

_MODULES: Final = {
    "account": ("AccountInfo",),
    "connection_models": (
        "ConnectCard",
        "ConnectCardConfig",
        "ConnectCardResponse",
        "Connection",
        "ConnectionMove",
        "ConnectionMoveJob",
        "ConnectionProblem",
        "ConnectionSchedule",
        "ConnectionState",
        "ConnectionStatus",
        "ConnectionTask",
        "ConnectionWarning",
        "DestinationConfiguration",
        "NewConnection",
        "SetupState",
        "SyncHistoryEntry",
        "SyncStage",
        "SyncStages",
        "SyncState",
        "SyncStatus",
        "TableWarnings",
    ),
    "connection_schema_models": (
        "Column",
        "ColumnUpdate",
        "EnabledPatchSettings",
        "RowFilter",
        "RowFilterClause",
        "Schema",
        "SchemaChangeHandling",
        "SchemaConfig",
        "SchemaConfigUpdate",
        "SchemaUpdate",
        "SyncMode",
        "Table",
        "TableColumns",
        "TableUpdate",
    ),
    "connector_sdk_packages": ("ConnectorSdkPackage",),
    "connector_types": (
        "ConnectorType",
        "SupportedFeature",
    ),
    "destinations": ("Destination",),
    "external_secrets_managers": (
        "ExternalSecretsManager",
        "ExternalSecretsManagerEntity",
    ),
    "groups": (
        "Group",
        "GroupPublicKey",
        "GroupServiceAccount",
    ),
    "hvr": ("HvrHubRegistration",),
    "hybrid_deployment_agents": (
        "HybridDeploymentAgent",
        "HybridDeploymentAgentFiles",
        "HybridDeploymentAgentUsage",
    ),
    "log_services": (
        "LogService",
        "LogServiceStatus",
        "LogServiceTestResult",
    ),
    "memberships": (
        "Membership",
        "TeamMembership",
    ),
    "private_links": ("PrivateLink",),
    "proxy_agents": (
        "ProxyAgent",
        "ProxyAgentConnection",
        "ProxyAgentCredentials",
        "ProxyAgentUsage",
    ),
    "roles": ("Role",),
    "setup_tests": ("SetupTest",),
    "system_keys": (
        "SystemKey",
        "SystemKeyPermission",
        "SystemKeyResourceFilter",
    ),
    "teams": ("Team",),
    "transformation_projects": (
        "TransformationProject",
        "TransformationProjectConfig",
    ),
    "transformations": (
        "PackageMetadata",
        "Transformation",
        "TransformationConfig",
        "TransformationSchedule",
        "TransformationStep",
    ),
    "trust": (
        "Certificate",
        "Fingerprint",
    ),
    "user_api_keys": (
        "UserApiKey",
        "UserApiKeyCredentials",
    ),
    "users": ("User",),
    "webhooks": (
        "Webhook",
        "WebhookTestResult",
    ),
}

_MODULE_OF: Final = {name: module for module, names in _MODULES.items() for name in names}

if not TYPE_CHECKING:
    # `from fivetran_async.models import *` loads all of them; type checkers read the imports above.
    __all__ = [*_MODULE_OF]  # noqa: PLE0604 - the keys are strings

if not TYPE_CHECKING:
    # Hidden from checkers, which would take every name for one that exists.

    def __getattr__(name: str) -> object:
        """Load the module of a model on first use."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        model: object = getattr(
            importlib.import_module(f"fivetran_async.resources.{_MODULE_OF[name]}"), name
        )
        globals()[name] = model
        return model

    def __dir__() -> list[str]:
        return sorted({*globals(), *_MODULE_OF})
