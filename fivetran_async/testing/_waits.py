"""Who waits for the fake's clock: sleeping callers and deadlines, and what holds the clock."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import heapq
import itertools
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from types import FrameType
from typing import Any, Final

import attrs

_NUDGE: Final = 1e-6
"""Seconds: the shortest wait, and the error of a clock; rounding must not end a wait too early."""

_PURPOSES: Final = {
    "fivetran_async._http.retry": "a retry",
    "fivetran_async._quota.queue": "a quota",
    "fivetran_async._clock": "a deadline",
}


@attrs.define(eq=False)
class ClockTimer:
    """A function that is called when the clock reaches a time."""

    due: float
    loop: asyncio.AbstractEventLoop
    ring: Callable[[], object]
    purpose: str
    task: str
    handle: asyncio.TimerHandle | None = None
    over: bool = False

    def cancel(self) -> None:
        """Do not call the function; harmless after it was called."""
        self.over = True
        if self.handle is not None:
            self.handle.cancel()

    @property
    def waits(self) -> bool:
        """True until it rings, is cancelled, or loses its event loop."""
        return not self.over and not self.loop.is_closed()


class Watcher:
    """The task of a `FakeFivetran.run()`, which is woken when something changes."""

    def __init__(self) -> None:
        self.task: asyncio.Task[Any] | None = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._change: asyncio.Future[None] = self._loop.create_future()

    def expect(self) -> asyncio.Future[None]:
        """Return what ends with the next change."""
        if self._change.done():
            self._change = self._loop.create_future()
        return self._change

    def notify(self) -> None:
        """End what `expect` returned, from any thread."""
        if self._change.done():
            return
        with contextlib.suppress(RuntimeError):
            _call_on(self._loop, functools.partial(_finish, self._change))


class Waits:
    """
    The timers of a clock, for all event loops and threads, and what makes it stand still.

    `now` returns the time of the clock, and `is_running` whether it follows real time.
    """

    def __init__(self, now: Callable[[], float], is_running: Callable[[], bool]) -> None:
        self._now = now
        self._is_running = is_running
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._heap: list[tuple[float, int, ClockTimer]] = []
        self._held: collections.Counter[str] = collections.Counter()
        self._watchers: set[Watcher] = set()
        self._loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()

    def add(self, seconds: float, ring: Callable[[], object], purpose: str) -> ClockTimer:
        """Call a function on this event loop when some seconds of the clock have passed."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        timer = ClockTimer(
            self._now() + max(seconds, _NUDGE),
            loop,
            ring,
            purpose,
            "" if task is None else task.get_name(),
        )
        with self._lock:
            self._loops.add(loop)
            heapq.heappush(self._heap, (timer.due, next(self._numbers), timer))
        self._arm(timer)
        self._notify()
        return timer

    async def sleep(self, seconds: float, purpose: str) -> None:
        """Wait until some seconds of the clock have passed."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.add(seconds, functools.partial(_finish, woken), purpose)
        try:
            await woken
        finally:
            timer.cancel()

    def _arm(self, timer: ClockTimer) -> None:
        """Have a timer ring by real time, too, while the clock follows it."""
        if self._is_running() and timer.waits:
            left = max(timer.due - self._now(), 0.0)
            timer.handle = timer.loop.call_later(left, self._on_time, timer)

    def _on_time(self, timer: ClockTimer) -> None:
        if timer.due - self._now() <= _NUDGE:
            self.ring_due()
        else:
            # The clock was stopped meanwhile.
            self._arm(timer)

    def arm_all(self) -> None:
        """Have all timers ring by real time, because the clock follows it from now on."""
        for timer in self.pending():
            with contextlib.suppress(RuntimeError):
                _call_on(timer.loop, functools.partial(self._arm, timer))

    def ring_due(self) -> None:
        """Ring the timers that are due, in their order."""
        now = self._now() + _NUDGE / 2
        while True:
            with self._lock:
                if not self._heap or self._heap[0][0] > now:
                    return
                timer = heapq.heappop(self._heap)[2]
            if timer.waits:
                with contextlib.suppress(RuntimeError):
                    _call_on(timer.loop, functools.partial(_ring, timer))

    def next_due(self) -> float | None:
        """Return the time at which the next timer rings, or None without timers."""
        with self._lock:
            while self._heap and not self._heap[0][2].waits:
                heapq.heappop(self._heap)
            return self._heap[0][0] if self._heap else None

    def pending(self) -> list[ClockTimer]:
        """Return the timers that have not rung, in their order."""
        with self._lock:
            return [timer for *_, timer in sorted(self._heap, key=_rank) if timer.waits]

    @contextlib.contextmanager
    def hold(self, what: str) -> Generator[None]:
        """Have the clock stand still while the block runs."""
        with self._lock:
            self._held[what] += 1
        try:
            yield
        finally:
            self.release(what)

    def release(self, what: str) -> None:
        """End one hold."""
        with self._lock:
            self._held[what] -= 1
            self._held += collections.Counter()
            is_free = not self._held
        if is_free:
            self._notify()

    def set_held(self, what: str, *, held: bool) -> None:
        """Begin or end a hold that exists at most once."""
        with self._lock:
            if held:
                self._held[what] = 1
                return
            was_held = self._held.pop(what, 0)
        if was_held:
            self._notify()

    def are_held(self) -> bool:
        """True while something holds the clock."""
        return bool(self._held)

    @property
    def held(self) -> list[str]:
        """What holds the clock."""
        with self._lock:
            return list(self._held.elements())

    def use_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take an event loop into account that uses the clock."""
        with self._lock:
            self._loops.add(loop)

    def other_loops(self) -> list[asyncio.AbstractEventLoop]:
        """Return the other event loops that use the clock and are running, in their threads."""
        with self._lock:
            loops = list(self._loops)
        here = asyncio.get_running_loop()
        return [loop for loop in loops if loop is not here and loop.is_running()]

    def watch(self) -> Watcher:
        """Return a watcher that is notified of changes, until `unwatch`."""
        watcher = Watcher()
        with self._lock:
            self._watchers.add(watcher)
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        """Forget a watcher."""
        with self._lock:
            self._watchers.discard(watcher)

    def watching_tasks(self) -> set[asyncio.Task[Any] | None]:
        """Return the tasks that drive the clock."""
        with self._lock:
            return {watcher.task for watcher in self._watchers}

    def _notify(self) -> None:
        if self._watchers:
            with self._lock:
                watchers = tuple(self._watchers)
            for watcher in watchers:
                watcher.notify()


class HeldSession:
    """An aiohttp session; the clock stands still during its requests."""

    def __init__(self, session: Any, waits: Waits) -> None:  # noqa: ANN401 - aiohttp's own session
        self._session = session
        self._waits = waits
        waits.use_on(asyncio.get_running_loop())

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._session, name)

    def request(self, method: str, url: object, **options: Any) -> _HeldRequest:  # noqa: ANN401
        """Return the request of the session, in a block that holds the clock."""
        request = self._session.request(method, url, **options)
        return _HeldRequest(request, self._waits.hold(f"{method} {url}"))


class _HeldRequest:
    def __init__(self, request: Any, hold: contextlib.AbstractContextManager[None]) -> None:  # noqa: ANN401
        self._request = request
        self._hold = hold

    async def __aenter__(self) -> Any:  # noqa: ANN401
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._hold)
            response = await self._request.__aenter__()
            stack.pop_all()
        return response

    async def __aexit__(self, *error: object) -> None:
        try:
            await self._request.__aexit__(*error)
        finally:
            self._hold.__exit__(None, None, None)


def _call_on(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    """Call a function on an event loop; RuntimeError if it was closed."""
    try:
        is_here = asyncio.get_running_loop() is loop
    except RuntimeError:
        is_here = False
    if is_here:
        loop.call_soon(function)
    else:
        loop.call_soon_threadsafe(function)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _ring(timer: ClockTimer) -> None:
    if not timer.over:
        timer.cancel()
        timer.ring()


def _rank(entry: tuple[float, int, ClockTimer]) -> tuple[float, int]:
    return entry[:2]


def purpose_of(called: FrameType | None) -> str:
    """Name what the caller of a function waits for: a word for our own waits, or its place."""
    frame = None if called is None else called.f_back
    if frame is None:
        return "a caller"
    module: str = frame.f_globals.get("__name__", "")
    if module.startswith("fivetran_async."):
        return _PURPOSES.get(module, "a sync or another job")
    code = frame.f_code
    return f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno})"


def frames_of(awaitable: object) -> Iterator[FrameType]:
    """Return the frames of a suspended coroutine, the outermost first."""
    while awaitable is not None:
        for prefix in ("cr", "ag", "gi"):
            frame = getattr(awaitable, f"{prefix}_frame", None)
            if frame is not None:
                yield frame
                awaitable = getattr(awaitable, f"{prefix}_await", None) or getattr(
                    awaitable, "gi_yieldfrom", None
                )
                break
        else:
            return
