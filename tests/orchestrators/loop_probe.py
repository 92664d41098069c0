"""A trigger that measures for how long the triggerer's event loop does not run it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

from airflow.triggers.base import BaseTrigger, TriggerEvent

STEP = 0.01
REPORTED = 0.03
"""Seconds; shorter gaps are not reported."""


def waited_for_a_processor() -> float:
    """
    Return the seconds for which threads of this process were ready to run, and others ran instead.

    All threads count: one that holds the interpreter's lock keeps the event loop waiting as well.
    """
    waited = 0
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            waited += int((thread / "schedstat").read_text().split()[1])
    return waited / 1e9


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
        gaps: list[tuple[float, float]] = []
        end, waited = Path(self.until), waited_for_a_processor()
        while not end.exists():
            began, before = time.monotonic(), waited
            await asyncio.sleep(STEP)
            gap = time.monotonic() - began - STEP
            waited = waited_for_a_processor()
            ours = gap - (waited - before)
            if ours > REPORTED:
                gaps.append((round(ours, 3), round(gap, 3)))
        end.with_suffix(".json").write_text(json.dumps(gaps))
        yield TriggerEvent(gaps)
