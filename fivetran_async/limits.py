"""How many requests may be in flight at once, and how many in a time: both kinds of limits."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import OrderedDict
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from fivetran_async._quota.limiter import (
    BudgetState,
    RateLimiter,
    RateLimiterFactory,
    RateLimits,
    Told,
)
from fivetran_async._quota.windows import Quota
from fivetran_async.errors import EventLoopError, InvalidArgumentError, SessionClosedError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

__all__ = [
    "BudgetState",
    "ConcurrencyLimiter",
    "Quota",
    "RateLimiter",
    "RateLimiterFactory",
    "RateLimits",
    "Told",
]

_serial = itertools.count()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the running event loop; None outside of one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class _Gate:
    """The slots of one limiter: first come, first served."""

    __slots__ = ("_closed", "_loop", "_waiters", "in_use", "limit", "serial")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_use = 0
        self.serial = next(_serial)
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: OrderedDict[asyncio.Future[None], None] = OrderedDict()

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    def acquire_at_once(self) -> bool:
        if self._closed:
            raise _closed_error()
        if self.in_use >= self.limit:
            return False
        if not self.in_use:
            # Noted by the first holder: should its event loop be closed, no holder comes back.
            self._loop = running_loop()
        self.in_use += 1
        return True

    async def acquire(self) -> None:
        if self.acquire_at_once():
            return
        loop = self._bind()
        if self.acquire_at_once():
            return
        waiter = loop.create_future()
        self._waiters[waiter] = None
        try:
            await waiter
        except asyncio.CancelledError:
            # The slot may have come in the moment of the cancellation: then it goes on.
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release()
            raise
        finally:
            self._waiters.pop(waiter, None)

    def release(self) -> None:
        # A slot goes from hand to hand, so that nobody who comes in between overtakes a waiter.
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():
                waiter.set_result(None)
                return
        self.in_use -= 1
        if not self.in_use:
            self._loop = None

    def close(self) -> None:
        self._closed = True
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():
                waiter.set_exception(_closed_error())

    def _bind(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop.is_closed():
            self._reset()
        if self._loop not in (None, loop):
            raise EventLoopError(
                "This ConcurrencyLimiter is in use on another event loop: make one for each loop."
            )
        self._loop = loop
        return loop

    def _reset(self) -> None:
        """Forget the holders and waiters of an event loop that was closed."""
        self._loop = None
        self.in_use = 0
        self._waiters.clear()


class Slots:
    """What a request holds while it is in flight: one slot of every limiter it falls under."""

    __slots__ = ("_gates",)

    def __init__(self, gates: Iterable[_Gate]) -> None:
        # All who need several gates pass them in one order, so no two wait for each other. The
        # newest is the narrowest: whoever waits for it holds nothing of the others.
        self._gates = tuple(sorted(set(gates), key=lambda gate: gate.serial, reverse=True))

    def joined(self, *others: Slots | None) -> Slots:
        """These slots and those of the others; a limiter that occurs twice is held once."""
        gates = (gate for slots in (self, *others) if slots is not None for gate in slots._gates)  # noqa: SLF001
        return Slots(gates)

    async def __aenter__(self) -> None:
        passed = 0
        try:
            for gate in self._gates:
                if not gate.acquire_at_once():
                    await gate.acquire()
                passed += 1
        finally:
            if passed < len(self._gates):
                for gate in self._gates[:passed]:
                    gate.release()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for gate in self._gates:
            gate.release()


class ConcurrencyLimiter(Slots):
    """
    At most `limit` holders at once; who comes first is served first.

        async with limiter: ...

    A waiter that is cancelled gives its place back. One limiter may serve several sessions and
    fan-outs, on one event loop at a time; it is not thread-safe.

    Args:
        limit: How many may hold it at once, at least 1.

    Raises:
        InvalidArgumentError: `limit` is not a whole number of at least 1.
    """

    __slots__ = ("_own",)

    def __init__(self, limit: int) -> None:
        check_whole_number("limit", limit, at_least=1)
        self._own = _Gate(limit)
        super().__init__((self._own,))

    @property
    def limit(self) -> int:
        """How many may hold it at once."""
        return self._own.limit

    @property
    def in_use(self) -> int:
        """How many hold it now."""
        return self._own.in_use

    @property
    def waiting(self) -> int:
        """How many wait for it now."""
        return self._own.waiting

    def close(self) -> None:
        """Fail all who wait, and all who come later, with `SessionClosedError`; holders go on."""
        self._own.close()

    def __repr__(self) -> str:
        return (
            f"<ConcurrencyLimiter limit={self.limit} in_use={self.in_use} waiting={self.waiting}>"
        )


fan_out_limiter: Final[ContextVar[Slots | None]] = ContextVar("fan_out_limiter", default=None)
"""The bound of the fan-out that the running task belongs to; it holds for every single attempt."""


_NO_SLOTS: Final = contextlib.nullcontext()


def request_slots(limiter: Slots | None) -> AbstractAsyncContextManager[None]:
    """
    What one attempt must hold: a slot of `limiter`, and of the fan-out it belongs to.

    Hold it around the attempt alone, never across a sleep. A limiter that is both is held once.
    """
    bound = fan_out_limiter.get()
    if bound is None:
        return _NO_SLOTS if limiter is None else limiter
    return bound if limiter is None else bound.joined(limiter)


def check_whole_number(
    name: str, value: object, *, at_least: int, at_most: int | None = None
) -> None:
    """
    Refuse what is not a whole number within its bounds; True and False are none.

    Raises:
        InvalidArgumentError: It names the argument and its bounds.
    """
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and value >= at_least
        and (at_most is None or value <= at_most)
    ):
        return
    bounds = f"of at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"
    raise InvalidArgumentError(f"`{name}` must be a whole number {bounds}, not {value!r:.100}.")


def _closed_error() -> SessionClosedError:
    return SessionClosedError("The session was closed while the call waited for its turn.")
