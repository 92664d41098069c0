"""An event loop in a background thread, for synchronous callers in any number of threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import inspect
import os
import threading
import weakref
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fivetran_async.errors import EventLoopError, FivetranError, SessionClosedError

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran

T = TypeVar("T")

GRACE: Final = 5.0
"""Seconds that cancelled work may take to end."""


class Worker:
    """
    The thread and its event loop, which start with the first call.

    It does not refer to its `FivetranThread`, so that dropping that one ends the thread.
    """

    def __init__(self, session: AsyncFivetran) -> None:
        self.closed = False
        self._session = session
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = 0
        self._calls: dict[concurrent.futures.Future[Any], Awaitable[Any] | asyncio.Task[Any]] = {}
        self._is_ending = False
        _workers.add(self)

    def call(self, awaitable: Awaitable[T]) -> T:
        """Await something on the event loop of the thread."""
        result = self.submit(awaitable)
        self.wait(result)
        try:
            return result.result()
        finally:
            # The error refers to this frame, which must not refer to the error.
            del result

    def submit(self, awaitable: Awaitable[T]) -> concurrent.futures.Future[T]:
        """Begin to await something; return its result to come."""
        result: concurrent.futures.Future[T] = concurrent.futures.Future()
        context = contextvars.copy_context()
        try:
            self._check_process()
            self._refuse_own_thread()
            with self._lock:
                loop = self._started()
                self._calls[result] = awaitable
                loop.call_soon_threadsafe(self._begin, result, context)
        except BaseException:
            discard(awaitable)
            raise
        return result

    def wait(self, *results: concurrent.futures.Future[Any]) -> None:
        """Wait until one of several results is there; if interrupted, cancel the first."""
        try:
            concurrent.futures.wait(results, return_when=concurrent.futures.FIRST_COMPLETED)
        except BaseException:
            first = results[0]
            self._on_loop(self._cancel, first)
            concurrent.futures.wait([first], timeout=GRACE)
            raise

    def set_result(self, future: asyncio.Future[T], result: T) -> None:
        """Set the result of a future of the event loop."""
        self._on_loop(_set_result, future, result)

    def finish(self, awaitable: Awaitable[object]) -> None:
        """Await what cleans up; without waiting for it where that is impossible."""
        try:
            self.call(awaitable)
        except (EventLoopError, SessionClosedError):
            # The end of the event loop closes generators, too.
            return

    def end(self, patience: float | None) -> None:
        """End the thread; wait for it some seconds at most."""
        thread = self._thread
        if thread is None or self._process != os.getpid():
            # In a forked process there is no thread, and its event loop is the parent's.
            self.closed = True
            return
        if patience is None:
            self._refuse_own_thread()
        with self._lock:
            was_closed, self.closed = self.closed, True
        if not was_closed:
            self._on_loop(self._begin_end)
        if thread is not threading.current_thread():
            thread.join(patience)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.Lock()

    def _check_process(self) -> None:
        if self._thread is not None and self._process != os.getpid():
            raise EventLoopError(
                "This FivetranThread was used before a fork; make one in the child process, such "
                "as in the post_fork hook of a server."
            )

    def _refuse_own_thread(self) -> None:
        if self._thread is threading.current_thread():
            raise EventLoopError(
                "This is the background thread of the FivetranThread, which would wait for itself; "
                "await the coroutine here."
            )

    def _started(self) -> asyncio.AbstractEventLoop:
        if self.closed:
            raise SessionClosedError("The FivetranThread was closed; make another one.")
        if self._loop is None:
            loop = asyncio.new_event_loop()
            # A daemon, because the interpreter would wait for others before it ends them.
            thread = threading.Thread(
                target=self._run, args=(loop,), name="fivetran_async", daemon=True
            )
            try:
                thread.start()
            except BaseException:
                loop.close()
                raise
            self._loop, self._thread, self._process = loop, thread, os.getpid()
        return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        is_over = False
        while not is_over:
            try:
                loop.run_forever()
                is_over = True
            except (KeyboardInterrupt, SystemExit):
                # One that a coroutine raised: it is raised by the call, too, and ends that only.
                continue
        with self._lock:
            self.closed = True
            calls, self._calls = self._calls, {}
        for result, work in calls.items():
            if not isinstance(work, asyncio.Task):
                discard(work)
            result.set_exception(_closed_error())
        asyncio.set_event_loop(None)
        loop.close()

    def _begin(self, result: concurrent.futures.Future[Any], context: contextvars.Context) -> None:
        awaitable = self._calls[result]
        if self._is_ending:
            del self._calls[result]
            discard(awaitable)
            result.set_exception(_closed_error())
            return
        loop = asyncio.get_running_loop()
        task = loop.create_task(_awaited(awaitable), context=context)
        self._calls[result] = task
        task.add_done_callback(lambda task: self._pass_on(task, result))

    def _pass_on(self, task: asyncio.Task[Any], result: concurrent.futures.Future[Any]) -> None:
        if self._calls.pop(result, None) is None:
            return
        if task.cancelled():
            result.set_exception(
                _closed_error()
                if self._is_ending
                else FivetranError("The coroutine given to call() was cancelled by itself.")
            )
        elif (error := task.exception()) is not None:
            result.set_exception(error)
        else:
            result.set_result(task.result())

    def _cancel(self, result: concurrent.futures.Future[Any]) -> None:
        task = self._calls.get(result)
        if isinstance(task, asyncio.Task):
            task.cancel()

    def _on_loop(self, function: Any, *args: object) -> None:  # noqa: ANN401 - any callback
        # The loop may have been closed.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function, *args)

    def _begin_end(self) -> None:
        self._is_ending = True
        loop = asyncio.get_running_loop()
        self._ending = loop.create_task(self._finish(loop), name="fivetran_async close")
        self._ending.add_done_callback(lambda _: loop.stop())

    async def _finish(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await self._session.aclose()
        finally:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=GRACE)
            await loop.shutdown_asyncgens()
            executor = loop.create_task(loop.shutdown_default_executor())
            await asyncio.wait([executor], timeout=GRACE)
            if executor.done() and not executor.cancelled():
                # At the end of the interpreter, no thread can be started that would wait.
                executor.exception()


_workers: Final[weakref.WeakSet[Worker]] = weakref.WeakSet()


def _after_fork() -> None:
    for worker in _workers:
        worker.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _set_result(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def discard(awaitable: object) -> None:
    """Close a coroutine that is never awaited, which Python would warn about."""
    if inspect.iscoroutine(awaitable):
        awaitable.close()


def _closed_error() -> SessionClosedError:
    return SessionClosedError("The FivetranThread was closed during the call.")
