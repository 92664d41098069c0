"""The work behind `fan_out()`: its tasks, its queue, and their order."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import itertools
import reprlib
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import attrs

from fivetran_async._clock import asyncio_loop
from fivetran_async._codec._errors import compared_facts
from fivetran_async._codec._serializable import Serializable
from fivetran_async._http.observing import UNOBSERVED, Activity, ActivityObserver, current_activity
from fivetran_async._http.shared_work import own_twin
from fivetran_async._http.walk import cancel_and_wait
from fivetran_async.errors import FivetranError, UsageError
from fivetran_async.limits import ConcurrencyLimiter, fan_out_limiter
from fivetran_async.pagination import Pager

S = TypeVar("S")
T = TypeVar("T")
S_co = TypeVar("S_co", covariant=True)

if TYPE_CHECKING:
    import typing_extensions

    E_co = typing_extensions.TypeVar("E_co", bound=Exception, default=FivetranError, covariant=True)
else:
    # Before Python 3.13, a type variable has no default at run time.
    E_co = TypeVar("E_co", bound=Exception, covariant=True)

_QUEUED = 1000
"""
Items that may wait for the consumer before fetching stops: a page of the API; with `ordered` a page
for each source that is worked on, because early results must be kept.
"""

_BEGUN = 4
"""
Sources that may be begun for each that can be worked on at once. The pages of a source come one
after another: with as many begun as there are slots, most would idle while the last few end.
"""

_WAKE_EVERY = 100
"""Items that the consumer takes before tasks that wait for room are woken; below `_QUEUED`."""


@attrs.frozen
class FanOutFailure(Serializable, Generic[S_co, E_co]):
    """
    The result of a source that failed, with `on_error="yield"`.

    Its type is `FanOutFailure[Group]` by default, and `FanOutFailure[Group, Exception]` with
    `catch=Exception`.

    Attributes:
        source: The source that failed.
        error: Its error.
    """

    source: S_co
    error: E_co = attrs.field(eq=compared_facts)

    # Not the type of the error that the failure had: other errors come back as plain ones.
    @classmethod
    def from_dict(  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        cls, mapping: Mapping[str, object], *, source: type[T] | None = None
    ) -> FanOutFailure[T, FivetranError]:
        """
        Make a failure of a mapping, as `to_dict` or `json.loads` returns it.

        Errors of other packages come back as a plain `FivetranError`.

        Args:
            mapping: The mapping.
            source: The model of the source; by default it stays a JSON value.

        Raises:
            ResponseFormatError: A value has another type; the message names the place.
        """
        from fivetran_async._codec._reading import from_mapping  # noqa: PLC0415 - loads cattrs

        types = (source or object, FivetranError)
        return cast("FanOutFailure[T, FivetranError]", from_mapping(cls, mapping, types))

    if not TYPE_CHECKING:

        def __class_getitem__(cls, types: object) -> object:
            given = types if isinstance(types, tuple) else (types,)
            return super().__class_getitem__((*given, FivetranError)[:2] if given else given)


class _Branch(Generic[S]):
    """One source, and its results until the consumer takes them; a batch of None ends them."""

    __slots__ = ("batches", "dropped", "error", "fruitful", "held", "source", "task")

    task: asyncio.Task[None]

    def __init__(self, source: S) -> None:
        self.source = source
        self.batches: deque[Sequence[object] | None] = deque()
        self.held = 0
        self.fruitful = False
        self.dropped = False
        self.error: BaseException | None = None


class FanOutRun(Generic[S]):
    """
    The work of one fan-out: a task that lists, and one for every source that was begun.

    They never wait for the consumer while they hold a slot: they queue their results first, and
    wait afterwards. A page is queued whole.
    """

    _activity: Activity
    _context: contextvars.Context
    _lister: asyncio.Task[None]

    def __init__(
        self,
        source: AsyncIterable[S] | Iterable[S],
        func: Callable[[S], AsyncIterable[object] | Awaitable[object]],
        *,
        concurrency: int,
        ordered: bool,
        yielded: tuple[type[Exception], ...],
        raised: tuple[type[Exception], ...],
        yield_empties: bool,
        limiter: ConcurrencyLimiter | None,
        observer: ActivityObserver = UNOBSERVED,
    ) -> None:
        self._source = source
        self._observer = observer
        self._func = func
        self._ordered = ordered
        # The errors that become results, unless they are `raised`; every other ends the walk.
        self._yielded = yielded
        self._raised = raised
        self._yield_empties = yield_empties
        self._requests = ConcurrencyLimiter(concurrency).joined(limiter)
        # Apart from requests: a function may send several of them, or none.
        self._at_work = ConcurrencyLimiter(concurrency)
        self._most_begun = _BEGUN * concurrency
        self._most_held = _QUEUED * (concurrency if ordered else 1)
        self._entered = False
        self._listing_error: BaseException | None = None
        self._stopped = False
        self._over = False
        self._outcome: tuple[str, BaseException | None] = ("left", None)
        self._running: set[_Branch[S]] = set()
        # The order in which the consumer takes results: with `ordered` every source that is not
        # finished, otherwise the source of every single batch.
        self._turns: deque[_Branch[S]] = deque()
        self._unfinished = 0
        self._held = 0
        self._taken = 0
        self._results: Iterator[tuple[S, object]] = iter(())
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    def start(self) -> None:
        if self._entered:
            raise UsageError("This fan_out() was entered before; call fan_out() for another.")
        asyncio_loop()
        self._entered = True
        self._context = contextvars.copy_context()
        self._context.run(fan_out_limiter.set, self._requests.joined(fan_out_limiter.get()))
        self._activity = self._context.run(self._observer.begin, "fan_out")
        self._context.run(current_activity.set, self._activity)
        self._lister = self._spawn(self._list_sources())
        self._lister.add_done_callback(self._listed)

    async def stop(self) -> None:
        self._stopped = True
        self._results = iter(())
        self._turns.clear()
        try:
            await cancel_and_wait([self._lister, *(branch.task for branch in self._running)])
        finally:
            _wake(self._arrived)
            outcome, error = self._outcome
            self._context.run(self._activity.end, outcome, error=error)

    async def next_result(self) -> tuple[S, Any]:
        while True:
            for pair in self._results:
                return pair
            if self._stopped:
                raise UsageError(
                    "The `async with fan_out(...)` block was left; it has no more results."
                )
            branch = self._next_branch()
            if branch is None:
                if not self._is_working():
                    raise self._ending()
                await self._arrived.wait()
            elif (batch := self._take(branch)) is not None:
                self._results = zip(itertools.repeat(branch.source), batch, strict=False)
            elif (result := self._conclude(branch)) is not None:
                return result

    def _next_branch(self) -> _Branch[S] | None:
        if self._over or not self._turns:
            return None
        if not self._ordered:
            return self._turns.popleft()
        return self._turns[0] if self._turns[0].batches else None

    def _take(self, branch: _Branch[S]) -> Sequence[object] | None:
        batch = branch.batches.popleft()
        self._count(branch, -_weight(batch))
        self._taken += _weight(batch)
        if self._taken >= _WAKE_EVERY or batch is None:
            self._taken = 0
            _wake(self._room)
        return batch

    def _conclude(self, branch: _Branch[S]) -> tuple[S, Any] | None:
        self._unfinished -= 1
        if self._ordered:
            self._turns.popleft()
        if branch.error is not None:
            if isinstance(branch.error, self._yielded) and not self._is_raised(branch.error):
                # Other sources may fail with the same object, as those that await one future.
                error = own_twin(branch.error)
                _explain(error, branch.source)
                return branch.source, FanOutFailure(branch.source, error)
            _explain(branch.error, branch.source)
            self._finish("error", branch.error)
            raise branch.error
        return (branch.source, None) if self._yield_empties and not branch.fruitful else None

    def _is_working(self) -> bool:
        if self._over:
            return False
        return self._unfinished > 0 or not self._lister.done()

    def _ending(self) -> BaseException:
        error = None if self._over else self._listing_error
        if error is None:
            # Another task that walks the results may have met the failure.
            self._finish(*(self._outcome if self._over else ("success", None)))
            return StopAsyncIteration()
        self._finish("error", error)
        error.add_note("fan_out: its source failed, after all that it had listed was done")
        return error

    def _finish(self, outcome: str, error: BaseException | None) -> None:
        self._over = True
        self._outcome = outcome, error
        self._turns.clear()
        _wake(self._arrived)

    async def _list_sources(self) -> None:
        if isinstance(self._source, AsyncIterable):
            async with _closing(self._source) as sources:
                async for source in sources:
                    await self._begin(source)
        else:
            for source in self._source:
                await self._begin(source)

    async def _begin(self, source: S) -> None:
        while not self._may_begin():
            await self._room.wait()
        branch = _Branch(source)
        self._unfinished += 1
        self._running.add(branch)
        if self._ordered:
            self._turns.append(branch)
        branch.task = self._spawn(self._work(branch))
        branch.task.add_done_callback(functools.partial(self._ended, branch))

    def _may_begin(self) -> bool:
        begun = self._turns if self._ordered else self._running
        return len(begun) < self._most_begun and self._held < self._most_held

    def _listed(self, lister: asyncio.Task[None]) -> None:
        self._listing_error = _outcome(lister)
        _wake(self._arrived)

    async def _work(self, branch: _Branch[S]) -> None:
        results = _batches(self._func, branch.source, self._has_room_for_more)
        async with contextlib.aclosing(results) as batches:
            while (batch := await self._next_batch(branch, batches)) is not None:
                self._accept(branch, batch)
                # The consumer may be done with it long before the next one is there.
                del batch

    async def _next_batch(
        self, branch: _Branch[S], batches: AsyncGenerator[Sequence[object], None]
    ) -> Sequence[object] | None:
        while True:
            while self._is_full(branch):
                await self._room.wait()
            async with self._at_work:
                if not self._is_full(branch):
                    return await anext(batches, None)

    def _has_room_for_more(self) -> bool:
        """Return True if the consumer and a slot are waiting, so that branches may go ahead."""
        return not self._held and not self._requests.are_taken()

    def _is_full(self, branch: _Branch[S]) -> bool:
        if not self._ordered or self._held < self._most_held:
            return self._held >= self._most_held
        # The room belongs to the first sources, or all would wait for one that has none.
        ahead = itertools.takewhile(lambda other: other is not branch, self._turns)
        return branch.held + sum(other.held for other in ahead) >= self._most_held

    def _accept(self, branch: _Branch[S], batch: Sequence[object]) -> None:
        if self._stopped or branch.dropped:
            # A function that swallows its cancellation must not go on indefinitely.
            raise asyncio.CancelledError
        if batch:
            branch.fruitful = True
            self._put(branch, batch)

    def _ended(self, branch: _Branch[S], task: asyncio.Task[None]) -> None:
        error = _outcome(task)
        self._running.discard(branch)
        if self._stopped or branch.dropped:
            return
        branch.error = error
        self._put(branch, None)
        _wake(self._room)
        if error is not None and self._is_raised(error):
            self._drop_others(branch)

    def _is_raised(self, error: BaseException) -> bool:
        return isinstance(error, self._raised) or not isinstance(error, self._yielded)

    def _drop_others(self, branch: _Branch[S]) -> None:
        """Cancel what the walk will not reach: it ends at this branch's failure."""
        self._lister.cancel()
        others = list(self._running)
        if self._ordered:
            # Earlier sources go on: all their results belong to the walk.
            others.clear()
            while self._turns[-1] is not branch:
                others.append(self._turns.pop())
        for other in others:
            other.dropped = True
            other.task.cancel()

    def _put(self, branch: _Branch[S], batch: Sequence[object] | None) -> None:
        branch.batches.append(batch)
        self._count(branch, _weight(batch))
        if not self._ordered:
            self._turns.append(branch)
        _wake(self._arrived)

    def _count(self, branch: _Branch[S], items: int) -> None:
        branch.held += items
        self._held += items

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # A context for each: variables that a function sets must not show in another.
        return asyncio.get_running_loop().create_task(work, context=self._context.copy())


async def _batches(
    func: Callable[[S], AsyncIterable[object] | Awaitable[object]],
    source: S,
    may_go_ahead: Callable[[], bool],
) -> AsyncGenerator[Sequence[object], None]:
    """Call the function, and yield its results: pages whole, other items one by one."""
    result = func(source)
    if isinstance(result, Pager):
        walk = cast("Pager[object]", result)._walk_ahead()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        walk.go_ahead_if(may_go_ahead)
        try:
            while (found := await walk.next_items()) is not None:
                yield found.pop()
        finally:
            await walk.stop()
    elif isinstance(result, AsyncIterable):
        async with _closing(result) as items:
            async for item in items:
                yield (item,)
    elif inspect.isawaitable(result):
        yield (await result,)
    else:
        raise UsageError(
            "The function given to fan_out() must return a pager, another async iterable or a "
            f"coroutine, not {brief(result)}."
        )


@contextlib.asynccontextmanager
async def _closing(iterable: AsyncIterable[T]) -> AsyncGenerator[AsyncIterator[T], None]:
    """Iterate, and close a generator here, not in a task that the garbage collector makes."""
    iterator = aiter(iterable)
    try:
        yield iterator
    finally:
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()


def _outcome(task: asyncio.Task[None]) -> BaseException | None:
    if task.cancelled():
        return FivetranError("A function of fan_out() raised CancelledError by itself.")
    return task.exception()


def _explain(error: BaseException, source: object) -> None:
    if isinstance(error, FivetranError):
        error.fan_out_source = source
    error.add_note(f"fan_out: the failed source is {brief(source)}")


def _weight(batch: Sequence[object] | None) -> int:
    # An end counts too: a million sources without results must not pile up either.
    return 1 if batch is None else len(batch)


def _wake(event: asyncio.Event) -> None:
    """Wake all tasks that wait for an event, to check their condition."""
    event.set()
    event.clear()


_shortener = reprlib.Repr()
_shortener.maxother = _shortener.maxstring = 200


def brief(value: object) -> str:
    return _shortener.repr(value)
