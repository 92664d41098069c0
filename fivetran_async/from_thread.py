"""The client from synchronous code: a session on an event loop in a background thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Generator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar, cast

from fivetran_async._http.background import GRACE, Worker, discard
from fivetran_async.errors import InvalidArgumentError, UsageError
from fivetran_async.pagination import Pager

if TYPE_CHECKING:
    from types import TracebackType

    from fivetran_async.client import AsyncFivetran

__all__ = ["FivetranThread"]

T = TypeVar("T")

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
        self._worker = Worker(session)
        # Also at the end of the interpreter, before it stops the thread in the middle of its work.
        self._end = weakref.finalize(self, self._worker.end, GRACE)

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
            discard(source)
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
            InvalidArgumentError: The argument cannot be entered with `async with`.
            EventLoopError: See `call`.
            SessionClosedError: See `call`.
        """
        if not isinstance(cast("object", block), AbstractAsyncContextManager):
            discard(block)
            raise InvalidArgumentError(
                "enter() takes an `async with` block, such as fivetran.fan_out(...), "
                f"not {_brief(cast('object', block))}."
            )
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


def _brief(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
