"""The methods of `fivetran.connections` that wait: each is one expression over `syncs`."""

from collections.abc import Mapping, Sequence

from fivetran_async._types import UNSET, Unset
from fivetran_async.resources._resource import Resource, require_confirmation
from fivetran_async.resources.connection_models import Connection, ConnectionMoveJob
from fivetran_async.syncs import (
    DEFAULT_POLICY,
    OnCancel,
    SyncOutcome,
    SyncPolicy,
    SyncRun,
)
from fivetran_async.syncs._jobs import await_move, set_up
from fivetran_async.syncs._order import Order
from fivetran_async.syncs._reads import connections_of
from fivetran_async.syncs._sync_run import run_to_end, start_sync, wait_for_next


class SyncMethods(Resource):
    """What `fivetran.connections` offers besides the operations of the API: waits."""

    async def sync_and_wait(
        self,
        connection_id: str,
        *,
        force: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - on the session's clock
        policy: SyncPolicy = DEFAULT_POLICY,
        on_cancel: OnCancel = "leave",
    ) -> SyncOutcome:
        """
        Sync a connection and wait for the end, for a day at most by default.

        POST /v1/connections/{connection_id}/sync

        The outcome is a value, whatever it is: look at its `status`, or call `raise_for_status()`.
        A sync that is running is joined. Of several callers in one session, one triggers. An end
        counts only if it is after the server accepted the trigger.

        Args:
            connection_id: The connection.
            force: Stop a running sync and start a new one.
            timeout: Seconds for all of it, the first read and the trigger included; by default the
                policy's. Then the outcome is `timed_out`, with a `token` if a trigger was sent.
            policy: What to do about paused, broken and rescheduled connections, and how often to
                poll.
            on_cancel: `pause` pauses the connection when the waiting task is cancelled; `leave`
                lets the sync go on.

        Raises:
            NotFoundError: There is no such connection, or it was deleted meanwhile.
            SessionClosedError: The session was closed; `token` of the error resumes the wait.
            FivetranError: The sync could not be triggered.
        """
        order = Order(connection_id=connection_id, force=force)
        return await run_to_end(self._transport, order, policy.lasting(timeout), on_cancel)

    async def resync_and_wait(
        self,
        connection_id: str,
        *,
        scope: Mapping[str, Sequence[str]] | Unset = UNSET,
        timeout: float | None = None,  # noqa: ASYNC109 - on the session's clock
        policy: SyncPolicy = DEFAULT_POLICY,
        on_cancel: OnCancel = "leave",
        confirm: bool = False,
    ) -> SyncOutcome:
        """
        Load the whole history once more and wait for the end, like `sync_and_wait`.

        POST /v1/connections/{connection_id}/resync

        Args:
            connection_id: The connection.
            scope: Only these tables: source schema names to lists of table names.
            timeout: Seconds for all of it, a day by default; large histories take longer.
            policy: As for `sync_and_wait`.
            on_cancel: As for `sync_and_wait`.
            confirm: Must be True.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; nothing was sent.
            ConflictError: A running sync cannot be stopped now.
            SessionClosedError: The session was closed; `token` of the error resumes the wait.
        """
        require_confirmation(confirm, "connections.resync_and_wait", "rereads all history")
        order = Order(connection_id=connection_id, kind="resync", scope=scope)
        return await run_to_end(self._transport, order, policy.lasting(timeout), on_cancel)

    async def start_sync(
        self, connection_id: str, *, force: bool = False, policy: SyncPolicy = DEFAULT_POLICY
    ) -> SyncRun:
        """
        Trigger a sync, to be awaited later or by another process: `run.wait()`, `run.to_token()`.

        POST /v1/connections/{connection_id}/sync

        The record before the trigger and the time of its acceptance are kept, so that the end is
        found however late the wait begins.

        Args:
            connection_id: The connection.
            force: Stop a running sync and start a new one.
            policy: As for `sync_and_wait`.
        """
        return await start_sync(self._transport, connection_id, policy, force=force)

    async def wait_for_sync(
        self,
        connection_id: str,
        *,
        since: Connection | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - on the session's clock
        policy: SyncPolicy = DEFAULT_POLICY,
    ) -> SyncOutcome:
        """
        Wait for the end of the sync that runs, or else of the next one; triggers nothing.

        Args:
            connection_id: The connection.
            since: A record that `connections.get` returned: a sync that has ended since then counts
                at once, unless another one runs now, which is then awaited.
            timeout: Seconds for all of it; by default the policy's.
            policy: As for `sync_and_wait`.

        Raises:
            NotFoundError: There is no such connection, or it was deleted meanwhile.
            SessionClosedError: The session was closed; `token` of the error resumes the wait.
        """
        return await wait_for_next(self._transport, connection_id, policy.lasting(timeout), since)

    async def test_until_connected(
        self,
        connection_id: str,
        *,
        trust_certificates: bool = False,
        trust_fingerprints: bool = False,
        rounds: int = 3,
    ) -> Connection:
        """
        Run the setup tests, more than once where that may help, and return the connection.

        POST /v1/connections/{connection_id}/test

        Look at `is_connected`, and at `setup_tests` for what is missing. Each round may take
        minutes, and counts against the quota of setup tests.

        Args:
            connection_id: The connection.
            trust_certificates: Approve the certificates that the tests find.
            trust_fingerprints: Approve the fingerprints that the tests find.
            rounds: The largest number of rounds: tests that broke down, and those after an
                approval, are repeated.
        """
        return await set_up(
            connections_of(self._transport),
            connection_id,
            trust_certificates=trust_certificates,
            trust_fingerprints=trust_fingerprints,
            rounds=rounds,
            policy=DEFAULT_POLICY,
            core=self._transport.core,
        )

    async def wait_for_move(
        self,
        connection_id: str,
        job_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - on the session's clock
        policy: SyncPolicy = DEFAULT_POLICY,
    ) -> ConnectionMoveJob:
        """
        Wait until a move with `CONTINUE_WITH_DATA` has ended, and return its job.

        GET /v1/connections/{connection_id}/move/{job_id}

        Args:
            connection_id: The connection.
            job_id: The `job_id` of the result of `move`.
            timeout: Seconds to wait; defaults to the timeout of the policy, one day.
            policy: How often to poll.

        Raises:
            WaitFailedError: The move failed; `last` is the job.
            WaitTimeoutError: The move did not end within the timeout; it goes on.
            NotFoundError: The connection or the job does not exist.
            SessionClosedError: The session was closed.
        """
        return await await_move(
            connections_of(self._transport),
            connection_id,
            job_id,
            policy=policy.lasting(timeout),
            core=self._transport.core,
        )
