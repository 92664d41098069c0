"""
Jobs of arq that sync a connection; all waits of a worker share one poller: `arq arq_worker.Worker`.

It needs `pip install arq`, a Redis server, and the variables FIVETRAN_API_KEY and
FIVETRAN_API_SECRET.
"""

from __future__ import annotations

from typing import Any, ClassVar

from fivetran_async import AsyncFivetran

Context = dict[str, Any]


async def start(context: Context, connection_id: str) -> str:
    """Trigger the sync; another job, of any worker, waits for it."""
    run = await context["fivetran"].connections.start_sync(connection_id)
    await context["redis"].enqueue_job("wait", run.to_token())
    return connection_id


async def wait(context: Context, token: str) -> str:
    """Wait for the sync of a token."""
    outcome = await context["fivetran"].resume_wait(token)
    return f"{outcome.connection_id}: {outcome.status}"


async def open_session(context: Context) -> None:
    """Open the session of the worker."""
    context["fivetran"] = AsyncFivetran()


async def close_session(context: Context) -> None:
    """Close it."""
    await context["fivetran"].aclose()


class Worker:
    """The settings of the worker."""

    functions: ClassVar = [start, wait]
    on_startup = open_session
    on_shutdown = close_session
    job_timeout = 86_400
    max_jobs = 500
