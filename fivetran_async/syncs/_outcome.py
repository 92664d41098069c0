"""How an awaited sync ended: a value, not an exception."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

import attrs

from fivetran_async._codec._errors import compared_facts
from fivetran_async._codec._fields import SHOWN
from fivetran_async._codec._serializable import Serializable
from fivetran_async.errors import FivetranError
from fivetran_async.resources.connection_models import Connection, ConnectionTask

SyncEnd: TypeAlias = Literal[
    "succeeded", "failed", "rescheduled", "paused", "broken", "not_run", "timed_out"
]


@attrs.frozen(kw_only=True)
class SyncVerdict:
    """How a sync ended, and the reason."""

    status: SyncEnd
    reason: str = ""
    finished_at: datetime | None = None


@attrs.frozen(kw_only=True)
class SyncOutcome(Serializable):
    """
    How an awaited sync ended.

    Attributes:
        connection_id: The connection.
        status: `succeeded`; `failed`; `rescheduled`, put off and not awaited any longer; `paused`,
            before or during the sync; `broken`, the setup does not work; `not_run`, it never began
            or was stopped; `timed_out`, its end was not seen in time.
        reason: Why, in the vendor's words where the vendor gave any.
        joined: True if the sync was running before it was triggered; False if it began after; None
            if neither is known: the API does not report it, only the sync history shows it.
        triggers: How many times it was triggered: more than once after it was rescheduled, 0 if
            not.
        sync_id: The vendor's id of the sync, where the account has the sync history.
        started_at: When it began, from the same place.
        finished_at: When it ended, by the server's clock.
        connection: The connection from the last read; None if it was never read.
        token: With `timed_out`: pass it to `resume_wait` to go on.
        error: What kept `syncs.run_all` from starting the sync or from seeing its end. Waits for
            one sync raise it instead.
    """

    connection_id: str
    status: SyncEnd
    reason: str = ""
    joined: bool | None = None
    triggers: int = 0
    sync_id: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    connection: Connection | None = attrs.field(default=None, repr=False, metadata={SHOWN: True})
    token: str | None = attrs.field(default=None, repr=False, metadata={SHOWN: True})
    error: FivetranError | None = attrs.field(default=None, eq=compared_facts)

    def __hash__(self) -> int:
        # Not of all fields: a connection is not hashable.
        return hash((self.connection_id, self.status))

    @property
    def succeeded(self) -> bool:
        """True if the data was loaded."""
        return self.status == "succeeded"

    @property
    def tasks(self) -> tuple[ConnectionTask, ...]:
        """What has to be done before the connection can sync."""
        return self.connection.status.tasks if self.connection else ()

    @property
    def warnings(self) -> tuple[ConnectionTask, ...]:
        """The connection's warnings."""
        return self.connection.status.warnings if self.connection else ()

    @property
    def dashboard_url(self) -> str:
        """The page of the connection in the dashboard."""
        return Connection(id=self.connection_id).dashboard_url

    def raise_for_status(self) -> None:
        """
        Do nothing if the sync succeeded.

        Raises:
            SyncFailedError: It did not.
        """
        if not self.succeeded:
            raise SyncFailedError(self) from self.error


class SyncFailedError(FivetranError):
    """
    An awaited sync did not succeed: `SyncOutcome.raise_for_status`.

    Attributes:
        outcome: How it ended.
    """

    def __init__(self, outcome: SyncOutcome) -> None:
        why = f": {outcome.reason.rstrip('.')}" if outcome.reason else ""
        super().__init__(
            f"The sync of {outcome.connection_id} ended as {outcome.status}{why}. "
            f"See {outcome.dashboard_url}"
        )
        self.outcome = outcome
        self.token: str | None = outcome.token
