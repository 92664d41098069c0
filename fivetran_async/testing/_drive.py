"""Moves the fake's clock until a coroutine is done, whenever nothing else is left to do."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import math
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import fivetran_async
from fivetran_async._http.walk import cancel_and_wait
from fivetran_async.errors import UsageError
from fivetran_async.testing._waits import Waits, Watcher, frames_of
from fivetran_async.testing.clock import FakeClock

T = TypeVar("T")

_TURNS: Final = 10
"""Turns of the event loop that separate two looks at its tasks; a chain of callbacks is shorter."""
_MOST_LOOKS: Final = 100
"""Looks after which a task that ran at each of them counts as one that polls without waiting."""
_PROBE: Final = 0.1
"""Real seconds between two looks whether an event loop that was asked still runs."""
_MOST_NAMED: Final = 5

_Look = dict["asyncio.Task[Any]", object]


async def drive(
    awaitable: Awaitable[T],
    clock: FakeClock,
    waits: Waits,
    *,
    next_event: Callable[[], float | None],
    within: float,
    patience: float,
) -> T:
    """
    Await a coroutine, and move the clock from one timer to the next until it is done.

    Args:
        awaitable: The coroutine.
        clock: The clock to move.
        waits: Its timers, and what holds it.
        next_event: Returns the time of the account's next event, if it can be noticed without a
            request; otherwise None.
        within: Seconds of the clock after which it gives up.
        patience: Real seconds to wait if nothing could move the clock.

    Raises:
        UsageError: It gave up.
    """
    task = asyncio.ensure_future(awaitable)
    watcher = waits.watch()
    task.add_done_callback(lambda _: watcher.notify())
    last = clock.exact() + within
    try:
        while not task.done():
            if not await _is_idle(task, waits, watcher):
                continue
            due = waits.next_due()
            event = next_event()
            if due is None and event is None:
                await _await_change(task, waits, watcher, patience)
                continue
            moment = min(math.inf if due is None else due, math.inf if event is None else event)
            if moment > last:
                raise _never_done(task, waits, clock, f"after {within:g} s of the fake's clock")
            clock.move_to(moment)
    finally:
        waits.unwatch(watcher)
        await cancel_and_wait([task])
    return task.result()


async def _is_idle(task: asyncio.Future[Any], waits: Waits, watcher: Watcher) -> bool:
    """Return True if no request is under way, and all tasks wait, in every thread."""
    change = watcher.expect()
    if waits.are_held():
        # Requests take real time; they end by themselves or by their timeouts.
        await change
        return False
    before = await _at_rest(waits, task)
    if before is None:
        return False
    for loop in waits.other_loops():
        if not await _rests_too(loop, waits):
            return False
    # What happened meanwhile on another loop may have woken a task of this one.
    return before == _look(waits) and not (waits.are_held() or task.done())


async def _at_rest(waits: Waits, task: asyncio.Future[Any]) -> _Look | None:
    """Return what the tasks of this event loop wait for, or None if there is more to do."""
    turns = _turns_at_rest(waits, task)
    while True:
        try:
            next(turns)
        except StopIteration as end:
            return cast("_Look | None", end.value)
        await asyncio.sleep(0)


def _turns_at_rest(
    waits: Waits, task: asyncio.Future[Any] | None
) -> Generator[None, None, _Look | None]:
    """
    Look at the tasks of the running event loop, which gets a turn at each `yield`.

    Two looks with some turns between them show the same tasks, each waiting for the same future:
    what was ready to run in between would have changed one of them.
    """
    looks, before = 0, _look(waits)
    while True:
        for _ in range(_TURNS):
            yield
            if waits.are_held() or (task is not None and task.done()):
                return None
        now = _look(waits)
        if now == before and (None not in now.values() or looks >= _MOST_LOOKS):
            return now
        looks = looks + 1 if now == before else 0
        before = now


async def _rests_too(loop: asyncio.AbstractEventLoop, waits: Waits) -> bool:
    """Return True if nothing is left to do on the event loop of another thread."""
    result: concurrent.futures.Future[bool] = concurrent.futures.Future()
    turns = _turns_at_rest(waits, None)

    def turn() -> None:
        # No task: one that is made while the loop ends would never run.
        try:
            next(turns)
        except StopIteration as end:
            result.set_result(end.value is not None)
        else:
            loop.call_soon(turn)

    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(turn)
    asked = asyncio.wrap_future(result)
    while not asked.done():
        # The loop can end at any time, and then there is no result.
        await asyncio.wait([asked], timeout=_PROBE)
        if not asked.done() and not loop.is_running():
            return False
    return asked.result()


def _look(waits: Waits) -> _Look:
    """Return what each task waits for; None if it is ready to run."""
    drivers = {asyncio.current_task(), *waits.watching_tasks()}
    return {task: _awaited_by(task) for task in asyncio.all_tasks() if task not in drivers}


def _awaited_by(task: asyncio.Task[Any]) -> object:
    waiter = getattr(task, "_fut_waiter", None)
    return None if waiter is None or waiter.done() else waiter


async def _await_change(
    task: asyncio.Future[Any], waits: Waits, watcher: Watcher, patience: float
) -> None:
    """Wait for something that the clock does not know, such as other sockets and threads."""
    change = watcher.expect()
    if task.done() or waits.are_held():
        return
    await asyncio.wait([change], timeout=patience)
    if not change.done():
        why = f"and for {patience:g} real seconds nothing waited for the fake's clock"
        raise _never_done(task, waits, None, why)


def _never_done(
    task: asyncio.Future[Any], waits: Waits, clock: FakeClock | None, why: str
) -> UsageError:
    lines = [f"FakeFivetran.run: the coroutine is not done {why}."]
    place = _place_of(task)
    if place:
        lines.append(f"It waits in {place}.")
    if clock is not None:
        now, pending = clock.exact(), waits.pending()
        sleepers = [
            f"{timer.purpose} ({timer.due - now:.4g} s left, task {timer.task!r})"
            for timer in pending[:_MOST_NAMED]
        ]
        more = len(pending) - _MOST_NAMED
        sleepers += [f"{more} more"] if more > 0 else []
        lines.append(f"Asleep on the clock: {', '.join(sleepers) or 'none'}.")
        lines.append("within= is the limit, in seconds.")
    else:
        lines.append(
            "What it waits for never comes, or takes real time: such work goes on without the "
            "clock, and patience= is the limit, in seconds."
        )
    return UsageError(" ".join(lines))


_OWN: Final = str(Path(fivetran_async.__file__ or "").parent)
_ASYNCIO: Final = str(Path(asyncio.__file__ or "").parent)


def _place_of(task: asyncio.Future[Any]) -> str:
    """Return where a task waits: the innermost line that is not of the package or of asyncio."""
    if not isinstance(task, asyncio.Task):
        return ""
    place = ""
    for frame in frames_of(task.get_coro()):
        code = frame.f_code
        if not code.co_filename.startswith((_OWN, _ASYNCIO)):
            place = f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno})"
    return place
