"""The part of `fivetran.connections` about warnings."""

from collections.abc import Sequence

from fivetran_async._http.operation import V2, operation
from fivetran_async._http.result import ActionResult
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._resource import Resource
from fivetran_async.resources.connection_models import TableWarnings

_LIST_WARNINGS = operation(
    "connections.list_warnings",
    "GET",
    "/v1/connections/{connection_id}/warnings",
    accept=V2,
    preview=True,
)
_DISMISS_WARNING = operation(
    "connections.dismiss_warning",
    "DELETE",
    "/v1/connections/{connection_id}/warnings/{warning_type}",
    accept=V2,
    preview=True,
)
_DISMISS_WARNINGS = operation(
    "connections.dismiss_warnings",
    "POST",
    "/v1/connections/{connection_id}/dismiss-warnings",
    retry_class="set",
    accept=V2,
    preview=True,
)


class ConnectionWarnings(Resource):
    """
    List and dismiss the warnings about connections, for accounts in the private preview.

    <https://fivetran.com/docs/rest-api/api-reference/connections/dismiss-connection-warnings>
    """

    def list_warnings(
        self, connection_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[TableWarnings]:
        """
        List the current warnings about a connection by table, for accounts in the private preview.

        GET /v1/connections/{connection_id}/warnings

        Args:
            connection_id: The connection.
            limit: Tables per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.

        Raises:
            OperationUnavailableError: The account is not in the preview.
        """
        return self._transport.pager(
            _LIST_WARNINGS, TableWarnings, connection_id, limit=limit, cursor=cursor
        )

    async def dismiss_warning(self, connection_id: str, warning_type: str) -> ActionResult:
        """
        Dismiss the warnings of one type, for accounts in the private preview.

        DELETE /v1/connections/{connection_id}/warnings/{warning_type}

        Args:
            connection_id: The connection.
            warning_type: The `code` of the warnings, such as `resync_table_warning`.

        Raises:
            NotFoundError: The connection does not exist, or has no such warning.
            OperationUnavailableError: The account is not in the preview.
        """
        return await self._transport.call(
            _DISMISS_WARNING, ActionResult, connection_id, warning_type
        )

    async def dismiss_warnings(
        self, connection_id: str, *, warning_types: Sequence[str] | Unset = UNSET
    ) -> ActionResult:
        """
        Dismiss warnings of several types, or all, for accounts in the private preview.

        POST /v1/connections/{connection_id}/dismiss-warnings

        The next sync can raise a dismissed warning once more.

        Args:
            connection_id: The connection.
            warning_types: The `code` of each warning, in the letter case of the API. All warnings
                are dismissed if it is not given, and also if it is empty.

        Raises:
            InvalidRequestError: A type is unknown; nothing was dismissed.
            OperationUnavailableError: The account is not in the preview.
        """
        return await self._transport.call(
            _DISMISS_WARNINGS, ActionResult, connection_id, body={"warning_types": warning_types}
        )
