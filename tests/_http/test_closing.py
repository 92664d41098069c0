"""The end of a session wakes what waits on it."""

from __future__ import annotations

import asyncio

import pytest

from fivetran_async import SessionClosedError
from fivetran_async._http.closing import Closing


async def test_waits_end_when_the_session_closes() -> None:
    """Every wait raises an error of its own, at once."""
    closing = Closing()
    waits = [asyncio.ensure_future(closing.until_closed(asyncio.sleep(3600))) for _ in range(3)]
    await asyncio.sleep(0)
    closing.close()
    failures = await asyncio.gather(*waits, return_exceptions=True)
    assert {type(failure) for failure in failures} == {SessionClosedError}
    assert len({id(failure) for failure in failures}) == 3


async def test_waits_after_the_end_do_not_begin() -> None:
    """A closed session refuses new waits, and leaves no coroutine that was never awaited."""
    closing = Closing()
    closing.close()
    with pytest.raises(SessionClosedError):
        await closing.until_closed(asyncio.sleep(3600))


async def test_results_and_failures_pass_unchanged() -> None:
    """An open session changes nothing, and a `TimeoutError` of the wait itself is not its end."""
    closing = Closing()

    async def fail() -> None:
        raise TimeoutError("its own")

    assert await closing.until_closed(asyncio.sleep(0, "result")) == "result"
    with pytest.raises(TimeoutError, match="its own"):
        await closing.until_closed(fail())


async def test_cancellation_is_not_the_end_of_the_session() -> None:
    """A cancelled wait raises `CancelledError`, also when the session closes in the same step."""
    for close_too in (False, True):
        closing = Closing()
        waiting = asyncio.ensure_future(closing.until_closed(asyncio.sleep(3600)))
        await asyncio.sleep(0)
        waiting.cancel()
        if close_too:
            closing.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_callbacks_are_called_once() -> None:
    """Unregistered callbacks are not called, and those registered too late are called at once."""
    closing, called = Closing(), list[str]()
    forget = closing.on_close(lambda: called.append("forgotten"))
    closing.on_close(lambda: called.append("kept"))
    forget()
    forget()
    closing.close()
    closing.close()
    closing.on_close(lambda: called.append("late"))()
    assert called == ["kept", "late"]


async def test_failing_callbacks_do_not_keep_a_session_open() -> None:
    """A wait on an event loop that was closed cannot be woken; the others are."""
    closing, called = Closing(), list[str]()
    dead = asyncio.new_event_loop()
    dead.close()
    closing.on_close(lambda: called.append("first"))

    def wake() -> None:
        dead.call_soon(print)

    closing.on_close(wake)
    closing.on_close(lambda: called.append("last"))
    closing.close()
    assert sorted(called) == ["first", "last"]
