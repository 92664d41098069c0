"""Memberships: the roles of teams and users in groups, connections and teams."""

import functools
from datetime import datetime
from typing import Generic, LiteralString, TypeVar

import attrs

from fivetran_async._http.operation import Arguments, Operation, operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._model import Model, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import MemberRoleChoice, TeamRoleChoice
from fivetran_async.resources._resource import Resource

M = TypeVar("M", bound=Model)
U = TypeVar("U")


@model
class Membership(Model):
    """
    The role of a team or user in one group or connection.

    Attributes:
        id: The group or connection.
        role: The name of the role.
        created_at: The time of its creation; None if `is_assumed`.
        is_assumed: True if the API confirmed a change without data: the object repeats what was
            asked for, and `get` returns what the server has.
    """

    id: str
    role: str = ""
    created_at: datetime | None = None
    is_assumed: bool = False


@model
class TeamMembership(Model):
    """
    The role of a user in one team.

    Attributes:
        role: The name of the role, such as `Team Manager`; empty if `is_assumed` and the server
            chose it.
        created_at: The time of its creation; None if `is_assumed`.
        is_assumed: True if the API confirmed a change without data: the object repeats what was
            asked for, and `get` returns what the server has.
    """

    user_id: str
    role: str = ""
    created_at: datetime | None = None
    is_assumed: bool = False


@attrs.frozen(eq=False)
class _MembershipOperations:
    """The operations of one kind of membership."""

    list: Operation
    get: Operation
    add: Operation
    update: Operation
    remove: Operation


@functools.cache
def _operations_of(
    name: str, owned: LiteralString, one: LiteralString, key: str
) -> _MembershipOperations:
    slot = one.rpartition("/")[2].strip("{}")

    def asked_for(arguments: Arguments) -> Arguments:
        """Return the membership that a change asked for, as the response should have shown it."""
        asked: Arguments = {key: arguments.get(slot) or arguments.get(key), "is_assumed": True}
        role = arguments.get("role")
        # Without a role the server chooses one.
        return asked if role is UNSET else {**asked, "role": role}

    return _MembershipOperations(
        list=operation(f"{name}.list", "GET", owned),
        get=operation(f"{name}.get", "GET", one),
        add=operation(f"{name}.add", "POST", owned, built=asked_for),
        update=operation(f"{name}.update", "PATCH", one, built=asked_for),
        remove=operation(f"{name}.remove", "DELETE", one),
    )


class Memberships(Resource, Generic[M, U]):
    """
    Manage the memberships of a team or user (the owner) in groups or connections (the members).

    The first type parameter is the membership, the second is the result of `update`. Some accounts
    respond to a change without data: then the membership repeats what was asked for, and its
    `is_assumed` is True.
    """

    def __init__(
        self,
        transport: Transport,
        name: str,
        owned: LiteralString,
        member: LiteralString,
        *,
        kind: type[M],
        updated: type[U],
        key: str = "id",
    ) -> None:
        super().__init__(transport)
        self._operations = _operations_of(name, owned, owned + member, key)
        self._kind = kind
        self._updated = updated

    def list(
        self, owner_id: str, /, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[M]:
        """
        List the memberships of a team or user.

        GET /v1/{teams|users}/{owner_id}/{connections|groups|users}

        Args:
            owner_id: The team or user.
            limit: Memberships per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            self._operations.list, self._kind, owner_id, limit=limit, cursor=cursor
        )

    async def get(self, owner_id: str, member_id: str, /) -> M:
        """
        Return one membership.

        GET /v1/{teams|users}/{owner_id}/{connections|groups|users}/{member_id}

        Raises:
            NotFoundError: The membership does not exist.
        """
        return await self._transport.call(self._operations.get, self._kind, owner_id, member_id)

    async def add(self, owner_id: str, member_id: str, /, *, role: MemberRoleChoice) -> M:
        """
        Add a team or user to a group or connection, with a role.

        POST /v1/{teams|users}/{owner_id}/{connections|groups}

        Args:
            owner_id: The team or user.
            member_id: The group or connection.
            role: The name of the role, from `fivetran.roles`.

        Raises:
            AmbiguousOutcomeError: The membership may have been created; `get` it to check.
        """
        return await self._transport.call(
            self._operations.add,
            self._kind,
            owner_id,
            body={"id": member_id, "role": role},
        )

    async def update(self, owner_id: str, member_id: str, /, *, role: MemberRoleChoice) -> U:
        """
        Change the role of a membership.

        PATCH /v1/{teams|users}/{owner_id}/{connections|groups|users}/{member_id}

        Args:
            owner_id: The team or user.
            member_id: The group or connection, or the user in a team.
            role: The name of the role, from `fivetran.roles`.
        """
        return await self._transport.call(
            self._operations.update, self._updated, owner_id, member_id, body={"role": role}
        )

    async def remove(self, owner_id: str, member_id: str, /) -> ActionResult:
        """
        Remove a membership; the owner and the member stay.

        DELETE /v1/{teams|users}/{owner_id}/{connections|groups|users}/{member_id}
        """
        return await self._transport.call(
            self._operations.remove, ActionResult, owner_id, member_id
        )


class TeamUsers(Memberships[TeamMembership, TeamMembership]):
    """`fivetran.teams.users`: manage the users of a team."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(
            transport,
            "teams.users",
            "/v1/teams/{team_id}/users",
            "/{user_id}",
            kind=TeamMembership,
            updated=TeamMembership,
            key="user_id",
        )

    def list(
        self,
        team_id: str,
        /,
        *,
        active: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pager[TeamMembership]:
        """
        List the users of a team.

        GET /v1/teams/{team_id}/users

        Args:
            team_id: The team.
            active: True for active users only, False for inactive users only.
            limit: Memberships per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            self._operations.list,
            TeamMembership,
            team_id,
            query={"active": active},
            limit=limit,
            cursor=cursor,
        )

    async def add(
        self, team_id: str, user_id: str, /, *, role: TeamRoleChoice | Unset = UNSET
    ) -> TeamMembership:
        """
        Add a user to a team.

        POST /v1/teams/{team_id}/users

        Args:
            team_id: The team.
            user_id: The user; must belong to the account.
            role: `Team Manager` or `Team Member`; by default the server chooses.

        Raises:
            AmbiguousOutcomeError: The user may have been added; `get` the membership to check.
        """
        return await self._transport.call(
            self._operations.add,
            TeamMembership,
            team_id,
            body={"user_id": user_id, "role": role},
        )
