"""
`fivetran.external_secrets_managers`: vaults of your own that credentials are taken from.

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
    A vault of your own that credentials are taken from.

    Attributes:
        type: `AWS_SECRET_MANAGER`, `AZURE_KEY_VAULT` or `HASHICORP_VAULT`.
        is_hybrid_deployment: Whether it works with hybrid deployment.
        config: The settings of the type; secrets come masked.
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
    A connection or destination that takes its credentials from a vault.

    Attributes:
        id: The connection or destination.
        name: The schema of the connection, or the name of the destination's group.
        type: `SOURCE` or `DESTINATION`.
        enabled: Whether it is active and connected.
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
    `fivetran.external_secrets_managers`: vaults of your own, and what uses them.

    <https://fivetran.com/docs/rest-api/api-reference/external-secrets-managers>
    """

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[ExternalSecretsManager]:
        """
        List the external secrets managers of the account.

        GET /v1/external-secrets-managers

        Args:
            limit: Managers per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(_LIST, ExternalSecretsManager, limit=limit, cursor=cursor)

    async def get(self, esm_id: str) -> ExternalSecretsManager:
        """
        Return one external secrets manager.

        GET /v1/external-secrets-managers/{esm_id}

        Raises:
            NotFoundError: There is no such manager.
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
        Make a vault of your own known.

        POST /v1/external-secrets-managers

        Args:
            name: Its name, which no other in the account may have.
            type: `AWS_SECRET_MANAGER`, `AZURE_KEY_VAULT` or `HASHICORP_VAULT`.
            config: Settings of the type: `role_arn`; `vault_url` and `tenant_id`; `vault_address`,
                `role_id`, `secret_id` and `namespace`.
            is_hybrid_deployment: Whether it is to work with hybrid deployment.

        Raises:
            AmbiguousOutcomeError: It may exist now; list the managers to find out.
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
        Change the settings of an external secrets manager; nothing else of it can change.

        PATCH /v1/external-secrets-managers/{esm_id}

        Args:
            esm_id: The manager.
            config: Settings of its type.
        """
        return await self._transport.call(
            _UPDATE, ExternalSecretsManager, esm_id, body={"config": config}
        )

    async def delete(self, esm_id: str) -> ActionResult:
        """
        Make a vault unknown again.

        DELETE /v1/external-secrets-managers/{esm_id}

        Raises:
            InvalidRequestError: Something still uses it: `list_entities`.
        """
        return await self._transport.call(_DELETE, ActionResult, esm_id)

    def list_entities(
        self, esm_id: str, *, type: EntityTypeChoice | None = None
    ) -> Pager[ExternalSecretsManagerEntity]:
        """
        List what uses one external secrets manager; the API sends it in one page.

        GET /v1/external-secrets-managers/{esm_id}/entities

        Args:
            esm_id: The manager.
            type: Only these: `source`, `destination` or `all`.
        """
        return self._transport.pager(
            _LIST_ENTITIES, ExternalSecretsManagerEntity, esm_id, query={"type": type}
        )

    def list_all_entities(
        self, *, esm_id: str | None = None, type: EntityTypeChoice | None = None
    ) -> Pager[ExternalSecretsManagerEntity]:
        """
        List what uses any external secrets manager; the API sends it in one page.

        GET /v1/external-secrets-managers-entities

        Args:
            esm_id: Only what uses this one.
            type: Only these: `source`, `destination` or `all`.
        """
        return self._transport.pager(
            _LIST_ALL_ENTITIES, ExternalSecretsManagerEntity, query={"esm_id": esm_id, "type": type}
        )
