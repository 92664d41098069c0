"""Long bodies are decoded one per turn of the event loop, and very long ones in a thread."""

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


class DecodingTurns:
    """
    Lets an event loop decode one long body per turn.

    Of bodies that arrive together, each is decoded when the consumer has taken the one before, and
    when the requests that can be sent were sent.
    """

    __slots__ = ("_taken_on",)

    def __init__(self) -> None:
        self._taken_on: asyncio.AbstractEventLoop | None = None

    async def take(self) -> None:
        """Wait for a turn of the event loop in which no other body is decoded."""
        loop = asyncio.get_running_loop()
        while self._taken_on is loop:  # noqa: ASYNC110 - it ends with this turn of the loop
            await asyncio.sleep(0)
        self._taken_on = loop
        loop.call_soon(self._end)

    def _end(self) -> None:
        self._taken_on = None


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
