"""Runs the triggers of the tokens on stdin in one event loop; prints what the loop was used for."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from airflow.triggers.base import BaseTrigger

STEP = 0.01


async def status_of(trigger: BaseTrigger) -> str:
    """Run a trigger as the triggerer does, and return the status of its outcome."""
    try:
        event: Any = (await anext(aiter(trigger.run()))).payload
        return str(event["outcome"]["status"] if "outcome" in event else event)
    finally:
        await trigger.cleanup()


async def measure(used: list[float]) -> None:
    """Collect the processor time that the thread of the loop uses from one turn to the next."""
    while True:
        before = time.thread_time()
        await asyncio.sleep(STEP)
        used.append(time.thread_time() - before)


async def main(tokens: list[str]) -> None:
    """Import the trigger in the loop, run all, and print statuses and processor times."""
    # Airflow's own first look at its connections is not measured.
    from airflow.sdk import BaseHook

    await BaseHook.aget_connection("fivetran_default")
    used: list[float] = []
    measuring = asyncio.create_task(measure(used))
    await asyncio.sleep(0.1)
    from fivetran_async.integrations.airflow import FivetranSyncTrigger

    triggers = [
        FivetranSyncTrigger(token=each, fivetran_conn_id="fivetran_default") for each in tokens
    ]
    statuses = await asyncio.gather(*map(status_of, triggers))
    measuring.cancel()
    sys.stdout.write(f"\n{json.dumps({'statuses': statuses, 'used': used})}\n")


asyncio.run(main(json.load(sys.stdin)))
