"""Standard input: ids in a pipe, replies on a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import threading
from typing import TextIO


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

    def read(self) -> str:
        """Return everything in the pipe; call it before the event loop has work to do."""
        return "" if self._stdin is None else self._stdin.read()

    async def ask(self, question: str) -> str:
        """Show a question and return the line that is typed; "" at the end of the input."""
        self._stderr.write(question)
        self._stderr.flush()
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[str] = loop.create_future()

        def deliver(line: str) -> None:
            if not reply.done():
                reply.set_result(line)

        def wait() -> None:
            line = self._line()
            # The loop is closed if Ctrl-C came first.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(deliver, line)

        # A thread that nothing waits for: Ctrl-C must end the question at once.
        threading.Thread(target=wait, daemon=True).start()
        return await reply

    def _line(self) -> str:
        if self._stdin is None:
            return ""
        try:
            descriptor = self._stdin.fileno()
        except (OSError, io.UnsupportedOperation):
            return self._stdin.readline()
        # Not the buffered stream: at exit, Python would wait for the lock that the thread holds.
        with contextlib.suppress(OSError):
            return os.read(descriptor, 4096).decode("utf-8", "replace")
        return ""
