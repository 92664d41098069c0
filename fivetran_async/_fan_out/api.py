"""One function over many sources at once, with a limit on the requests in flight."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias, TypeVar, cast, overload

from fivetran_async._arguments import check_whole_number
from fivetran_async._codec._fields import is_model
from fivetran_async._fan_out.run import FanOutFailure, FanOutRun, brief
from fivetran_async._http.observing import UNOBSERVED, ActivityObserver
from fivetran_async._http.walk import refusing
from fivetran_async.errors import FivetranError, InvalidArgumentError, UsageError
from fivetran_async.limits import ConcurrencyLimiter

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["FanOut", "FanOutFailure", "FanOutFunction", "FanOutResults", "fan_out"]

S = TypeVar("S")
T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)
E = TypeVar("E", bound=Exception)
OnError: TypeAlias = Literal["raise", "yield"]
Catch: TypeAlias = type[E] | tuple[type[E], ...]


class FanOutFunction:
    """
    The type of `fan_out`: an object, not a function, so that it can be an attribute of the session.

    A function there would be a method, and a static method would lose its overloads.

    Args:
        observer: Reports fan-outs to the hooks of a session.
    """

    def __init__(self, observer: ActivityObserver = UNOBSERVED) -> None:
        self._observer = observer

    @overload
    def __call__(
        self,
        source: AsyncIterable[S] | Iterable[S],
        func: Callable[[S], AsyncIterable[T]],
        *,
        concurrency: int = ...,
        ordered: bool = ...,
        on_error: Literal["raise"] = ...,
        empties: Literal[False] = ...,
        limiter: ConcurrencyLimiter | None = ...,
    ) -> FanOut[S, T]: ...
    @overload
    def __call__(
        self,
        source: AsyncIterable[S] | Iterable[S],
        func: Callable[[S], Coroutine[Any, Any, T]],
        *,
        concurrency: int = ...,
        ordered: bool = ...,
        on_error: Literal["raise"] = ...,
        empties: bool = ...,
        limiter: ConcurrencyLimiter | None = ...,
    ) -> FanOut[S, T]: ...
    @overload
    def __call__(
        self,
        source: AsyncIterable[S] | Iterable[S],
        func: Callable[[S], AsyncIterable[T]],
        *,
        concurrency: int = ...,
        ordered: bool = ...,
        on_error: Literal["raise"] = ...,
        empties: bool,
        limiter: ConcurrencyLimiter | None = ...,
    ) -> FanOut[S, T | None]: ...
    @overload
    def __call__(
        self,
        source: AsyncIterable[S] | Iterable[S],
        func: Callable[[S], AsyncIterable[T]],
        *,
        concurrency: int = ...,
        ordered: bool = ...,
        on_error: OnError,
        empties: Literal[False] = ...,
        limiter: ConcurrencyLimiter | None = ...,
    ) -> FanOut[S, T | FanOutFailure[S]]: ...
    @overload
    def __call__(
        self,
        source: AsyncIterable[S] | Iterable[S],
        func: Callable[[S], Coroutine[Any, Any, T]],
        *,
        concurrency: int = ...,
        ordered: bool = ...,
        on_error: OnError,
        empties: bool = ...,
        limiter: ConcurrencyLimiter | None = ...,
    ) -> FanOut[S, T | FanOutFailure[S]]: ...
    @overload
    def __call__(
        self,
        source: AsyncIterable[S] | Iterable[S],
        func: Callable[[S], AsyncIterable[T]],
        *,
        concurrency: int = ...,
        ordered: bool = ...,
        on_error: OnError,
        empties: bool,
        limiter: ConcurrencyLimiter | None = ...,
    ) -> FanOut[S, T | FanOutFailure[S] | None]: ...
    @overload
    def __call__(
        self,
        source: AsyncIterable[S] | Iterable[S],
        func: Callable[[S], AsyncIterable[T]],
        *,
        concurrency: int = ...,
        ordered: bool = ...,
        on_error: OnError,
        catch: Catch[E],
        empties: Literal[False] = ...,
        limiter: ConcurrencyLimiter | None = ...,
    ) -> FanOut[S, T | FanOutFailure[S, E]]: ...
    @overload
    def __call__(
        self,
        source: AsyncIterable[S] | Iterable[S],
        func: Callable[[S], Coroutine[Any, Any, T]],
        *,
        concurrency: int = ...,
        ordered: bool = ...,
        on_error: OnError,
        catch: Catch[E],
        empties: bool = ...,
        limiter: ConcurrencyLimiter | None = ...,
    ) -> FanOut[S, T | FanOutFailure[S, E]]: ...
    @overload
    def __call__(
        self,
        source: AsyncIterable[S] | Iterable[S],
        func: Callable[[S], AsyncIterable[T]],
        *,
        concurrency: int = ...,
        ordered: bool = ...,
        on_error: OnError,
        catch: Catch[E],
        empties: bool,
        limiter: ConcurrencyLimiter | None = ...,
    ) -> FanOut[S, T | FanOutFailure[S, E] | None]: ...
    def __call__(
        self,
        source: AsyncIterable[S] | Iterable[S],
        func: Callable[[S], AsyncIterable[Any] | Coroutine[Any, Any, Any]],
        *,
        concurrency: int = 20,
        ordered: bool = False,
        on_error: OnError = "raise",
        catch: Catch[Exception] | None = None,
        empties: bool = False,
        limiter: ConcurrencyLimiter | None = None,
    ) -> FanOut[S, Any]:
        """
        Call a function for every source, many at once, and walk the results as they arrive.

        ```python
        async with fan_out(
            fivetran.groups.list(), lambda group: fivetran.connections.list(group_id=group.id)
        ) as results:
            async for group, connection in results: ...
        ```

        It starts while the source is still being listed, and waits while the consumer is slow.
        Leaving the block, however that happens, ends everything that it started.

        Args:
            source: A pager, or any iterable, of the arguments of the function.
            func: Returns a pager or another async iterable; its items become results one by one,
                or is a coroutine function with one result.
            concurrency: The number of requests in flight at once, those of the listing and of the
                function included; and the number of sources that are worked on at once.
            ordered: Return the results in the order of the sources; by default as they complete.
            on_error: With "raise", the first source that fails ends the walk with its error, after
                the results that came before it; `fan_out_source` of the error is the source. With
                "yield", `(source, FanOutFailure)` takes its place, and the other sources go on; an
                error that `catch` does not name still ends the walk.
            catch: The errors that `on_error="yield"` returns as results: by default every
                `FivetranError` but `UsageError`, so that a defect in `func` does not look like a
                failed source. Give `Exception`, or a tuple of classes, to get others too.
            empties: Also return `(source, None)` for a source without results.
            limiter: A limit to share with other fan-outs; `concurrency` applies as well.

        Raises:
            InvalidArgumentError: An argument has the wrong type or value; the message names it.
            UsageError: The block is entered twice, its results are walked after it, or `func`
                returns a value that cannot be walked or awaited.
            FivetranError: While walking: the listing failed (always raised, after the results of
                all that was listed; `resume_cursor` is where to resume), or a source failed.
        """
        _check_arguments(source, func, on_error, limiter)
        yielded = _yielded(on_error, catch)
        check_whole_number("concurrency", concurrency, at_least=1)
        run = FanOutRun(
            source,
            func,
            concurrency=concurrency,
            ordered=ordered,
            yielded=yielded,
            raised=() if catch is not None else (UsageError,),
            yield_empties=empties,
            limiter=limiter,
            observer=self._observer,
        )
        return FanOut(run)


fan_out: Final[FanOutFunction] = FanOutFunction()
"""
Call a function for every source, many at once.

`fivetran.fan_out` is the same; it also reports the fan-out to the hooks of the session.
"""


class FanOut(Generic[S, R_co]):
    """The block of `fan_out()`: enter it with `async with`, once, and walk its results."""

    def __init__(self, run: FanOutRun[S]) -> None:
        self._run = run

    async def __aenter__(self) -> FanOutResults[S, R_co]:
        self._run.start()
        return FanOutResults(self._run)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._run.stop()

    if not TYPE_CHECKING:
        __iter__ = __aiter__ = refusing(
            "Write `async with fan_out(...) as results:`, and walk `results` with `async for`."
        )


class FanOutResults(Generic[S, R_co]):
    """The pairs `(source, result)` of a fan-out, inside its block; tasks may share them."""

    def __init__(self, run: FanOutRun[S]) -> None:
        self._run = run

    def __aiter__(self) -> FanOutResults[S, R_co]:
        return self

    def __anext__(self) -> Coroutine[Any, Any, tuple[S, R_co]]:
        return self._run.next_result()


def _check_arguments(source: object, func: object, on_error: object, limiter: object) -> None:
    given, is_one = brief(source), _is_one(source)
    if is_one or not isinstance(source, AsyncIterable | Iterable):
        raise InvalidArgumentError(f"`source` must be a pager or another iterable, not {given}.")
    if not isinstance(source, AsyncIterable):
        # A Page has `__iter__` only to raise an error that helps.
        iter(cast("Iterable[object]", source))
    if not callable(func):
        raise InvalidArgumentError(f"`func` must be a function of one source, not {brief(func)}.")
    if on_error not in ("raise", "yield"):
        raise InvalidArgumentError(f'`on_error` must be "raise" or "yield", not {brief(on_error)}.')
    if not isinstance(limiter, ConcurrencyLimiter | None):
        raise InvalidArgumentError(f"`limiter` must be a ConcurrencyLimiter, not {brief(limiter)}.")


def _yielded(on_error: OnError, catch: Catch[Exception] | None) -> tuple[type[Exception], ...]:
    """Return the classes of the errors that become results."""
    if catch is None:
        return (FivetranError,) if on_error == "yield" else ()
    if on_error != "yield":
        raise InvalidArgumentError('`catch` applies to on_error="yield" only.')
    classes = catch if isinstance(catch, tuple) else (catch,)
    for given in cast("tuple[object, ...]", classes):
        if not (isinstance(given, type) and issubclass(given, Exception)):
            raise InvalidArgumentError(
                f"`catch` must be a subclass of Exception or a tuple of them, not {brief(catch)}."
            )
    return classes


def _is_one(source: object) -> bool:
    """Return True for values that can be iterated over, but are one source and not many."""
    return isinstance(source, str | bytes) or is_model(type(source))
