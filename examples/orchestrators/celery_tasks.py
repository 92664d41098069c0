"""
Tasks of Celery that sync a connection: `chain(start.s("speak_inexpensive"), wait.s())()`.

A worker looks for some seconds and returns the token to the queue: it is free in between. It
needs `pip install celery`, a broker, and the variables FIVETRAN_API_KEY and FIVETRAN_API_SECRET.
"""

from __future__ import annotations

import asyncio

from celery import Celery, Task

from fivetran_async import AsyncFivetran
from fivetran_async.syncs import SyncOutcome

app = Celery("fivetran_syncs")


async def started(connection_id: str) -> str:
    """Trigger the sync and return its token."""
    async with AsyncFivetran() as fivetran:
        return (await fivetran.connections.start_sync(connection_id)).to_token()


async def looked(token: str, seconds: float) -> SyncOutcome:
    """Wait for some seconds."""
    async with AsyncFivetran() as fivetran:
        return await fivetran.resume_wait(token, timeout=seconds)


@app.task
def start(connection_id: str) -> str:
    """Trigger the sync and return its token."""
    return asyncio.run(started(connection_id))


@app.task(bind=True, max_retries=None)
def wait(self: Task, token: str) -> str:
    """Return the status of the sync; until it has ended, look every minute."""
    outcome = asyncio.run(looked(token, seconds=5))
    if outcome.token is not None:
        raise self.retry(args=[outcome.token], countdown=60)
    return outcome.status
