"""The methods of `fivetran.connections` that wait: each is one expression over `syncs`."""

from collections.abc import Mapping, Sequence

from fivetran_async._types import UNSET, Unset
from fivetran_async.resources._resource import Resource, require_confirmation
from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs import (
    DEFAULT_POLICY,
    OnCancel,
    SyncOutcome,
    SyncPolicy,
    SyncRun,
    find_sync,
    start_resync,
    start_sync,
)
from fivetran_async.syncs._jobs import set_up
from fivetran_async.syncs._reads import connections_of


class SyncMethods(Resource):
    """What `fivetran.connections` offers besides the operations of the API: syncs to their end."""

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
        Sync a connection and wait for the end, within a day unless told otherwise.

        The outcome is a value, whatever it is: look at its `status`, or call `raise_for_status()`.
        A sync that runs already is joined. Of two callers in one session, one triggers.

        Args:
            connection_id: The connection.
            force: Stop a running sync and begin again.
            timeout: Seconds to wait; the policy's unless given.
            policy: What to do about paused, broken and rescheduled connections; how often to look.
            on_cancel: `pause` pauses the connection when the waiting task is cancelled; `leave`
                lets the sync go on.

        Raises:
            NotFoundError: There is no such connection, or it was deleted meanwhile.
            FivetranError: The sync could not be triggered.
        """
        run = await start_sync(self._transport, connection_id, policy.lasting(timeout), force=force)
        return await run.wait(on_cancel=on_cancel)

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
        Read the whole history again and wait for the end: `resync`, as `sync_and_wait` waits.

        Args:
            connection_id: The connection.
            scope: Only these tables: source schema names to lists of table names.
            timeout: Seconds to wait, a day unless given; large histories take longer.
            policy: As for `sync_and_wait`.
            on_cancel: As for `sync_and_wait`.
            confirm: Must be True.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; nothing was sent.
            ConflictError: A running sync cannot be ended now.
        """
        require_confirmation(confirm, "connections.resync_and_wait", "reads all history again")
        run = await start_resync(
            self._transport, connection_id, policy.lasting(timeout), scope=scope
        )
        return await run.wait(on_cancel=on_cancel)

    async def start_sync(
        self, connection_id: str, *, force: bool = False, policy: SyncPolicy = DEFAULT_POLICY
    ) -> SyncRun:
        """
        Trigger a sync, to be awaited later or by another process: `run.wait()`, `run.to_token()`.

        The record before the trigger is kept, so that no end is missed, however late the wait.
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
            since: What `connections.get` returned: a sync that has ended since then counts.
            timeout: Seconds to wait; the policy's unless given.
            policy: As for `sync_and_wait`.
        """
        run = await find_sync(self._transport, connection_id, policy.lasting(timeout), since)
        return await run.wait()

    async def test_until_connected(
        self,
        connection_id: str,
        *,
        trust_certificates: bool = False,
        trust_fingerprints: bool = False,
        rounds: int = 3,
    ) -> Connection:
        """
        Run the setup tests, again where that may help, and return the connection as it is then.

        Look at `is_connected`, and at `setup_tests` for what is missing. Each round may take
        minutes, and draws on the quota of setup tests.

        Args:
            connection_id: The connection.
            trust_certificates: Approve the certificates that the tests find.
            trust_fingerprints: Approve the fingerprints that the tests find.
            rounds: How often to run them at most: tests that broke down, and those after an
                approval, are run again.
        """
        return await set_up(
            connections_of(self._transport),
            connection_id,
            trust_certificates=trust_certificates,
            trust_fingerprints=trust_fingerprints,
            rounds=rounds,
            policy=DEFAULT_POLICY,
            clock=self._transport.core.clock,
        )
