"""
The trigger of Airflow tasks that wait for syncs.

Airflow imports it inside the event loop of the triggerer: it loads nothing that takes long.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Final, Literal

from fivetran_async.integrations._airflow_door import aconnection_of, is_over

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
        on_cancel: `pause` pauses the connection when a user ends the task, and not when it is
            cleared.
        follows: An earlier try of the task had a trigger with `pause`, which may pause the
            connection in this one's first minute: it is resumed.
    """

    def __init__(
        self,
        *,
        token: str,
        fivetran_conn_id: str,
        on_cancel: Literal["leave", "pause"] = "leave",
        follows: bool = False,
    ) -> None:
        super().__init__()
        self.follows = follows
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
            "follows": self.follows,
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
                return await event_of_wait(lease.fivetran, self.token, follows=self.follows)
            except AuthenticationError:
                # The key may have been replaced in Airflow's connection since it was read.
                lease.retire()
                await self.cleanup()
                lease = await self._leased()
                return await event_of_wait(lease.fivetran, self.token, follows=self.follows)
        except FivetranError as error:
            return {"error": f"With the Airflow connection {self.fivetran_conn_id!r}: {error}"}

    async def on_kill(self) -> None:
        """
        Pause the connection if that was asked for: a user ended the task.

        Airflow also calls this for a task that was cleared, before or after its next try begins.
        The sync is that of the task, so the next try waits for it: it is left alone.
        """
        if self.on_cancel == "pause":
            await _load()
            from fivetran_async.integrations._airflow_waits import stop_sync  # noqa: PLC0415

            await stop_sync((await self._leased()).fivetran, self.token, self._is_over)

    async def _is_over(self) -> bool:
        """Return False if the task has a try to come, which resumes what is paused in error."""
        from fivetran_async.options import logger  # noqa: PLC0415

        if self.task_instance is None:
            return True
        try:
            return await is_over(self.task_instance)
        except Exception as error:  # noqa: BLE001 - any error of Airflow
            logger.warning("Airflow did not return the state of the task: %s", error)
            return True

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
