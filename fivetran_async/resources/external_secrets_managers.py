"""
Models and operations of external secrets managers, the vaults that hold your credentials.

<https://fivetran.com/docs/rest-api/api-reference/external-secrets-managers>
"""

from collections.abc import Mapping
from datetime import datetime

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import EntityTypeChoice, SecretsManagerTypeChoice
from fivetran_async.resources._resource import Resource


@model
class ExternalSecretsManager(Model):
    """
    A vault that holds credentials of connections and destinations.

    Attributes:
        type: `AWS_SECRET_MANAGER`, `AZURE_KEY_VAULT` or `HASHICORP_VAULT`.
        is_hybrid_deployment: True if it works with hybrid deployment.
        config: The settings of the type, with masks in place of secrets.
    """

    id: str
    name: str = ""
    type: str = ""
    is_hybrid_deployment: bool | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    config: Mapping[str, object] = field(factory=dict[str, object], repr=False)


@model
class ExternalSecretsManagerEntity(Model):
    """
    A connection or destination that reads its credentials from a vault.

    Attributes:
        id: The connection or destination.
        name: The schema of the connection, or the name of the destination's group.
        type: `SOURCE` or `DESTINATION`.
        enabled: True if it is active and connected.
        secret_manager_id: The vault.
    """

    id: str
    name: str = ""
    type: str = ""
    enabled: bool | None = None
    secret_manager_id: str | None = None
    created_at: datetime | None = None


_LIST = operation("external_secrets_managers.list", "GET", "/v1/external-secrets-managers")
_GET = operation("external_secrets_managers.get", "GET", "/v1/external-secrets-managers/{esm_id}")
_CREATE = operation("external_secrets_managers.create", "POST", "/v1/external-secrets-managers")
_UPDATE = operation(
    "external_secrets_managers.update", "PATCH", "/v1/external-secrets-managers/{esm_id}"
)
_DELETE = operation(
    "external_secrets_managers.delete", "DELETE", "/v1/external-secrets-managers/{esm_id}"
)
_LIST_ENTITIES = operation(
    "external_secrets_managers.list_entities",
    "GET",
    "/v1/external-secrets-managers/{esm_id}/entities",
    paginated=False,
)
_LIST_ALL_ENTITIES = operation(
    "external_secrets_managers.list_all_entities",
    "GET",
    "/v1/external-secrets-managers-entities",
    paginated=False,
)


class ExternalSecretsManagers(Resource):
    """
    `fivetran.external_secrets_managers`: manage vaults, and list the entities that use them.

    <https://fivetran.com/docs/rest-api/api-reference/external-secrets-managers>
    """

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[ExternalSecretsManager]:
        """
        List the vaults of the account.

        GET /v1/external-secrets-managers

        Args:
            limit: Vaults per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, ExternalSecretsManager, limit=limit, cursor=cursor)

    async def get(self, esm_id: str) -> ExternalSecretsManager:
        """
        Return one vault.

        GET /v1/external-secrets-managers/{esm_id}

        Raises:
            NotFoundError: The vault does not exist.
        """
        return await self._transport.call(_GET, ExternalSecretsManager, esm_id)

    async def create(
        self,
        *,
        name: str,
        type: SecretsManagerTypeChoice,
        config: Mapping[str, object],
        is_hybrid_deployment: bool | Unset = UNSET,
    ) -> ExternalSecretsManager:
        """
        Register a vault.

        POST /v1/external-secrets-managers

        Args:
            name: The name; must be unique in the account.
            type: `AWS_SECRET_MANAGER`, `AZURE_KEY_VAULT` or `HASHICORP_VAULT`.
            config: Settings of the type: `role_arn` for AWS; `vault_url` and `tenant_id` for Azure;
                `vault_address`, `role_id`, `secret_id` and `namespace` for HashiCorp.
            is_hybrid_deployment: True to use it with hybrid deployment.

        Raises:
            AmbiguousOutcomeError: It may have been created; list the vaults to check.
        """
        return await self._transport.call(
            _CREATE,
            ExternalSecretsManager,
            body={
                "name": name,
                "type": type,
                "config": config,
                "is_hybrid_deployment": is_hybrid_deployment,
            },
        )

    async def update(self, esm_id: str, *, config: Mapping[str, object]) -> ExternalSecretsManager:
        """
        Update the settings of a vault; its other fields cannot change.

        PATCH /v1/external-secrets-managers/{esm_id}

        Args:
            esm_id: The vault.
            config: Settings of the type.
        """
        return await self._transport.call(
            _UPDATE, ExternalSecretsManager, esm_id, body={"config": config}
        )

    async def delete(self, esm_id: str) -> ActionResult:
        """
        Unregister a vault.

        DELETE /v1/external-secrets-managers/{esm_id}

        Raises:
            InvalidRequestError: The vault is still in use; see `list_entities`.
        """
        return await self._transport.call(_DELETE, ActionResult, esm_id)

    def list_entities(
        self, esm_id: str, *, type: EntityTypeChoice | None = None
    ) -> Pager[ExternalSecretsManagerEntity]:
        """
        List the connections and destinations that use a vault, in a single page.

        GET /v1/external-secrets-managers/{esm_id}/entities

        Args:
            esm_id: The vault.
            type: `source`, `destination` or `all`.
        """
        return self._transport.pager(
            _LIST_ENTITIES, ExternalSecretsManagerEntity, esm_id, query={"type": type}
        )

    def list_all_entities(
        self, *, esm_id: str | None = None, type: EntityTypeChoice | None = None
    ) -> Pager[ExternalSecretsManagerEntity]:
        """
        List the connections and destinations that use any vault, in a single page.

        GET /v1/external-secrets-managers-entities

        Args:
            esm_id: Only those that use this vault.
            type: `source`, `destination` or `all`.
        """
        return self._transport.pager(
            _LIST_ALL_ENTITIES, ExternalSecretsManagerEntity, query={"esm_id": esm_id, "type": type}
        )
