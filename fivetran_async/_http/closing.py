"""The end of a session: waits are woken at once, and raise `SessionClosedError`."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from fivetran_async._http.interruption import Interruption
from fivetran_async.errors import SessionClosedError

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")


class Closing:
    """Whether a session is closed, and the callbacks to call when it closes."""

    def __init__(self) -> None:
        self.closed: bool = False
        self._callbacks: dict[object, Callable[[], object]] = {}

    def on_close(self, callback: Callable[[], object]) -> Callable[[], None]:
        """
        Call a function when the session closes; at once if it is closed already.

        Returns:
            A function that unregisters the callback; calling it twice is harmless.
        """
        if self.closed:
            callback()
            return _nothing
        key = object()
        self._callbacks[key] = callback

        def forget() -> None:
            self._callbacks.pop(key, None)

        return forget

    def waiting(self) -> _Waiting:
        """
        Return a block that ends with `SessionClosedError` when the session closes.

        It costs no task and no timer. Use it around sleeps and waits, not around requests: what is
        awaited inside is cancelled when the session closes.
        """
        return _Waiting(self)

    async def until_closed(self, awaitable: Awaitable[T]) -> T:
        """
        Await something, but no longer than the session is open.

        Raises:
            SessionClosedError: The session was closed before or meanwhile.
        """
        if self.closed:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise closed_error()
        with self.waiting():
            return await awaitable

    def register(self, waiting: object, callback: Callable[[], object]) -> None:
        """Call a function when the session closes."""
        self._callbacks[waiting] = callback

    def unregister(self, waiting: object) -> None:
        """Do not call the function of `waiting`."""
        self._callbacks.pop(waiting, None)

    def close(self) -> None:
        """Call the callbacks, once; each is unregistered before it is called."""
        self.closed = True
        while self._callbacks:
            _, callback = self._callbacks.popitem()
            # A wait on an event loop that was closed has nothing left to wake.
            with contextlib.suppress(RuntimeError):
                callback()


class _Waiting(Interruption):
    """Cancels its task when the session closes, and turns that into `SessionClosedError`."""

    __slots__ = ("_closing",)

    def __init__(self, closing: Closing) -> None:
        self._closing = closing
        self.interrupted = False

    def __enter__(self) -> None:
        if self._closing.closed:
            raise closed_error()
        task = _current_task()
        if task is not None:
            self.watch(task)
            self._closing.register(self, self.interrupt)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.unregister(self)
        if self.interrupted and self.is_cause(kind):
            raise closed_error() from None


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        # In a forked process there is no event loop: the call fails at its first step.
        return None


def _nothing() -> None:
    return None


def closed_error() -> SessionClosedError:
    """Return a new error: each call that fails has its own."""
    return SessionClosedError("The session was closed; make a new AsyncFivetran.")
