"""`fivetran.system_keys` - <https://fivetran.com/docs/rest-api/api-reference/system-key>."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import ExpirationPeriodChoice
from fivetran_async.resources._resource import Resource


@model
class SystemKeyResourceFilter(Model):
    """
    What a permission is narrowed to; empty for everything of its type.

    Attributes:
        ids: Single things, of the types `CONNECTOR` and `DESTINATION`.
        group_ids: All in these groups, of the types `CONNECTOR` and `TRANSFORMATION`.
    """

    ids: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()


@model
class SystemKeyPermission(Model):
    """
    What a system key may do with one type of thing.

    Attributes:
        resource_type: `ACCOUNT`, `USER`, `WEBHOOK`, `TEAM`, `ROLES`, `DESTINATION`,
            `TRANSFORMATION`, `REMOTE_EXECUTION_AGENT` or `CONNECTOR`.
        access_level: `NONE`, `READ` or `MANAGE`.
    """

    resource_type: str = ""
    access_level: str = ""
    resource_filter: SystemKeyResourceFilter = field(factory=SystemKeyResourceFilter)


@model
class SystemKey(Model):
    """
    An API key that belongs to the account and not to a user.

    Attributes:
        key: The API key.
        secret: The API secret, only in the answers of `create` and `rotate`.
        expired_at: When it stops working; None if it never does.
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
    `fivetran.system_keys`: the API keys of the account.

    <https://fivetran.com/docs/rest-api/api-reference/system-key>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[SystemKey]:
        """
        List the system keys, without their secrets.

        GET /v1/system-keys

        Args:
            limit: Keys per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(_LIST, SystemKey, limit=limit, cursor=cursor)

    async def get(self, key_id: str) -> SystemKey:
        """
        Return one system key, without its secret.

        GET /v1/system-keys/{key_id}

        Raises:
            NotFoundError: There is no such key.
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
        Create a system key; the answer holds the only copy of its secret.

        POST /v1/system-keys

        Args:
            name: Its name.
            permissions: What it may do.
            expiration_period: `ONE_WEEK`, `ONE_MONTH`, `THREE_MONTHS`, `SIX_MONTHS` or `INFINITE`,
                which is the default.

        Raises:
            AmbiguousOutcomeError: The key may exist, and its secret is lost; list the keys, and
                rotate or delete it.
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
        Change a system key; only `rotate` changes when it expires.

        PATCH /v1/system-keys/{key_id}

        Args:
            key_id: The key.
            name: Its name.
            permissions: What it may do, all of it: the list is replaced.
        """
        return await self._transport.call(
            _UPDATE, SystemKey, key_id, body={"name": name, "permissions": permissions}
        )

    async def rotate(
        self, key_id: str, *, expiration_period: ExpirationPeriodChoice | Unset = UNSET
    ) -> SystemKey:
        """
        Replace the secret of a system key; the answer holds the only copy, the old one is void.

        POST /v1/system-keys/{key_id}/rotate

        Args:
            key_id: The key.
            expiration_period: `ONE_WEEK`, `ONE_MONTH`, `THREE_MONTHS`, `SIX_MONTHS` or `INFINITE`,
                counted from now.

        Raises:
            AmbiguousOutcomeError: The old secret may be void, and the new one lost; rotate again.
        """
        return await self._transport.call(
            _ROTATE, SystemKey, key_id, body={"expiration_period": expiration_period}
        )

    async def delete(self, key_id: str) -> ActionResult:
        """
        Delete a system key; whoever uses it is locked out at once.

        DELETE /v1/system-keys/{key_id}
        """
        return await self._transport.call(_DELETE, ActionResult, key_id)
