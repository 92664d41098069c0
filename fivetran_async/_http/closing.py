"""The end of a session: what waits is woken at once, and raises `SessionClosedError`."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fivetran_async.errors import SessionClosedError

T = TypeVar("T")


class Closing:
    """Whether a session is closed, and the callbacks to call when it closes."""

    def __init__(self) -> None:
        self.closed = False
        self._callbacks: dict[object, Callable[[], None]] = {}

    def on_close(self, callback: Callable[[], None]) -> Callable[[], None]:
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

    async def until_closed(self, awaitable: Awaitable[T]) -> T:
        """
        Await something, but no longer than the session is open.

        It costs no task. Use it around sleeps and waits, not around requests: the awaitable is
        cancelled when the session closes.

        Raises:
            SessionClosedError: The session was closed before or meanwhile.
        """
        if self.closed:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise closed_error()
        loop = asyncio.get_running_loop()
        scope = asyncio.timeout(None)
        try:
            async with scope:
                forget = self.on_close(lambda: scope.reschedule(loop.time()))
                try:
                    return await awaitable
                finally:
                    forget()
        except TimeoutError:
            if not scope.expired():
                raise
        raise closed_error()

    def close(self) -> None:
        """Call the callbacks, once; each is unregistered before it is called."""
        self.closed = True
        while self._callbacks:
            _, callback = self._callbacks.popitem()
            # A wait on an event loop that was closed has nothing left to wake.
            with contextlib.suppress(RuntimeError):
                callback()


def _nothing() -> None:
    return None


def closed_error() -> SessionClosedError:
    """Return a new error: each call that fails has its own."""
    return SessionClosedError("The session was closed; make a new AsyncFivetran.")
