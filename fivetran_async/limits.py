"""Limits of a session: requests in flight at once, and requests per window of time."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from fivetran_async._arguments import check_whole_number
from fivetran_async._quota.account import BudgetState, QuotaReport
from fivetran_async._quota.patience import Patience
from fivetran_async._quota.plans import Quota
from fivetran_async._quota.protocol import RateLimiter, RateLimiterFactory
from fivetran_async._quota.registry import RateLimits
from fivetran_async.errors import EventLoopError, SessionClosedError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from fivetran_async.events import WaitEvent

__all__ = [
    "BudgetState",
    "ConcurrencyLimiter",
    "Patience",
    "Quota",
    "QuotaReport",
    "RateLimiter",
    "RateLimiterFactory",
    "RateLimits",
    "WaitEvent",
]


def __getattr__(name: str) -> object:
    """Import the event on first use: most sessions have no hooks."""
    if name == "WaitEvent":
        from fivetran_async.events import WaitEvent  # noqa: PLC0415

        globals()[name] = WaitEvent
        return WaitEvent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_serial = itertools.count()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the running event loop; None outside of one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class _Gate:
    """The slots of one limiter: first come, first served."""

    __slots__ = ("_loop", "_waiters", "closed", "in_use", "limit", "serial")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_use = 0
        self.serial = next(_serial)
        self.closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: OrderedDict[asyncio.Future[None], None] = OrderedDict()

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    def acquire_at_once(self) -> bool:
        if self.closed:
            raise _closed_error()
        if self.in_use >= self.limit:
            return False
        self.hold()
        return True

    def hold(self) -> None:
        """Take a slot that is free."""
        if not self.in_use:
            # Noted by the first holder: should its event loop be closed, no holder comes back.
            self._loop = running_loop()
        self.in_use += 1

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
            # The slot may have been given at the moment of the cancellation: pass it on.
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release()
            raise
        finally:
            self._waiters.pop(waiter, None)

    def release(self) -> None:
        # A slot goes from hand to hand, so that a newcomer does not overtake a waiter.
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if _can_be_woken(waiter):
                waiter.set_result(None)
                return
        if self.in_use > 0:
            # A holder of an event loop that was closed may be thrown away after `_reset`.
            self.in_use -= 1
        if not self.in_use:
            self._loop = None

    def close(self) -> None:
        self.closed = True
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if _can_be_woken(waiter):
                waiter.set_exception(_closed_error())

    def _bind(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop.is_closed():
            self._reset()
        if self._loop not in (None, loop):
            raise EventLoopError(
                "This ConcurrencyLimiter is in use on another event loop; make one for each loop."
            )
        self._loop = loop
        return loop

    def _reset(self) -> None:
        """Forget the holders and waiters of an event loop that was closed."""
        self._loop = None
        self.in_use = 0
        self._waiters.clear()


class Slots:
    """The slots that a request holds while it is in flight: one of every limiter that applies."""

    __slots__ = ("_gates", "_last_joined")

    def __init__(self, gates: Iterable[_Gate]) -> None:
        self._last_joined: tuple[Slots, Slots] | None = None
        # Several gates are always passed in the same order, so that no two requests wait for each
        # other. The newest is the narrowest: a request that waits for it holds no other slot.
        self._gates = tuple(sorted(set(gates), key=lambda gate: gate.serial, reverse=True))

    def joined(self, *others: Slots | None) -> Slots:
        """Return these slots and those of the others; a limiter that occurs twice is held once."""
        gates = (gate for slots in (self, *others) if slots is not None for gate in slots._gates)  # noqa: SLF001
        return Slots(gates)

    def joined_with(self, other: Slots) -> Slots:
        """Return the same, and keep it: nearly all calls of a fan-out are of one session."""
        last = self._last_joined
        if last is None or last[0] is not other:
            last = self._last_joined = other, self.joined(other)
        return last[1]

    def take(self) -> bool:
        """Take all of them if they are free; return False if one is not, and take none."""
        passed = 0
        try:
            for gate in self._gates:
                if not gate.acquire_at_once():
                    break
                passed += 1
        finally:
            if passed < len(self._gates):
                for gate in self._gates[:passed]:
                    gate.release()
        return passed == len(self._gates)

    def take_if_open(self) -> bool:
        """Take all of them if they are free; return False if one is not, or is closed."""
        gates = self._gates
        for gate in gates:
            if gate.closed or gate.in_use >= gate.limit:
                return False
        for gate in gates:
            if gate.in_use:
                gate.in_use += 1
            else:
                gate.hold()
        return True

    def are_taken(self) -> bool:
        """Return True if one of the limiters has no free slot."""
        return any(gate.in_use >= gate.limit for gate in self._gates)

    def release(self) -> None:
        """Give all of them back."""
        for gate in self._gates:
            gate.release()

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
        self.release()


class ConcurrencyLimiter(Slots):
    """
    At most `limit` holders at once, served in order of arrival.

        async with limiter: ...

    A waiter that is cancelled gives its place back. One limiter can serve several sessions and
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
        """The number of holders that it allows at once."""
        return self._own.limit

    @property
    def in_use(self) -> int:
        """The number of holders now."""
        return self._own.in_use

    @property
    def waiting(self) -> int:
        """The number of waiters now."""
        return self._own.waiting

    def close(self) -> None:
        """Raise `SessionClosedError` in all waiters, and in later callers; holders go on."""
        self._own.close()

    def __repr__(self) -> str:
        return (
            f"<ConcurrencyLimiter limit={self.limit} in_use={self.in_use} waiting={self.waiting}>"
        )


fan_out_limiter: Final[ContextVar[Slots | None]] = ContextVar("fan_out_limiter", default=None)
"""The limiter of the fan-out that the running task belongs to; it applies to every attempt."""


_NO_SLOTS: Final = Slots(())


def request_slots(limiter: Slots | None) -> Slots:
    """
    Return the slots of one attempt: one of `limiter`, and one of the fan-out it belongs to.

    Hold them around the attempt alone, never across a sleep. A limiter that is both is held once.
    """
    bound = fan_out_limiter.get()
    if bound is None:
        return _NO_SLOTS if limiter is None else limiter
    return bound if limiter is None else bound.joined_with(limiter)


def _can_be_woken(waiter: asyncio.Future[None]) -> bool:
    # One of an event loop that was closed is gone, and so cannot take a slot.
    return not waiter.done() and not waiter.get_loop().is_closed()


def _closed_error() -> SessionClosedError:
    return SessionClosedError("The session was closed while the call waited for a free slot.")
