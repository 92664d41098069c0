"""Pauses a connection around a change, and resumes it if it ran."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Final

import attrs

from fivetran_async._clock import finished
from fivetran_async.as_code._applying.requests import clock_of
from fivetran_async.errors import FivetranError, WaitTimeoutError

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran

_FIRST: Final = 1.0
_LONGEST: Final = 15.0
_GRACE: Final = 15.0
"""Seconds that the end of a cancelled run may take."""
_TIMEOUT: Final = 900.0
"""Seconds that the end of a running sync may take."""


@attrs.define(kw_only=True)
class Pausing:
    """
    Pauses one connection.

    Attributes:
        fivetran: The session.
        connection_id: The connection; None for objects that are not of a connection.
        only_syncing: True to pause only while a sync is running.
        is_ours: True while the connection is paused by the run, or by an interrupted part of it.
        is_kept: True if the journal survives the process, so that another run can resume.
        note: Writes an event to the journal.
    """

    fivetran: AsyncFivetran
    connection_id: str | None
    only_syncing: bool
    is_ours: bool
    is_kept: bool
    note: Callable[[str], Awaitable[None]]

    @contextlib.asynccontextmanager
    async def around(self, *, is_needed: bool, stays: bool = False) -> AsyncGenerator[None]:
        """
        Pause before the block until the sync has ended, and resume after it, unless it `stays`.

        A failure, also of the wait, leaves the connection as it ran before; so does a cancellation,
        unless the journal survives the run.

        Raises:
            WaitTimeoutError: The sync did not end.
        """
        try:
            if is_needed:
                await self._pause()
            yield
        except FivetranError:
            await self.give_up()
            raise
        except asyncio.CancelledError:
            if self.is_ours and not self.is_kept:
                await finished(asyncio.create_task(self._give_up_soon()))
            raise
        await self.end(stays=stays)

    async def end(self, *, stays: bool = False) -> None:
        """
        Resume a connection that the run, or an interrupted part of it, has paused.

        Args:
            stays: True if the change itself pauses the connection.
        """
        if self.is_ours and self.connection_id is not None:
            if not stays:
                await self.fivetran.connections.resume(self.connection_id)
            self.is_ours = False
            await self.note("kept" if stays else "resumed")

    async def give_up(self) -> None:
        """Resume after a failure, which counts more than one of the resume."""
        with contextlib.suppress(FivetranError):
            await self.end()

    async def _give_up_soon(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await self.give_up()

    async def _pause(self) -> None:
        id = self.connection_id
        if id is None:
            return
        connection = await self.fivetran.connections.get(id)
        if not connection.is_paused:
            if self.only_syncing and not connection.is_syncing:
                return
            await self.note("paused")
            self.is_ours = True
            await self.fivetran.connections.pause(id)
        elif not connection.is_syncing:
            return
        clock, waited, pause = clock_of(self.fivetran), 0.0, _FIRST
        while True:
            connection = await self.fivetran.connections.get(id)
            if connection.is_paused and not connection.is_syncing:
                return
            if waited >= _TIMEOUT:
                raise WaitTimeoutError(
                    f"Timed out after {waited:g} s waiting until {id} is paused", connection
                )
            await clock.sleep(pause)
            waited, pause = waited + pause, min(_LONGEST, pause * 2)
