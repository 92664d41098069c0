"""`fivetran.teams` - <https://fivetran.com/docs/rest-api/api-reference/teams>."""

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._model import Model, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import AccountRoleChoice
from fivetran_async.resources._resource import Resource
from fivetran_async.resources.memberships import Membership, Memberships, TeamUsers


@model
class Team(Model):
    """
    A team of users with the same roles.

    Attributes:
        role: The role in the account; None if it has no role.
    """

    id: str
    name: str = ""
    description: str | None = None
    role: str | None = None


_LIST = operation("teams.list", "GET", "/v1/teams")
_GET = operation("teams.get", "GET", "/v1/teams/{team_id}")
_CREATE = operation(
    "teams.create",
    "POST",
    "/v1/teams",
    advice="Look for {name!r} in teams.list() before you retry.",
)
_UPDATE = operation("teams.update", "PATCH", "/v1/teams/{team_id}")
_DELETE = operation("teams.delete", "DELETE", "/v1/teams/{team_id}")
_REMOVE_ACCOUNT_ROLE = operation("teams.remove_account_role", "DELETE", "/v1/teams/{team_id}/role")


class Teams(Resource):
    """
    `fivetran.teams`: manage teams, their users and their roles.

    <https://fivetran.com/docs/rest-api/api-reference/teams>
    """

    connections: Memberships[Membership, Membership]
    """The roles of teams in single connections."""
    groups: Memberships[Membership, Membership]
    """The roles of teams in groups."""
    users: TeamUsers
    """The users of teams."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.connections = Memberships(
            transport,
            "teams.connections",
            "/v1/teams/{team_id}/connections",
            "/{connection_id}",
            kind=Membership,
            updated=Membership,
        )
        self.groups = Memberships(
            transport,
            "teams.groups",
            "/v1/teams/{team_id}/groups",
            "/{group_id}",
            kind=Membership,
            updated=Membership,
        )
        self.users = TeamUsers(transport)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[Team]:
        """
        List the teams of the account.

        GET /v1/teams

        Args:
            limit: Teams per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, Team, limit=limit, cursor=cursor)

    async def get(self, team_id: str) -> Team:
        """
        Return one team.

        GET /v1/teams/{team_id}

        Raises:
            NotFoundError: The team does not exist.
        """
        return await self._transport.call(_GET, Team, team_id)

    async def create(
        self, *, name: str, role: AccountRoleChoice, description: str | Unset = UNSET
    ) -> Team:
        """
        Create a team without users.

        POST /v1/teams

        Args:
            name: The name.
            role: The role in the account, such as `Account Analyst`.
            description: A description.

        Raises:
            AmbiguousOutcomeError: The team may have been created; list the teams to check.
        """
        return await self._transport.call(
            _CREATE, Team, body={"name": name, "description": description, "role": role}
        )

    async def update(
        self,
        team_id: str,
        *,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        role: AccountRoleChoice | Unset = UNSET,
    ) -> Team:
        """
        Update a team; fields that are not given keep their values.

        PATCH /v1/teams/{team_id}

        Args:
            team_id: The team.
            name: The name.
            description: A description.
            role: The role in the account; `remove_account_role` removes it.
        """
        return await self._transport.call(
            _UPDATE, Team, team_id, body={"name": name, "description": description, "role": role}
        )

    async def delete(self, team_id: str) -> ActionResult:
        """
        Delete a team; its users stay in the account.

        DELETE /v1/teams/{team_id}
        """
        return await self._transport.call(_DELETE, ActionResult, team_id)

    async def remove_account_role(self, team_id: str) -> ActionResult:
        """
        Remove the account role of a team; the team and its memberships stay.

        DELETE /v1/teams/{team_id}/role
        """
        return await self._transport.call(_REMOVE_ACCOUNT_ROLE, ActionResult, team_id)
