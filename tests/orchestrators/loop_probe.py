"""A trigger that measures for how long the triggerer's event loop does not run it, and why."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

from airflow.triggers.base import BaseTrigger, TriggerEvent

STEP = 0.01
REPORTED = 0.05
"""Seconds; shorter gaps are not reported."""


class Sampler:
    """Looks at the thread of an event loop from another one, while the loop does not go on."""

    def __init__(self) -> None:
        self.last = time.monotonic()
        self.stacks: list[list[str]] = []
        self._loop_thread = threading.get_ident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join()

    def take(self) -> list[list[str]]:
        """Return what was seen since the last call: stacks of files and functions."""
        found, self.stacks = self.stacks, []
        return found

    def _sample(self) -> None:
        while not self._over.wait(STEP):
            frame = sys._current_frames().get(self._loop_thread)
            if time.monotonic() - self.last > REPORTED and frame is not None:
                stack = traceback.extract_stack(frame)
                self.stacks.append([f"{each.filename}:{each.name}" for each in stack])


class LoopProbe(BaseTrigger):
    """
    Sleeps for 10 ms, over and over, until there is a file; writes a list of the long gaps.

    A gap is the seconds that a sleep took beyond its time, and the processor time that the thread
    of the loop used meanwhile, with the stacks that were seen in that thread.
    """

    def __init__(self, *, until: str) -> None:
        super().__init__()
        self.until = until

    def serialize(self) -> tuple[str, dict[str, object]]:
        """Return the class and its argument."""
        return "loop_probe.LoopProbe", {"until": self.until}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Measure, and write the result beside the file that ends it."""
        gaps: list[dict[str, object]] = []
        end, sampler = Path(self.until), Sampler()
        with contextlib.closing(sampler):
            while not end.exists():
                began, used = time.monotonic(), time.thread_time()
                await asyncio.sleep(STEP)
                sampler.last = time.monotonic()
                gap, stacks = sampler.last - began - STEP, sampler.take()
                if gap > REPORTED:
                    used = time.thread_time() - used
                    gaps.append({"seconds": gap, "used": used, "stacks": stacks})
        end.with_suffix(".json").write_text(json.dumps(gaps))
        yield TriggerEvent(len(gaps))
