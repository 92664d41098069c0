"""Files of JSON lines that survive the process: each line is on disk before the caller goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final, TypeAlias

from fivetran_async._clock import finished

JsonLine: TypeAlias = Mapping[str, object]

if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE: Final = 2**30
    """Behind the end of the file: others may not read a locked byte."""

    def _lock(file: IO[bytes]) -> None:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Appender:
    """
    Appends lines to a file.

    Lines that arrive while others are being written share the next write. After a failed write
    nothing more is written, and every further call raises the same error.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[JsonLine] = []
        self._lock = asyncio.Lock()
        self._problem: OSError | None = None

    async def add(self, line: JsonLine) -> None:
        """
        Append a line, and return when it is on disk.

        Raises:
            OSError: It could not be written.
        """
        self._waiting.append(line)
        async with self._lock:
            taken, self._waiting = self._waiting, []
            if taken and self._problem is None:
                # A cancelled caller must not leave a write behind that overlaps with the next.
                writing = asyncio.create_task(asyncio.to_thread(self._write, taken))
                await finished(writing)
                writing.result()
        if self._problem is not None:
            raise self._problem

    def _write(self, taken: Sequence[JsonLine]) -> None:
        try:
            append_lines(self._path, taken)
        except OSError as error:
            self._problem = error


def append_lines(path: Path, lines: Iterable[JsonLine]) -> None:
    """
    Append lines to a file, and wait until they are on disk.

    Raises:
        OSError: They could not be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{json.dumps(line, sort_keys=True, ensure_ascii=False)}\n" for line in lines)
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def whole_lines(path: Path) -> Sequence[bytes]:
    """
    Return the lines of a file without a last one that was cut off.

    Raises:
        OSError: It cannot be read.
    """
    whole = path.read_bytes().rpartition(b"\n")[0]
    return whole.split(b"\n") if whole else ()


def cut_partial_line(path: Path) -> None:
    """Remove a last line that was cut off, before new lines are appended."""
    raw = path.read_bytes()
    whole = raw.rpartition(b"\n")[0]
    kept = len(whole) + 1 if whole else 0
    if kept < len(raw):
        with path.open("r+b") as file:
            file.truncate(kept)
            file.flush()
            os.fsync(file.fileno())


def lock_file(path: Path) -> IO[bytes] | None:
    """
    Open a file, which is made if it is missing, and lock it until it is closed.

    The system releases the lock when the process ends, however it ends.

    Returns:
        None if another process, or another caller of this one, holds the lock.

    Raises:
        OSError: It cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(path.open("ab"))
        try:
            _lock(file)
        except OSError:
            return None
        opened.pop_all()
        return file
