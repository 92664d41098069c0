"""The client from synchronous code: a session on an event loop in a background thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import inspect
import os
import threading
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Generator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar, cast

from fivetran_async.errors import (
    EventLoopError,
    FivetranError,
    InvalidArgumentError,
    SessionClosedError,
    UsageError,
)
from fivetran_async.pagination import Pager

if TYPE_CHECKING:
    from types import TracebackType

    from fivetran_async.client import AsyncFivetran

__all__ = ["FivetranThread"]

T = TypeVar("T")

_GRACE: Final = 5.0
"""Seconds that cancelled work may take to end."""
_END: Final = object()


class FivetranThread:
    """
    A session for synchronous code: Flask, Django under WSGI, scripts, notebooks.

    ```python
    with FivetranThread() as thread:
        group = thread.call(thread.fivetran.groups.get("decent_dropsy"))
        for connection in thread.iterate(thread.fivetran.connections.list()):
            print(connection.schema)
    ```

    Make one per process, keep it for as long as the process runs, and use it from any number of
    threads: they share the session's connections, quotas and retries. Its thread starts with the
    first call, so a server may make it before it forks its workers. It ends with `close()`, and
    without that when the process ends.

    Args:
        session: The session; by default `AsyncFivetran()`, with credentials from the environment.
            It belongs to this object, which closes it.

    Raises:
        MissingCredentialsError: No session was given, and no API key and secret were found.
    """

    fivetran: AsyncFivetran
    """The session. Its methods return coroutines and pagers, for `call` and `iterate`."""

    def __init__(self, session: AsyncFivetran | None = None) -> None:
        if session is None:
            from fivetran_async.client import AsyncFivetran  # noqa: PLC0415 - it loads aiohttp

            session = AsyncFivetran()
        self.fivetran = session
        self._worker = _Worker(session)
        # Also at the end of the interpreter, before it stops the thread in the middle of its work.
        self._end = weakref.finalize(self, self._worker.end, _GRACE)

    def call(self, awaitable: Awaitable[T]) -> T:
        """
        Await a coroutine in the background thread, and return its result.

        It runs with the context variables of the caller. If the caller is interrupted, as by
        Ctrl-C, the coroutine is cancelled, and has ended before the exception passes on.

        Raises:
            InvalidArgumentError: The argument cannot be awaited.
            EventLoopError: It is called on the background thread itself, or in a process that was
                forked after the first call.
            SessionClosedError: It was closed, before or during the call.
        """
        if not inspect.isawaitable(awaitable):
            raise InvalidArgumentError(
                "call() takes a coroutine, such as fivetran.groups.get(...), "
                f"not {_brief(cast('object', awaitable))}."
            )
        return self._worker.call(awaitable)

    def iterate(self, source: AsyncIterable[T]) -> Generator[T]:
        """
        Iterate over a pager, or over another async iterable, page by page.

        Each page is requested when the iteration reaches it. The errors are those of the pager.

        Raises:
            InvalidArgumentError: The argument cannot be iterated over.
            EventLoopError: See `call`.
            SessionClosedError: See `call`.
        """
        if isinstance(source, Pager):
            return self._items(source)
        if not isinstance(cast("object", source), AsyncIterable):
            raise InvalidArgumentError(
                "iterate() takes a pager, such as fivetran.groups.list(), "
                f"not {_brief(cast('object', source))}."
            )
        return self._walk(aiter(source))

    def _items(self, pager: Pager[T]) -> Generator[T]:
        # A walk over pages needs no cleanup.
        pages = pager.pages()
        while (page := self.call(_next(pages))) is not _END:
            yield from cast("Any", page).items

    def _walk(self, iterator: AsyncIterator[T]) -> Generator[T]:
        try:
            while (item := self.call(_next(iterator))) is not _END:
                yield cast("T", item)
        finally:
            if isinstance(iterator, AsyncGenerator):
                self._worker.finish(iterator.aclose())

    @contextlib.contextmanager
    def enter(self, block: AbstractAsyncContextManager[T, bool | None]) -> Generator[T]:
        """
        Enter an `async with` block of the session for the time of a `with` block.

        ```python
        with thread.enter(fivetran.fan_out(group_ids, fivetran.groups.users.list)) as results:
            for group_id, user in thread.iterate(results): ...
        ```

        One task enters and leaves it, as blocks with a timeout or a task group require.

        Raises:
            EventLoopError: See `call`.
            SessionClosedError: See `call`.
        """
        entered: concurrent.futures.Future[tuple[T, asyncio.Future[BaseException | None]]]
        entered = concurrent.futures.Future()
        ended = self._worker.submit(_inside(block, entered))
        self._worker.wait(ended, entered)
        if not entered.done():
            ended.result()
        value, left = entered.result()
        try:
            yield value
        except BaseException as error:
            if not self._leave(left, ended, error):
                raise
        else:
            self._leave(left, ended, None)

    def _leave(
        self,
        left: asyncio.Future[BaseException | None],
        ended: concurrent.futures.Future[bool],
        error: BaseException | None,
    ) -> bool:
        self._worker.set_result(left, error)
        self._worker.wait(ended)
        failure = ended.exception()
        if failure is None:
            return ended.result()
        if failure is error:
            return False
        raise failure

    def close(self) -> None:
        """
        End the calls under way, close the session and its sockets, and end the thread.

        Calls that other threads wait for raise `SessionClosedError`. Closing twice is harmless.

        Raises:
            EventLoopError: It is called on the background thread itself.
        """
        self._worker.end(None)
        self._end.detach()

    @property
    def closed(self) -> bool:
        """True if it was closed."""
        return self._worker.closed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"<FivetranThread {state}, {self.fivetran!r}>"

    def __reduce__(self) -> NoReturn:
        raise UsageError("A FivetranThread cannot be pickled: make one in each process.")


class _Worker:
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
            _discard(awaitable)
            raise
        return result

    def wait(self, *results: concurrent.futures.Future[Any]) -> None:
        """Wait until one of several results is there; if interrupted, cancel the first."""
        try:
            concurrent.futures.wait(results, return_when=concurrent.futures.FIRST_COMPLETED)
        except BaseException:
            first = results[0]
            self._on_loop(self._cancel, first)
            concurrent.futures.wait([first], timeout=_GRACE)
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
                _discard(work)
            result.set_exception(_closed_error())
        asyncio.set_event_loop(None)
        loop.close()

    def _begin(self, result: concurrent.futures.Future[Any], context: contextvars.Context) -> None:
        awaitable = self._calls[result]
        if self._is_ending:
            del self._calls[result]
            _discard(awaitable)
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
                await asyncio.wait(tasks, timeout=_GRACE)
            await loop.shutdown_asyncgens()
            executor = loop.create_task(loop.shutdown_default_executor())
            await asyncio.wait([executor], timeout=_GRACE)
            if executor.done() and not executor.cancelled():
                # At the end of the interpreter, no thread can be started that would wait.
                executor.exception()


_workers: Final[weakref.WeakSet[_Worker]] = weakref.WeakSet()


def _after_fork() -> None:
    for worker in _workers:
        worker.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


async def _next(iterator: AsyncIterator[object]) -> object:
    return await anext(iterator, _END)


async def _inside(
    block: AbstractAsyncContextManager[T, bool | None],
    entered: concurrent.futures.Future[tuple[T, asyncio.Future[BaseException | None]]],
) -> bool:
    """Stay in a block until `left` is set; return True if the block swallowed the error."""
    async with block as value:
        left: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        entered.set_result((value, left))
        error = await left
        if error is not None:
            raise error
        return False
    return True


def _set_result(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _discard(awaitable: object) -> None:
    """Close a coroutine that is never awaited, which Python would warn about."""
    if inspect.iscoroutine(awaitable):
        awaitable.close()


def _closed_error() -> SessionClosedError:
    return SessionClosedError("The FivetranThread was closed during the call.")


def _brief(value: object) -> str:
    return f"a {type(value).__name__}"
