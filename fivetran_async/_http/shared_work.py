"""Work that several calls of a session want at the same time: one does it for all."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import attrs

from fivetran_async.errors import FivetranError

if TYPE_CHECKING:
    from fivetran_async._http.session import Core

T = TypeVar("T")
ErrorT = TypeVar("ErrorT", bound=BaseException)


def own_copy(error: ErrorT) -> ErrorT:
    """
    Return the same error without its traceback, for one of several callers that it concerns.

    Each raise of a shared exception would add frames to it, and what is noted on it for one caller
    would show to all.
    """
    try:
        twin = copy.copy(error)
    except Exception:  # noqa: BLE001 - an exception of someone else that cannot be copied
        return error
    if hasattr(error, "__notes__"):
        # A copy refers to the same list.
        twin.__notes__ = [*error.__notes__]
    twin.__cause__, twin.__suppress_context__ = error.__cause__, True
    return twin.with_traceback(None)


def own_twin(error: ErrorT) -> ErrorT:
    """Return the same, with traceback and context, of an error of ours; others are unchanged."""
    if not isinstance(error, FivetranError):
        return error
    twin = own_copy(error).with_traceback(error.__traceback__)
    twin.__context__, twin.__suppress_context__ = error.__context__, error.__suppress_context__
    return twin


@attrs.frozen(eq=False)
class _Achieved(Generic[T]):
    """What a call achieved: a result, an error, or nothing because it was cancelled."""

    order: object
    result: T | None = None
    error: FivetranError | None = None


class SharedWork(Generic[T]):
    """
    Runs one piece of work at a time for each subject, such as a URL.

    A call that comes while another is at work waits for it. It takes the result if it has the same
    order, and does its own work otherwise, or if the other was cancelled. Nothing is locked: the
    call at work may sleep, and those that wait can be cancelled and end with the session.
    """

    def __init__(self) -> None:
        self._running: dict[object, asyncio.Future[_Achieved[T]]] = {}

    async def do(
        self, core: Core, subject: object, order: object, work: Callable[[], Awaitable[T]]
    ) -> T:
        """Do the work, or share that of another call."""
        while (running := self._running.get(subject)) is not None:
            await core.until_closed(asyncio.wait((running,)))
            other = running.result()
            if other.order == order and other.error is not None:
                raise own_copy(other.error)
            if other.order == order:
                return cast("T", other.result)
        running = self._running[subject] = asyncio.get_running_loop().create_future()
        ended: _Achieved[T] = _Achieved(None)
        try:
            result = await work()
            ended = _Achieved(order, result=result)
        except FivetranError as error:
            ended = _Achieved[T](order, error=error)
            raise
        finally:
            del self._running[subject]
            # A call that is thrown away after its event loop was closed has no one to wake.
            if not running.get_loop().is_closed():
                running.set_result(ended)
        return result
