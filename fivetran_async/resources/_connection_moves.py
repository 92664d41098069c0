"""The part of `fivetran.connections` that moves connections to other groups."""

from fivetran_async._http.operation import V2, Arguments, operation
from fivetran_async._types import UNSET, Unset
from fivetran_async.resources._choices import SyncBehaviorChoice
from fivetran_async.resources._resource import Resource, require_confirmation
from fivetran_async.resources.connection_models import ConnectionMove, ConnectionMoveJob


def _asked_for(arguments: Arguments) -> Arguments:
    """Return what the call asked for: older versions of the API respond without data."""
    names = "connection_id", "destination_group_id", "sync_behavior"
    return {name: arguments[name] for name in names}


_MOVE = operation(
    "connections.move",
    "POST",
    "/v1/connections/{connection_id}/move",
    accept=V2,
    preview=True,
    advice="Check the group_id of connections.get({connection_id!r}) before you retry.",
    built=_asked_for,
)
_GET_MOVE = operation(
    "connections.get_move",
    "GET",
    "/v1/connections/{connection_id}/move/{job_id}",
    accept=V2,
    preview=True,
)


class ConnectionMoves(Resource):
    """
    Move connections to the destinations of other groups.

    <https://fivetran.com/docs/rest-api/api-reference/connections/connection-moved>
    """

    async def move(
        self,
        connection_id: str,
        *,
        destination_group_id: str,
        sync_behavior: SyncBehaviorChoice = "CONTINUE",
        force_move: bool | Unset = UNSET,
        confirm: bool = False,
    ) -> ConnectionMove:
        """
        Move a paused connection to the destination of another group.

        POST /v1/connections/{connection_id}/move

        With `CONTINUE_WITH_DATA` the move is a job, which `wait_for_move` awaits by the `job_id` of
        the result. With other behaviors the connection has moved when the call returns.

        Args:
            connection_id: The connection; it must be paused.
            destination_group_id: The group to move to.
            sync_behavior: `CONTINUE` continues from the last sync. `BACKFILL` loads the whole
                history into the new destination. `CONTINUE_WITH_DATA` continues from the last sync
                and copies the data, only from Snowflake native tables to a Snowflake Lakehouse
                destination.
            force_move: True confirms that credentials which are bound to the old group, such as an
                AWS external id or a GCP service account, were adapted to the new one.
            confirm: Must be True with `BACKFILL`, or the call is refused.

        Raises:
            ConfirmationRequiredError: `BACKFILL` was not confirmed; no request was sent.
            InvalidRequestError: The connection is not paused, or its credentials require
                `force_move=True`; the message describes the steps.
            AmbiguousOutcomeError: The connection may have been moved; check its `group_id`.
        """
        if sync_behavior.upper() == "BACKFILL":
            require_confirmation(
                confirm, "connections.move", "with BACKFILL reloads the whole history"
            )
        return await self._transport.call(
            _MOVE,
            ConnectionMove,
            connection_id,
            body={
                "destination_group_id": destination_group_id,
                "sync_behavior": sync_behavior,
                "force_move": force_move,
            },
        )

    async def get_move(self, connection_id: str, job_id: str) -> ConnectionMoveJob:
        """
        Return the state of a move with `CONTINUE_WITH_DATA`; see `wait_for_move` to wait for it.

        GET /v1/connections/{connection_id}/move/{job_id}

        Args:
            connection_id: The connection.
            job_id: The `job_id` of the result of `move`.

        Raises:
            NotFoundError: The connection or the job does not exist.
        """
        return await self._transport.call(_GET_MOVE, ConnectionMoveJob, connection_id, job_id)
