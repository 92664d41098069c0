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
    A team: users who get the same roles.

    Attributes:
        role: The role in the account; None without one.
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
    advice="Look for {name!r} in teams.list() before you call again.",
)
_UPDATE = operation("teams.update", "PATCH", "/v1/teams/{team_id}")
_DELETE = operation("teams.delete", "DELETE", "/v1/teams/{team_id}")
_REMOVE_ACCOUNT_ROLE = operation("teams.remove_account_role", "DELETE", "/v1/teams/{team_id}/role")


class Teams(Resource):
    """
    `fivetran.teams`: the teams of the account, who is in them, and what they may do.

    <https://fivetran.com/docs/rest-api/api-reference/teams>
    """

    connections: Memberships[Membership, Membership]
    """What a team may do with single connections."""
    groups: Memberships[Membership, Membership]
    """What a team may do with groups."""
    users: TeamUsers
    """Who belongs to a team."""

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
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(_LIST, Team, limit=limit, cursor=cursor)

    async def get(self, team_id: str) -> Team:
        """
        Return one team.

        GET /v1/teams/{team_id}

        Raises:
            NotFoundError: There is no such team.
        """
        return await self._transport.call(_GET, Team, team_id)

    async def create(
        self, *, name: str, role: AccountRoleChoice, description: str | Unset = UNSET
    ) -> Team:
        """
        Create a team, still without users.

        POST /v1/teams

        Args:
            name: Its name.
            role: The role in the account, such as `Account Analyst`.
            description: What it is for.

        Raises:
            AmbiguousOutcomeError: The team may exist now; list the teams to find out.
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
        Change a team; what is not given stays as it is.

        PATCH /v1/teams/{team_id}

        Args:
            team_id: The team.
            name: Its name.
            description: What it is for.
            role: The role in the account; `remove_account_role` takes it away.
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
        Take a team's role in the account away; the team and its memberships stay.

        DELETE /v1/teams/{team_id}/role
        """
        return await self._transport.call(_REMOVE_ACCOUNT_ROLE, ActionResult, team_id)
