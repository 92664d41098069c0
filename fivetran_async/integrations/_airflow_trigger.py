"""
The trigger of Airflow tasks that wait for syncs.

Airflow imports it inside the event loop of the triggerer: it loads nothing that takes long.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Final, Literal

from fivetran_async.integrations._airflow_door import aconnection_of

# isort: split

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from fivetran_async.integrations._airflow_sessions import SessionLease

_PATH: Final = "fivetran_async.integrations.airflow.FivetranSyncTrigger"
_WAITS: Final = "fivetran_async.integrations._airflow_waits"


class FivetranSyncTrigger(BaseTrigger):
    """
    Waits for the sync of a token, with the poller that all triggers of an Airflow connection share.

    Its event is a dict: `outcome` is a dict of plain values, see the module; `error` is the message
    of what ended the wait otherwise.

    Args:
        token: What `SyncRun.to_token()` returned.
        fivetran_conn_id: The Airflow connection with the credentials.
        on_cancel: `pause` pauses the connection when a user ends the task.
    """

    def __init__(
        self,
        *,
        token: str,
        fivetran_conn_id: str,
        on_cancel: Literal["leave", "pause"] = "leave",
    ) -> None:
        super().__init__()
        self.token = token
        self.fivetran_conn_id = fivetran_conn_id
        self.on_cancel: Literal["leave", "pause"] = on_cancel
        self._lease: SessionLease | None = None

    def serialize(self) -> tuple[str, dict[str, object]]:
        """Return the class and its arguments, which hold no secret."""
        return _PATH, {
            "token": self.token,
            "fivetran_conn_id": self.fivetran_conn_id,
            "on_cancel": self.on_cancel,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait for the end of the sync and yield one event."""
        yield TriggerEvent(await self._event())

    async def _event(self) -> Mapping[str, object]:
        await _load()
        from fivetran_async.errors import AuthenticationError, FivetranError  # noqa: PLC0415
        from fivetran_async.integrations._airflow_waits import event_of_wait  # noqa: PLC0415

        try:
            lease = await self._leased()
            try:
                return await event_of_wait(lease.fivetran, self.token)
            except AuthenticationError:
                # The key may have been replaced in Airflow's connection since it was read.
                lease.retire()
                await self.cleanup()
                lease = await self._leased()
                return await event_of_wait(lease.fivetran, self.token)
        except FivetranError as error:
            return {"error": f"With the Airflow connection {self.fivetran_conn_id!r}: {error}"}

    async def on_kill(self) -> None:
        """Pause the connection if that was asked for: a user ended or cleared the task."""
        if self.on_cancel == "pause":
            await _load()
            fivetran = (await self._leased()).fivetran
            await fivetran.connections.pause(fivetran.syncs.from_token(self.token).connection_id)

    async def cleanup(self) -> None:
        """Give the shared session back; the last trigger closes it."""
        lease, self._lease = self._lease, None
        if lease is not None:
            await lease.release()

    async def _leased(self) -> SessionLease:
        from fivetran_async.integrations._airflow_waits import lease_of  # noqa: PLC0415

        if self._lease is None:
            self._lease = await lease_of(self.fivetran_conn_id, aconnection_of)
        return self._lease


async def _load() -> None:
    """Import the HTTP client and all that a wait needs, in a thread."""
    await asyncio.to_thread(importlib.import_module, _WAITS)
