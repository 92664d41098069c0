"""A trigger that measures for how long the triggerer's event loop does not run it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

from airflow.triggers.base import BaseTrigger, TriggerEvent

STEP = 0.01


def waited_for_a_processor() -> float:
    """Return the seconds for which this thread was ready to run and another one ran instead."""
    status = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    return int(status.read_text().split()[1]) / 1e9


class LoopProbe(BaseTrigger):
    """
    Sleeps for 10 ms, over and over, until there is a file; its event is the list of long gaps.

    A gap is what a sleep took beyond its time, without what other processes of the machine took.
    """

    def __init__(self, *, until: str) -> None:
        super().__init__()
        self.until = until

    def serialize(self) -> tuple[str, dict[str, object]]:
        """Return the class and its argument."""
        return "loop_probe.LoopProbe", {"until": self.until}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Measure, and write the result beside the file that ends it."""
        gaps: list[tuple[float, float, float]] = []
        end = Path(self.until)
        while not end.exists():
            began, waited, used = time.monotonic(), waited_for_a_processor(), time.thread_time()
            await asyncio.sleep(STEP)
            gap = time.monotonic() - began - STEP
            others = waited_for_a_processor() - waited
            if gap - others > 0.03:
                gaps.append((round(gap - others, 3), round(gap, 3), time.thread_time() - used))
        end.with_suffix(".json").write_text(json.dumps(gaps))
        yield TriggerEvent(gaps)
