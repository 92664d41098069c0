"""
A workflow of Temporal that syncs a connection; a worker that dies loses no wait.

It needs `pip install temporalio`, and on the workers the variables FIVETRAN_API_KEY and
FIVETRAN_API_SECRET.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from fivetran_async import AsyncFivetran


@activity.defn
async def start(connection_id: str) -> str:
    """Trigger the sync and return its token."""
    async with AsyncFivetran() as fivetran:
        return (await fivetran.connections.start_sync(connection_id)).to_token()


@activity.defn
async def wait(token: str) -> str:
    """Wait for the end of the sync and return its status."""
    async with AsyncFivetran() as fivetran:
        return (await fivetran.resume_wait(token)).status


@workflow.defn
class Sync:
    """Syncs a connection."""

    @workflow.run
    async def run(self, connection_id: str) -> str:
        """Trigger the sync, then wait; each activity is retried on its own."""
        short, day = timedelta(minutes=5), timedelta(days=1)
        token = await workflow.execute_activity(start, connection_id, start_to_close_timeout=short)
        return await workflow.execute_activity(wait, token, start_to_close_timeout=day)
