"""Cancellations by this package, which a block turns into an error of its own."""

from __future__ import annotations

import asyncio
from typing import Any


class Interruption:
    """Cancels the task of a block, and distinguishes that from a cancellation by the caller."""

    __slots__ = ("_cancelled_before", "_task", "interrupted")

    _task: asyncio.Task[Any]
    _cancelled_before: int
    interrupted: bool

    def watch(self, task: asyncio.Task[Any]) -> None:
        """Begin the block in this task."""
        self._task = task
        self._cancelled_before = task.cancelling()
        self.interrupted = False

    def interrupt(self) -> None:
        """Cancel the task."""
        self.interrupted = True
        self._task.cancel()

    def is_cause(self, kind: type[BaseException] | None) -> bool:
        """
        Return True if the block ends because it was interrupted; call it once, if it was.

        A cancellation by the caller counts too, and passes.
        """
        is_ours = self._task.uncancel() <= self._cancelled_before
        return is_ours and kind is not None and issubclass(kind, asyncio.CancelledError)
