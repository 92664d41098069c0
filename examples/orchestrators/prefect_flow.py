"""
A flow of Prefect that syncs a connection; a retry of the second task triggers nothing.

It needs `pip install prefect`, and the variables FIVETRAN_API_KEY and FIVETRAN_API_SECRET.
"""

from __future__ import annotations

from prefect import flow, task

from fivetran_async import AsyncFivetran


@task
async def start(connection_id: str) -> str:
    """Trigger the sync and return its token."""
    async with AsyncFivetran() as fivetran:
        return (await fivetran.connections.start_sync(connection_id)).to_token()


@task(retries=3)
async def wait(token: str) -> str:
    """Wait for the end of the sync and return its status."""
    async with AsyncFivetran() as fivetran:
        return (await fivetran.resume_wait(token)).status


@flow
async def sync(connection_id: str) -> str:
    """Sync a connection."""
    return await wait(await start(connection_id))
