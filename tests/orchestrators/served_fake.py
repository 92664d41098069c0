"""A fake account that is served from a thread of the test's process to all other processes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Self, TypeVar

from fivetran_async.testing import FakeFivetran

T = TypeVar("T")


class ServedFake:
    """The account; `do` runs a function on its event loop, `run` a coroutine."""

    def __init__(self) -> None:
        self.fake = FakeFivetran()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.run(self.fake.start())
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.run(self.fake.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """Run a coroutine on the loop of the account, and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def do(self, function: Callable[[FakeFivetran], T]) -> T:
        """Call a function with the account on its loop, so that no request comes in between."""

        async def call() -> T:
            return function(self.fake)

        return self.run(call())

    def client_run(self, function: Callable[[FakeFivetran], Awaitable[T]]) -> T:
        """Await what a function returns for the account."""

        async def call() -> T:
            return await function(self.fake)

        return self.run(call())
