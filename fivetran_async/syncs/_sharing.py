"""What sessions of several processes do together: one triggers a sync, and one polls for all."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from fivetran_async.syncs._deadline import Deadline
    from fivetran_async.syncs._wait import Wait


@attrs.frozen
class LastTrigger:
    """The token of the latest trigger that any process sent, and the seconds since then."""

    token: str
    age: float


class Flight(Protocol):
    """The right to decide whether a connection is triggered, for as long as its lease lasts."""

    @property
    def last(self) -> LastTrigger | None:
        """The latest trigger of any process; None if none is known."""
        ...

    async def may_trigger(self) -> bool:
        """Extend the lease; return False if it was lost, so that another process may decide."""
        ...

    async def triggered(self, token: str) -> None:
        """Let the other processes know of a trigger that was sent."""
        ...


class Sharing(Protocol):
    """The other processes, for the poller of a session."""

    def flight(
        self, connection_id: str, deadline: Deadline | None
    ) -> AbstractAsyncContextManager[Flight]:
        """Wait for the right to decide about a connection; with None, do not wait."""
        ...

    def added(self, wait: Wait) -> None:
        """Take note of a wait of this session."""
        ...

    def removed(self, wait: Wait) -> None:
        """Take note that a wait of this session is over."""
        ...


class _OwnFlight:
    """The right to decide of a session that shares nothing."""

    last: LastTrigger | None = None

    async def may_trigger(self) -> bool:
        return True

    async def triggered(self, token: str) -> None:
        pass


@asynccontextmanager
async def flight_of(
    sharing: Sharing | None, connection_id: str, deadline: Deadline | None
) -> AsyncGenerator[Flight]:
    """Wait for the right to decide about a connection, if sessions of other processes exist."""
    if sharing is None:
        yield _OwnFlight()
        return
    async with sharing.flight(connection_id, deadline) as flight:
        yield flight
