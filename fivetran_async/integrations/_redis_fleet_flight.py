"""The lease of a connection: only the process that holds it decides whether a sync is triggered."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fivetran_async._clock import to_the_end
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.integrations._redis_store import StoreDownError
from fivetran_async.syncs._sharing import LastTrigger
from fivetran_async.syncs._tokens import parse_token

if TYPE_CHECKING:
    from fivetran_async.integrations._redis_fleet_store import FleetStore


class FleetFlight:
    """
    The right to decide about a connection.

    Attributes:
        fence: A number that is higher than those of all former leases; "" without a lease.
        is_lost: True if another process may decide.
        is_sending: True from the permission to trigger until the others can know of the trigger.
        busy_for: Seconds until the lease of another process expires.
    """

    def __init__(self, store: FleetStore, connection_id: str, owner: str, lease: float) -> None:
        self._store = store
        self.connection_id = connection_id
        self._owner = owner
        self._seconds = lease
        self.last: LastTrigger | None = None
        self.fence = ""
        self.is_lost = False
        self.is_sending = False
        self.busy_for = 0.0
        self._intention = ""

    async def acquire(self, epoch: str) -> bool:
        """Ask for the lease; `epoch` is that of the last beat."""
        lease = await self._store.acquire(self.connection_id, self._owner, self._seconds, epoch)
        self.fence, self.busy_for = lease.fence, lease.busy_for
        # A token of another release may be unreadable here: the record decides alone.
        with suppress(InvalidArgumentError):
            if lease.last_token:
                parse_token(lease.last_token)
                self.last = LastTrigger(lease.last_token, lease.last_age)
        return bool(lease.fence)

    async def may_trigger(self, intention: str | None) -> bool:
        """
        Extend the lease, and keep what is about to be sent; return False if it was lost.

        Args:
            intention: The token of a trigger that may have been sent; None keeps nothing.
        """
        if self.fence and not self.is_lost:
            self._intention = intention or ""
            try:
                self.is_lost = not await self._store.renew(
                    self.connection_id, self._owner, self._seconds, self._intention
                )
            except StoreDownError:
                # The lease may have expired since the record was read: it has to be reread.
                self.is_lost = True
            self.is_sending = not self.is_lost
        return not self.is_lost

    async def restore(self) -> None:
        """Store the lease once more if a trigger is under way: the server has lost its keys."""
        if self.is_sending:
            await self._store.restore(
                self.connection_id, self._owner, self._seconds, self._intention
            )

    async def triggered(self, token: str) -> None:
        """Let the other processes know of a trigger that was sent."""
        if self.fence:
            # Also for a caller that is cancelled: another process would trigger once more.
            await to_the_end(self._report(token))

    async def _report(self, token: str) -> None:
        with suppress(StoreDownError):
            await self._store.triggered(self.connection_id, self._owner, self.fence, token)
        self.is_sending = False
