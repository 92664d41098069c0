"""Standard input: ids in a pipe, replies on a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import threading
from collections.abc import Callable
from typing import TextIO

from fivetran_async.cli._options import UnusableOptionError

_CHUNK = 65_536


class Keyboard:
    """
    Reads standard input.

    Args:
        stdin: Where replies and ids come from; None if it is closed.
        stderr: Where questions are shown.
    """

    def __init__(self, stdin: TextIO | None, stderr: TextIO) -> None:
        self._stdin = stdin
        self._stderr = stderr

    @property
    def can_ask(self) -> bool:
        """True if a person can reply."""
        return self._stdin is not None and self._stdin.isatty()

    async def read(self, what: str) -> str:
        """
        Return everything up to the end of the input; people at a terminal are asked for it.

        Raises:
            UnusableOptionError: It cannot be read, or is not text.
        """
        if self.can_ask:
            self._stderr.write(f"Reading {what}; Ctrl-D ends the input.\n")
            self._stderr.flush()
        try:
            return await _in_thread(self._everything)
        except UnicodeDecodeError:
            raise UnusableOptionError(f"stdin is not text in UTF-8: pass {what}") from None
        except OSError as error:
            raise UnusableOptionError(
                f"stdin cannot be read: {error.strerror}; pass a file or a pipe"
            ) from None

    async def ask(self, question: str) -> str:
        """Show a question and return the line that is typed; "" at the end of the input."""
        self._stderr.write(question)
        self._stderr.flush()
        reply = await _in_thread(self._line)
        if not reply.endswith("\n"):
            self._stderr.write("\n")
        return reply

    def _everything(self) -> str:
        descriptor = self._descriptor()
        if self._stdin is None or descriptor is None:
            return "" if self._stdin is None else self._stdin.read()
        found = bytearray()
        while chunk := os.read(descriptor, _CHUNK):
            found += chunk
        return found.decode("utf-8-sig")

    def _line(self) -> str:
        descriptor = self._descriptor()
        if self._stdin is None or descriptor is None:
            return "" if self._stdin is None else self._stdin.readline()
        with contextlib.suppress(OSError):
            return os.read(descriptor, _CHUNK).decode("utf-8", "replace")
        return ""

    def _descriptor(self) -> int | None:
        """
        Return what the stream reads from, if it is not in memory.

        Threads must not read the buffered stream: at exit, Python would wait for its lock.
        """
        if self._stdin is None:
            return None
        try:
            return self._stdin.fileno()
        except (OSError, io.UnsupportedOperation):
            return None


async def _in_thread(work: Callable[[], str]) -> str:
    """Call a function in a thread that nothing waits for: Ctrl-C must end the wait at once."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[str] = loop.create_future()

    def deliver(found: str | Exception) -> None:
        if done.done():
            return
        if isinstance(found, Exception):
            done.set_exception(found)
        else:
            done.set_result(found)

    def run() -> None:
        found: str | Exception
        try:
            found = work()
        except (OSError, ValueError) as error:
            found = error
        # The loop is closed if Ctrl-C came first.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(deliver, found)

    threading.Thread(target=run, daemon=True).start()
    return await done
