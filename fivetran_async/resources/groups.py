"""`fivetran.groups` - <https://fivetran.com/docs/rest-api/api-reference/groups>."""

from datetime import datetime

from fivetran_async._http.request import path
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._model import Model, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
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
    """The public key that SSH tunnels of a group's connections must accept."""

    public_key: str = ""


@model
class GroupServiceAccount(Model):
    """The Google Cloud service account that acts for a group."""

    service_account: str = ""


class GroupUsers(Resource):
    """`fivetran.groups.users`: who may use a group."""

    def list(
        self,
        group_id: str,
        *,
        active: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pager[User]:
        """
        List the users of a group, those inherited from the account included.

        GET /v1/groups/{group_id}/users

        Args:
            group_id: The group.
            active: Only users that are active, or only those that are not.
            limit: Users per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(
            path("/v1/groups/{group_id}/users", group_id),
            User,
            query={"active": active},
            limit=limit,
            cursor=cursor,
        )

    async def add(self, group_id: str, *, email: str, role: str) -> ActionResult:
        """
        Let a user of the account into a group.

        POST /v1/groups/{group_id}/users

        Args:
            group_id: The group.
            email: The user, by e-mail address and not by id.
            role: The role in this group, such as `Destination Reviewer`.

        Raises:
            AmbiguousOutcomeError: The user may have been added; list the users to find out.
        """
        return await self._transport.call(
            "POST",
            path("/v1/groups/{group_id}/users", group_id),
            ActionResult,
            body={"email": email, "role": role},
            advice=(
                f"Look for {email!r} in groups.users.list({group_id!r}) before you call again."
            ),
        )

    async def remove(self, group_id: str, user_id: str) -> ActionResult:
        """
        Take a user out of a group; the user stays in the account.

        DELETE /v1/groups/{group_id}/users/{user_id}
        """
        return await self._transport.call(
            "DELETE",
            path("/v1/groups/{group_id}/users/{user_id}", group_id, user_id),
            ActionResult,
        )


class Groups(Resource):
    """
    `fivetran.groups`: the groups of the account, and what is in them.

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
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager("/v1/groups", Group, limit=limit, cursor=cursor)

    async def get(self, group_id: str) -> Group:
        """
        Return one group.

        GET /v1/groups/{group_id}

        Raises:
            NotFoundError: There is no such group, or the key may not see it.
        """
        return await self._transport.call("GET", path("/v1/groups/{group_id}", group_id), Group)

    async def create(self, *, name: str) -> Group:
        """
        Create a group, still without a destination.

        POST /v1/groups

        Args:
            name: Its name; other groups may have the same.

        Raises:
            AmbiguousOutcomeError: The group may exist now; list the groups to find out.
        """
        return await self._transport.call(
            "POST",
            "/v1/groups",
            Group,
            body={"name": name},
            advice=f"Look for {name!r} in groups.list() before you call again.",
        )

    async def update(self, group_id: str, *, name: str | Unset = UNSET) -> Group:
        """
        Rename a group.

        PATCH /v1/groups/{group_id}
        """
        return await self._transport.call(
            "PATCH", path("/v1/groups/{group_id}", group_id), Group, body={"name": name}
        )

    async def delete(self, group_id: str, *, confirm: bool = False) -> ActionResult:
        """
        Delete a group.

        DELETE /v1/groups/{group_id}

        Args:
            group_id: The group.
            confirm: Must be True.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; nothing was sent.
            ConflictError: The group still has a destination or connections.
        """
        require_confirmation(confirm, "groups.delete", "removes the group for good")
        return await self._transport.call(
            "DELETE", path("/v1/groups/{group_id}", group_id), ActionResult
        )

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
            schema: Only the connection of exactly this name.
            limit: Connections per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(
            path("/v1/groups/{group_id}/connections", group_id),
            Connection,
            query={"schema": schema},
            limit=limit,
            cursor=cursor,
        )

    async def get_public_key(self, group_id: str) -> GroupPublicKey:
        """
        Return the public key to allow on SSH tunnel hosts.

        GET /v1/groups/{group_id}/public-key
        """
        return await self._transport.call(
            "GET", path("/v1/groups/{group_id}/public-key", group_id), GroupPublicKey
        )

    async def get_service_account(self, group_id: str) -> GroupServiceAccount:
        """
        Return the Google Cloud service account to give access to.

        GET /v1/groups/{group_id}/service-account
        """
        return await self._transport.call(
            "GET", path("/v1/groups/{group_id}/service-account", group_id), GroupServiceAccount
        )
