"""`fivetran.connector_types` - <https://fivetran.com/docs/rest-api/api-reference/connector-metadata>."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from fivetran_async._codec import decode, decode_page
from fivetran_async._http.operation import operation
from fivetran_async._http.response import Response
from fivetran_async._http.result import OnDrift, Reader
from fivetran_async._model import Model, field, model
from fivetran_async.pagination import Pager
from fivetran_async.resources._resource import Resource


@model
class SupportedFeature(Model):
    """
    Something that connections of a type can do.

    Attributes:
        id: Such as `CAPTURE_DELETES` or `COLUMN_HASHING`; an open set.
        notes: What limits it.
    """

    id: str = ""
    notes: str | None = None


@model
class ConnectorType(Model):
    """
    A type of connection.

    Attributes:
        id: The `service` of its connections, such as `google_ads`.
        name: What people call it.
        type: Its category, such as `Database`; an open set.
        connector_class: `standard` or `lite`.
        service_status: `general_availability`, `beta`, `private_preview`, `sunset` or
            `development`.
        service_status_updated_at: The day since which it is so.
        config: What `config` takes, as a JSON schema; empty in lists.
        auth: What `auth` takes, as a JSON schema; empty in lists.
        external_secrets_keys_config: Which secrets may be kept elsewhere, as a JSON schema; empty
            in lists.
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
    supported_features: tuple[SupportedFeature, ...] = ()
    config: Mapping[str, object] = field(factory=dict[str, object], repr=False)
    auth: Mapping[str, object] = field(factory=dict[str, object], repr=False)
    external_secrets_keys_config: Mapping[str, object] = field(
        factory=dict[str, object], repr=False
    )


_LIST = operation("connector_types.list", "GET", "/v1/metadata/connector-types")
_GET = operation("connector_types.get", "GET", "/v1/metadata/connector-types/{service}")
_LIST_PUBLIC = operation(
    "connector_types.list_public", "GET", "/public/connector-types", authorized=False
)


class ConnectorTypes(Resource):
    """
    `fivetran.connector_types`: the catalog of what can be connected.

    <https://fivetran.com/docs/rest-api/api-reference/connector-metadata>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[ConnectorType]:
        """
        List the types of connections, without what their `config` and `auth` take.

        GET /v1/metadata/connector-types

        Args:
            limit: Types per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(_LIST, ConnectorType, limit=limit, cursor=cursor)

    async def get(self, service: str) -> ConnectorType:
        """
        Return one type of connection, with what its `config` and `auth` take.

        GET /v1/metadata/connector-types/{service}
        """
        return await self._transport.call(_GET, ConnectorType, service)

    async def list_public(self) -> tuple[ConnectorType, ...]:
        """
        Return what the vendor tells everybody about all types; sent without credentials.

        GET /public/connector-types
        """
        return await self._transport.call(_LIST_PUBLIC, _READ_TYPES)


def _types(answer: Response, on_drift: OnDrift) -> tuple[ConnectorType, ...]:
    """Read any of the shapes that the vendor's words allow: a list, `items`, or a single object."""
    data = answer.data
    if isinstance(data, list):
        data = {"items": cast("list[object]", data)}
    if isinstance(data, dict) and "items" in data:
        return decode_page(cast("object", data), ConnectorType, on_drift=on_drift)[0]
    return (decode(answer.data, ConnectorType, on_drift=on_drift),)


_READ_TYPES = Reader("anything", _types)
