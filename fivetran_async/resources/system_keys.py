"""`fivetran.system_keys` - <https://fivetran.com/docs/rest-api/api-reference/system-key>."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import (
    AccessLevelChoice,
    ExpirationPeriodChoice,
    ResourceTypeChoice,
)
from fivetran_async.resources._resource import Resource, require_confirmation


@model
class SystemKeyResourceFilter(Model):
    """
    Limits a permission to some resources; empty for all resources of the type.

    Attributes:
        ids: Single resources, for `CONNECTOR` and `DESTINATION`.
        group_ids: All resources in these groups, for `CONNECTOR` and `TRANSFORMATION`.
    """

    ids: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()


@model
class SystemKeyPermission(Model):
    """
    The access of a system key to one type of resource.

    Attributes:
        resource_type: `ACCOUNT`, `USER`, `WEBHOOK`, `TEAM`, `ROLES`, `DESTINATION`,
            `TRANSFORMATION`, `REMOTE_EXECUTION_AGENT` or `CONNECTOR`.
        access_level: `NONE`, `READ` or `MANAGE`.
    """

    resource_type: ResourceTypeChoice = ""
    access_level: AccessLevelChoice = ""
    resource_filter: SystemKeyResourceFilter = field(factory=SystemKeyResourceFilter)


@model
class SystemKey(Model):
    """
    An API key that belongs to the account, not to a user.

    Attributes:
        key: The API key.
        secret: The API secret; only in responses to `create` and `rotate`.
        expired_at: The time when it expires; None if it never expires.
    """

    id: str
    name: str = ""
    key: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    permissions: tuple[SystemKeyPermission, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expired_at: datetime | None = None
    last_used_at: datetime | None = None


_LIST = operation("system_keys.list", "GET", "/v1/system-keys")
_GET = operation("system_keys.get", "GET", "/v1/system-keys/{key_id}")
_CREATE = operation("system_keys.create", "POST", "/v1/system-keys", retry_class="secret")
_UPDATE = operation("system_keys.update", "PATCH", "/v1/system-keys/{key_id}")
_ROTATE = operation(
    "system_keys.rotate", "POST", "/v1/system-keys/{key_id}/rotate", retry_class="secret"
)
_DELETE = operation("system_keys.delete", "DELETE", "/v1/system-keys/{key_id}")


class SystemKeys(Resource):
    """
    `fivetran.system_keys`: manage the API keys of the account.

    <https://fivetran.com/docs/rest-api/api-reference/system-key>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[SystemKey]:
        """
        List the system keys, without their secrets.

        GET /v1/system-keys

        Args:
            limit: Keys per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, SystemKey, limit=limit, cursor=cursor)

    async def get(self, key_id: str) -> SystemKey:
        """
        Return one system key, without its secret.

        GET /v1/system-keys/{key_id}

        Raises:
            NotFoundError: The key does not exist.
        """
        return await self._transport.call(_GET, SystemKey, key_id)

    async def create(
        self,
        *,
        name: str,
        permissions: Sequence[SystemKeyPermission | Mapping[str, object]],
        expiration_period: ExpirationPeriodChoice | Unset = UNSET,
    ) -> SystemKey:
        """
        Create a system key; only this response contains its secret.

        POST /v1/system-keys

        Args:
            name: The name.
            permissions: The permissions.
            expiration_period: `ONE_WEEK`, `ONE_MONTH`, `THREE_MONTHS`, `SIX_MONTHS` or, by default,
                `INFINITE`.

        Raises:
            AmbiguousOutcomeError: The key may have been created and its secret lost; list the keys,
                then rotate or delete it.
        """
        return await self._transport.call(
            _CREATE,
            SystemKey,
            body={
                "name": name,
                "permissions": permissions,
                "expiration_period": expiration_period,
            },
        )

    async def update(
        self,
        key_id: str,
        *,
        name: str | Unset = UNSET,
        permissions: Sequence[SystemKeyPermission | Mapping[str, object]] | Unset = UNSET,
    ) -> SystemKey:
        """
        Update a system key; only `rotate` changes the expiration.

        PATCH /v1/system-keys/{key_id}

        Args:
            key_id: The key.
            name: The name.
            permissions: All permissions; the list replaces the old one.
        """
        return await self._transport.call(
            _UPDATE, SystemKey, key_id, body={"name": name, "permissions": permissions}
        )

    async def rotate(
        self, key_id: str, *, expiration_period: ExpirationPeriodChoice | Unset = UNSET
    ) -> SystemKey:
        """
        Replace the secret of a system key; only this response contains the new one.

        POST /v1/system-keys/{key_id}/rotate

        Args:
            key_id: The key.
            expiration_period: `ONE_WEEK`, `ONE_MONTH`, `THREE_MONTHS`, `SIX_MONTHS` or `INFINITE`,
                from the time of the call.

        Raises:
            AmbiguousOutcomeError: The old secret may be invalid and the new one lost; call `rotate`
                a second time.
        """
        return await self._transport.call(
            _ROTATE, SystemKey, key_id, body={"expiration_period": expiration_period}
        )

    async def delete(self, key_id: str, *, confirm: bool = False) -> ActionResult:
        """
        Delete a system key; clients that use it lose access immediately.

        DELETE /v1/system-keys/{key_id}

        Args:
            key_id: The key.
            confirm: Must be True, or the call is refused.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; no request was sent.
        """
        require_confirmation(confirm, "system_keys.delete", "permanently deletes the key")
        return await self._transport.call(_DELETE, ActionResult, key_id)
