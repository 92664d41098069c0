"""`fivetran.groups` - <https://fivetran.com/docs/rest-api/api-reference/groups>."""

from datetime import datetime

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._model import Model, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import MemberRoleChoice
from fivetran_async.resources._resource import Resource, require_confirmation
from fivetran_async.resources.connection_models import Connection
from fivetran_async.resources.users import User


@model
class Group(Model):
    """A group: at most one destination, and the connections that load into it."""

    id: str
    name: str = ""
    created_at: datetime | None = None


@model
class GroupPublicKey(Model):
    """The public key that SSH tunnel hosts must accept for the connections of a group."""

    public_key: str = ""


@model
class GroupServiceAccount(Model):
    """The Google Cloud service account of a group."""

    service_account: str = ""


_USERS_LIST = operation("groups.users.list", "GET", "/v1/groups/{group_id}/users")
_USERS_ADD = operation(
    "groups.users.add",
    "POST",
    "/v1/groups/{group_id}/users",
    advice="Look for {email!r} in groups.users.list({group_id!r}) before you retry.",
)
_USERS_REMOVE = operation("groups.users.remove", "DELETE", "/v1/groups/{group_id}/users/{user_id}")
_LIST = operation("groups.list", "GET", "/v1/groups")
_GET = operation("groups.get", "GET", "/v1/groups/{group_id}")
_CREATE = operation(
    "groups.create",
    "POST",
    "/v1/groups",
    advice="Look for {name!r} in groups.list() before you retry.",
)
_UPDATE = operation("groups.update", "PATCH", "/v1/groups/{group_id}")
_DELETE = operation("groups.delete", "DELETE", "/v1/groups/{group_id}")
_LIST_CONNECTIONS = operation("groups.list_connections", "GET", "/v1/groups/{group_id}/connections")
_GET_PUBLIC_KEY = operation("groups.get_public_key", "GET", "/v1/groups/{group_id}/public-key")
_GET_SERVICE_ACCOUNT = operation(
    "groups.get_service_account", "GET", "/v1/groups/{group_id}/service-account"
)


class GroupUsers(Resource):
    """`fivetran.groups.users`: manage the users of a group."""

    def list(
        self,
        group_id: str,
        *,
        active: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pager[User]:
        """
        List the users of a group, including users inherited from the account.

        GET /v1/groups/{group_id}/users

        Args:
            group_id: The group.
            active: True for active users only, False for inactive users only.
            limit: Users per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            _USERS_LIST, User, group_id, query={"active": active}, limit=limit, cursor=cursor
        )

    async def add(self, group_id: str, *, email: str, role: MemberRoleChoice) -> ActionResult:
        """
        Add a user of the account to a group.

        POST /v1/groups/{group_id}/users

        Args:
            group_id: The group.
            email: The e-mail address of the user; the API does not accept an id here.
            role: The role in this group, such as `Destination Reviewer`.

        Raises:
            AmbiguousOutcomeError: The user may have been added; list the users to check.
        """
        return await self._transport.call(
            _USERS_ADD, ActionResult, group_id, body={"email": email, "role": role}
        )

    async def remove(self, group_id: str, user_id: str) -> ActionResult:
        """
        Remove a user from a group; the user stays in the account.

        DELETE /v1/groups/{group_id}/users/{user_id}
        """
        return await self._transport.call(_USERS_REMOVE, ActionResult, group_id, user_id)


class Groups(Resource):
    """
    `fivetran.groups`: manage groups, and list their connections.

    <https://fivetran.com/docs/rest-api/api-reference/groups>
    """

    users: GroupUsers

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.users = GroupUsers(transport)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[Group]:
        """
        List the groups of the account.

        GET /v1/groups

        Args:
            limit: Groups per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, Group, limit=limit, cursor=cursor)

    async def get(self, group_id: str) -> Group:
        """
        Return one group.

        GET /v1/groups/{group_id}

        Raises:
            NotFoundError: The group does not exist, or the key has no access to it.
        """
        return await self._transport.call(_GET, Group, group_id)

    async def create(self, *, name: str) -> Group:
        """
        Create a group without a destination.

        POST /v1/groups

        Args:
            name: The name; it does not have to be unique.

        Raises:
            AmbiguousOutcomeError: The group may have been created; list the groups to check.
        """
        return await self._transport.call(_CREATE, Group, body={"name": name})

    async def update(self, group_id: str, *, name: str | Unset = UNSET) -> Group:
        """
        Rename a group.

        PATCH /v1/groups/{group_id}
        """
        return await self._transport.call(_UPDATE, Group, group_id, body={"name": name})

    async def delete(self, group_id: str, *, confirm: bool = False) -> ActionResult:
        """
        Delete a group.

        DELETE /v1/groups/{group_id}

        Args:
            group_id: The group.
            confirm: Must be True, or the call is refused.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; no request was sent.
            ConflictError: The group still has a destination or connections.
        """
        require_confirmation(confirm, "groups.delete", "permanently deletes the group")
        return await self._transport.call(_DELETE, ActionResult, group_id)

    def list_connections(
        self,
        group_id: str,
        *,
        schema: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pager[Connection]:
        """
        List the connections of a group.

        GET /v1/groups/{group_id}/connections

        Args:
            group_id: The group.
            schema: Only the connection with exactly this schema name.
            limit: Connections per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            _LIST_CONNECTIONS,
            Connection,
            group_id,
            query={"schema": schema},
            limit=limit,
            cursor=cursor,
        )

    async def get_public_key(self, group_id: str) -> GroupPublicKey:
        """
        Return the public key that SSH tunnel hosts must accept.

        GET /v1/groups/{group_id}/public-key
        """
        return await self._transport.call(_GET_PUBLIC_KEY, GroupPublicKey, group_id)

    async def get_service_account(self, group_id: str) -> GroupServiceAccount:
        """
        Return the Google Cloud service account that needs access to your resources.

        GET /v1/groups/{group_id}/service-account
        """
        return await self._transport.call(_GET_SERVICE_ACCOUNT, GroupServiceAccount, group_id)
