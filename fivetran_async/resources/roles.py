"""`fivetran.roles` - <https://fivetran.com/docs/rest-api/api-reference/roles>."""

from fivetran_async._http.operation import operation
from fivetran_async._model import Model, model
from fivetran_async.pagination import Pager
from fivetran_async.resources._resource import Resource


@model
class Role(Model):
    """
    A role, predefined or of the account's own; its name is what other calls take.

    Attributes:
        scope: Where it can be given: `ACCOUNT`, `DESTINATION`, `CONNECTOR`, `TEAM`.
        is_custom: Whether the account made it.
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
    `fivetran.roles`: the roles that users and teams can have.

    <https://fivetran.com/docs/rest-api/api-reference/roles>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[Role]:
        """
        List the roles, predefined and custom ones.

        GET /v1/roles

        Args:
            limit: Roles per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(_LIST, Role, limit=limit, cursor=cursor)
