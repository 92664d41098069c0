"""`fivetran.connector_types` - <https://fivetran.com/docs/rest-api/api-reference/connector-metadata>."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from fivetran_async._codec import OnDrift, decode, decode_page
from fivetran_async._http.config_guard import LiveMetadata, LiveParts
from fivetran_async._http.operation import operation
from fivetran_async._http.response import Response
from fivetran_async._http.result import Reader
from fivetran_async._model import Model, field, model
from fivetran_async._services import ConfigPart, ConfigProblem, fields
from fivetran_async._services.metadata import metadata_fields
from fivetran_async.pagination import Pager
from fivetran_async.resources._resource import Resource


@model
class SupportedFeature(Model):
    """
    A feature of one type of connection.

    Attributes:
        id: The feature, such as `CAPTURE_DELETES` or `COLUMN_HASHING`; the vendor adds new ones.
        notes: Limitations.
    """

    id: str = ""
    notes: str | None = None


@model
class ConnectorType(Model):
    """
    A type of connection.

    Attributes:
        id: The `service` of its connections, such as `google_ads`.
        name: The display name.
        type: The category, such as `Database`; the vendor adds new ones.
        connector_class: `standard` or `lite`.
        service_status: `general_availability`, `beta`, `private_preview`, `sunset` or
            `development`.
        supports_schema_reload: False if `connections.schemas.reload` refuses its connections;
            None if the response lacks the field.
        service_status_updated_at: The day of the last change of `service_status`.
        config: The JSON schema of `config`; empty in lists.
        auth: The JSON schema of `auth`; empty in lists.
        external_secrets_keys_config: The JSON schema of the secrets that a vault can hold; empty in
            lists.
    """

    id: str
    name: str = ""
    type: str = ""
    description: str = ""
    connector_class: str | None = None
    service_status: str | None = None
    service_status_updated_at: datetime | None = None
    icon_url: str | None = None
    icons: tuple[str, ...] = ()
    link_to_docs: str | None = None
    link_to_erd: str | None = None
    supports_schema_reload: bool | None = None
    supported_features: tuple[SupportedFeature, ...] = ()
    config: Mapping[str, object] = field(factory=dict[str, object], repr=False)
    auth: Mapping[str, object] = field(factory=dict[str, object], repr=False)
    external_secrets_keys_config: Mapping[str, object] = field(
        factory=dict[str, object], repr=False
    )

    def schemas(self) -> "Mapping[ConfigPart, Mapping[str, object]]":
        """Return the JSON schema of each part that a service takes."""
        return {
            "config": self.config,
            "auth": self.auth,
            "external_secrets_keys_config": self.external_secrets_keys_config,
        }


_LIST = operation("connector_types.list", "GET", "/v1/metadata/connector-types")
_GET = operation("connector_types.get", "GET", "/v1/metadata/connector-types/{service}")
_LIST_PUBLIC = operation(
    "connector_types.list_public", "GET", "/public/connector-types", authorized=False
)


class ConnectorTypes(Resource):
    """
    `fivetran.connector_types`: the catalog of connection types.

    <https://fivetran.com/docs/rest-api/api-reference/connector-metadata>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[ConnectorType]:
        """
        List the connection types, without the JSON schemas of `config` and `auth`.

        GET /v1/metadata/connector-types

        Args:
            limit: Types per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, ConnectorType, limit=limit, cursor=cursor)

    async def get(self, service: str) -> ConnectorType:
        """
        Return one connection type, with the JSON schemas of `config` and `auth`.

        GET /v1/metadata/connector-types/{service}
        """
        return await self._transport.call(_GET, ConnectorType, service)

    async def check(
        self,
        service: str,
        config: Mapping[str, object],
        *,
        creating: bool = False,
        part: ConfigPart = "config",
    ) -> tuple[ConfigProblem, ...]:
        """
        Compare a config with the live metadata of its service, which the session keeps.

        GET /v1/metadata/connector-types/{service}

        Unlike `configs.check`, it reports every field that the metadata lacks, whatever it
        resembles, and accepts fields and services that this release does not know. From then on,
        `check_configs` of the session uses the metadata of this service, too. The first check of
        a service sends one request, later ones send none. Destinations have no metadata.

        Args:
            service: The service, such as `postgres`.
            config: The config, or the other part that `part` names.
            creating: Also report missing fields that creation requires, such as `schema`.
            part: What is compared.

        Raises:
            NotFoundError: There is no such service.
        """
        core = self._transport.core
        guard = core.config_guard

        async def read() -> LiveParts:
            return _live_parts(await self.get(service))

        await core.part(LiveMetadata, LiveMetadata).of(service, guard, read)
        return guard.problems(service, "source", part, config, creating=creating)

    async def list_public(self) -> tuple[ConnectorType, ...]:
        """
        Return the public catalog of connection types; sent without credentials.

        GET /public/connector-types
        """
        return await self._transport.call(_LIST_PUBLIC, _READ_TYPES)


def _live_parts(found: ConnectorType) -> LiveParts:
    return {
        part: metadata_fields(schema, fields(found.id, "source", part))
        for part, schema in found.schemas().items()
    }


def _types(response: Response, on_drift: OnDrift) -> tuple[ConnectorType, ...]:
    """Decode any shape that the vendor documents: a list, an object with `items`, or one type."""
    data = response.data
    if isinstance(data, list):
        data = {"items": cast("list[object]", data)}
    if isinstance(data, dict) and "items" in data:
        return decode_page(cast("object", data), ConnectorType, on_drift=on_drift)[0]
    return (decode(response.data, ConnectorType, on_drift=on_drift),)


_READ_TYPES = Reader("anything", _types)
