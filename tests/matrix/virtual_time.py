"""
An event loop on which waiting takes no time: when nothing is left to do, its clock jumps.

Real sockets work on it, for both ends live in the same process: what one end has written is there
for the other before the clock may move.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

T = TypeVar("T")

EPOCH: Final = 1_800_000_000.0
_LOOK: Final = 0.0005
"""Real seconds to look for traffic that the kernel is late with, before a short jump."""
_LONG_LOOK: Final = 0.02
"""The same before a jump over a timeout."""


class _Selector(selectors.BaseSelector):
    """Asks the real selector without waiting; the wait itself is added to the clock."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = 1_000.0

    def register(
        self,
        fileobj: FileDescriptorLike,
        events: int,
        data: Any = None,  # noqa: ANN401 - as in the base class
    ) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return self._real.select(0)
        if timeout is None:
            return self._real.select(None)
        ready = self._real.select(_LOOK if timeout < 1 else _LONG_LOOK)
        if not ready:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that advances `time()` by each wait instead of waiting."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        """Virtual seconds."""
        return self._clock.now


class LoopClock:
    """The clock of the loop it is made on, in the form that sessions take."""

    def __init__(self, seed: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._random = random.Random(seed)  # noqa: S311 - jitter

    def monotonic(self) -> float:
        """Seconds on the loop's clock."""
        return self._loop.time()

    def time(self) -> float:
        """The same as seconds since the epoch."""
        return EPOCH + self.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)

    def random(self) -> float:
        """Repeats from run to run."""
        return self._random.random()


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine function on virtual time, to its end and that of all it began."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop, debug=False) as runner:
        return runner.run(main())
