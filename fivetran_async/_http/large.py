"""Large bodies: they are decoded in a thread, so that the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def decode_in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """
    Call a function that decodes in a thread.

    Meanwhile the garbage collector pauses: while the objects of a document become more, it would
    look at all of them several times, for a tenth of a second each.
    """

    def call() -> T:
        with _collector:
            return function(*args, **kwargs)

    return await asyncio.to_thread(call)


class _PausedCollector:
    """Pauses the garbage collector while at least one thread is inside, if it was enabled."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._was_enabled = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._was_enabled:
                gc.enable()


_collector: Final = _PausedCollector()
