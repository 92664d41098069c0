"""`fivetran.roles` - <https://fivetran.com/docs/rest-api/api-reference/roles>."""

from fivetran_async._http.operation import operation
from fivetran_async._model import Model, model
from fivetran_async.pagination import Pager
from fivetran_async.resources._resource import Resource


@model
class Role(Model):
    """
    A predefined or custom role; other calls identify it by its name.

    Attributes:
        scope: Where it can be assigned: `ACCOUNT`, `DESTINATION`, `CONNECTOR`, `TEAM`.
        is_custom: True if it is a role of this account.
        replacement_role_name: The role to use instead, if it is deprecated.
    """

    name: str
    description: str | None = None
    is_custom: bool = False
    is_deprecated: bool = False
    replacement_role_name: str | None = None
    scope: tuple[str, ...] = ()


_LIST = operation("roles.list", "GET", "/v1/roles")


class Roles(Resource):
    """
    `fivetran.roles`: list the roles for users and teams.

    <https://fivetran.com/docs/rest-api/api-reference/roles>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[Role]:
        """
        List the predefined and custom roles.

        GET /v1/roles

        Args:
            limit: Roles per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, Role, limit=limit, cursor=cursor)
