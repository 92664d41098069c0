"""Pauses a connection around a change, and resumes it if it ran."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Final

import attrs

from fivetran_async.as_code._applying.requests import clock_of
from fivetran_async.errors import FivetranError, WaitTimeoutError

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran

_FIRST: Final = 1.0
_LONGEST: Final = 15.0
_TIMEOUT: Final = 900.0
"""Seconds that the end of a running sync may take."""


@attrs.frozen(kw_only=True)
class Pausing:
    """
    Pauses one connection.

    Attributes:
        fivetran: The session.
        connection_id: The connection; None for objects that are not of a connection.
        only_syncing: True to pause only while a sync is running.
        was_paused: True if an interrupted part of the run paused it.
        note: Writes an event to the journal.
    """

    fivetran: AsyncFivetran
    connection_id: str | None
    only_syncing: bool
    was_paused: bool
    note: Callable[[str], Awaitable[None]]

    @contextlib.asynccontextmanager
    async def around(self, *, is_needed: bool) -> AsyncGenerator[None]:
        """
        Pause before the block, wait until the sync has ended, and resume after it.

        Raises:
            WaitTimeoutError: The sync did not end.
        """
        paused = is_needed and await self._pause()
        try:
            yield
        except FivetranError:
            if paused:
                with contextlib.suppress(FivetranError):
                    await self._resume()
            raise
        if paused or self.was_paused:
            await self._resume()

    async def resume_if_left(self) -> None:
        """Resume a connection that an interrupted part of the run has paused."""
        if self.was_paused:
            await self._resume()

    async def _pause(self) -> bool:
        id = self.connection_id
        if id is None:
            return False
        connection = await self.fivetran.connections.get(id)
        if connection.is_paused or (self.only_syncing and not connection.is_syncing):
            return False
        await self.note("paused")
        await self.fivetran.connections.pause(id)
        clock, waited, pause = clock_of(self.fivetran), 0.0, _FIRST
        while True:
            connection = await self.fivetran.connections.get(id)
            if connection.is_paused and not connection.is_syncing:
                return True
            if waited >= _TIMEOUT:
                raise WaitTimeoutError(
                    f"Timed out after {waited:g} s waiting until {id} is paused", connection
                )
            await clock.sleep(pause)
            waited, pause = waited + pause, min(_LONGEST, pause * 2)

    async def _resume(self) -> None:
        if self.connection_id is not None:
            await self.fivetran.connections.resume(self.connection_id)
            await self.note("resumed")
